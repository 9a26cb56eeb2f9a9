"""Composed parts: chord tones, ranges, dynamics, grid, takes; in several meters and with tempo changes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemwright.errors import SpecError
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role
from stemwright.synth import Key, Part, ScoreSettings, check_part, compose_score
from stemwright.synth.harmony import parse_chord
from stemwright.synth.musicality import chord_tone_share
from stemwright.synth.patterns import BASS, known_patterns
from stemwright.synth.voicing import guitar_shape, lead_voices, range_of

CHORDS = {"default": "Am F C G", "chorus": "F | G E7 | Am | Am", "bridge": "Dm7 | G/B | Cmaj7 | F#m7b5 B7"}
KEY = Key.parse("A minor")


def song(meter: str = "4/4", *, bars: int = 8, cut: Fraction | None = None) -> Timeline:
    """Intro to outro, the bridge slower, the whole perhaps cut."""
    read = Meter.parse(meter)
    beats = Fraction(bars * read.beats_per_bar)
    names = ("intro", "verse", "chorus", "bridge", "chorus", "outro")
    requests = [SectionRequest(n, beats, Fraction(92) if n == "bridge" else Fraction(120)) for n in names]
    whole = build_timeline(requests, meter=read, sample_rate=48_000)
    if cut is None:
        return whole
    frames = whole.frame_at(whole.beats * cut)
    return build_timeline(requests, meter=read, sample_rate=48_000, target_frames=frames)


SONGS = [
    song(),
    song("3/4"),
    song("6/8"),
    song("5/4", bars=4),
    song("7/8"),
    song(cut=Fraction(5, 7)),
    song("2/2"),
]


def part(role: Role, timeline: Timeline, *, seed: int = 1, **table: object) -> Part:
    settings = ScoreSettings.parse({"chords": CHORDS, **table})
    return compose_score(settings, timeline=timeline, role=role, key=KEY, seed=seed)


@pytest.mark.parametrize("timeline", SONGS, ids=lambda t: f"{t.meter}")
@pytest.mark.parametrize("pattern", BASS)
def test_bass_plays_chord_tones(timeline: Timeline, pattern: str) -> None:
    made = part(Role.BASS, timeline, pattern=pattern)
    assert chord_tone_share(made) >= 0.8
    assert all(26 <= note.pitch <= 56 for note in made.notes)
    assert all(check.passed for check in check_part(made, timeline=timeline, subject="bass"))


def test_walking_bass_also_leads() -> None:
    share = chord_tone_share(part(Role.BASS, SONGS[0], pattern="walking"))
    assert 0.8 <= share < 1.0


ROLES = [Role.GUITARS, Role.KEYS, Role.SYNTHS, Role.PADS, Role.STRINGS, Role.BRASS, Role.LEAD, Role.OTHER]


@pytest.mark.parametrize("timeline", [SONGS[0], SONGS[2], SONGS[5]], ids=lambda t: f"{t.meter}")
@pytest.mark.parametrize("role", ROLES)
def test_every_pattern_of_every_role_stays_inside_its_chords(timeline: Timeline, role: Role) -> None:
    for pattern in known_patterns(role):
        made = part(role, timeline, pattern=pattern)
        assert made.notes, pattern
        starts = [note.start_beat for note in made.notes]
        assert starts == sorted(starts)
        assert starts[0] >= 0
        assert all(note.beats > 0 and note.end_beat <= timeline.beats for note in made.notes)
        for note in made.notes:
            section = timeline.section_at(note.start_beat)
            assert note.end_beat <= section.end_beat
            assert 1 <= note.velocity <= 127
        if pattern not in ("melody", "riff", "long"):
            assert chord_tone_share(made) == 1.0


def _bars(timeline: Timeline) -> set[Fraction]:
    return set(timeline.bar_starts())


@pytest.mark.parametrize("role", [Role.BASS, *ROLES])
def test_the_first_beat_of_a_bar_stays_on_the_grid(role: Role) -> None:
    timeline = SONGS[0]
    made = part(role, timeline, humanize=1.0)
    first = {bar: min(abs(n.shift_s) for n in made.notes if n.start_beat == bar)
             for bar in _bars(timeline) & {n.start_beat for n in made.notes}}  # fmt: skip
    assert first
    assert max(first.values()) == 0.0
    assert max(abs(note.shift_s) for note in made.notes) <= 0.06
    if role is not Role.PADS and role is not Role.STRINGS:
        assert max(abs(note.shift_s) for note in made.notes) > 0.0


def test_without_humanising_everything_is_on_the_grid_and_even() -> None:
    made = part(Role.BASS, SONGS[0], pattern="eighths", humanize=0)
    assert {note.shift_s for note in made.notes} == {0.0}
    verse = [n for n in made.notes if SONGS[0].section_at(n.start_beat).name == "verse"]
    assert {n.start_beat % 1 for n in verse} == {Fraction(0), Fraction(1, 2)}
    on_one = {n.velocity for n in verse if (n.start_beat % 4) == 0}
    between = {n.velocity for n in verse if n.start_beat % 1}
    assert len(on_one) == 1
    assert min(on_one) > max(between)


def test_swing_moves_the_off_beat_to_two_thirds() -> None:
    made = part(Role.BASS, SONGS[0], pattern="eighths", swing=1, humanize=0)
    assert {n.start_beat % 1 for n in made.notes} == {Fraction(0), Fraction(2, 3)}


def _velocity(made: Part, timeline: Timeline, name: str) -> float:
    return float(np.mean([n.velocity for n in made.notes if timeline.section_at(n.start_beat).name == name]))


@pytest.mark.parametrize("role", [Role.BASS, *ROLES])
def test_choruses_are_struck_harder(role: Role) -> None:
    made = part(role, SONGS[0])
    gain_db = 40 * np.log10(_velocity(made, SONGS[0], "chorus") / _velocity(made, SONGS[0], "verse"))
    assert gain_db >= 3.0


def test_same_seed_same_part_other_seed_other_take() -> None:
    for role in (Role.BASS, Role.LEAD, Role.GUITARS):
        assert part(role, SONGS[0]) == part(role, SONGS[0])
        assert part(role, SONGS[0]).notes != part(role, SONGS[0], seed=2).notes
    tunes = {tuple(n.pitch for n in part(Role.LEAD, SONGS[0], seed=seed).notes) for seed in range(6)}
    assert len(tunes) == 6


def test_sections_of_one_name_share_their_tune() -> None:
    timeline = SONGS[0]
    made = part(Role.LEAD, timeline)
    first, second = (s for s in timeline.sections if s.name == "chorus")
    tunes = [
        [
            (n.start_beat - s.start_beat, n.pitch)
            for n in made.notes
            if s.start_beat <= n.start_beat < s.end_beat
        ]
        for s in (first, second)
    ]
    assert tunes[0] == tunes[1]
    assert tunes[0]


def test_a_section_can_rest_and_a_lead_can_play_the_bridge_alone() -> None:
    timeline = SONGS[0]
    made = part(Role.LEAD, timeline, chords={"default": "", "bridge": "Am F"})
    assert {timeline.section_at(n.start_beat).name for n in made.notes} == {"bridge"}
    made = part(Role.KEYS, timeline, pattern={"default": "block", "verse": "rest"})
    assert {timeline.section_at(n.start_beat).name for n in made.notes} == {
        "intro",
        "chorus",
        "bridge",
        "outro",
    }


def test_lead_is_singable() -> None:
    made = part(Role.LEAD, SONGS[0])
    pitches = [n.pitch for n in made.notes]
    leaps = [abs(b - a) for a, b in pairwise(pitches)]
    assert max(leaps) <= 12
    assert np.mean([leap <= 4 for leap in leaps]) > 0.7
    assert max(pitches) - min(pitches) <= 20
    strong = [n for n in made.notes if n.start_beat % 4 == 0]
    on_chord = [
        any(s.start <= n.start_beat < s.end and s.chord and n.pitch in s.chord for s in made.chords)
        for n in strong
    ]
    assert all(on_chord)
    assert len(set(pitches)) >= 5


def test_pads_lead_their_voices() -> None:
    made = part(Role.PADS, SONGS[0])
    held: dict[Fraction, list[int]] = {}
    for note in made.notes:
        held.setdefault(note.start_beat, []).append(note.pitch)
    chords = [sorted(held[beat]) for beat in sorted(held)]
    moves = [np.mean([min(abs(p - q) for q in before) for p in after]) for before, after in pairwise(chords)]
    assert np.mean(moves) < 2.5
    where = range_of(Role.PADS)
    assert all(where.low <= pitch <= where.high + 3 for chord in chords for pitch in chord)


@pytest.mark.parametrize(
    "symbol", ["C", "Am", "G", "Em", "F", "Bm", "F#m", "Bb7", "Dmaj7", "G/B", "C#m7b5", "Esus4"]
)
def test_guitar_shapes_can_be_fretted(symbol: str) -> None:
    chord = parse_chord(symbol)
    assert chord is not None
    shape = guitar_shape(chord)
    assert 4 <= len(shape) <= 6
    assert shape[0] % 12 == chord.bass
    assert all(pitch in chord for pitch in shape)
    assert len({pitch % 12 for pitch in shape}) >= 3
    assert list(shape) == sorted(set(shape))


def test_open_chords_are_the_ones_people_play() -> None:
    known = {"C": (48, 52, 55, 60, 64), "Em": (40, 47, 52, 55, 59, 64), "Am": (45, 52, 57, 60, 64)}
    for symbol, pitches in known.items():
        chord = parse_chord(symbol)
        assert chord is not None
        assert guitar_shape(chord) == pitches


@given(
    symbols=st.lists(
        st.sampled_from(["C", "F#m7", "Bb13", "G7#9", "E5", "Ddim7", "A/C#", "Csus2"]), min_size=2, max_size=8
    ),
    role=st.sampled_from(ROLES),
)  # fmt: skip
def test_voicings_never_leave_their_range(symbols: Sequence[str], role: Role) -> None:
    before: tuple[int, ...] = ()
    where = range_of(role)
    for symbol in symbols:
        chord = parse_chord(symbol)
        assert chord is not None
        before = lead_voices(chord, before, where)
        assert len(set(before)) == len(before)
        assert all(pitch in chord for pitch in before)
        assert where.low <= min(before)
        assert max(before) <= where.high + 3


@given(
    beats=st.lists(st.fractions(Fraction(1, 2), 20, max_denominator=7), min_size=1, max_size=5),
    meter=st.sampled_from(["4/4", "3/4", "7/8", "1/4", "12/8", "9/16", "2/2"]),
    role=st.sampled_from([Role.BASS, *ROLES]), swing=st.sampled_from([0, 0.5, 1]),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_timeline_gets_notes_that_fit(
    beats: list[Fraction], meter: str, role: Role, swing: float
) -> None:
    requests = [SectionRequest(f"part {i}", length, Fraction(100)) for i, length in enumerate(beats)]
    timeline = build_timeline(requests, meter=Meter.parse(meter), sample_rate=48_000)
    made = part(role, timeline, swing=swing)
    assert made.notes
    assert all(0 <= n.start_beat < n.end_beat <= timeline.beats for n in made.notes)


def test_a_pattern_that_a_role_cannot_play_is_named() -> None:
    with pytest.raises(SpecError, match="strum"):
        part(Role.BASS, SONGS[0], pattern="strum")
    with pytest.raises(SpecError, match="chorus"):
        part(Role.KEYS, SONGS[0], chords={"chorus": "| C:5 |"})

"""The form: songs made of known parts, lengths of phrases, labels, what has no form."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import chord_song, corpus, noise, silence
from stemwright.analysis.features import listen
from stemwright.analysis.key import key_of
from stemwright.analysis.structure import find_sections
from stemwright.audio import Audio
from stemwright.grid import BeatGrid, Meter, SectionRequest, build_timeline
from stemwright.io.reader import read_audio
from stemwright.songs import SongSection, VocalFacts, VocalSpan
from stemwright.stems import Role
from stemwright.synth import DrumSettings, ScoreSettings, compose_drums, compose_score, render_part
from stemwright.synth import Key as SongKey


def song_of(*parts: Audio) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts], axis=1), parts[0].sample_rate)


def intro() -> Audio:
    return chord_song("Am F C G", level=0.05, sample_rate=22_050)


def verse(rounds: int = 2) -> Audio:
    return chord_song(" ".join(["Am F C G"] * rounds), beat=True, seed=1, sample_rate=22_050)


def chorus(rounds: int = 2) -> Audio:
    chords = " ".join(["F G Am C"] * rounds)
    return chord_song(chords, beat=True, level=0.16, harmonics=10, seed=2, sample_rate=22_050)


def bridge() -> Audio:
    return chord_song("Dm Dm E E Dm Dm E E", beat=True, harmonics=2, seed=4, sample_rate=22_050)


def outro() -> Audio:
    return chord_song("Am Am Am Am", level=0.04, sample_rate=22_050)


def form_of(
    song: Audio, *, vocals: VocalFacts | None = None, first_s: float = 0.0
) -> list[tuple[str, int, int]]:
    """Labels with their first and last bar."""
    grid = BeatGrid.even(120.0, duration_s=song.duration_s, first_downbeat_s=first_s)
    return in_bars(find_sections(listen(song), grid, vocals=vocals))


def in_bars(sections: tuple[SongSection, ...]) -> list[tuple[str, int, int]]:
    return [(section.label, section.start_beat // 4, section.end_beat // 4) for section in sections]


POP = (intro, verse, chorus, verse, chorus, bridge, chorus, outro)


def test_a_pop_song_is_taken_apart_and_named() -> None:
    assert form_of(song_of(*(part() for part in POP))) == [
        ("intro", 0, 4), ("verse", 4, 12), ("chorus", 12, 20), ("verse", 20, 28), ("chorus", 28, 36),
        ("bridge", 36, 44), ("chorus", 44, 52), ("outro", 52, 56),
    ]  # fmt: skip


def test_names_follow_the_voice_where_it_is_known() -> None:
    song = song_of(*(part() for part in POP))
    everywhere = VocalFacts(-3.0, (VocalSpan(0.0, song.duration_s),))
    nowhere = VocalFacts(-200.0)
    sung = [label for label, _, _ in form_of(song, vocals=everywhere)]
    assert "intro" not in sung
    assert "outro" not in sung
    assert "chorus" in sung
    unsung = [label for label, _, _ in form_of(song, vocals=nowhere)]
    assert "chorus" not in unsung
    assert unsung[0] == "intro"


def test_the_same_chords_in_turn_are_the_same_label() -> None:
    song = song_of(
        *(
            chord_song(chords, beat=True, seed=seed, sample_rate=22_050)
            for seed, chords in enumerate(["Am F C G " * 2, "D A Bm G " * 2] * 2)
        )
    )
    assert form_of(song) == [("A", 0, 8), ("B", 8, 16), ("A", 16, 24), ("B", 24, 32)]


def test_drums_that_come_in_make_a_new_part() -> None:
    song = song_of(
        chord_song("Am F C G " * 4, sample_rate=22_050),
        chord_song("Am F C G " * 4, beat=True, sample_rate=22_050),
    )
    assert form_of(song) == [("A", 0, 16), ("B", 16, 32)]


def test_one_music_is_one_part() -> None:
    assert form_of(verse(8)) == [("A", 0, 32)]


def test_noise_has_no_form() -> None:
    assert form_of(noise(48.0, sample_rate=22_050)) == [("A", 0, 24)]


def test_bars_before_the_first_downbeat_count_backwards() -> None:
    """Six silent seconds and half a bar before beat 0: the form hangs on bar lines all the same."""
    song = song_of(Audio(silence(1.0, sample_rate=22_050), 22_050), verse(), chorus())
    grid = BeatGrid.even(120.0, duration_s=song.duration_s, first_downbeat_s=9.0)
    sections = find_sections(listen(song), grid)
    assert sections[0].start_beat == -16
    assert [section.start_beat for section in sections if section.start_beat == 16]


@settings(max_examples=20, deadline=None)
@given(
    bpm=st.floats(70, 170), bar=st.sampled_from([3, 4]), first=st.floats(0, 4), seed=st.integers(0, 20),
    seconds=st.floats(0.5, 30),
)  # fmt: skip
def test_parts_follow_each_other_on_bar_lines(
    bpm: float, bar: int, first: float, seed: int, seconds: float
) -> None:
    song = noise(seconds, sample_rate=8_000, seed=seed)
    grid = BeatGrid.even(bpm, duration_s=seconds, first_downbeat_s=min(first, seconds / 2), beats_per_bar=bar)
    sections = find_sections(listen(song), grid)
    for section in sections:
        assert section.start_beat % bar == section.end_beat % bar == 0
        assert section.start_beat < section.end_beat
    for earlier, later in itertools.pairwise(sections):
        assert earlier.end_beat == later.start_beat
    if sections:
        assert grid.seconds_at(sections[0].start_beat) >= -0.1 * bar * 60 / bpm - 1e-9
        assert grid.seconds_at(sections[-1].end_beat) <= seconds + 0.1 * bar * 60 / bpm + 1e-9


@pytest.mark.parametrize("seconds", [0.0, 0.2, 2.5])
def test_less_than_two_bars_have_no_form(seconds: float) -> None:
    song = Audio(silence(seconds, sample_rate=22_050), 22_050)
    grid = BeatGrid.even(120.0, duration_s=max(seconds, 0.1))
    assert find_sections(listen(song), grid) == ()


def test_a_song_of_the_corpus_alternates() -> None:
    song = read_audio(corpus("real", "dev_coulton_not_about_you.mp3"))
    grid = BeatGrid.even(150.0, duration_s=song.duration_s, first_downbeat_s=0.306)
    parts = in_bars(find_sections(listen(song), grid))
    assert 5 <= len(parts) <= 12
    assert parts[-1][0] == "outro"
    labels = [label for label, _, _ in parts]
    assert len(set(labels)) <= 5
    assert sum(a != b for a, b in itertools.pairwise(labels)) >= 5


FORM = (
    ("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8), ("bridge", 8), ("chorus", 8),
    ("outro", 4),
)  # fmt: skip
PRODUCED = [
    ("A minor", 120, {"default": "Am F C G", "chorus": "F G Am E", "bridge": "Dm Dm E E"}),
    ("D major", 92, {"default": "D A Bm G", "chorus": "G A D D", "bridge": "Em Em A A"}),
    ("G minor", 104, {"default": "Gm Cm D Gm", "chorus": "Eb F Gm D", "bridge": "Cm Cm D D"}),
]


def produced(key: str, bpm: int, chords: dict[str, str], *, seed: int) -> Audio:
    """A song of five players through the SoundFont, guitars and pads in the chorus only."""
    requests = [SectionRequest(name, Fraction(4 * bars), Fraction(bpm)) for name, bars in FORM]
    timeline = build_timeline(requests, meter=Meter(), sample_rate=22_050)
    rest = {"intro": "rest", "verse": "rest", "outro": "rest"}
    tables: dict[Role, dict[str, str]] = {Role.BASS: {}, Role.KEYS: {}, Role.GUITARS: rest, Role.PADS: rest}
    parts = [
        compose_score(
            ScoreSettings.parse({"chords": chords, "pattern": pattern}),
            timeline=timeline, role=role, key=SongKey.parse(key), seed=seed,
        )
        for role, pattern in tables.items()
    ]  # fmt: skip
    drums = {"default": "rock", "intro": "none", "bridge": "half-time", "outro": "none"}
    parts.append(compose_drums(DrumSettings.parse({"pattern": drums}), timeline=timeline, seed=seed))
    stems = [np.concatenate(list(render_part(part, timeline=timeline)), axis=1) for part in parts]
    return Audio(np.sum(stems, axis=0, dtype=np.float32), 22_050)


@pytest.mark.parametrize(("key", "bpm", "chords"), PRODUCED, ids=lambda value: str(value)[:7])
def test_produced_songs(key: str, bpm: int, chords: dict[str, str]) -> None:
    song = produced(key, bpm, chords, seed=bpm)
    grid = BeatGrid.even(bpm, duration_s=song.duration_s)
    features = listen(song)
    found = in_bars(find_sections(features, grid))
    ends = set(np.cumsum([bars for _, bars in FORM]).tolist())
    borders = {end for _, _, end in found}
    assert borders <= ends  # no border where none is …
    assert len(borders) >= len(ends) - 1  # … and at most one missed: a soft intro into the same chords
    assert [start for label, start, _ in found if label == "chorus"] == [12, 28, 44]
    assert [label for label, _, _ in found][-3:] == ["bridge", "chorus", "outro"]
    assert str(key_of(features).key) == key

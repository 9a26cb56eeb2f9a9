"""Stems that were played together repeat the same bars: their chords agree on every bar of the song."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from signals import rng
from stemwright.align import (
    AlignmentPlan,
    AlignSettings,
    CommonChoice,
    Player,
    Strategy,
    choose_common_bars,
    measure_joins,
    plan_alignment,
    render_alignment,
)
from stemwright.audio import Audio, Samples, collect
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role

RATE = 24_000
BAR = RATE
"""Bars of a second: 240 bpm in quarters."""

ROOTS = "A F C G  D A C A  F G A E  D C G E  F C D G  A C F E"
"""One chord a bar; 8 and 12 bars before the end stands the last one too, and other chords follow it."""
PITCHES = {
    name: 55.0 * 2 ** (step / 12) for name, step in {"A": 0, "C": 3, "D": 5, "E": 7, "F": 8, "G": 10}.items()
}
ROLES = {"bass": Role.BASS, "keys": Role.KEYS, "drums": Role.DRUMS}
CHORDAL = ("bass", "keys")


def song(bars: int = 60) -> Timeline:
    request = SectionRequest("song", Fraction(4 * bars), Fraction(240))
    return build_timeline([request], meter=Meter(), sample_rate=RATE, target_frames=None)


def played(root: str, *, octave: int, bright: bool, seed: int) -> Samples:
    """One bar of four notes on the root, with a fifth above, and something high when `bright`."""
    t = np.arange(BAR) / RATE
    since = np.mod(t, 0.25)
    envelope = np.minimum(since / 0.005, 1) * np.exp(-4 * since) * np.clip((0.25 - since) / 0.01, 0, 1)
    pitch = PITCHES[root] * 2**octave
    tone = np.sin(2 * np.pi * pitch * t) + 0.3 * np.sin(2 * np.pi * 1.5 * pitch * t)
    tone += 0.5 * bright * np.sin(2 * np.pi * 3_000 * t)
    hiss = 0.002 * rng(seed).standard_normal(BAR)
    return np.asarray(0.2 * tone * envelope + hiss).astype(np.float32)[np.newaxis]


def band(bars: int = 24) -> dict[str, Audio]:
    """Three takes; the bass plays the last bar as it did 8 bars before, the keys as 12 before."""
    roots = ROOTS.split()[:bars]
    like_last = {"bass": 15, "keys": 11}
    stems = {}
    for name, octave in (("bass", 0), ("keys", 2)):
        bright = {like_last[name], bars - 1}
        sounds = [
            played(root, octave=octave, bright=bar in bright, seed=bar) for bar, root in enumerate(roots)
        ]
        stems[name] = Audio(np.concatenate(sounds, axis=1), RATE)
    hits = np.zeros((1, bars * BAR), np.float32)
    for beat in range(4 * bars):
        hits[0, beat * BAR // 4 :][:1200] = 0.3 * rng(beat % 4).standard_normal(1200) * np.hanning(1200)
    return stems | {"drums": Audio(hits, RATE)}


def chosen(stems: dict[str, Audio], timeline: Timeline, *, declared: bool = True) -> CommonChoice:
    players = [Player(audio, AlignSettings(), ROLES[name]) for name, audio in stems.items()]
    choice = choose_common_bars(
        players, target_frames=timeline.frames, bar_frames=timeline.bar_frames(), declared=declared
    )
    assert choice is not None
    return choice


def plans(stems: dict[str, Audio], timeline: Timeline, *, common: bool) -> dict[str, AlignmentPlan]:
    bars = chosen(stems, timeline).bars if common else None
    return {
        name: plan_alignment(
            audio,
            target_frames=timeline.frames,
            role=ROLES[name],
            bar_frames=timeline.bar_frames(),
            common=bars,
        )
        for name, audio in stems.items()
    }


def heard_roots(audio: Audio) -> list[str]:
    """The root that sounds in the middle of every bar: the strongest pitch, octaves folded."""
    found = []
    for bar in range(audio.frames // BAR):
        piece = audio.samples[0, bar * BAR + BAR // 8 : (bar + 1) * BAR - BAR // 8]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(piece.size), 1 << 17))
        peak = float(np.fft.rfftfreq(1 << 17, 1 / RATE)[spectrum.argmax()])
        cents = {name: abs((np.log2(peak / pitch) + 0.5) % 1 - 0.5) for name, pitch in PITCHES.items()}
        found.append(min(cents, key=lambda name: cents[name]))
    return found


def test_chords_agree_on_every_bar_and_would_not_otherwise() -> None:
    timeline, stems = song(), band()
    heard = {}
    for common in (False, True):
        made = plans(stems, timeline, common=common)
        heard[common] = {
            name: heard_roots(collect(render_alignment(stems[name], plan=made[name]), RATE))
            for name in CHORDAL
        }
    assert heard[True]["bass"][:24] == ROOTS.split()
    assert heard[True]["bass"] == heard[True]["keys"]
    assert heard[False]["bass"] != heard[False]["keys"]


def test_all_cut_on_the_same_lines_and_every_join_is_clean() -> None:
    timeline, stems = song(), band()
    made = plans(stems, timeline, common=True)
    assert {plan.strategy for plan in made.values()} <= {"loop", "crossfade"}
    assert len({tuple(join.jump.lag for join in plan.joins) for plan in made.values()}) == 1
    for name, plan in made.items():
        aligned = collect(render_alignment(stems[name], plan=plan), RATE)
        assert aligned.frames == timeline.frames
        joins = measure_joins(aligned, source=stems[name], plan=plan)
        assert joins, name
        assert not [join for join in joins if join.audible], name
        assert max(abs(join.level_change_db) for join in joins) <= 1.0, name


def test_takes_that_stop_a_bar_apart_go_back_from_the_last_bar_that_all_hold() -> None:
    timeline, stems = song(), band()
    stems["bass"] = Audio(stems["bass"].samples[:, : -BAR // 2], RATE)
    made = plans(stems, timeline, common=True)
    heard = [heard_roots(collect(render_alignment(stems[name], plan=made[name]), RATE)) for name in CHORDAL]
    assert heard[0] == heard[1]
    assert chosen(stems, timeline).bars.held == 23


def test_a_stem_that_ends_far_earlier_is_left_out_and_named() -> None:
    stems = band()
    stems["bass"] = Audio(stems["bass"].samples[:, : 12 * BAR], RATE)
    choice = chosen(stems, song())
    assert choice.too_short == (list(stems).index("bass"),)
    assert choice.bars.held == 24


def test_an_ending_of_the_drums_is_the_ending_of_all() -> None:
    """The others hold a last chord over it: looping that would leave the beat out."""
    stems = band()
    hits = stems["drums"].samples.copy()
    tail = 2 * BAR - 1_200
    fading = np.geomspace(0.02, 0.002, tail)
    hits[:, -tail:] = fading * rng(5).standard_normal(tail)
    stems["drums"] = Audio(hits, RATE)
    assert chosen(stems, song()).bars.held == 22


def test_a_part_that_rests_at_the_end_goes_on_with_its_band_when_the_spec_says_so() -> None:
    timeline, stems = song(30), band()
    resting = stems["keys"].samples.copy()
    resting[:, 20 * BAR :] = 0.0
    stems["keys"] = Audio(resting, RATE)
    alone = plan_alignment(
        stems["keys"], target_frames=timeline.frames, role=Role.KEYS, bar_frames=timeline.bar_frames()
    )
    assert alone.strategy == "pad"
    assert len(chosen(stems, timeline, declared=True).players) == 3
    assert len(chosen(stems, timeline, declared=False).players) == 2
    made = plans(stems, timeline, common=True)["keys"]
    assert made.strategy == "loop"
    assert chosen(stems, timeline).bars.held == 24


@pytest.mark.parametrize("strategy", [Strategy.PAD, Strategy.TRUNCATE])
def test_one_that_repeats_nothing_needs_no_bars_in_common(strategy: Strategy) -> None:
    timeline, stems = song(), band()
    settings = [AlignSettings(strategy), AlignSettings()]
    players = [Player(stems[name], own, ROLES[name]) for name, own in zip(CHORDAL, settings, strict=True)]
    assert (
        choose_common_bars(
            players, target_frames=timeline.frames, bar_frames=timeline.bar_frames(), declared=True
        )
        is None
    )


def test_sections_of_another_tempo_stay_together() -> None:
    requests = [
        SectionRequest("a", Fraction(96), Fraction(240)),
        SectionRequest("b", Fraction(16), Fraction(180)),
        SectionRequest("a", Fraction(48), Fraction(240)),
    ]
    timeline = build_timeline(requests, meter=Meter(), sample_rate=RATE, target_frames=None)
    made = plans(band(), timeline, common=True)
    assert len({tuple(join.jump.lag for join in plan.joins) for plan in made.values()}) == 1

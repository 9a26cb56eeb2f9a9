"""On a grid the song's bars go on in step: every onset of the extension stands where the song has it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from signals import clicks, rng
from stemwright.align import AlignSettings, Strategy, plan_alignment, render_alignment
from stemwright.audio import Audio, collect
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role

RATE = 48_000


def timeline(*sections: tuple[str, int, str], target_frames: int | None = None) -> Timeline:
    requests = [SectionRequest(name, Fraction(beats), Fraction(bpm)) for name, beats, bpm in sections]
    return build_timeline(requests, meter=Meter(), sample_rate=RATE, target_frames=target_frames)


def click_frames(audio: Audio) -> list[int]:
    """Frames of the accents: the first click of every bar is the loud one."""
    return [int(frame) for frame in np.flatnonzero(np.abs(audio.samples[0]) > 0.85)]


def accented(song: Timeline, frames: int) -> Audio:
    """Clicks on every beat of `song`, louder on bar lines; the first `frames` of them."""
    samples = np.zeros((1, frames), np.float32)
    beat = 0
    while (at := song.frame_at(beat)) < frames:
        samples[0, at] = 0.5
        beat += 1
    for at in song.bar_frames():
        if at < frames:
            samples[0, at] = 0.9
    return Audio(samples, RATE)


def aligned(source: Audio, song: Timeline, strategy: Strategy = Strategy.LOOP) -> Audio:
    plan = plan_alignment(
        source, target_frames=song.frames, settings=AlignSettings(strategy), bar_frames=song.bar_frames()
    )
    assert plan.strategy == strategy
    return collect(render_alignment(source, plan=plan), RATE)


@pytest.mark.parametrize("bpm", ["120", "92.5", "133.33", "77.7"])
@pytest.mark.parametrize("held_beats", [16, 17.3, 23.9, 9])
def test_accents_stay_on_the_bar_lines(bpm: str, held_beats: float) -> None:
    song = timeline(("song", 200, bpm))
    source = accented(song, song.frame_at(held_beats))
    found = click_frames(aligned(source, song))
    wanted = song.bar_frames()
    assert len(found) == len(wanted)
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 2


@pytest.mark.parametrize("bpm", ["120", "92.5", "77.7"])
def test_long_crossfades_stay_on_the_bar_lines_too(bpm: str) -> None:
    """A click under a crossfade may become two that are one frame of rounding apart, each at least half."""
    song = timeline(("song", 200, bpm))
    rendered = aligned(accented(song, song.frame_at(17.3)), song, Strategy.CROSSFADE).samples[0]
    for line in song.bar_frames():
        assert np.abs(rendered[max(line - 2, 0) : line + 3]).max() > 0.44


def test_rounding_does_not_add_up() -> None:
    song = timeline(("song", 800, "79.99"))
    source = accented(song, song.frame_at(8))
    found = click_frames(aligned(source, song))
    assert len(found) == 200
    assert max(abs(a - b) for a, b in zip(found, song.bar_frames(), strict=True)) <= 2


def test_a_section_of_another_tempo_takes_the_source_bars_of_that_tempo() -> None:
    song = timeline(("verse", 16, "120"), ("bridge", 16, "92"), ("verse", 16, "120"), ("bridge", 16, "92"))
    source = accented(song, song.frame_at(32))
    plan = plan_alignment(
        source, target_frames=song.frames, settings=AlignSettings(Strategy.LOOP), bar_frames=song.bar_frames()
    )
    assert not plan.notices
    rendered = collect(render_alignment(source, plan=plan), RATE)
    everything = np.flatnonzero(rendered.samples[0] > 0.4)
    wanted = np.array([song.frame_at(beat) for beat in range(64)])
    assert everything.size == wanted.size
    assert np.abs(everything - wanted).max() <= 2  # beats inside bars too


@pytest.mark.parametrize("bpm", ["92", "140", "60", "40"])
def test_a_tempo_that_the_source_has_not_keeps_its_downbeats_and_says_so(bpm: str) -> None:
    song = timeline(("verse", 16, "120"), ("bridge", 16, bpm), ("verse", 16, "120"))
    source = accented(song, song.frame_at(16))
    plan = plan_alignment(
        source, target_frames=song.frames, settings=AlignSettings(Strategy.LOOP), bar_frames=song.bar_frames()
    )
    assert "4 bars of the song have a length that no bar of the source has" in plan.notices[0]
    rendered = collect(render_alignment(source, plan=plan), RATE)
    for line in song.bar_frames():
        assert np.abs(rendered.samples[0, max(line - 2, 0) : line + 3]).max() > 0.85


def test_the_progression_goes_on() -> None:
    """Four different bars: after bar 4k + r of the song comes the bar that follows r."""
    song = timeline(("song", 96, "120"))
    generator = rng(4)
    bars = [generator.standard_normal(96_000).astype(np.float32) * 0.1 for _ in range(4)]
    source = Audio(np.concatenate([bars[bar % 4] for bar in range(10)])[np.newaxis], RATE)
    rendered = aligned(source, song).samples[0]
    for bar in range(24):
        middle = slice(bar * 96_000 + 20_000, bar * 96_000 + 70_000)
        assert np.array_equal(rendered[middle], bars[bar % 4][20_000:70_000]), bar


def test_what_rings_out_after_the_last_bar_is_not_looped() -> None:
    song = timeline(("song", 64, "120"))
    generator = rng(4)
    hits = np.zeros(16 * 24_000 + 60_000)
    for beat in range(16):
        hits[beat * 24_000 : beat * 24_000 + 4800] += generator.standard_normal(4800) * np.hanning(4800) * 0.3
    source = Audio(hits[np.newaxis].astype(np.float32), RATE)
    rendered = aligned(source, song).samples[0]
    levels = [float(np.abs(rendered[beat * 24_000 : beat * 24_000 + 4800]).max()) for beat in range(64)]
    assert min(levels) > 0.2  # no beat is missing


def drummed(bars: int, *, ending_bars: int) -> Audio:
    """Hits on every beat, then a last stroke that dies away over `ending_bars`, always to be heard."""
    generator = rng(6)
    hits = np.zeros((bars + ending_bars) * 96_000)
    for beat in range(4 * bars):
        hits[beat * 24_000 :][:4800] += generator.standard_normal(4800) * np.hanning(4800) * 0.3
    tail = generator.standard_normal(ending_bars * 96_000)
    hits[bars * 96_000 :] = (
        0.1 * tail * np.geomspace(1.0, 0.03, tail.size) ** np.linspace(2.0, 1.0, tail.size)
    )
    hits[bars * 96_000 :][:4800] += generator.standard_normal(4800) * np.hanning(4800) * 0.3
    return Audio(hits[np.newaxis].astype(np.float32), RATE)


@pytest.mark.parametrize("ending_bars", [1, 2, 3])
def test_an_ending_that_dies_away_leaves_no_hole_before_the_loop(ending_bars: int) -> None:
    song = timeline(("song", 160, "120"))
    source = drummed(12, ending_bars=ending_bars)
    plan = plan_alignment(
        source, target_frames=song.frames, role=Role.DRUMS, bar_frames=song.bar_frames()
    )  # fmt: skip
    rendered = collect(render_alignment(source, plan=plan), RATE).samples[0]
    levels = [float(np.abs(rendered[beat * 24_000 :][:4800]).max()) for beat in range(160)]
    assert min(levels) > 0.2  # no beat is missing
    assert plan.joins[0].output_end <= 12 * 96_000 + 96


def test_a_quiet_bar_that_is_played_is_no_ending() -> None:
    song = timeline(("song", 160, "120"))
    samples = drummed(16, ending_bars=1).samples[:, : 16 * 96_000].copy()
    samples[:, 15 * 96_000 :] *= 0.4
    plan = plan_alignment(
        Audio(samples, RATE), target_frames=song.frames, role=Role.DRUMS, bar_frames=song.bar_frames()
    )
    assert plan.joins[0].output_end >= 16 * 96_000 - 4_000


def test_a_source_of_one_bar_is_repeated_bar_by_bar() -> None:
    song = timeline(("song", 40, "120"))
    found = click_frames(aligned(accented(song, 96_000), song))
    assert found == song.bar_frames()


def test_less_than_a_bar_is_told() -> None:
    song = timeline(("song", 40, "120"))
    source = clicks([0.0, 0.5, 1.0], 1.4)
    plan = plan_alignment(
        source, target_frames=song.frames, role=Role.DRUMS, bar_frames=song.bar_frames()
    )  # fmt: skip
    assert plan.strategy == "loop"
    assert plan.notices == ("The source holds no whole bar of the grid: it is extended off the grid.",)

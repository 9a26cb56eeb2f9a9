"""Attacks: found to a millisecond where they were put, and compared through a map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from signals import noise, rng
from stemwright.arrange.onsets import OnsetMeter, beat_offset, onset_envelope, onset_fidelity
from stemwright.audio import Audio

RATE = 44_100


def hits(times_s: Any, duration_s: float, *, seed: int = 1) -> Audio:
    """Short decaying noises at the given times, over a quiet floor."""
    random = rng(seed)
    samples = random.standard_normal((2, round(duration_s * RATE))) * 1e-3
    shape = np.exp(-np.arange(4_000) / 700)
    for time in times_s:
        start = round(time * RATE)
        hit = random.standard_normal(4_000) * shape * random.uniform(0.2, 0.6)
        end = min(start + 4_000, samples.shape[1])
        samples[:, start:end] += hit[: end - start]
    return Audio(samples.astype(np.float32), RATE)


@pytest.mark.parametrize("late_ms", [-200.0, -100.0, -40.0, -15.0, -3.0, 0.0, 5.0, 22.0, 45.0, 70.0, 130.0])
def test_beats_that_are_late_are_told_to_two_milliseconds(late_ms: float) -> None:
    beats = np.arange(1, 60) * 0.5
    found = beat_offset(hits(beats + late_ms / 1000, 30.0), bpm=120)
    assert found.median_ms == pytest.approx(late_ms, abs=2.5)
    assert found.beats > 40


def test_off_beats_do_not_mislead() -> None:
    times = np.sort(np.concatenate((np.arange(1, 59) * 0.5 + 0.004, np.arange(1, 59) * 0.5 + 0.25)))
    assert beat_offset(hits(times, 30.0), bpm=120).median_ms == pytest.approx(4.0, abs=2.5)


def test_silence_and_short_audio_have_no_beats() -> None:
    assert beat_offset(Audio(np.zeros((2, RATE * 5), np.float32), RATE), bpm=120).beats == 0
    assert beat_offset(noise(0.05, sample_rate=RATE), bpm=120).beats == 0


@pytest.mark.parametrize("late_ms", [0.0, 2.0, -7.0, 25.0])
def test_attacks_that_came_late_through_a_map_are_told(late_ms: float) -> None:
    """The result is made anew at mapped times, later by a known amount."""
    times = np.cumsum(rng(3).uniform(0.2, 0.6, 60))
    times = times[times < 24.0]
    before, after = hits(times, 25.0), hits(times * 1.1 + late_ms / 1000, 27.5)
    found = onset_fidelity(before, after, source_frame_at=lambda frames: frames / 1.1)
    assert found.windows >= 3
    assert found.median_ms == pytest.approx(abs(late_ms), abs=1.5)


def test_one_window_that_drifts_shows_in_the_95th_percentile() -> None:
    times = np.arange(1, 80) * 0.5
    moved = np.where(times > 30, times + 0.020, times)
    found = onset_fidelity(hits(times, 41.0), hits(moved, 41.0), source_frame_at=lambda frames: frames)
    assert found.median_ms < 2.0
    assert found.p95_ms > 15.0


def test_material_without_attacks_says_nothing() -> None:
    still = Audio(np.zeros((2, RATE * 20), np.float32), RATE)
    assert onset_fidelity(still, still, source_frame_at=lambda frames: frames).windows == 0


def test_the_envelope_does_not_depend_on_level() -> None:
    loud = hits(np.arange(1, 10) * 0.5, 5.0)
    quiet = Audio((loud.samples * np.float32(0.01)).astype(np.float32), RATE)
    assert onset_envelope(quiet) == pytest.approx(onset_envelope(loud), abs=1e-3)


@pytest.mark.parametrize("block", [1, 63, 64, 1_000, 131_072])
def test_a_stream_is_measured_as_its_source(block: int) -> None:
    audio = hits([0.2], 0.6) if block == 1 else hits(np.arange(1, 9) * 0.5 + 0.011, 5.0)
    meter = OnsetMeter(audio.channels, RATE)
    for start in range(0, audio.frames, block):
        meter.feed(audio.samples[:, start : start + block])
    assert np.array_equal(meter.envelope(), onset_envelope(audio))
    assert meter.beat_offset(bpm=120) == beat_offset(audio, bpm=120)

"""Time maps: identity is exact, steady songs take a straight line, drifting ones every beat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from match.made_up import drifting_grid
from stemwright.errors import InputError
from stemwright.grid import BeatGrid
from stemwright.match.beat_maps import (
    anchors,
    fitted_bpm,
    is_identity,
    is_steady,
    remix_beat,
    remix_beats_between,
    source_beat,
)

RATE = 44_100
FACTORS = st.sampled_from([1.0, 0.5, 2.0, 1.5, 2 / 3])


@given(st.floats(50, 200), st.floats(0, 3), st.integers(-3, 40), st.integers(1, 300))
def test_the_same_tempo_is_the_identity(bpm: float, start_s: float, first: int, beats: int) -> None:
    grid = BeatGrid.even(bpm, duration_s=200.0, first_downbeat_s=start_s)
    target = fitted_bpm(grid)
    assert is_identity(grid, target_bpm=target)
    pairs = anchors(grid, first_beat=first, last_beat=first + beats, target_bpm=target, sample_rate=RATE)
    (start, zero), (end, length) = pairs
    assert zero == 0
    assert end - start == length
    assert abs(start - grid.seconds_at(first) * RATE) <= 1


def test_the_identity_is_not_claimed_for_others() -> None:
    grid = BeatGrid.even(120.0, duration_s=200.0)
    assert not is_identity(grid, target_bpm=120.001)
    assert not is_identity(grid, target_bpm=60.0)
    assert is_identity(grid, target_bpm=60.0, beat_factor=0.5)
    assert not is_identity(drifting_grid(120.0), target_bpm=fitted_bpm(drifting_grid(120.0)))


@given(st.floats(60, 180), st.floats(60, 180), FACTORS)
def test_a_steady_song_takes_two_anchors_on_its_beats(bpm: float, target: float, factor: float) -> None:
    grid = BeatGrid.even(bpm, duration_s=240.0, first_downbeat_s=0.6)
    pairs = anchors(
        grid, first_beat=4, last_beat=100, target_bpm=target, sample_rate=RATE, beat_factor=factor
    )
    assert len(pairs) == 2
    assert pairs[0] == (round(float(grid.seconds_at(4)) * RATE), 0)
    assert pairs[1][1] == pytest.approx(96 * factor * 60 / target * RATE, abs=0.5)
    beats = np.arange(4, 101)
    line = np.array(pairs, np.float64)
    on_line = np.interp(grid.seconds_at(beats) * RATE, line[:, 0], line[:, 1])
    assert (
        np.abs(on_line - (beats - 4) * factor * 60 / target * RATE).max() <= 1 + bpm * factor / target
    )  # a frame


def test_jitter_of_the_tracker_does_not_bend_a_steady_song() -> None:
    even = np.asarray(BeatGrid.even(120.0, duration_s=100.0).times_s)
    jitter = 0.004 * np.sin(np.arange(even.size) * 1.7)
    assert is_steady(BeatGrid(tuple((even + jitter).tolist())))
    assert not is_steady(BeatGrid(tuple((even + 3 * jitter).tolist())))


@given(FACTORS, st.integers(-2, 50), st.integers(2, 200))
def test_a_drifting_song_is_locked_at_every_beat(factor: float, first: int, beats: int) -> None:
    grid = drifting_grid(110.0)
    pairs = anchors(
        grid,
        first_beat=first,
        last_beat=first + beats,
        target_bpm=126.0,
        sample_rate=RATE,
        beat_factor=factor,
    )
    frames = np.array(pairs)
    numbers = np.arange(first, first + beats + 1)
    assert len(pairs) == beats + 1
    assert np.all(np.diff(frames, axis=0) > 0)
    assert np.abs(frames[:, 0] - grid.seconds_at(numbers) * RATE).max() <= 0.51
    assert np.abs(frames[:, 1] - (numbers - first) * factor * 60 / 126.0 * RATE).max() <= 0.51


def test_one_ratio_would_have_drifted_apart() -> None:
    grid = drifting_grid(120.0)
    beats = np.arange(0, 250)
    one_ratio = (grid.seconds_at(beats) - grid.seconds_at(0)) * fitted_bpm(grid) / 60
    assert np.abs(one_ratio - beats).max() * 0.5 > 0.1  # over 100 ms: what the map is for


def test_rounding_never_adds_up() -> None:
    grid = BeatGrid.even(119.7, duration_s=11_000.0)
    pairs = anchors(grid, first_beat=0, last_beat=20_000, target_bpm=127.3, sample_rate=RATE)
    assert pairs[-1][1] == round(20_000 * 60 / 127.3 * RATE)


@given(st.floats(-50, 500), FACTORS, st.floats(-20, 20))
def test_beats_there_and_back(beat: float, factor: float, origin: float) -> None:
    there = remix_beat(beat, beat_factor=factor, origin_beat=origin)
    assert source_beat(there, beat_factor=factor, origin_beat=origin) == pytest.approx(beat, abs=1e-9)


def test_beats_available() -> None:
    grid = BeatGrid.even(120.0, duration_s=60.0)
    assert remix_beats_between(grid, beat_factor=2.0, start_s=10.0, end_s=30.0) == pytest.approx(80.0)


def test_nonsense_is_refused() -> None:
    grid = BeatGrid.even(120.0, duration_s=60.0)
    for first, last, bpm in ((4, 4, 120.0), (8, 4, 120.0), (0, 4, 0.0)):
        with pytest.raises(InputError, match="time map"):
            anchors(grid, first_beat=first, last_beat=last, target_bpm=bpm, sample_rate=RATE)

"""Tracked beats: numbers, times, and what lies outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemwright.errors import InputError
from stemwright.grid import BeatGrid


def test_beats_are_numbered_from_the_first_downbeat() -> None:
    grid = BeatGrid((0.5, 1.0, 1.5, 2.0, 2.5, 3.0), first_downbeat=1)
    assert (grid.first_beat, grid.last_beat) == (-1, 4)
    assert grid.seconds_at([-1, 0, 0.5, 4]).tolist() == [0.5, 1.0, 1.25, 3.0]
    assert grid.downbeats_s == (1.0, 3.0)
    assert grid.bpm == pytest.approx(120.0)


def test_a_pick_up_of_more_than_a_bar_has_downbeats_too() -> None:
    grid = BeatGrid(tuple(np.arange(12) * 0.5), first_downbeat=6)
    assert grid.downbeats_s == (1.0, 3.0, 5.0)


def test_beyond_its_ends_a_grid_goes_on_at_the_nearest_tempo() -> None:
    slow_then_fast = np.concatenate((np.arange(10) * 1.0, 9.0 + np.arange(1, 10) * 0.5))
    grid = BeatGrid(tuple(slow_then_fast))
    assert float(grid.seconds_at(-2)) == pytest.approx(-2.0)
    assert float(grid.seconds_at(20)) == pytest.approx(slow_then_fast[-1] + 2 * 0.5)


@given(
    gaps=st.lists(st.floats(0.2, 2.0), min_size=1, max_size=40),
    beat=st.floats(-50, 100),
)
def test_beat_at_is_the_inverse_of_seconds_at(gaps: Any, beat: Any) -> None:
    grid = BeatGrid(tuple(np.concatenate(([0.0], np.cumsum(gaps)))), first_downbeat=len(gaps) // 2)
    assert float(grid.beat_at(grid.seconds_at(beat))) == pytest.approx(beat, abs=1e-6)


def test_an_even_grid_covers_the_song() -> None:
    grid = BeatGrid.even(100, duration_s=60, first_downbeat_s=2.0)
    assert float(grid.seconds_at(0)) == 2.0
    assert np.diff(grid.times_s) == pytest.approx(np.full(len(grid.times_s) - 1, 0.6))
    assert 0 <= grid.times_s[0] < 0.6
    assert 59.4 < grid.times_s[-1] <= 60.0


@pytest.mark.parametrize(
    ("times", "first", "bar"), [((1.0,), 0, 4), ((1.0, 1.0), 0, 4), ((0.0, 1.0), 2, 4), ((0.0, 1.0), 0, 0)]
)
def test_what_is_no_grid_is_refused(times: Any, first: Any, bar: Any) -> None:
    with pytest.raises(InputError, match="beat"):
        BeatGrid(times, first, bar)


@pytest.mark.parametrize(("seconds", "beat"), [(0.0, 0), (1.1, 4), (0.9, 0), (-0.9, 0), (-1.2, -4)])
def test_bar_at_is_the_nearest_downbeat(seconds: Any, beat: Any) -> None:
    grid = BeatGrid(tuple(np.arange(12) * 0.5))
    assert grid.bar_at(seconds) == beat

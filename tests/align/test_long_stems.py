"""Hours of audio: bounded reads, bounded memory, linear time."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from signals import noise
from stemwright.align import AlignSettings, Strategy, measure_joins, plan_alignment, render_alignment
from stemwright.audio import AudioSource, Samples

RATE = 48_000


@dataclass
class Hours:
    """A stem of any length that exists only while it is read."""

    frames: int
    channels: int = 1
    sample_rate: int = RATE
    read_frames: int = 0

    def __post_init__(self) -> None:
        self._tile = noise(60.0, channels=self.channels).samples

    def read(self, start: int, frames: int) -> Samples:
        stop = min(start + frames, self.frames)
        self.read_frames += stop - start
        first = start % (self._tile.shape[1] // 2)
        return self._tile[:, first : first + stop - start]


def peak_of_planning(source: AudioSource, strategy: Strategy) -> int:
    tracemalloc.start()
    plan_alignment(source, target_frames=2 * source.frames, settings=AlignSettings(strategy))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("strategy", [Strategy.LOOP, Strategy.CROSSFADE])
def test_planning_needs_no_more_for_three_hours_than_for_ten_minutes(strategy: Strategy) -> None:
    short, long = Hours(600 * RATE), Hours(3 * 3600 * RATE)
    peaks = [peak_of_planning(source, strategy) for source in (short, long)]
    assert peaks[1] < 1.1 * peaks[0] + 100_000
    assert peaks[1] < 60e6
    assert long.read_frames < 600 * RATE


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Strategy.LOOP, Strategy.CROSSFADE])
def test_rendering_three_hours_keeps_a_few_blocks(strategy: Strategy) -> None:
    source = Hours(3600 * RATE, channels=1)
    target = 3 * 3600 * RATE + 1
    plan = plan_alignment(source, target_frames=target, settings=AlignSettings(strategy))
    tracemalloc.start()
    rendered = sum(block.shape[1] for block in render_alignment(source, plan=plan))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rendered == target
    assert peak < 20e6


def test_many_equal_joins_are_measured_once_and_compared_bit_by_bit() -> None:
    source = noise(1.0)
    target = 600 * RATE
    plan = plan_alignment(source, target_frames=target, settings=AlignSettings(Strategy.LOOP))
    blocks = render_alignment(source, plan=plan)

    class Rendered:
        sample_rate, channels, frames = RATE, 1, target

        def __init__(self) -> None:
            self._samples = np.concatenate(list(blocks), axis=1)

        def read(self, start: int, frames: int) -> Samples:
            return self._samples[:, start : start + frames]

    joins = measure_joins(Rendered(), source=source, plan=plan)
    assert len(joins) == len(plan.joins) > 500
    assert [join.time_s for join in joins] == list(plan.join_times_s)

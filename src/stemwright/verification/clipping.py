"""Clipping: runs of equal samples at the highest level of a channel, at full scale or below it.

The top of an unclipped wave may hold equal samples too, where quantisation is coarse and the pitch low; but
then its neighbours are one or two steps lower. A cut wave falls away at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.verification.windows import Windows

__all__ = ["Clipping", "ClippingMeter"]

Indices: TypeAlias = npt.NDArray[np.intp]

RUN_FRAMES = 3
"""Two equal samples are a peak that falls between them."""
LOWEST_LEVEL = 0.01
"""Below −40 dBFS equal samples are quantisation."""
FULL_SCALE = 0.999
STEPS = 4.0
"""Quantisation steps by which a cut wave falls at once; the top of a whole one falls by one or two."""
STEP_16_BIT = 2.0**-15
MARGIN = RUN_FRAMES + 1
"""Frames kept across a border: a run and its neighbour."""


@dataclass(frozen=True, slots=True)
class Clipping:
    """Flat tops of a file.

    Attributes
    ----------
    runs : int
        Runs of at least three equal samples at a channel's highest or lowest value.
    first_frame : int
        Where the first one was seen; 0 without any.
    level : float
        The magnitude at which the wave is cut.
    """

    runs: int
    first_frame: int
    level: float


class _Side:
    """Flat tops on one side (up or down) of all channels."""

    def __init__(self, channels: int) -> None:
        self.level = np.zeros(channels, np.float32)
        self.runs = np.zeros(channels, np.int64)
        self.first = np.zeros(channels, np.int64)
        self.touched = np.zeros(channels, np.bool_)

    def raise_to(self, level: Samples) -> None:
        """Forget what was found at a lower level."""
        higher = level > self.level
        self.level[higher] = level[higher]
        self.runs[higher] = 0

    def found(self, channel: int, starts: npt.NDArray[np.intp], frame: int) -> None:
        """Count the runs that start at `starts` frames after `frame`."""
        if starts.size and not self.runs[channel]:
            self.first[channel] = frame + int(starts[0])
        self.runs[channel] += starts.size


class ClippingMeter:
    """Gather `Clipping`.

    Parameters
    ----------
    channels : int
        Of the file.
    step : float
        One quantisation step of its sample format.
    """

    def __init__(self, channels: int, *, step: float = STEP_16_BIT) -> None:
        self._fall = STEPS * max(step, STEP_16_BIT)
        self._sides = (_Side(channels), _Side(channels))
        self._frames = 0
        self._tail: Samples = np.zeros((channels, 0), np.float32)

    def feed(self, windows: Windows) -> None:
        """Take the next windows."""
        for side, sign, tops in zip(self._sides, (1, -1), (windows.highest, -windows.lowest), strict=True):
            side.raise_to(tops.max(axis=1))
            touching = (tops == side.level[:, np.newaxis]) & (tops >= LOWEST_LEVEL)
            # a run that fills the end of a window ends in the next one
            ending = np.concatenate((side.touched[:, np.newaxis], touching[:, :-1]), axis=1)
            side.touched = touching[:, -1]
            for channel, window in np.argwhere(touching | ending):
                self._look(windows, side, sign, int(channel), int(window))
        self._tail = np.concatenate((self._tail, windows.flat()[:, -MARGIN:]), axis=1)[:, -MARGIN:]
        self._frames = windows.start + windows.frames

    def result(self) -> Clipping:
        """Say what was gathered; the file has ended."""
        for side, sign in zip(self._sides, (1, -1), strict=True):
            for channel in np.flatnonzero(side.touched):
                region = self._tail[channel] * np.float32(sign)
                starts, stops = flat_tops(region, float(side.level[channel]), fall=self._fall)
                side.found(int(channel), starts[stops == region.size], self._frames - region.size)
        runs = [(int(s.runs[c]), s.first[c], s.level[c]) for s in self._sides for c in range(len(s.runs))]
        hit = [entry for entry in runs if entry[0]]
        if not hit:
            return Clipping(0, 0, 0.0)
        return Clipping(
            sum(entry[0] for entry in hit),
            int(min(entry[1] for entry in hit)),
            float(max(entry[2] for entry in hit)),
        )

    def _look(self, windows: Windows, side: _Side, sign: int, channel: int, window: int) -> None:
        first = window * windows.length
        row = windows.flat()[channel]
        before = row[max(first - MARGIN, 0) : first] if first else self._tail[channel]
        region = np.concatenate((before, row[first : first + windows.length])) * np.float32(sign)
        starts, stops = flat_tops(region, float(side.level[channel]), fall=self._fall)
        # each run is counted where the sample behind it stands
        ended = (stops >= before.size) & (stops < region.size)
        side.found(channel, starts[ended], windows.start + first - before.size)


def flat_tops(region: npt.NDArray[np.float32], level: float, *, fall: float) -> tuple[Indices, Indices]:
    """Find where runs of at least `RUN_FRAMES` samples equal to `level` start, and where they have ended.

    Neighbours have to be lower by `fall` at least; below full scale they must not cross zero, as the corners
    of a synthetic square wave do.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], region == level, [False])).astype(np.int8)))
    starts, stops = edges[0::2], edges[1::2]
    keep = stops - starts >= RUN_FRAMES
    starts, stops = starts[keep], stops[keep]
    known = np.concatenate((region, [np.nan]))
    falls = level - np.stack((np.where(starts > 0, known[starts - 1], np.nan), known[stops]))
    unknown = np.isnan(falls)
    sharp = unknown | (falls >= fall)
    if level < FULL_SCALE:
        sharp &= unknown | (falls <= level)
    good = np.logical_and(sharp.all(axis=0), ~unknown.all(axis=0))
    return starts[good], stops[good]

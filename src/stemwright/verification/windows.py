"""The raster on which files are examined: windows of 4096 frames, counted from frame 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples

__all__ = ["WINDOW_FRAMES", "WindowCutter", "Windows"]

WINDOW_FRAMES = 4_096
AUDIBLE_MAX = 1e10
"""Samples beyond this count as infinite; their squares would not fit into float32."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Consecutive windows of one file with the sums that every examination needs.

    Attributes
    ----------
    start : int
        First frame.
    samples : Samples [shape=(channels, windows, length)]
        Finite samples.
    differences : Samples [shape=(channels, windows, length)]
        ``x[n] - x[n-1]``, 0 at frame 0.
    """

    start: int
    samples: Samples
    differences: Samples

    @property
    def length(self) -> int:
        """Frames per window."""
        return int(self.samples.shape[2])

    @property
    def frames(self) -> int:
        """Frames in all windows together."""
        return self.length * int(self.samples.shape[1])

    @cached_property
    def highest(self) -> Samples:
        """Highest sample per channel and window."""
        highest: Samples = self.samples.max(axis=2)
        return highest

    @cached_property
    def lowest(self) -> Samples:
        """Lowest sample per channel and window."""
        lowest: Samples = self.samples.min(axis=2)
        return lowest

    @cached_property
    def peaks(self) -> Samples:
        """Highest magnitude per channel and window."""
        return np.maximum(self.highest, -self.lowest)

    @cached_property
    def energies(self) -> npt.NDArray[np.float64]:
        """Sum of squares per channel and window."""
        energies: npt.NDArray[np.float64] = np.vecdot(self.samples, self.samples).astype(np.float64)
        return energies

    @cached_property
    def difference_energies(self) -> npt.NDArray[np.float64]:
        """Sum of squares of the differences per channel and window."""
        energies: npt.NDArray[np.float64] = np.vecdot(self.differences, self.differences).astype(np.float64)
        return energies

    def flat(self) -> Samples:
        """All samples, shaped ``(channels, frames)``."""
        return self.samples.reshape(self.samples.shape[0], -1)


class WindowCutter:
    """Cut blocks into `Windows`, and count what is not finite.

    Every block but the last holds a multiple of `WINDOW_FRAMES`.
    """

    def __init__(self) -> None:
        self.nonfinite = 0
        self.first_nonfinite: int | None = None
        self._position = 0
        self._last: Samples | None = None

    def clean(self, block: Samples) -> Samples:
        """Return `block` with silence in place of NaN and infinities, which are counted."""
        if block.size == 0 or max(float(block.max()), -float(block.min())) <= AUDIBLE_MAX:
            return block
        good = np.abs(block) <= AUDIBLE_MAX
        self.nonfinite += int(block.size - np.count_nonzero(good))
        if self.first_nonfinite is None:
            self.first_nonfinite = self._position + int(np.argmin(good.all(axis=0)))
        return np.where(good, block, np.float32(0.0))

    def cut(self, block: Samples) -> Iterator[Windows]:
        """Yield the whole windows of a clean block and, at the end of a file, the short one."""
        differences = self._differences(block)
        whole = block.shape[1] // WINDOW_FRAMES * WINDOW_FRAMES
        for first, last in ((0, whole), (whole, block.shape[1])):
            if last > first:
                shape = (block.shape[0], -1, min(WINDOW_FRAMES, last - first))
                yield Windows(
                    self._position + first,
                    block[:, first:last].reshape(shape),
                    differences[:, first:last].reshape(shape),
                )
        self._position += block.shape[1]

    def _differences(self, block: Samples) -> Samples:
        differences = np.empty_like(block)
        np.subtract(block[:, 1:], block[:, :-1], out=differences[:, 1:])
        before = block[:, :1] if self._last is None else self._last
        np.subtract(block[:, :1], before, out=differences[:, :1])
        self._last = block[:, -1:].copy()
        return differences

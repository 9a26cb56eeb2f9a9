"""Gain over time without a step: ramps between sections, equal-power where the material changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.units import seconds_to_frames

__all__ = ["Envelope", "Ramp", "cut_frames"]

CUT_S = 0.002
"""A cut is a crossfade of 2 ms that ends on the border, so that the beat behind it keeps its attack."""

Curve = npt.NDArray[np.float32]


def cut_frames(sample_rate: int) -> int:
    """Length of the crossfade of a cut: ``round(0.002 * sample_rate)``."""
    return seconds_to_frames(CUT_S, sample_rate)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A change of gain from `before` to `after` over ``start .. start + frames``.

    It follows ``sqrt(before² cos² + after² sin²)``: two of them in opposite directions keep the power of
    material that is not correlated, and between equal gains nothing moves.
    """

    start: int
    frames: int
    before: float
    after: float

    def at(self, positions: npt.NDArray[np.int64]) -> Curve:
        """Gain at frames inside the ramp."""
        angle = (positions - self.start + 0.5) * (np.pi / 2 / self.frames)
        power = (self.before * np.cos(angle)) ** 2 + (self.after * np.sin(angle)) ** 2
        curve: Curve = np.sqrt(power).astype(np.float32)
        return curve


@dataclass(frozen=True)
class Envelope:
    """A gain over all frames: ramps in rising order, that may touch but not overlap, and level between them.

    Parameters
    ----------
    first : float
        Gain before the first ramp.
    ramps : Sequence[Ramp]
        Each goes on from where the one before it ended.
    """

    first: float
    ramps: Sequence[Ramp] = ()

    def over(self, start: int, frames: int) -> Curve:
        """Gain of the frames ``start .. start + frames``."""
        curve = np.full(frames, self.first, np.float32)
        for ramp in self.ramps:
            low, high = ramp.start - start, ramp.start + ramp.frames - start
            if low >= frames:
                break
            curve[max(high, 0) :] = ramp.after
            inside = slice(max(low, 0), max(min(high, frames), 0))
            if inside.start < inside.stop:
                curve[inside] = ramp.at(np.arange(inside.start, inside.stop) + start)
        return curve

    def apply(self, block: Samples, start: int) -> Samples:
        """Return a block that stands at `start`, at this gain."""
        return block * self.over(start, block.shape[1])

    @property
    def silent(self) -> bool:
        """Whether nothing ever sounds."""
        return self.first <= 0.0 and all(ramp.after <= 0.0 and ramp.before <= 0.0 for ramp in self.ramps)

"""Where every frame of a song goes: a rising, piecewise straight map from input frames to output frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.errors import InputError

__all__ = ["MAX_TIME_RATIO", "MIN_TIME_RATIO", "TimeMap", "require_ratio"]

MIN_TIME_RATIO = 0.25
MAX_TIME_RATIO = 4.0


def require_ratio(time_ratio: float) -> None:
    """Raise `InputError` when no song can be stretched that far."""
    if not MIN_TIME_RATIO <= time_ratio <= MAX_TIME_RATIO:
        raise InputError(
            f"A time ratio of {time_ratio:.4g} is outside {MIN_TIME_RATIO:g}–{MAX_TIME_RATIO:g}.",
            way_out="The time ratio is output length over input length: 1.25 is slower.",
        )


@dataclass(frozen=True)
class TimeMap:
    """Rising pairs of (input frame, output frame), straight in between and beyond.

    Parameters
    ----------
    anchors : tuple of (float, float)
        At least two; both numbers rise strictly. The output runs from the first output frame to the last:
        ``length = round(last) - round(first)`` frames. Input frames may lie anywhere, also outside the song.

    Raises
    ------
    InputError
        When there are fewer than two, they don't rise, or a stretch lies outside 0.25–4.
    """

    anchors: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if (
            len(self.anchors) < 2
            or not np.isfinite(self._pairs).all()
            or not (np.diff(self._pairs.T) > 0).all()
        ):
            raise InputError(
                f"A time map needs two pairs of frames or more, both rising; got {len(self.anchors)}.",
                way_out="Anchors are (input frame, output frame), in frames, not in seconds.",
            )
        require_ratio(self.lowest_ratio)
        require_ratio(self.highest_ratio)

    @classmethod
    def through(cls, anchors: Sequence[tuple[float, float]]) -> TimeMap:
        """Lay a map through any sequence of pairs."""
        return cls(tuple((float(source), float(target)) for source, target in anchors))

    @property
    def first_frame(self) -> int:
        """The output frame that the output begins with."""
        return round(self.anchors[0][1])

    @property
    def frames(self) -> int:
        """Length of the output: ``round(last) - round(first)``."""
        return round(self.anchors[-1][1]) - self.first_frame

    @cached_property
    def ratios(self) -> tuple[float, ...]:
        """Output over input, from anchor to anchor."""
        steps = np.diff(self._pairs, axis=0)
        return tuple((steps[:, 1] / steps[:, 0]).tolist())

    @property
    def mean_ratio(self) -> float:
        """Output over input, from the first anchor to the last."""
        (taken, given), (last_taken, last_given) = self.anchors[0], self.anchors[-1]
        return (last_given - given) / (last_taken - taken)

    @cached_property
    def lowest_ratio(self) -> float:
        """Where the map is fastest."""
        return min(self.ratios)

    @cached_property
    def highest_ratio(self) -> float:
        """Where the map is slowest."""
        return max(self.ratios)

    @property
    def is_unity(self) -> bool:
        """Whether nothing is stretched anywhere."""
        return all(ratio == 1.0 for ratio in self.ratios)

    def output_at(self, frame: float) -> float:
        """Output position of an input position."""
        index = min(max(bisect_right(self._inputs, frame) - 1, 0), len(self.ratios) - 1)
        source, target = self.anchors[index]
        return target + (frame - source) * self.ratios[index]

    def input_at(self, frame: float) -> float:
        """Input position of an output position."""
        index = min(max(bisect_right(self._outputs, frame) - 1, 0), len(self.ratios) - 1)
        source, target = self.anchors[index]
        return source + (frame - target) / self.ratios[index]

    def outputs_at(self, frames: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Output positions of many input positions."""
        wanted = np.asarray(frames, np.float64)
        index = np.clip(np.searchsorted(self._inputs, wanted, "right") - 1, 0, len(self.ratios) - 1)
        start = self._pairs[index]
        return np.asarray(start[..., 1] + (wanted - start[..., 0]) * np.asarray(self.ratios)[index])

    @cached_property
    def _pairs(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.anchors, np.float64).reshape(-1, 2)

    @cached_property
    def _inputs(self) -> list[float]:
        return [source for source, _ in self.anchors]

    @cached_property
    def _outputs(self) -> list[float]:
        return [target for _, target in self.anchors]

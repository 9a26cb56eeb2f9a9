"""What both ways to run R3 share: where in a hop an attack keeps its place, how to steer back to the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stemwright.audio import BLOCK_FRAMES, AudioSource, Samples
from stemwright.dsp.time_map import TimeMap
from stemwright.errors import InputError

__all__ = ["CATCH_UP_FRAMES", "CONTEXT_FRAMES", "Feed", "Middle", "next_ratio"]

CONTEXT_FRAMES = 8_192
"""What is played before the first output frame, to be thrown away: two windows of R3."""

CATCH_UP_FRAMES = 2_048
"""An error is made good over this many input frames: half a window, too slow to be heard."""

_RESAMPLER_FRAMES = 48  # what R3's own resampler, there only when pitch moves, holds back and doesn't tell
# R3 lays an attack down this far behind the middle of a hop, in half windows (measured): shorter, longer
_LEAD_SHORTER, _LEAD_LONGER = 0.04, 0.11


@dataclass(frozen=True, slots=True)
class Middle:
    """Where in a hop the attack is that R3 keeps in place: what is taken there comes out there.

    Attributes
    ----------
    taken, to_come : float
        Input frames of the window before it and behind it.
    given : float
        Output frames before it, counted from where the hop is laid down.
    """

    taken: float
    to_come: float
    given: float

    @classmethod
    def of(cls, half_window: float, *, time_ratio: float, pitch_scale: float = 1.0) -> Middle:
        """Place it for half a window of R3, in R3's own frames."""
        lead = _LEAD_LONGER if time_ratio * pitch_scale > 1.0 else _LEAD_SHORTER
        before, after = half_window * min(pitch_scale, 1.0), half_window / max(pitch_scale, 1.0)
        held = _RESAMPLER_FRAMES if pitch_scale != 1.0 else 0
        return cls(before * (1 + lead), before * (1 - lead), after * (1 + lead) + held)


def next_ratio(clock: TimeMap, taken: float, laid: float) -> float:
    """Head for where the map will be, from where the output is; never far from what the map asks for."""
    ratio = (clock.output_at(taken + CATCH_UP_FRAMES) - laid) / CATCH_UP_FRAMES
    return min(max(ratio, 0.9 * clock.lowest_ratio), 1.1 * clock.highest_ratio)


class Feed:
    """Read a source piece by piece from any position; silence before its start and behind its end."""

    def __init__(self, source: AudioSource, position: int, *, block_frames: int = BLOCK_FRAMES) -> None:
        self.position = position
        self._source = source
        self._block_frames = block_frames
        self._held = np.empty((source.channels, 0), np.float32)

    def take(self, frames: int) -> Samples:
        """Give the next frames, exactly as many as asked for; raises `InputError` for what is no number."""
        parts, count = [self._held], self._held.shape[1]
        while count < frames:
            parts.append(self._read(self.position + count))
            count += parts[-1].shape[1]
        joined = np.concatenate(parts, axis=1) if len(parts) > 1 else self._held
        self._held = joined[:, frames:]
        self.position += frames
        return joined[:, :frames]

    def _read(self, position: int) -> Samples:
        silent = min(-position, self._block_frames) if position < 0 else self._block_frames
        if not 0 <= position < self._source.frames:
            return np.zeros((self._source.channels, silent), np.float32)
        block = self._source.read(position, self._block_frames)
        if not np.isfinite(block).all():
            raise InputError("The audio has samples that are not a number or infinite.")
        return block

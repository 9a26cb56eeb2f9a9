"""Where a file begins and ends to sound, and whether it does so by a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stemwright.audio import Samples
from stemwright.units import SILENCE_DB, gain_to_db

__all__ = ["EndMeter", "Ends"]

SOUNDING = 1e-5  # −100 dBFS
END_FRAMES = 8
"""The step at the end is the highest of so many last samples, so that a zero crossing hides no cut."""


@dataclass(frozen=True, slots=True)
class Ends:
    """First and last sound of a file.

    Attributes
    ----------
    head_dbfs, tail_dbfs : float
        Peak of the file's first and last millisecond.
    first_frame, last_frame : int
        First and last frame above -100 dBFS; -1 when there is none.
    start_step, end_step : float
        Magnitude of the first sounding frame, and of the last eight.
    end_share : float
        `end_step` over the peak of the last 20 ms of sound.
    """

    head_dbfs: float
    tail_dbfs: float
    first_frame: int = -1
    last_frame: int = -1
    start_step: float = 0.0
    end_step: float = 0.0
    end_share: float = 0.0


class EndMeter:
    """Gather `Ends`."""

    def __init__(self, sample_rate: int) -> None:
        self._millisecond = max(sample_rate // 1000, 1)
        self._first = -1
        self._start_step = 0.0
        self._head: Samples | None = None
        self._position = 0
        self._last: tuple[int, Samples] | None = None
        self._tail: Samples | None = None

    def feed(self, block: Samples, peak: float) -> None:
        """Take the next block and its highest magnitude."""
        history = 20 * self._millisecond
        if self._head is None:
            self._head = block[:, : self._millisecond].copy()
        joined = block if self._tail is None else np.concatenate((self._tail, block[:, -history:]), axis=1)
        if peak > SOUNDING:
            self._sounding(block)
        self._tail = joined[:, -history:].copy()
        self._position += block.shape[1]

    def result(self) -> Ends:
        """Say what was gathered."""
        head = _peak_dbfs(self._head)
        tail = _peak_dbfs(None if self._tail is None else self._tail[:, -self._millisecond :])
        if self._last is None:
            return Ends(head_dbfs=head, tail_dbfs=tail)
        frame, sound = self._last
        step, loudest = float(sound[:, -END_FRAMES:].max()), float(sound.max())
        return Ends(
            first_frame=self._first,
            last_frame=frame,
            start_step=self._start_step,
            end_step=step,
            end_share=step / loudest,
            head_dbfs=head,
            tail_dbfs=tail,
        )

    def _sounding(self, block: Samples) -> None:
        if self._first < 0:
            index = int(np.argmax((np.abs(block) > SOUNDING).any(axis=0)))
            self._first = self._position + index
            self._start_step = float(np.abs(block[:, index]).max())
        index = _last_sounding(block)
        history = 20 * self._millisecond
        sound = block[:, max(index + 1 - history, 0) : index + 1]
        if sound.shape[1] < history and self._tail is not None:
            sound = np.concatenate((self._tail, sound), axis=1)[:, -history:]
        self._last = (self._position + index, np.abs(sound))


def _last_sounding(block: Samples) -> int:
    """Index of the last sounding frame, looked for from the end."""
    step = 256
    for stop in range(block.shape[1], 0, -step):
        loud = np.flatnonzero(np.abs(block[:, max(stop - step, 0) : stop]).max(axis=0) > SOUNDING)
        if loud.size:
            return max(stop - step, 0) + int(loud[-1])
    return 0


def _peak_dbfs(samples: Samples | None) -> float:
    return gain_to_db(float(np.abs(samples).max())) if samples is not None and samples.size else SILENCE_DB

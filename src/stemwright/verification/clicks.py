"""Clicks inside a file: a first difference that stands far out of the 85 ms around it.

The measure is the largest first difference over the 99.9th percentile of the differences around it, so an
onset (many large differences) is none. A window can only hold a click when its largest difference is 7.7
times the RMS of its differences, which is cheap to ask first and never misses one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stemwright.audio import Samples
from stemwright.verification.limits import Limits
from stemwright.verification.windows import WINDOW_FRAMES, Windows

__all__ = ["ClickFinder", "Clicks"]

SIDE_FRAMES = WINDOW_FRAMES // 2
PERCENTILE_RANK = round(WINDOW_FRAMES / 1000)  # how many of the window's differences are above the percentile
RMS_RATIO = 5.0
"""Below the 7.7 that a lone click reaches; leaves room for windows that hold part of what is around it."""


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks of a file: how many, and where, how high and how far out the worst one is."""

    count: int = 0
    frame: int = 0
    step: float = 0.0
    ratio: float = 0.0


class ClickFinder:
    """Gather `Clicks`; remembers 85 ms of differences, so a click at a border has both its sides."""

    def __init__(self, channels: int, limits: Limits) -> None:
        self._limits = limits
        self._held: Samples = np.zeros((channels, 0), np.float32)
        self._held_start = 0
        self._pending: list[tuple[int, int]] = []
        self._found = Clicks()

    def feed(self, windows: Windows) -> None:
        """Take the next windows."""
        flat = windows.differences.reshape(windows.differences.shape[0], -1)
        self._pending += self._candidates(windows)
        joined = flat
        if self._pending:
            joined = np.concatenate((self._held, flat), axis=1)
            self._settle(joined, windows.start - self._held.shape[1], windows.start + flat.shape[1])
        keep = min(WINDOW_FRAMES + SIDE_FRAMES, joined.shape[1])
        self._held = joined[:, -keep:].copy()
        self._held_start = windows.start + flat.shape[1] - keep

    def result(self) -> Clicks:
        """Say what was gathered; the file has ended."""
        self._settle(self._held, self._held_start, None)
        return self._found

    def _candidates(self, windows: Windows) -> list[tuple[int, int]]:
        steps = windows.differences
        energetic = np.sqrt(windows.difference_energies / windows.length)
        largest = np.maximum(steps.max(axis=2), -steps.min(axis=2))
        out = (largest >= self._limits.click_step) & (largest > RMS_RATIO * energetic)
        return [
            (int(c), windows.start + int(w) * windows.length + int(np.abs(steps[c, w]).argmax()))
            for c, w in np.argwhere(out)
        ]

    def _settle(self, joined: Samples, start: int, end: int | None) -> None:
        waiting = []
        for channel, frame in self._pending:
            if end is not None and frame + SIDE_FRAMES > end:
                waiting.append((channel, frame))
            else:
                self._judge(joined[channel], frame, frame - start)
        self._pending = waiting

    def _judge(self, row: Samples, frame: int, centre: int) -> None:
        around = np.abs(row[max(centre - SIDE_FRAMES, 0) : centre + SIDE_FRAMES])
        rank = max(around.size - 1 - PERCENTILE_RANK, 0)
        usual = float(np.partition(around, rank)[rank])
        step = float(np.abs(row[centre]))
        ratio = step / max(usual, self._limits.click_step / self._limits.click_ratio)
        if ratio < self._limits.click_ratio:
            return
        worst = self._found if self._found.ratio >= ratio else Clicks(0, frame, step, ratio)
        self._found = Clicks(self._found.count + 1, worst.frame, worst.step, worst.ratio)

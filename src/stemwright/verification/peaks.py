"""True peak of a file, asked in the cheapest exact way: does it exceed full scale, and by how much?

Below full scale nothing clips, so stretches that can't exceed it are not interpolated; the value told is then
the true peak around the highest sample.
"""

from __future__ import annotations

import numpy as np

from stemwright.audio import Samples
from stemwright.dsp.framing import Framer
from stemwright.dsp.true_peak import REACH_FRAMES, WINDOW_FRAMES, highest_peak
from stemwright.units import gain_to_db

__all__ = ["INTERPOLATION_GAIN", "PeakMeter"]

FULL_SCALE = 1.0
INTERPOLATION_GAIN = 4.0
"""No interpolated value exceeds its highest sample by this factor; the kernel's own bound is 3.55."""


class PeakMeter:
    """Gather the true peak of a stream."""

    def __init__(self, channels: int) -> None:
        self._framer = Framer(channels, WINDOW_FRAMES, reach=REACH_FRAMES)
        self._highest_sample = 0.0
        self._loudest: Samples | None = None
        self._over = FULL_SCALE

    def feed(self, block: Samples) -> None:
        """Take the next block."""
        for window in self._framer.push(block):
            self._take(window)

    def result_dbtp(self) -> float:
        """Say the true peak in dBTP; the file has ended."""
        for window in self._framer.flush():
            self._take(window)
        if self._over > FULL_SCALE or self._loudest is None:
            return gain_to_db(self._over if self._loudest is not None else 0.0)
        return gain_to_db(highest_peak(self._loudest, 0.0))

    def _take(self, window: Samples) -> None:
        peak = float(max(window.max(), -window.min()))
        if peak * INTERPOLATION_GAIN > self._over:
            self._over = highest_peak(window, self._over)
        if peak > self._highest_sample:
            self._highest_sample = peak
            self._loudest = np.array(window)

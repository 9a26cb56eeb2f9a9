"""True peak of a file, asked in a cheap way: does it exceed full scale, and by how much.

Below full scale nothing clips, so only stretches with a sample above half of full scale are interpolated: a
true peak stands more than 6 dB above its highest sample in synthetic signals only. Where nothing exceeds full
scale the value told is the true peak around the highest sample.
"""

from __future__ import annotations

import numpy as np

from stemwright.audio import Samples
from stemwright.dsp.framing import Framer
from stemwright.dsp.true_peak import REACH_FRAMES, WINDOW_FRAMES, highest_peak
from stemwright.units import gain_to_db

__all__ = ["OVERSHOOT", "PeakMeter"]

FULL_SCALE = 1.0
OVERSHOOT = 2.0
"""How far, as a factor, a true peak is looked for above the samples around it."""

STRETCH_FRAMES = 1_024


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
        if self._loudest is None:
            return gain_to_db(0.0)
        if self._over > FULL_SCALE:
            return gain_to_db(self._over)
        return gain_to_db(highest_peak(self._loudest, self._highest_sample))

    def _take(self, window: Samples) -> None:
        body = window[:, REACH_FRAMES:-REACH_FRAMES].reshape(window.shape[0], -1, STRETCH_FRAMES)
        peaks = np.maximum(body.max(axis=2), -body.min(axis=2)).max(axis=0)
        loudest = int(peaks.argmax())
        if peaks[loudest] > self._highest_sample:
            self._highest_sample = float(peaks[loudest])
            self._loudest = _stretch(window, loudest, loudest + 1).copy()
        loud = np.flatnonzero(peaks * OVERSHOOT > self._over)
        if not loud.size:
            return
        for run in np.split(loud, np.flatnonzero(np.diff(loud) > 1) + 1):
            self._over = highest_peak(_stretch(window, int(run[0]), int(run[-1]) + 1), self._over)


def _stretch(window: Samples, first: int, last: int) -> Samples:
    """Cut stretches `first` to `last` out of a window, with the context on both sides."""
    return window[:, first * STRETCH_FRAMES : last * STRETCH_FRAMES + 2 * REACH_FRAMES]

"""Level, mean, correlation and steadiness of one file, gathered window by window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.units import SILENCE_DB, gain_to_db, power_to_db
from stemwright.verification.windows import Windows

__all__ = ["LevelMeter", "Levels"]

BIN_DB = 0.5
BINS = 480  # of a histogram of window levels, from `FLOOR_DB` to +20 dB
FLOOR_DB = -220.0


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of a whole file.

    Attributes
    ----------
    peak : float
        Highest magnitude of a sample.
    energy, mean : tuple[float, ...]
        Sum of squares and mean, per channel.
    difference_energy : float
        Sum of squares of the first difference, all channels.
    correlation : float or None
        Of left and right; None without exactly two channels that sound.
    spread_db : float
        Between the 5th and 95th percentile of the RMS of the windows that are not digital silence.
    frames : int
        Length.
    """

    peak: float
    energy: tuple[float, ...]
    mean: tuple[float, ...]
    difference_energy: float
    correlation: float | None
    spread_db: float
    frames: int

    @property
    def peak_dbfs(self) -> float:
        """Sample peak in dBFS."""
        return gain_to_db(self.peak)

    @property
    def rms_dbfs(self) -> float:
        """RMS over time and channels, in dB re a full-scale square wave."""
        return power_to_db(sum(self.energy) / max(self.frames * len(self.energy), 1))


class LevelMeter:
    """Gather `Levels`."""

    def __init__(self, channels: int) -> None:
        self._peak = 0.0
        self._energy = np.zeros(channels)
        self._sum = np.zeros(channels)
        self._difference_energy = 0.0
        self._cross = 0.0
        self._frames = 0
        self._histogram = np.zeros(BINS, np.int64)

    def feed(self, windows: Windows) -> None:
        """Take the next windows."""
        self._peak = max(self._peak, float(windows.peaks.max()))
        energies = windows.energies
        self._energy += energies.sum(axis=1)
        ones = np.ones(windows.length, np.float32)
        self._sum += np.vecdot(windows.samples, ones).sum(axis=1, dtype=np.float64)
        self._difference_energy += float(windows.difference_energies.sum())
        if len(self._energy) == 2:
            self._cross += float(np.vecdot(*windows.samples).sum(dtype=np.float64))
        self._frames += windows.frames
        self._count(energies.mean(axis=0) / windows.length)

    def result(self) -> Levels:
        """Say what was gathered."""
        return Levels(
            peak=self._peak,
            energy=tuple(self._energy.tolist()),
            mean=tuple((self._sum / max(self._frames, 1)).tolist()),
            difference_energy=self._difference_energy,
            correlation=self._correlation(),
            spread_db=self._spread_db(),
            frames=self._frames,
        )

    def _count(self, powers: npt.NDArray[np.float64]) -> None:
        sounding = powers[powers > 0.0]
        bins = (10.0 * np.log10(sounding) - FLOOR_DB) / BIN_DB
        self._histogram += np.bincount(np.clip(bins, 0, BINS - 1).astype(np.intp), minlength=BINS)

    def _correlation(self) -> float | None:
        if len(self._energy) != 2 or not self._energy.all():
            return None
        return float(self._cross / np.sqrt(self._energy.prod()))

    def _spread_db(self) -> float:
        total = int(self._histogram.sum())
        if not total:
            return -SILENCE_DB
        share = np.cumsum(self._histogram) / total
        low, high = np.searchsorted(share, [0.05, 0.95])
        return float(high - low) * BIN_DB

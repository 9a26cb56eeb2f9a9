"""Bandwidth: whether the spectrum ends at an edge that only a codec or a resampler makes.

Up to 64 windows are looked at, the one richest in high frequencies of each of as many stretches of the file.
A dark stem falls off over octaves; a codec's or resampler's low-pass falls by tens of dB within a few hundred
hertz and nothing stands above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.verification.limits import Limits
from stemwright.verification.windows import WINDOW_FRAMES, Windows

__all__ = ["Edge", "SpectrumSampler", "stretch_frames"]

STRETCHES = 64
BAND_HZ = 100.0
BELOW_BANDS = 10
"""The level below an edge is the median over these bands: a partial there is no level."""
GAP_BANDS = 3
"""Bands that a codec's or resampler's low-pass takes to fall."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The steepest lasting fall of the spectrum.

    Attributes
    ----------
    frequency_hz : float
        Where.
    drop_db : float
        Level just below it over the highest level above it.
    level_db : float
        Level just below it, dB per bin of 4096.
    """

    frequency_hz: float = 0.0
    drop_db: float = 0.0
    level_db: float = -200.0


def stretch_frames(frames: int) -> int:
    """Length of the equal stretches that a file of `frames` frames is divided into."""
    return max(-(-frames // (WINDOW_FRAMES * STRETCHES)), 1) * WINDOW_FRAMES


class SpectrumSampler:
    """Keep the windows worth looking at; at most `STRETCHES` of them."""

    def __init__(self, frames: int, sample_rate: int, limits: Limits) -> None:
        self._rate = sample_rate
        self._limits = limits
        self._per_stretch = stretch_frames(frames) // WINDOW_FRAMES
        self._best: dict[int, tuple[float, Samples]] = {}
        self._activity = np.zeros(STRETCHES)

    def feed(self, windows: Windows) -> None:
        """Take the next windows; a short last one is left out."""
        if windows.length != WINDOW_FRAMES:
            return
        scores = windows.difference_energies.sum(axis=0)
        stretches = (windows.start // WINDOW_FRAMES + np.arange(len(scores))) // self._per_stretch
        for stretch in sorted(set(stretches.tolist())):
            inside = np.flatnonzero(stretches == stretch)
            self._activity[min(stretch, STRETCHES - 1)] += windows.energies[:, inside].sum()
            index = int(inside[scores[inside].argmax()])
            if scores[index] > self._best.get(stretch, (0.0,))[0]:
                self._best[stretch] = (float(scores[index]), windows.samples[:, index].copy())

    def activity(self) -> tuple[float, ...]:
        """Say the energy in every stretch of `stretch_frames`."""
        return tuple(self._activity.tolist())

    def result(self) -> Edge:
        """Find the steepest edge."""
        if not self._best:
            return Edge()
        hann = np.hanning(WINDOW_FRAMES).astype(np.float32)
        power = np.zeros(WINDOW_FRAMES // 2 + 1)
        for _, samples in self._best.values():
            power += (np.abs(np.fft.rfft(samples * hann, axis=1)) ** 2).sum(axis=0)
        # the mean square of a full-scale sine in one bin of a Hann window is (N / 4)²
        return steepest_edge(power / len(self._best) * (4 / WINDOW_FRAMES) ** 2, self._rate, self._limits)


def steepest_edge(power: npt.NDArray[np.float64], sample_rate: int, limits: Limits) -> Edge:
    """Find where `power` (one value per bin, 0 to half the rate) falls most, for good."""
    width = max(round(BAND_HZ * 2 * (len(power) - 1) / sample_rate), 1)
    count = len(power) // width
    bands = 10.0 * np.log10(power[: count * width].reshape(count, width).mean(axis=1) + 1e-20)
    band_hz = width * sample_rate / (2 * (len(power) - 1))
    # what is above a band, for good: the running maximum from the top
    above = np.maximum.accumulate(bands[::-1])[::-1]
    first = max(int(limits.edge_lowest_hz / band_hz), BELOW_BANDS + 2)
    last = int(limits.edge_highest * sample_rate / 2 / band_hz)
    centres = np.arange(first, min(last, count - GAP_BANDS))
    if not centres.size:
        return Edge()
    below = np.lib.stride_tricks.sliding_window_view(bands, BELOW_BANDS - 1)
    # the median; np.median imports numpy.ma first, a hundredth of a whole run
    ordered = np.sort(below[centres - BELOW_BANDS], axis=1)
    levels = (ordered[:, (BELOW_BANDS - 2) // 2] + ordered[:, (BELOW_BANDS - 1) // 2]) / 2.0
    drops = np.where(levels >= limits.edge_level_db, levels - above[centres + GAP_BANDS], 0.0)
    best = int(drops.argmax())
    return Edge((int(centres[best]) + 0.5) * band_hz, float(drops[best]), float(levels[best]))

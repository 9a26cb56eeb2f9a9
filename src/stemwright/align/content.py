"""What is in a stem, as far as its extension needs it: spectra at a low rate, levels, its end, its beat.

Only the last six minutes are looked at, so that memory and time stay bounded for any length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples
from stemwright.units import SILENCE_DB, power_to_db

__all__ = ["Content", "analyse_content"]

Array = npt.NDArray[np.float64]

LOOKED_AT_S = 360.0
POOLED_HZ = 12_000
"""Rate of the averaged signal that spectra are taken of; what folds into it still tells bars apart."""
BANDS = 24
LOWEST_BAND_HZ = 40.0
BAND_RANGE = 1e-5
"""Bands 50 dB under the stem's loudest are equally silent."""
SILENT_POWER = 1e-10
SOUNDING_SHARE = 1e-4
"""A level 40 dB under the stem's loud passages has stopped sounding."""
ONSET_RISE = 0.1
"""Least rise of the level within 5 ms that counts as an onset: 1 dB."""
RIPPLE_VALUES = 5
BEAT_RANGE_S = (0.2, 2.0)


@dataclass(frozen=True, eq=False)
class Content:
    """A stem's content, from source frame `start` on.

    Attributes
    ----------
    start, frames, sample_rate : int
        First frame that was looked at, length of the source, rate.
    hop : int
        Frames between two rows of `bands`.
    bands : float32 [shape=(rows, bands)]
        Levels of about 40 Hz … 6 kHz in dB.
    level_hop : int
        Frames between two values of `power`.
    power : ndarray [shape=(levels,)]
        Mean square over `level_hop` frames and all channels.
    """

    start: int
    frames: int
    sample_rate: int
    hop: int
    bands: Samples
    level_hop: int
    power: Array

    @cached_property
    def levels(self) -> Array:
        """Mean square over the 50 ms (or all there is) from each `level_hop` on."""
        width = max(1, min(round(0.05 * self.sample_rate / self.level_hop), self.power.size))
        total = np.concatenate([[0.0], np.cumsum(self.power)])
        return np.asarray(np.maximum(total[width:] - total[:-width], 0.0) / width)

    @cached_property
    def loud_power(self) -> float:
        """Power of its loud passages: the 95th percentile of the 50 ms levels."""
        rank = int(0.95 * (self.levels.size - 1))
        return float(np.partition(self.levels, rank)[rank])

    @property
    def silent(self) -> bool:
        """Whether nothing is to be heard at all."""
        return float(self.levels.max()) < SILENT_POWER

    @property
    def sounding_power(self) -> float:
        """Power above which it sounds."""
        return self.loud_power * SOUNDING_SHARE

    @cached_property
    def sounding_end(self) -> int:
        """Source frame after which it no longer sounds."""
        sounding = np.flatnonzero(self.power > self.sounding_power)
        last = int(sounding[-1]) + 1 if sounding.size else self.power.size
        return self.frames if last == self.power.size else self.start + last * self.level_hop

    @property
    def silent_end_s(self) -> float:
        """Length of the silence at its end, in seconds."""
        return (self.frames - self.sounding_end) / self.sample_rate

    @cached_property
    def end_db(self) -> float:
        """Level of its last 50 ms over its loud passages, in dB."""
        loud = self.loud_power
        return power_to_db(float(self.levels[-1]) / loud) if loud else SILENCE_DB

    @cached_property
    def decays(self) -> bool:
        """Whether it rings out: ends low, and fell there without rising again in the last 1.5 s."""
        back = min(round(1.5 * self.sample_rate / self.level_hop), self.levels.size - 1)
        tail = self._course(self.levels.size - 1 - back, back // 10)
        return bool(self.end_db < -25.0 and tail[0] - tail[-1] > 6.0 and np.diff(tail).max(initial=0.0) < 1.5)

    @cached_property
    def single_event(self) -> bool:
        """Whether all of it is one sound that dies away: it rises for at most 2 s, then never again."""
        peak, per_second = int(self.levels.argmax()), self.sample_rate / self.level_hop
        begins = int(np.argmax(self.power > self.sounding_power))
        course = self._course(peak, round(0.1 * per_second))
        falls = course.size > 3 and np.diff(course).max() < 1.5
        return bool(self.decays and falls and peak - begins <= 2.0 * per_second)

    def _course(self, first: int, step: int) -> Array:
        """Every `step`-th 50 ms level from the `first` on, in dB over the loud passages."""
        levels = self.levels[first :: max(1, step)]
        return np.asarray(10 * np.log10(levels / (self.loud_power or 1.0) + 1e-12))

    @cached_property
    def onsets(self) -> Array:
        """Rises of the level, one value for two `level_hop`; what a beat is found in."""
        pairs = self.power[: self.power.size // 2 * 2].reshape(-1, 2).mean(axis=1)
        if pairs.size < 2 * RIPPLE_VALUES:
            return np.zeros(0)
        # 27 ms hold a whole period of the lowest note's power, so that its ripple is no onset.
        smooth = np.convolve(pairs, np.full(RIPPLE_VALUES, 1 / RIPPLE_VALUES), mode="same")
        rises = np.diff(np.log10(smooth + 1e-4 * self.loud_power + 1e-20))
        # Blurred, because a beat is no whole number of values.
        return np.convolve(np.where(rises > ONSET_RISE, rises, 0.0), np.hanning(7)[1:-1], mode="same")

    @cached_property
    def beat(self) -> tuple[float, float]:
        """Strength (0 … 1) and period (in frames) of the regularity of its onsets.

        The strength is the mean autocorrelation of the onsets at the period and at twice the period.
        """
        rate = self.sample_rate / (2 * self.level_hop)
        onsets = self.onsets - self.onsets.mean() if self.onsets.size else self.onsets
        low, high = (round(s * rate) for s in BEAT_RANGE_S)
        high = min(high, onsets.size // 3)
        energy = float(np.dot(onsets, onsets))
        if high <= low or energy < 1e-9 * onsets.size:
            return 0.0, 0.0
        likeness = _autocorrelation(onsets)[: 2 * high + 1] / energy
        strength = 0.5 * (likeness[low : high + 1] + likeness[2 * low : 2 * high + 1 : 2])
        if strength.max() <= 0.0:
            return 0.0, 0.0
        # Several beats repeat as well as one: the shortest period of about the best is the beat.
        peaks = np.flatnonzero(strength >= 0.9 * strength.max())
        near = strength[peaks[0] : peaks[0] + 4]
        best = int(peaks[0] + near.argmax())
        return float(np.clip(strength[best], 0.0, 1.0)), (low + best) * 2.0 * self.level_hop

    @cached_property
    def regularity(self) -> Array:
        """Correlation (−1 … 1) of the onsets with themselves, by lag in pairs of `level_hop`.

        Lags of more than three quarters of what was looked at leave too little to compare: they read 0.
        """
        onsets = self.onsets - self.onsets.mean() if self.onsets.size else self.onsets
        if not onsets.any():
            return np.zeros(1)
        power = np.concatenate([[0.0], np.cumsum(onsets * onsets)])
        lags = np.arange(onsets.size * 3 // 4)
        energy = np.sqrt((power[-1] - power[lags]) * power[onsets.size - lags])
        return np.asarray(_autocorrelation(onsets)[: lags.size] / np.maximum(energy, 1e-3 * power[-1]))

    def rows_of(self, frames: npt.NDArray[np.number]) -> npt.NDArray[np.int64]:
        """Rows of `bands` nearest to source frames."""
        rows = np.rint((frames - self.start) / self.hop).astype(np.int64)
        return np.asarray(np.clip(rows, 0, len(self.bands) - 1))


def analyse_content(source: AudioSource) -> Content:
    """Look at the last six minutes of `source`; about 8 ns per sample, bounded memory."""
    rate = source.sample_rate
    start = max(0, source.frames - round(LOOKED_AT_S * rate))
    pool = max(1, round(rate / POOLED_HZ))
    pooled = (source.frames - start) // pool
    size = 1 << int(np.clip(np.log2(max(pooled, 1) / 32), 6, 10))
    hop = size // 2
    edges = _band_edges(size, rate / pool)
    rows, powers = [], []
    step = 128 * hop
    for at in range(0, max(pooled, 1), step):
        first = start + at * pool
        block = source.read(first, min((step + hop) * pool, source.frames - first))
        rows.append(_bands(block, pool, size, edges))
        powers.append(_powers(block[:, : step * pool], hop * pool // 16))
    bands = np.concatenate(rows) if any(len(row) for row in rows) else np.zeros((1, BANDS), np.float32)
    floor = max(float(bands.max()) * BAND_RANGE, 1e-20)
    levels = (10 * np.log10(bands + floor)).astype(np.float32)
    return Content(start, source.frames, rate, hop * pool, levels, hop * pool // 16, np.concatenate(powers))


def _bands(block: Samples, pool: int, size: int, edges: npt.NDArray[np.int64]) -> Samples:
    """Power in bands, all channels together; one row per half frame that lies wholly in `block`."""
    whole = block.shape[1] // pool
    if whole < size:
        return np.zeros((0, edges.size), np.float32)
    pooled = block[:, : whole * pool : pool].copy()
    for offset in range(1, pool):
        pooled += block[:, offset : whole * pool : pool]
    frames = np.lib.stride_tricks.sliding_window_view(pooled, size, axis=1)[:, :: size // 2]
    # norm="forward" keeps float32: with the usual norm numpy transforms in float64, twice as slow
    hann = np.hanning(size).astype(np.float32) * np.float32(size)
    spectra = np.fft.rfft(frames * hann, axis=2, norm="forward")
    power = np.square(spectra.real).sum(axis=0) + np.square(spectra.imag).sum(axis=0)
    counts = np.maximum(np.diff(np.append(edges, size // 2 + 1)), 1)
    return np.asarray((np.add.reduceat(power, edges, axis=1) / counts).astype(np.float32))


def _band_edges(size: int, rate_hz: float) -> npt.NDArray[np.int64]:
    """First FFT bins of logarithmic bands; bands narrower than a bin share it."""
    edges = np.geomspace(LOWEST_BAND_HZ, rate_hz / 2, BANDS + 1)[:-1] * size / rate_hz
    return np.clip(edges, 0, size // 2).astype(np.int64)


def _powers(block: Samples, hop: int) -> Array:
    """Mean square over each `hop` frames and all channels; the last value covers what is left."""
    squares = np.einsum("cn,cn->n", block, block)
    if not squares.size:
        return np.zeros(1)
    starts = np.arange(0, squares.size, hop)
    counts = np.diff(np.append(starts, squares.size))
    return np.asarray(np.add.reduceat(squares, starts).astype(np.float64) / (counts * block.shape[0]))


def _autocorrelation(values: Array) -> Array:
    """Autocorrelation at all lags ≥ 0, without wrapping; short overlaps are not made up for."""
    size = 1 << (2 * values.size - 1).bit_length()
    spectrum = np.fft.rfft(values, size)
    return np.asarray(np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: values.size])

"""True peak after ITU-R BS.1770-5 Annex 2: the peak of the waveform between the samples.

The waveform is interpolated eightfold in two stages, and a parabola through the highest points does the
rest. A long windowed sinc finds the points half-way between samples; a short one is enough for the rest,
because a twofold oversampled waveform leaves it a wide transition band. Both stages are matrix products over
rows of 32 frames. A row is skipped where it can't reach what is looked for, by a bound that always holds, so
skipping never changes the result: summed by parts, what interpolation adds to a sample is a weighted sum of
the steps between samples, and steps are small in music.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.dsp.framing import Framer
from stemwright.units import gain_to_db

__all__ = [
    "CELL_FRAMES", "REACH_FRAMES", "WINDOW_FRAMES", "TruePeakMeter", "cell_peaks", "highest_peak",
    "true_peak_dbtp",
]  # fmt: skip

Array: TypeAlias = npt.NDArray[np.float64]
Stages: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Rows: TypeAlias = npt.NDArray[np.intp]

ROW_FRAMES = 32
CELL_FRAMES = 16
"""`cell_peaks` answers for stretches of so many frames."""

WINDOW_FRAMES = 32_768
"""Frames that are searched at once; a multiple of a row."""

REACH_FRAMES = 96
"""Context that the interpolation needs on both sides, rounded up to whole rows."""

_CONTEXT_ROWS = REACH_FRAMES // ROW_FRAMES
_HALF_TAPS, _HALF_BETA = 184, 7.0
_HALF_DISTANCES = np.arange(float(_HALF_TAPS)) - (_HALF_TAPS - 1) / 2
_FINE_TAPS, _FINE_BETA = 12, 9.0
_FINE_STEPS = 4
_SIDE = _FINE_TAPS // 4  # whole frames that the second stage sees beyond the row
_MIDS = ROW_FRAMES + 2 * _SIDE
_SPAN = _MIDS + _HALF_TAPS - 1
_FIRST = _SIDE + _HALF_TAPS // 2 - 1  # frames of the row's input before the row
_POINTS_PER_CELL = CELL_FRAMES * 2 * _FINE_STEPS
_TOP_BAND = 0.455  # of the sample rate: where the pass bands of usual interpolators end
_GUARD_SEARCH = 0.9
_PIECE = 24  # rows per product: so small that BLAS starts no threads, docs/decisions/small-matrix-products.md
_ROUNDING = 1e-4  # float32 search against float64 answer, relative
_PARABOLA_GAIN = 0.025  # a parabola never adds more than 1/cos(π/16) - 1 to an eightfold grid


def _kernel(distances: Array, taps: int, beta: float, *, cutoff: float = 1.0) -> Array:
    """Kaiser-windowed sinc at `distances` (in samples of its input) from the point looked for."""
    inside = np.clip(1.0 - (2.0 * distances / taps) ** 2, 0.0, None)
    kernel = np.sinc(cutoff * distances) * np.i0(beta * np.sqrt(inside)) / np.i0(beta)
    normalised: Array = kernel / kernel.sum()
    return normalised


@cache
def _half_matrix() -> Array:
    """Row input (`_SPAN` frames) to the `_MIDS` points half-way between frames."""
    return _band_matrix(_kernel(_HALF_DISTANCES, _HALF_TAPS, _HALF_BETA))


@cache
def _top_band_matrix() -> Array:
    """Row input to the same points, of what lies above `_TOP_BAND` alone."""
    narrower = _kernel(_HALF_DISTANCES, _HALF_TAPS, _HALF_BETA, cutoff=2.0 * _TOP_BAND)
    return _half_matrix() - _band_matrix(narrower)


def _band_matrix(kernel: Array) -> Array:
    matrix = np.zeros((_SPAN, _MIDS))
    for mid in range(_MIDS):
        matrix[mid : mid + _HALF_TAPS, mid] = kernel
    return matrix


@cache
def _fine_matrix() -> Array:
    """Twofold row to the eightfold points of each of its two cells, with a point more on both sides."""
    kernels = [_fine_kernel(step) for step in range(_FINE_STEPS)]
    matrix = np.zeros((2, 2 * _MIDS, _POINTS_PER_CELL + 2))
    for cell in range(2):
        for point in range(_POINTS_PER_CELL + 2):
            interval, step = divmod(cell * _POINTS_PER_CELL + point - 1, _FINE_STEPS)
            first, kernel = interval + 1, kernels[step]
            matrix[cell, first : first + kernel.size, point] = kernel
    return matrix


def _fine_kernel(step: int) -> Array:
    """Kernel for the point `step` quarters behind a twofold point."""
    taps = np.arange(float(_FINE_TAPS if step else _FINE_TAPS - 1))
    return _kernel(taps + 1.0 - (2.0 * _SIDE + step / _FINE_STEPS), _FINE_TAPS, _FINE_BETA)


@cache
def _bounds() -> tuple[float, float]:
    """How far a row's peak can be above its samples, in steps; and above its twofold points, as a factor.

    A column w of the interpolation sums to 1. With a sample c, y = Σ wᵢxᵢ is a mean of x_c and x_{c+1}, plus
    Σ_{j<c} (Σ_{i≤j} wᵢ) (x_j − x_{j+1}), plus Σ_{j>c} (Σ_{i>j} wᵢ) (x_{j+1} − x_j), if 0 ≤ Σ_{i>c} wᵢ ≤ 1.
    """
    fine = _fine_matrix()
    twofold = np.zeros((_SPAN, 2 * _MIDS))
    twofold[np.arange(_MIDS) + _HALF_TAPS // 2 - 1, np.arange(0, 2 * _MIDS, 2)] = 1.0
    twofold[:, 1::2] = _half_matrix()
    left = np.cumsum(twofold @ fine, axis=1)
    right = 1.0 - left
    steps = np.cumsum(np.abs(left), axis=1) - np.abs(left) + _sums_behind(np.abs(right))
    possible = np.where((right >= 0.0) & (right <= 1.0), steps, np.inf)
    return float(possible.min(axis=1).max()), float(np.abs(fine).sum(axis=1).max())


def _sums_behind(weights: Array) -> Array:
    """Sum of all that stands behind each row."""
    sums: Array = weights.sum(axis=1, keepdims=True) - np.cumsum(weights, axis=1)
    return sums


@cache
def _single() -> Stages:
    """Both stages for the search."""
    return _half_matrix().astype(np.float32), _fine_matrix().astype(np.float32)


@cache
def _double() -> Stages:
    """Both stages for the answer."""
    return _half_matrix(), _fine_matrix()


def cell_peaks(window: Samples, threshold: float, *, guarded: bool = False) -> Array:
    """Find the true peaks above `threshold` in every stretch of `CELL_FRAMES` frames.

    Parameters
    ----------
    window : Samples [shape=(channels, REACH_FRAMES + n + REACH_FRAMES)]
        The body of n frames, a multiple of 32, with its context.
    threshold : float
        Amplitude > 0 that matters.
    guarded : bool
        Add the magnitude of what lies above 0.455 of the sample rate. Meters differ in how much of that
        top band they let through, so this is a peak that none of them exceeds.

    Returns
    -------
    Array [shape=(n / CELL_FRAMES,)]
        The highest magnitude of the waveform in the stretch, over all channels; 0 where it is not above
        `threshold`.
    """
    searched = threshold * _GUARD_SEARCH if guarded else threshold
    peaks = np.zeros((window.shape[0], _rows_in(window), 2))
    if _ceiling(window) <= searched:
        return np.zeros(peaks[0].size)
    channel, row, _ = _search(window, _row_maxima(np.abs(window)), searched)
    if row.size:
        peaks[channel, row] = _answer(window, channel, row)
        if guarded:
            peaks[channel, row] += _top_band_peak(window, channel, row)[:, np.newaxis]
    linked: Array = peaks.max(axis=0).reshape(-1)
    return np.where(linked > threshold, linked, 0.0)


def highest_peak(window: Samples, floor: float) -> float:
    """Find the true peak of a window, or return `floor` where nothing is above it."""
    if _ceiling(window) <= floor:
        return floor
    maxima = _row_maxima(np.abs(window))
    threshold = max(floor, float(maxima[:, _CONTEXT_ROWS:-_CONTEXT_ROWS].max()))
    channel, row, coarse = _search(window, maxima, threshold)
    if not row.size:
        return threshold
    best = coarse > coarse.max() / (1.0 + _PARABOLA_GAIN)
    return max(threshold, float(_answer(window, channel[best], row[best]).max()))


class TruePeakMeter:
    """Measure the true peak of a stream.

    Parameters
    ----------
    channels : int
        Of every block.
    """

    def __init__(self, channels: int) -> None:
        self._framer = Framer(channels, WINDOW_FRAMES, reach=REACH_FRAMES)
        self._peak = 0.0

    def feed(self, block: Samples) -> None:
        """Take the next block of the stream."""
        for window in self._framer.push(block):
            self._peak = highest_peak(window, self._peak)

    def result_dbtp(self) -> float:
        """Say the true peak of what was fed so far, in dBTP; `SILENCE_DB` for silence."""
        rest = copy.deepcopy(self._framer)
        peak = self._peak
        for window in rest.flush():
            peak = highest_peak(window, peak)
        return gain_to_db(peak)


def true_peak_dbtp(source: AudioSource) -> float:
    """Measure the true peak of `source` over all channels, in dBTP."""
    meter = TruePeakMeter(source.channels)
    for block in iter_blocks(source):
        meter.feed(block)
    return meter.result_dbtp()


def _rows_in(window: Samples) -> int:
    return int((window.shape[1] - 2 * REACH_FRAMES) // ROW_FRAMES)


def _row_maxima(magnitudes: Samples) -> Samples:
    """Largest magnitude in every row, context included."""
    rows = magnitudes.reshape(magnitudes.shape[0], -1, ROW_FRAMES)
    # Reducing the leading axis of a transposed copy is several times faster than short rows.
    maxima: Samples = np.ascontiguousarray(rows.transpose(2, 0, 1)).max(axis=0)
    return maxima


def _ceiling(window: Samples) -> float:
    """Bound on the true peak of a whole window: the same as for its rows, at a tenth of the cost."""
    steps = window[:, 1:] - window[:, :-1]
    highest, steepest = (max(float(part.max()), -float(part.min())) for part in (window, steps))
    return (highest + steepest * _bounds()[0]) * (1.0 + _PARABOLA_GAIN) * (1.0 + _ROUNDING)


def _reaching(window: Samples, maxima: Samples, threshold: float) -> tuple[Rows, Rows]:
    """Channel and row of everything that the bound does not rule out."""
    steps = np.zeros_like(window)
    np.subtract(window[:, 1:], window[:, :-1], out=steps[:, :-1])
    largest = _sliding_max(_row_maxima(np.abs(steps, out=steps)), 2 * _CONTEXT_ROWS + 1)
    around = _sliding_max(maxima[:, _CONTEXT_ROWS - 1 : 1 - _CONTEXT_ROWS], 3)
    bound = (around + largest * np.float32(_bounds()[0])) * np.float32(1.0 + _PARABOLA_GAIN)
    channel, row = np.nonzero(bound > threshold)
    return channel, row


def _search(window: Samples, maxima: Samples, threshold: float) -> tuple[Rows, Rows, Samples]:
    """Channel and row of what may exceed `threshold`, with the peak on the eightfold grid (float32)."""
    half, fine = _single()
    threshold *= 1.0 - _ROUNDING
    channel, row = _reaching(window, maxima, threshold)
    twofold = _twofold(_inputs(window, channel, row), half)
    reached = np.abs(twofold).max(axis=1, initial=0.0)[: row.size]
    (keep,) = np.nonzero(reached * _bounds()[1] > threshold)
    coarse = np.abs(_eightfold(twofold[_whole(keep)], fine)).max(axis=(1, 3)).reshape(-1)[: keep.size]
    exceeding = coarse * (1.0 + _PARABOLA_GAIN) > threshold
    keep = keep[exceeding]
    return channel[keep], row[keep], coarse[exceeding]


def _whole(index: Rows) -> Rows:
    """Repeat the first entry until whole pieces of `_PIECE` are there."""
    return np.concatenate([index, np.repeat(index[:1], -index.size % _PIECE)])


def _inputs(window: Samples, channel: Rows, row: Rows) -> Samples:
    """Gather what the interpolation of the given rows needs, shaped ``(rows in whole pieces, _SPAN)``."""
    spans = sliding_window_view(window, _SPAN, axis=1)[:, REACH_FRAMES - _FIRST :: ROW_FRAMES]
    return spans[_whole(channel), _whole(row)]


def _twofold(inputs: npt.NDArray[Any], half: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Frames and the points half-way between them, shaped ``(rows, 2 * _MIDS)``."""
    twofold = np.empty((len(inputs), 2 * _MIDS), inputs.dtype)
    twofold[:, 0::2] = inputs[:, _HALF_TAPS // 2 - 1 : _HALF_TAPS // 2 - 1 + _MIDS]
    twofold[:, 1::2] = (inputs.reshape(-1, _PIECE, _SPAN) @ half).reshape(-1, _MIDS)
    return twofold


def _eightfold(twofold: npt.NDArray[Any], fine: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """All points, shaped ``(pieces, 2 cells, _PIECE rows, points)``."""
    points: npt.NDArray[Any] = twofold.reshape(-1, 1, _PIECE, 2 * _MIDS) @ fine
    return points


def _top_band_peak(window: Samples, channel: Rows, row: Rows) -> Array:
    """Highest magnitude of the top band at the points half-way between the frames of each row."""
    inputs = _inputs(window, channel, row).astype(np.float64)
    points = inputs.reshape(-1, _PIECE, _SPAN) @ _top_band_matrix()
    peak: Array = np.abs(points).max(axis=2).reshape(-1)[: row.size]
    return peak


def _answer(window: Samples, channel: Rows, row: Rows) -> Array:
    """Peak of both cells of each row, in float64: a parabola through the highest points of the grid."""
    half, fine = _double()
    points = _eightfold(_twofold(_inputs(window, channel, row).astype(np.float64), half), fine)
    cells = points.transpose(1, 0, 2, 3).reshape(2, -1, points.shape[3])[:, : row.size]
    return np.stack([_vertex(cell) for cell in cells], axis=1)


def _vertex(points: Array) -> Array:
    """Largest magnitude of each row of points between its second and last but one."""
    index = np.abs(points[:, 1:-1]).argmax(axis=1) + 1
    row = np.arange(len(points))
    before, peak, after = (points[row, index + step] for step in (-1, 0, 1))
    slope, bend = (after - before) / 2.0, np.abs(after - 2.0 * peak + before)
    added = np.where(np.abs(slope) <= bend, slope**2 / (2.0 * np.maximum(bend, 1e-30)), 0.0)
    highest: Array = np.abs(peak) + np.minimum(added, _PARABOLA_GAIN * np.abs(peak))
    return highest


def _sliding_max(rows: Samples, count: int) -> Samples:
    """Largest of every `count` neighbours, an odd number below 8."""
    highest: Samples = rows[:, : rows.shape[1] - count + 1].copy()
    for shift in range(1, count):
        np.maximum(highest, rows[:, shift : shift + highest.shape[1]], out=highest)
    return highest

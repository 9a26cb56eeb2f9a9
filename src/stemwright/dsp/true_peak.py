"""True peak after ITU-R BS.1770-5 Annex 2: the peak of the waveform between the samples.

The waveform is interpolated eightfold in two stages, and a parabola through the highest points does the
rest. A long windowed sinc finds the points half-way between samples; a short one is enough for the rest,
because a twofold oversampled waveform leaves it a wide transition band. Both stages are matrix products over
rows of 32 frames. A row is skipped where its samples times the sum of the kernel's magnitudes can't reach
what is looked for; that bound is exact, so skipping never changes the result.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TypeAlias

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
Float: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]

ROW_FRAMES = 32
CELL_FRAMES = 16
"""`cell_peaks` answers for stretches of so many frames."""

WINDOW_FRAMES = 16_384
"""Frames that are searched at once; a multiple of a row."""

REACH_FRAMES = 96
"""Context that the interpolation needs on both sides, rounded up to whole rows."""

_CONTEXT_ROWS = REACH_FRAMES // ROW_FRAMES
_HALF_TAPS, _HALF_BETA = 184, 7.0
_FINE_TAPS, _FINE_BETA = 12, 9.0
_FINE_STEPS = 4
_SIDE = _FINE_TAPS // 4  # whole frames that the second stage sees beyond the row
_MIDS = ROW_FRAMES + 2 * _SIDE
_SPAN = _MIDS + _HALF_TAPS - 1
_FIRST = _SIDE + _HALF_TAPS // 2 - 1  # frames of the row's input before the row
_POINTS_PER_CELL = CELL_FRAMES * 2 * _FINE_STEPS
_ROUNDING = 1e-4  # float32 search against float64 answer, relative
_PARABOLA_GAIN = 0.025  # a parabola never adds more than 1/cos(π/16) - 1 to an eightfold grid


def _kernel(distances: Array, taps: int, beta: float) -> Array:
    """Kaiser-windowed sinc at `distances` (in samples of its input) from the point looked for."""
    inside = np.clip(1.0 - (2.0 * distances / taps) ** 2, 0.0, None)
    kernel: Array = np.sinc(distances) * np.i0(beta * np.sqrt(inside)) / np.i0(beta)
    return kernel / kernel.sum()


@cache
def _half_matrix() -> Array:
    """Row input (`_SPAN` frames) to the `_MIDS` points half-way between frames."""
    kernel = _kernel(np.arange(_HALF_TAPS) - (_HALF_TAPS - 1) / 2, _HALF_TAPS, _HALF_BETA)
    matrix = np.zeros((_SPAN, _MIDS))
    for mid in range(_MIDS):
        matrix[mid : mid + _HALF_TAPS, mid] = kernel
    return matrix


@cache
def _fine_matrix() -> Array:
    """Twofold row to the eightfold one: from half a frame before the row to the frame behind it."""
    before = _FINE_TAPS // 2 - 1
    points = (2 * _MIDS - _FINE_TAPS + 1) * _FINE_STEPS + 1
    matrix = np.zeros((2 * _MIDS, points))
    for point in range(points):
        interval, step = divmod(point, _FINE_STEPS)
        taps = np.arange(_FINE_TAPS if step else _FINE_TAPS - 1)
        distances = taps - before - step / _FINE_STEPS
        matrix[interval + taps, point] = _kernel(distances, _FINE_TAPS, _FINE_BETA)
    return matrix


@cache
def _bounds() -> tuple[float, float]:
    """How far a row's peak can be above its samples, and above its twofold points."""
    fine, half = _fine_matrix(), _half_matrix()
    twofold = np.zeros((_SPAN, 2 * _MIDS))
    twofold[np.arange(_MIDS) + _HALF_TAPS // 2 - 1, np.arange(0, 2 * _MIDS, 2)] = 1.0
    twofold[:, 1::2] = half
    from_samples = np.abs(twofold @ fine).sum(axis=0).max()
    return float(from_samples), float(np.abs(fine).sum(axis=0).max())


@cache
def _matrices(double: bool) -> tuple[Float, Float]:  # noqa: FBT001 - the cache key
    dtype = np.float64 if double else np.float32
    return _half_matrix().astype(dtype), _fine_matrix().astype(dtype)


def cell_peaks(window: Samples, threshold: float) -> Array:
    """Find the true peaks above `threshold` in every stretch of `CELL_FRAMES` frames.

    Parameters
    ----------
    window : Samples [shape=(channels, REACH_FRAMES + n + REACH_FRAMES)]
        The body of n frames, a multiple of 32, with its context.
    threshold : float
        Amplitude > 0 that matters.

    Returns
    -------
    Array [shape=(n / CELL_FRAMES,)]
        The highest magnitude of the waveform in the stretch, over all channels; 0 where it is not above
        `threshold`.
    """
    peaks = np.zeros((window.shape[0], _rows_in(window), 2))
    channel, row, coarse = _search(window, threshold)
    if row.size:
        exceeding = coarse * (1.0 + _PARABOLA_GAIN) > threshold
        channel, row = channel[exceeding], row[exceeding]
        peaks[channel, row] = _answer(window, channel, row)
    linked: Array = peaks.max(axis=0).reshape(-1)
    return np.where(linked > threshold, linked, 0.0)


def highest_peak(window: Samples, floor: float) -> float:
    """Find the true peak of a window, or return `floor` where nothing is above it."""
    threshold = max(floor, float(_row_maxima(window)[:, _CONTEXT_ROWS:-_CONTEXT_ROWS].max()))
    channel, row, coarse = _search(window, threshold)
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
        """True peak of what was fed so far, in dBTP; `SILENCE_DB` for silence."""
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
    return (window.shape[1] - 2 * REACH_FRAMES) // ROW_FRAMES


def _row_maxima(window: Samples) -> Samples:
    """Sample peak of every row, context included."""
    rows = np.abs(window).reshape(window.shape[0], -1, ROW_FRAMES)
    # Reducing the leading axis of a transposed copy is several times faster than short rows.
    return np.ascontiguousarray(rows.transpose(2, 0, 1)).max(axis=0)


def _search(window: Samples, threshold: float) -> tuple[Rows, Rows, Samples]:
    """Channel and row of what may exceed `threshold`, with the peak on the eightfold grid (float32)."""
    from_samples, from_twofold = _bounds()
    threshold *= 1.0 - _ROUNDING
    maxima = _row_maxima(window)
    near = sliding_window_view(maxima, 2 * _CONTEXT_ROWS + 1, axis=1).max(axis=2)
    channel, row = np.nonzero(near * from_samples > threshold)
    twofold = _twofold(window, channel, row, double=False)
    keep = _largest(twofold) * from_twofold > threshold
    channel, row = channel[keep], row[keep]
    coarse = _largest(twofold[keep] @ _matrices(False)[1])
    keep = coarse * (1.0 + _PARABOLA_GAIN) > threshold
    return channel[keep], row[keep], coarse[keep]


def _twofold(window: Samples, channel: Rows, row: Rows, *, double: bool) -> Float:
    """Frames and the points half-way between them, for the given rows with their surroundings."""
    half, _ = _matrices(double)
    spans = sliding_window_view(window, _SPAN, axis=1)[:, REACH_FRAMES - _FIRST :: ROW_FRAMES]
    inputs = spans[channel, row].astype(half.dtype, copy=False)
    twofold = np.empty((row.size, 2 * _MIDS), half.dtype)
    twofold[:, 0::2] = inputs[:, _HALF_TAPS // 2 - 1 : _HALF_TAPS // 2 - 1 + _MIDS]
    np.matmul(inputs, half, out=twofold[:, 1::2])
    return twofold


def _answer(window: Samples, channel: Rows, row: Rows) -> Array:
    """True peak of both cells of the given rows, in float64, from a parabola through the grid's highest."""
    points = _twofold(window, channel, row, double=True) @ _matrices(True)[1]
    start = _FINE_STEPS
    cells = sliding_window_view(points, _POINTS_PER_CELL + 2, axis=1)[:, start - 1 :: _POINTS_PER_CELL]
    index = np.abs(cells[:, :, 1:-1]).argmax(axis=2) + 1
    before, peak, after = (
        np.take_along_axis(cells, (index + step)[:, :, np.newaxis], axis=2)[:, :, 0] for step in (-1, 0, 1)
    )
    slope, bend = (after - before) / 2.0, np.abs(after - 2.0 * peak + before)
    added = np.where(np.abs(slope) <= bend, slope**2 / (2.0 * np.maximum(bend, 1e-30)), 0.0)
    return np.abs(peak) + np.minimum(added, _PARABOLA_GAIN * np.abs(peak))


def _largest(rows: Float) -> Samples:
    largest: Samples = np.maximum(rows.max(axis=1, initial=0.0), -rows.min(axis=1, initial=0.0))
    return largest

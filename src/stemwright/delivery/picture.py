"""Pictures of audio for the report: a waveform of all frames, a spectrogram of windows spread over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples
from stemwright.delivery.png import LEVELS
from stemwright.units import gain_to_db

__all__ = ["TrackPicture", "picture_of"]

Line: TypeAlias = npt.NDArray[np.float32]

COLUMNS = 900
BANDS = 84
WINDOW_FRAMES = 4_096
SPECTROGRAM_SHARE = 2
"""Waveform columns for each column of the spectrogram."""

LOW_HZ, HIGH_HZ = 30.0, 20_000.0
SPAN_DB = 72.0
FAINTEST_TOP_DB = -60.0
"""A track whose loudest band is below this looks as faint as it is."""
_CHUNK_FRAMES = 262_144


@dataclass(frozen=True, eq=False)
class TrackPicture:
    """What a track looks like.

    Attributes
    ----------
    low, high : Line [shape=(columns,)]
        Lowest and highest sample of each column, over all channels and frames.
    rms : Line [shape=(columns,)]
        Level of each column, linear.
    levels : uint8 [shape=(bands, columns)]
        Spectrogram, the highest band on top, 0 to ``LEVELS - 1``; equal steps in dB, the top is the loudest
        band of the track, 72 dB in all.
    frames, sample_rate : int
        Of the track.
    frames_per_column : int
        Frames in each column of the waveform; the last one may hold fewer.
    high_hz : float
        Upper edge of the spectrogram.
    """

    low: Line
    high: Line
    rms: Line
    levels: npt.NDArray[np.uint8]
    frames: int
    sample_rate: int
    frames_per_column: int
    high_hz: float = HIGH_HZ

    @property
    def peak_dbfs(self) -> float:
        """Highest sample in dBFS."""
        return gain_to_db(max(float(self.high.max(initial=0.0)), -float(self.low.min(initial=0.0))))


def picture_of(source: AudioSource, *, columns: int = COLUMNS) -> TrackPicture:
    """Draw a source of any length in one pass and bounded memory.

    Parameters
    ----------
    source : AudioSource
        The track.
    columns : int
        Most columns of the waveform; fewer for very short tracks.

    Returns
    -------
    TrackPicture
        Peaks and level from every frame; the spectrogram from one window of 4,096 frames per column.
    """
    per_column = max(1, -(-source.frames // columns))
    count = -(-source.frames // per_column)
    low, high, power = (np.zeros(count, np.float32) for _ in range(3))
    centres = _centres(source.frames, min(count, max(1, columns // SPECTROGRAM_SHARE)))
    spectra = np.zeros((len(centres), BANDS), np.float32)
    for start, body, windows, first in _chunks(source, per_column, centres):
        at = slice(start // per_column, start // per_column + -(-body.shape[1] // per_column))
        low[at], high[at], power[at] = _columns(body, per_column)
        if len(windows):
            spectra[first : first + len(windows)] = _band_powers(windows, source.sample_rate)
    return TrackPicture(
        low, high, np.sqrt(power), _levels(spectra), source.frames, source.sample_rate, per_column,
        min(HIGH_HZ, source.sample_rate / 2),
    )  # fmt: skip


def _centres(frames: int, count: int) -> npt.NDArray[np.int64]:
    return (
        ((np.arange(count) + 0.5) * (frames / max(count, 1))).astype(np.int64)
        if frames
        else np.zeros(0, np.int64)
    )


def _chunks(
    source: AudioSource, per_column: int, centres: npt.NDArray[np.int64]
) -> Iterator[tuple[int, Samples, Line, int]]:
    """Read whole columns with half a window on both sides; yield them and the windows centred in them."""
    half = WINDOW_FRAMES // 2
    size = max(1, _CHUNK_FRAMES // per_column) * per_column
    for start in range(0, source.frames, size):
        frames = min(size, source.frames - start)
        before = min(half, start)
        read = source.read(start - before, before + frames + half)
        first, last = np.searchsorted(centres, (start, start + frames))
        windows = _windows(read, centres[first:last] - (start - before))
        yield start, read[:, before : before + frames], windows, int(first)


def _windows(read: Samples, centres: npt.NDArray[np.int64]) -> Line:
    """Cut windows around `centres` out of the mean of all channels; silence outside."""
    half = WINDOW_FRAMES // 2
    windows = np.zeros((len(centres), WINDOW_FRAMES), np.float32)
    for window, centre in zip(windows, centres, strict=True):
        start, stop = max(centre - half, 0), min(centre + half, read.shape[1])
        part = window[start - centre + half : stop - centre + half]
        if len(read) == 1:
            part[:] = read[0, start:stop]
        else:
            read[:, start:stop].mean(axis=0, out=part)
    return windows


def _columns(body: Samples, per_column: int) -> tuple[Line, Line, Line]:
    """Lowest, highest and mean square of each column; a short last column counts what it has."""
    channels, frames = body.shape
    whole = frames // per_column * per_column
    parts = [body[:, :whole].reshape(channels, -1, per_column)]
    if whole < frames:
        parts.append(body[:, np.newaxis, whole:])
    low = np.concatenate([part.min(axis=2).min(axis=0) for part in parts])
    high = np.concatenate([part.max(axis=2).max(axis=0) for part in parts])
    power = np.concatenate(
        [np.einsum("ckn,ckn->k", part, part) / (channels * part.shape[2]) for part in parts]
    )
    return _finite(low), _finite(high), _finite(power)


def _finite(line: Line) -> Line:
    """Draw what is not a number as nothing, and what is infinite at the edge."""
    if np.isfinite(line).all():
        return line
    return np.nan_to_num(line, nan=0.0, posinf=1.0, neginf=-1.0)


def _band_powers(windows: Line, sample_rate: int) -> Line:
    """Power in each band of each window; a full-scale sine reads about 0 dB."""
    # norm="forward" keeps float32: with the usual norm numpy transforms in float64, at half the speed
    spectra = np.fft.rfft(_finite(windows) * _hann(), norm="forward")
    powers = np.square(spectra.real) + np.square(spectra.imag)
    starts, between = _bands(sample_rate)
    wide = np.add.reduceat(powers, starts, axis=1)[:, :-1] if len(starts) > 1 else powers[:, :0]
    below = between.astype(np.int64)
    share = (between - below).astype(np.float32)
    narrow = powers[:, below] * (1.0 - share) + powers[:, below + 1] * share
    return np.concatenate([narrow, wide], axis=1) * np.float32(4.0**2)


@cache
def _hann() -> Line:
    return np.hanning(WINDOW_FRAMES).astype(np.float32)


@cache
def _bands(sample_rate: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Bands that stand evenly on a logarithmic axis: those wider than a bin sum bins, others interpolate.

    Returns
    -------
    starts, between
        First bin of each wide band with the end of the last one, and place of each narrow band between bins.
    """
    edges = np.geomspace(LOW_HZ, min(HIGH_HZ, sample_rate / 2), BANDS + 1) * (WINDOW_FRAMES / sample_rate)
    narrow = int((np.diff(edges) < 1.0).sum())
    starts = np.minimum(np.round(edges[narrow:]).astype(np.int64), WINDOW_FRAMES // 2)
    return starts, np.sqrt(edges[:narrow] * edges[1 : narrow + 1])


def _levels(powers: Line) -> npt.NDArray[np.uint8]:
    """Turn band powers into steps of the palette, the highest band first."""
    levels_db = 10.0 * np.log10(np.maximum(np.nan_to_num(powers), 1e-20))
    top = max(float(levels_db.max(initial=FAINTEST_TOP_DB)), FAINTEST_TOP_DB)
    steps = np.clip((levels_db - (top - SPAN_DB)) / SPAN_DB, 0.0, 1.0) * (LEVELS - 1)
    return np.ascontiguousarray(np.round(steps).astype(np.uint8).T[::-1])

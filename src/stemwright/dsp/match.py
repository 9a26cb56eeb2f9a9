"""Give one record the long-term spectrum of another: smooth, limited, linear-phase.

The average spectra of both (Welch's method) are read in third-octave bands every sixth of an octave, each
normalised to its own K-weighted power, so level plays no part. Their difference, limited and scaled, becomes
a zero-phase equaliser applied by overlap-save on a fixed raster.

Sources: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans.
Audio Electroacoust. 15(2), 1967; overlap-save as in Oppenheim & Schafer, *Discrete-Time Signal Processing*,
3rd ed., 8.7.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks
from stemwright.dsp.framing import Framer
from stemwright.dsp.k_weighting import k_weighting_coefficients
from stemwright.errors import InputError

__all__ = ["EqCurve", "Spectrum", "apply_curve", "long_term_spectrum", "match_curve"]

Array: TypeAlias = npt.NDArray[np.float64]

MAX_DB = 9.0
"""No band is raised or lowered by more."""

BANDS_HZ: Array = 1000.0 * 2.0 ** (np.arange(-32, 28) / 6.0)
"""Centres of the bands: 25 Hz to 22.6 kHz, six an octave."""

_HALF_BAND_OCTAVES = 1.0 / 6.0
_WINDOW_S = 0.17  # 8192 frames at 48 kHz: 6 Hz between the lines, which is what 60 Hz needs
_FLOOR_DB = -70.0  # below the strongest band: codec floors and dither are not the music's spectrum
_WINDOWS_AT_ONCE = 8  # half-overlapping: one transform of many costs less than many of one


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Long-term average spectrum.

    Attributes
    ----------
    levels_db : tuple[float, ...]
        Power density in each of `BANDS_HZ`, relative to the K-weighted power of the whole; -inf where there
        is nothing or the sample rate does not reach.
    """

    levels_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EqCurve:
    """An equaliser: `gains_db` at `BANDS_HZ`, straight lines between them over the logarithm of frequency."""

    gains_db: tuple[float, ...]

    @property
    def is_flat(self) -> bool:
        """True when it changes nothing."""
        return not any(self.gains_db)

    def kernel(self, sample_rate: int) -> Array:
        """Symmetric impulse response, an odd number of taps, 1 at its centre for a flat curve."""
        size = 1 << round(math.log2(_WINDOW_S * sample_rate))
        lines_hz = np.maximum(np.fft.rfftfreq(2 * size, 1.0 / sample_rate), 1e-3)
        gains_db = np.interp(np.log(lines_hz), np.log(BANDS_HZ), self.gains_db)
        response = np.fft.irfft(10.0 ** (gains_db / 20.0))
        return np.roll(response, size // 2)[: size + 1] * np.hanning(size + 3)[1:-1]


def long_term_spectrum(source: AudioSource) -> Spectrum:
    """Measure the long-term average spectrum of `source`, all channels together; streamed."""
    size = 1 << round(math.log2(_WINDOW_S * source.sample_rate))
    framer = Framer(source.channels, _WINDOWS_AT_ONCE * size // 2, reach=size // 4)
    taper = np.hanning(size + 1)[:-1].astype(np.float32)
    power = np.zeros(size // 2 + 1)
    for block in iter_blocks(source):
        for window in framer.push(block):
            power += _welch(window, taper)
    for window in framer.flush():
        power += _welch(window, taper)
    lines_hz = np.asarray(np.fft.rfftfreq(size, 1.0 / source.sample_rate), np.float64)
    total = float((power * _k_power(lines_hz, source.sample_rate)).sum())
    if not total:
        return Spectrum((-math.inf,) * len(BANDS_HZ))
    return Spectrum(tuple(_band_levels(power / total / lines_hz[1], lines_hz).tolist()))


def match_curve(source: Spectrum, reference: Spectrum, *, amount: float) -> EqCurve:
    """Find the equaliser that moves `source` towards `reference`.

    Parameters
    ----------
    source, reference : Spectrum
        What there is, and what it should sound like.
    amount : float
        0 leaves everything as it is, 1 goes all the way, up to `MAX_DB`.

    Raises
    ------
    InputError
        When `amount` is outside 0 to 1, or one of the two is silent.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"A match amount of {amount:g} is outside 0 to 1.", way_out="0.5 goes half the way.")
    have, want = np.array(source.levels_db), np.array(reference.levels_db)
    for levels, name in ((have, "The master's source"), (want, "The record to match")):
        if not np.isfinite(levels).any():
            raise InputError(f"{name} is silent: it has no spectrum to match.")
    sound = (have > have.max() + _FLOOR_DB) & (want > want.max() + _FLOOR_DB)
    if not sound.any():
        return EqCurve((0.0,) * len(BANDS_HZ))
    known = np.interp(np.arange(len(have)), np.nonzero(sound)[0], want[sound] - have[sound])
    gains = np.clip(known, -MAX_DB, MAX_DB) * amount
    return EqCurve(tuple(gains.tolist()))


def apply_curve(blocks: Blocks, curve: EqCurve, *, sample_rate: int) -> Iterator[Samples]:
    """Equalise a stream without moving anything in time.

    Parameters
    ----------
    blocks : Blocks
        The stream; silence is assumed before its start and behind its end.
    curve : EqCurve
        A flat one passes the very same samples on.
    sample_rate : int
        In Hz.

    Yields
    ------
    Samples
        Exactly as many frames as came in, bit for bit the same however the stream was cut.
    """
    if curve.is_flat:
        yield from blocks
        return
    stream = iter(blocks)
    first = next(stream, None)
    if first is None:
        return
    kernel = curve.kernel(sample_rate)
    reach, size = len(kernel) // 2, 4 * (len(kernel) - 1)
    response = np.fft.rfft(np.roll(np.pad(kernel, (0, size - len(kernel))), -reach)).real.astype(np.float32)
    framer, given = Framer(first.shape[0], size - 2 * reach, reach=reach), 0
    for block in chain([first], stream):
        for window in framer.push(block):
            yield _equalised(window, response, reach)
            given += framer.frames
    for window in framer.flush():
        yield _equalised(window, response, reach)[:, : framer.total - given]
        given += framer.frames


def _equalised(window: Samples, response: Samples, reach: int) -> Samples:
    spectrum = np.fft.rfft(window, axis=1)
    spectrum *= response
    body = np.fft.irfft(spectrum, window.shape[1], axis=1)[:, reach:-reach]
    return np.ascontiguousarray(body, dtype=np.float32)


def _welch(window: Samples, taper: Samples) -> Array:
    """Sum the power spectra of half-overlapping windows."""
    size = len(taper)
    pieces = np.lib.stride_tricks.sliding_window_view(window, size, axis=1)[:, :: size // 2]
    spectra = np.fft.rfft(pieces * taper, axis=2)
    power: Array = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=(0, 1), dtype=np.float64)
    return power


def _k_power(lines_hz: Array, sample_rate: int) -> Array:
    """Power response of K-weighting."""
    delay = np.exp(-2j * np.pi * lines_hz / sample_rate)
    power = np.ones(len(lines_hz))
    for b0, b1, b2, a0, a1, a2 in k_weighting_coefficients(sample_rate):
        power *= np.abs((b0 + b1 * delay + b2 * delay**2) / (a0 + a1 * delay + a2 * delay**2)) ** 2
    return power


def _band_levels(density: Array, lines_hz: Array) -> Array:
    """Mean density in each band; lines at a band's edge count by the part that lies in it."""
    lows, highs = BANDS_HZ * 2.0**-_HALF_BAND_OCTAVES, BANDS_HZ * 2.0**_HALF_BAND_OCTAVES
    step = lines_hz[1]
    edges = np.concatenate([lines_hz - step / 2.0, [lines_hz[-1] + step / 2.0]])
    cumulative = np.concatenate([[0.0], np.cumsum(density)]) * step
    inside = np.interp(highs, edges, cumulative) - np.interp(lows, edges, cumulative)
    inside[highs > lines_hz[-1]] = 0.0
    with np.errstate(divide="ignore"):
        levels: Array = 10.0 * np.log10(np.maximum(inside, 0.0) / (highs - lows))
    return levels

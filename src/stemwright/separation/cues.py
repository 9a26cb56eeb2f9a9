"""What can be seen in a spectrogram that tells a voice, drums, a bass and chords apart; no weights, no state.

All cues are differences of logarithms, so they do not depend on the level of the song. They look at most
`REACH` frames to either side, so a song can be cut anywhere.

Sources: steadiness over time against smoothness over frequency, after D. FitzGerald, "Harmonic/percussive
separation using median filtering", DAFx 2010 (here means of logarithms take the place of medians: a fortieth
of the time); coherence of the channels as the share of what stands in the centre, after C. Avendano & J.-M.
Jot, "Frequency domain techniques for stereo to multichannel upmix", AES 22nd Conf. 2002; harmonic sum, after
D. J. Hermes, "Measurement of pitch by subharmonic summation", JASA 83(1), 1988.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.separation.protocol import SAMPLE_RATE_HZ

__all__ = ["FFT_FRAMES", "HOP_FRAMES", "REACH", "Plane", "Spectra", "cues"]

Plane: TypeAlias = npt.NDArray[np.float32]
"""float32, shape ``(frames, lines)``."""

Spectra: TypeAlias = npt.NDArray[np.complex64]
"""complex64, shape ``(2, frames, lines)``."""

FFT_FRAMES = 4096
HOP_FRAMES = FFT_FRAMES // 4
REACH = 28

_FLOOR = np.float32(1e-9)  # about −170 dB of a full-scale sine in this transform
_LINE_HZ = SAMPLE_RATE_HZ / FFT_FRAMES
_VOICE_HZ = (110.0, 800.0)
_BASS_HZ = (38.0, 160.0)


def cues(spectra: Spectra) -> Iterator[Plane]:
    """Yield the cues of a stretch of song, always in the same order.

    Parameters
    ----------
    spectra : Spectra [shape=(2, frames, lines)]
        Of left and right.

    Yields
    ------
    Plane [shape=(frames, lines)]
        Above its mean over ±5 frames; tonal now; tonal over ±5 frames; peak among its neighbours; onset;
        broad-band above its mean over ±14 frames; modulation depth; voice comb; bass comb; onset of the whole
        frame; centre (last: a mono song has none).
    """
    power = _power(spectra[0]) + _power(spectra[1])
    level = np.log(power + _FLOOR)
    broad = _over_lines(level, 12)
    rise = _rise(broad)
    steady = _over_time(level, 5)
    yield np.clip(level - steady, -6, 6)
    yield np.clip(_over_time(level, 3) - _over_lines(level, 4), -8, 8)
    yield np.clip(steady - _over_lines(steady, 8), -8, 8)
    yield np.clip(level - _over_lines(level, 8), -8, 8)
    yield np.clip(rise, -1, 5)
    yield np.clip(broad - _over_time(broad, 14), -4, 4)
    yield np.clip(np.sqrt(_over_time(np.square(level - _over_time(level, 14)), 14)), 0, 4)
    middle = np.log(_power(spectra[0] + spectra[1]) + _FLOOR)
    white = np.minimum(np.exp(0.5 * (middle - _over_lines(middle, 12))), np.float32(4))
    yield _comb(white, _VOICE_HZ, harmonics=10, per_octave=36)
    yield _comb(white, _BASS_HZ, harmonics=6, per_octave=24)
    yield np.broadcast_to(np.clip(rise[:, 40:1200].mean(axis=1, keepdims=True), -1, 4), level.shape)
    yield _centre(spectra)


def _power(spectrum: npt.NDArray[np.complex64]) -> Plane:
    power: Plane = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


def _over_time(plane: Plane, reach: int) -> Plane:
    """Mean over ``2 * reach + 1`` frames; the ends repeat."""
    sums = np.cumsum(np.pad(plane, ((reach + 1, reach), (0, 0)), mode="edge"), axis=0)
    mean: Plane = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) * np.float32(1 / (2 * reach + 1))
    return np.maximum(mean, 0, out=mean) if plane.min(initial=0) >= 0 else mean


def _over_lines(plane: Plane, reach: int) -> Plane:
    """Mean over ``2 * reach + 1`` lines; the ends repeat."""
    sums = np.cumsum(np.pad(plane, ((0, 0), (reach + 1, reach)), mode="edge"), axis=1)
    mean: Plane = (sums[:, 2 * reach + 1 :] - sums[:, : -2 * reach - 1]) * np.float32(1 / (2 * reach + 1))
    return mean


def _rise(broad: Plane) -> Plane:
    """Growth of the broad-band level within two frames (46 ms)."""
    rise = np.zeros_like(broad)
    rise[2:] = broad[2:] - broad[:-2]
    return rise


def _comb(white: Plane, range_hz: tuple[float, float], *, harmonics: int, per_octave: int) -> Plane:
    """Say of each line how much it is a harmonic of the strongest pitch within `range_hz`, as it is heard."""
    low, high = range_hz
    steps = int(np.log2(high / low) * per_octave) + 1
    pitches = low * 2.0 ** (np.arange(steps) / per_octave)
    sums = np.zeros((len(white), steps), np.float32)
    for number in range(1, harmonics + 1):
        on, between = (np.rint(pitches * k / _LINE_HZ).astype(np.intp) for k in (number, number - 0.5))
        sums += np.float32(0.84 ** (number - 1)) * (white[:, on] - white[:, between])
    sums = _over_time(sums, 1) / np.float32((1 - 0.84**harmonics) / (1 - 0.84))
    best = sums.argmax(axis=1)
    salience = np.clip(sums.max(axis=1), 0, 3)
    # one cosine for each pitch there is, not for each frame
    tables = np.cos(2 * np.pi * np.arange(white.shape[1]) * _LINE_HZ / pitches[:, np.newaxis])
    comb: Plane = tables.astype(np.float32)[best] * salience[:, np.newaxis]
    return comb


def _centre(spectra: Spectra) -> Plane:
    """Share of what is the same on both sides, on a scale that opens towards the centre."""
    left, right = spectra
    both = _around(_power(left) + _power(right))
    same = _around(left.real * right.real + left.imag * right.imag)
    share = 2 * same / (both + _FLOOR)
    opened: Plane = -np.log(np.maximum(1 - share, 0) + np.float32(0.03))
    return np.clip(opened, -1, 3.6)


def _around(plane: Plane) -> Plane:
    """Mean over three frames and three lines; sums of neighbours keep what is small beside what is large."""
    return _three(_three(plane).T).T


def _three(plane: Plane) -> Plane:
    out = plane.copy()
    out[1:] += plane[:-1]
    out[:-1] += plane[1:]
    out *= np.float32(1 / 3)
    return out

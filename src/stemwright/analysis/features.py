"""Listen to a song once, for everything but its rhythm: loudness, pitch content, timbre, attacks.

The song is brought to one channel at 22.05 kHz and cut on a fixed raster, so nothing depends on how it is
read. Per 0.37 s it leaves a log-frequency spectrum of its spectral peaks (the frequencies of partials, read
between bins by a parabola through log magnitudes: J. O. Smith and X. Serra, *PARSHL*, 1987) and the levels of
twelve bands; per 23 ms the rise of those bands (spectral flux: Bello et al., *A Tutorial on Onset Detection
in Music Signals*, 2005, section III). That is 3 kB for a second of song; the samples are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks
from stemwright.dsp.framing import Framer
from stemwright.dsp.loudness import HOP_S, LoudnessMeter
from stemwright.dsp.resample import resample
from stemwright.units import SILENCE_DB

__all__ = ["BINS_PER_SEMITONE", "FLUX_S", "FRAME_S", "LOWEST_NOTE", "NOTES", "SongFeatures", "listen"]

Array: TypeAlias = npt.NDArray[np.float32]

RATE_HZ = 22_050
TONE_HOP, TONE_WINDOW = 2_048, 8_192
HOPS_PER_FRAME = 4
"""Tone windows whose peaks are added up into one frame."""
FLUX_HOP, FLUX_WINDOW = 512, 1_024
FRAME_S = TONE_HOP * HOPS_PER_FRAME / RATE_HZ
FLUX_S = FLUX_HOP / RATE_HZ
LOWEST_NOTE, NOTES = 28, 78
"""MIDI numbers: E1 (41 Hz) up to A7 (3.5 kHz)."""
BINS_PER_SEMITONE = 3
BAND_EDGES_HZ = (40, 90, 150, 230, 350, 550, 850, 1_300, 2_000, 3_100, 4_700, 7_000, 10_500)
FLOOR_DB = -70.0
"""Band levels below it rise for nobody's ears: dB re full scale."""
_BODY = 131_072  # a multiple of every hop
_REACH = TONE_WINDOW // 2
_BINS = (NOTES + 1) * BINS_PER_SEMITONE


@dataclass(frozen=True, eq=False)
class SongFeatures:
    """What was heard.

    Attributes
    ----------
    duration_s : float
        Of the song.
    loudness_lufs : float
        Integrated, of all channels; `SILENCE_DB` when nothing passes the gate.
    hop_powers : float64 [shape=(h,)]
        K-weighted mean square of every 100 ms.
    partials : float32 [shape=(frames, bins)]
        Magnitude of spectral peaks; bin b is the pitch ``LOWEST_NOTE + (b - 1) / BINS_PER_SEMITONE`` re
        A4 = 440 Hz, frame i covers `FRAME_S` from ``i * FRAME_S`` on.
    sharpness : complex64 [shape=(frames,)]
        Sum over the peaks of magnitude × exp(2πi × distance from the semitone), for tuning.
    bands_db : float32 [shape=(frames, 12)]
        Mean power of the bands between `BAND_EDGES_HZ`, in dB re full scale.
    flux : float32 [shape=(n,)]
        Mean rise of the bands in dB, frame i centred at ``i * FLUX_S``.
    """

    duration_s: float
    loudness_lufs: float
    hop_powers: npt.NDArray[np.float64]
    partials: Array
    sharpness: npt.NDArray[np.complex64]
    bands_db: Array
    flux: Array
    hop_s: float = HOP_S

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.partials)


def listen(song: AudioSource) -> SongFeatures:
    """Read a song from start to end, once.

    Parameters
    ----------
    song : AudioSource
        Any number of channels, 8 to 192 kHz.

    Returns
    -------
    SongFeatures
        ``ceil(duration / FRAME_S)`` frames.

    Raises
    ------
    InputError
        When a sample is not a number, or the rate is outside 8–192 kHz.
    """
    meter = LoudnessMeter(song.sample_rate, song.channels, true_peak=False)
    mono = resample(_mono(iter_blocks(song), meter), from_hz=song.sample_rate, to_hz=RATE_HZ)
    framer, ear = Framer(1, _BODY, reach=_REACH), _Ear()
    for block in mono:
        for window in framer.push(block):
            ear.take(window[0])
    for window in framer.flush():
        ear.take(window[0])
    loudness = meter.result()
    lufs = loudness.integrated_lufs
    return ear.features(
        frames=framer.total, duration_s=song.frames / song.sample_rate,
        loudness_lufs=SILENCE_DB if lufs is None else lufs, hop_powers=loudness.hop_powers,
    )  # fmt: skip


def _mono(blocks: Blocks, meter: LoudnessMeter) -> Iterator[Samples]:
    for block in blocks:
        meter.feed(block)
        yield block.mean(axis=0, keepdims=True, dtype=np.float32)


class _Ear:
    """Turn windows of the mono song into features, one after another."""

    def __init__(self) -> None:
        self._tone = np.hanning(TONE_WINDOW + 1)[:-1].astype(np.float32) * np.float32(4 / TONE_WINDOW)
        self._short = np.hanning(FLUX_WINDOW + 1)[:-1].astype(np.float32) * np.float32(4 / FLUX_WINDOW)
        edges = np.round(np.array(BAND_EDGES_HZ) * FLUX_WINDOW / RATE_HZ).astype(int)
        self._edges = np.maximum.accumulate(edges + np.arange(edges.size) * (np.diff(edges, prepend=0) == 0))
        self._before = np.full((1, len(BAND_EDGES_HZ) - 1), FLOOR_DB, np.float32)
        self._partials: list[Array] = []
        self._sharpness: list[npt.NDArray[np.complex64]] = []
        self._bands: list[Array] = []
        self._flux: list[Array] = []

    def take(self, window: Array) -> None:
        partials, sharpness = _partials(_magnitudes(window, self._tone, TONE_HOP))
        self._partials.append(partials)
        self._sharpness.append(sharpness)
        inner = window[_REACH - FLUX_WINDOW // 2 : window.size - _REACH + FLUX_WINDOW // 2]
        self._listen_to_bands(_magnitudes(inner, self._short, FLUX_HOP))

    def features(
        self, *, frames: int, duration_s: float, loudness_lufs: float, hop_powers: npt.NDArray[np.float64]
    ) -> SongFeatures:
        """Put everything together and cut off what lies behind the end."""
        count = -(-frames // (TONE_HOP * HOPS_PER_FRAME))
        return SongFeatures(
            duration_s, loudness_lufs, hop_powers,
            _joined(self._partials, (0, _BINS))[:count],
            _joined(self._sharpness, (0,)).astype(np.complex64)[:count],
            _joined(self._bands, (0, len(BAND_EDGES_HZ) - 1))[:count],
            _joined(self._flux, (0,))[: -(-frames // FLUX_HOP)],
        )  # fmt: skip

    def _listen_to_bands(self, magnitudes: Array) -> None:
        powers = np.add.reduceat(np.square(magnitudes), self._edges, axis=1)[:, :-1]
        levels = np.maximum(10.0 * np.log10(powers + 1e-12), FLOOR_DB)
        rise = np.maximum(levels - np.concatenate([self._before, levels[:-1]]), 0.0)
        self._before = levels[-1:]
        self._flux.append(rise.mean(axis=1))
        power = powers.reshape(-1, TONE_HOP * HOPS_PER_FRAME // FLUX_HOP, powers.shape[1]).mean(axis=1)
        self._bands.append(np.maximum(10.0 * np.log10(power + 1e-12), FLOOR_DB))


def _joined(parts: list[Any], empty: tuple[int, ...]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(empty, np.float32)


def _magnitudes(window: Array, shape: Array, hop: int) -> Array:
    """Magnitudes of the windows that start every `hop` samples; a sine of peak 1 reads 1."""
    count = (window.size - shape.size) // hop
    views = np.lib.stride_tricks.sliding_window_view(window, shape.size)[::hop][:count]
    magnitudes: Array = np.abs(np.fft.rfft(views * shape))
    return magnitudes


def _partials(magnitudes: Array) -> tuple[Array, npt.NDArray[np.complex64]]:
    """Add the spectral peaks of every `HOPS_PER_FRAME` windows up on a log-frequency axis."""
    frame, pitch, height = _peaks(magnitudes)
    frame //= HOPS_PER_FRAME
    count = len(magnitudes) // HOPS_PER_FRAME
    place = (pitch - LOWEST_NOTE) * BINS_PER_SEMITONE + 1.0
    low = np.floor(place).astype(np.intp)
    share = place - low
    at = frame * _BINS + low
    bins = np.bincount(at, height * (1.0 - share), count * _BINS + 1)
    bins += np.bincount(at + 1, height * share, count * _BINS + 1)
    turn = np.exp(2j * np.pi * pitch)
    sharpness = np.bincount(frame, height * turn.real, count) + 1j * np.bincount(
        frame, height * turn.imag, count
    )
    return bins[:-1].reshape(count, _BINS).astype(np.float32), sharpness.astype(np.complex64)


def _peaks(magnitudes: Array) -> tuple[npt.NDArray[np.intp], Array, Array]:
    """Find the partials: window number, pitch as a MIDI number, magnitude."""
    lowest, highest = LOWEST_NOTE - 0.3, LOWEST_NOTE + NOTES - 0.7
    top = int(440.0 * 2.0 ** ((highest - 69) / 12) * TONE_WINDOW / RATE_HZ) + 3
    log = np.log(magnitudes[:, :top] + 1e-9)
    frame, bin_ = np.nonzero((log[:, 1:-1] > log[:, :-2]) & (log[:, 1:-1] >= log[:, 2:]))
    left, peak, right = log[frame, bin_], log[frame, bin_ + 1], log[frame, bin_ + 2]
    offset = 0.5 * (left - right) / np.minimum(left - 2.0 * peak + right, -1e-6)
    pitch = 69.0 + 12.0 * np.log2(np.maximum(bin_ + 1 + offset, 0.5) * (RATE_HZ / TONE_WINDOW / 440.0))
    heard = (pitch >= lowest) & (pitch < highest) & (peak > np.log(1e-5))
    return frame[heard], pitch[heard], np.exp(peak[heard])

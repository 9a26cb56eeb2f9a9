"""Where attacks are, to a millisecond: whether stretching kept them, whether two songs share their beats.

The envelope is the rise of the logarithmic energy of the first difference (which lifts attacks out of bass),
in hops of 64 frames. It is enough to compare signals with themselves or with a known grid; to *find* the
beats of unknown music is the task of ``analysis``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples, iter_blocks

__all__ = ["BeatOffset", "Fidelity", "OnsetMeter", "beat_offset", "onset_envelope", "onset_fidelity"]

HOP_FRAMES = 64
SMOOTH_HOPS = 5
FLOOR_RE_MEAN = 1e-3
REACH_S = 0.060
WINDOW_S = 8.0
LEAST_WINDOW_CORRELATION = 0.5
CLEARLY = 8.0
"""So much stronger are attacks than what stands where none are; hats beside kicks reach 3."""

Array = npt.NDArray[np.float64]


def onset_envelope(source: AudioSource) -> Array:
    """Rise of energy in every hop of 64 frames [shape=(frames // 64,)], ≥ 0."""
    return _metered(source).envelope()


class OnsetMeter:
    """Gather the onsets of a stream; the length of its blocks never matters.

    Parameters
    ----------
    channels : int
        Of every block.
    sample_rate : int
        In Hz.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._before = np.zeros((channels, 1), np.float32)
        self._rest = np.zeros((channels, 0), np.float32)
        self._energies: list[Array] = []

    def feed(self, block: Samples) -> None:
        """Take the next block."""
        block = np.concatenate((self._rest, block), axis=1) if self._rest.shape[1] else block
        whole = block.shape[1] // HOP_FRAMES * HOP_FRAMES
        if whole:
            self._energies.append(_hop_energies(block[:, :whole], self._before))
            self._before = block[:, whole - 1 : whole].copy()
        self._rest = block[:, whole:].copy()

    def envelope(self) -> Array:
        """Say the rise of energy in every hop so far; see `onset_envelope`."""
        return _rise(np.concatenate(self._energies) if self._energies else np.zeros(0))

    def beat_offset(self, *, bpm: float) -> BeatOffset:
        """Say how far attacks stand from the beats; see `beat_offset`."""
        return _beat_offset(self.envelope(), HOP_FRAMES / self._sample_rate, bpm)


def _metered(source: AudioSource) -> OnsetMeter:
    meter = OnsetMeter(source.channels, source.sample_rate)
    for block in iter_blocks(source):
        meter.feed(block)
    return meter


def _rise(energy: Array) -> Array:
    if not energy.any():
        return np.zeros_like(energy)
    level = np.log(energy + FLOOR_RE_MEAN * float(energy.mean()))
    reach = SMOOTH_HOPS // 2
    smooth = np.convolve(np.pad(level, 2 * reach, "edge"), np.full(SMOOTH_HOPS, 1 / SMOOTH_HOPS), "valid")
    rise = smooth[2 * reach :] - smooth[: -2 * reach]
    envelope: Array = np.maximum(rise, 0.0)
    return envelope


def _hop_energies(block: Samples, before: Samples) -> Array:
    hops = block.shape[1] // HOP_FRAMES
    change = np.diff(np.concatenate((before, block), axis=1), axis=1)[:, : hops * HOP_FRAMES]
    parts = change.reshape(block.shape[0], hops, HOP_FRAMES)
    # hop by hop: einsum over all of them adds up in an order that depends on how many there are
    energies: Array = np.vecdot(parts, parts).sum(axis=0, dtype=np.float64)
    return energies


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How well attacks came through a time map.

    Attributes
    ----------
    median_ms, p95_ms : float
        Of the distance between where windows of 8 s should be and where they are.
    windows : int
        How many could be compared; a window without attacks says nothing.
    """

    median_ms: float
    p95_ms: float
    windows: int


def onset_fidelity(
    source: AudioSource, result: AudioSource, *, source_frame_at: Callable[[Array], Array]
) -> Fidelity:
    """Compare the attacks of a stretched stem with those of the stem it was made from.

    Parameters
    ----------
    source, result : AudioSource
        Before and after.
    source_frame_at : callable
        Frames of the result to frames of the source, for arrays.
    """
    after = onset_envelope(result)
    middles: Array = (np.arange(after.size, dtype=np.float64) + 0.5) * HOP_FRAMES
    places = source_frame_at(middles) / HOP_FRAMES - 0.5
    envelope = onset_envelope(source)
    before: Array = np.interp(places, np.arange(envelope.size), envelope, left=0.0, right=0.0)
    hop_ms = 1000.0 * HOP_FRAMES / result.sample_rate
    size = max(round(WINDOW_S * 1000 / hop_ms), 1)
    lags = [
        lag * hop_ms
        for start in range(0, max(after.size - size // 2, 1), size)
        if (lag := _lag(before[start : start + size], after[start : start + size], hop_ms)) is not None
    ]
    if not lags:
        return Fidelity(0.0, 0.0, 0)
    distances = np.abs(lags)
    return Fidelity(float(np.median(distances)), float(np.percentile(distances, 95)), len(lags))


def _lag(before: Array, after: Array, hop_ms: float) -> float | None:
    """Hops by which `after` is late, to a fraction; None where the two don't resemble each other."""
    reach = round(REACH_S * 1000 / hop_ms)
    if before.size <= 2 * reach or not before.any() or not after.any():
        return None
    a, b = before - before.mean(), after - after.mean()
    spectrum = np.fft.rfft(b, 2 * a.size) * np.conj(np.fft.rfft(a, 2 * a.size))
    ring = np.fft.irfft(spectrum)
    around = np.concatenate((ring[-reach:], ring[: reach + 1]))
    peak = int(around.argmax())
    if around[peak] < LEAST_WINDOW_CORRELATION * np.sqrt((a @ a) * (b @ b)) or not 0 < peak < 2 * reach:
        return None
    return peak - reach + _vertex(*around[peak - 1 : peak + 2])


def _vertex(left: float, top: float, right: float) -> float:
    """Place of a parabola's top between three points."""
    bend = left - 2 * top + right
    return 0.5 * (left - right) / bend if bend else 0.0


@dataclass(frozen=True, slots=True)
class BeatOffset:
    """Where attacks stand beside the beats of a grid.

    Attributes
    ----------
    median_ms : float
        + is late; over the beats that have an attack, stronger ones counting more.
    beats : int
        How many those are.
    """

    median_ms: float
    beats: int


def beat_offset(source: AudioSource, *, bpm: float) -> BeatOffset:
    """Measure how far the attacks of a rendered stem stand from the beats of an even grid.

    Attacks are looked for within 60 ms of the beats; only where there are none, wherever they stand instead.
    Half a beat off goes unseen where something plays on every half.
    """
    return _metered(source).beat_offset(bpm=bpm)


def _beat_offset(envelope: Array, hop_s: float, bpm: float) -> BeatOffset:
    half = int(30.0 / bpm / hop_s)
    reach = min(round(REACH_S / hop_s), half)
    beats = np.arange(1, int(envelope.size * hop_s * bpm / 60.0))
    centres = np.rint(beats * 60.0 / bpm / hop_s).astype(int)
    centres = centres[(centres >= half) & (centres < envelope.size - half)]
    if not centres.size:
        return BeatOffset(0.0, 0)
    whole: Array = envelope[centres[:, np.newaxis] + np.arange(-half, half + 1)]
    first = max(_middle(whole.mean(axis=0), half, reach) - reach, 0)
    windows = whole[:, first : first + 2 * reach + 1]
    strengths, places = windows.max(axis=1), windows.argmax(axis=1) + first - half
    heard = strengths > 0.25 * np.percentile(strengths, 90) if strengths.any() else strengths > 0
    if not heard.any():
        return BeatOffset(0.0, 0)
    late_ms: Array = places[heard].astype(np.float64) * (hop_s * 1000.0)
    return BeatOffset(_weighted_median(late_ms, strengths[heard]), int(heard.sum()))


def _middle(profile: Array, half: int, reach: int) -> int:
    """Place in a beat around which its attacks stand: the beat itself unless nothing plays on it."""
    on_beat = profile[half - reach : half + reach + 1].max()
    return int(profile.argmax()) if profile.max() > CLEARLY * on_beat else half


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])

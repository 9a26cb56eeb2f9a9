"""Ducking: while somebody sings, the middle of the band steps back by exactly what was asked.

``out = in − (1 − gain) · mask · band(in)``: the band is a zero-phase filter, so nothing is combed; the mask
comes from the voice alone, so every instrumental stem can be ducked by itself and the sum is the ducked sum.
Where the mask is 0 the samples are passed on untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from stemwright.audio import BLOCK_FRAMES, AudioSource, Samples, iter_blocks, read_padded
from stemwright.dsp.filters import bandpass
from stemwright.errors import InputError
from stemwright.units import db_to_gain, power_to_db

__all__ = [
    "BAND_HZ",
    "MAX_DEPTH_DB",
    "DepthWindows",
    "DuckMask",
    "duck_mask",
    "ducked",
    "ducking_depth_db",
    "kept_depth_db",
]

Array = npt.NDArray[np.float64]

BAND_HZ = (300.0, 3_000.0)
MAX_DEPTH_DB = -24.0
ATTACK_S, RELEASE_S = 0.030, 0.150
HOLD_S = 0.25
"""Gaps up to this long are no rest: consonants and breaths between syllables."""

SHORTEST_S = 0.09
"""What is active for less is a click or a drum that leaked through, not a syllable."""

NO_VOICE_DBFS = -50.0
"""A voice that sings below this is none: what a separator leaves of a song without voice."""

_ORDER = 8  # flat within 0.3 dB from 400 to 2,400 Hz at −12 dB, −60 dB from 200 and 4,500 Hz on
_FFT_FRAMES = 32_768
_HOP_S = 0.0116
_KNOT_FRAMES = 64
_LAG_S = 0.00018  # subtracting the past lifts 0.5–4 kHz and takes rumble and leaked kick drums away
_SMOOTH_HOPS = 5
_GATE_DB, _ON_DB, _OFF_DB = -10.0, -18.0, -21.0
_DEPTH_FFT = 4_096
_DEPTH_WINDOWS = 128
_DEPTH_BAND_HZ = (450.0, 2_200.0)


@dataclass(frozen=True)
class DuckMask:
    """Where a voice sings, as spans; 1 inside, rising before and falling behind them.

    Parameters
    ----------
    spans : tuple of (int, int)
        First frame and end of each, in order, apart from each other.
    frames : int
        Length of the voice.
    sample_rate : int
        In Hz.
    """

    spans: tuple[tuple[int, int], ...]
    frames: int
    sample_rate: int

    @property
    def active_share(self) -> float:
        """How much of the voice's length is sung, 0 to 1."""
        return sum(end - start for start, end in self.spans) / self.frames if self.frames else 0.0

    def touches(self, start: int, frames: int) -> bool:
        """Whether the mask is above 0 anywhere in ``start : start + frames``."""
        attack, release = self._edges
        starts, ends = self._spans
        return bool(np.any((starts - attack < start + frames) & (ends + release > start)))

    def values(self, start: int, frames: int) -> npt.NDArray[np.float32]:
        """Give the mask itself, 0 to 1: raised cosines, straight between every 64th frame."""
        first = start // _KNOT_FRAMES
        count = -(-(start + frames) // _KNOT_FRAMES) - first + 1
        knots = self._at(np.arange(first, first + count, dtype=np.float64) * _KNOT_FRAMES).astype(np.float32)
        slope = np.arange(_KNOT_FRAMES, dtype=np.float32) / np.float32(_KNOT_FRAMES)
        values = knots[:-1, np.newaxis] + np.diff(knots)[:, np.newaxis] * slope
        offset = start - first * _KNOT_FRAMES
        return values.reshape(-1)[offset : offset + frames]

    def _at(self, position: Array) -> Array:
        attack, release = self._edges
        starts, ends = self._spans
        following = np.searchsorted(starts, position, "right")
        until = np.append(starts, np.inf)[following] - position
        since = position - np.insert(ends, 0, -np.inf)[following]
        near = np.maximum(1.0 - until / attack, 1.0 - since / release)
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(near, 0.0, 1.0)))

    @cached_property
    def _spans(self) -> tuple[Array, Array]:
        pairs = np.asarray(self.spans, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @property
    def _edges(self) -> tuple[float, float]:
        return ATTACK_S * self.sample_rate, RELEASE_S * self.sample_rate


def duck_mask(vocals: AudioSource) -> DuckMask:
    """Find where a voice sings.

    The level of what is sung is the mean above a gate 10 dB below the mean, as BS.1770 gates; singing begins
    18 dB below it and goes on down to 21 dB below it. So a voice that sings all the time is active all the
    time, one that rests half the time half of it, and silence never.

    Parameters
    ----------
    vocals : AudioSource
        The vocal bus as arranged; read once.

    Returns
    -------
    DuckMask
        Without spans where nobody sings.
    """
    hop = max(_KNOT_FRAMES * round(_HOP_S * vocals.sample_rate / _KNOT_FRAMES), _KNOT_FRAMES)
    active = _sung(_smooth(_hop_powers(vocals, hop)))
    active = _without_runs(active, shorter_than=round(HOLD_S * vocals.sample_rate / hop), value=False)
    active = _without_runs(active, shorter_than=round(SHORTEST_S * vocals.sample_rate / hop), value=True)
    spans = tuple((int(start) * hop, min(int(end) * hop, vocals.frames)) for start, end in _runs(active))
    return DuckMask(spans, vocals.frames, vocals.sample_rate)


def _hop_powers(vocals: AudioSource, hop: int) -> Array:
    """Mean square of each hop, rumble taken out; the last hop is filled up with silence."""
    lag = max(round(_LAG_S * vocals.sample_rate), 1)
    powers = []
    for start in range(0, vocals.frames, BLOCK_FRAMES // hop * hop):
        block = read_padded(vocals, start - lag, BLOCK_FRAMES // hop * hop + lag)
        bright = block[:, lag:] - block[:, :-lag]
        bright = bright[:, : -(-(vocals.frames - start) // hop) * hop].reshape(vocals.channels, -1, hop)
        powers.append(np.einsum("chf,chf->h", bright, bright, dtype=np.float32) / hop)
    return np.concatenate([np.zeros(0), *powers])


def _smooth(powers: Array) -> Array:
    """Mean over neighbours, 58 ms in all."""
    reach = _SMOOTH_HOPS // 2
    total = np.concatenate([[0.0], np.cumsum(np.pad(powers, reach))])
    return np.asarray((total[_SMOOTH_HOPS:] - total[:-_SMOOTH_HOPS]) / _SMOOTH_HOPS)


def _sung(powers: Array) -> npt.NDArray[np.bool_]:
    """Whether each hop is sung: on above one threshold, off below a lower one."""
    audible = powers[powers > 10 ** (NO_VOICE_DBFS / 10) * 10 ** (_GATE_DB / 10)]
    if not audible.size:
        return np.zeros(powers.size, np.bool_)
    level = audible[audible >= audible.mean() * 10 ** (_GATE_DB / 10)].mean()
    if power_to_db(float(level)) < NO_VOICE_DBFS:
        return np.zeros(powers.size, np.bool_)
    active = powers > level * 10 ** (_OFF_DB / 10)
    certain = np.concatenate([[0], np.cumsum(powers > level * 10 ** (_ON_DB / 10))])
    for start, end in _runs(active):
        active[start:end] = certain[end] > certain[start]
    return np.asarray(active)


def _runs(active: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Start and end of each run of True, shaped ``(runs, 2)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]])))
    return edges.reshape(-1, 2)


def _without_runs(active: npt.NDArray[np.bool_], *, shorter_than: int, value: bool) -> npt.NDArray[np.bool_]:
    """Turn over short runs of `value`; silence at either end is no gap."""
    kept = active.copy()
    for start, end in _runs(active == value):
        inside = value or (start > 0 and end < active.size)
        if inside and end - start < shorter_than:
            kept[start:end] = not value
    return kept


def ducked(stem: AudioSource, *, mask: DuckMask, depth_db: float) -> Iterator[Samples]:
    """Stream a stem with its middle (300–3,000 Hz) turned down where the mask says that somebody sings.

    Linear in the stem: ducking each of several and summing equals ducking their sum.

    Parameters
    ----------
    stem : AudioSource
        Any instrumental stem or the whole bus, on the timeline of the mask; what reaches beyond the mask's
        end is not ducked.
    mask : DuckMask
        From `duck_mask`.
    depth_db : float
        −24 to 0; 0 leaves the stem as it is, bit for bit.

    Yields
    ------
    Samples
        As many frames as the stem has.

    Raises
    ------
    InputError
        When the depth is outside its range or the rates differ.
    """
    if not MAX_DEPTH_DB <= depth_db <= 0.0:
        raise InputError(
            f"A ducking depth of {depth_db:g} dB is outside {MAX_DEPTH_DB:g}–0 dB.",
            way_out="It is given as a change of level: -3.5 turns the middle down by 3.5 dB.",
        )
    if stem.sample_rate != mask.sample_rate:
        raise InputError(
            f"A stem at {stem.sample_rate} Hz can't be ducked by a mask at {mask.sample_rate} Hz."
        )
    bandpass(*BAND_HZ, order=_ORDER).require_fit(stem.sample_rate)
    return _ducked(stem, mask, depth_db) if depth_db and mask.spans else iter_blocks(stem)


def _ducked(stem: AudioSource, mask: DuckMask, depth_db: float) -> Iterator[Samples]:
    """Overlap-save on a fixed raster; windows without voice are not even filtered."""
    band = bandpass(*BAND_HZ, order=_ORDER)
    reach = band.reach_frames(stem.sample_rate)
    size = max(_FFT_FRAMES, 1 << (4 * reach - 1).bit_length())
    body = size - 2 * reach
    gain = band.gain(np.linspace(0.0, stem.sample_rate / 2, size // 2 + 1), stem.sample_rate)
    taken_away = ((1.0 - db_to_gain(depth_db)) * gain).astype(np.float32)
    for start in range(0, stem.frames, body):
        frames = min(body, stem.frames - start)
        if not mask.touches(start, frames):
            yield stem.read(start, frames)
            continue
        window = read_padded(stem, start - reach, size)
        middle = np.fft.irfft(np.fft.rfft(window) * taken_away, size).astype(np.float32, copy=False)
        middle = middle[:, reach : reach + frames] * mask.values(start, frames)
        yield window[:, reach : reach + frames] - middle


def ducking_depth_db(before: AudioSource, after: AudioSource, *, mask: DuckMask) -> float | None:
    """Measure how far the middle really went down where somebody sings.

    Parameters
    ----------
    before, after : AudioSource
        The same audio without and with ducking.
    mask : DuckMask
        That was used.

    Returns
    -------
    float or None
        Change of power between 450 and 2,200 Hz, in dB, over windows of 4,096 frames that lie wholly in a
        span, at most 128 spread over all of them; None where there is none, or nothing in it to be ducked.
    """
    found = _Depth(mask.sample_rate)
    for position in _places(mask, min(before.frames, after.frames)):
        found.add(*(source.read(position, _DEPTH_FFT) for source in (before, after)))
    return found.result_db()


class DepthWindows:
    """Keep of a stream, while it goes by, the windows that `ducking_depth_db` looks at.

    Parameters
    ----------
    mask : DuckMask
        That is used.
    channels : int
        Of every block.
    """

    def __init__(self, mask: DuckMask, *, channels: int) -> None:
        self.windows: list[Samples] = []
        self.sample_rate = mask.sample_rate
        self._places = _places(mask, mask.frames)[::-1]
        self._held = np.zeros((channels, 0), np.float32)
        self._start = 0

    def feed(self, block: Samples) -> None:
        """Take the next block."""
        known = np.concatenate((self._held, block), axis=1)
        end = self._start + known.shape[1]
        while self._places and self._places[-1] + _DEPTH_FFT <= end:
            first = self._places.pop() - self._start
            self.windows.append(known[:, first : first + _DEPTH_FFT].copy())
        self._held = known[:, -_DEPTH_FFT:].copy()
        self._start = end - self._held.shape[1]


def kept_depth_db(before: Sequence[DepthWindows], after: DepthWindows) -> float | None:
    """Say what `ducking_depth_db` says, of the sum of streams before and of one stream after."""
    found = _Depth(after.sample_rate)
    for *parts, ducked_sum in zip(*(stream.windows for stream in before), after.windows, strict=True):
        found.add(np.sum(parts, axis=0), ducked_sum)
    return found.result_db()


class _Depth:
    """Power of the middle of the band, before and after."""

    def __init__(self, sample_rate: int) -> None:
        hertz = np.fft.rfftfreq(_DEPTH_FFT, 1 / sample_rate)
        self._inside = (hertz >= _DEPTH_BAND_HZ[0]) & (hertz <= _DEPTH_BAND_HZ[1])
        self._powers = np.zeros(2)

    def add(self, before: Samples, after: Samples) -> None:
        self._powers += [self._power(window) for window in (before, after)]

    def _power(self, window: Samples) -> float:
        spectrum = np.fft.rfft(window * _hann())[:, self._inside]
        return float(np.sum(np.abs(spectrum) ** 2, dtype=np.float64))

    def result_db(self) -> float | None:
        before, after = self._powers
        if power_to_db(before) < NO_VOICE_DBFS or not after:
            return None
        return float(10.0 * np.log10(after / before))


def _places(mask: DuckMask, frames: int) -> list[int]:
    """List where windows begin that lie wholly in a span, spread over all of them."""
    places = [
        position
        for start, end in mask.spans
        for position in range(start, min(end, frames) - _DEPTH_FFT + 1, _DEPTH_FFT)
    ]
    return places[:: -(-len(places) // _DEPTH_WINDOWS) or 1]


@cache
def _hann() -> npt.NDArray[np.float32]:
    return np.hanning(_DEPTH_FFT).astype(np.float32)

"""Loudness after ITU-R BS.1770-5 and EBU R 128: integrated, range, momentary, short-term, peaks.

Sources: BS.1770-5 Annex 1 (K-weighting, channel weights, gating), EBU Tech 3341 (time scales), EBU Tech 3342
(loudness range). Memory grows by ten numbers a second, for the gates need them all.
"""

from __future__ import annotations

import copy
import math
from array import array
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.dsp.framing import Framer
from stemwright.dsp.k_weighting import KWeighting
from stemwright.dsp.true_peak import TruePeakMeter
from stemwright.errors import InputError
from stemwright.units import SILENCE_DB, gain_to_db, power_to_db

__all__ = [
    "HOP_S",
    "Loudness",
    "LoudnessMeter",
    "after_gain",
    "channel_weights",
    "integrated_lufs",
    "measure",
]

Array: TypeAlias = npt.NDArray[np.float64]

HOP_S = 0.1
"""Gating blocks and short-term values start every 100 ms (75 % overlap of 400 ms)."""

ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_RANGE_GATE_LU = -20.0
_RANGE_PERCENTILES = (10.0, 95.0)
_OFFSET_LU = -0.691  # BS.1770-5 eq. 2: cancels the gain of K-weighting at 997 Hz
_SLOTS_PER_HOP = 10  # maxima are looked for every 10 ms
_SLOTS_PER_SECOND = 100
_MOMENTARY_HOPS, _SHORT_TERM_HOPS = 4, 30
_MOMENTARY_SLOTS, _SHORT_TERM_SLOTS = 40, 300
_FRAMES = KWeighting.max_blocks * KWeighting.block_frames
_MIN_RATE_HZ, _MAX_RATE_HZ = 8_000, 192_000


@dataclass(frozen=True, eq=False)
class Loudness:
    """What the meter says.

    Attributes
    ----------
    integrated_lufs : float or None
        Programme loudness; None when it is shorter than 0.4 s or wholly below the gate at -70 LUFS.
    range_lu : float or None
        Loudness range; None when it is shorter than 3 s or wholly below the gate.
    momentary_max_lufs, short_term_max_lufs : float or None
        Highest of the sliding 0.4 s and 3 s windows, in steps of 10 ms; None for shorter material.
    true_peak_dbtp : float or None
        Over all channels; None when it wasn't asked for.
    sample_peak_dbfs : float
        Over all channels.
    short_term_lufs : Array [shape=(n,)]
        Value i covers the 3 s from ``i * hop_s`` on.
    hop_powers : Array [shape=(m,)]
        Weighted mean square of each 100 ms; `integrated_lufs` of these powers is the programme loudness.
    hop_s : float
        Distance of the values above, in seconds.
    """

    integrated_lufs: float | None
    range_lu: float | None
    momentary_max_lufs: float | None
    short_term_max_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float
    short_term_lufs: Array
    hop_powers: Array
    hop_s: float = HOP_S


def measure(source: AudioSource, *, true_peak: bool = True) -> Loudness:
    """Measure a whole source; see `Loudness`."""
    meter = LoudnessMeter(source.sample_rate, source.channels, true_peak=true_peak)
    for block in iter_blocks(source):
        meter.feed(block)
    return meter.result()


def after_gain(measured: Loudness, gain_db: float) -> Loudness:
    """Say what the meter would say of the same audio at another level.

    Parameters
    ----------
    measured : Loudness
        Of the audio as it was.
    gain_db : float
        Change of its level: the gates stay where they are.
    """
    hops = measured.hop_powers * 10.0 ** (gain_db / 10.0)
    short_term = _sliding_mean(hops, _SHORT_TERM_HOPS)
    peaks = (
        measured.momentary_max_lufs,
        measured.short_term_max_lufs,
        measured.true_peak_dbtp,
        measured.sample_peak_dbfs,
    )
    momentary, short_term_max, true_peak, sample_peak = (_moved(peak, gain_db) for peak in peaks)
    return Loudness(
        integrated_lufs=integrated_lufs(hops),
        range_lu=_range_lu(short_term),
        momentary_max_lufs=momentary,
        short_term_max_lufs=short_term_max,
        true_peak_dbtp=true_peak,
        sample_peak_dbfs=SILENCE_DB if sample_peak is None else sample_peak,
        short_term_lufs=_lufs_of(short_term),
        hop_powers=hops,
        hop_s=measured.hop_s,
    )


def _moved(level_db: float | None, gain_db: float) -> float | None:
    """Move a level; silence stays silent."""
    return level_db if level_db is None or level_db <= SILENCE_DB else level_db + gain_db


def channel_weights(channels: int) -> Array:
    """Weights of BS.1770-5 for the usual channel orders.

    Mono, L R, L R C, L R Ls Rs, L R C Ls Rs, L R C LFE Ls Rs and 7.1 (L R C LFE, back, side): surrounds
    between 60° and 120° count 1.41 (Annex 1, table 3), LFE not at all. Any other number of channels counts
    1 each.
    """
    surround = 1.41
    known = {
        4: [1.0, 1.0, surround, surround],
        5: [1.0, 1.0, 1.0, surround, surround],
        6: [1.0, 1.0, 1.0, 0.0, surround, surround],
        8: [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, surround, surround],
    }
    return np.array(known.get(channels, [1.0] * channels))


def integrated_lufs(hop_powers: Array, *, gain_db: float = 0.0) -> float | None:
    """Gate and average (BS.1770-5 eq. 3-7).

    Parameters
    ----------
    hop_powers : Array [shape=(n,)]
        Weighted mean square of every 100 ms.
    gain_db : float
        Answer for the material after this gain, which moves it against the absolute gate.

    Returns
    -------
    float or None
        In LUFS; None when no 400 ms block passes the gates.
    """
    powers = _sliding_mean(hop_powers, _MOMENTARY_HOPS) * 10.0 ** (gain_db / 10.0)
    loud = powers[powers > _power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return None
    gate = loud.mean() * 10.0 ** (_RELATIVE_GATE_LU / 10.0)
    return _lufs(float(loud[loud > gate].mean()))


class LoudnessMeter:
    """Measure a stream; the caller's block size never matters.

    Parameters
    ----------
    sample_rate : int
        8,000 to 192,000 Hz.
    channels : int
        In the order that `channel_weights` names.
    true_peak : bool
        Whether to interpolate; sample peaks come for free.

    Raises
    ------
    InputError
        At any other rate.
    """

    def __init__(self, sample_rate: int, channels: int, *, true_peak: bool = True) -> None:
        if not _MIN_RATE_HZ <= sample_rate <= _MAX_RATE_HZ:
            raise InputError(
                f"Loudness can be measured from {_MIN_RATE_HZ} to {_MAX_RATE_HZ} Hz; got {sample_rate} Hz.",
                way_out="Resample first.",
            )
        self._peaks = TruePeakMeter(channels) if true_peak else None
        self._sample_peak = 0.0
        self._powers = _PowerMeter(sample_rate, channels)

    def feed(self, block: Samples) -> None:
        """Take the next block, float32 shaped ``(channels, frames)``."""
        if block.shape[1]:
            peak = float(max(block.max(), -block.min()))
            if not math.isfinite(peak):
                raise InputError("The audio has samples that are not a number or infinite.")
            self._sample_peak = max(self._sample_peak, peak)
        self._powers.feed(block)
        if self._peaks is not None:
            self._peaks.feed(block)

    def result(self) -> Loudness:
        """Say what was measured so far; feeding may go on afterwards."""
        powers = copy.deepcopy(self._powers)
        powers.finish()
        hops = powers.hop_powers()
        short_term = _sliding_mean(hops, _SHORT_TERM_HOPS)
        return Loudness(
            integrated_lufs=integrated_lufs(hops),
            range_lu=_range_lu(short_term),
            momentary_max_lufs=_lufs_or_none(powers.momentary_max),
            short_term_max_lufs=_lufs_or_none(powers.short_term_max),
            true_peak_dbtp=self._peaks.result_dbtp() if self._peaks is not None else None,
            sample_peak_dbfs=gain_to_db(self._sample_peak),
            short_term_lufs=_lufs_of(short_term),
            hop_powers=hops,
        )


class _PowerMeter:
    """Weighted mean square of every 10 ms: kept per 100 ms, with running maxima of 0.4 s and 3 s."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._rate = sample_rate
        self._weights = channel_weights(channels)
        self._filter = KWeighting(sample_rate, channels)
        self._framer = Framer(channels, _FRAMES)
        self._position = 0
        self._unfinished_slot = 0.0
        self._recent = np.zeros(0)
        self._hops = array("d")  # grows in place: eight bytes for each 100 ms, and nothing beside them
        self._slots_over = np.zeros(0)
        self.momentary_max: float | None = None
        self.short_term_max: float | None = None

    def feed(self, block: Samples) -> None:
        for window in self._framer.push(block):
            self._take(window)

    def finish(self) -> None:
        for window in self._framer.flush():
            self._take(window)

    def hop_powers(self) -> Array:
        return np.array(self._hops, np.float64)

    def _take(self, window: Samples) -> None:
        slots = self._slot_powers(self._filter.filter(window))
        self._recent = np.concatenate([self._recent[-_SHORT_TERM_SLOTS + 1 :], slots])
        self.momentary_max = _highest(self.momentary_max, _sliding_mean(self._recent, _MOMENTARY_SLOTS))
        self.short_term_max = _highest(self.short_term_max, _sliding_mean(self._recent, _SHORT_TERM_SLOTS))
        slots = np.concatenate([self._slots_over, slots])
        whole = slots.size // _SLOTS_PER_HOP * _SLOTS_PER_HOP
        self._hops.frombytes(slots[:whole].reshape(-1, _SLOTS_PER_HOP).mean(axis=1).tobytes())
        self._slots_over = slots[whole:]

    def _slot_powers(self, weighted: Samples) -> Array:
        """Mean squares of the 10 ms slots that end in this window and lie within the audio."""
        start, end = self._position, self._position + weighted.shape[1]
        first, last = (frame * _SLOTS_PER_SECOND // self._rate for frame in (start, end))
        # Slot k begins at frame ceil(k * rate / 100): exact at every rate, also where 10 ms is not whole.
        edges = -(-np.arange(first + 1, last + 1) * self._rate // _SLOTS_PER_SECOND) - start
        inner = edges[edges < weighted.shape[1]]
        sums = np.add.reduceat(np.square(weighted, dtype=np.float64), np.r_[0, inner], axis=1)
        energies = np.zeros(edges.size + 1)  # the last one goes on in the next window
        energies[: inner.size + 1] = self._weights @ sums
        energies[0] += self._unfinished_slot
        self._unfinished_slot = float(energies[-1])
        self._position = end
        real = self._framer.total * _SLOTS_PER_SECOND // self._rate - first
        return energies[:-1][: max(real, 0)] * (_SLOTS_PER_SECOND / self._rate)


def _highest(known: float | None, powers: Array) -> float | None:
    if not powers.size:
        return known
    return max(known or 0.0, float(powers.max()))


def _sliding_mean(powers: Array, count: int) -> Array:
    """Mean of every `count` neighbours; empty when there are fewer."""
    if powers.size < count:
        return np.zeros(0)
    mean: Array = sliding_window_view(powers, count).mean(axis=1)
    return mean


def _range_lu(short_term: Array) -> float | None:
    """Loudness range (EBU Tech 3342): 10th to 95th percentile of what passes the gates."""
    loud = short_term[short_term > _power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return None
    loud = np.sort(loud[loud > loud.mean() * 10.0 ** (_RANGE_GATE_LU / 10.0)])
    low, high = (loud[round((loud.size - 1) * percent / 100.0)] for percent in _RANGE_PERCENTILES)
    return _lufs(float(high)) - _lufs(float(low))


def _lufs(power: float) -> float:
    return power_to_db(power) + _OFFSET_LU if power > 0.0 else SILENCE_DB


def _lufs_of(powers: Array) -> Array:
    """Turn many powers into LUFS; what is silent reads `SILENCE_DB`."""
    floor = 10.0 ** (SILENCE_DB / 10.0)
    levels = 10.0 * np.log10(np.maximum(powers, floor)) + _OFFSET_LU
    return np.where(powers > 0.0, levels, SILENCE_DB)


def _lufs_or_none(power: float | None) -> float | None:
    return None if power is None else _lufs(power)


def _power(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET_LU) / 10.0))

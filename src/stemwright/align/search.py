"""Search a stem that stands on no known grid for places to jump back to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.align.content import Content
from stemwright.align.fit import best_entry, fit_jump
from stemwright.align.plan import Jump
from stemwright.audio import AudioSource

__all__ = ["Wanted", "find_jumps"]

Array = npt.NDArray[np.float64]
Frames = npt.NDArray[np.int64]

LEAVES = 16
CONTEXT_ROWS = 12
LAG_WEIGHT_DB = 4.0
LATE_WEIGHT_DB = 1.5
"""What it costs to leave the source as early as allowed, on the scale of spectral distance in dB."""
LEVEL_WEIGHT = 0.3
"""What a dB of difference in level at the jump costs."""
QUIET = 1e-4
"""Levels 40 dB under the loud passages are equally quiet."""
BEAT_WEIGHT_DB = 15.0
"""What it costs when onsets no longer agree at all after the jump, of onsets that could."""
UNCOMPARED_DB = 20.0
"""Cost of the one candidate that is always there, for sources too short for spectra."""
ONSET_CONTEXT_S = 4.0
CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a jump should be like, in frames.

    Attributes
    ----------
    lengths : tuple[int, ...]
        Overlaps that may be tried, longest first.
    min_lag, good_lag : int
        A jump goes back at least by the first, which no overlap exceeds; better by the second or more.
    first_leave, last_leave : int
        Range of source frames at which playing may leave.
    context : int
        So much before the jump is compared.
    rhythmic : bool
        Whether onsets must stay in step across the jump.
    """

    lengths: tuple[int, ...]
    min_lag: int
    good_lag: int
    first_leave: int
    last_leave: int
    context: int
    rhythmic: bool


@dataclass(frozen=True, slots=True)
class _Coarse:
    leave: int
    enter: int
    cost_db: float


def find_jumps(source: AudioSource, *, content: Content, wanted: Wanted) -> list[Jump]:
    """Find jumps, the least audible first; there is always at least one.

    Coarse candidates come from the spectra that lead up to each place; each is then refined, in step with the
    onsets where there is a rhythm, by cross-correlation of the samples, and its join is fitted.
    """
    found: list[tuple[float, Jump]] = []
    for candidate in _coarse(content, wanted):
        enter = _refined(source, content, candidate, wanted)
        jump = fit_jump(source, leave=candidate.leave, enter=enter, lengths=wanted.lengths)
        found.append((candidate.cost_db + jump.cost_db, jump))
    found.sort(key=lambda pair: (pair[0], pair[1].out_at, pair[1].in_at))
    return [jump for _, jump in found]


def _coarse(content: Content, wanted: Wanted) -> Iterator[_Coarse]:
    """Yield the best pairs of places by spectral distance; neighbours of a taken one are passed over."""
    leaves = np.unique(np.linspace(wanted.first_leave, wanted.last_leave, LEAVES).astype(np.int64))
    enters = content.start + np.arange(len(content.bands), dtype=np.int64) * content.hop
    lags = leaves[:, None] - enters[None, :]
    cost = _distances(content, leaves, enters, wanted.context)
    cost += LAG_WEIGHT_DB * np.maximum(0.0, 1.0 - lags / max(wanted.good_lag, 1))
    cost += LEVEL_WEIGHT * _level_differences(content, leaves, enters)
    if wanted.rhythmic:
        cost += _off_beat(content, lags, wanted.min_lag)
    cost += LATE_WEIGHT_DB * ((leaves[-1] - leaves) / max(leaves[-1] - leaves[0], 1))[:, None]
    cost[lags < wanted.min_lag] = np.inf
    cost[:, enters < max(wanted.lengths)] = np.inf  # no room to fade in
    apart = max(2, len(enters) // 50)
    for _ in range(CANDIDATES):
        row, column = np.unravel_index(int(cost.argmin()), cost.shape)
        if not np.isfinite(cost[row, column]):
            break
        yield _Coarse(int(leaves[row]), int(enters[column]), float(cost[row, column]))
        cost[:, max(column - apart, 0) : column + apart + 1] = np.inf
    usual = wanted.last_leave - max(wanted.min_lag, wanted.good_lag)
    latest = wanted.last_leave - wanted.min_lag
    yield _Coarse(wanted.last_leave, min(max(usual, *wanted.lengths), latest), UNCOMPARED_DB)


def _distances(content: Content, leaves: Frames, enters: Frames, context: int) -> Array:
    """Root mean square difference, in dB, of the bands that lead up to each pair of places."""
    bands = content.bands
    left, entered = content.rows_of(leaves), content.rows_of(enters)
    # A row reaches two hops forward: the last one that ends before the jump stands two rows before it.
    backs = np.unique(np.linspace(2, max(2, context / content.hop), CONTEXT_ROWS).astype(int))
    total = np.zeros((left.size, entered.size))
    for back in backs:
        a, b = bands[np.maximum(left - back, 0)], bands[np.maximum(entered - back, 0)]
        # einsum, not @: a threaded BLAS call costs more than so small a product, above all on busy cores.
        products = np.einsum("ik,jk->ij", a, b)
        total += np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None, :] - 2 * products
    return np.asarray(np.sqrt(np.maximum(total, 0.0) / (backs.size * bands.shape[1])))


def _level_differences(content: Content, leaves: Frames, enters: Frames) -> Array:
    """Difference in dB of the 50 ms levels that end at each pair of places."""
    floor = QUIET * content.loud_power + 1e-20
    levels = 10 * np.log10(content.levels + floor)
    window = round(0.05 * content.sample_rate)

    def ending_at(frames: Frames) -> Array:
        places = (frames - window - content.start) // content.level_hop
        return np.asarray(levels[np.clip(places, 0, levels.size - 1)])

    return np.asarray(np.abs(ending_at(leaves)[:, None] - ending_at(enters)[None, :]))


def _off_beat(content: Content, lags: Frames, min_lag: int) -> Array:
    """Cost of going back by what is no whole number of the source's own bars, where it has any."""
    reach = max(1, round(content.hop / (2 * content.level_hop)))
    regular = np.lib.stride_tricks.sliding_window_view(np.pad(content.regularity, reach), 2 * reach + 1).max(
        axis=1
    )
    places = np.clip(np.rint(lags / (2 * content.level_hop)).astype(np.int64), 0, regular.size - 1)
    likeness = np.where(lags > 0, regular[places], 0.0)
    best = float(likeness[lags >= min_lag].max(initial=0.0))
    return np.asarray(BEAT_WEIGHT_DB * np.maximum(best - likeness, 0.0))


def _refined(source: AudioSource, content: Content, coarse: _Coarse, wanted: Wanted) -> int:
    """Move the entry to where onsets, then samples, agree best."""
    enter, reach = coarse.enter, content.hop
    if wanted.rhythmic:
        enter = _in_step(content, coarse)
        reach = min(reach, 4 * content.level_hop)
    found = best_entry(source, leave=coarse.leave, enter=enter, frames=max(wanted.lengths), reach=reach)
    return min(max(found, *wanted.lengths), coarse.leave - wanted.min_lag)


def _in_step(content: Content, coarse: _Coarse) -> int:
    """Move the entry by up to one row so that onsets go on in step, before the jump and in the whole stem."""
    hop = 2 * content.level_hop
    left, entered = ((frame - content.start) // hop for frame in (coarse.leave, coarse.enter))
    reach = max(1, content.hop // hop)
    places = np.arange(max(entered - reach, 0), entered + reach + 1)
    lags = np.clip(left - places, 0, content.regularity.size - 1)
    likeness = content.regularity[lags] + _local_likeness(content, left, places)
    if not likeness.any():
        return coarse.enter
    # The remainder keeps the distance exact: leave and enter are shifted on the same raster.
    return coarse.leave - (left - int(places[likeness.argmax()])) * hop


def _local_likeness(content: Content, left: int, places: Frames) -> Array:
    """Likeness (0 … 1) of the onsets that lead up to `left` and to each place; 0 where there are too few."""
    onsets = content.onsets
    context = min(
        round(ONSET_CONTEXT_S * content.sample_rate / (2 * content.level_hop)), left, int(places[0])
    )
    if context < 2 * places.size or max(left, int(places[-1])) > onsets.size:
        return np.zeros(places.size)
    played = onsets[left - context : left]
    near = np.array([np.dot(played, onsets[at - context : at]) for at in places])
    return near / max(float(near.max()), 1e-12)

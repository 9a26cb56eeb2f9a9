"""Where bars begin, and of how many beats they are.

Every half beat gets an accent: kick, less snare; a change of harmony and of the bass over one and two beats;
the whole sound before and after. Averaged over the song at each place of a bar of four or three, the place
whose accent stands out is the downbeat. The half beats compete too: a song whose off-beats are louder than
its beats is put right here, by kick and harmony (which changes on beats), if they are sure enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stemwright.analysis.onsets import CHROMA_HZ, FLUX_HZ, Array, SongView
from stemwright.analysis.tempo import Registers

__all__ = ["METERS", "Bars", "find_bars"]

METERS = (4, 3)
USUAL_METER = 0.6
"""How much better three must explain a song than four, in accents, to be believed."""
ON_THE_BEAT = 1.5
"""How much better a half beat must be than a beat."""
WEIGHTS = {
    "all": 0.5, "low": 1.2, "mid": 0.25, "high": -0.25,
    "chord": 0.7, "chord over two": 0.9, "bass": 0.4, "bass over two": 0.5, "sound": 4.0,
}  # fmt: skip
QUICK_CHORD = 0.8
"""Weight of harmony that changes within half a beat: it tells beats from off-beats, not bars from beats."""
_SOUND_BEATS, _FRAMES_JOINED = 4, 8
_EARLY_S, _EDGE_S = 0.008, 0.03
_FLOOR_DB = -60.0


@dataclass(frozen=True, slots=True)
class Bars:
    """How beats group.

    Attributes
    ----------
    half_beats_late : int
        1 when the beats given stand on the off-beats, else 0.
    first : int
        Number of the first downbeat among the beats (moved by `half_beats_late`).
    beats_per_bar : int
        3 or 4.
    sureness : float
        Distance from the second best place, in accents.
    lead : float
        Distance from the middle of the bar: small where two beats would do.
    apart : float
        Distance from the best place half a beat away; small where off-beats are as heavy as beats.
    """

    half_beats_late: int
    first: int
    beats_per_bar: int
    sureness: float
    lead: float = 0.0
    apart: float = 1.0


def find_bars(
    view: SongView, heard: Registers, beats_s: Array, *, beats_per_bar: int | None = None,
    half_beats: bool = True,
) -> Bars:  # fmt: skip
    """Find meter and downbeats.

    Parameters
    ----------
    view, heard
        The song.
    beats_s : float64 [shape=(beats,)]
        Times of its beats, rising; at least two.
    beats_per_bar : int, optional
        Said by somebody: not asked then.
    half_beats : bool
        Whether the beats may be moved by half a beat.
    """
    halves = np.interp(np.arange(2 * beats_s.size - 1) / 2, np.arange(beats_s.size), beats_s)
    accents = _accents(view, heard, halves)
    meters = METERS if beats_per_bar is None else (beats_per_bar,)
    quick = _quick_chords(view, halves)
    scored = [_best_place(accents, quick, meter, half_beats=half_beats) for meter in meters]
    lead = [
        score + (0.0 if meter == METERS[1] else USUAL_METER)
        for meter, score in zip(meters, (one.score for one in scored), strict=True)
    ]
    chosen = int(np.argmax(lead))
    found = scored[chosen]
    return Bars(found.place % 2, found.place // 2, meters[chosen], found.sureness, found.lead, found.apart)


def _accents(view: SongView, heard: Registers, at_s: Array) -> Array:
    """Weigh all evidence at every half beat; each kind has spread 1 before it is weighed."""
    beat_s = 2 * float(np.median(np.diff(at_s)))
    total = np.zeros(at_s.size)
    kinds = dict(zip(("all", "low", "mid", "high"), heard.at(at_s - _EARLY_S), strict=True))
    chroma = np.sqrt(view.chroma.astype(np.float64))
    for name, frames in (("chord", chroma), ("bass", view.bass.astype(np.float64))):
        kinds[name] = _change(frames, CHROMA_HZ, at_s, beat_s)
        kinds[f"{name} over two"] = _change(frames, CHROMA_HZ, at_s, 2 * beat_s)
    kinds["sound"] = _sound_change(view, at_s, _SOUND_BEATS * beat_s)
    inside = _inside(view, at_s)
    for name, weight in WEIGHTS.items():
        total += weight * _spread_one(kinds[name], inside)
    return np.where(inside, total, np.nan)


def _quick_chords(view: SongView, at_s: Array) -> Array:
    """Weigh how much the harmony changes from half a beat to the next."""
    half_s = float(np.median(np.diff(at_s)))
    change = _change(np.sqrt(view.chroma.astype(np.float64)), CHROMA_HZ, at_s, half_s)
    inside = _inside(view, at_s)
    return np.where(inside, QUICK_CHORD * _spread_one(change, inside), np.nan)


def _inside(view: SongView, at_s: Array) -> npt.NDArray[np.bool_]:
    return np.asarray((at_s >= -_EDGE_S) & (at_s <= view.duration_s))


def _spread_one(values: Array, inside: npt.NDArray[np.bool_]) -> Array:
    """Bring what lies inside to mean 0 and spread 1; nothing where nothing varies."""
    spread = float(values[inside].std())
    return (values - values[inside].mean()) / spread if spread > 1e-9 else np.zeros(values.size)


class _Place(NamedTuple):
    """Score of a meter, its downbeat's half beat, and its distances from other places, see `Bars`."""

    score: float
    place: int
    sureness: float
    lead: float
    apart: float


def _best_place(accents: Array, quick: Array, meter: int, *, half_beats: bool) -> _Place:
    """Decide beats or off-beats with the quick chords, the place among them without."""
    places = 2 * meter
    late = np.arange(places) % 2 == 1
    cost = np.where(late, ON_THE_BEAT / 4 if half_beats else np.inf, 0.0)
    means, with_quick = (
        np.array([_mean(kind[place::places]) for place in range(places)])
        for kind in (accents, accents + quick)
    )
    on, off = ((with_quick - cost)[late == side].max() for side in (False, True))
    ranked = np.where(late == (off > on), means, -np.inf)
    first = int(ranked.argmax())
    count = accents[first::places].size
    rest = np.delete(means - cost, first)
    return _Place(
        float(means[first]) * math.sqrt(count / 8), first, float(means[first] - cost[first] - rest.max()),
        float(means[first] - means[(first + meter) % places]), float(abs(on - off)),
    )  # fmt: skip


def _mean(accents: Array) -> float:
    known = accents[np.isfinite(accents)]
    return float(known.mean()) if known.size else -math.inf


def _change(frames: Array, rate_hz: float, at_s: Array, span_s: float) -> Array:
    """Distance of the directions before and after, over `span_s` each."""
    after, before = _around(frames, rate_hz, at_s, span_s)
    return np.asarray(np.linalg.norm(_direction(after) - _direction(before), axis=1))


def _sound_change(view: SongView, at_s: Array, span_s: float) -> Array:
    """Distance of the band levels before and after; eight frames at a time are plenty for spans of beats."""
    count = len(view.levels_db) // _FRAMES_JOINED * _FRAMES_JOINED
    joined = view.levels_db[:count].reshape(-1, _FRAMES_JOINED, view.levels_db.shape[1])
    levels = joined.mean(axis=1, dtype=np.float32).astype(np.float64)
    np.maximum(levels - (np.percentile(view.loudness_db, 95) + _FLOOR_DB), 0.0, out=levels)
    centre_s = (_FRAMES_JOINED - 1) / 2 / FLUX_HZ
    after, before = _around(levels, FLUX_HZ / _FRAMES_JOINED, at_s - centre_s, span_s)
    return np.asarray(np.linalg.norm(after - before, axis=1))


def _direction(vectors: Array) -> Array:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9))


def _around(frames: Array, rate_hz: float, at_s: Array, span_s: float) -> tuple[Array, Array]:
    """Means over a span after and before each time."""
    total = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    edges = [_sum_until(total, (at_s + move) * rate_hz + 0.5) for move in (-span_s, 0.0, span_s)]
    scale = 1.0 / max(span_s * rate_hz, 1e-3)
    return (edges[2] - edges[1]) * scale, (edges[1] - edges[0]) * scale


def _sum_until(total: Array, place: Array) -> Array:
    last = len(total) - 1
    place = np.clip(place, 0, last)
    whole = np.minimum(place.astype(np.intp), max(last - 1, 0))
    part = (place - whole)[:, np.newaxis]
    return np.asarray(total[whole] * (1 - part) + total[np.minimum(whole + 1, last)] * part)

"""Where bars begin, and of how many beats they are.

Every half beat gets an accent: kick, less snare; a change of harmony and of the bass over one and two beats;
the whole sound before and after. Averaged over the song at each place of a bar of four or three, the place
whose accent stands out is the downbeat. The half beats compete too: a song whose off-beats are louder than
its beats is put right here, by harmony and kick, if they are sure enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

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
    """

    half_beats_late: int
    first: int
    beats_per_bar: int
    sureness: float


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
    scored = [_best_place(accents, meter, half_beats=half_beats) for meter in meters]
    lead = [
        score + (0.0 if meter == METERS[1] else USUAL_METER)
        for meter, (score, _, _) in zip(meters, scored, strict=True)
    ]
    chosen = int(np.argmax(lead))
    _, place, sureness = scored[chosen]
    return Bars(place % 2, place // 2, meters[chosen], sureness)


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
    inside = (at_s >= -_EDGE_S) & (at_s <= view.duration_s)
    for name, weight in WEIGHTS.items():
        spread = float(kinds[name][inside].std())
        if spread > 1e-9:
            total += weight * (kinds[name] - kinds[name][inside].mean()) / spread
    return np.where(inside, total, np.nan)


def _best_place(accents: Array, meter: int, *, half_beats: bool) -> tuple[float, int, float]:
    """Score of a meter, its downbeat's half beat, and the distance from the second best."""
    places = 2 * meter
    means = np.array([_mean(accents[place::places]) for place in range(places)])
    late = np.arange(places) % 2
    ranked = means - late * (ON_THE_BEAT / 4 if half_beats else np.inf)
    first, second = np.argsort(-ranked, kind="stable")[:2]
    count = accents[first::places].size
    return float(means[first]) * math.sqrt(count / 8), int(first), float(ranked[first] - ranked[second])


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

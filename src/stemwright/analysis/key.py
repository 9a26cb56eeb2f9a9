"""Which key a song is in, how sure that is, and whether it stays there.

Pitch classes are compared with profiles of the 24 keys by correlation (C. Krumhansl, *Cognitive Foundations
of Musical Pitch*, 1990, chapter 4). Four profiles vote, which are right about different music:

- C. Krumhansl and E. Kessler, *Tracing the dynamic changes in perceived tonal organization*, 1982;
- D. Temperley, *Music and Probability*, 2007, table 6.1 (Kostka-Payne corpus);
- J. Albrecht and D. Shanahan, *The use of large corpora to train a new type of key-finding algorithm*, 2013;
- I. Sha'ath, *Estimation of key in digital music recordings*, 2011 (KeyFinder; electronic music).

The confidence is a probability: the share of right answers among passages with the same fit and lead, fitted
on 901 passages of 6 to 80 s of known key (``python -m bench.harmony`` prints how well it holds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.analysis.chroma import chroma_of
from stemwright.analysis.features import SongFeatures, listen
from stemwright.audio import AudioSource
from stemwright.songs import Key, KeyFacts, Mode

__all__ = ["PROFILES", "KeyFit", "detect_key", "fit_key", "key_of", "weighted_score"]

Array: TypeAlias = npt.NDArray[np.float64]

PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "temperley": (
        (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    ),
    "albrecht": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
    "shaath": (
        (6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4),
        (6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2),
    ),
}
"""Weights of the pitch classes from the tonic up: major, minor."""

FIRST_PART = 0.6
"""A song modulates when its first 60 % and its last 40 % disagree."""
MODULATION_LEAD = 0.15
"""By how much each part's own key must fit better than the other part's, in correlation."""
MODULATION_CONFIDENCE = 0.4
MIN_PART_S = 8.0
ATONAL_FIT, TONAL_FIT = 0.61, 0.65
"""Drums, noise and random notes, whose partials add up to some profile by chance, fit up to the first."""
ONE_NOTE, A_CHORD = 2.0, 2.8
"""Pitch classes that sound, counted by their weight: a single note has no key, a triad suggests one."""
_INTERCEPT, _PER_FIT, _PER_LEAD, _MAX_LEAD = -2.27, 2.49, 8.70, 0.3


@dataclass(frozen=True, slots=True)
class KeyFit:
    """How well the best key fits.

    Attributes
    ----------
    key : Key
        The best of the 24.
    fit : float
        Its mean correlation with the profiles, −1 to 1.
    lead : float
        How much the second best stays behind.
    confidence : float
        Probability that the key is right; 0 where nothing tonal is heard.
    """

    key: Key
    fit: float
    lead: float
    confidence: float


def detect_key(song: AudioSource) -> KeyFacts:
    """Find the key of a song.

    Parameters
    ----------
    song : AudioSource
        Any number of channels, 8 to 192 kHz.

    Returns
    -------
    KeyFacts
        Its confidence is 0 for silence, noise and drums alone; the key is then a guess.
    """
    return key_of(listen(song))


def key_of(features: SongFeatures) -> KeyFacts:
    """Find the key of a song that has been listened to; see `detect_key`."""
    chroma = chroma_of(features)
    whole = fit_key(chroma.sum(axis=0))
    later = _later_key(chroma, features.duration_s)
    return KeyFacts(whole.key, whole.confidence, later is not None, later)


def fit_key(chroma: npt.ArrayLike) -> KeyFit:
    """Compare pitch classes with all keys.

    Parameters
    ----------
    chroma : array_like [shape=(12,)]
        How much of each pitch class there is, C first.
    """
    fits = _fits(np.asarray(chroma, np.float64))
    order = np.argsort(-fits, kind="stable")
    fit, lead = float(fits[order[0]]), float(fits[order[0]] - fits[order[1]])
    enough = _ramp(_pitch_classes(np.asarray(chroma, np.float64)), ONE_NOTE, A_CHORD)
    return KeyFit(_key(int(order[0])), fit, lead, enough * _confidence(fit, lead))


def weighted_score(found: Key, truth: Key) -> float:
    """Score of MIREX's audio key detection: same 1, fifth 0.5, relative 0.3, parallel 0.2, other 0."""
    if found == truth:
        return 1.0
    if found.mode is truth.mode:
        return 0.5 if (found.tonic - truth.tonic) % 12 in (5, 7) else 0.0
    if found.relative_major == truth.relative_major:
        return 0.3
    return 0.2 if found.tonic == truth.tonic else 0.0


def _confidence(fit: float, lead: float) -> float:
    """Logistic regression on fit and lead, faded out where drums and noise fit as well."""
    evidence = _INTERCEPT + _PER_FIT * fit + _PER_LEAD * min(lead, _MAX_LEAD)
    return _ramp(fit, ATONAL_FIT, TONAL_FIT) / (1.0 + math.exp(-evidence))


def _pitch_classes(chroma: Array) -> float:
    """Effective number of pitch classes, ``(Σ c)² / Σ c²``; 0 in silence."""
    return float(chroma.sum() ** 2 / max(float((chroma**2).sum()), 1e-30))


def _ramp(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _later_key(chroma: npt.NDArray[np.float32], duration_s: float) -> Key | None:
    """Key of the last part, where both parts are sure of keys that are not relatives."""
    if duration_s * (1.0 - FIRST_PART) < MIN_PART_S:
        return None
    cut = round(len(chroma) * FIRST_PART)
    parts = chroma[:cut].sum(axis=0), chroma[cut:].sum(axis=0)
    first, last = (fit_key(part) for part in parts)
    if first.key.relative_major == last.key.relative_major:
        return None
    lead = min(_lead_over(part, own.key, other.key) for part, own, other in (
        (parts[0], first, last), (parts[1], last, first),
    ))  # fmt: skip
    sure = min(first.confidence, last.confidence) >= MODULATION_CONFIDENCE
    return last.key if sure and lead >= MODULATION_LEAD else None


def _lead_over(chroma: npt.ArrayLike, own: Key, other: Key) -> float:
    """How much better a part's own key fits it than the other part's key or its relative."""
    fits = _fits(np.asarray(chroma, np.float64))
    relatives = [i for i in range(24) if _key(i).relative_major == other.relative_major]
    return float(fits[_index(own)] - max(fits[i] for i in relatives))


def _fits(chroma: Array) -> Array:
    """Mean correlation with the profiles of the 24 keys; 0 for flat or silent input."""
    centred = chroma - chroma.mean()
    length = float(np.linalg.norm(centred))
    if length <= 1e-9 * max(float(np.abs(chroma).max()), 1e-9):
        return np.zeros(24)
    fits: Array = (_templates() * (centred / length)).sum(axis=-1).mean(axis=0)
    return fits


@cache
def _templates() -> Array:
    """Profiles of all keys, centred, of length 1: shape ``(profiles, 24, 12)``."""
    profiles = np.array(list(PROFILES.values()))
    profiles -= profiles.mean(axis=2, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=2, keepdims=True)
    return np.stack([np.roll(profiles[:, i // 12], i % 12, axis=1) for i in range(24)], axis=1)


def _key(index: int) -> Key:
    return Key(index % 12, Mode.MAJOR if index < 12 else Mode.MINOR)


def _index(key: Key) -> int:
    return key.tonic + (0 if key.mode is Mode.MAJOR else 12)

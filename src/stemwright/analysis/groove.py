"""How the drums divide the beat: straight, swung, half-time.

The onsets between beats say where the off-beat stands: at ½ it is straight, at 0.56 to 0.7 (⅔ is the full
triplet) swung. A snare that comes only on the third of four beats is half-time: its onsets are two beats from
the kick's and four from each other.
"""

from __future__ import annotations

import numpy as np

from stemwright.analysis.onsets import ATTACK_HZ, Array, SongView
from stemwright.analysis.tempo import Registers
from stemwright.grid import BeatGrid
from stemwright.songs import Groove

__all__ = ["beat_profile", "find_groove"]

PHASES = 48
STRAIGHT, SWUNG = (0.46, 0.54), (0.56, 0.7)
SWING_LEAD = 1.3
"""How much stronger the late off-beats must be."""
LEAST_ATTACK = 0.3
LONE_SNARE, LONE_KICK = 1.4, 1.2
_CELLS_BLURRED = 3


def find_groove(view: SongView, heard: Registers, grid: BeatGrid) -> Groove:
    """Say how the drums divide the beat; `Groove.UNKNOWN` where nothing divides or leads it.

    Even thirds of a dotted beat are straight.
    """
    beats_s = np.asarray(grid.times_s, np.float64)
    if beats_s.size < 8:
        return Groove.UNKNOWN
    if grid.beats_per_bar == 4 and _half_time(heard, beats_s[grid.first_downbeat % 4 :]):
        return Groove.HALF_TIME
    if grid.parts_per_beat == 3:
        return Groove.STRAIGHT
    profile = beat_profile(view, beats_s)
    straight, swung = (_highest(profile, *span) for span in (STRAIGHT, SWUNG))
    if swung > max(LEAST_ATTACK, SWING_LEAD * straight):
        return Groove.SWUNG
    return Groove.STRAIGHT if max(profile[0], straight) > LEAST_ATTACK else Groove.UNKNOWN


def beat_profile(view: SongView, beats_s: Array) -> Array:
    """Mean attack (nepers) at 48 places of the beat, each within 4 ms."""
    numbers = (np.arange(beats_s.size - 1)[:, np.newaxis] + np.arange(PHASES) / PHASES).ravel()
    places = np.round(np.interp(numbers, np.arange(beats_s.size), beats_s) * ATTACK_HZ).astype(np.intp)
    near = np.clip(
        places[:, np.newaxis] + np.arange(-_CELLS_BLURRED, _CELLS_BLURRED + 1), 0, view.attacks.size - 1
    )
    return np.asarray(view.attacks[near].max(axis=1).reshape(-1, PHASES).mean(axis=0))


def _highest(profile: Array, start: float, stop: float) -> float:
    """Highest point of a span, above the median of the whole."""
    span = profile[round(start * PHASES) : round(stop * PHASES) + 1]
    return float(span.max() - np.median(profile))


def _half_time(heard: Registers, beats_s: Array) -> bool:
    """Whether the snare's only place is the third beat, and the kick's the first."""
    bars = beats_s[: beats_s.size // 4 * 4]
    if bars.size < 8:
        return False
    at = heard.at(bars).reshape(4, -1, 4).mean(axis=1)
    kick, snare = at[1], at[2]
    return bool(snare[2] > LONE_SNARE * max(snare[1], snare[3]) and kick[0] > LONE_KICK * max(kick[1:]))

"""Compound meters: whether what was counted in threes or fours is really counted in dotted beats.

The beat of 6/8 is the dotted quarter: two beats to the bar, three eighths to the beat, and the tempo counts
dotted quarters. A tracker of even beats reads such a song in one of four ways, each of which is asked about
here: bars of three quarters (six eighths fall into 2 + 2 + 2 or 3 + 3: which of the eighths in the middle are
struck?), bars of three eighths (two of them make a bar if every other one is heavier), dotted beats (their
thirds are struck, their halves not; a shuffle leaves the first third empty), or dotted beats counted double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemwright.analysis.downbeats import Bars, find_bars
from stemwright.analysis.onsets import Array, SongView
from stemwright.analysis.tempo import Registers

__all__ = ["Recount", "divided", "recount"]

EARLY_S = 0.008
EIGHTHS = 6
MIDDLE = 0.25
"""How much more the fourth eighth must be struck than the third and fifth, summed over registers, for 3 + 3;
as much less, and it is 2 + 2 + 2; between them both are likely."""
HEAVIER, FASTEST_BPM, SLOWEST_BPM = 0.35, 120.0, 40.0
"""Kicks of every other bar against those of the rest; from which tempo on bars of three may be half bars; the
slowest dotted beat."""
THIRDS, EVEN_THIRDS, PLACES = 0.15, 0.4, 12
"""How much more the weaker third is struck than the half, against the beat; and against the other third."""
LONG_BAR = 2.5
"""How much more clearly every other bar of two must begin, in accents, for bars of four: 12/8."""


@dataclass(frozen=True, eq=False)
class Recount:
    """Another way to count beats that were found.

    Attributes
    ----------
    beats_s : float64 [shape=(n,)]
        Times of the new beats.
    bars : Bars
        How they group.
    step : float
        Old beats to the new one.
    parts_per_beat : int
        3 in compound time, else 2.
    unsure : bool
        Whether three quarters and two dotted quarters explain the bar equally well; nothing is changed then.
    """

    beats_s: Array
    bars: Bars
    step: float = 1.0
    parts_per_beat: int = 2
    unsure: bool = False


def recount(view: SongView, heard: Registers, beats_s: Array, bars: Bars, *, keep_tempo: bool) -> Recount:
    """Ask whether beats are to be counted otherwise.

    Parameters
    ----------
    view, heard
        The song.
    beats_s : float64 [shape=(n,)]
        Times of its beats.
    bars : Bars
        How they were grouped.
    keep_tempo : bool
        Whether somebody decided how fast it is; then only the division of the beat is asked.

    Returns
    -------
    Recount
        The beats as they were where nothing speaks against them.
    """
    if bars.beats_per_bar == 3:
        kept = Recount(beats_s, bars)
        return kept if keep_tempo else _six_eighths(heard, beats_s, bars) or kept
    for step in (1,) if keep_tempo else (2, 1):
        for first in range(step):
            dotted = beats_s[first::step]
            if dotted.size > PLACES and divided(heard, dotted) == 3:
                return Recount(dotted, _two_or_four(view, heard, dotted), step, 3)
    return Recount(beats_s, bars)


def divided(heard: Registers, beats_s: Array) -> int:
    """Count the parts of a beat: 3 where both thirds are struck and the half is not, else 2."""
    numbers = np.arange((beats_s.size - 1) * PLACES) / PLACES
    at_s = np.interp(numbers, np.arange(beats_s.size), beats_s) - EARLY_S
    rows = heard.at(at_s).reshape(4, -1, PLACES).mean(axis=1)
    if 60.0 / float(np.median(np.diff(beats_s))) < SLOWEST_BPM:
        return 2
    return 3 if any(_in_thirds(np.maximum(rows[band], 0.0)) for band in (0, 3)) else 2


def _in_thirds(profile: Array) -> bool:
    first, half, second = profile[[PLACES // 3, PLACES // 2, 2 * PLACES // 3]] / (profile[0] + 1e-9)
    weaker = min(first, second)
    return bool(weaker - half > THIRDS and weaker > EVEN_THIRDS * max(first, second))


def _two_or_four(view: SongView, heard: Registers, beats_s: Array) -> Bars:
    """Find bars of dotted beats: two, unless every other bar begins more clearly."""
    four = find_bars(view, heard, beats_s, beats_per_bar=4, half_beats=False)
    return four if four.lead > LONG_BAR else Bars(0, four.first % 2, 2, four.sureness)


def _six_eighths(heard: Registers, beats_s: Array, bars: Bars) -> Recount | None:
    """Divide bars of three, or pairs of them, into six eighths and ask how those group."""
    paired = _heavier(heard, beats_s, bars)
    unit, first = (0.5, float(bars.first)) if paired is None else (1.0, float(paired))
    middle = _middle(heard, beats_s, first, unit)
    if abs(middle) < MIDDLE:
        return Recount(beats_s, bars, unsure=True)
    if middle < 0.0 and paired is None:
        return None
    per_beat, per_bar = (3, 2) if middle > 0.0 else (2, 3)
    step = unit * per_beat
    if 60.0 / (float(np.median(np.diff(beats_s))) * step) < SLOWEST_BPM:
        return None
    times, number = _laid(beats_s, first=first, step=step)
    return Recount(times, Bars(0, number, per_bar, bars.sureness), step, per_beat)


def _heavier(heard: Registers, beats_s: Array, bars: Bars) -> int | None:
    """Find the first of the bars that are heavier than those between them, where bars are short."""
    downbeats = beats_s[bars.first % 3 :: 3]
    if downbeats.size < 8 or 60.0 / float(np.median(np.diff(beats_s))) < FASTEST_BPM:
        return None
    kicks = heard.at(downbeats - EARLY_S)[1]
    even, odd = float(kicks[::2].mean()), float(kicks[1::2].mean())
    tilt = (even - odd) / (even + odd + 1e-9)
    return None if abs(tilt) < HEAVIER else bars.first % 3 + (0 if tilt > 0.0 else 3)


def _middle(heard: Registers, beats_s: Array, first: float, unit: float) -> float:
    """Weigh the fourth of six eighths against the third and fifth, −1 to 1 in each register, summed."""
    bars = math.floor((beats_s.size - 1 - first) / (unit * EIGHTHS))
    places = first + np.arange(max(bars, 0) * EIGHTHS) * unit
    at_s = np.interp(places, np.arange(beats_s.size), beats_s) - EARLY_S
    rows = np.maximum(heard.at(at_s).reshape(4, -1, EIGHTHS).mean(axis=1), 0.0)
    two, three = (rows[:, 2] + rows[:, 4]) / 2.0, rows[:, 3]
    return float(((three - two) / (three + two + 0.05 * rows[:, 0] + 1e-9)).sum()) if bars > 0 else 0.0


def _laid(beats_s: Array, *, first: float, step: float) -> tuple[Array, int]:
    """Lay beats of another length on the same time, one of them at `first`; its number comes second."""
    before = math.floor(first / step)
    places = np.arange(first - before * step, beats_s.size - 1 + 1e-9, step)
    return np.asarray(np.interp(places, np.arange(beats_s.size), beats_s)), before

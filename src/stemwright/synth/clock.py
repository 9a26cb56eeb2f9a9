"""Exact beats to frames and MIDI ticks in whole numbers: what ``Fraction`` says, for thousands of notes.

A tempo map is a straight line between its changes, so a place is ``offset + slope * beat``; both are kept as
integers over one denominator per change, and only the last step rounds, half to even as Python does.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from math import lcm

from stemwright.grid import TempoMap, Timeline

__all__ = ["FrameClock", "TickClock", "rounded"]

_Line = tuple[int, int, int]


class FrameClock:
    """Frames of beats on a timeline: ``timeline.frame_at``, many times faster."""

    def __init__(self, timeline: Timeline) -> None:
        tempo, rate = timeline.tempo, timeline.sample_rate
        slopes = [60 * rate / bpm for _, bpm in tempo.changes]
        offsets = [
            tempo.seconds_at(beat) * rate - beat * slope
            for (beat, _), slope in zip(tempo.changes, slopes, strict=True)
        ]
        self._changes = _Changes(tempo)
        self._lines = list(map(_line, offsets, slopes))

    def frame(self, beat: Fraction) -> int:
        """Round the place of `beat` to a frame."""
        n, d = beat.as_integer_ratio()
        offset, slope, whole = self._lines[self._changes.index(beat)]
        return rounded(offset * d + slope * n, whole * d)


class TickClock:
    """MIDI ticks of beats that are moved by some seconds."""

    def __init__(self, timeline: Timeline, ticks_per_quarter: int) -> None:
        per_beat = Fraction(4 * ticks_per_quarter, timeline.meter.beat_unit)
        self._changes = _Changes(timeline.tempo)
        self._lines = [_line(per_beat, per_beat * bpm / 60) for _, bpm in timeline.tempo.changes]

    def tick(self, beat: Fraction, shift_s: float = 0.0) -> int:
        """Round the place of `beat`, moved by `shift_s` at the tempo in force there, to a tick."""
        n, d = beat.as_integer_ratio()
        per_beat, per_second, whole = self._lines[self._changes.index(beat)]
        if not shift_s:
            return rounded(per_beat * n, whole * d)
        seconds, parts = shift_s.as_integer_ratio()
        return rounded(per_beat * n * parts + per_second * seconds * d, whole * d * parts)


class _Changes:
    """Which tempo is in force; asks nothing where there is only one."""

    def __init__(self, tempo: TempoMap) -> None:
        self._beats = [beat for beat, _ in tempo.changes]

    def index(self, beat: Fraction) -> int:
        return 0 if len(self._beats) == 1 else max(bisect_right(self._beats, beat) - 1, 0)


def _line(first: Fraction, second: Fraction) -> _Line:
    """Bring two fractions over one denominator."""
    whole = lcm(first.denominator, second.denominator)
    return int(first * whole), int(second * whole), whole


def rounded(numerator: int, denominator: int) -> int:
    """Round a quotient to the nearest whole number, half to even, like ``round(Fraction(…))``."""
    down, rest = divmod(numerator, denominator)
    return down + (2 * rest > denominator or (2 * rest == denominator and down % 2 == 1))

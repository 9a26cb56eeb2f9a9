"""Meter as it is felt: pulses, bars, energy of sections, swing, and the human hand.

Conventions: a *pulse* is what the foot taps: every beat in x/4, three eighths in 6/8, two or three of them
in 5/8 and 7/8. All places are exact beats on the timeline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from stemwright.grid import Meter, Section, Timeline

__all__ = [
    "Bar",
    "Hand",
    "Pulse",
    "Step",
    "bars_of",
    "energy_of",
    "lookup",
    "plain_name",
    "pulses_of",
    "swung",
]

ENERGY: Mapping[str, float] = {
    "intro": 0.40, "verse": 0.48, "strophe": 0.48, "pre": 0.65, "build": 0.70, "rise": 0.70,
    "chorus": 1.00, "refrain": 1.00, "hook": 1.00, "drop": 1.00, "climax": 1.00,
    "bridge": 0.60, "middle": 0.60, "solo": 0.85, "instrumental": 0.75, "interlude": 0.50,
    "breakdown": 0.30, "break": 0.35, "outro": 0.40, "coda": 0.40, "end": 0.40,
}  # fmt: skip
"""How hard people play in a section, 0–1, by a word in its name."""
DEFAULT_ENERGY = 0.65
SOFTEST, LOUDEST = 56, 104
TIMING_S = 0.004
MAX_SHIFT_S = 0.010
VELOCITY_SPREAD = 5.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """A felt beat: its place, its length in beats, its index in the bar, how many the bar has."""

    start: Fraction
    beats: Fraction
    index: int
    count: int

    @property
    def strong(self) -> bool:
        """The bar's first pulse, and its middle where there is one."""
        return (
            self.index == 0
            or (self.count in (4, 6) and self.index == self.count // 2)
            or (self.count == 5 and self.index == 3)
        )

    @property
    def end(self) -> Fraction:
        """Where the next one starts."""
        return self.start + self.beats


@dataclass(frozen=True, slots=True)
class Step:
    """A subdivision of a pulse: `sub` of `of`."""

    at: Fraction
    beats: Fraction
    pulse: Pulse
    sub: int
    of: int

    @property
    def accent(self) -> float:
        """Metric weight, −1 to 1."""
        if self.sub == 0:
            return 0.8 if self.pulse.index == 0 else (0.35 if self.pulse.strong else 0.1)
        return -0.4 if self.sub * 2 == self.of or self.of == 3 else -0.7


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar on the timeline, possibly cut at its section's end.

    Attributes
    ----------
    index, in_section : int
        Counted from 0 in the song and in the section.
    last_in_section, final : bool
        Whether another section follows the bar; whether the song ends with it.
    """

    index: int
    in_section: int
    start: Fraction
    end: Fraction
    section: Section
    following: Section | None
    pulses: tuple[Pulse, ...]
    last_in_section: bool
    final: bool

    @property
    def beats(self) -> Fraction:
        """Its length."""
        return self.end - self.start

    @property
    def energy(self) -> float:
        """Of its section, 0–1."""
        return energy_of(self.section.name)

    def steps(self, *, fine: bool = False) -> Iterator[Step]:
        """Eighths, or sixteenths, of all pulses."""
        for pulse in self.pulses:
            count = (2 if pulse.beats == 1 else int(pulse.beats)) * (2 if fine else 1)
            length = pulse.beats / count
            for sub in range(count):
                at = pulse.start + sub * length
                if at < self.end:
                    yield Step(at, min(length, self.end - at), pulse, sub, count)


def pulses_of(meter: Meter) -> tuple[int, ...]:
    """Lengths of a bar's pulses in beats: 4/4 → 1 1 1 1, 6/8 → 3 3, 7/8 → 2 2 3, 5/8 → 3 2."""
    beats = meter.beats_per_bar
    if meter.beat_unit < 8 or beats < 2:
        return (1,) * beats
    if beats % 3 == 0:
        return (3,) * (beats // 3)
    if beats == 5:
        return (3, 2)
    return (2,) * (beats // 2 - beats % 2) + ((3,) if beats % 2 else ())


def bars_of(timeline: Timeline) -> list[Bar]:
    """All bars; the last one that lasts at least half a bar is the final one, what follows it is left out."""
    lengths = pulses_of(timeline.meter)
    bars: list[Bar] = []
    for number, section in enumerate(timeline.sections):
        following = timeline.sections[number + 1] if number + 1 < len(timeline.sections) else None
        starts = _bar_starts(section, timeline.meter)
        for count, start in enumerate(starts):
            end = min(start + timeline.meter.beats_per_bar, section.end_beat)
            last = count == len(starts) - 1
            pulses = _place(lengths, start, end)
            bars.append(
                Bar(
                    index=len(bars),
                    in_section=count,
                    start=start,
                    end=end,
                    section=section,
                    following=following if last else None,
                    pulses=pulses,
                    last_in_section=last,
                    final=False,
                )
            )
    return _with_final(bars, timeline.meter)


def _bar_starts(section: Section, meter: Meter) -> list[Fraction]:
    count = -(-section.beats // meter.beats_per_bar)
    return [section.start_beat + index * meter.beats_per_bar for index in range(int(count))]


def _place(lengths: tuple[int, ...], start: Fraction, end: Fraction) -> tuple[Pulse, ...]:
    pulses: list[Pulse] = []
    place = start
    for index, length in enumerate(lengths):
        if place < end:
            pulses.append(Pulse(place, Fraction(length), index, len(lengths)))
        place += length
    return tuple(pulses)


def _with_final(bars: list[Bar], meter: Meter) -> list[Bar]:
    while len(bars) > 1 and bars[-1].beats * 2 < meter.beats_per_bar:
        bars.pop()
    bars[-1] = replace(bars[-1], following=None, last_in_section=True, final=len(bars) >= 4)
    return bars


def plain_name(section: str) -> str:
    """Strip a section's name of its number: ``"Verse 2"`` → ``"verse"``."""
    return re.sub(r"[\s_-]*\d+$", "", section.strip().lower())


@lru_cache(maxsize=256)
def energy_of(section: str) -> float:
    """Energy of a section by its name; a middling one when the name says nothing."""
    name = plain_name(section)
    return next((energy for word, energy in ENERGY.items() if name.startswith(word) or word in name.split()),
                DEFAULT_ENERGY)  # fmt: skip


def lookup(table: Mapping[str, str], section: str) -> str | None:
    """Find what a table says for a section: by its name, by its name without number, by ``default``."""
    known = {name.lower(): value for name, value in table.items()}
    for name in (section.strip().lower(), plain_name(section), "default"):
        if name in known:
            return known[name]
    return None


def swung(at: Fraction, pulse: Pulse, *, swing: Fraction, fine: bool = False) -> Fraction:
    """Delay off-beats of a simple pulse: swing 1 brings the second half to two thirds.

    `fine` swings sixteenths within each half instead. Compound pulses are triple already.
    """
    if not swing or pulse.beats != 1:
        return at
    unit = Fraction(1, 2) if fine else Fraction(1)
    base = pulse.start + (at - pulse.start) // unit * unit
    place = (at - base) / unit
    middle = Fraction(1, 2) + swing / 6
    bent = place * 2 * middle if place < Fraction(1, 2) else 1 - (1 - place) * 2 * (1 - middle)
    return base + bent * unit


class Hand:
    """How a player strikes: dynamics of the section, accents, and small seeded irregularities.

    Parameters
    ----------
    rng : Generator
        Seeded; asked in the order of the notes.
    humanize : float
        0 is a machine, 1 a loose player; timing within ±10 ms and never on a bar's first beat.
    """

    def __init__(self, rng: np.random.Generator, *, humanize: float) -> None:
        self._rng = rng
        self._humanize = humanize

    def velocity(self, energy: float, accent: float) -> int:
        """Velocity at a section's energy (0–1) with an accent (about −1 to 1)."""
        base = SOFTEST + (LOUDEST - SOFTEST) * energy
        loose = float(self._rng.normal(0.0, VELOCITY_SPREAD)) * self._humanize
        return int(min(max(round(base + 11.0 * accent + loose), 1), 127))

    def shift_s(self, at: Fraction, bar: Bar) -> float:
        """Micro-timing in seconds; 0 on the bar's first beat."""
        drawn = float(self._rng.normal(0.0, TIMING_S)) * self._humanize
        return 0.0 if at == bar.start else round(min(max(drawn, -MAX_SHIFT_S), MAX_SHIFT_S), 6)

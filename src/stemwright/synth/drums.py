"""Compose drums: a style per section on the pulses of the meter, fills into every new section, a last hit.

A style is written as four cells of four sixteenths: the downbeat, a backbeat, the middle, the last backbeat.
A bar of another meter is put together from the same cells (`CELL_ORDERS`), so the backbeat stays where a
drummer would feel it: 3/4 → down, middle, back; 6/8 → down, back; 7/8 (2 + 2 + 3) → down, middle, back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stemwright.grid import Timeline
from stemwright.stems import Role
from stemwright.synth.groove import Bar, Hand, Pulse, Step, bars_of, energy_of, lookup, swung
from stemwright.synth.notes import Note, Part, seeded
from stemwright.synth.settings import SILENT, DrumSettings

__all__ = [
    "CLAP",
    "CRASH",
    "FILL_DRUMS",
    "KICK",
    "SNARE",
    "STICK",
    "STYLES",
    "TOMS",
    "Style",
    "compose_drums",
]

KICK, STICK, SNARE, CLAP = 36, 37, 38, 39
HAT, PEDAL, OPEN_HAT, RIDE, CRASH, SPLASH, CHINA = 42, 44, 46, 51, 49, 55, 57
TOMS = (50, 48, 45, 43, 41)
TAMBOURINE, COWBELL, SHAKER, CONGA_HIGH, CONGA_LOW, CLAVES = 54, 56, 70, 63, 64, 75
FILL_DRUMS = frozenset({SNARE, *TOMS})
RING = Fraction(1, 4)
FILL_FROM_ENERGY = 0.55
"""From here on fills are dense; in calmer sections strokes are left out of them."""
CRASH_FROM_ENERGY = 0.60
"""Calmer sections open without a cymbal."""

_ACCENTS = {"X": 0.9, "x": 0.35, "o": -0.5, "g": -1.9}
"""Strokes: accent, normal, soft, ghost."""

CELL_ORDERS: Mapping[int, tuple[int, ...]] = {
    1: (0,), 2: (0, 3), 3: (0, 2, 3), 4: (0, 1, 2, 3), 5: (0, 2, 3, 2, 3), 6: (0, 2, 3, 0, 2, 3),
    7: (0, 1, 2, 3, 0, 2, 3),
}  # fmt: skip
HALF_TIME_ORDERS: Mapping[int, tuple[int, ...]] = {
    1: (0,), 2: (0, 2), 3: (0, 1, 2), 4: (0, 1, 2, 3), 5: (0, 1, 3, 2, 3), 6: (0, 1, 1, 2, 3, 3),
    7: (0, 1, 1, 2, 3, 3, 3),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """A way of playing.

    Parameters
    ----------
    kick, snare : tuple[str, ...]
        One line of sixteen strokes per bar of a cycle: ``X x o g .``.
    hats : str
        ``"eighths"``, ``"sixteenths"``, ``"offbeats"``, ``"swing"`` or ``""``.
    snare_key : int
        What strikes the backbeat.
    swing : float
        How far it swings by nature.
    fine_swing : bool
        Whether sixteenths swing, not eighths.
    extra : Mapping[int, str]
        More instruments, one line of sixteen strokes each.
    cymbal : int or None
        What replaces the hat; None picks hat or ride by energy.
    half : bool
        Whether the backbeat stands in the middle of the bar.
    """

    kick: tuple[str, ...]
    snare: tuple[str, ...]
    hats: str = "eighths"
    snare_key: int = SNARE
    swing: float = 0.0
    fine_swing: bool = False
    extra: Mapping[int, str] | None = None
    cymbal: int | None = None
    half: bool = False


STYLES: Mapping[str, Style] = {
    "rock": Style(("X.......x.x.....", "X.......x.....x."), ("....X.......X...",)),
    "half-time": Style(("X.........x.....", "X.....x........."), ("........X.......",), half=True),
    "four-on-floor": Style(("X...x...X...x...",), ("....x.......x...",), "offbeats", CLAP,
                           extra={SHAKER: "o.o.o.o.o.o.o.o."}),
    "ballad": Style(("X.......x.......", "X.........x....."), ("....x.......x...",), "eighths", STICK),
    "shuffle": Style(("X.......x.....o.", "X.....o.x......."), ("....X.......X...",), "eighths", swing=1.0),
    "funk": Style(("X..x......x..x..", "X.x.......x....."), ("....X..g.g..X..g", "....X..g.g..X.g."),
                  "sixteenths", swing=0.15, fine_swing=True),
    "hiphop": Style(("X......x..x.....", "X..x......x....."), ("....X.......X...", "....X.......X..g"),
                    "eighths", swing=0.45, fine_swing=True),
    "dnb": Style(("X.........x.....",), ("....X..g.g..X...", "....X..g.g..X..g"), "eighths"),
    "brushes": Style(("o.......o.......",), ("....o.......o...", "....o.....g.o..g"), "swing", swing=1.0,
                     extra={PEDAL: "....x.......x..."}, cymbal=RIDE),
    "swing": Style(("o...o...o...o...",), ("................", "......g.......g."), "swing", swing=1.0,
                   extra={PEDAL: "....x.......x..."}, cymbal=RIDE),
    "latin": Style(("X.....x.x.....x.",), ("...x..x....x..x.",), "eighths", STICK,
                   extra={CONGA_HIGH: "..x...x...x...x.", CONGA_LOW: "............x.x.",
                          COWBELL: "x...x...x...x..."}),
    "reggae": Style(("........X.......",), ("........X.......",), "eighths", STICK, swing=0.3, half=True),
    "train": Style(("X...x...X...x...",), ("g.g.X.g.g.g.X.gg",), "", extra={TAMBOURINE: "....x.......x..."}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Stroke:
    at: Fraction
    key: int
    accent: float


def compose_drums(settings: DrumSettings, *, timeline: Timeline, seed: int, name: str = "drums") -> Part:
    """Write a drum part.

    Parameters
    ----------
    settings : DrumSettings
        Style by section, swing, looseness, kit.
    timeline : Timeline
        Sections, meter and tempo.
    seed : int
        Another seed is another take: other fills, other ghost notes, other hands.
    name : str
        Of the track.

    Returns
    -------
    Part
        A fill leads into every new section, a crash opens the driven ones, the last bar is one hit.
    """
    bars = bars_of(timeline)
    hand = Hand(seeded(seed, "drum hand"), humanize=settings.humanize)
    notes: dict[tuple[Fraction, int], Note] = {}
    for bar in bars:
        style_name = lookup(settings.pattern, bar.section.name)
        if style_name is None or style_name in SILENT:
            continue
        for stroke in _bar_strokes(bar, STYLES[style_name], settings, seed):
            note = _struck(stroke, bar, hand)
            known = notes.get((note.start_beat, note.pitch))
            if known is None or known.velocity < note.velocity:
                notes[note.start_beat, note.pitch] = note
    ordered = tuple(notes[place] for place in sorted(notes))
    return Part(name, Role.DRUMS, settings.kit, is_drums=True, notes=ordered)


def _struck(stroke: _Stroke, bar: Bar, hand: Hand) -> Note:
    energy = bar.energy if stroke.key not in (CRASH, CHINA) else max(bar.energy, CRASH_FROM_ENERGY)
    velocity = hand.velocity(energy, stroke.accent)
    return Note(stroke.at, min(RING, bar.end - stroke.at), stroke.key, velocity, hand.shift_s(stroke.at, bar))


def _bar_strokes(bar: Bar, style: Style, settings: DrumSettings, seed: int) -> Iterator[_Stroke]:
    if bar.final:
        yield from (_Stroke(bar.start, key, 0.9) for key in (KICK, CRASH))
        yield _Stroke(bar.start, SNARE, 0.6)
        return
    swing = max(Fraction(style.swing).limit_denominator(100), Fraction(settings.swing).limit_denominator(100))
    rng = seeded(seed, "drums", bar.index)
    fill_from = _fill_start(bar)
    groove = [stroke for stroke in _groove(bar, style, rng) if stroke.at < fill_from]
    for stroke in (*groove, *_fill(bar, fill_from, rng)):
        pulse = next(p for p in reversed(bar.pulses) if p.start <= stroke.at)
        at = swung(stroke.at, pulse, swing=swing, fine=style.fine_swing)
        if at < bar.end:
            yield _Stroke(at, stroke.key, stroke.accent)


def _groove(bar: Bar, style: Style, rng: np.random.Generator) -> Iterator[_Stroke]:
    order = (HALF_TIME_ORDERS if style.half else CELL_ORDERS).get(bar.pulses[0].count)
    cells = order or tuple(index % 4 for index in range(bar.pulses[0].count))
    lines = [
        (KICK, style.kick[bar.in_section % len(style.kick)]),
        (style.snare_key if bar.energy < 0.9 or style.snare_key != STICK else SNARE,
         style.snare[bar.in_section % len(style.snare)]),
        *(style.extra or {}).items(),
    ]  # fmt: skip
    for pulse, cell in zip(bar.pulses, cells, strict=False):
        for key, line in lines:
            yield from _cell(pulse, key, line[4 * cell : 4 * cell + 4], bar)
    if style.hats:
        yield from _hats(bar, style, rng)
    if bar.in_section == 0 and (bar.energy >= CRASH_FROM_ENERGY or bar.index == 0):
        yield _Stroke(bar.start, CRASH, 0.7)


def _cell(pulse: Pulse, key: int, strokes: str, bar: Bar) -> Iterator[_Stroke]:
    for place, stroke in enumerate(strokes):
        at = pulse.start + pulse.beats * _place_in(pulse, place)
        if stroke != "." and at < bar.end and not (stroke == "g" and bar.energy < 0.4):
            yield _Stroke(at, key, _ACCENTS[stroke])


def _place_in(pulse: Pulse, place: int) -> Fraction:
    """Sixteenths of a simple pulse; in a triple one the off-beat is the third eighth."""
    if pulse.beats == 3:
        return (Fraction(0), Fraction(1, 3), Fraction(2, 3), Fraction(5, 6))[place]
    return Fraction(place, 4)


def _hats(bar: Bar, style: Style, rng: np.random.Generator) -> Iterator[_Stroke]:
    key = style.cymbal or (RIDE if bar.energy >= 0.8 and bar.section.name.lower() != "intro" else HAT)
    steps = list(bar.steps(fine=style.hats == "sixteenths"))
    for step in steps:
        if not _hat_plays(step, style.hats):
            continue
        opens = step is steps[-1] and key == HAT and bar.in_section % 4 == 3 and bool(rng.random() < 0.7)
        off_open = style.hats == "offbeats" and bar.energy >= 0.6
        yield _Stroke(step.at, OPEN_HAT if opens or off_open else key, 0.8 * step.accent - 0.35)


def _hat_plays(step: Step, hats: str) -> bool:
    if hats == "offbeats":
        return step.sub == step.of // 2
    if hats == "swing":
        return step.sub == 0 or (step.sub == step.of - 1 and step.pulse.index % 2 == 1)
    return True


def _fill_start(bar: Bar) -> Fraction:
    """Where the fill into the next section begins: two pulses before it when energy rises, else one."""
    if bar.following is None:
        return bar.end
    rises = energy_of(bar.following.name) > bar.energy
    pulses = [p for p in bar.pulses if p.start < bar.end]
    count = 2 if rises and len(pulses) > 2 else 1
    return pulses[-count].start if len(pulses) > count or len(pulses) == 1 else pulses[-1].start


def _fill(bar: Bar, start: Fraction, rng: np.random.Generator) -> Iterator[_Stroke]:
    """Snare to toms, rising in force; the kick keeps time below."""
    steps = [step for step in bar.steps(fine=True) if step.at >= start]
    drums = (SNARE, *TOMS)
    keep = 0.85 if bar.energy >= FILL_FROM_ENERGY else 0.65
    for index, step in enumerate(steps):
        way = index / max(len(steps), 1)
        played = step.sub % 2 == 0 or index in (0, len(steps) - 1) or rng.random() < keep
        if played:
            wander = int(rng.integers(0, 2))
            yield _Stroke(step.at, drums[min(int(way * len(drums)) + wander * (index % 2), len(drums) - 1)],
                          0.6 * way - 0.25 + 0.1 * (step.sub == 0))  # fmt: skip
        if step.sub == 0:
            yield _Stroke(step.at, KICK, 0.1)

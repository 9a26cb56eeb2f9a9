"""What each player does in a bar, as figures: when, how long, how hard, which tones of the chord.

Patterns know rhythm, never pitch; ``score`` turns figures into notes with the chord of the moment. Each works
in every meter: it is written over pulses and their subdivisions (``groove``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import cycle

from stemwright.stems import Role
from stemwright.synth.groove import Bar, Step
from stemwright.synth.harmony import ChordSpan

__all__ = ["BASS", "CHORDAL", "DEFAULT_PATTERNS", "MELODIC", "Figure", "Shape", "known_patterns", "shape_of"]

HALF = Fraction(1, 2)


class Shape(StrEnum):
    """How a chord is held."""

    CLOSE = "close"
    GUITAR = "guitar"
    POWER = "power"


@dataclass(frozen=True, slots=True)
class Figure:
    """One gesture.

    Parameters
    ----------
    at, beats : Fraction
        Place and length.
    accent : float
        −1 to 1.
    tones : tuple[str, ...]
        Bass: ``root octave fifth third approach``. Chords: indices into the voicing (they wrap upwards by
        octaves), ``all``, ``low`` (its lowest), ``high`` (all but the lowest).
    strum : int
        1 from low to high, −1 from high to low, 0 at once.
    """

    at: Fraction
    beats: Fraction
    accent: float
    tones: tuple[str, ...] = ("all",)
    strum: int = 0


Pattern = Callable[[Bar, Sequence[ChordSpan]], Iterator[Figure]]


def _gated(step: Step, gate: Fraction, tones: tuple[str, ...], accent: float = 0.0, strum: int = 0) -> Figure:
    return Figure(step.at, step.beats * gate, step.accent + accent, tones, strum)


def sustained(bar: Bar, spans: Sequence[ChordSpan], tones: tuple[str, ...] = ("all",)) -> Iterator[Figure]:
    """Hold each chord for its whole length."""
    for span in spans:
        if bar.start <= span.start < bar.end:
            yield Figure(span.start, span.end - span.start, 0.2, tones)


def _on_pulses(bar: Bar, tones: tuple[str, ...], gate: Fraction, *, strong: bool = False) -> Iterator[Figure]:
    chosen = [pulse for pulse in bar.pulses if pulse.strong or not strong]
    for pulse, following in zip(chosen, [*(p.start for p in chosen[1:]), bar.end], strict=True):
        accent = 0.6 if pulse.index == 0 else (0.2 if pulse.strong else 0.0)
        yield Figure(pulse.start, (following - pulse.start) * gate, accent, tones)


def block(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Chords on the strong pulses, held."""
    return _on_pulses(bar, ("all",), Fraction(19, 20), strong=True)


def quarters(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Play a chord on every pulse."""
    return _on_pulses(bar, ("all",), Fraction(17, 20))


def ostinato(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Repeated eighths."""
    return (_gated(step, Fraction(4, 5), ("all",)) for step in bar.steps())


def comping(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Play a long chord, then syncopated answers; every other bar starts off the beat."""
    odd = bar.in_section % 2 == 1
    for step in bar.steps():
        first, offbeat = step.sub == 0 and step.pulse.index == 0, step.sub == step.of - 1
        late = offbeat and not step.pulse.strong
        if (first and not odd) or (odd and offbeat and step.pulse.index == 0) or late:
            length = step.beats * (3 if first else 1)
            yield Figure(step.at, length * Fraction(9, 10), 0.5 if first else 0.1)


def stabs(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Short chords in threes against the beat."""
    for index, step in enumerate(bar.steps(fine=True)):
        if index % 8 in (0, 3, 6):
            yield Figure(step.at, step.beats * Fraction(3, 4), 0.6 if index % 8 == 0 else 0.2)


def offbeat(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Short chords between the pulses."""
    return (Figure(s.at, s.beats * HALF, 0.2) for s in bar.steps() if s.sub == s.of // 2)


def waltz(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Put the lowest tone on strong pulses, the others after it."""
    for step in bar.steps():
        compound = step.pulse.beats > 1
        if compound or step.sub == 0:
            low = step.sub == 0 and (compound or step.pulse.strong)
            yield Figure(
                step.at, step.beats if compound else step.pulse.beats * Fraction(4, 5),
                0.5 if low else -0.1, ("low",) if low else ("high",),
            )  # fmt: skip


def arpeggio(bar: Bar, spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Single tones up and down in eighths, in sixteenths where the section drives."""
    order = cycle(("0", "1", "2", "3", "2", "1"))
    starts = {span.start for span in spans}
    for step in bar.steps(fine=bar.energy >= 0.9 and bar.pulses[0].beats == 1):
        if step.at in starts:
            order = cycle(("0", "1", "2", "3", "2", "1"))
        yield Figure(step.at, step.beats * Fraction(3, 2), step.accent, (next(order),))


def pluck(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Short single tones with holes, hopping through the chord."""
    hops = ("0", "2", None, "1", "3", None, "2", "1")
    for index, step in enumerate(bar.steps()):
        if (tone := hops[index % len(hops)]) is not None:
            yield _gated(step, HALF, (tone,), 0.2)


def strum(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Down on the pulses, up between them; the hand misses the first off-beat."""
    for step in bar.steps():
        if step.sub == 0:
            yield Figure(step.at, step.pulse.beats * Fraction(9, 10), step.accent, ("all",), 1)
        elif step.pulse.index > 0 or step.of > 2:
            yield Figure(step.at, step.beats, step.accent, ("high",), -1)


def power(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Driven eighths; where the section is quiet, short and palm-muted."""
    open_hand = bar.energy >= 0.7
    for step in bar.steps():
        ringing = open_hand and step.sub == 0
        gate = Fraction(19, 20) if ringing else (Fraction(7, 10) if open_hand else Fraction(2, 5))
        yield _gated(step, gate, ("all",) if ringing or step.sub == 0 else ("low",), 0.1, 1)


def muted(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Percussive sixteenths, most of them left out."""
    for index, step in enumerate(bar.steps(fine=True)):
        if index % 16 in (0, 3, 6, 8, 11, 14):
            yield Figure(step.at, step.beats * Fraction(3, 5), step.accent + 0.3, ("high",), 1)


def hits(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Punch: short on the downbeat, then off-beats; every other bar a long one."""
    steps = list(bar.steps())
    yield Figure(bar.start, steps[0].beats * Fraction(4, 5), 0.7)
    for step in steps[len(steps) // 3 :: 3]:
        last = step is steps[-1] or bar.in_section % 2 == 1
        length = bar.end - step.at if last and step.pulse.index >= step.pulse.count // 2 else step.beats
        yield Figure(step.at, min(length, Fraction(2)) * Fraction(9, 10), 0.4)


def bass_roots(bar: Bar, spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Play the root on every chord and strong pulse."""
    starts = sorted(
        {p.start for p in bar.pulses if p.strong} | {s.start for s in spans if bar.start <= s.start}
    )
    for at, following in zip(starts, [*starts[1:], bar.end], strict=True):
        yield Figure(at, (following - at) * Fraction(19, 20), 0.6 if at == bar.start else 0.2, ("root",))


def bass_sustained(bar: Bar, spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Hold the root for the whole chord."""
    return sustained(bar, spans, ("root",))


def bass_quarters(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Play the root on every pulse."""
    return _on_pulses(bar, ("root",), Fraction(9, 10))


def bass_eighths(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Driving eighths on the root, a fifth to turn the phrase."""
    steps = list(bar.steps())
    for step in steps:
        turn = step is steps[-1] and bar.in_section % 4 == 3
        yield _gated(step, Fraction(17, 20), ("fifth",) if turn else ("root",))


def bass_octaves(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Root on the pulse, its octave between."""
    return (
        _gated(
            step, Fraction(4, 5), ("root",) if step.sub == 0 else ("octave",), 0.0 if step.sub == 0 else 0.2
        )
        for step in bar.steps()
    )


def bass_fifths(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Root and fifth in turn."""
    for figure, tone in zip(_on_pulses(bar, (), Fraction(9, 10)), cycle(("root", "fifth")), strict=False):
        yield Figure(figure.at, figure.beats, figure.accent, (tone,))


def bass_walking(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Walk on every pulse through the chord; every other bar leads into the next chord by a step."""
    tones = cycle(
        ("root", "third", "fifth", "octave") if bar.in_section % 2 == 0 else ("root", "fifth", "third")
    )
    last = bar.pulses[-1]
    for figure, tone in zip(_on_pulses(bar, (), Fraction(19, 20)), tones, strict=False):
        leads = figure.at == last.start and bar.in_section % 2 == 1 and len(bar.pulses) > 1
        yield Figure(figure.at, figure.beats, figure.accent, ("approach" if leads else tone,))


def bass_syncopated(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Root on one, then pushed before the strong pulses."""
    steps = list(bar.steps())
    for index, step in enumerate(steps):
        first, pushed = index == 0, step.sub == step.of - 1 and not step.pulse.strong
        if first or pushed or (step.sub == 0 and step.pulse.strong):
            tone = "octave" if step is steps[-1] else ("fifth" if pushed and bar.in_section % 2 else "root")
            yield Figure(
                step.at, step.beats * (2 if first else 1) * Fraction(9, 10), 0.6 if first else 0.2, (tone,)
            )


def bass_arpeggio(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Root, fifth, octave, third in eighths."""
    tones = cycle(("root", "fifth", "octave", "third"))
    return (_gated(step, Fraction(9, 10), (tone,)) for step, tone in zip(bar.steps(), tones, strict=False))


def bass_funk(bar: Bar, _spans: Sequence[ChordSpan]) -> Iterator[Figure]:
    """Sixteenths with holes: heavy one, popped octaves, dead space."""
    played = {0: "root", 3: "root", 6: "octave", 7: "root", 10: "fifth", 11: "octave", 14: "octave"}
    for index, step in enumerate(bar.steps(fine=True)):
        if (tone := played.get(index % 16)) is not None:
            accent = 0.8 if index == 0 else (0.3 if tone == "octave" else -0.1)
            yield Figure(
                step.at, step.beats * (Fraction(7, 4) if index == 0 else Fraction(7, 10)), accent, (tone,)
            )


BASS: Mapping[str, Pattern] = {
    "roots": bass_roots, "sustained": bass_sustained, "quarters": bass_quarters, "eighths": bass_eighths,
    "octaves": bass_octaves, "fifths": bass_fifths, "walking": bass_walking, "syncopated": bass_syncopated,
    "arpeggio": bass_arpeggio, "funk": bass_funk,
}  # fmt: skip
CHORDAL: Mapping[str, Pattern] = {
    "sustained": sustained, "block": block, "quarters": quarters, "ostinato": ostinato, "comping": comping,
    "stabs": stabs, "offbeat": offbeat, "waltz": waltz, "arpeggio": arpeggio, "pluck": pluck, "strum": strum,
    "power": power, "muted": muted, "hits": hits,
}  # fmt: skip
MELODIC: tuple[str, ...] = ("melody", "riff", "long")
DEFAULT_PATTERNS: Mapping[Role, str] = {
    Role.BASS: "roots", Role.GUITARS: "strum", Role.KEYS: "comping", Role.SYNTHS: "arpeggio",
    Role.PADS: "sustained", Role.STRINGS: "sustained", Role.BRASS: "hits", Role.LEAD: "melody",
    Role.VOCALS: "melody", Role.PERCUSSION: "ostinato",
}  # fmt: skip


def known_patterns(role: Role | None) -> tuple[str, ...]:
    """Patterns that a role can play; of all roles together when it is None."""
    chordal = (*CHORDAL, *MELODIC)
    if role is Role.BASS:
        return tuple(BASS)
    return chordal if role else tuple(dict.fromkeys((*BASS, *chordal)))


def shape_of(pattern: str, role: Role) -> Shape:
    """How a chord is held for a pattern."""
    if pattern == "power":
        return Shape.POWER
    return Shape.GUITAR if pattern == "strum" or role is Role.GUITARS else Shape.CLOSE

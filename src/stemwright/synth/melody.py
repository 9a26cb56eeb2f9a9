"""A lead line that is a tune and not a random walk: a motif, its answer, its return, a close.

Four bars make a phrase: motif, answer, motif moved with the chords, a long close. The motif belongs to a
section's *name*: every chorus sings the same one. Strong beats take chord tones, the others the scale of the
key as the chord bends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stemwright.synth.groove import Bar
from stemwright.synth.harmony import Chord, ChordSpan, Key
from stemwright.synth.patterns import Figure
from stemwright.synth.voicing import Range, nearest

__all__ = ["Motif", "line_pitch", "line_scale", "line_start", "make_motif", "melody_figures"]

PHRASE_BARS = 4
CELLS = {
    "melody": ((0,), (0, 1), (0, 1), (1,), (0,)),
    "riff": ((0, 1), (0, 1), (1,), (0,)),
    "long": ((0,), ()),
}
LEAPS = (-2, -1, -1, 1, 1, 1, 2, -3, 4)


@dataclass(frozen=True, slots=True)
class Motif:
    """One bar of a tune: which subdivisions of which pulses are struck, and steps of the scale between."""

    onsets: tuple[tuple[int, int], ...]
    moves: tuple[int, ...]


def make_motif(rng: np.random.Generator, pattern: str, pulses: int) -> tuple[Motif, Motif]:
    """Invent a motif and its answer for bars of `pulses` pulses; the answer keeps half of the rhythm."""
    first = _rhythm(rng, pattern, pulses)
    second = tuple(o for o in first if o[0] < pulses // 2) + tuple(
        o for o in _rhythm(rng, pattern, pulses) if o[0] >= pulses // 2
    )
    return Motif(first, _contour(rng, len(first))), Motif(second, _contour(rng, len(second)))


def _rhythm(rng: np.random.Generator, pattern: str, pulses: int) -> tuple[tuple[int, int], ...]:
    cells = CELLS[pattern]
    onsets = [(pulse, sub) for pulse in range(pulses) for sub in cells[int(rng.integers(len(cells)))]]
    return tuple(dict.fromkeys([(0, 0), *onsets]))


def _contour(rng: np.random.Generator, notes: int) -> tuple[int, ...]:
    """Draw moves in scale steps; a leap is answered by a step back."""
    moves: list[int] = []
    for _ in range(notes):
        after_leap = moves and abs(moves[-1]) > 2
        moves.append((-1 if moves[-1] > 0 else 1) if after_leap else int(rng.choice(LEAPS)))
    return tuple(moves)


def melody_figures(bar: Bar, motifs: tuple[Motif, Motif]) -> Iterator[tuple[Figure, int]]:
    """Yield a bar's figures with their moves in scale steps; a phrase's fourth bar closes on a long note."""
    place = bar.in_section % PHRASE_BARS
    if place == PHRASE_BARS - 1:
        close = bar.pulses[: max(1, (3 * len(bar.pulses)) // 4)]
        yield Figure(bar.start, close[-1].end - bar.start, 0.3), 0
        return
    motif = motifs[place % 2]
    starts = [_onset(bar, pulse, sub) for pulse, sub in motif.onsets if pulse < len(bar.pulses)]
    starts = [at for at in starts if at < bar.end]
    for at, following, move in zip(starts, [*starts[1:], bar.end], motif.moves, strict=False):
        pulse = next(p for p in reversed(bar.pulses) if p.start <= at)
        accent = 0.5 if at == bar.start else (0.2 if at == pulse.start else -0.2)
        yield Figure(at, min(following - at, Fraction(2)) * Fraction(19, 20), accent), move


def _onset(bar: Bar, pulse: int, sub: int) -> Fraction:
    found = bar.pulses[pulse]
    return found.start + (found.beats / 2 if found.beats != 3 else Fraction(2)) * sub


def line_scale(key: Key, chord: Chord) -> tuple[int, ...]:
    """Bend the key's scale to the chord: a tone that rubs against a foreign chord tone gives way."""
    foreign = [tone for tone in chord.pitch_classes if tone not in key.scale]
    kept = [tone for tone in key.scale if all((tone - other) % 12 not in (1, 11) for other in foreign)]
    return tuple(sorted({*kept, *chord.pitch_classes}))


def line_pitch(before: int, move: int, chord: Chord, key: Key, where: Range, *, strong: bool) -> int:
    """Find the next note of a line, `move` scale steps on; on a chord tone where it is strong."""
    scale = line_scale(key, chord)
    ladder = [pitch for pitch in range(where.low, where.high + 1) if pitch % 12 in scale]
    place = min(range(len(ladder)), key=lambda i: abs(ladder[i] - before))
    turned = -move if not 0 <= place + move < len(ladder) else move
    pitch = ladder[min(max(place + turned, 0), len(ladder) - 1)]
    return nearest(pitch, chord.pitch_classes, low=where.low, high=where.high) if strong else pitch


def line_start(spans: Sequence[ChordSpan], where: Range) -> int:
    """Where a section's line begins: a chord tone in the middle of the range."""
    chord = next((span.chord for span in spans if span.chord), None)
    tones = chord.pitch_classes if chord else (0,)
    return nearest(where.centre, tones, low=where.low, high=where.high)

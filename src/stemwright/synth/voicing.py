"""Chords as hands hold them: close voicings that move little, guitar shapes, power chords, bass roots."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from stemwright.stems import Role
from stemwright.synth.harmony import Chord

__all__ = ["Range", "bass_root", "guitar_shape", "lead_voices", "nearest", "power_chord", "range_of"]

OPEN_STRINGS = (40, 45, 50, 55, 59, 64)
MUD_BELOW = 52
MUD_SEMITONES = 4


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest pitch of a role, and how many voices it plays at once."""

    low: int
    high: int
    voices: int = 4

    @property
    def centre(self) -> float:
        """Where it is at home."""
        return (self.low + self.high) / 2.0


RANGES: Mapping[Role, Range] = {
    Role.BASS: Range(28, 43, 1), Role.GUITARS: Range(50, 69, 4), Role.KEYS: Range(52, 74, 4),
    Role.SYNTHS: Range(57, 79, 3), Role.PADS: Range(52, 76, 4), Role.STRINGS: Range(55, 81, 4),
    Role.BRASS: Range(53, 74, 3), Role.LEAD: Range(64, 84, 1), Role.VOCALS: Range(57, 76, 1),
}  # fmt: skip


def range_of(role: Role) -> Range:
    """Where a role plays, so that roles leave room for one another."""
    return RANGES.get(role, Range(52, 76, 4))


def lead_voices(chord: Chord, before: Sequence[int], where: Range) -> tuple[int, ...]:
    """Pick the voicing of `chord` nearest to the one before; close or drop-2, rising pitches, no mud."""
    candidates = _voicings(chord.colour[: where.voices], where.low, where.high)
    return min(candidates, key=lambda voicing: (_cost(voicing, before, where), voicing))


@lru_cache(maxsize=512)
def _voicings(tones: tuple[int, ...], low: int, high: int) -> tuple[tuple[int, ...], ...]:
    found: list[tuple[int, ...]] = []
    for turn in range(len(tones)):
        order = tones[turn:] + tones[:turn]
        for base in range(low + (order[0] - low) % 12, high, 12):
            close = [base]
            for tone in order[1:]:
                close.append(close[-1] + 1 + (tone - close[-1] - 1) % 12)
            found.append(tuple(close))
            if len(close) >= 3:
                found.append(tuple(sorted([close[-2] - 12, *close[:-2], close[-1]])))
    inside = [voicing for voicing in found if low <= voicing[0] and voicing[-1] <= high + 3]
    return tuple(inside or found[:1])


def _cost(voicing: Sequence[int], before: Sequence[int], where: Range) -> float:
    """Semitones moved by all voices, pulled gently to the middle of the range; mud is dear."""
    centre = sum(voicing) / len(voicing) - where.centre
    moved = sum(min(abs(pitch - old) for old in before) for pitch in voicing) if before else 0.0
    return moved + 0.3 * abs(centre) + _mud(voicing)


def _mud(voicing: Sequence[int]) -> float:
    """Narrow intervals in the low register, counted dear."""
    pairs = itertools.pairwise(voicing)
    return sum(6.0 for lower, upper in pairs if lower < MUD_BELOW and upper - lower < MUD_SEMITONES)


@lru_cache(maxsize=512)
def guitar_shape(chord: Chord) -> tuple[int, ...]:
    """Pitches of a chord on six strings in standard tuning: its bass lowest, at most four frets wide."""
    shapes = [(fret, _shape_at(chord, fret)) for fret in range(8)]
    return max((_shape_worth(shape, chord) - 0.6 * fret, shape) for fret, shape in shapes if shape)[1]


def _shape_at(chord: Chord, fret: int) -> tuple[int, ...]:
    allowed = [0, *range(max(fret, 1), fret + 4)] if fret <= 1 else list(range(fret, fret + 4))
    shape: list[int] = []
    for string in OPEN_STRINGS:
        places = [string + f for f in allowed if string + f in chord]
        if not shape:
            places = [place for place in places if place % 12 == chord.bass]
        places = [place for place in places if not shape or place > shape[-1]]
        if places:
            shape.append(places[0])
    return tuple(shape)


def _shape_worth(shape: Sequence[int], chord: Chord) -> float:
    covered = len({pitch % 12 for pitch in shape} & set(chord.pitch_classes))
    return 10.0 * covered + 2.0 * len(shape) - 0.2 * shape[0] - _mud(shape)


def power_chord(chord: Chord) -> tuple[int, ...]:
    """Root, fifth (the chord's own) and octave, low on the guitar."""
    root = 40 + (chord.root - 40) % 12
    fifth = next((interval for interval in chord.intervals if interval in (6, 7, 8)), 12)
    return tuple(dict.fromkeys((root, root + fifth, root + 12)))


def bass_root(chord: Chord, before: int | None, where: Range) -> int:
    """Find the bass note nearest to the one before, within an octave and a bit above low E."""
    places = range(where.low + (chord.bass - where.low) % 12, where.high + 1, 12)
    home = where.low + 6
    return min(places, key=lambda p: (abs(p - home) + (abs(p - before) if before is not None else 0), p))


def nearest(pitch: float, pitch_classes: Iterable[int], *, low: int, high: int) -> int:
    """Find the pitch of one of the classes nearest to `pitch` within a range of at least an octave."""
    wanted = set(pitch_classes)
    return min((p for p in range(low, high + 1) if p % 12 in wanted), key=lambda p: (abs(p - pitch), p))

"""Keys, chords and progressions, read as musicians write them.

Chord symbols: root (``A``–``G``, ``#``/``b``), quality (see `QUALITIES`), optional bass: ``Am``,
``F#m7b5``, ``G/B``. ``N.C.`` is a rest.

Progressions: one chord per bar, separated by spaces: ``"Am F C G"``. A bar line groups what stands between:
``"Am | F G | C"`` has two chords in its second bar, each half of it. ``:beats`` gives a chord its own length:
``"Am:3 E7:1"`` (without bar lines it stands for those beats; within bars the others share the rest).
``%`` repeats the chord before. A progression starts anew with every section and cycles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from stemwright.errors import SpecError
from stemwright.grid import Meter
from stemwright.units import exact

__all__ = ["Chord", "ChordSpan", "Key", "Progression", "parse_chord", "parse_progression"]

QUALITIES: Mapping[str, tuple[int, ...]] = {
    "": (0, 4, 7), "maj": (0, 4, 7), "M": (0, 4, 7), "m": (0, 3, 7), "min": (0, 3, 7), "-": (0, 3, 7),
    "5": (0, 7), "dim": (0, 3, 6), "°": (0, 3, 6), "o": (0, 3, 6), "aug": (0, 4, 8), "+": (0, 4, 8),
    "sus2": (0, 2, 7), "sus4": (0, 5, 7), "sus": (0, 5, 7),
    "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "min6": (0, 3, 7, 9),
    "69": (0, 4, 7, 9, 14), "6/9": (0, 4, 7, 9, 14),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "M7": (0, 4, 7, 11), "Δ": (0, 4, 7, 11), "Δ7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10), "min7": (0, 3, 7, 10), "-7": (0, 3, 7, 10), "mMaj7": (0, 3, 7, 11),
    "mM7": (0, 3, 7, 11), "mmaj7": (0, 3, 7, 11), "dim7": (0, 3, 6, 9), "°7": (0, 3, 6, 9),
    "o7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10), "min7b5": (0, 3, 6, 10), "ø": (0, 3, 6, 10), "ø7": (0, 3, 6, 10),
    "7sus4": (0, 5, 7, 10), "7sus": (0, 5, 7, 10), "7b5": (0, 4, 6, 10), "7#5": (0, 4, 8, 10),
    "aug7": (0, 4, 8, 10), "+7": (0, 4, 8, 10), "7b9": (0, 4, 7, 10, 13), "7#9": (0, 4, 7, 10, 15),
    "9": (0, 4, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "M9": (0, 4, 7, 11, 14), "m9": (0, 3, 7, 10, 14),
    "min9": (0, 3, 7, 10, 14), "9sus4": (0, 5, 7, 10, 14), "add9": (0, 4, 7, 14), "add2": (0, 2, 4, 7),
    "madd9": (0, 3, 7, 14), "add11": (0, 4, 7, 17), "11": (0, 4, 7, 10, 14, 17), "m11": (0, 3, 7, 10, 14, 17),
    "13": (0, 4, 7, 10, 14, 21), "m13": (0, 3, 7, 10, 14, 21), "maj13": (0, 4, 7, 11, 14, 21),
}  # fmt: skip
"""Semitones above the root."""

MODES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10), "phrygian": (0, 1, 3, 5, 7, 8, 10), "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10), "locrian": (0, 1, 3, 5, 6, 8, 10),
}  # fmt: skip
_MODE_WORDS = {
    "": "major", "maj": "major", "M": "major", "dur": "major", "ionian": "major",
    "m": "minor", "min": "minor", "-": "minor", "moll": "minor", "aeolian": "minor",
}  # fmt: skip
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_ROOT = re.compile(r"([A-G])([#b♯♭]?)")
_DEFAULT_DEGREES = {"major": (0, 4, 5, 3), "minor": (0, 5, 2, 6)}
MAX_CHORDS = 1_000
REST_WORDS = ("N.C.", "NC", "N.C", "rest")


def _pitch_class(letter: str, accidental: str) -> int:
    return (_NATURALS[letter] + {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]) % 12


@dataclass(frozen=True, slots=True)
class Key:
    """A key: tonic as pitch class (C = 0) and mode.

    Attributes
    ----------
    tonic : int
        0–11.
    mode : str
        One of `MODES`.
    """

    tonic: int
    mode: str = "major"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``"A minor"``, ``"Am"``, ``"F# major"``, ``"Bb"``, ``"D dorian"``; raises `SpecError`."""
        words = text.strip()
        match = _ROOT.match(words[:1].upper() + words[1:])
        rest = words[match.end() :].strip() if match else ""
        mode = _MODE_WORDS.get(rest) or _MODE_WORDS.get(rest.lower()) or rest.lower()
        if match is None or mode not in MODES:
            raise SpecError(
                f'key: "{text}" is not a key.', way_out=f'Write "A minor" or "Bb"; modes: {", ".join(MODES)}.'
            )
        return cls(_pitch_class(match[1], match[2]), mode)

    @property
    def scale(self) -> tuple[int, ...]:
        """Its pitch classes, from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in MODES[self.mode])

    def triad(self, degree: int) -> Chord:
        """Build the triad on a degree of the scale, 0 for the tonic."""
        steps = MODES[self.mode]
        root = steps[degree % 7]
        intervals = tuple((steps[(degree + skip) % 7] - root) % 12 for skip in (0, 2, 4))
        return Chord((self.tonic + root) % 12, intervals)

    @property
    def progression(self) -> Progression:
        """Four chords that are always right in this key: I V vi IV, or i VI III VII."""
        kind = "minor" if MODES[self.mode][2] == 3 else "major"
        chords = (self.triad(degree) for degree in _DEFAULT_DEGREES[kind])
        return Progression(tuple((chord, None) for chord in chords))

    def __str__(self) -> str:
        return f"{_SHARPS[self.tonic]} {self.mode}"


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: root as pitch class, intervals above it, bass as pitch class if it is not the root."""

    root: int
    intervals: tuple[int, ...]
    over: int | None = None

    @property
    def bass(self) -> int:
        """Pitch class of the lowest note."""
        return self.root if self.over is None else self.over

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """All its pitch classes, root first, the bass last if it is foreign."""
        tones = [(self.root + interval) % 12 for interval in self.intervals]
        return tuple(dict.fromkeys([*tones, self.bass]))

    @property
    def colour(self) -> tuple[int, ...]:
        """Up to four pitch classes that say what it is: the fifth goes first, then the root."""
        tones = [(self.root + interval) % 12 for interval in self.intervals]
        for expendable in ((self.root + 7) % 12, self.root):
            if len(tones) > 4 and expendable in tones:
                tones.remove(expendable)
        return tuple(dict.fromkeys(tones))[:4]

    def __contains__(self, pitch: int) -> bool:
        return pitch % 12 in self.pitch_classes


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord with its place; None is a rest."""

    start: Fraction
    end: Fraction
    chord: Chord | None


@dataclass(frozen=True, slots=True)
class Progression:
    """Chords with their lengths in beats; None as length is one bar."""

    steps: tuple[tuple[Chord | None, Fraction | None], ...]

    def spans(self, *, start: Fraction, beats: Fraction, meter: Meter) -> Iterator[ChordSpan]:
        """Lay the chords over a section, again and again, cut at its end."""
        if not self.steps:
            return
        place, end = start, start + beats
        while place < end:
            for chord, length in self.steps:
                following = min(place + (meter.beats_per_bar if length is None else length), end)
                if place < end:
                    yield ChordSpan(place, following, chord)
                place = following


def parse_chord(text: str) -> Chord | None:
    """Read a chord symbol; ``N.C.`` gives None; raises `SpecError` that says what is wrong in it."""
    if text in REST_WORDS:
        return None
    symbol, over = _split_bass(text)
    match = _ROOT.match(symbol)
    if match is None:
        raise SpecError(f'"{text}" is not a chord.', way_out="A chord starts with A–G: Am, F#m7, Bb/D, N.C.")
    quality = symbol[match.end() :].replace("(", "").replace(")", "").replace("♯", "#").replace("♭", "b")
    if quality not in QUALITIES:
        raise SpecError(
            f'"{text}" is not a chord: "{quality}" is not known.',
            way_out=f"Known: {', '.join(known for known in QUALITIES if known)}.",
        )
    return Chord(_pitch_class(match[1], match[2]), QUALITIES[quality], over)


def _split_bass(text: str) -> tuple[str, int | None]:
    symbol, slash, bass = text.rpartition("/")
    match = _ROOT.fullmatch(bass)
    return (symbol, _pitch_class(match[1], match[2])) if slash and match else (text, None)


def parse_progression(text: str, *, meter: Meter) -> Progression:
    """Read a progression, see the head of this module; ``""`` and ``"rest"`` are silence.

    Raises
    ------
    SpecError
        Naming the chord that is wrong, or the bar that holds more beats than the meter.
    """
    if text.strip() in ("", "-", *REST_WORDS):
        return Progression(())
    bars = [bar.split() for bar in text.strip().strip("|").split("|")]
    if sum(map(len, bars)) > MAX_CHORDS:
        raise SpecError(f"A progression has at most {MAX_CHORDS} chords.")
    steps: list[tuple[Chord | None, Fraction | None]] = []
    for bar in bars:
        steps.extend(_bar_steps(bar, meter, steps) if "|" in text else _free_steps(bar, steps))
    return Progression(tuple(steps))


Steps = list[tuple[Chord | None, Fraction | None]]


def _free_steps(tokens: list[str], before: Steps) -> Steps:
    steps: Steps = []
    for token in tokens:
        symbol, length = _token(token)
        steps.append((_symbol(symbol, before + steps), length))
    return steps


def _bar_steps(tokens: list[str], meter: Meter, before: Steps) -> Steps:
    """Chords between two bar lines share the bar."""
    steps = _free_steps(tokens or ["%"], before)
    taken = sum((length for _, length in steps if length is not None), Fraction(0))
    sharing = sum(length is None for _, length in steps)
    left = meter.beats_per_bar - taken
    if left < 0 or (left == 0) != (sharing == 0):
        raise SpecError(f'The bar "{" ".join(tokens)}" does not fill {meter.beats_per_bar} beats.')
    return [(chord, left / sharing if length is None else length) for chord, length in steps]


def _token(token: str) -> tuple[str, Fraction | None]:
    symbol, colon, length = token.partition(":")
    if not colon:
        return symbol, None
    try:
        beats = exact(length)
    except (ValueError, ZeroDivisionError):
        beats = Fraction(0)
    if not Fraction(1, 8) <= beats <= 4_096:
        raise SpecError(f'"{token}": "{length}" is not a length in beats.', way_out='Write "Am:2 F:2".')
    return symbol, beats


def _symbol(symbol: str, before: Steps) -> Chord | None:
    if symbol != "%":
        return parse_chord(symbol)
    if not before:
        raise SpecError('"%" repeats the chord before it; there is none.')
    return before[-1][0]

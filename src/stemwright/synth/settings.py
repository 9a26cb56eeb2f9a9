"""What a spec's ``score = { … }`` and ``drums = { … }`` tables say, checked: the complaint names the key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from stemwright.errors import SpecError
from stemwright.synth.gm import kit_number, program_number
from stemwright.synth.groove import plain_name
from stemwright.synth.harmony import parse_chord
from stemwright.synth.patterns import known_patterns

__all__ = ["DRUM_STYLES", "SILENT", "DrumSettings", "ScoreSettings", "check_sections"]

DRUM_STYLES = (
    "rock", "half-time", "four-on-floor", "ballad", "shuffle", "funk", "hiphop", "dnb", "brushes", "swing",
    "latin", "reggae", "train", "none",
)  # fmt: skip
SILENT = ("", "-", "rest", "none", "silent")
MAX_OCTAVES = 3


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """A part made of chords and a pattern.

    Parameters
    ----------
    instrument : int or None
        General MIDI program from 0; None takes the role's own.
    pattern : Mapping[str, str]
        By section, ``default`` for the others; empty takes the role's own.
    chords : Mapping[str, str]
        Progressions by section (grammar: ``harmony``); empty takes one of the key.
    swing : float
        0–1: where off-beats fall, from half to two thirds of the beat.
    humanize : float
        0–1: looseness of velocity and timing.
    octave : int
        Whole octaves up or down.
    """

    instrument: int | None = None
    pattern: Mapping[str, str] = field(default_factory=dict)
    chords: Mapping[str, str] = field(default_factory=dict)
    swing: float = 0.0
    humanize: float = 0.5
    octave: int = 0

    @classmethod
    def parse(cls, table: Mapping[str, Any], *, where: str = "score") -> ScoreSettings:
        """Read the table; raises `SpecError` with the key, the value seen and the nearest known word."""
        default = cls()
        _refuse_unknown(table, ("instrument", "pattern", "chords", "swing", "humanize", "octave"), where)
        instrument = table.get("instrument")
        chords = _per_section(table.get("chords", {}), f"{where}.chords")
        for section, text in chords.items():
            _check_chords(text, f"{where}.chords.{section}")
        return cls(
            None if instrument is None else program_number(instrument, where=f"{where}.instrument"),
            _known_words(table.get("pattern", {}), (*known_patterns(None), *SILENT), f"{where}.pattern"),
            chords,
            _number(table, "swing", default.swing, 0.0, 1.0, where),
            _number(table, "humanize", default.humanize, 0.0, 1.0, where),
            _whole(table, "octave", default.octave, -MAX_OCTAVES, MAX_OCTAVES, where),
        )

    @property
    def exact_swing(self) -> Fraction:
        """Swing as a fraction, for places on the grid."""
        return Fraction(self.swing).limit_denominator(1_000)


@dataclass(frozen=True, slots=True)
class DrumSettings:
    """A drum part.

    Parameters
    ----------
    pattern : Mapping[str, str]
        One of `DRUM_STYLES` by section, ``default`` for the others.
    swing : float
        0–1; styles that swing by nature swing at least as they do.
    humanize : float
        0–1: looseness of velocity and timing.
    kit : int
        Program of the drum kit.
    """

    pattern: Mapping[str, str] = field(default_factory=lambda: {"default": "rock"})
    swing: float = 0.0
    humanize: float = 0.5
    kit: int = 0

    @classmethod
    def parse(cls, table: Mapping[str, Any], *, where: str = "drums") -> DrumSettings:
        """Read the table; raises `SpecError` with the key, the value seen and the nearest known word."""
        default = cls()
        _refuse_unknown(table, ("pattern", "swing", "humanize", "kit"), where)
        pattern = _known_words(table.get("pattern", {}), (*DRUM_STYLES, *SILENT), f"{where}.pattern")
        return cls(
            {**default.pattern, **pattern},
            _number(table, "swing", default.swing, 0.0, 1.0, where),
            _number(table, "humanize", default.humanize, 0.0, 1.0, where),
            kit_number(table.get("kit", default.kit), where=f"{where}.kit"),
        )


def check_sections(
    settings: ScoreSettings | DrumSettings, sections: Iterable[str], *, where: str = "score"
) -> None:
    """Complain about a section that a part names and the song does not have.

    Parameters
    ----------
    settings : ScoreSettings or DrumSettings
        The part.
    sections : Iterable[str]
        Names of all sections that were asked for.
    where : str
        Path of the table, for the message.
    """
    names = [name.strip().lower() for name in sections]
    known = {*names, *(plain_name(name) for name in names), "default"}
    tables = {"pattern": settings.pattern}
    if isinstance(settings, ScoreSettings):
        tables["chords"] = settings.chords
    for table, values in tables.items():
        for name in values:
            if name.lower() not in known:
                raise SpecError(
                    f'{where}.{table}: there is no section "{name}".', way_out=_nearest(name, known)
                )


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    listed = tuple(known)
    for key in table:
        if key not in listed:
            raise SpecError(f"{where}.{key}: this key is not known here.", way_out=_nearest(key, listed))


def _per_section(value: Any, where: str) -> dict[str, str]:
    """Read a text for all sections, or a table of texts by section."""
    if isinstance(value, str):
        return {"default": value}
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {value!r} is neither a text nor a table of sections.")
    for section, text in value.items():
        if not isinstance(text, str):
            raise SpecError(f"{where}.{section}: {text!r} is not a text.", way_out="Put it in quotes.")
    return dict(value)


def _known_words(value: Any, known: Iterable[str], where: str) -> dict[str, str]:
    table = _per_section(value, where)
    listed = tuple(word for word in known if word)
    for section, word in table.items():
        if word and word not in listed:
            place = where if isinstance(value, str) else f"{where}.{section}"
            raise SpecError(f'{place}: "{word}" is not known here.', way_out=_nearest(word, listed))
    return table


def _check_chords(text: str, where: str) -> None:
    if text.strip() in SILENT:
        return
    for word in text.replace("|", " ").split():
        if word == "%":
            continue
        try:
            parse_chord(word.partition(":")[0])
        except SpecError as error:
            raise SpecError(f"{where}: {error.message}", way_out=error.way_out) from error


def _number(table: Mapping[str, Any], key: str, default: float, low: float, high: float, where: str) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SpecError(f"{where}.{key}: {value!r} is not a number from {low:g} to {high:g}.")
    return float(value)


def _whole(table: Mapping[str, Any], key: str, default: int, low: int, high: int, where: str) -> int:
    value = _number(table, key, default, low, high, where)
    if value != int(value):
        raise SpecError(f"{where}.{key}: {value:g} is not a whole number.")
    return int(value)


def _nearest(word: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    close = difflib.get_close_matches(word, listed, n=1, cutoff=0.5)
    return (f'Did you mean "{close[0]}"? ' if close else "") + f"Known: {', '.join(listed)}."

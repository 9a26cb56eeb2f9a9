"""Read effects out of a spec: types, ranges and defaults come from the catalogue."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from stemwright.effects.catalogue import (
    CATALOGUE,
    VST3,
    Choice,
    Effect,
    File,
    Flag,
    Number,
    Parameter,
    Switches,
    Value,
)
from stemwright.effects.fingerprint import fingerprint
from stemwright.errors import RefusedError, SpecError

__all__ = ["EffectSettings", "parse_effects"]

MAX_EFFECTS = 64


@dataclass(frozen=True, slots=True)
class EffectSettings:
    """One effect as asked for, every parameter filled in.

    Parameters
    ----------
    type : str
        A key of the catalogue.
    values : tuple of (str, value)
        Every parameter in the catalogue's order.
    """

    type: str
    values: tuple[tuple[str, Value], ...] = ()

    @property
    def effect(self) -> Effect:
        """Its row in the catalogue."""
        return CATALOGUE[self.type]

    def get(self, name: str) -> Any:
        """Value of one parameter."""
        return dict(self.values)[name]

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that stands in report.json; a file is its name and content, not its place.

        Raises
        ------
        UnreadableError
            When a file that it names can't be read.
        """
        shown: dict[str, Any] = {"type": self.type}
        files = {parameter.name for parameter in self.effect.parameters if isinstance(parameter, File)}
        for name, value in self.values:
            if name in files:
                shown |= {"file": Path(str(value)).name, "sha256": fingerprint(Path(str(value)))}
            else:
                shown[name] = dict(value) if isinstance(value, tuple) else value
        return shown

    def words(self) -> str:
        """Say it in a short line for people, without what is at its default: ``lowpass, cutoff 8000 Hz``."""
        defaults = {p.name: getattr(p, "default", None) for p in self.effect.parameters}
        said = [(name, value) for name, value in self.values if value != defaults[name]]
        parts = [_words(name, value) for name, value in said if not isinstance(value, tuple)]
        return ", ".join([self.type.replace("_", " "), *parts])


_UNITS = {"hz": "Hz", "db": "dB", "ms": "ms", "s": "s"}


def _words(name: str, value: Value) -> str:
    stem, _, unit = name.rpartition("_")
    if unit not in _UNITS:
        stem, unit = name, ""
    seen = Path(str(value)).name if name == "path" else value
    if isinstance(seen, bool):
        seen = "on" if seen else "off"
    said = f"{seen:g}".replace("-", "−") if isinstance(seen, float) else str(seen)
    return " ".join(part for part in (stem.replace("_", " "), said, _UNITS.get(unit, "")) if part)


def parse_effects(
    tables: Sequence[Mapping[str, object]], *, where: str, allow_plugins: bool
) -> tuple[EffectSettings, ...]:
    """Read the effects of one stem.

    Parameters
    ----------
    tables : Sequence[Mapping]
        In order, each with a ``type`` and parameters: ``{"type": "lowpass", "cutoff_hz": 8000}``.
    where : str
        Where they stand, for messages.
    allow_plugins : bool
        Whether ``vst3`` may be named: a plug-in is a program that runs with the user's rights.

    Returns
    -------
    tuple[EffectSettings, ...]
        One for each table.

    Raises
    ------
    SpecError
        An unknown effect or parameter (with the nearest known one), a value of the wrong kind or out of
        range.
    RefusedError
        A plug-in without `allow_plugins`.
    """
    if len(tables) > MAX_EFFECTS:
        raise SpecError(f"{where}: {len(tables)} effects are too many; {MAX_EFFECTS} are possible.")
    return tuple(
        _parse(table, f"{where}[{index}]", allow_plugins=allow_plugins) for index, table in enumerate(tables)
    )


def _parse(table: Mapping[str, object], where: str, *, allow_plugins: bool) -> EffectSettings:
    kind = table.get("type")
    if not isinstance(kind, str):
        raise SpecError(
            f"{where}: an effect needs a type.", way_out=f'Write type = "lowpass". {_known(CATALOGUE)}'
        )
    if kind not in CATALOGUE:
        raise SpecError(f'{where}: "{kind}" is no effect.', way_out=_nearest(kind, CATALOGUE))
    effect = CATALOGUE[kind]
    _require_known(table, effect, where)
    if kind == VST3 and not allow_plugins:
        raise RefusedError(
            f"{where}: a VST3 plug-in is a program that would run with your rights.",
            way_out="If you trust it, allow it with --allow-plugins.",
        )
    values = tuple(
        (parameter.name, _read(table, parameter, f"{where}.{parameter.name} ({kind})"))
        for parameter in effect.parameters
    )
    return EffectSettings(kind, values)


def _require_known(table: Mapping[str, object], effect: Effect, where: str) -> None:
    names = [parameter.name for parameter in effect.parameters]
    for name in table:
        if name != "type" and name not in names:
            way_out = _nearest(name, names) if names else "It has none."
            raise SpecError(f'{where}: {effect.type} has no parameter "{name}".', way_out=way_out)


def _read(table: Mapping[str, object], parameter: Parameter, where: str) -> Value:
    value = table.get(parameter.name)
    match parameter:
        case Number():
            return _number(parameter.default if value is None else value, parameter, where)
        case Choice():
            return _choice(parameter.default if value is None else value, parameter, where)
        case Flag():
            return _flag(parameter.default if value is None else value, where)
        case File():
            return _file(value, where)
        case Switches():
            return _switches({} if value is None else value, where)


def _number(value: object, parameter: Number, where: str) -> float | int:
    if value is None:
        raise SpecError(f"{where} is needed and missing.", way_out=f"It goes from {_range(parameter)}.")
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise SpecError(f"{where}: {value!r} is not a number.", way_out=f"It goes from {_range(parameter)}.")
    number = float(value)
    if parameter.whole and number != int(number):
        raise SpecError(f"{where}: {number:g} is not a whole number.")
    if not parameter.low <= number <= parameter.high:
        raise SpecError(f"{where}: {number:g} is outside {_range(parameter)}.")
    return int(number) if parameter.whole else number


def _range(parameter: Number) -> str:
    return f"{parameter.low:g} to {parameter.high:g}"


def _choice(value: object, parameter: Choice, where: str) -> str:
    words = [word for word, _ in parameter.native]
    if not isinstance(value, str) or value not in words:
        raise SpecError(f"{where}: {value!r} is not known.", way_out=_nearest(str(value), words))
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise SpecError(f"{where}: {value!r} is neither true nor false.")
    return value


def _file(value: object, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise SpecError(f"{where}: the path of a file is needed.", way_out='Write path = "hall.wav".')
    return value


def _switches(value: object, where: str) -> tuple[tuple[str, float | int | bool | str], ...]:
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {value!r} is not a table.", way_out="Write { mix = 0.5 }.")
    for name, item in value.items():
        if not isinstance(item, float | int | bool | str):
            raise SpecError(f"{where}.{name}: {item!r} is neither number, text, true nor false.")
    return tuple((str(name), item) for name, item in value.items())


def _nearest(word: str, known: Iterable[str]) -> str:
    listed = list(known)
    begun = [name for name in listed if len(word) > 1 and name.startswith(f"{word.lower()}_")]
    close = begun or difflib.get_close_matches(word.lower(), listed, n=1, cutoff=0.5)
    return f'Did you mean "{close[0]}"? {_known(listed)}' if close else _known(listed)


def _known(words: Iterable[str]) -> str:
    return f"Known: {', '.join(words)}."

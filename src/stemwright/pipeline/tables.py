"""Read TOML for people: every complaint names file, line and key, and the nearest key that exists."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemwright.errors import SpecError, UnreadableError
from stemwright.units import exact

__all__ = ["Table", "nearest", "read_toml"]

MAX_SPEC_BYTES = 4_000_000
_REQUIRED: Any = object()
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]\s]+)\s*\]")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*=""")


class Table:
    """One TOML table; what is not read is an unknown key when `finish` is called.

    Parameters
    ----------
    values : Mapping
        As parsed.
    where : str
        Dotted path of the table, ``""`` at the top.
    file : str
        Name of the file, for messages.
    lines : Mapping[str, int]
        Line of each dotted key.
    """

    def __init__(self, values: Mapping[str, Any], *, where: str, file: str, lines: Mapping[str, int]) -> None:
        self._values = values
        self._read: dict[str, None] = {}
        self.where = where
        self.file = file
        self.lines = lines

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, in order."""
        return tuple(self._values)

    def place(self, key: str = "") -> str:
        """Say where a key stands: ``spec.toml, line 7, stem[0].align``."""
        path = ".".join(part for part in (self.where, key) if part)
        line = self.lines.get(path) or self.lines.get(self.where)
        parts = (self.file, f"line {line}" if line else "", path)
        return ", ".join(part for part in parts if part)

    def error(self, key: str, what: str, *, way_out: str = "") -> SpecError:
        """Build the complaint about a key."""
        return SpecError(f"{self.place(key)}: {what}", way_out=way_out)

    def everything(self) -> dict[str, Any]:
        """All values as parsed, for a room that reads its own table."""
        self._read.update(dict.fromkeys(self._values))
        return dict(self._values)

    def raw(self, key: str, default: Any = _REQUIRED) -> Any:
        """Value as parsed."""
        self._read[key] = None
        if key in self._values:
            return self._values[key]
        if default is _REQUIRED:
            raise self._missing(key)
        return default

    def _missing(self, key: str) -> SpecError:
        """Complain about a needed key; one that is spelled almost like it and unread is the likely slip."""
        unread = [other for other in self._values if other not in self._read]
        close = difflib.get_close_matches(key, unread, n=1, cutoff=0.6)
        if close:
            return self.error(close[0], "this key is not known here.", way_out=f'Did you mean "{key}"?')
        return self.error(key, "this key is needed and missing.")

    def text(self, key: str, default: Any = _REQUIRED, *, choices: Iterable[str] = ()) -> Any:
        """Read a string, one of `choices` if there are any."""
        value = self.raw(key, default)
        if value is default:
            return value
        if not isinstance(value, str):
            raise self.error(key, f"{value!r} is not a text.", way_out="Put it in quotes.")
        known = tuple(choices)
        if known and value not in known:
            raise self.error(key, f'"{value}" is not known here.', way_out=nearest(value, known))
        return value

    def number(
        self,
        key: str,
        default: Any = _REQUIRED,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> Any:
        """Read a number as a float within ``[low, high]``."""
        value = self.fraction(key, default, low=low, high=high)
        return value if value is default else float(value)

    def integer(self, key: str, default: Any = _REQUIRED, *, low: int, high: int) -> Any:
        """Read a whole number within ``[low, high]``."""
        value = self.fraction(key, default, low=low, high=high)
        if value is default:
            return value
        if value.denominator != 1:
            raise self.error(key, f"{float(value):g} is not a whole number.")
        return int(value)

    def fraction(
        self, key: str, default: Any = _REQUIRED, *, low: float | None = None, high: float | None = None
    ) -> Any:
        """Read a number exactly as it is written."""
        value = self.raw(key, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
            raise self.error(key, f"{_shown(value)} is not a number.")
        if (low is not None and value < low) or (high is not None and value > high):
            limits = f"{_shown(low)} … {_shown(high)}"
            raise self.error(key, f"{_shown(value)} is outside {limits}.")
        return exact(value)

    def flag(self, key: str, default: Any = _REQUIRED) -> Any:
        """Read true or false."""
        value = self.raw(key, default)
        if not isinstance(value, bool) and value is not default:
            raise self.error(key, f"{_shown(value)} is neither true nor false.")
        return value

    def table(self, key: str) -> Table:
        """Read a table; empty when missing."""
        value = self.raw(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"{_shown(value)} is not a table.", way_out="Write { name = value }.")
        return self.under(key, value)

    def tables(self, key: str) -> list[Table]:
        """Read an array of tables; empty when missing."""
        value = self.raw(key, [])
        if not isinstance(value, Sequence) or not all(isinstance(item, Mapping) for item in value):
            raise self.error(key, f"this must be an array of tables: [[{key}]].")
        return [self.under(f"{key}[{index}]", item) for index, item in enumerate(value)]

    def under(self, key: str, values: Mapping[str, Any]) -> Table:
        """Build the table that stands under `key`."""
        where = ".".join(part for part in (self.where, key) if part)
        return Table(values, where=where, file=self.file, lines=self.lines)

    def finish(self) -> None:
        """Complain about the first key that nobody read."""
        for key in self._values:
            if key not in self._read:
                raise self.error(key, "this key is not known here.", way_out=nearest(key, self._read))


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest what was meant: the nearest known words, or all of them."""
    listed = sorted(known)
    close = difflib.get_close_matches(word, listed, n=1, cutoff=0.6)
    hint = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{hint}Known: {', '.join(listed)}."


def read_toml(path: Path) -> Table:
    """Read a TOML file; raises `UnreadableError` or `SpecError` with line and column."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableError(
            f"{path} can't be read: {error.strerror}.", way_out="stemwright init writes a spec to begin with."
        ) from error
    if len(content) > MAX_SPEC_BYTES:
        raise SpecError(f"{path.name} has {len(content)} bytes; a spec has at most {MAX_SPEC_BYTES}.")
    try:
        text = content.decode("utf-8-sig")
        # The added line end lets the parser say on which line a file broke off.
        values = tomllib.loads(text + "\n", parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not UTF-8 text (byte {error.start}).") from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError(
            f"{path.name} is not valid TOML: {error}.",
            way_out='Texts stand in quotes, tables in brackets: title = "Night Drive", [sections], [[stem]].',
        ) from error
    except RecursionError as error:
        raise SpecError(f"{path.name} is nested too deeply.") from error
    return Table(values, where="", file=path.name, lines=_line_index(text))


def _line_index(text: str) -> dict[str, int]:
    """Find the line of each table and key; keys inside inline tables share their line."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header[2]
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                name = f"{name}[{counts[name]}]"
            prefix = name
            lines.setdefault(prefix, number)
        elif key := _KEY.match(line):
            lines.setdefault(".".join(part for part in (prefix, _plain(key[1])) if part), number)
    return lines


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _shown(value: Any) -> str:
    if isinstance(value, Decimal | Fraction | float):
        return f"{float(value):g}"
    return repr(value)

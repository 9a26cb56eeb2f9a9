"""One way to write JSON: the same value gives the same bytes.

UTF-8, two spaces, a line feed at the end, keys in their given order, floats with nine significant digits (the
rest is noise of the machine), and null for what is not a number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, is_dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import numpy as np

from stemwright.errors import InternalError

__all__ = ["canonical_json"]

_DIGITS = 9


def canonical_json(value: object) -> str:
    """Write `value` as JSON text.

    Raises
    ------
    InternalError
        When it holds something that has no place in JSON.
    """
    return json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        value = value.value
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return convert(value)
    return _compound(value)


def _compound(value: object) -> Any:
    if isinstance(value, Mapping):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Set):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item) for item in value]
    raise InternalError(f"{value!r} ({type(value).__name__}) has no place in JSON.")


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")  # what UTF-8 can't hold becomes "?"


def _number(value: Any) -> float | None:
    number = float(value)
    return float(f"{number:.{_DIGITS}g}") + 0.0 if math.isfinite(number) else None  # + 0.0: no -0.0


_SCALARS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (type(None), lambda _: None),
    ((bool, np.bool_), bool),
    (str, _text),
    ((int, np.integer), int),
    ((float, np.floating, Fraction, Decimal), _number),
    (PurePath, lambda path: _text(path.as_posix())),
)

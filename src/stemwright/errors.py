"""What can go wrong, as one tree; each leaf knows the exit code of the command line.

::

    StemwrightError
    ├── InputError           2   something that was given can't be used
    │   ├── SpecError        2   a spec, plan or option is not valid (names file, line or key)
    │   ├── UnreadableError  2   a file can't be read, or is not what it says it is
    │   └── RefusedError     2   allowed only when asked for (overwrite, commands, plug-ins, limits)
    ├── CheckFailedError     1   the work was done and a check of severity *error* did not pass
    ├── StorageError         2   disk full, read-only, locked by another run
    └── InternalError        3   our fault; the message says how to report it

A message is one sentence for people: what, where, the value seen, the likely slip, the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

__all__ = [
    "CheckFailedError",
    "FailedCheck",
    "InputError",
    "InternalError",
    "RefusedError",
    "SpecError",
    "StemwrightError",
    "StorageError",
    "UnreadableError",
]


class StemwrightError(Exception):
    """Root of everything that stemwright raises on purpose.

    Parameters
    ----------
    message : str
        What happened, where, and the value seen.
    way_out : str, optional
        What the reader can do about it; shown behind the message.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.message} {self.way_out}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes whole: by its fields, whatever its constructor takes."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[StemwrightError], args: tuple[Any, ...], fields: dict[str, Any]) -> StemwrightError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InputError(StemwrightError):
    """Something that was given can't be used."""

    exit_code = 2


class SpecError(InputError):
    """A spec, plan or option is not valid; the message names the line or key."""


class UnreadableError(InputError):
    """A file can't be read, or is not what it says it is."""


class RefusedError(InputError):
    """Allowed only when asked for: overwriting, commands, plug-ins, sizes beyond a limit."""


class FailedCheck(Protocol):
    """What the error needs of a `stemwright.checks.Check`, which stands above this room."""

    @property
    def advice(self) -> str:
        """The way out."""

    def sentence(self) -> str:
        """Say the result in one sentence."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""


class CheckFailedError(StemwrightError):
    """At least one check of severity *error* did not pass.

    Parameters
    ----------
    checks : Sequence[FailedCheck]
        The failed checks, most important first.
    """

    exit_code = 1

    def __init__(self, checks: Sequence[FailedCheck]) -> None:
        first = checks[0]
        more = f" (and {len(checks) - 1} more)" if len(checks) > 1 else ""
        super().__init__(f"{first.sentence()}{more}", way_out=first.advice)
        self.checks = tuple(checks)


class StorageError(StemwrightError):
    """The disk is full or read-only, or another run holds the folder."""

    exit_code = 2


class InternalError(StemwrightError):
    """A promise of ours did not hold; please report it."""

    exit_code = 3

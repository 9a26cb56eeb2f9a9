"""What a run tells while it works; the command line, a service and tests listen to the same events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from stemwright.checks import Check, Notice

if TYPE_CHECKING:  # who only listens needs no audio, and numpy is half of the start
    from stemwright.audio import Blocks, Samples

__all__ = [
    "Announced",
    "Cancelled",
    "Event",
    "Listener",
    "NoticeGiven",
    "Progress",
    "StepFinished",
    "StepStarted",
    "Ticker",
    "ignore",
]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins; `weight` is its share of the whole run."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Part of a step is done, `fraction` in 0–1."""

    name: str
    fraction: float


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is done.

    Attributes
    ----------
    name : str
        Which one.
    checks : tuple of Check
        What was asked of its result.
    cached : bool
        Whether that was there already.
    found : str
        What it found, in plain words.
    key : str
        Of the store, where it is kept; empty for a step that keeps nothing.
    """

    name: str
    checks: tuple[Check, ...]
    cached: bool
    found: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """People should know this."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Announced:
    """People should know this before it happens: a download, and its size."""

    notice: Notice


Event: TypeAlias = StepStarted | Progress | StepFinished | NoticeGiven | Announced
Listener: TypeAlias = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""


class Cancelled(Exception):  # noqa: N818 - the run was stopped on purpose, nothing went wrong
    """The run was interrupted between two blocks."""


class Ticker:
    """Watch a stream: report its progress, and stop it when the run is cancelled.

    Parameters
    ----------
    name : str
        Step that is told about.
    listener : Listener
        Who is told, about a hundred times a step at most.
    cancelled : threading.Event
        Set by whoever wants the run to stop.
    """

    def __init__(self, name: str, listener: Listener, cancelled: threading.Event) -> None:
        self._name = name
        self._listener = listener
        self._cancelled = cancelled
        self._told = 0.0

    def tell(self, fraction: float) -> None:
        """Report progress; raises `Cancelled` when the run is to stop."""
        if self._cancelled.is_set():
            raise Cancelled
        if fraction - self._told >= 0.01 or fraction >= 1.0 > self._told:
            self._told = fraction
            self._listener(Progress(self._name, min(fraction, 1.0)))

    def count(self, done: int, total: int) -> None:
        """Report that `done` of `total` frames are done."""
        self.tell(done / max(total, 1))

    def watch(
        self, blocks: Blocks, frames: int, *, start: float = 0.0, share: float = 1.0
    ) -> Iterator[Samples]:
        """Pass blocks through; `frames` of them are `share` of the step, after `start` of it."""
        done = 0
        for block in blocks:
            yield block
            done += block.shape[1]
            self.tell(start + share * done / max(frames, 1))

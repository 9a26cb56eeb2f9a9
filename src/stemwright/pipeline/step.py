"""Run steps: each a pure function of its inputs, checked before its result becomes visible, done once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stemwright._version import __version__
from stemwright.checks import Check, Notice, Severity, Step, require
from stemwright.pipeline.events import Listener, NoticeGiven, StepFinished, StepStarted, Ticker
from stemwright.pipeline.found import found_in
from stemwright.pipeline.store import Entry, Store, key_of

__all__ = ["Memory", "Outcome", "Result", "Runner", "Work"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step's work found.

    Attributes
    ----------
    checks : tuple[Check, ...]
        Asked of the step's own result.
    details : dict
        JSON for the report.
    notices : tuple[Notice, ...]
        For people.
    """

    checks: tuple[Check, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def about(self, subject: str) -> Outcome:
        """Return it with every check and notice about `subject`."""
        checks = tuple(replace(check, subject=subject) for check in self.checks)
        notices = tuple(replace(notice, subject=subject) for notice in self.notices)
        return Outcome(checks, self.details, notices)

    def as_record(self) -> dict[str, Any]:
        """Return the JSON that stands in the store."""
        return {
            "checks": [check.as_dict() for check in self.checks],
            "details": self.details,
            "notices": [notice.as_dict() for notice in self.notices],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Outcome:
        """Read what `as_record` wrote."""
        checks = tuple(Check(**{**c, "severity": Severity(c["severity"])}) for c in record["checks"])
        notices = tuple(Notice(**notice) for notice in record["notices"])
        return cls(checks, dict(record["details"]), notices)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished step: its files, its key (for the steps that build on it) and its outcome."""

    entry: Entry
    outcome: Outcome

    @property
    def key(self) -> str:
        """Key of the step."""
        return self.entry.key

    def file(self, name: str) -> Path:
        """Path of one of its files."""
        return self.entry.file(name)


Work = Callable[[Path, Ticker], Outcome]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a runner remembers of the steps it ran; another one can adopt it."""

    steps: dict[str, Step]
    notices: dict[str, tuple[Notice, ...]]
    cache_hits: list[str]


class Runner:
    """Run the steps of one recipe and remember them for the report.

    Parameters
    ----------
    store : Store
        Where results live.
    listener : Listener
        Who is told.
    total_weight : float
        Sum of the weights of all steps: progress follows from it.
    cancelled : threading.Event, optional
        Set by whoever wants the run to stop.
    """

    def __init__(
        self,
        store: Store,
        listener: Listener,
        *,
        total_weight: float,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.store = store
        self.cancelled = cancelled or threading.Event()
        self.cache_hits: list[str] = []
        self.listener = listener
        self.total_weight = total_weight
        self._lock = threading.Lock()
        self._steps: dict[str, Step] = {}
        self._notices: dict[str, tuple[Notice, ...]] = {}

    def steps(self, order: Sequence[str]) -> tuple[Step, ...]:
        """Return the finished steps in the order of the recipe, whichever ran first."""
        return tuple(self._steps[name] for name in order if name in self._steps)

    def notices(self, order: Sequence[str]) -> tuple[Notice, ...]:
        """Return everything people were told, once each, in the order of the recipe."""
        told = (notice for name in order for notice in self._notices.get(name, ()))
        return tuple(dict.fromkeys(told))

    def memory(self) -> Memory:
        """Return everything that the report needs to know of the steps so far."""
        return Memory(dict(self._steps), dict(self._notices), list(self.cache_hits))

    def adopt(self, memory: Memory) -> None:
        """Remember steps that another runner ran, and told of, for this run."""
        with self._lock:
            self._steps |= memory.steps
            self._notices |= memory.notices
            self.cache_hits += memory.cache_hits

    def run(
        self, name: str, *, inputs: Mapping[str, Any], work: Work, weight: float = 1.0, subject: str = ""
    ) -> Result:
        """Do a step, or find it done.

        Parameters
        ----------
        name : str
            Such as ``"align bass"``.
        inputs : Mapping
            Everything that the result depends on, as JSON; files as sha256 or keys of earlier steps.
        work : callable
            Writes its files into the folder it is given and returns an `Outcome`.
        weight : float
            Share of the run, for progress.
        subject : str
            What all its checks and notices are about, where that is no input: the same file may be song A in
            one run and song B in the next.

        Raises
        ------
        CheckFailedError
            When a check of severity *error* did not pass; nothing is kept then.
        """
        self.listener(StepStarted(name, weight / self.total_weight))
        key = key_of(name.split(" ", 1)[0], __version__, inputs)
        found = self.store.find(key)
        result = self._recall(found) if found else self._do(name, key, work)
        if subject:
            result = replace(result, outcome=result.outcome.about(subject))
        if found:
            self.cache_hits.append(name)
        self.record(name, result.outcome, cached=found is not None, key=key)
        return result

    def record(self, name: str, outcome: Outcome, *, cached: bool = False, key: str = "") -> None:
        """Remember a step for the report and tell of it; raises `CheckFailedError`."""
        with self._lock:
            self._steps[name] = Step(name, outcome.checks, outcome.details)
            self._notices[name] = outcome.notices
        for notice in outcome.notices:
            self.listener(NoticeGiven(notice))
        found = found_in(name, outcome.details, outcome.checks)
        self.listener(StepFinished(name, outcome.checks, cached, found, key))
        require(outcome.checks)

    def ticker(self, name: str) -> Ticker:
        """Make the ticker of a step that has no store entry."""
        return Ticker(name, self.listener, self.cancelled)

    def _recall(self, entry: Entry) -> Result:
        return Result(entry, Outcome.from_record(entry.record))

    def _do(self, name: str, key: str, work: Work) -> Result:
        workspace = self.store.workspace()
        try:
            outcome = work(workspace, self.ticker(name))
            if any(check.failed and check.severity is Severity.ERROR for check in outcome.checks):
                self.record(name, outcome)  # tells, then raises
            entry = self.store.keep(key, workspace, outcome.as_record())
        except BaseException:
            self.store.discard(workspace)
            raise
        return Result(entry, outcome)

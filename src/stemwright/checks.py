"""The one vocabulary of verification: a `Check` is one question asked of rendered audio, with its answer.

A check of severity *error* that did not pass stops the run; a *warning* is told and the run goes on.
`passed` is None when the question could not be answered: such a check reads *not checked*, never *passed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from stemwright.errors import CheckFailedError

__all__ = ["Check", "Notice", "Report", "Severity", "Step", "failures", "require"]

Measured: TypeAlias = float | int | str | bool | None


class Severity(StrEnum):
    """How much a failed check weighs."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Check:
    """One question, asked of something audible.

    Parameters
    ----------
    name : str
        What was asked, in the field's words: ``"true peak"``, ``"start offset"``.
    subject : str
        What it was asked of: a stem, ``"mix"``, ``"bass + drums"``.
    measured : float, int, str, bool or None
        The value seen; None when it could not be measured.
    unit : str
        ``"dBTP"``, ``"LUFS"``, ``"frames"``, … or ``""``.
    limit : str
        What was asked for, readable with its unit: ``"≤ -1 dBTP"``.
    passed : bool or None
        None reads *not checked*.
    severity : Severity
        What a failure means.
    advice : str
        The way out, shown on failure.
    """

    name: str
    subject: str
    measured: Measured
    unit: str
    limit: str
    passed: bool | None
    severity: Severity = Severity.ERROR
    advice: str = ""

    @classmethod
    def at_most(
        cls,
        name: str,
        subject: str,
        measured: float,
        limit: float,
        unit: str = "",
        *,
        severity: Severity = Severity.ERROR,
        advice: str = "",
    ) -> Check:
        """Ask that ``measured <= limit``; NaN fails."""
        said = f"≤ {limit:g} {unit}".strip()
        return cls(name, subject, measured, unit, said, bool(measured <= limit), severity, advice)

    @classmethod
    def at_least(
        cls,
        name: str,
        subject: str,
        measured: float,
        limit: float,
        unit: str = "",
        *,
        severity: Severity = Severity.ERROR,
        advice: str = "",
    ) -> Check:
        """Ask that ``measured >= limit``; NaN fails."""
        said = f"≥ {limit:g} {unit}".strip()
        return cls(name, subject, measured, unit, said, bool(measured >= limit), severity, advice)

    @classmethod
    def within(
        cls,
        name: str,
        subject: str,
        measured: float,
        target: float,
        tolerance: float,
        unit: str = "",
        *,
        severity: Severity = Severity.ERROR,
        advice: str = "",
    ) -> Check:
        """Ask that ``|measured - target| <= tolerance``; NaN fails."""
        said = f"{target:g} ± {tolerance:g} {unit}".strip()
        passed = bool(abs(measured - target) <= tolerance)
        return cls(name, subject, measured, unit, said, passed, severity, advice)

    @classmethod
    def equal(
        cls,
        name: str,
        subject: str,
        measured: Measured,
        expected: Measured,
        unit: str = "",
        *,
        severity: Severity = Severity.ERROR,
        advice: str = "",
    ) -> Check:
        """Ask that ``measured == expected``."""
        said = f"{expected} {unit}".strip()
        return cls(name, subject, measured, unit, said, measured == expected, severity, advice)

    @classmethod
    def not_checked(
        cls, name: str, subject: str, limit: str, why: str, *, severity: Severity = Severity.WARNING
    ) -> Check:
        """State that the question can't be answered here, and why."""
        return cls(name, subject, None, "", limit, None, severity, why)

    @property
    def failed(self) -> bool:
        """True when it was measured and did not pass."""
        return self.passed is False

    def sentence(self) -> str:
        """Say the result in one sentence for people."""
        value = f"{self.measured:.6g}" if isinstance(self.measured, float) else f"{self.measured}"
        seen = "not checked" if self.passed is None else f"{value} {self.unit}".strip()
        return f"{self.subject}: {self.name} is {seen}, asked for {self.limit}."

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that stands in report.json."""
        return {
            "name": self.name,
            "subject": self.subject,
            "measured": self.measured,
            "unit": self.unit,
            "limit": self.limit,
            "passed": self.passed,
            "severity": str(self.severity),
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was done other than asked, or that people should know; plain words."""

    text: str
    subject: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the shape that stands in report.json."""
        return {"text": self.text, "subject": self.subject}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a recipe with what it was checked for."""

    name: str
    checks: tuple[Check, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``"failed"`` with a failed error, ``"warning"`` with a failed warning, else ``"passed"``."""
        failed = failures(self.checks)
        if any(check.severity is Severity.ERROR for check in failed):
            return "failed"
        return "warning" if failed else "passed"

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that stands in report.json."""
        return {
            "name": self.name,
            "status": self.status,
            "checks": [check.as_dict() for check in self.checks],
            "details": self.details,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was asked and found in one run; nothing about time, load or machine."""

    version: str
    recipe: str
    title: str
    steps: tuple[Step, ...]
    notices: tuple[Notice, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of all steps, in order."""
        return tuple(check for step in self.steps for check in step.checks)

    @property
    def status(self) -> str:
        """The worst status of its steps."""
        found = {step.status for step in self.steps}
        return next((status for status in ("failed", "warning") if status in found), "passed")

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that stands in report.json."""
        return {
            "version": self.version,
            "recipe": self.recipe,
            "title": self.title,
            "status": self.status,
            "steps": [step.as_dict() for step in self.steps],
            "notices": [notice.as_dict() for notice in self.notices],
            "outputs": list(self.outputs),
        }


def failures(checks: Iterable[Check], severity: Severity | None = None) -> list[Check]:
    """Select the checks that failed, of one severity or of any."""
    return [c for c in checks if c.failed and severity in (None, c.severity)]


def require(checks: Sequence[Check]) -> Sequence[Check]:
    """Return `checks` if no error failed, else raise `CheckFailedError` with those that did."""
    failed = failures(checks, Severity.ERROR)
    if failed:
        raise CheckFailedError(failed)
    return checks

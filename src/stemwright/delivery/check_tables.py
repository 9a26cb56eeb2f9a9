"""Checks in words and tables: what failed comes first, nothing is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stemwright.checks import Check, Measured, Report, Severity, Step
from stemwright.delivery.markup import Markup, element, join, text

__all__ = ["attention", "check_steps", "count_sentence", "shown_value", "verdict"]

_TWO_PLACES = frozenset({"dB", "dBFS", "dBTP", "LUFS", "LU", "LKFS", "s", "ms", "%"})
_RESULTS = {
    "error": ("failed", "Error"),
    "warning": ("warned", "Warning"),
    "passed": ("passed", "Passed"),
    "open": ("open", "Not checked"),
}
_ORDER = ("error", "warning", "open", "passed")


def result_of(check: Check) -> str:
    """``"error"``, ``"warning"``, ``"open"`` or ``"passed"``."""
    if check.passed is None:
        return "open"
    return "passed" if check.passed else str(check.severity)


def verdict(report: Report) -> str:
    """Say in one sentence how it went."""
    checks = report.checks
    errors, warnings = (_count(checks, kind) for kind in ("error", "warning"))
    if errors:
        return f"Not ready: {_plural(errors, 'error')} in {_plural(len(checks), 'check')}."
    if warnings:
        return f"Ready, with {_plural(warnings, 'warning')} in {_plural(len(checks), 'check')}."
    unmade, passed = _count(checks, "open"), _count(checks, "passed")
    left = f"{_plural(unmade, 'check') if not passed else unmade} could not be made" if unmade else ""
    if not passed:
        return f"Nothing was checked: {left}." if left else "Nothing was checked."
    return (
        f"Ready: {_plural(passed, 'check')} passed, {left}."
        if left
        else f"Ready: all {_plural(passed, 'check')} passed."
    )


def count_sentence(report: Report) -> str:
    """Say how many checks came out in which way."""
    words = {"error": "failed", "warning": "failed as a warning", "open": "not checked", "passed": "passed"}
    counts = [(kind, _count(report.checks, kind)) for kind in _ORDER]
    return ", ".join(f"{count} {words[kind]}" for kind, count in counts if count) or "no checks"


def _count(checks: Iterable[Check], kind: str) -> int:
    return sum(result_of(check) == kind for check in checks)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def shown_value(value: Measured, unit: str) -> str:
    """Write a measured value with as many digits as its unit deserves."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        said = _grouped(str(value))
    elif isinstance(value, float):
        said = f"{value:.2f}" if unit in _TWO_PLACES else f"{value:.4g}"
    else:
        said = value
    said = said.replace("-", "−") if isinstance(value, int | float) else said
    return f"{said} {unit}".strip()


def shown_limit(limit: str) -> str:
    """Write a limit the way `shown_value` writes what was measured."""
    if limit in ("True", "False"):
        return "yes" if limit == "True" else "no"
    return _grouped(re.sub(r"(?<![\w.])-(?=\d)", "−", limit))


def _grouped(said: str) -> str:
    """Part long whole numbers into threes, by narrow spaces."""
    return re.sub(
        r"(?<![\w.])\d{5,}(?![\w.])", lambda found: f"{int(found[0]):,}".replace(",", "\u202f"), said
    )


def attention(report: Report) -> Markup:
    """List what failed with its advice, errors first."""
    failed = [(step, check) for step in report.steps for check in step.checks if check.failed]
    failed.sort(key=lambda pair: pair[1].severity is not Severity.ERROR)
    return (
        element("ul", *(_card(step, check) for step, check in failed), class_="cards") if failed else Markup()
    )


def _card(step: Step, check: Check) -> Markup:
    kind, word = _RESULTS[result_of(check)]
    seen = element("b", shown_value(check.measured, check.unit))
    asked = element("span", "asked for ", text(shown_limit(check.limit)), class_="asked")
    return element(
        "li",
        element("p", _tag(kind, word), element("span", text(step.name), class_="where"), class_="top"),
        element("h3", text(check.subject), ": ", text(check.name)),
        element("p", seen, " ", asked, class_="seen"),
        element("p", text(check.advice), class_="advice") if check.advice else "",
        class_=kind,
    )


def check_steps(report: Report) -> Markup:
    """Show every check of every step; steps with something to say are open."""
    steps = [step for step in report.steps if step.checks]
    return join(_step(step) for step in sorted(steps, key=_urgency))


def _urgency(step: Step) -> int:
    return min((_ORDER.index(result_of(check)) for check in step.checks if check.failed), default=len(_ORDER))


def _step(step: Step) -> Markup:
    checks = sorted(step.checks, key=lambda check: _ORDER.index(result_of(check)))
    worst = result_of(checks[0])
    passed = _count(checks, "passed")
    summary = element(
        "summary",
        element("span", class_=f"dot {_RESULTS[worst][0]}", aria_hidden="true"),
        element("h3", text(step.name)),
        element("span", f"{passed} of {len(checks)} passed", class_="count"),
    )
    opened = "" if any(check.failed for check in checks) else None
    return element("details", summary, _table(step, checks), open="open" if opened is not None else None)


def _table(step: Step, checks: Sequence[Check]) -> Markup:
    heads = ("Result", "What", "Subject", "Measured", "Asked for")
    head = element(
        "thead",
        element("tr", *(element("th", word, scope="col", role="columnheader") for word in heads), role="row"),
        role="rowgroup",
    )
    body = element("tbody", *(_row(check) for check in checks), role="rowgroup")
    caption = element("caption", "Checks of ", text(step.name), class_="unseen")
    return element("table", caption, head, body, role="table")


def _row(check: Check) -> Markup:
    kind, word = _RESULTS[result_of(check)]
    note = element("p", text(check.advice), class_="advice") if check.advice and not check.passed else ""
    cells = (
        element("td", _tag(kind, word), class_="result", role="cell"),
        element("th", text(check.name), note, scope="row", role="rowheader"),
        element("td", text(check.subject), class_="subject", role="cell"),
        element("td", text(shown_value(check.measured, check.unit)), class_="measured", role="cell"),
        element("td", text(shown_limit(check.limit)), class_="limit", role="cell"),
    )
    return element("tr", *cells, class_=kind, role="row")


def _tag(kind: str, word: str) -> Markup:
    return element("span", word, class_=f"tag {kind}")

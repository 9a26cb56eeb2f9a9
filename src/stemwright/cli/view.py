"""Everything that people see on a terminal, and the JSON that programs read; the only room with rich in it.

Progress goes to stderr; results go to stdout. Without a terminal there are plain lines and no colour.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from stemwright.checks import Check, Report, Severity, failures
from stemwright.errors import FailedCheck
from stemwright.pipeline.events import Announced, Event, NoticeGiven, Progress, StepFinished, StepStarted
from stemwright.units import format_duration

if TYPE_CHECKING:
    from stemwright.pipeline.doctor import Finding
    from stemwright.pipeline.produce import Production
    from stemwright.pipeline.remix import Examination, Plan, Remix
    from stemwright.pipeline.single import Measurement
    from stemwright.pipeline.store import StoreState

__all__ = ["JsonView", "PlainView", "RichView", "View", "error_document", "view_of"]

MARKS = {"passed": "✓", "warning": "!", "failed": "✗"}
STYLES = {"passed": "green", "warning": "yellow", "failed": "bold red"}
GIB = 1024**3


def view_of(*, as_json: bool) -> View:
    """Choose how to show things: JSON, a live terminal, or plain lines."""
    if as_json:
        return JsonView()
    return RichView() if sys.stderr.isatty() and sys.stdout.isatty() else PlainView()


def error_document(kind: str, text: str, exit_code: int, checks: Sequence[FailedCheck] = ()) -> str:
    """Build the JSON document of a run that ended early; failed checks stand in it whole."""
    content: dict[str, Any] = {
        "status": "failed" if checks else "error",
        "error": {"kind": kind, "message": text, "exit_code": exit_code},
    }
    if checks:
        content["checks"] = [check.as_dict() for check in checks]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


class View:
    """Show a run and its result as plain lines."""

    out: TextIO
    err: TextIO

    def __init__(self) -> None:
        self.out = sys.stdout
        self.err = sys.stderr

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold whatever is live on the screen while a recipe runs."""
        yield

    def listen(self, event: Event) -> None:
        """Show an event of a run."""

    def line(self, text: str = "", *, style: str = "") -> None:  # noqa: ARG002 - plain text has no style
        """Write one line of a result."""
        self.out.write(f"{text}\n")

    def production(self, result: Production) -> None:
        """Show a finished production: verdict, failures, where to listen."""
        self.report(result.report)
        for label, name in result.highlights:
            self.line(f"  {label:<12}{result.folder / name}")

    def remix(self, result: Remix) -> None:
        """Show a finished remix: what was planned, verdict, where to listen."""
        self.line(result.plan.explanation)
        self.report(result.report)
        for label, name in result.highlights:
            self.line(f"  {label:<12}{result.folder / name}")

    def plan(self, planned: Plan) -> None:
        """Show a plan that was not rendered."""
        plan, bpm = planned.plan, planned.pairing.target_bpm
        self.line(plan.explanation)
        for section in plan.sections:
            heard = ", ".join(
                f"{stem} {use.gain:.2f} ({'A+B' if use.song == 'both' else use.song[-1].upper()})"
                for stem, use in section.stems.items()
                if use.gain > 0
            )
            start, end = (beat * 60.0 / bpm for beat in (section.start_beat, section.end_beat))
            length = f"{format_duration(start)}–{format_duration(end)}"
            self.line(f"  {length:<16}{section.label.value:<11}{heard or 'silence'}")
        self.report(planned.report)

    def examination(self, found: Examination) -> None:
        """Show what is in songs."""
        for line in found.lines():
            self.line(line)

    def report(self, report: Report) -> None:
        """Show a report: what failed first, then notices, then the verdict."""
        for check in _worst_first(report.checks):
            self._check(check)
        for notice in report.notices:
            self.line(f"note: {notice.subject + ': ' if notice.subject else ''}{notice.text}")
        passed = sum(check.passed is True for check in report.checks)
        asked = len(report.checks)
        open_ = sum(check.passed is None for check in report.checks)
        unanswered = f", {open_} not checked" if open_ else ""
        self.line(
            f"{report.title}: {report.status} ({passed} of {asked} checks passed{unanswered})",
            style=STYLES[report.status],
        )

    def _check(self, check: Check) -> None:
        mark = "failed" if check.severity is Severity.ERROR else "warning"
        self.line(f"{MARKS[mark]} {check.severity}: {check.sentence()}", style=STYLES[mark])
        if check.advice:
            self.line(f"    {check.advice}")

    def measurements(self, rows: Sequence[Measurement]) -> None:
        """Show loudness figures, a line per file."""
        for row in rows:
            self.line(row.sentence())

    def findings(self, findings: Sequence[Finding]) -> None:
        """Show what is installed and what that means."""
        for finding in findings:
            status = "passed" if finding.good else "failed" if finding.needed else "warning"
            self.line(f"{MARKS[status]} {finding.name}: {finding.seen}. {finding.meaning}".rstrip())

    def store(self, state: StoreState) -> None:
        """Show the store of finished steps."""
        self.line(f"folder   {state.folder}")
        self.line(f"size     {state.bytes_used / GIB:.2f} GiB in {state.entries} steps")
        self.line(f"limit    {state.max_bytes / GIB:g} GiB")
        if state.bytes_freed:
            self.line(f"freed    {state.bytes_freed / GIB:.2f} GiB")


class PlainView(View):
    """Plain lines: a step a line on stderr when it is done."""

    def listen(self, event: Event) -> None:
        """Write finished steps, and what is announced."""
        if isinstance(event, StepFinished):
            self.err.write(f"{_step_line(event)}\n")
        elif isinstance(event, Announced):
            self.err.write(f"{event.notice.subject}: {event.notice.text}\n")
        self.err.flush()


class JsonView(View):
    """One JSON document on stdout; plain progress on stderr."""

    def listen(self, event: Event) -> None:
        """Write finished steps to stderr."""
        PlainView.listen(self, event)  # type: ignore[arg-type]

    def production(self, result: Production) -> None:
        """Write the report with the folder that holds the outputs."""
        self._document(result.report.as_dict() | {"folder": str(result.folder)})

    def remix(self, result: Remix) -> None:
        """Write the report with the plan and the folder that holds the outputs."""
        self._document(
            result.report.as_dict() | {"folder": str(result.folder), "plan": result.plan.as_dict()}
        )

    def plan(self, planned: Plan) -> None:
        """Write a plan that was not rendered."""
        self._document(planned.report.as_dict() | {"plan": planned.plan.as_dict()})

    def examination(self, found: Examination) -> None:
        """Write everything that is known of songs."""
        self._document(found.as_dict())

    def report(self, report: Report) -> None:
        """Write a report."""
        self._document(report.as_dict())

    def measurements(self, rows: Sequence[Measurement]) -> None:
        """Write measurements."""
        self._document({"status": "passed", "files": [row.as_dict() for row in rows]})

    def findings(self, findings: Sequence[Finding]) -> None:
        """Write the doctor's findings."""
        self._document({"findings": [finding.as_dict() for finding in findings]})

    def store(self, state: StoreState) -> None:
        """Write the store's state."""
        self._document(state.as_dict())

    def _document(self, content: dict[str, Any]) -> None:
        self.out.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


class RichView(View):
    """A live terminal: one bar for the run, a line per finished step."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._console = Console(highlight=False, emoji=False)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), console=Console(stderr=True, highlight=False, emoji=False), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=1.0)
        self._weights: dict[str, float] = {}
        self._done: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show the bar while a recipe runs."""
        with self._bar:
            yield

    def listen(self, event: Event) -> None:
        """Move the bar and write finished steps above it."""
        match event:
            case StepStarted(name, weight):
                self._weights[name] = weight
                self._bar.update(self._task, description=name)
            case Progress(name, fraction):
                self._advance(name, fraction)
            case StepFinished(name):
                self._advance(name, 1.0)
                self._bar.console.print(_step_line(event), style=_style_of(event.checks), markup=False)
            case Announced(notice):
                self._bar.console.print(f"{notice.subject}: {notice.text}", markup=False)
            case NoticeGiven():
                pass  # shown once, with the result

    def _advance(self, name: str, fraction: float) -> None:
        self._done[name] = fraction * self._weights.get(name, 0.0)
        self._bar.update(self._task, completed=min(sum(self._done.values()), 1.0))

    def line(self, text: str = "", *, style: str = "") -> None:
        """Write one line in its style; what people named is never read as markup."""
        self._console.print(text, style=style or None, markup=False, soft_wrap=True)


def _step_line(event: StepFinished) -> str:
    failed = failures(event.checks)
    mark = MARKS["passed"] if not failed else MARKS[_weight(failed)]
    count = len(event.checks)
    asked = f"{count} check{'s' if count > 1 else ''}" if count else ""
    parts = [part for part in (asked, "done before" if event.cached else "") if part]
    return f"{mark} {event.name}" + (f" ({', '.join(parts)})" if parts else "")


def _style_of(checks: Iterable[Check]) -> str:
    failed = failures(checks)
    return STYLES[_weight(failed)] if failed else ""


def _weight(failed: Iterable[Check]) -> str:
    return "failed" if any(check.severity is Severity.ERROR for check in failed) else "warning"


def _worst_first(checks: Iterable[Check]) -> list[Check]:
    return sorted(failures(checks), key=lambda check: check.severity is not Severity.ERROR)

"""Hundreds of jobs from a table, through the same queue: what was done is not done again.

A manifest is a CSV with the columns ``kind, inputs, prompt, options, out``; inputs are paths separated by
``;``, options a JSON object, everything relative to the manifest. See docs/scale.md.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemwright.engine.files import link_or_copy
from stemwright.engine.jobs import JobKind, JobRequest, JobState, JobStatus
from stemwright.engine.queue import DurableJobs
from stemwright.errors import InputError, SpecError, StemwrightError
from stemwright.io.files import atomic_write_text, safe_name, sha256_of
from stemwright.pipeline.folder import RUN, OutputFolder
from stemwright.pipeline.outputs import write_run

__all__ = ["BatchRow", "RowResult", "read_manifest", "run_batch"]

OWNER = "batch"
LEDGER = "batch.json"
COLUMNS = ("kind", "inputs", "prompt", "options", "out")
KINDS = (JobKind.PRODUCE, JobKind.REMIX, JobKind.ALIGN, JobKind.VERIFY, JobKind.MASTER, JobKind.ANALYZE)
LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One job of a manifest.

    Attributes
    ----------
    line : int
        Where it stands in the file.
    kind : JobKind
        What is to be done.
    inputs : tuple of Path
        Songs, a spec, a stem, a set; whatever the kind takes.
    prompt : str
        Of a remix.
    options : Mapping
        As in a `JobRequest`.
    out : Path
        Folder for what comes out.
    """

    line: int
    kind: JobKind
    inputs: tuple[Path, ...]
    prompt: str
    options: Mapping[str, Any]
    out: Path


@dataclass(frozen=True, slots=True)
class RowResult:
    """How one row ended: ``"passed"``, ``"warning"``, ``"failed"`` or ``"error"``, and why."""

    row: BatchRow
    status: str
    detail: str
    seconds: float
    session: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "line": self.row.line,
            "kind": str(self.row.kind),
            "inputs": [str(path) for path in self.row.inputs],
            "out": str(self.row.out),
            "status": self.status,
            "detail": self.detail,
            "seconds": round(self.seconds, 2),
            "session": self.session,
        }


def read_manifest(path: Path) -> list[BatchRow]:
    """Read a manifest and check all of it before any work.

    Raises
    ------
    SpecError
        With line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8.", way_out="Give a CSV in UTF-8.") from error
    reader = csv.DictReader(text.splitlines())
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    if unknown or "inputs" not in (reader.fieldnames or ()):
        raise SpecError(
            f"{path.name}, line 1: the columns are {', '.join(reader.fieldnames or ())}.",
            way_out=f"Known ones are {', '.join(COLUMNS)}; kind and inputs are needed.",
        )
    rows = [_row(reader.line_num, cells, path.parent, path.name) for cells in reader]
    taken: dict[Path, int] = {}
    for row in rows:
        if row.out in taken:
            raise SpecError(
                f"{path.name}, line {row.line}: {row.out} is the out of line {taken[row.out]} too."
            )
        taken[row.out] = row.line
    return rows


def _row(line: int, cells: Mapping[str, str | None], folder: Path, name: str) -> BatchRow:
    where = f"{name}, line {line}"
    given = {key: (cells.get(key) or "").strip() for key in COLUMNS}
    kinds = [kind.value for kind in KINDS]
    if given["kind"] not in kinds:
        raise SpecError(
            f'{where}: kind "{given["kind"]}" is not known.', way_out=f"Known: {', '.join(kinds)}."
        )
    inputs = tuple(folder / part.strip() for part in given["inputs"].split(";") if part.strip())
    missing = [path for path in inputs if not path.exists()]
    if missing or not inputs:
        raise SpecError(f"{where}: {missing[0] if missing else 'inputs'} is missing.")
    try:
        options = json.loads(given["options"] or "{}")
    except ValueError as error:
        raise SpecError(f"{where}: options are no JSON: {error}.") from error
    if not isinstance(options, dict):
        raise SpecError(f"{where}: options are no JSON object.", way_out='Write {"seed": 2}.')
    out = given["out"] or f"{line:04d}-{safe_name(inputs[0].stem)}"
    return BatchRow(line, JobKind(given["kind"]), inputs, given["prompt"], options, (folder / out).absolute())


def run_batch(
    rows: list[BatchRow],
    jobs: DurableJobs,
    *,
    done: Callable[[RowResult], None] = lambda _: None,
    force: bool = False,
) -> list[RowResult]:
    """Do every row; rows that a run before finished are only laid out again.

    Parameters
    ----------
    rows : list of BatchRow
        From `read_manifest`.
    jobs : DurableJobs
        The queue; it may name files of this machine.
    done : callable
        Told every row that is over, as soon as it is.
    force : bool
        Whether files that no run of ours made may be replaced.

    Returns
    -------
    list of RowResult
        In the order of the rows.
    """
    book = _Book(jobs.site.data / LEDGER)
    results: dict[int, RowResult] = {}
    open_rows: dict[str, BatchRow] = {}
    for row in rows:
        try:
            open_rows[_session_of(row, jobs, book)] = row
        except StemwrightError as error:
            results[row.line] = RowResult(row, "error", str(error), 0.0, "")
            done(results[row.line])
    for state, row in _as_they_end(open_rows, jobs):
        results[row.line] = _ended(state, row, jobs, force=force)
        done(results[row.line])
    return [results[row.line] for row in rows]


def _session_of(row: BatchRow, jobs: DurableJobs, book: _Book) -> str:
    """Find the session of a row, or begin one."""
    request = _request(row, jobs)
    key = json.dumps([request.kind, dict(request.files), dict(request.options)], sort_keys=True)
    known = jobs.state(book.get(key)) if book.get(key) else None
    if known is not None and known.status not in (JobStatus.ERROR, JobStatus.CANCELLED):
        return known.session
    session = jobs.submit(request)
    book.put(key, session)
    return session


def _as_they_end(open_rows: Mapping[str, BatchRow], jobs: DurableJobs) -> Iterator[tuple[JobState, BatchRow]]:
    left = dict(open_rows)
    while left:
        for session in jobs.ledger.over(left):
            state = jobs.state(session)
            if state is not None:
                yield state, left.pop(session)
        time.sleep(LOOK_EVERY_S if left else 0.0)


def _ended(state: JobState, row: BatchRow, jobs: DurableJobs, *, force: bool) -> RowResult:
    seconds = state.changed_s - state.created_s
    if state.status is not JobStatus.COMPLETE:
        return RowResult(row, "error", state.detail or str(state.status), seconds, state.session)
    detail = ""
    if row.kind is JobKind.VERIFY:
        failed = [check for step in state.result["report"]["steps"] for check in step["checks"]]
        wrong = [check for check in failed if check["passed"] is False]
        detail = f"{len(wrong)} of {len(failed)} checks failed" if wrong else ""
    try:
        _deliver(state, row, jobs, force=force)
    except StemwrightError as error:
        return RowResult(row, "error", str(error), seconds, state.session)
    return RowResult(row, str(state.result["status"]), detail, seconds, state.session)


def _deliver(state: JobState, row: BatchRow, jobs: DurableJobs, *, force: bool) -> None:
    """Lay a result out in its folder; nothing that people made there is replaced."""
    names = dict(state.result["outputs"])
    texts = {key: state.result[key] for key in ("report", "facts") if key in state.result and not names}
    with OutputFolder(row.out, force=force) as output:
        for name, sha256 in names.items():
            target = output.staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(jobs.blobs.path(sha256), target)
        for key, content in texts.items():
            atomic_write_text(output.staging / f"{key}.json", json.dumps(content, indent=2) + "\n")
        published = [*names, *(f"{key}.json" for key in texts)]
        write_run(output.staging, published, found_done=[], session=state.session)
        output.publish([*published, RUN])


def _request(row: BatchRow, jobs: DurableJobs) -> JobRequest:
    """Turn a row into a job."""
    options = {**row.options, **({"prompt": row.prompt} if row.kind is JobKind.REMIX else {})}
    if row.kind is JobKind.PRODUCE:
        spec = row.inputs[0].absolute()
        # what the spec names may have changed since: then it is another job
        seen = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in _files_beside(spec)]
        options |= {"spec_path": str(spec), "seen": [sha256_of(spec), seen]}
        return JobRequest(row.kind, OWNER, options=options)
    paths = dict(_named(row))
    files = {name: jobs.uploads.add(path) for name, path in paths.items()}
    return JobRequest(row.kind, OWNER, files, {name: path.name for name, path in paths.items()}, options)


def _files_beside(spec: Path) -> list[Path]:
    from stemwright.engine.inputs import paths_in
    from stemwright.pipeline.read_spec import load_spec

    return sorted({path for path in paths_in(load_spec(spec)) if path.is_file() and path != spec})


def _named(row: BatchRow) -> Iterator[tuple[str, Path]]:
    """Say what each input is."""
    if row.kind in (JobKind.REMIX, JobKind.ANALYZE):
        for letter, path in zip("ab", row.inputs, strict=False):
            if path.is_dir():
                yield from ((f"stems_{letter}/{one.name}", one) for one in _audio_in(path))
            else:
                yield f"song_{letter}", path
    elif row.kind is JobKind.VERIFY:
        for path in row.inputs:
            yield from ((one.name, one) for one in (_audio_in(path) if path.is_dir() else [path]))
    else:
        second = "to" if row.kind is JobKind.ALIGN else "match"
        yield from zip(("source", second), row.inputs, strict=False)


def _audio_in(folder: Path) -> list[Path]:
    from stemwright.io.sort_out import is_audio_name

    return sorted(path for path in folder.iterdir() if path.is_file() and is_audio_name(path.name))


class _Book:
    """Which session belongs to which row, kept beside the jobs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def get(self, key: str) -> str:
        return self._rows.get(key, "")

    def put(self, key: str, session: str) -> None:
        self._rows[key] = session
        atomic_write_text(self._path, json.dumps(self._rows))

"""What `worker` and `batch` do: open the queue, wait, show how it went."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from stemwright.engine.batch import RowResult, read_manifest, run_batch
from stemwright.engine.orders import ChildLimits
from stemwright.engine.queue import QueueSettings, open_jobs
from stemwright.engine.stages import QUEUES
from stemwright.errors import InputError
from stemwright.pipeline.store import load_store_settings

__all__ = ["batch", "default_data", "work"]

EVERY_ROW = 10**9
MARKS = {"passed": "✓", "warning": "!", "failed": "✗", "error": "✗"}


def default_data() -> Path:
    """Return where jobs are kept when nobody says where."""
    import platformdirs

    return Path(platformdirs.user_data_dir("stemwright", appauthor=False)) / "jobs"


def slots_of(queues: str, jobs: int | None) -> dict[str, int]:
    """Read ``"separation,render"``: each with its default number of jobs at once, or with the one given."""
    usual = dict(QueueSettings(Path()).slots)
    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = [name for name in names if name not in QUEUES]
    if unknown or not names:
        raise InputError(f'--queues "{queues}": known are {", ".join(QUEUES)}.')
    return {name: jobs or usual[name] for name in names}


def work(
    *, data: Path | None, database: str, bucket: str, queues: str, jobs: int | None, memory_gib: float | None
) -> int:
    """Do jobs until somebody interrupts; declared dead by the others, begin again as a new worker."""
    lost = threading.Event()
    opened = open_jobs(
        data or default_data(),
        lost=lost.set,
        database=database,
        bucket=bucket,
        slots=slots_of(queues, jobs),
        limits=_limits(memory_gib),
    )
    click.echo(f"Working on {queues}. Interrupt to leave; jobs go on elsewhere, or at the next start.")
    try:
        lost.wait()
    except KeyboardInterrupt:
        opened.close()
        sys.stdout.flush()
        os._exit(0)  # a thread of DBOS that still asks a closed database would hold us up
    opened.close()
    return _begin_anew()


def _begin_anew() -> NoReturn:
    click.echo("The other workers took over what this one had; it begins anew.", err=True)
    os.execv(sys.executable, [sys.executable, "-m", "stemwright", *sys.argv[1:]])  # noqa: S606 - ourselves


def _limits(memory_gib: float | None) -> ChildLimits:
    return ChildLimits() if memory_gib is None else ChildLimits(memory_bytes=int(memory_gib * 2**30) or None)


def batch(manifest: Path, *, data: Path | None, jobs: int | None, force: bool, as_json: bool) -> int:
    """Do every row of a manifest, and show what became of it; 1 when one failed."""
    rows = read_manifest(manifest)
    store = load_store_settings()
    folder = data or manifest.with_name(f".{manifest.stem}.jobs")
    told = _Progress(len(rows))
    with open_jobs(
        folder,
        slots=slots_of(",".join(QUEUES), jobs),
        most_waiting=EVERY_ROW,
        local_paths=True,
        store=store.folder,
        store_bytes=store.max_bytes,
    ) as opened:
        results = run_batch(rows, opened, done=told, force=force)
    if as_json:
        content = {"status": _worst(results), "rows": [one.as_dict() for one in results]}
        sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    else:
        _table(results)
    return 1 if _worst(results) in ("failed", "error") else 0


class _Progress:
    """A line on stderr for every row that is over."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._done = 0

    def __call__(self, result: RowResult) -> None:
        self._done += 1
        click.echo(f"{self._done} of {self._rows}: {_line(result)}", err=True)


def _line(result: RowResult) -> str:
    row = result.row
    about = f" – {result.detail}" if result.detail else ""
    return f"{MARKS[result.status]} {row.kind} {row.inputs[0].name} ({result.status}){about}"


def _worst(results: Sequence[RowResult]) -> str:
    found = {one.status for one in results}
    return next((status for status in ("error", "failed", "warning") if status in found), "passed")


def _table(results: Sequence[RowResult]) -> None:
    heads = {"line": "line", "kind": "kind", "inputs": "inputs", "status": "status", "seconds": "seconds"}
    rows = [heads, *map(_cells, results)]
    widths = {name: max(len(str(row[name])) for row in rows) for name in heads}
    for row in rows:
        click.echo("  ".join(str(row[name]).ljust(widths[name]) for name in heads).rstrip())
    counted = {status: sum(one.status == status for one in results) for status in MARKS}
    click.echo(", ".join(f"{number} {status}" for status, number in counted.items() if number))


def _cells(result: RowResult) -> Mapping[str, Any]:
    names = ", ".join(path.name for path in result.row.inputs)
    return result.as_dict() | {"inputs": names, "seconds": f"{result.seconds:.1f}"}

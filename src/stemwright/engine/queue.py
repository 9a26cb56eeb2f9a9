"""Open the queue: on a laptop one call makes all of it, on many machines the same call joins it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from stemwright.engine import tables
from stemwright.engine.bell import LOOK_EVERY_S, SELDOM_S, Bell
from stemwright.engine.durable import Durable
from stemwright.engine.files import Blobs, link_or_copy, remove_folder
from stemwright.engine.jobs import (
    JobRequest,
    JobState,
    JobStatus,
    QueueFullError,
    StoredEvent,
)
from stemwright.engine.ledger import Ledger
from stemwright.engine.orders import ChildLimits, Site
from stemwright.engine.sharing import bucket_of
from stemwright.engine.stages import QUEUES, RENDER, SEPARATION, phases_of
from stemwright.engine.worker import Worker
from stemwright.errors import InputError, RefusedError, StorageError
from stemwright.pipeline.locks import release, try_lock
from stemwright.pipeline.store import Store, StoreSettings
from stemwright.pipeline.worker import cores

__all__ = ["DurableJobs", "QueueSettings", "Uploads", "open_jobs"]

LOCAL_WORKER = "local"
UNKNOWN_WAIT_S = 60


def _default_slots() -> dict[str, int]:
    # a render keeps about two cores busy
    return {SEPARATION: 1, RENDER: max(1, cores() // 2)}


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How the queue of one process works.

    Parameters
    ----------
    data : Path
        Folder of this machine: uploads, results, finished steps and, without `database`, the jobs.
    database : str
        URL of the PostgreSQL that many machines share; empty for SQLite in `data`.
    bucket : str
        ``s3://…`` for files that many machines share; empty when `data` is the only folder or a network disk.
    slots : Mapping of str to int
        Queues to work on, and how many jobs at once in each; empty for a process that only submits.
    most_waiting : int
        More are refused.
    limits : ChildLimits
        What a child process may take.
    local_paths : bool
        Whether jobs may name files of this machine; never for what comes over HTTP.
    store, store_bytes
        Folder of finished steps (default: in `data`), and how large it may grow.
    """

    data: Path
    database: str = ""
    bucket: str = ""
    slots: Mapping[str, int] = field(default_factory=_default_slots)
    most_waiting: int = 200
    limits: ChildLimits = field(default_factory=ChildLimits)
    local_paths: bool = False
    store: Path | None = None
    store_bytes: int = Site(Path(), Path()).store_bytes

    @property
    def site(self) -> Site:
        """Where this machine keeps things."""
        data = self.data.absolute()
        return Site(data, self.store or data / "store", self.store_bytes, self.bucket)


class Uploads:
    """Files that people sent, by their sha256.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    blobs : Blobs
        The files.
    """

    def __init__(self, engine: sa.Engine, blobs: Blobs) -> None:
        self._engine = engine
        self._blobs = blobs

    def put(self, stream: BinaryIO | Iterable[bytes], *, max_bytes: int | None = None) -> str:
        """Keep a stream; returns its sha256.

        Raises
        ------
        RefusedError
            Beyond `max_bytes`.
        StorageError
            When the disk is full.
        """
        sha256, size = self._blobs.put(stream, max_bytes=max_bytes)
        self._note(sha256, size)
        return sha256

    def add(self, path: Path, *, sha256: str = "") -> str:
        """Keep a file of this machine; returns its sha256, which need not be found out where it is known."""
        kept = self._blobs.add(path, sha256=sha256)
        self._note(kept, path.stat().st_size)
        return kept

    def remove(self, sha256: str) -> bool:
        """Forget a file, unless a session needs it."""
        needed = sa.select(tables.pins.c.sha256)
        rows = tables.uploads.c
        with self._engine.begin() as connection:
            if connection.execute(needed.where(tables.pins.c.sha256 == sha256)).first() is not None:
                return False
            connection.execute(tables.uploads.delete().where(rows.sha256 == sha256))
        self._blobs.remove(sha256)
        return True

    def path(self, sha256: str) -> Path:
        """Return where a file is; `InputError` when it is not there."""
        return self._blobs.path(sha256)

    def has(self, sha256: str) -> bool:
        """Whether a file is there."""
        return self._blobs.has(sha256)

    def sweep(self, *, older_than_s: float) -> int:
        """Forget files that no session needs and nobody sent again for so long; returns how many."""
        rows = tables.uploads.c
        needed = sa.select(tables.pins.c.sha256)
        with self._engine.begin() as connection:
            old = rows.used_s < time.time() - older_than_s
            gone = list(
                connection.execute(
                    tables.uploads.delete().where(old, rows.sha256.not_in(needed)).returning(rows.sha256)
                ).scalars()
            )
        for sha256 in gone:
            self._blobs.remove(sha256)
        return len(gone)

    def _note(self, sha256: str, size: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO stemwright_uploads (sha256, bytes, used_s) VALUES (:sha256, :bytes, :now) "
                    "ON CONFLICT (sha256) DO UPDATE SET used_s = :now"
                ),
                {"sha256": sha256, "bytes": size, "now": time.time()},
            )


class DurableJobs:
    """The queue; see `stemwright.engine.jobs.Jobs`. Made by `open_jobs`, ended by `close` or ``with``.

    Attributes
    ----------
    blobs, uploads : Uploads
        Files by their sha256.
    bell : Bell
        Tells of new events, for many who wait at once.
    ledger : Ledger
        The book of jobs.
    """

    def __init__(self, settings: QueueSettings, *, lost: Callable[[], None]) -> None:
        if settings.slots and Durable.doer is not None:
            raise RefusedError("One process works on one queue.", way_out="Close the other one first.")
        self.settings = settings
        self.site = settings.site
        self._lock = _Lock(self.site.data, wanted=bool(settings.slots) and not settings.database)
        url = tables.database_url(settings.database or self.site.data)
        self._engine = self._database(url)
        self._blobs = Blobs(self.site.blobs, bucket_of(self.site))
        self.blobs = self.uploads = Uploads(self._engine, self._blobs)
        self.ledger = Ledger(self._engine, self._ring)
        alone = bool(settings.slots) and tables.is_sqlite(url)
        self.bell = Bell(self.ledger.heads, look_every_s=SELDOM_S if alone else LOOK_EVERY_S)
        worker = LOCAL_WORKER if tables.is_sqlite(url) else secrets.token_hex(8)
        self._durable = Durable(url, worker=worker)
        self.worker: Worker | None = None
        if not settings.slots:
            self._durable.prepare()
            return
        if tables.is_sqlite(url):
            self._blobs.sweep()
            remove_folder(self.site.work)
        self.worker = Worker(
            worker,
            ledger=self.ledger,
            durable=self._durable,
            site=self.site,
            slots=settings.slots,
            limits=settings.limits,
            local_paths=settings.local_paths,
            lost=lost,
        )
        try:
            self.worker.start()
        except BaseException:
            self.close()
            raise

    def submit(self, request: JobRequest) -> str:
        """Queue a job; returns its session id.

        Raises
        ------
        QueueFullError
            When too many wait; its `retry_after_s` says when to come back.
        InputError
            When a file was not uploaded, or the parent can't be gone on from.
        """
        whole = self._whole(request)
        for name, sha256 in whole.files.items():
            if not self.uploads.has(sha256):
                raise InputError(f'"{name}" was not uploaded, or is no longer there.', way_out="Upload it.")
        self.require_room()
        session = secrets.token_hex(16)
        with self._engine.begin() as connection:
            self.ledger.insert(connection, session, whole)
            self._durable.enqueue(
                connection, session=session, kind=whole.kind, phase=phases_of(whole.kind)[0].name
            )
        self._durable.look()
        self.bell.ring(session)
        return session

    def state(self, session: str) -> JobState | None:
        """Return a job as it is now; None for an unknown one."""
        return self.ledger.state(session)

    def sessions(self, owner: str) -> list[JobState]:
        """Return the jobs of one owner, the latest first."""
        return self.ledger.sessions(owner)

    def events(self, session: str, *, after: int = 0) -> list[StoredEvent]:
        """Return stored events with a number above `after`, in order."""
        return self.ledger.events(session, after=after)

    def wait(self, session: str, *, after: int, timeout_s: float) -> list[StoredEvent]:
        """Return new events as soon as there are any; an empty list when the time is up."""
        until = time.monotonic() + timeout_s
        rung = threading.Event()
        stop = self.bell.listen(session, lambda _session, _head: rung.set())
        try:
            while not (found := self.events(session, after=after)):
                if not rung.wait(max(until - time.monotonic(), 0.0)):
                    return []
                rung.clear()
            return found
        finally:
            stop()

    def cancel(self, session: str) -> bool:
        """Stop a job that waits or runs, within 2 s; False when it was over."""
        changed = self.ledger.close(session, JobStatus.CANCELLED, detail="", event=("cancelled", {}))
        if changed and self.worker is not None:
            self.worker.stop(session)
        return changed

    def release(self, session: str) -> bool:
        """Let go of the files of a job that came to nothing, and of the steps that it did; its story stays.

        Steps go as soon as nothing runs on this machine: until then False, and whoever asked asks again.
        """
        state = self.state(session)
        if state is None or state.status not in (JobStatus.ERROR, JobStatus.CANCELLED):
            return False
        self.ledger.let_go(session)
        store = Store(StoreSettings(self.site.store, self.site.store_bytes))
        keys = [str(event.data["key"]) for event in self.events(session) if "key" in event.data]
        return store.forget(keys, unused_since_s=state.changed_s)

    def erase(self, session: str, *, keep: frozenset[str] = frozenset()) -> bool:
        """Forget a finished job and its files, but those to `keep`; False when there is none to forget."""
        state = self.state(session)
        gone = self.ledger.erase(session) if state is not None else None
        if state is None or gone is None:
            return False
        self._durable.forget(session, [phase.name for phase in phases_of(state.request.kind)])
        for sha256 in gone:
            if sha256 not in keep:
                self._blobs.remove(sha256)
        remove_folder(self.site.sessions / session)
        (self.site.data / "logs" / f"{session}.log").unlink(missing_ok=True)
        return True

    def counts(self) -> dict[str, int]:
        """Count jobs by status."""
        return self.ledger.counts()

    def stage_times(self) -> dict[str, tuple[int, float]]:
        """Return how often each stage was done, and its mean seconds."""
        return self.ledger.stage_times()

    def file(self, session: str, name: str) -> Path | None:
        """Return where a result is on this machine, by its name; None without one."""
        state = self.state(session)
        sha256 = None if state is None else dict(state.result.get("outputs", {})).get(name)
        return None if sha256 is None else self._blobs.path(sha256)

    def folder(self, session: str) -> Path | None:
        """Return the folder with all results under their names; None before the job is complete."""
        state = self.state(session)
        if state is None or state.status is not JobStatus.COMPLETE:
            return None
        folder = self.site.sessions / session
        if not folder.is_dir():
            self._lay_out(folder, dict(state.result.get("outputs", {})))
        return folder

    def close(self) -> None:
        """Stop; jobs that run are gone on with at the next start, or by another worker."""
        if self.worker is not None:
            self.worker.close()
        self._durable.close()
        self.bell.close()
        self._engine.dispose()
        self._lock.release()

    def __enter__(self) -> DurableJobs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _database(self, url: str) -> sa.Engine:
        """Connect, and make what tables are missing."""
        try:
            engine = tables.open_database(url)
            tables.make_tables(engine)
        except (DBAPIError, ArgumentError) as error:
            self._lock.release()
            shown = "PostgreSQL" if self.settings.database else f"The jobs in {self.site.data}"
            raise StorageError(
                f"{shown} can't be opened: {type(error).__name__}.",
                way_out="Does it run, and is --database spelled postgresql://USER@HOST/NAME?",
            ) from error
        return engine

    def _ring(self, session: str) -> None:
        self.bell.ring(session)

    def require_room(self) -> None:
        """Raise `QueueFullError` when no job would be taken on now."""
        waiting = self.ledger.count(JobStatus.QUEUED)
        if waiting < self.settings.most_waiting:
            return
        times = self.ledger.stage_times()
        means = [mean for stage, (_, mean) in times.items() if stage.startswith("queue ")]
        retry = max(1, round(max(means))) if means else UNKNOWN_WAIT_S
        raise QueueFullError(
            f"{waiting} jobs wait already.", retry_after_s=retry, way_out=f"Try again in {retry} seconds."
        )

    def _whole(self, request: JobRequest) -> JobRequest:
        """Give a job that goes on from another one what that was made of."""
        plain = replace(
            request,
            files=dict(request.files),
            names=dict(request.names),
            options=dict(request.options),
        )
        if request.parent is None:
            return plain
        parent = self.state(request.parent)
        if parent is None or parent.request.owner != request.owner:
            raise InputError("There is no such session.")
        if parent.status is not JobStatus.COMPLETE or "history.json" not in parent.result.get("outputs", {}):
            raise RefusedError("Only a finished remix can be changed.", way_out="Wait until it is done.")
        before = parent.request
        kept = {name: before.options[name] for name in _INHERITED if name in before.options}
        return replace(
            plain,
            files={**before.files, **plain.files},
            names={**before.names, **plain.names},
            options={**kept, **plain.options},
        )

    def _lay_out(self, folder: Path, outputs: Mapping[str, str]) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        for name, sha256 in outputs.items():
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(self._blobs.path(sha256), target)
        part.mkdir(parents=True, exist_ok=True)
        try:
            part.rename(folder)
        except OSError:  # somebody else laid it out at the same time, with the same files
            remove_folder(part)


_INHERITED = ("separator", "model", "engine", "overrides", "seed")


class _Lock:
    """One process a data folder: two would share an executor id."""

    def __init__(self, data: Path, *, wanted: bool) -> None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{data} can't be made: {error.strerror}.") from error
        self._path = data / "engine.lock"
        self._handle = try_lock(self._path) if wanted else None
        if wanted and self._handle is None:
            raise RefusedError(
                f"Another process works on {data}.",
                way_out="Stop it, choose another folder with --data, or use --database for many.",
            )

    def release(self) -> None:
        if self._handle is not None:
            release(self._path, self._handle)
            self._handle = None


def open_jobs(
    data: Path | str,
    *,
    lost: Callable[[], None] = lambda: None,
    **settings: Any,
) -> DurableJobs:
    """Open the queue of a data folder, and work on it.

    Parameters
    ----------
    data : path
        Folder of this machine; made when missing.
    lost : callable
        Called when this process was declared dead by the others: it must end.
    **settings
        ``database, bucket, slots, most_waiting, limits, local_paths, store, store_bytes`` of `QueueSettings`.

    Raises
    ------
    RefusedError
        When another process works on this folder.
    """
    unknown = set(settings.get("slots", {})) - set(QUEUES)
    if unknown:
        raise InputError(f"There is no queue {sorted(unknown)}.", way_out=f"Queues: {', '.join(QUEUES)}.")
    return DurableJobs(QueueSettings(Path(data), **settings), lost=lost)

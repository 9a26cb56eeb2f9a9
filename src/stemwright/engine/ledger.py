"""The book of jobs: every change of a job and the event that tells of it, in one transaction.

Events of a session are numbered from 1 without a gap: the number is taken by an UPDATE of the job's row,
which holds the row until the event stands. What a worker writes counts only while it holds the job: its token
must be the job's, and its own row must not have been declared dead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from stemwright.engine import tables
from stemwright.engine.jobs import JobKind, JobRequest, JobState, JobStatus, Place, StoredEvent
from stemwright.engine.stages import Phase, phases_of

__all__ = ["FINAL", "Claim", "FencedError", "Ledger", "NewEvent", "tell"]

FINAL = tuple(status.value for status in JobStatus if status.final)
NewEvent = tuple[str, Mapping[str, Any]]
"""Kind and data of an event that has no number yet."""


class FencedError(Exception):
    """The job is no longer this worker's: cancelled, taken over, or the worker was declared dead."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to write about a job, until somebody else claims it.

    Attributes
    ----------
    session, worker : str
        Which job, and who does it.
    token : int
        Grows with every claim.
    """

    session: str
    worker: str
    token: int


class Ledger:
    """Jobs and their events in the database.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of SQLite or PostgreSQL.
    ring : callable
        Told the session after every change that was made here.
    """

    def __init__(self, engine: sa.Engine, ring: Callable[[str], None] = lambda _: None) -> None:
        self.engine = engine
        self._ring = ring

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Connect for a look; on SQLite nobody waits for it."""
        with self.engine.connect().execution_options(read_only=True) as connection:
            yield connection

    # what anybody may ask

    def state(self, session: str) -> JobState | None:
        """Return a job as it is now."""
        with self.reading() as connection:
            row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.session == session)).first()
            return None if row is None else _state(row, _place(connection, row))

    def sessions(self, owner: str) -> list[JobState]:
        """Return the jobs of one owner, the latest first."""
        asked = sa.select(tables.jobs).where(tables.jobs.c.owner == owner)
        with self.reading() as connection:
            rows = connection.execute(asked.order_by(tables.jobs.c.number.desc())).all()
            return [_state(row, _place(connection, row)) for row in rows]

    def events(self, session: str, *, after: int = 0) -> list[StoredEvent]:
        """Return events with a number above `after`, in order."""
        rows = tables.events.c
        asked = sa.select(rows.number, rows.kind, rows.data).where(rows.session == session)
        with self.reading() as connection:
            found = connection.execute(asked.where(rows.number > after).order_by(rows.number)).all()
        return [StoredEvent(row.number, row.kind, row.data) for row in found]

    def heads(self, sessions: Iterable[str]) -> dict[str, int]:
        """Return the number of the last event of each session."""
        rows = tables.jobs.c
        asked = sa.select(rows.session, rows.last_event).where(rows.session.in_(list(sessions)))
        with self.reading() as connection:
            return {row.session: row.last_event for row in connection.execute(asked)}

    def count(self, *statuses: JobStatus) -> int:
        """Count jobs."""
        asked = sa.select(sa.func.count()).where(tables.jobs.c.status.in_([str(one) for one in statuses]))
        with self.reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def over(self, sessions: Iterable[str]) -> list[str]:
        """Return which of some sessions are over."""
        rows = tables.jobs.c
        asked = sa.select(rows.session).where(rows.session.in_(list(sessions)), rows.status.in_(FINAL))
        with self.reading() as connection:
            return list(connection.execute(asked).scalars())

    def counts(self) -> dict[str, int]:
        """Count jobs by status."""
        asked = sa.select(tables.jobs.c.status, sa.func.count()).group_by(tables.jobs.c.status)
        with self.reading() as connection:
            return {status: int(number) for status, number in connection.execute(asked)}

    def stage_times(self) -> dict[str, tuple[int, float]]:
        """Return how often each stage was done, and its mean seconds."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(tables.step_times)).all()
        return {row.stage: (row.times, row.mean_s) for row in rows}

    # what happens to a job before and beside its work

    def insert(self, connection: sa.Connection, session: str, request: JobRequest) -> None:
        """Write a new job and its first event; the caller commits."""
        now = time.time()
        phase = phases_of(request.kind)[0]
        row = {
            "session": session, "owner": request.owner, "request": asdict(request),
            "status": str(JobStatus.QUEUED), "phase": phase.name, "queue": phase.queue, "waiting": True,
            "result": {}, "created_s": now, "changed_s": now,
        }  # fmt: skip
        connection.execute(tables.jobs.insert().values(row))
        tell(connection, session, [("queued", {})])
        needed = [{"session": session, "sha256": one} for one in sorted(set(request.files.values()))]
        if needed:
            connection.execute(tables.pins.insert(), needed)

    def close(self, session: str, status: JobStatus, *, detail: str, event: NewEvent) -> bool:
        """End a job from outside, whoever works on it; False when it was over."""
        with self.engine.begin() as connection:
            changed = self.close_in(connection, session, status, detail=detail, event=event)
        self._ring(session)
        return changed

    def close_in(
        self, connection: sa.Connection, session: str, status: JobStatus, *, detail: str, event: NewEvent
    ) -> bool:
        """Do the same in a transaction of the caller's."""
        return _close(connection, session, status, detail=detail, event=event)

    def let_go(self, session: str) -> None:
        """Need a session's files no more; whether they stay is for others to say."""
        with self.engine.begin() as connection:
            connection.execute(tables.pins.delete().where(tables.pins.c.session == session))

    def erase(self, session: str) -> list[str] | None:
        """Forget a finished job; returns the files that nobody needs any more, None without such a job."""
        rows = tables.jobs.c
        with self.engine.begin() as connection:
            gone = connection.execute(
                tables.jobs.delete().where(rows.session == session, rows.status.in_(FINAL))
            ).rowcount
            if not gone:
                return None
            connection.execute(tables.events.delete().where(tables.events.c.session == session))
            return _unpin(connection, session)

    # what its worker writes

    def begin(self, session: str, worker: str, phase: str) -> Claim | None:
        """Claim a job for a worker; None when the phase is over, `FencedError` for a worker declared dead."""
        rows = tables.jobs.c
        with self.engine.begin() as connection:
            _require_alive(connection, worker)
            changed = connection.execute(
                tables.jobs.update()
                .where(rows.session == session, rows.phase == phase, rows.status.not_in(FINAL))
                .values(token=rows.token + 1, worker=worker, waiting=False, status=str(JobStatus.RUNNING))
                .returning(rows.token)
            ).scalar()
            if changed == 1:
                tell(connection, session, [("started", {})])
        self._ring(session)
        return None if changed is None else Claim(session, worker, changed)

    def write(
        self,
        claim: Claim,
        new: Sequence[NewEvent],
        *,
        progress: float | None = None,
        detail: str | None = None,
    ) -> None:
        """Store events of a running job; raises `FencedError`."""
        values: dict[str, Any] = {"changed_s": time.time()}
        if progress is not None:
            values["progress"] = progress
        if detail is not None:
            values["detail"] = detail
        with self.engine.begin() as connection:
            _require_held(connection, claim, values)
            tell(connection, claim.session, new)
        self._ring(claim.session)

    def queue_next(self, connection: sa.Connection, claim: Claim, phase: Phase) -> None:
        """Let a job wait for its next phase; the caller commits. Raises `FencedError`."""
        values = {"phase": phase.name, "queue": phase.queue, "waiting": True, "worker": None}
        _require_held(connection, claim, values)

    def release(self, claim: Claim) -> None:
        """Let a job go in good order: whoever goes on with it does not count as a takeover."""
        rows = tables.jobs.c
        with self.engine.begin() as connection:
            connection.execute(
                tables.jobs.update()
                .where(rows.session == claim.session, rows.token == claim.token, rows.status.not_in(FINAL))
                .values(worker=None, waiting=True)
            )

    def finish(self, claim: Claim, result: Mapping[str, Any], *, event: NewEvent) -> None:
        """Publish the result of a job; raises `FencedError`."""
        values = {
            "status": str(JobStatus.COMPLETE), "progress": 1.0, "detail": "", "result": dict(result),
            "changed_s": time.time(), "worker": None,
        }  # fmt: skip
        with self.engine.begin() as connection:
            _require_held(connection, claim, values)
            tell(connection, claim.session, [event])
            kept = set(dict(result.get("outputs", {})).values())
            known = set(_pinned(connection, claim.session))
            rows = [{"session": claim.session, "sha256": one} for one in sorted(kept - known)]
            if rows:
                connection.execute(tables.pins.insert(), rows)
        self._ring(claim.session)

    def fail(self, claim: Claim, sentence: str, *, event: NewEvent) -> None:
        """End a job with an error; raises `FencedError`."""
        with self.engine.begin() as connection:
            _require_held(connection, claim, {})
            _close(connection, claim.session, JobStatus.ERROR, detail=sentence, event=event)
        self._ring(claim.session)

    def held(self, claims: Sequence[Claim]) -> set[str]:
        """Return the sessions that their claims still hold."""
        if not claims:
            return set()
        rows = tables.jobs.c
        asked = sa.select(rows.session, rows.token, rows.status)
        with self.reading() as connection:
            found = connection.execute(asked.where(rows.session.in_([one.session for one in claims]))).all()
        now = {row.session: row.token for row in found if row.status not in FINAL}
        return {one.session for one in claims if now.get(one.session) == one.token}

    def waits(self, session: str) -> bool:
        """Whether a job waits in a queue."""
        rows = tables.jobs.c
        with self.reading() as connection:
            return bool(connection.execute(sa.select(rows.waiting).where(rows.session == session)).scalar())

    def took(self, stage: str, seconds: float) -> None:
        """Remember how long a stage took: estimates follow from the mean of the last dozens."""
        rows = tables.step_times.c
        with self.engine.begin() as connection:
            known = connection.execute(
                sa.select(tables.step_times).where(rows.stage == stage).with_for_update()
            ).first()
            if known is None:
                # PostgreSQL may see two first ones at once: then one of them stays
                connection.execute(
                    sa.text(
                        "INSERT INTO stemwright_step_times (stage, times, mean_s) VALUES (:stage, 1, :s) "
                        "ON CONFLICT (stage) DO NOTHING"
                    ),
                    {"stage": stage, "s": seconds},
                )
                return
            weight = 1.0 / min(known.times + 1, 32)
            mean = known.mean_s + weight * (seconds - known.mean_s)
            connection.execute(
                tables.step_times.update()
                .where(rows.stage == stage)
                .values(times=known.times + 1, mean_s=mean)
            )


def tell(connection: sa.Connection, session: str, new: Sequence[NewEvent]) -> None:
    """Give events their numbers and store them; the job's row is held until the transaction ends."""
    if not new:
        return
    rows = tables.jobs.c
    last = connection.execute(
        tables.jobs.update()
        .where(rows.session == session)
        .values(last_event=rows.last_event + len(new), changed_s=time.time())
        .returning(rows.last_event)
    ).scalar_one()
    first = last - len(new) + 1
    connection.execute(
        tables.events.insert(),
        [
            {"session": session, "number": first + at, "kind": kind, "data": dict(data)}
            for at, (kind, data) in enumerate(new)
        ],
    )


def _close(
    connection: sa.Connection, session: str, status: JobStatus, *, detail: str, event: NewEvent
) -> bool:
    rows = tables.jobs.c
    changed = connection.execute(
        tables.jobs.update()
        .where(rows.session == session, rows.status.not_in(FINAL))
        .values(
            status=str(status), detail=detail, waiting=False, worker=None,
            token=rows.token + 1, changed_s=time.time(),
        )
    ).rowcount  # fmt: skip
    if changed:
        tell(connection, session, [event])
    return bool(changed)


def _require_alive(connection: sa.Connection, worker: str) -> None:
    rows = tables.workers.c
    # the row is held: nobody declares this worker dead between this look and the end of the transaction
    asked = sa.select(rows.dead).where(rows.id == worker).with_for_update(read=True)
    if connection.execute(asked).scalar() is not False:
        raise FencedError(worker)


def _require_held(connection: sa.Connection, claim: Claim, values: Mapping[str, Any]) -> None:
    _require_alive(connection, claim.worker)
    rows = tables.jobs.c
    changed = connection.execute(
        tables.jobs.update()
        .where(
            rows.session == claim.session,
            rows.token == claim.token,
            rows.worker == claim.worker,
            rows.status.not_in(FINAL),
        )
        .values({"token": claim.token, **values})
    ).rowcount
    if not changed:
        raise FencedError(claim.session)


def _pinned(connection: sa.Connection, session: str) -> list[str]:
    asked = sa.select(tables.pins.c.sha256).where(tables.pins.c.session == session)
    return list(connection.execute(asked).scalars())


def _unpin(connection: sa.Connection, session: str) -> list[str]:
    """Let go of a session's files; returns those that no other session needs."""
    mine = _pinned(connection, session)
    connection.execute(tables.pins.delete().where(tables.pins.c.session == session))
    asked = sa.select(tables.pins.c.sha256).where(tables.pins.c.sha256.in_(mine))
    needed = set(connection.execute(asked).scalars())
    gone = [one for one in mine if one not in needed]
    connection.execute(tables.uploads.delete().where(tables.uploads.c.sha256.in_(gone)))
    return gone


def _state(row: Any, place: Place | None) -> JobState:
    return JobState(
        session=row.session,
        request=_request(row.request),
        status=JobStatus(row.status),
        progress=row.progress,
        detail=row.detail,
        result=row.result,
        created_s=row.created_s,
        changed_s=row.changed_s,
        place=place,
    )


def _request(record: Mapping[str, Any]) -> JobRequest:
    return JobRequest(**{**record, "kind": JobKind(record["kind"])})


def _place(connection: sa.Connection, row: Any) -> Place | None:
    """Count who stands in front, and guess from measured stages when it will be one's turn."""
    if not row.waiting:
        return None
    rows = tables.jobs.c
    here = rows.queue == row.queue
    ahead = connection.execute(
        sa.select(sa.func.count()).where(here, rows.waiting, rows.number < row.number)
    ).scalar_one()
    working = connection.execute(
        sa.select(sa.func.count()).where(here, sa.not_(rows.waiting), rows.status == str(JobStatus.RUNNING))
    ).scalar_one()
    slots = sum(
        int(one.get(row.queue, 0))
        for one in connection.execute(
            sa.select(tables.workers.c.slots).where(sa.not_(tables.workers.c.dead))
        ).scalars()
    )
    mean = connection.execute(
        sa.select(tables.step_times.c.mean_s).where(tables.step_times.c.stage == f"queue {row.queue}")
    ).scalar()
    if not slots or mean is None:
        return Place(ahead, 0.0 if slots > working + ahead else None)
    return Place(ahead, max(ahead + working - slots + 1, 0) * mean / slots)

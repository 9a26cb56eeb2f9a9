"""Many workers on one PostgreSQL: killed, frozen, cut off, replaced; nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine_scene import (
    Postgres,
    WorkerProcess,
    alive,
    client,
    crowd,
    finished,
    log_of,
    master_request,
    outputs,
    remix_request,
    started,
    until,
    whole_story,
)
from stemwright.engine import DurableJobs, tables

pytestmark = pytest.mark.slow


@contextmanager
def shared(postgres: Postgres, data: Path, workers: int) -> Iterator[tuple[DurableJobs, list[WorkerProcess]]]:
    """Workers with folders of their own, and a bucket that they share."""
    engine = tables.open_database(tables.database_url(postgres.url))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS dbos CASCADE"))
        tables.meta.drop_all(connection)
    engine.dispose()
    bucket = f"file://{data / 'bucket'}"
    options = ("--database", postgres.url, "--bucket", bucket)
    with client(data / "client", database=postgres.url, bucket=bucket) as jobs:
        made = [WorkerProcess(data / f"worker{number}", *options) for number in range(workers)]
        try:
            for worker in made:
                worker.__enter__()
            yield jobs, made
        finally:
            for worker in made:
                worker.__exit__(None, None, None)


def who_has(jobs: DurableJobs, workers: list[WorkerProcess]) -> WorkerProcess:
    """Find the worker whose child does the job: it has one more than the one it keeps ready."""
    until("somebody works", lambda: any(_busy(worker) for worker in workers))
    return next(worker for worker in workers if _busy(worker))


def _busy(worker: WorkerProcess) -> bool:
    return any(log_of(pid).parent.name == "logs" for pid in worker.children())


def test_another_worker_takes_over_from_a_killed_one_within_thirty_seconds(
    postgres: Postgres, tmp_path: Path
) -> None:
    with shared(postgres, tmp_path, 2) as (jobs, workers):
        undisturbed = outputs(finished(jobs, jobs.submit(remix_request(jobs))))
        session = jobs.submit(remix_request(jobs, prompt="voice of A over the drums of B"))
        started(jobs, session, "match")
        killed = who_has(jobs, workers)
        killed.kill()
        began = time.monotonic()
        until(
            "it is taken over",
            lambda: any(e.kind == "taken_over" for e in jobs.events(session)),
            timeout_s=30,
        )
        took_s = time.monotonic() - began
        state = finished(jobs, session)

        whole_story(jobs.events(session))
        assert took_s < 30.0 * crowd()
        assert outputs(state)
        assert undisturbed
        path = jobs.file(session, "mix.wav")
        assert path is not None, "what came out on another machine is fetched from the bucket"


def test_a_frozen_worker_that_wakes_up_changes_nothing(postgres: Postgres, tmp_path: Path) -> None:
    with shared(postgres, tmp_path, 2) as (jobs, workers):
        session = jobs.submit(remix_request(jobs))
        started(jobs, session, "separate")
        frozen = who_has(jobs, workers)
        children = frozen.children()
        frozen.freeze()
        state = finished(jobs, session)
        before = jobs.events(session)
        assert any(event.kind == "taken_over" for event in before)
        assert not any(alive(pid) for pid in children if log_of(pid).parent.name == "logs"), (
            "its child ended itself"
        )

        frozen.thaw()
        until("it begins anew", lambda: b"begins anew" in frozen.log.read_bytes(), timeout_s=20)
        time.sleep(2.0)

        assert jobs.events(session) == before
        assert jobs.state(session) == state
        whole_story(before)


def test_a_whole_frozen_group_that_wakes_up_changes_nothing(postgres: Postgres, tmp_path: Path) -> None:
    with shared(postgres, tmp_path, 2) as (jobs, workers):
        session = jobs.submit(remix_request(jobs))
        started(jobs, session, "separate")
        frozen = who_has(jobs, workers)
        pids = [*frozen.children(), frozen.pid]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        state = finished(jobs, session)
        before = jobs.events(session)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        until("it begins anew", lambda: b"begins anew" in frozen.log.read_bytes(), timeout_s=20)
        time.sleep(2.0)

        assert jobs.events(session) == before
        assert jobs.state(session) == state


def test_without_postgresql_for_twenty_seconds_jobs_wait_and_go_on(
    postgres: Postgres, tmp_path: Path
) -> None:
    with shared(postgres, tmp_path, 1) as (jobs, workers):
        undisturbed = outputs(finished(jobs, jobs.submit(remix_request(jobs, prompt="chill"))))
        session = jobs.submit(remix_request(jobs, prompt="voice of B over A"))
        started(jobs, session, "separate" if not undisturbed else "match")
        postgres.stop()
        time.sleep(20.0)
        postgres.start()
        state = finished(jobs, session)

        assert outputs(state)
        whole_story(jobs.events(session))
        assert not any(event.kind == "taken_over" for event in jobs.events(session))
        assert workers[0].process.poll() is None
        assert outputs(finished(jobs, jobs.submit(master_request(jobs)))), "new jobs are done too"


def test_cancel_reaches_another_machine_within_two_seconds(postgres: Postgres, tmp_path: Path) -> None:
    with shared(postgres, tmp_path, 1) as (jobs, workers):
        session = jobs.submit(remix_request(jobs))
        started(jobs, session, "separate")
        assert jobs.cancel(session)

        until("its child is gone", lambda: not _busy(workers[0]), timeout_s=2.0)
        whole_story(jobs.events(session))


def test_a_worker_that_leaves_in_good_order_is_no_takeover(postgres: Postgres, tmp_path: Path) -> None:
    with shared(postgres, tmp_path, 2) as (jobs, workers):
        session = jobs.submit(remix_request(jobs))
        for _ in range(1):
            started(jobs, session, "separate")
            leaving = who_has(jobs, workers)
            leaving.process.terminate()
            leaving.process.wait(20)
        state = finished(jobs, session)

        assert outputs(state)
        whole_story(jobs.events(session))
        with jobs.ledger.reading() as connection:
            rows = tables.jobs.c
            taken = connection.execute(sa.select(rows.takeovers).where(rows.session == session)).scalar()
        assert taken == 0


def test_two_workers_share_a_batch(postgres: Postgres, tmp_path: Path) -> None:
    with shared(postgres, tmp_path, 2) as (jobs, _):
        sessions = [jobs.submit(master_request(jobs)) for _ in range(12)]
        found = {outputs(finished(jobs, session))["Night.wav"] for session in sessions}
        for session in sessions:
            whole_story(jobs.events(session))
        with jobs.ledger.reading() as connection:
            alive_workers = connection.execute(
                sa.select(sa.func.count()).select_from(tables.workers)
            ).scalar()

        assert len(found) == 1
        assert alive_workers == 2

"""kill -9 of a child and of a worker, at every stage of both recipes: the same bytes come out."""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from engine_scene import (
    WorkerProcess,
    alive,
    client,
    finished,
    log_of,
    outputs,
    produce_request,
    remix_request,
    started,
    until,
    whole_story,
)

REMIX_STEPS = ("decode", "separate", "analyze", "match a_vocals", "level", "arrange", "master", "verify")
PRODUCE_STEPS = ("source", "align", "mix", "master", "verify")
REQUESTS = {"remix": remix_request, "produce": produce_request}


@cache
def undisturbed(recipe: str) -> dict[str, str]:
    data = Path(mkdtemp(prefix="stemwright-undisturbed-")) / "data"
    with WorkerProcess(data), client(data) as jobs:
        return outputs(finished(jobs, jobs.submit(REQUESTS[recipe](jobs))))


def disturbed(
    recipe: str, data: Path, *, children: tuple[str, ...], workers: tuple[str, ...]
) -> dict[str, str]:
    """Kill the child when some steps begin, and the worker when others do."""
    worker = WorkerProcess(data)
    with client(data) as jobs:
        try:
            session = jobs.submit(REQUESTS[recipe](jobs))
            for step in children:
                started(jobs, session, step)
                for pid in worker.children():
                    os.kill(pid, signal.SIGKILL)
            for step in workers:
                started(jobs, session, step)
                kill_with_children(worker)
                worker = WorkerProcess(data)
            state = finished(jobs, session)
            whole_story(jobs.events(session))
            return outputs(state)
        finally:
            worker.kill()


def kill_with_children(worker: WorkerProcess) -> None:
    """Kill a worker only; its children notice and end."""
    orphans = worker.children()
    worker.kill()
    until("its children end too", lambda: not any(map(alive, orphans)), timeout_s=2.0)


def test_a_remix_goes_on_after_its_child_and_its_worker_were_killed(tmp_path: Path) -> None:
    found = disturbed("remix", tmp_path / "data", children=("separate",), workers=("match",))

    assert found == undisturbed("remix")


@pytest.mark.slow
@pytest.mark.parametrize("step", REMIX_STEPS)
@pytest.mark.parametrize("who", ["child", "worker"])
def test_a_remix_killed_at_any_step_comes_out_the_same(tmp_path: Path, step: str, who: str) -> None:
    children, workers = ((step,), ()) if who == "child" else ((), (step,))

    assert disturbed("remix", tmp_path / "data", children=children, workers=workers) == undisturbed("remix")


@pytest.mark.slow
@pytest.mark.parametrize("step", PRODUCE_STEPS)
@pytest.mark.parametrize("who", ["child", "worker"])
def test_a_record_killed_at_any_step_comes_out_the_same(tmp_path: Path, step: str, who: str) -> None:
    children, workers = ((step,), ()) if who == "child" else ((), (step,))

    assert disturbed("produce", tmp_path / "data", children=children, workers=workers) == undisturbed(
        "produce"
    )


@pytest.mark.slow
@pytest.mark.parametrize("end", ["nobody", "cancelled", "killed"])
def test_two_jobs_in_the_same_step_go_on_whatever_becomes_of_the_other(tmp_path: Path, end: str) -> None:
    data = tmp_path / "data"
    with WorkerProcess(data, "--jobs", "2") as worker, client(data) as jobs:
        first, second = (jobs.submit(remix_request(jobs)) for _ in range(2))
        for session in (first, second):
            started(jobs, session, "separate")
        if end == "cancelled":
            assert jobs.cancel(first)
        elif end == "killed":
            for pid in worker.children():
                if log_of(pid).stem == first:
                    os.kill(pid, signal.SIGKILL)
        going_on = [second] if end == "cancelled" else [first, second]
        found = [outputs(finished(jobs, session)) for session in going_on]
        for session in (first, second):
            whole_story(jobs.events(session))

    assert found == [undisturbed("remix")] * len(going_on)


@pytest.mark.slow
def test_an_upgrade_finishes_what_the_old_version_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    text = "import stemwright._version as old\nold.__version__ = '99.0'\n"
    (newer / "sitecustomize.py").write_text(text)
    worker = WorkerProcess(tmp_path / "data")
    with client(tmp_path / "data") as jobs:
        session = jobs.submit(remix_request(jobs))
        started(jobs, session, "match")
        kill_with_children(worker)
        monkeypatch.setenv("PYTHONPATH", str(newer))
        with WorkerProcess(tmp_path / "data"):
            state = finished(jobs, session)
            whole_story(jobs.events(session))

    assert outputs(state)
    assert state.result["report"]["version"] == "99.0", "all of it was made by one version"

"""The queue in one process: what it takes in, refuses, cancels, erases and tells."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine_scene import (
    SPEC,
    WorkerProcess,
    alive,
    client,
    crowd,
    finished,
    master_request,
    outputs,
    produce_request,
    remix_request,
    songs,
    started,
    until,
    whole_story,
)
from remix_songs import NIGHT, write_song
from stemwright.engine import (
    DurableJobs,
    JobKind,
    JobRequest,
    JobStatus,
    QueueFullError,
    StoredEvent,
    open_jobs,
    processes,
)
from stemwright.engine.durable import POLL_ALONE_S, Alarm
from stemwright.engine.failing import DISK_FULL
from stemwright.engine.processes import Child, Nursery
from stemwright.errors import InputError, RefusedError, StorageError


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DurableJobs]:
    with open_jobs(tmp_path_factory.mktemp("queue") / "data") as opened:
        yield opened


def test_a_job_tells_its_story_and_leaves_its_files(jobs: DurableJobs) -> None:
    session = jobs.submit(master_request(jobs))
    told: list[StoredEvent] = []
    while not told or told[-1].kind not in ("complete", "error"):
        told += jobs.wait(session, after=len(told), timeout_s=30)

    whole_story(told)
    assert [event.kind for event in told[:2]] == ["queued", "started"]
    state = jobs.state(session)
    folder = jobs.folder(session)
    assert state is not None
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == sorted(outputs(state)) == ["Night.wav"]
    assert jobs.file(session, "Night.wav") is not None
    assert jobs.sessions("me")[0].session == session
    assert jobs.sessions("somebody else") == []


def test_the_first_event_is_there_at_once(jobs: DurableJobs) -> None:
    session = jobs.submit(master_request(jobs))

    assert jobs.wait(session, after=0, timeout_s=0.3)[0].kind == "queued"
    finished(jobs, session)


def test_a_job_begins_as_soon_as_it_came(jobs: DurableJobs) -> None:
    waited = []
    for _ in range(5):
        began = time.monotonic()
        session = jobs.submit(JobRequest(JobKind.MASTER, "me"))  # without a file: over at once
        while "started" not in [event.kind for event in jobs.events(session)]:
            time.sleep(0.005)
        waited.append(time.monotonic() - began)
        finished(jobs, session)
        time.sleep(1.2)

    assert sorted(waited)[2] < POLL_ALONE_S / 2, "queues are woken, not only looked at from time to time"


def test_an_alarm_wakes_who_sleeps_and_ends_who_is_told_to_stop() -> None:
    alarm, stop = Alarm(), threading.Event()
    alarm.watch_over(stop)
    began = time.monotonic()

    assert not stop.wait(0.01), "the time is up"
    alarm.ring()
    assert not stop.wait(60.0), "it rang while nobody slept"
    for ring, ended in ((alarm.ring, False), (stop.set, True)):
        timer = threading.Timer(0.1, ring)
        timer.start()
        assert stop.wait(60.0) is ended
        timer.join()
    assert time.monotonic() - began < 30.0


def test_cancel_kills_a_running_separation_within_two_seconds(jobs: DurableJobs) -> None:
    session = jobs.submit(remix_request(jobs, prompt="to be cancelled"))
    started(jobs, session, "separate")
    began = time.monotonic()

    assert jobs.cancel(session)
    until("its child is gone", lambda: not _busy_children(session), timeout_s=2.0)

    assert time.monotonic() - began < 2.0 * crowd()
    assert not jobs.cancel(session)
    state = jobs.state(session)
    assert state is not None
    assert state.status is JobStatus.CANCELLED
    time.sleep(0.3)
    whole_story(jobs.events(session))


def test_one_child_does_all_phases_of_a_job(jobs: DurableJobs) -> None:
    session = jobs.submit(remix_request(jobs, prompt="one child"))
    started(jobs, session, "analyze")
    at_first = _busy_children(session)
    started(jobs, session, "arrange")
    later = _busy_children(session)
    finished(jobs, session)

    assert at_first
    assert set(at_first) <= set(later)
    until("nothing of it is left", lambda: not _busy_children(session), timeout_s=10.0)


def test_a_child_waits_for_its_own_job_only_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery, mine = Nursery(), Child()
    try:
        assert nursery.keep("mine", mine)
        assert not nursery.keep("other", mine), "one is enough: each holds memory"
        other = nursery.take("other")
        other.end()
        assert other is not mine
        assert nursery.take("mine") is mine
        nursery.keep("mine", mine)
        nursery.drop("other")
        assert alive(mine.pid)
        nursery.drop("mine")
        assert not alive(mine.pid)
        monkeypatch.setattr(processes, "KEEP_S", 0.0)
        late = Child()
        nursery.keep("mine", late)
        nursery.look()
        assert not alive(late.pid)
        assert nursery.kept is None
    finally:
        nursery.close()
    assert not nursery.keep("mine", mine), "it is closed"


def _busy_children(session: str) -> list[str]:
    """Processes whose stderr is the log of a session."""
    found = []
    for fd in Path("/proc").glob("[0-9]*/fd/2"):
        try:
            target = str(fd.readlink())
        except OSError:
            continue
        if session in target:
            found.append(fd.parts[2])
    return found


def test_a_bad_file_is_an_error_without_a_path(jobs: DurableJobs) -> None:
    bad = jobs.uploads.put(io.BytesIO(b"no audio at all" * 100))
    session = jobs.submit(JobRequest(JobKind.MASTER, "me", {"source": bad}, {"source": "../../x.wav"}))
    state = finished(jobs, session)

    assert state.status is JobStatus.ERROR
    assert "x.wav" in state.detail
    assert str(jobs.site.data) not in json.dumps([dict(event.data) for event in jobs.events(session)])


@pytest.mark.parametrize(
    "line",
    [
        'file = "/etc/passwd"',
        'file = "../../other.wav"',
        'file = "takes/../../../x.wav"',
        'file = "C:\\\\x.wav"',
        "command = { argv = ['touch', 'owned'] }",
    ],
)
def test_a_spec_names_uploaded_files_only(jobs: DurableJobs, line: str) -> None:
    request = produce_request(jobs)
    spec = SPEC.replace('file = "takes/vocals.wav"', line)
    state = finished(jobs, jobs.submit(JobRequest(JobKind.PRODUCE, "me", request.files, {}, {"spec": spec})))

    assert state.status is JobStatus.ERROR
    assert "upload" in state.detail.lower()


def test_a_path_of_this_machine_is_no_option(jobs: DurableJobs) -> None:
    options = {"spec_path": str(songs()[0]), "spec": "", "allow_commands": True}
    state = finished(jobs, jobs.submit(JobRequest(JobKind.PRODUCE, "me", options=options)))

    assert state.status is JobStatus.ERROR
    assert "Night" not in state.detail


def test_what_was_not_uploaded_is_refused(jobs: DurableJobs) -> None:
    with pytest.raises(InputError, match="not uploaded"):
        jobs.submit(JobRequest(JobKind.MASTER, "me", {"source": "0" * 64}))
    with pytest.raises(InputError):
        jobs.submit(JobRequest(JobKind.MASTER, "me", {"source": "../../etc/passwd"}))


def test_uploads_are_limited_and_leave_nothing_half(jobs: DurableJobs) -> None:
    before = sorted(jobs.site.blobs.rglob("*"))
    with pytest.raises(RefusedError, match="larger than 1 MB"):
        jobs.uploads.put((b"x" * 100_000 for _ in range(11)), max_bytes=1_000_000)

    assert sorted(jobs.site.blobs.rglob("*")) == before


def test_a_full_disk_refuses_an_upload_in_plain_words(
    jobs: DurableJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    before = sorted(jobs.site.blobs.rglob("*"))
    with pytest.raises(StorageError, match="disk is full"):
        jobs.uploads.put(io.BytesIO(b"something new"))

    assert sorted(jobs.site.blobs.rglob("*")) == before


def test_erase_takes_the_files_that_nobody_else_needs(jobs: DurableJobs, tmp_path: Path) -> None:
    other = write_song(NIGHT, tmp_path, name="other", without=("vocals",))
    assert other.path is not None
    mine = jobs.uploads.add(other.path)
    request = JobRequest(JobKind.MASTER, "me", {"source": mine}, {"source": "other.wav"})
    first, second = jobs.submit(request), jobs.submit(request)
    assert not jobs.erase(first), "it is not over"
    made = outputs(finished(jobs, first))["other.wav"]
    finished(jobs, second)

    assert jobs.erase(first)
    assert jobs.state(first) is None
    assert jobs.events(first) == []
    assert jobs.uploads.has(mine), "the second session needs it"
    assert not jobs.uploads.remove(mine)
    assert jobs.erase(second)
    assert not jobs.uploads.has(mine)
    assert not (jobs.site.blobs / made).exists()
    assert not jobs.erase(second)


def test_uploads_that_nobody_needs_go_after_a_while(jobs: DurableJobs) -> None:
    kept = jobs.uploads.put(io.BytesIO(b"nobody's"))

    assert jobs.uploads.sweep(older_than_s=3600) == 0
    assert jobs.uploads.sweep(older_than_s=-1) >= 1
    assert not jobs.uploads.has(kept)


def test_only_one_process_works_on_a_folder(jobs: DurableJobs) -> None:
    command = [sys.executable, "-m", "stemwright", "worker", "--data", str(jobs.site.data)]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)

    assert tried.returncode == 2
    assert "Another process works on" in tried.stderr


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/x", "no url at all"])
def test_a_database_that_is_not_there_is_said_plainly(tmp_path: Path, url: str) -> None:
    with pytest.raises(StorageError, match="PostgreSQL can't be opened"):
        open_jobs(tmp_path, database=url, slots={})


def test_only_one_queue_is_worked_on_in_one_process(jobs: DurableJobs, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="One process"):
        open_jobs(tmp_path / "data")


def test_who_waits_has_a_place_and_too_many_are_refused(tmp_path: Path) -> None:
    with open_jobs(tmp_path / "data", slots={}, most_waiting=2) as jobs:
        sessions = [jobs.submit(master_request(jobs)) for _ in range(2)]
        places = [state.place for session in sessions if (state := jobs.state(session)) is not None]
        with pytest.raises(QueueFullError) as refused:
            jobs.submit(master_request(jobs))

    assert [place.ahead for place in places if place is not None] == [0, 1]
    assert refused.value.retry_after_s > 0


def _hear(mine: list[int], _session: str, head: int) -> None:
    mine.append(head)


def test_one_bell_wakes_many(jobs: DurableJobs) -> None:
    session = jobs.submit(master_request(jobs))
    heard: list[list[int]] = [[] for _ in range(50)]
    stops = [jobs.bell.listen(session, partial(_hear, mine)) for mine in heard]
    state = finished(jobs, session)
    last = len(jobs.events(state.session))
    until("all heard the last event", lambda: all(mine and mine[-1] == last for mine in heard), timeout_s=2.0)
    for stop in stops:
        stop()

    assert all(mine == sorted(set(mine)) for mine in heard)
    assert threading.active_count() < 60, "a wait is no thread"


@pytest.mark.slow
def test_a_remix_is_refined_and_rendered_by_an_edited_plan(jobs: DurableJobs) -> None:
    session = jobs.submit(remix_request(jobs))
    first = finished(jobs, session)
    asked = JobRequest(JobKind.REFINE, "me", options={"prompt": "drums louder"}, parent=session)
    with pytest.raises(InputError, match="no such session"):
        jobs.submit(JobRequest(JobKind.REFINE, "somebody else", options={"prompt": "x"}, parent=session))
    second = finished(jobs, jobs.submit(asked))
    plan = dict(second.result["plan"])
    third = finished(
        jobs, jobs.submit(JobRequest(JobKind.RENDER, "me", options={"plan": plan}, parent=second.session))
    )

    assert outputs(first)["mix.wav"] != outputs(second)["mix.wav"]
    assert outputs(third)["mix.wav"] == outputs(second)["mix.wav"]
    history = jobs.file(third.session, "history.json")
    assert history is not None
    assert [version["asked"] for version in json.loads(history.read_text())["versions"]] == [
        "vocals of A",
        "drums louder",
        "(edited by hand)",
    ]


def test_memory_of_a_child_is_bounded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with WorkerProcess(data, "--memory-gib", "0.2"), client(data) as jobs:
        state = finished(jobs, jobs.submit(remix_request(jobs)))

    assert state.status is JobStatus.ERROR
    assert "memory" in state.detail


@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
@pytest.mark.slow
def test_a_full_disk_ends_that_job_and_the_next_one_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(data)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with WorkerProcess(data), client(data) as jobs:
            session = jobs.submit(remix_request(jobs))
            state = finished(jobs, session)
            assert state.status is JobStatus.ERROR
            assert state.detail.startswith(DISK_FULL)
            assert jobs.folder(session) is None
            bad = jobs.uploads.put(io.BytesIO(b"no audio"))
            again = finished(jobs, jobs.submit(JobRequest(JobKind.MASTER, "me", {"source": bad})))
            assert DISK_FULL not in again.detail, "the service lives"
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)

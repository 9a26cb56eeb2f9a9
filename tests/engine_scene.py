"""Real workers in processes of their own, real songs of a few seconds, and a PostgreSQL to throw away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest

from remix_songs import NIGHT, TIDE, write_song
from stemwright.engine import DurableJobs, JobKind, JobRequest, JobState, StoredEvent, open_jobs
from stemwright.pipeline.worker import cores

POSTGRES = Path("/usr/lib/postgresql/15/bin")
PATIENCE_S = 120.0
SPEC = """
title = "Small"
bpm = 120
sample_rate = 44100

[sections]
all = 16

[[stem]]
name = "vocals"
file = "takes/vocals.wav"

[[stem]]
name = "bass"
file = "takes/bass.wav"
align = { strategy = "loop" }
"""


@cache
def songs() -> tuple[Path, Path]:
    """Two songs of some twelve seconds."""
    folder = Path(tempfile.mkdtemp(prefix="stemwright-songs-"))
    night, tide = (write_song(replace(tune, bars=6), folder) for tune in (NIGHT, TIDE))
    assert night.path is not None
    assert tide.path is not None
    return night.path, tide.path


def remix_request(jobs: DurableJobs, *, owner: str = "me", prompt: str = "vocals of A") -> JobRequest:
    """Ask for a remix of both."""
    a, b = (jobs.uploads.add(path) for path in songs())
    names = {"song_a": "Night.wav", "song_b": "Tide.wav"}
    return JobRequest(JobKind.REMIX, owner, {"song_a": a, "song_b": b}, names, {"prompt": prompt})


def produce_request(jobs: DurableJobs, *, owner: str = "me") -> JobRequest:
    """Ask for a record of two takes."""
    stems = songs()[0].with_name("Night-stems")
    files = {f"takes/{name}.wav": jobs.uploads.add(stems / f"{name}.wav") for name in ("vocals", "bass")}
    return JobRequest(JobKind.PRODUCE, owner, files, {}, {"spec": SPEC})


def master_request(jobs: DurableJobs, *, owner: str = "me") -> JobRequest:
    """Ask for a master: the shortest job."""
    source = jobs.uploads.add(songs()[0])
    return JobRequest(JobKind.MASTER, owner, {"source": source}, {"source": "Night.wav"}, {})


class WorkerProcess:
    """``stemwright worker`` in a process of its own, in a group of its own."""

    def __init__(self, data: Path, *options: str) -> None:
        self.command = [sys.executable, "-m", "stemwright", "worker", "--data", str(data), *options]
        self.log = data.with_name(f"{data.name}-{time.monotonic_ns()}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def __enter__(self) -> WorkerProcess:
        until("a worker is ready", lambda: b"Working" in self.log.read_bytes() or self._gone())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.kill()

    def _gone(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return False

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> list[int]:
        """Its child processes that live."""
        return [pid for pid, parent in _parents() if parent == self.pid]

    def kill(self) -> None:
        """``kill -9``; its children must see to themselves."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent, *_ = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if state != "Z":
                yield int(entry.name), int(parent)


def log_of(pid: int) -> Path:
    """Where a process' stderr goes: children at work write to the log of their session."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/fd/2").readlink()
    return Path()


def alive(pid: int) -> bool:
    """Whether a process runs, zombies not counted."""
    return pid in {one for one, _ in _parents()}


def crowd() -> float:
    """How many processes share a core just now: all takes so many times as long as on a free machine."""
    return max(1.0, os.getloadavg()[0] / cores())


def until(what: str, true: Callable[[], object], *, timeout_s: float = PATIENCE_S) -> None:
    """Wait until something is so; `timeout_s` is meant for a machine that does nothing else."""
    end = time.monotonic() + timeout_s * crowd()
    while not true():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)


@contextmanager
def client(data: Path, **settings: str) -> Iterator[DurableJobs]:
    """A process that only submits and looks."""
    with open_jobs(data, lost=lambda: None, slots={}, **settings) as jobs:
        yield jobs


def started(jobs: DurableJobs, session: str, step: str) -> None:
    """Wait until a step of a job begins."""
    until(f"{step} begins", lambda: any(
        event.kind == "step_started" and event.data["name"].startswith(step) for event in jobs.events(session)
    ) or _not_over(jobs, session))  # fmt: skip


def _not_over(jobs: DurableJobs, session: str) -> bool:
    state = jobs.state(session)
    assert state is not None
    assert not state.status.final, (state.status, state.detail)
    return False


def finished(jobs: DurableJobs, session: str) -> JobState:
    """Wait until a job is over."""

    def over() -> bool:
        state = jobs.state(session)
        return state is not None and state.status.final

    until("the job is over", over)
    state = jobs.state(session)
    assert state is not None
    return state


def outputs(state: JobState) -> dict[str, str]:
    """What came out: names and sha256."""
    assert state.status == "complete", state.detail
    found: dict[str, str] = dict(state.result["outputs"])
    assert found
    return found


def whole_story(events: list[StoredEvent]) -> None:
    """No gap, nothing twice, progress never back, one end."""
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    done = [event.data["name"] for event in events if event.kind == "step_finished"]
    assert len(done) == len(set(done))
    progress = [event.data["progress"] for event in events if "progress" in event.data]
    assert progress == sorted(progress)
    ends = [event.kind for event in events if event.kind in ("complete", "error", "cancelled")]
    assert ends == [events[-1].kind]


class Postgres:
    """A PostgreSQL server of the test's own."""

    def __init__(self) -> None:
        if not (POSTGRES / "initdb").is_file():
            pytest.skip("no PostgreSQL")
        self.folder = Path(tempfile.mkdtemp(prefix="stemwright-pg-", dir="/tmp"))
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-N")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c fsync=off"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(POSTGRES / program), *arguments], check=True, user=self.user, cwd="/tmp",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

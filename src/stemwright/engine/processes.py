"""Start a child process in a session of its own, and end it with everything that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Child", "Nursery", "kill_session"]

SESSION_FIELD = 3
"""Of /proc/PID/stat, counted from the state, behind the name in brackets (proc(5))."""
PIECE_BYTES = 65_536
KEEP_S = 30.0
"""How long a child waits for the next phase of its job: it holds memory, and others can go on without it."""


class Child:
    """A child process as its parent sees it: it gets ready, waits for orders, does them and ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stemwright.engine.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def give(self, order: Mapping[str, Any]) -> None:
        """Hand it the JSON of an `Order`."""
        self._say(f"{json.dumps(order)}\n".encode())

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its id, and that of its session."""
        return self._process.pid

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """Read what it tells, as many lines at once as there are, until it ends."""
        rest = b""
        while piece := os.read(_pipe(self._process.stdout).fileno(), PIECE_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            if lines:
                yield [json.loads(line) for line in lines]

    def ping(self) -> None:
        """Say that its parent lives."""
        self._say(b"\n")

    def kill(self) -> None:
        """End it and everything that it started, at once."""
        if self._process.poll() is None:
            kill_session(self.pid)

    def end(self) -> None:
        """End it and wait for that."""
        self.kill()
        self.wait()

    def wait(self) -> int:
        """Wait for its end; returns its exit status, negative for a signal."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        return self._process.wait()

    def _say(self, line: bytes) -> None:
        """Write to it; who is gone needs no sign of life."""
        with self._lock, suppress(BrokenPipeError, ValueError):
            pipe = _pipe(self._process.stdin)
            pipe.write(line)
            pipe.flush()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("Popen was asked for both pipes")
    return pipe


class Nursery:
    """Keep one child ready, and one for the next phase of its job: neither has to start when it is asked."""

    def __init__(self) -> None:
        self._ready: Child | None = None
        self._kept: _Kept | None = None
        self._lock = threading.Lock()
        self._closed = False

    def prepare(self) -> None:
        """Start the next one."""
        with self._lock:
            if self._ready is None and not self._closed:
                self._ready = Child()

    def take(self, session: str) -> Child:
        """Return a child that waits for its order: the one that knows this job, if there is one."""
        with self._lock:
            if self._kept is not None and self._kept.session == session:
                child: Child | None = self._kept.child
                self._kept = None
            else:
                child, self._ready = self._ready, None
        if child is not None and child.alive:
            return child
        if child is not None:
            child.wait()
        return Child()

    def keep(self, session: str, child: Child) -> bool:
        """Keep a child for the next phase of its job; False when another one is kept, or this is closed."""
        self.look()
        with self._lock:
            room = self._kept is None and not self._closed
            if room:
                self._kept = _Kept(session, child, time.monotonic() + KEEP_S)
            return room

    @property
    def kept(self) -> str | None:
        """The job whose child is kept."""
        with self._lock:
            return None if self._kept is None else self._kept.session

    def drop(self, session: str) -> None:
        """End the child that is kept for a job: it is over, or somebody else does it."""
        with self._lock:
            if self._kept is None or self._kept.session != session:
                return
            child, self._kept = self._kept.child, None
        child.end()
        self.prepare()

    def look(self) -> None:
        """Tell the kept child that we live, or end it when it waited for long."""
        with self._lock:
            kept = self._kept
        if kept is None:
            return
        if time.monotonic() < kept.until_s:
            kept.child.ping()
        else:
            self.drop(kept.session)

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            self._closed = True
            waiting = [self._ready, None if self._kept is None else self._kept.child]
            self._ready = self._kept = None
        for child in waiting:
            if child is not None:
                child.end()


@dataclass(frozen=True, slots=True)
class _Kept:
    session: str
    child: Child
    until_s: float


def kill_session(leader: int, *, besides: int = 0) -> None:
    """Kill every process of a session, also those that moved to a group of their own.

    Parameters
    ----------
    leader : int
        Id of the process that began the session.
    besides : int
        One that is left alone.
    """
    for pid in (*_followers(leader), leader):
        if pid != besides:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _followers(leader: int) -> Iterator[int]:
    """Find the other processes of a session; where there is no /proc, none."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[SESSION_FIELD]) == leader and int(entry.name) != leader:
            yield int(entry.name)

"""Start a child process in a session of its own, and end it with everything that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["Child", "Nursery", "kill_session"]

SESSION_FIELD = 3
"""Of /proc/PID/stat, counted from the state, behind the name in brackets (proc(5))."""
PIECE_BYTES = 65_536


class Child:
    """A child process as its parent sees it: it gets ready, waits for one order, does it and ends."""

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
    """Keep one child ready: it has read all of its modules when the next job comes."""

    def __init__(self) -> None:
        self._ready: Child | None = None
        self._lock = threading.Lock()
        self._closed = False

    def prepare(self) -> None:
        """Start the next one."""
        with self._lock:
            if self._ready is None and not self._closed:
                self._ready = Child()

    def take(self) -> Child:
        """Return a child that waits for its order."""
        with self._lock:
            child, self._ready = self._ready, None
        return child if child is not None and child.alive else Child()

    def close(self) -> None:
        """End the one that waits."""
        with self._lock:
            self._closed = True
            child, self._ready = self._ready, None
        if child is not None:
            child.kill()
            child.wait()


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

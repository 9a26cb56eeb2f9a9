"""Read the headers of strangers' files in a process of its own, with little memory and little time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from stemwright.io.headers import Header
from stemwright.service.problems import ProblemError

__all__ = ["Prober", "Question", "ZipFound"]

MEMORY_BYTES = 2 * 2**30
"""Address space, not memory: libraries map far more than they use."""
START_S = 20.0
START = "import sys; sys.path[:] = {path!r}; from stemwright.service.probe_worker import main; main({memory})"


@dataclass(frozen=True, slots=True)
class Question:
    """A file and the limits that it is held against; `max_unpacked_bytes` only of a zip."""

    path: Path
    name: str
    max_duration_s: float
    max_channels: int
    max_unpacked_bytes: int | None = None

    def line(self) -> str:
        """Write it for the child."""
        return json.dumps(asdict(self) | {"path": str(self.path)})


@dataclass(frozen=True, slots=True)
class ZipFound:
    """What is in a zip: the names of its audio files, and the bytes of everything, unpacked."""

    names: list[str]
    unpacked_bytes: int


class Prober:
    """One child that answers questions about headers; a new one takes its place when it dies or hangs.

    Parameters
    ----------
    timeout_s : float
        Patience for one file.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        # of its own: a file that makes it wait must not keep others from the threads that all share
        self._thread = ThreadPoolExecutor(1, "probe")
        self._child: subprocess.Popen[str] | None = None

    async def warm(self) -> None:
        """Start the child before it is needed."""
        await asyncio.to_thread(self._warm)

    async def ask(self, path: Path, name: str, *, max_duration_s: float, max_channels: int) -> Header:
        """Read a header and hold it against limits.

        Raises
        ------
        ProblemError
            422 with the sentence that says why.
        """
        return Header(**await self._answered(Question(path, name, max_duration_s, max_channels)))

    async def ask_zip(self, question: Question) -> ZipFound:
        """Look into a zip, and hold it and the headers in it against limits.

        Raises
        ------
        ProblemError
            422 with the sentence that says why.
        """
        return ZipFound(**await self._answered(question))

    async def _answered(self, question: Question) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._thread, self._ask, question)
        if "refused" in answer:
            raise ProblemError(422, answer["refused"])
        return answer

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _warm(self) -> None:
        with self._lock:
            self._running()

    def _ask(self, question: Question) -> dict[str, Any]:
        with self._lock:
            child = self._running()
            timer = threading.Timer(self._timeout_s, child.kill)
            timer.start()
            try:
                answer = _exchange(child, question.line())
            finally:
                timer.cancel()
            if answer is None:
                self._end()
                return {"refused": f"{question.name} can't be read: its header is damaged, or a trap."}
            return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            code = START.format(path=sys.path, memory=MEMORY_BYTES)
            self._child = subprocess.Popen(  # noqa: S603 - this very Python, with our own module
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={"OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
                process_group=0,
            )
            self._await_ready(self._child)
        return self._child

    def _await_ready(self, child: subprocess.Popen[str]) -> None:
        timer = threading.Timer(START_S, child.kill)
        timer.start()
        try:
            _pipe(child.stdout).readline()
        finally:
            timer.cancel()

    def _end(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(BrokenPipeError):  # what it did not read is lost, and so it should be
                _pipe(pipe).close()
        self._child = None


def _exchange(child: subprocess.Popen[str], line: str) -> dict[str, Any] | None:
    """Ask one question; None when the child died over it."""
    try:
        _pipe(child.stdin).write(line + "\n")
        _pipe(child.stdin).flush()
        answer = _pipe(child.stdout).readline()
    except (BrokenPipeError, UnicodeDecodeError):
        return None
    return json.loads(answer) if answer.endswith("\n") else None


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:  # Popen was asked for both
        raise RuntimeError("the child has no pipe")
    return pipe

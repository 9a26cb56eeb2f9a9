"""A Python process of our own that answers in lines of JSON and can be stopped at any moment."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Any

from stemwright.errors import InputError, InternalError
from stemwright.separation.protocol import Tell, Told
from stemwright.separation.torch_tools import no_memory

__all__ = ["Worker"]

_POLL_S = 0.1
_KILLED = -9
_SHOWN_CHARACTERS = 600


class Worker:
    """Run a module in a process of its own; it ends with the ``with`` statement, or when this process ends.

    Parameters
    ----------
    module : str
        What ``python -m`` runs. It reads one line of JSON, `settings`, then one for each question.
    settings : Mapping
        What it is told first.
    about : str
        The model, for messages.
    """

    def __init__(self, module: str, settings: Mapping[str, Any], *, about: str) -> None:
        self._about = about
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by this very interpreter
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._complaints: list[str] = []
        threads = ((self._process.stdout, self._answers.put), (self._process.stderr, self._remember))
        for stream, take in threads:
            threading.Thread(target=_pass_on, args=(stream, take), daemon=True).start()
        self._send(dict(settings))

    def wait_until_ready(self, told: Told, watch: Tell) -> None:
        """Wait until the model is loaded; tell what it says on the way, a download with its size."""
        while True:
            answer = self._receive(watch)
            if "notice" in answer:
                told(answer["notice"])
            if "ready" in answer:
                return

    def ask(self, piece: str, watch: Tell) -> dict[str, str]:
        """Have one piece separated; returns the names of the files by source."""
        self._send({"piece": piece})
        files: dict[str, str] = self._receive(watch)["files"]
        return files

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        try:
            if pipe is not None:
                pipe.write(json.dumps(message) + "\n")
                pipe.flush()
        except BrokenPipeError as error:
            raise self._death() from error

    def _receive(self, watch: Tell) -> dict[str, Any]:
        """Wait for the next answer; `watch` can end the waiting."""
        while True:
            watch(0.0)
            try:
                line = self._answers.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if line is None:
                raise self._death()
            answer: dict[str, Any] = json.loads(line)
            if answer.get("no_memory"):
                raise no_memory(self._about)
            if "error" in answer:
                raise InputError(
                    f"audio-separator could not use {self._about}: {answer['error'][:_SHOWN_CHARACTERS]}",
                    way_out="Is the model's name right, and the network there for its download?",
                )
            return answer

    def _death(self) -> InputError | InternalError:
        """Say why the process ended: killed by the system, which means memory, or by a fault."""
        if self._process.wait() == _KILLED:
            return no_memory(self._about)
        tail = "".join(self._complaints)[-_SHOWN_CHARACTERS:].strip()
        return InternalError(f"audio-separator stopped working: {tail}", way_out="Please report this.")

    def _remember(self, line: str | None) -> None:
        self._complaints = [*self._complaints[-20:], line or ""]

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _pass_on(stream: IO[str] | None, take: Callable[[str | None], None]) -> None:
    """Hand on line after line, and None at the end."""
    if stream is not None:
        with stream:
            for line in stream:
                take(line)
    take(None)

"""The second process of a run: it takes jobs, tells what happens, and hands results or errors back.

It is started by name with the modules of its parent, not by `multiprocessing`, whose children would run the
script of whoever calls us once more. Orders and answers are pickled; both ends are ours.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from stemwright.errors import InternalError
from stemwright.pipeline.events import Cancelled, Event, Listener, Progress

if TYPE_CHECKING:
    from stemwright.pipeline.crew import Job
    from stemwright.pipeline.step import Memory, Runner
    from stemwright.pipeline.store import StoreSettings

__all__ = ["Worker", "cores", "hired", "serve", "standing_by"]

T = TypeVar("T")
START = "import sys; sys.path[:] = {path!r}; from stemwright.pipeline.worker import main; main({modules!r})"
LEAVE_S = 5.0
_standing: list[Worker] = []
"""Processes that were started early and belong to no run yet."""

PROGRESS_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Order:
    """A job, and what its runner needs."""

    job: Job[Any]
    store: StoreSettings
    total_weight: float


@dataclass(frozen=True, slots=True)
class Ready:
    """It has imported everything and waits for its first job."""


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a job, and the steps that ran for it."""

    result: Any
    memory: Memory


@dataclass(frozen=True, slots=True)
class Failed:
    """The error that a job ended with."""

    error: Exception


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Worker:
    """The second process, seen from the first; one job at a time.

    Parameters
    ----------
    modules : Sequence[str]
        What it imports while it waits for its first job.

    Raises
    ------
    OSError
        When the system can't start it.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        code = START.format(path=sys.path, modules=list(modules))
        self._cancelled = False
        self._ready = False
        # in a process group of its own: an interrupt at the keyboard is ours to hand on
        self._process = subprocess.Popen(  # noqa: S603 - this very Python, with our own module
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            process_group=0,
        )

    @property
    def ready(self) -> bool:
        """Whether a job would begin at once; False while it still starts."""
        if not self._ready and _has_news(_pipe(self._process.stdout)):
            self._wait_until_ready()
        return self._ready

    def _wait_until_ready(self) -> None:
        if not self._ready:
            self._receive()
            self._ready = True

    def run(self, job: Job[T], runner: Runner) -> T:
        """Do a job there; its events are told here, and its error is raised here.

        Raises
        ------
        InternalError
            When the process is gone.
        """
        self._wait_until_ready()
        self._send(Order(job, runner.store.settings, runner.total_weight))
        while not isinstance(answer := self._receive(), Done):
            if isinstance(answer, Failed):
                raise answer.error
            if isinstance(answer, Ready):
                continue
            if runner.cancelled.is_set():
                self.cancel()
            runner.listener(answer)
        runner.adopt(answer.memory)
        result: T = answer.result
        return result

    def cancel(self) -> None:
        """Let it stop at its next block."""
        self._cancelled = True
        self._process.terminate()

    def dismiss(self) -> None:
        """End it at once: it is not needed and has nothing in hand."""
        self._process.kill()

    def close(self) -> None:
        """Let it leave, and wait for that."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _closed(pipe)
        try:
            self._process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, order: Order) -> None:
        content = pickle.dumps(order)
        try:
            _pipe(self._process.stdin).write(content)
            _pipe(self._process.stdin).flush()
        except BrokenPipeError:
            raise self._lost() from None

    def _receive(self) -> Event | Done | Failed | Ready:
        try:
            answer: Event | Done | Failed | Ready = pickle.load(_pipe(self._process.stdout))  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError):
            raise self._lost() from None
        return answer

    def _lost(self) -> Exception:
        """Say in plain words how it ended."""
        code = self._process.wait()
        if self._cancelled:
            return Cancelled()
        how = f"with status {code}" if code >= 0 else f"by signal {-code} ({signal.Signals(-code).name})"
        return InternalError(
            f"The second process of this run ended {how} in the middle of a step.",
            way_out="Finished steps are kept: run it again. If memory is short, close other programs first.",
        )


def _pipe(pipe: Any) -> BinaryIO:
    return pipe  # type: ignore[no-any-return]  # Popen was asked for both


def _has_news(pipe: BinaryIO) -> bool:
    """Whether reading would not wait; where pipes can't be asked (Windows), reading it is the way to know."""
    return sys.platform == "win32" or bool(select.select([pipe], [], [], 0)[0])


def _closed(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:  # it is gone already, and with it what was not read
        return


@contextmanager
def hired(modules: Sequence[str], *, wanted: bool) -> Iterator[Worker | None]:
    """Start a second process for the length of a ``with``, where one is wanted and can be had.

    One that stands by is taken, whatever it has imported: it imports the rest when it is needed.
    """
    worker = (_standing.pop() if _standing else _started(modules)) if wanted else None
    try:
        yield worker
    finally:
        if worker is not None:
            worker.close()


@contextmanager
def standing_by(modules: Sequence[str]) -> Iterator[None]:
    """Start the second process of the run that is to come, before this one imports what it needs itself."""
    worker = _started(modules) if cores() > 1 else None
    if worker is not None:
        _standing.append(worker)
    try:
        yield
    finally:
        if worker in _standing:
            _standing.remove(worker)
            worker.dismiss()
            worker.close()


def _started(modules: Sequence[str]) -> Worker | None:
    try:
        return Worker(modules) if sys.executable else None
    except OSError:  # no processes left, or none allowed here: one does the same work
        return None


def main(modules: Sequence[str]) -> None:
    """Be the second process until the first one closes the pipe."""
    from stemwright.memory import keep_freed_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    gc.disable()  # nothing that modules make is garbage
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()
    keep_freed_memory()
    with suppress(BrokenPipeError):  # the first process is gone: there is nobody to tell
        serve(jobs, answers)
    os._exit(0)  # nothing is left to tidy up, and tidying takes longer than a short step


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer orders until there are no more."""
    cancelled, lock = threading.Event(), threading.Lock()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())

    def tell(answer: Event | Done | Failed | Ready) -> None:
        content = pickle.dumps(answer)
        with lock:
            answers.write(content)
            answers.flush()

    tell(Ready())
    while (order := _next(jobs)) is not None:
        tell(_answer(order, tell, cancelled))


def _next(jobs: BinaryIO) -> Order | None:
    try:
        order: Order = pickle.load(jobs)  # noqa: S301 - from our own parent
    except EOFError:
        return None
    return order


def _answer(order: Order, tell: Listener, cancelled: threading.Event) -> Done | Failed:
    from stemwright.pipeline.step import Runner

    try:
        runner = Runner(
            order.store.open(), _seldom(tell), total_weight=order.total_weight, cancelled=cancelled
        )
        return Done(order.job(runner), runner.memory())
    except Exception as error:  # noqa: BLE001 - raised again in the first process
        return Failed(_portable(error))


def _seldom(tell: Listener) -> Listener:
    """Tell of progress in steps that people can see: every word wakes the other process up."""
    told: dict[str, float] = {}

    def listen(event: Event) -> None:
        if isinstance(event, Progress):
            moved = event.fraction - told.get(event.name, 0.0)
            if moved < PROGRESS_STEP and event.fraction < 1.0:
                return
            told[event.name] = event.fraction
        tell(event)

    return listen


def _portable(error: Exception) -> Exception:
    """Make sure that an error can travel; it takes along where it came from."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    except (pickle.PickleError, TypeError, AttributeError, ValueError):
        return InternalError(f"{type(error).__name__}: {error}", way_out="Please report this.")
    return error

"""Who does the work of a run: threads of this process, or this process and a second one.

Threads help where the work is done outside of Python; where it is Python's own, and where it is handed back
and forth between the two often, only a second process does. What comes out is the same either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from stemwright.pipeline.together import Next, Several, together

if TYPE_CHECKING:
    from stemwright.pipeline.step import Runner
    from stemwright.pipeline.worker import Worker

__all__ = ["Crew", "Job"]

T = TypeVar("T")
POLL_S = 0.005
Job: TypeAlias = "Callable[[Runner], T | Next[T] | Several[Any]]"
"""Work for any hand: a function of a module, or a `partial` of one, for only those travel by name."""


class Crew:
    """Do jobs side by side.

    Parameters
    ----------
    runner : Runner
        Of the run; steps that the second process ran are told and remembered as if they had run here.
    worker : Worker, optional
        The second process.
    """

    def __init__(self, runner: Runner, worker: Worker | None = None) -> None:
        self._runner = runner
        self._worker = worker
        self._there, self._counting = Lock(), Lock()
        self._here = 0

    def run(self, jobs: Sequence[Job[T]], *, weights: Sequence[float] = ()) -> list[T]:
        """Run all jobs and return their results in order; see `together`, also for what it raises."""
        stop = self._worker.cancel if self._worker is not None else lambda: None
        return together(
            [partial(self._do, job) for job in jobs],
            cancelled=self._runner.cancelled,
            weights=weights,
            stop=stop,
        )

    def _do(self, job: Job[T]) -> T | Next[T] | Several[Any]:
        """Do a job in the second process when there is one and it is free, else here."""
        if self._worker is None or not self._goes_there(self._worker):
            result = self._do_here(job)
        else:
            try:
                result = self._worker.run(job, self._runner)
            finally:
                self._there.release()
        if isinstance(result, Several):
            return Several([partial(self._do, each) for each in result.jobs])
        return Next(partial(self._do, result.job)) if isinstance(result, Next) else result

    def _goes_there(self, worker: Worker) -> bool:
        """Take hold of the second process; while it still starts, wait only if there is work here already."""
        while not worker.ready and self._here:
            sleep(POLL_S)
        return worker.ready and self._there.acquire(blocking=False)

    def _do_here(self, job: Job[T]) -> T | Next[T] | Several[Any]:
        with self._counting:
            self._here += 1
        try:
            return job(self._runner)
        finally:
            with self._counting:
                self._here -= 1

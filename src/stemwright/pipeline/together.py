"""Run independent jobs side by side; what comes out does not depend on which is ready first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from stemwright.pipeline.events import Cancelled

__all__ = ["together"]

MAX_WORKERS = 4
T = TypeVar("T")


def together(
    jobs: Sequence[Callable[[], T]],
    *,
    cancelled: threading.Event,
    weights: Sequence[float] = (),
    stop: Callable[[], None] = lambda: None,
) -> list[T]:
    """Run all jobs and return their results in order.

    Parameters
    ----------
    jobs : sequence of callables
        Independent of each other.
    cancelled : threading.Event
        Set when one fails or the user interrupts; running jobs look at it and stop.
    weights : Sequence[float]
        How long each takes, roughly: the longest start first, so that none is left to run alone at the end.
    stop : callable
        Called after `cancelled` is set, to stop what can't look at it.

    Raises
    ------
    BaseException
        Of the first job in the order given that failed, whichever failed first.
    """
    workers = max(min(len(jobs), os.cpu_count() or 1, MAX_WORKERS), 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="job") as pool:
        ranks = weights or [0.0] * len(jobs)
        heaviest_first = sorted(range(len(jobs)), key=lambda index: -ranks[index])
        submitted = {index: pool.submit(jobs[index]) for index in heaviest_first}
        futures = [submitted[index] for index in range(len(jobs))]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if any(_failed(future) for future in futures) or not all(f.done() for f in futures):
                cancelled.set()
                stop()
                pool.shutdown(cancel_futures=True)
    return _results(futures)


def _results(futures: Sequence[Future[T]]) -> list[T]:
    errors = [future.exception() for future in futures if not future.cancelled()]
    causes = [error for error in errors if error is not None and not isinstance(error, Cancelled)]
    if causes:
        raise causes[0]
    return [future.result() for future in futures]


def _failed(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is not None

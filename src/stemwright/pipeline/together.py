"""Run independent jobs side by side; what comes out does not depend on which is ready first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stemwright.pipeline.events import Cancelled

__all__ = ["Next", "together"]

MAX_WORKERS = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Next(Generic[T]):
    """What a job returns that goes on as another one, for whoever is free first."""

    job: Callable[..., T | Next[T]]


def together(
    jobs: Sequence[Callable[[], T | Next[T]]],
    *,
    cancelled: threading.Event,
    weights: Sequence[float] = (),
    stop: Callable[[], None] = lambda: None,
) -> list[T]:
    """Run all jobs and return their results in order.

    Parameters
    ----------
    jobs : sequence of callables
        Independent of each other; one that returns a `Next` goes on as that.
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
        latest = {index: pool.submit(jobs[index]) for index in heaviest_first}
        try:
            _follow(pool, latest)
        finally:
            if any(not future.done() or _failed(future) for future in latest.values()):
                cancelled.set()
                stop()
                pool.shutdown(cancel_futures=True)
    return _results([latest[index] for index in range(len(jobs))])


def _follow(pool: ThreadPoolExecutor, latest: dict[int, Future[Any]]) -> None:
    """Wait for all jobs and what they go on as; leave when one fails."""
    running = {future: index for index, future in latest.items()}
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        if any(_failed(future) for future in done):
            return
        for future in done:
            index = running.pop(future)
            if isinstance(result := future.result(), Next):
                latest[index] = pool.submit(result.job)
                running[latest[index]] = index


def _results(futures: Sequence[Future[Any]]) -> list[Any]:
    errors = [future.exception() for future in futures if not future.cancelled()]
    causes = [error for error in errors if error is not None and not isinstance(error, Cancelled)]
    if causes:
        raise causes[0]
    return [future.result() for future in futures]


def _failed(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is not None

"""Run independent jobs side by side; what comes out does not depend on which is ready first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from stemwright.pipeline.events import Cancelled
from stemwright.pipeline.worker import cores

__all__ = ["Next", "Several", "together"]

MAX_WORKERS = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Next(Generic[T]):
    """What a job returns that goes on as another one, for whoever is free first."""

    job: Callable[..., T | Next[T] | Several[Any]]


@dataclass(frozen=True, slots=True)
class Several(Generic[T]):
    """What a job returns that goes on as several at once; its result is the list of theirs."""

    jobs: Sequence[Callable[..., T | Next[T] | Several[Any]]]


Place: TypeAlias = "tuple[int, ...]"
"""Number of a job, and of what it went on as among its like."""


def together(
    jobs: Sequence[Callable[[], T | Next[T] | Several[Any]]],
    *,
    cancelled: threading.Event,
    weights: Sequence[float] = (),
    stop: Callable[[], None] = lambda: None,
) -> list[T]:
    """Run all jobs and return their results in order.

    Parameters
    ----------
    jobs : sequence of callables
        Independent of each other; one that returns a `Next` or `Several` goes on as that.
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
    workers = min(cores(), MAX_WORKERS)
    with ThreadPoolExecutor(workers, thread_name_prefix="job") as pool:
        ranks = weights or [0.0] * len(jobs)
        heaviest_first = sorted(range(len(jobs)), key=lambda index: -ranks[index])
        latest: dict[Place, Future[Any]] = {(i,): pool.submit(jobs[i]) for i in heaviest_first}
        try:
            _follow(pool, latest)
        finally:
            if any(not future.done() or _failed(future) for future in latest.values()):
                cancelled.set()
                stop()
                pool.shutdown(cancel_futures=True)
    _raise_first([latest[place] for place in sorted(latest)])
    return [_result(latest, (index,)) for index in range(len(jobs))]


def _follow(pool: ThreadPoolExecutor, latest: dict[Place, Future[Any]]) -> None:
    """Wait for all jobs and what they go on as; leave when one fails."""
    running = {future: place for place, future in latest.items()}
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        if any(_failed(future) for future in done):
            return
        for future in done:
            for place, job in _following(running.pop(future), future.result()):
                latest[place] = pool.submit(job)
                running[latest[place]] = place


def _following(place: Place, result: Any) -> Iterator[tuple[Place, Callable[..., Any]]]:
    """Name what a job goes on as: one job takes its place, several stand below it."""
    if isinstance(result, Next):
        yield place, result.job
    elif isinstance(result, Several):
        yield from (((*place, number), job) for number, job in enumerate(result.jobs))


def _raise_first(futures: Sequence[Future[Any]]) -> None:
    errors = [future.exception() for future in futures if not future.cancelled()]
    causes = [error for error in errors if error is not None and not isinstance(error, Cancelled)]
    if causes:
        raise causes[0]


def _result(latest: Mapping[Place, Future[Any]], place: Place) -> Any:
    result = latest[place].result()
    if isinstance(result, Several):
        return [_result(latest, (*place, number)) for number in range(len(result.jobs))]
    return result


def _failed(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is not None

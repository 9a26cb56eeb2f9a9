"""Do slow things with streams of items in threads of their own, in order."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from stemwright.errors import InternalError

__all__ = ["InBackground", "lockstep"]

T = TypeVar("T")


class InBackground(Generic[T]):
    """Hand items to `work` from a thread of its own; use it in a ``with`` statement.

    Parameters
    ----------
    work : callable
        Such as the `write` of an encoder.
    held : int
        At most so many items wait in memory.
    """

    def __init__(self, work: Callable[[T], object], *, held: int) -> None:
        self._work = work
        self._items: queue.Queue[tuple[T] | None] = queue.Queue(held)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="background")
        self._done = self._pool.submit(self._drain)

    def put(self, item: T) -> None:
        """Hand over one item; waits while too many are waiting."""
        self._items.put((item,))

    def _drain(self) -> None:
        """Work until the end; after an error go on emptying the queue, so that nobody waits for ever."""
        try:
            while (item := self._items.get()) is not None:
                self._work(item[0])
        except BaseException:
            while self._items.get() is not None:
                pass
            raise

    def __enter__(self) -> InBackground[T]:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the last item; raises what `work` raised."""
        self._items.put(None)
        self._pool.shutdown()
        self._done.result()


def lockstep(streams: Sequence[Iterator[T]], *, hands: int) -> Iterator[tuple[T, ...]]:
    """Zip streams that are each advanced in a thread of their own, one item ahead of who takes them.

    Parameters
    ----------
    streams : Sequence[Iterator]
        Of one length.
    hands : int
        At most so many advance at once.

    Raises
    ------
    InternalError
        When one ends before another.
    """
    with ThreadPoolExecutor(hands, thread_name_prefix="lockstep") as pool:
        ahead = _advance(pool, streams)
        while (items := [future.result() for future in ahead]).count(None) < len(items):
            if None in items:
                raise InternalError("Streams that should be of one length are not.")
            ahead = _advance(pool, streams)
            yield tuple(item[0] for item in items if item is not None)


def _advance(pool: ThreadPoolExecutor, streams: Sequence[Iterator[T]]) -> list[Future[tuple[T] | None]]:
    return [pool.submit(_next, stream) for stream in streams]


def _next(stream: Iterator[T]) -> tuple[T] | None:
    for item in stream:
        return (item,)
    return None

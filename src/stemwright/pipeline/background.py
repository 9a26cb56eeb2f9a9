"""Do slow things with a stream of items in a thread of its own, in order."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["InBackground"]

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

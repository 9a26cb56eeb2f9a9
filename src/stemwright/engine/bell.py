"""Wake whoever waits for events: at once for what happened here, soon for what happened elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from sqlalchemy.exc import DBAPIError

__all__ = ["LOOK_EVERY_S", "SELDOM_S", "Bell"]

LOOK_EVERY_S = 0.08
SELDOM_S = 0.5
"""Where all work is done in one process: it rings by itself, and others write next to nothing."""
Heads = Callable[[Iterable[str]], dict[str, int]]
Listener = Callable[[str, int], None]


class Bell:
    """One look at the database for all who wait, however many they are.

    Parameters
    ----------
    heads : callable
        Returns the number of the last event of each of some sessions.
    look_every_s : float
        How soon what other processes wrote is seen.
    """

    def __init__(self, heads: Heads, *, look_every_s: float) -> None:
        self._heads = heads
        self._look_every_s = look_every_s
        self._known: dict[str, int] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="bell", daemon=True)
        self._thread.start()

    def listen(self, session: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with session and last number whenever there is something new; returns how to stop.

        It is called from another thread, and must not block.
        """
        with self._lock:
            self._listeners.setdefault(session, []).append(listener)
        self._work.set()

        def stop() -> None:
            with self._lock:
                left = [one for one in self._listeners.get(session, []) if one is not listener]
                if left:
                    self._listeners[session] = left
                else:
                    self._listeners.pop(session, None)
                    self._known.pop(session, None)

        return stop

    def ring(self, _session: str) -> None:
        """Look now: something was written in this process."""
        self._work.set()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._work.set()
        self._thread.join(5.0)

    def _look(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                sessions = list(self._listeners)
            # without anybody waiting there is nothing to look for
            self._work.wait(self._look_every_s if sessions else None)
            self._work.clear()
            if sessions and not self._closed.is_set():
                self._tell(sessions)

    def _tell(self, sessions: list[str]) -> None:
        try:
            heads = self._heads(sessions)
        except DBAPIError:  # the database is away for a moment: look again
            self._closed.wait(0.5)
            return
        with self._lock:
            new = {session: head for session, head in heads.items() if self._known.get(session) != head}
            told = [(listener, session) for session in new for listener in self._listeners.get(session, [])]
            self._known |= {session: head for session, head in new.items() if session in self._listeners}
        for listener, session in told:
            listener(session, new[session])

"""Keep the store within its size where work never stops: then nothing new begins until it was trimmed."""

from __future__ import annotations

import threading
import time

from stemwright.engine.orders import Site
from stemwright.pipeline.store import Store, StoreSettings

__all__ = ["Tidy"]

LOOK_EVERY_S = 120.0
OVER = 1.2
"""A run trims the store when it ends and no other uses it; only beyond this does that have to be arranged."""


class Tidy:
    """Watch the size of a store.

    Parameters
    ----------
    site : Site
        Where the store is, and how large it may grow.
    """

    def __init__(self, site: Site) -> None:
        self._settings = StoreSettings(site.store, site.store_bytes)
        self._looked_s = time.monotonic()
        self._room = threading.Event()
        self._room.set()

    def look(self, *, busy: bool) -> None:
        """Look from time to time; trim when nothing runs."""
        if not self._room.is_set():
            if not busy:
                Store(self._settings).trim()
                self._room.set()
        elif time.monotonic() - self._looked_s > LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            self.measure()

    def measure(self) -> None:
        """Hold new work back while the store is too large."""
        _, used = Store(self._settings).size()
        if used > OVER * self._settings.max_bytes:
            self._room.clear()

    def wait_for_room(self, stop: threading.Event) -> bool:
        """Wait until work may begin; False when `stop` is set first."""
        while not self._room.wait(0.1):
            if stop.is_set():
                return False
        return not stop.is_set()

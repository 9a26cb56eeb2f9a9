"""Hand stored events to any number of streams: each session is read once, by one thread for all.

A stream's place in a story is a number, never a moment: whoever comes back at any time goes on exactly there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from stemwright.engine.jobs import Jobs, StoredEvent
from stemwright.service.stories import FINAL_KINDS, Story

__all__ = ["Hub"]

LEAST_S, FAST_S, SLOW_S, BELL_S = 0.01, 0.05, 0.5, 2.0
"""How soon a session that moves, rests, or rings a bell by itself is looked at again."""
GROWTH = 1.3
CHECK_S = 5.0


class Bell(Protocol):
    """Tells of new events from another thread, as the engine's does."""

    def listen(self, session: str, listener: Callable[[str, int], None]) -> Callable[[], None]:
        """Call `listener` when there is something new; returns how to stop."""


@dataclass
class Watched:
    """A session that somebody watches."""

    session: str
    story: Story
    events: list[dict[str, Any]] = field(default_factory=list)
    watchers: int = 0
    over: bool = False
    pause_s: float = 0.0
    due_s: float = 0.0
    moved_s: float = field(default_factory=time.monotonic)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, new: list[StoredEvent], now_s: float, *, slowest_s: float) -> None:
        """Add what happened, and say when to look again."""
        for event in new:
            self.events.append(self.story.tell(event))
            self.over = self.over or event.kind in FINAL_KINDS
        self.pause_s = FAST_S if new else min(self.pause_s * GROWTH, slowest_s)
        self.due_s = now_s + self.pause_s
        if new or self.over:
            self.moved_s = now_s
            self.ring()

    def ring(self) -> None:
        """Wake every stream."""
        self.changed.set()
        self.changed = asyncio.Event()


class Hub:
    """Reads sessions for streams.

    Parameters
    ----------
    jobs : Jobs
        Where events are stored.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._bell: Bell | None = getattr(jobs, "bell", None)
        self._slowest_s = SLOW_S if self._bell is None else BELL_S
        self._watched: dict[str, Watched] = {}
        self._reader: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(one.watchers for one in self._watched.values())

    async def story(self, session: str) -> list[dict[str, Any]]:
        """Return everything that happened so far."""
        known = self._watched.get(session)
        if known is not None and known.over:
            return known.events
        events = await asyncio.to_thread(self._jobs.events, session)
        story = Story(session)
        return [story.tell(event) for event in events]

    async def follow(self, session: str, *, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Yield every event with a number above `after`, in order, until the last one of the session."""
        async with self._watching(session) as watched:
            at = after
            while not self._closed:
                changed = watched.changed
                for event in watched.events[at:]:
                    yield event
                    at = event["number"]
                if watched.over and at >= len(watched.events):
                    return
                if changed is watched.changed:
                    await changed.wait()

    def close(self) -> None:
        """Let every stream end."""
        self._closed = True
        for watched in self._watched.values():
            watched.ring()
        if self._reader is not None:
            self._reader.cancel()

    @asynccontextmanager
    async def _watching(self, session: str) -> AsyncIterator[Watched]:
        watched = self._watched.setdefault(session, Watched(session, Story(session)))
        watched.watchers += 1
        self._wake.set()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        unlisten = self._listen(session)
        try:
            yield watched
        finally:
            unlisten()
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop(session, None)

    def _listen(self, session: str) -> Callable[[], None]:
        """Look at a session as soon as its bell rings, where the queue has one."""
        if self._bell is None:
            return lambda: None
        loop = asyncio.get_running_loop()

        def rung(session: str, _head: int) -> None:
            with suppress(RuntimeError):  # the service has just ended
                loop.call_soon_threadsafe(self._due, session)

        return self._bell.listen(session, rung)

    def _due(self, session: str) -> None:
        if session in self._watched:
            self._watched[session].due_s = 0.0
            self._wake.set()

    async def _read(self) -> None:
        """Look at every watched session when it is due, all in one go."""
        while not self._closed:
            self._wake.clear()
            now_s = time.monotonic()
            due = [one for one in self._watched.values() if one.due_s <= now_s and not one.over]
            if due:
                await self._look(due, now_s)
            waiting = [one.due_s for one in self._watched.values() if not one.over]
            pause_s = max(min(waiting, default=now_s + 60.0) - time.monotonic(), LEAST_S)
            try:
                await asyncio.wait_for(self._wake.wait(), pause_s)
            except TimeoutError:
                continue

    async def _look(self, due: list[Watched], now_s: float) -> None:
        marks = {one.session: len(one.events) for one in due}
        asked = {one.session for one in due if now_s - one.moved_s > CHECK_S}
        news, gone = await asyncio.to_thread(self._news, marks, asked)
        for one in due:
            one.over = one.over or one.session in gone
            one.take(news[one.session], now_s, slowest_s=self._slowest_s)

    def _news(
        self, marks: Mapping[str, int], asked: set[str]
    ) -> tuple[dict[str, list[StoredEvent]], set[str]]:
        """Read new events; sessions that were still for long are asked whether they still exist."""
        gone = {session for session in asked if self._jobs.state(session) is None}
        return {session: self._jobs.events(session, after=mark) for session, mark in marks.items()}, gone

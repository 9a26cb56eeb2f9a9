"""Remove what expired: finished sessions and uploads that nobody asked for; never what waits or runs.

A session that came to nothing leaves its uploads and half of its steps behind: those go sooner, by the text
15 minutes after its end. Its story stays as long as anybody's.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from stemwright.engine.jobs import Jobs, JobState, JobStatus
from stemwright.service.access import Access, Visit
from stemwright.service.logs import log
from stemwright.service.shelf import Shelf

__all__ = ["Janitor"]

EVERY_S = 30.0


@dataclass
class Janitor:
    """Cleans up now and then.

    Parameters
    ----------
    jobs, access, shelf
        What is kept.
    failed_s : float
        What a failed session leaves behind goes so long after its end.
    """

    jobs: Jobs
    access: Access
    shelf: Shelf
    failed_s: float
    _released: set[str] = field(default_factory=set)

    async def work(self) -> None:
        """Clean up for as long as the service runs; where nothing expires there is nothing to do."""
        while self.access.expire_s is not None:
            await asyncio.to_thread(self.clean)
            await asyncio.sleep(min(EVERY_S, self.access.expire_s / 4))

    def clean(self) -> list[str]:
        """Clean up once; returns the sessions that went."""
        if self.access.expire_s is None:
            return []
        gone: list[str] = []
        failed: list[JobState] = []
        needed: set[str] = set()
        for visit in self.access.all():
            state = self.jobs.state(visit.session)
            if state is None:
                self.access.forget(visit.session)
            elif self._has_expired(state, visit, self.access.expire_s):
                self._erase(visit.session)
                gone.append(visit.session)
            elif self._is_spent(state):
                failed.append(state)
            else:
                needed |= set(state.request.files.values())
        for state in failed:
            self._release(state, frozenset(needed))
        self.shelf.forget_old(self.access.expire_s, needed=frozenset(needed))
        return gone

    def _has_expired(self, state: JobState, visit: Visit, expire_s: float) -> bool:
        return state.status.final and max(visit.last_s, state.changed_s) + expire_s < time.time()

    def _is_spent(self, state: JobState) -> bool:
        """Whether it came to nothing, so long ago that nobody tries again with the same files."""
        failed = state.status in (JobStatus.ERROR, JobStatus.CANCELLED)
        return failed and state.changed_s + self.failed_s < time.time()

    def _erase(self, session: str) -> None:
        self.jobs.erase(session)
        self.access.forget(session)
        self._released.discard(session)
        log("expired", session=session)

    def _release(self, state: JobState, needed: frozenset[str]) -> None:
        if state.session in self._released or not self.jobs.release(state.session):
            return
        self._released.add(state.session)
        owner, digests = state.request.owner, state.request.files.values()
        self.shelf.forget(owner, digests, age_s=self.failed_s, needed=needed)
        log("released", session=state.session)

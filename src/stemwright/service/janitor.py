"""Remove what expired: finished sessions and uploads that nobody asked for; never what waits or runs."""

from __future__ import annotations

import asyncio
import time

from stemwright.engine.jobs import Jobs
from stemwright.service.access import Access
from stemwright.service.logs import log
from stemwright.service.shelf import Shelf

__all__ = ["clean", "keep_clean"]

EVERY_S = 30.0


async def keep_clean(jobs: Jobs, access: Access, shelf: Shelf) -> None:
    """Clean up now and then, for as long as the service runs."""
    while access.expire_s is not None:
        await asyncio.to_thread(clean, jobs, access, shelf)
        await asyncio.sleep(min(EVERY_S, access.expire_s / 4))


def clean(jobs: Jobs, access: Access, shelf: Shelf) -> list[str]:
    """Clean up once; returns the sessions that went."""
    if access.expire_s is None:
        return []
    gone, needed = [], set()
    for visit in access.all():
        state = jobs.state(visit.session)
        if state is None:
            access.forget(visit.session)
        elif state.status.final and max(visit.last_s, state.changed_s) + access.expire_s < time.time():
            jobs.erase(visit.session)
            access.forget(visit.session)
            gone.append(visit.session)
            log("expired", session=visit.session)
        else:
            needed |= set(state.request.files.values())
    shelf.forget_old(access.expire_s, needed=frozenset(needed))
    return gone

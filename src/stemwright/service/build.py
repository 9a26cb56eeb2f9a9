"""Make the parts of the service, start what runs beside the requests, and stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from stemwright.engine.jobs import Jobs
from stemwright.errors import InternalError
from stemwright.service.access import Access
from stemwright.service.deps import Parts
from stemwright.service.hub import Hub
from stemwright.service.identity import Identity
from stemwright.service.janitor import Janitor
from stemwright.service.metrics import Metrics
from stemwright.service.probe import Prober
from stemwright.service.receive import Receiver
from stemwright.service.settings import ServiceSettings
from stemwright.service.shelf import Files, Shelf

__all__ = ["build_parts", "start", "stop"]


def build_parts(jobs: Jobs, settings: ServiceSettings, files: Files | None = None) -> Parts:
    """Make everything that routes ask for.

    Parameters
    ----------
    jobs : Jobs
        The queue.
    settings : ServiceSettings
        Asked whether it is safe to listen like this.
    files : Files, optional
        Where the queue keeps files; its own unless given.
    """
    settings.require_safe()
    kept: Files | None = files or getattr(jobs, "uploads", None)
    if kept is None:
        raise InternalError("The queue keeps no files.", way_out="Give create_app its files.")
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    metrics = Metrics()
    shelf, prober = Shelf(settings.data, kept), Prober(settings.probe_timeout_s)
    return Parts(
        settings=settings,
        jobs=jobs,
        hub=Hub(jobs),
        shelf=shelf,
        access=Access(settings.data, settings.expire_s),
        identity=Identity(settings.data, settings.token),
        prober=prober,
        receiver=Receiver(shelf, prober, settings, metrics),
        metrics=metrics,
    )


async def start(parts: Parts) -> list[asyncio.Task[Any]]:
    """Start what runs beside the requests."""
    await asyncio.to_thread(parts.shelf.sweep)
    warming = asyncio.create_task(parts.prober.warm())
    janitor = Janitor(parts.jobs, parts.access, parts.shelf, parts.settings.failed_s)
    cleaning = asyncio.create_task(janitor.work())
    return [warming, cleaning]


async def stop(parts: Parts, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Stop it again; streams end, and clients come back with Last-Event-ID."""
    parts.hub.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(parts.prober.close)

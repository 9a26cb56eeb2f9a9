"""Whether it lives, and what it counted."""

from __future__ import annotations

import asyncio
from collections import Counter

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from stemwright.service.deps import Parts, ServiceDep, TokenOnly
from stemwright.service.schemas import Health

__all__ = ["router"]

router = APIRouter(tags=["service"])


@router.get("/health")
def health() -> Health:
    """Say that the service answers."""
    return Health()


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[TokenOnly], responses={401: {}})
async def metrics(service: ServiceDep) -> PlainTextResponse:
    """Return what was counted, in the text format of Prometheus."""
    text = await asyncio.to_thread(_text, service)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _text(service: Parts) -> str:
    """Ask the engine what it counted; without such a table, count the sessions that began here."""
    jobs = service.jobs
    counts = getattr(jobs, "counts", None)
    times = getattr(jobs, "stage_times", None)
    found = counts() if counts else _counted(service)
    steps = {stage: (count, count * mean_s) for stage, (count, mean_s) in (times() if times else {}).items()}
    return service.metrics.text(jobs=found, streams=service.hub.streams, steps=steps)


def _counted(service: Parts) -> Counter[str]:
    states = (service.jobs.state(visit.session) for visit in service.access.all())
    return Counter(str(state.status) for state in states if state is not None)

"""Everything that belongs to one session, whatever kind of job it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from stemwright.engine.jobs import JobKind, JobRequest, JobState
from stemwright.planning.plan import RemixPlan
from stemwright.planning.read import read_plan
from stemwright.service.deps import Cursor, Finished, Mine, Owner, Parts, Remixed, ServiceDep
from stemwright.service.peaks import waveform
from stemwright.service.problems import ProblemError
from stemwright.service.results import digest_of, file_answer, name_that, outputs_of, path_of, title_of
from stemwright.service.routes.remix import BUSY, prompt_of
from stemwright.service.schemas import (
    Problem,
    ProgressEvent,
    RefineRequest,
    SessionAnswer,
    SessionCard,
    SessionList,
    StatusAnswer,
    Waveform,
)
from stemwright.service.stories import status_of

__all__ = ["listing", "router"]

GONE: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such session here."}
}
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
RETRY_MS = 1_000
listing = APIRouter(tags=["sessions"])
router = APIRouter(tags=["sessions"], responses=GONE)


@listing.get("/sessions")
async def list_sessions(owner: Owner, service: ServiceDep) -> SessionList:
    """List one's own sessions, the latest first."""
    states = await asyncio.to_thread(service.jobs.sessions, owner)
    return SessionList(sessions=[SessionCard(**_card(service, state)) for state in states])


def _card(service: Parts, state: JobState) -> dict[str, Any]:
    return {
        "session_id": state.session,
        "kind": str(state.request.kind),
        "state": str(state.status),
        "progress": state.progress,
        "title": title_of(state),
        "created_s": state.created_s,
        "changed_s": state.changed_s,
        "parent": state.request.parent,
        "place": None if state.place is None else asdict(state.place),
        "expires_s": service.access.expires_s(state.session) if state.status.final else None,
    }


@router.get(
    "/progress", response_class=EventSourceResponse, responses={204: {"description": "Seen to its end."}}
)
async def progress(state: Mine, after: Cursor, service: ServiceDep) -> AsyncIterator[ProgressEvent]:
    """Stream the session's events from the first, or from the one after Last-Event-ID, to its last."""
    async for event in service.hub.follow(state.session, after=after):
        said = ServerSentEvent(raw_data=json.dumps(event), id=str(event["number"]), retry=RETRY_MS)
        yield said  # type: ignore[misc]  # the wire form of a ProgressEvent, with its number as id


@router.get("/status")
async def status(state: Mine, service: ServiceDep) -> StatusAnswer:
    """Say how the session stands."""
    story = await service.hub.story(state.session)
    return StatusAnswer(
        **_card(service, state) | status_of(state, story),
        outputs=sorted(outputs_of(state)),
        report_status=state.result.get("status"),
    )


_AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}},
    206: {
        "description": "A part of it.",
        "content": {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}},
    },
    416: {"description": "It is not that long."},
}


@router.get("/audio", response_class=FileResponse, responses=_AUDIO)
async def audio(state: Finished, service: ServiceDep) -> FileResponse:
    """Send the master as MP3; ranges are answered."""
    name = name_that(state, "master.mp3", suffix=".mp3")
    return await file_answer(service, state, name, inline=True, called=f"{title_of(state)}.mp3")


@router.head("/audio", response_class=FileResponse, responses=_AUDIO)
async def audio_head(state: Finished, service: ServiceDep) -> FileResponse:
    """Say how long the master is."""
    return await audio(state, service)


@router.get("/stems/{name:path}", response_class=FileResponse)
async def stem(name: str, state: Finished, service: ServiceDep) -> FileResponse:
    """Send a stem as it was delivered; ranges are answered."""
    return await file_answer(
        service, state, name_that(state, f"stems/{name}", f"stems/{name}.wav"), inline=True
    )


@router.head("/stems/{name:path}", response_class=FileResponse)
async def stem_head(name: str, state: Finished, service: ServiceDep) -> FileResponse:
    """Say how long a stem is."""
    return await stem(name, state, service)


@router.get("/files/{name:path}", response_class=FileResponse)
async def file(name: str, state: Finished, service: ServiceDep) -> FileResponse:
    """Send anything that came out, by its name in `outputs`."""
    return await file_answer(service, state, name_that(state, name), inline=False)


@router.get("/peaks")
async def peaks(
    state: Finished,
    service: ServiceDep,
    name: Annotated[str | None, Query(max_length=300)] = None,
    columns: Annotated[int, Query(ge=10, le=4_000)] = 900,
) -> Waveform:
    """Draw a track as columns of lowest and highest sample and level: the master, or any output."""
    track = (
        name_that(state, "master.wav", "mix.wav", suffix=".wav") if name is None else name_that(state, name)
    )
    if not track.endswith((".wav", ".flac")):
        raise ProblemError(422, "name: only .wav and .flac are drawn.")
    digest = digest_of(state, track)
    path = await path_of(service, digest)
    kept = service.settings.data / "peaks" / f"{digest}-{columns}.json"
    drawn = await asyncio.to_thread(waveform, path, columns=columns, kept=kept)
    return Waveform(name=track, **drawn)


@router.get(
    "/report",
    responses={
        200: {
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
            }
        }
    },
)
async def report(
    state: Finished, service: ServiceDep, accept: Annotated[str, Header(max_length=1_000)] = ""
) -> Response:
    """Send the report: JSON, or the page for who asks for HTML."""
    wants_page = "text/html" in accept and "report.html" in outputs_of(state)
    if wants_page:
        answer = await file_answer(service, state, "report.html", inline=True)
        answer.headers["content-security-policy"] = REPORT_POLICY
        answer.headers["x-frame-options"] = "SAMEORIGIN"
        return answer
    found = state.result.get("report")
    if found is None:
        raise ProblemError(404, "This session has no report.")
    return JSONResponse(found)


@router.get("/download", response_class=FileResponse)
async def download(state: Finished, service: ServiceDep) -> FileResponse:
    """Send everything as a zip."""
    name = name_that(state, suffix=".zip")
    return await file_answer(service, state, name, inline=False, called=f"{title_of(state)}.zip")


@router.get("/plan")
async def plan(state: Remixed) -> RemixPlan:
    """Return the plan, the way people edit it."""
    return RemixPlan.from_dict(state.result["plan"])


@router.put("/plan", responses=BUSY, openapi_extra={"requestBody": {
    "required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RemixPlan"}}},
}})  # fmt: skip
async def render_plan(request: Request, state: Remixed, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Render a plan that somebody edited, as a new session."""
    edited = read_plan(await request.body())
    before = RemixPlan.from_dict(state.result["plan"])
    if edited.songs != before.songs:
        raise ProblemError(422, "songs: the plan is for other songs than this session's.")
    return await service.submit(_next(state, owner, JobKind.RENDER, {"plan": edited.as_dict()}))


@router.post("/refine", responses=BUSY)
async def refine(asked: RefineRequest, state: Remixed, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Change the remix by a sentence, or undo the last change, as a new session."""
    if asked.undo == (asked.prompt is not None):
        raise ProblemError(422, "Say what to change in prompt, or undo; not both.")
    options: dict[str, Any] = {"planner": asked.planner}
    options |= {"undo": True} if asked.undo else {"prompt": prompt_of(asked.prompt, service)}
    return await service.submit(_next(state, owner, JobKind.REFINE, options))


KEPT_OPTIONS = ("separator", "model", "engine", "overrides")


def _next(state: JobState, owner: str, kind: JobKind, options: dict[str, Any]) -> JobRequest:
    """Ask for the next version with the same songs, taken apart the same way."""
    before = state.request
    kept = {name: before.options[name] for name in KEPT_OPTIONS if name in before.options}
    return JobRequest(kind, owner, before.files, before.names, kept | options, parent=state.session)


@router.delete("")
async def remove(state: Mine, service: ServiceDep) -> dict[Literal["done"], Literal["cancelled", "erased"]]:
    """Cancel a session that waits or runs; erase one that is over, with all that came out of it."""
    if not state.status.final and await asyncio.to_thread(service.jobs.cancel, state.session):
        return {"done": "cancelled"}
    keep = service.shelf.held_by_others(state.request.owner, state.request.files.values())
    await asyncio.to_thread(service.jobs.erase, state.session, keep=keep)
    service.access.forget(state.session)
    return {"done": "erased"}

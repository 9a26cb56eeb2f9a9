"""What is in two songs, and how they go together, within seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.problems import ProblemError
from stemwright.service.routes.remix import BUSY
from stemwright.service.routes.songs import body_of, receive_songs
from stemwright.service.schemas import (
    Analysis,
    AnalyzeChoices,
    AnalyzeRequest,
    CompatibilityAnswer,
    Problem,
    SongAnswer,
)

__all__ = ["router"]

LONGER = "The analysis takes longer than usual. You can start the remix now."
SLOW: dict[int | str, dict[str, Any]] = {
    202: {"model": Problem, "description": "As 408, for who sent `Prefer: respond-async` (RFC 7240)."},
    408: {"model": Problem, "description": "It takes longer; a remix may be started all the same."},
}
router = APIRouter(tags=["remix"])


@router.post(
    "/analyze",
    openapi_extra=body_of(AnalyzeRequest, AnalyzeChoices),
    responses=BUSY | SLOW,
    response_model=Analysis,
)
async def analyze(request: Request, owner: Owner, service: ServiceDep) -> Analysis | JSONResponse:
    """Find tempo and key of two songs and say how they go together; 408 when it takes too long."""
    given = await receive_songs(request, owner, service, AnalyzeRequest, AnalyzeChoices)
    options = given.options("separator", "engine", "separate")
    job = JobRequest(JobKind.ANALYZE, owner, given.files, given.names, options)
    session = (await service.submit(job)).session_id
    try:
        async with asyncio.timeout(service.settings.analyze_timeout_s):
            return await _found(service, session)
    except TimeoutError as error:
        # what it finds meanwhile is kept: the remix needs the same
        if "respond-async" in request.headers.get("prefer", "").lower():
            return JSONResponse({"detail": LONGER}, 202)
        raise ProblemError(408, LONGER) from error


async def _found(service: Parts, session: str) -> Analysis:
    async for event in service.hub.follow(session):
        if event["step"] == "error":
            raise ProblemError(422, str(event["detail"]))
    state = await asyncio.to_thread(service.jobs.state, session)
    if state is None:
        raise ProblemError(422, "The analysis was cancelled.")
    return _answer(state.result["facts"])


def _answer(facts: dict[str, Any]) -> Analysis:
    pair = facts["compatibility"]
    return Analysis(
        song_a=_song(facts["song_a"]),
        song_b=_song(facts["song_b"]),
        compatibility=CompatibilityAnswer(
            level=pair["level"], message=pair["message"], detail=" ".join(pair["reasons"])
        ),
    )


def _song(facts: dict[str, Any]) -> SongAnswer:
    key, scale = _key_of(facts)
    return SongAnswer(
        bpm=round(float(facts["tempo"]["bpm"]), 2),
        key=key,
        scale=scale,
        title=facts.get("title", ""),
        facts=facts,
    )


def _key_of(facts: dict[str, Any]) -> tuple[str, str]:
    """Split a key into its tonic and its scale, as the text wants them."""
    from stemwright.songs import Key, Mode

    key = facts["key"]["key"]
    tonic, _, scale = str(Key(key["tonic"], Mode(key["mode"]))).partition(" ")
    return tonic, scale

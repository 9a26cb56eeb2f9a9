"""Two songs and a sentence."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.planning.read import read_plan
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.problems import ProblemError
from stemwright.service.routes.songs import body_of, receive_songs
from stemwright.service.schemas import Problem, RemixChoices, RemixRequest, SessionAnswer

__all__ = ["BUSY", "prompt_of", "router"]

BUSY: dict[int | str, dict[str, Any]] = {
    429: {"model": Problem, "description": "The queue is full; Retry-After says when to come back."},
    507: {"model": Problem, "description": "The disk is nearly full."},
}
router = APIRouter(tags=["remix"])


@router.post("/remix", openapi_extra=body_of(RemixRequest, RemixChoices, "prompt"), responses=BUSY)
async def remix(request: Request, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Make a remix: a form with two songs (or their stems) and a prompt, or JSON with what was uploaded."""
    given = await receive_songs(request, owner, service, RemixRequest, RemixChoices)
    options = given.options("prompt", "separator", "engine", "planner", "seed")
    if given.asked.plan_only:
        options["plan_only"] = True
    plan = given.asked.plan if isinstance(given.asked, RemixRequest) else None
    if plan is None:
        options["prompt"] = prompt_of(options["prompt"], service)
    else:
        options["plan"] = read_plan(plan).as_dict()
    return await service.submit(JobRequest(JobKind.REMIX, owner, given.files, given.names, options))


def prompt_of(prompt: object, service: Parts) -> str:
    """Check the length of a prompt."""
    text = str(prompt or "").strip()
    low, high = service.settings.min_prompt, service.settings.max_prompt
    if not low <= len(text) <= high:
        raise ProblemError(422, f"prompt: {len(text)} characters; {low} to {high} are possible.")
    return text

"""What routes ask for, by named types: who asks, whose session it is, the parts of the service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request

from stemwright.engine.jobs import JobKind, JobRequest, Jobs, JobState, QueueFullError
from stemwright.service.access import Access
from stemwright.service.hub import Hub
from stemwright.service.identity import COOKIE, Identity
from stemwright.service.logs import log
from stemwright.service.metrics import Metrics
from stemwright.service.probe import Prober
from stemwright.service.problems import NothingNewError, ProblemError
from stemwright.service.receive import Receiver
from stemwright.service.schemas import SessionAnswer
from stemwright.service.settings import ServiceSettings
from stemwright.service.shelf import Shelf, Upload

__all__ = ["Cursor", "Finished", "Mine", "Owner", "Parts", "Remixed", "ServiceDep", "TokenOnly"]

_SENTENCE_404 = "There is no such session."


@dataclass(frozen=True)
class Parts:
    """Everything that the service is made of."""

    settings: ServiceSettings
    jobs: Jobs
    hub: Hub
    shelf: Shelf
    access: Access
    identity: Identity
    prober: Prober
    receiver: Receiver
    metrics: Metrics

    async def submit(self, request: JobRequest) -> SessionAnswer:
        """Queue a job; 429 when there are too many."""
        try:
            session = await asyncio.to_thread(self.jobs.submit, request)
        except QueueFullError as error:
            raise self._busy(error) from error
        self.access.begin(session, request.owner)
        self.metrics.submitted(request.kind)
        log("submitted", session=session, kind=str(request.kind))
        return SessionAnswer(session_id=session)

    async def require_room(self) -> None:
        """Refuse with 429 before a body is read, where no job would be taken on."""
        try:
            await asyncio.to_thread(self.jobs.require_room)
        except QueueFullError as error:
            raise self._busy(error) from error

    def _busy(self, error: QueueFullError) -> ProblemError:
        self.metrics.refused("queue")
        return ProblemError(429, str(error), {"Retry-After": str(error.retry_after_s)})

    async def upload(self, owner: str, digest: str, what: str) -> Upload:
        """Look up a file that this owner uploaded; 422 when there is none."""
        found = await asyncio.to_thread(self.shelf.find, owner, digest)
        if found is None:
            raise ProblemError(422, f"{what}: this file was not uploaded, or it is gone. Upload it again.")
        return found


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


ServiceDep = Annotated[Parts, Depends(_parts)]


def _bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def _owner(request: Request, service: ServiceDep) -> str:
    """Tell who asks; a browser that is new here gets a cookie, unless there is a token to be shown first."""
    identity, bearer = service.identity, _bearer(request)
    if bearer is not None:
        owner = identity.owner_of_bearer(bearer)
        if owner is None:
            raise _unknown("That token is not known here.")
        return owner
    owner = identity.owner_of_cookie(request.cookies.get(COOKIE, ""))
    if owner is not None:
        return owner
    if not identity.open:
        raise _unknown("Sign in first: programs send the token as bearer, browsers once to /api/sign-in.")
    cookie = identity.new_cookie()
    request.state.new_cookie = cookie
    return identity.owner_of_cookie(cookie) or ""


def _unknown(sentence: str) -> ProblemError:
    return ProblemError(401, sentence, {"WWW-Authenticate": "Bearer"})


Owner = Annotated[str, Depends(_owner)]


def _token_only(request: Request, service: ServiceDep) -> None:
    """Let in who shows the token; without one this machine is alone with itself."""
    if not service.identity.open and not service.identity.is_token(_bearer(request) or ""):
        raise _unknown("Send the token as bearer.")


TokenOnly = Depends(_token_only)

SessionId = Annotated[str, Path(min_length=16, max_length=64, pattern="^[A-Za-z0-9_-]+$")]


async def _mine(session_id: SessionId, owner: Owner, service: ServiceDep) -> JobState:
    """Find one's own session; others' are not there at all."""
    state = await asyncio.to_thread(service.jobs.state, session_id)
    if state is None or state.request.owner != owner:
        raise ProblemError(404, _SENTENCE_404)
    service.access.visit(session_id)
    return state


Mine = Annotated[JobState, Depends(_mine)]


async def _finished(state: Mine) -> JobState:
    """Find one's own session with its results."""
    if not state.result:
        still = "is not finished" if not state.status.final else "came to no result"
        raise ProblemError(404, f"This session {still}.")
    return state


Finished = Annotated[JobState, Depends(_finished)]

_REMIXES = (JobKind.REMIX, JobKind.REFINE, JobKind.RENDER)


async def _remixed(state: Finished) -> JobState:
    """Find one's own remix."""
    if state.request.kind not in _REMIXES:
        raise ProblemError(404, "This session is no remix.")
    return state


Remixed = Annotated[JobState, Depends(_remixed)]


async def _cursor(
    state: Mine,
    service: ServiceDep,
    last_event_id: Annotated[str, Header(max_length=20, pattern="^[0-9]*$")] = "",
) -> int:
    """Tell where a stream goes on; one that was seen to its end has nothing new."""
    after = int(last_event_id or 0)
    if state.status.final and after:
        story = await service.hub.story(state.session)
        if after >= len(story):
            raise NothingNewError
    return after


Cursor = Annotated[int, Depends(_cursor)]

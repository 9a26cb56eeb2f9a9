"""All routes, joined in one place."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stemwright.service.routes import analyze, health, page, produce, remix, sessions, uploads
from stemwright.service.schemas import Problem
from stemwright.service.settings import ServiceSettings

__all__ = ["join_routes"]

JSON_BYTES = 2_000_000
FORM_SLACK_BYTES = 65_536
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in {
        400: "Not a request that can be read.", 401: "Sign in first.", 403: "Not from another site.",
        404: "There is nothing here.",
        413: "Too large.", 421: "Not known by that name.", 422: "Not valid; `detail` says why.",
    }.items()
}  # fmt: skip


def join_routes(settings: ServiceSettings) -> APIRouter:
    """Join all routers; each says how large its bodies may be."""
    api = APIRouter(prefix="/api", responses=_PROBLEMS)
    songs_bytes = 2 * settings.max_song_bytes + FORM_SLACK_BYTES
    api.include_router(remix.router, max_body_size=songs_bytes)
    api.include_router(analyze.router, max_body_size=songs_bytes)
    api.include_router(uploads.router, max_body_size=settings.max_upload_bytes)
    for small in (produce.router, page.sign_in):
        api.include_router(small, max_body_size=JSON_BYTES)
    api.include_router(sessions.listing)
    api.include_router(sessions.router, prefix="/remix/{session_id}", max_body_size=JSON_BYTES)
    api.include_router(
        sessions.router, prefix="/sessions/{session_id}", include_in_schema=False, max_body_size=JSON_BYTES
    )
    everything = APIRouter()
    for router in (api, health.router, page.router):
        everything.include_router(router)
    return everything

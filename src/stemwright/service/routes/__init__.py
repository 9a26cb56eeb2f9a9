"""All routes, joined in one place."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stemwright.service.bodies import JSON_BYTES
from stemwright.service.routes import (
    analyze,
    health,
    page,
    produce,
    remix,
    sessions,
    single,
    uploads,
    verify,
)
from stemwright.service.routes.songs import songs_bytes
from stemwright.service.schemas import Problem
from stemwright.service.settings import ServiceSettings

__all__ = ["join_routes"]

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
    most = songs_bytes(settings.max_song_bytes, settings.max_upload_bytes)
    api.include_router(remix.router, max_body_size=most)
    api.include_router(analyze.router, max_body_size=most)
    for large in (uploads.router, verify.router):
        api.include_router(large, max_body_size=settings.max_upload_bytes)
    for small in (produce.router, single.router, page.sign_in):
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

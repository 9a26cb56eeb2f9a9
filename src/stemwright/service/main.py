"""The app: its parts are made once, its routes are joined in one file, its door is the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from stemwright._version import __version__
from stemwright.engine.jobs import Jobs
from stemwright.service.build import build_parts, start, stop
from stemwright.service.contract import openapi_of
from stemwright.service.guard import Guard
from stemwright.service.problems import add_handlers
from stemwright.service.routes import join_routes
from stemwright.service.settings import ServiceSettings
from stemwright.service.shelf import Files

__all__ = ["create_app"]


def create_app(jobs: Jobs, settings: ServiceSettings, *, files: Files | None = None) -> FastAPI:
    """Build the service on a queue; `files` are the queue's own unless given."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = await start(app.state.parts)
        yield
        await stop(app.state.parts, tasks)

    app = FastAPI(
        title="stemwright", version=__version__, lifespan=lifespan, openapi_url="/api/openapi.json",
        docs_url=None, redoc_url=None, generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    app.state.parts = build_parts(jobs, settings, files)
    app.include_router(join_routes(settings))
    app.add_middleware(Guard)
    add_handlers(app)
    app.openapi = partial(openapi_of, app)  # type: ignore[method-assign]
    return app

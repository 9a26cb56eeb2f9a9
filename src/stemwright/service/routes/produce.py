"""A spec and its files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.problems import ProblemError
from stemwright.service.routes.remix import BUSY
from stemwright.service.schemas import ProduceRequest, SessionAnswer, SpecAnswer
from stemwright.service.shelf import ZIP

__all__ = ["router"]

router = APIRouter(tags=["produce"])


@router.post("/produce", responses=BUSY)
async def produce(asked: ProduceRequest, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Make the record that a spec asks for, of files that were uploaded before."""
    from stemwright.service.specs import require_harmless  # imports what reads a spec

    await asyncio.to_thread(require_harmless, asked.spec, asked.files)
    names = await _names(service, owner, asked.files)
    options = {"spec": asked.spec} | ({} if asked.seed is None else {"seed": asked.seed})
    return await service.submit(JobRequest(JobKind.PRODUCE, owner, asked.files, names, options))


@router.post("/produce/check")
async def check_spec(asked: ProduceRequest, _owner: Owner) -> SpecAnswer:
    """Read a spec without making anything of it: 422 says what is wrong, as somebody types."""
    from stemwright.service.specs import require_harmless, told  # imports what reads a spec

    return told(await asyncio.to_thread(require_harmless, asked.spec, asked.files))


@router.get("/produce/template", response_class=PlainTextResponse)
def spec_template(_owner: Owner) -> PlainTextResponse:
    """Return a commented spec that runs as it is."""
    from stemwright.pipeline.template import template_text

    return PlainTextResponse(template_text())


async def _names(service: Parts, owner: str, files: Mapping[str, str]) -> dict[str, str]:
    """Look up what uploaded files were called."""
    if len(files) > service.settings.max_files:
        raise ProblemError(
            422, f"files: {len(files)} are too many; {service.settings.max_files} are possible."
        )
    found = {name: await service.upload(owner, digest, name) for name, digest in files.items()}
    packed = next((upload for upload in found.values() if upload.container == ZIP), None)
    if packed is not None:
        raise ProblemError(422, f"files: {packed.name} is a zip; a spec names what is in it, file by file.")
    return {name: upload.name for name, upload in found.items()}

"""Single steps on one file: align, master; what came out is in `outputs`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.problems import ProblemError
from stemwright.service.routes.remix import BUSY
from stemwright.service.schemas import AlignRequest, MasterRequest, SessionAnswer

__all__ = ["router"]

router = APIRouter(tags=["single steps"])


@router.post("/align", responses=BUSY)
async def align(asked: AlignRequest, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Bring one file to an exact length."""
    if (asked.length is None) == (asked.to is None):
        raise ProblemError(422, "Say length or to: one of them.")
    options = asked.model_dump(exclude={"file", "to"}, exclude_none=True)
    files = {"source": asked.file} | ({} if asked.to is None else {"to": asked.to})
    return await _submit(service, owner, JobKind.ALIGN, files, options)


@router.post("/master", responses=BUSY)
async def master(asked: MasterRequest, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Master one file to a loudness under a true-peak ceiling."""
    options = asked.model_dump(exclude={"file", "match"}, exclude_none=True)
    files = {"source": asked.file} | ({} if asked.match is None else {"match": asked.match})
    return await _submit(service, owner, JobKind.MASTER, files, options)


async def _submit(
    service: Parts, owner: str, kind: JobKind, files: dict[str, str], options: dict[str, Any]
) -> SessionAnswer:
    names = {}
    for what, digest in files.items():
        upload = await service.upload(owner, digest, what)
        if not upload.is_audio:
            raise ProblemError(422, f"{what}: {upload.name} is no audio ({upload.container}).")
        names[what] = upload.name
    return await service.submit(JobRequest(kind, owner, files, names, options))

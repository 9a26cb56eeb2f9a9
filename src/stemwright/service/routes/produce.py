"""A spec and its files; a set of stems to be checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.names import is_safe_name
from stemwright.service.problems import ProblemError
from stemwright.service.routes.remix import BUSY
from stemwright.service.schemas import ProduceRequest, SessionAnswer, SpecAnswer, VerifyRequest

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


@router.post("/verify", responses=BUSY)
async def verify(asked: VerifyRequest, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Check a set of stems that were uploaded before; anybody's."""
    unsafe = next((name for name in asked.files if not is_safe_name(name)), None)
    if unsafe is not None or "mix" in asked.files:
        raise ProblemError(422, f"files: {(unsafe or 'mix')[:80]!r} is no name for a stem.")
    if asked.preset is not None:
        _require_preset(asked.preset)
    files = dict(asked.files) | ({} if asked.mix is None else {"mix": asked.mix})
    called = await _names(service, owner, files)
    names = {name: name for name in asked.files} | ({"mix": called["mix"]} if asked.mix else {})
    options = {} if asked.preset is None else {"preset": asked.preset}
    return await service.submit(JobRequest(JobKind.VERIFY, owner, files, names, options))


async def _names(service: Parts, owner: str, files: Mapping[str, str]) -> dict[str, str]:
    """Look up what uploaded files were called."""
    if len(files) > service.settings.max_files:
        raise ProblemError(
            422, f"files: {len(files)} are too many; {service.settings.max_files} are possible."
        )
    return {name: (await service.upload(owner, digest, name)).name for name, digest in files.items()}


def _require_preset(name: str) -> None:
    from stemwright.pipeline.single import list_presets

    known = [preset for preset, _ in list_presets()]
    if name not in known:
        raise ProblemError(422, f"preset: {name!r} is not known. Known: {', '.join(known)}.")

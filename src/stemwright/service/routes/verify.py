"""A set of stems to be checked: uploaded before, or a form with the files; zips are read in place."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.service.bodies import form_of, json_of, validated
from stemwright.service.deps import Owner, Parts, ServiceDep
from stemwright.service.multipart import Fields, Form, boundary_of
from stemwright.service.names import is_safe_name
from stemwright.service.problems import ProblemError
from stemwright.service.receive import Reception
from stemwright.service.routes.remix import BUSY
from stemwright.service.routes.uploads import called, length_of
from stemwright.service.schemas import (
    MOST_SPEC_CHARACTERS,
    PresetList,
    SessionAnswer,
    VerifyChoices,
    VerifyRequest,
)
from stemwright.service.shelf import ZIP, Upload

__all__ = ["router"]

FILES, MIX, SPEC = "files", "mix", "spec"
MOST_CHARACTERS = 25
"""Of a zip's name: it must not be cut before its end."""
MOST_SPEC_BYTES = 4 * MOST_SPEC_CHARACTERS
router = APIRouter(tags=["verify"])


@router.get("/presets")
async def list_presets(_owner: Owner) -> PresetList:
    """List the delivery presets, and what each of them checks."""
    from stemwright.service.presets import presets  # imports what verifies

    return PresetList(presets=await asyncio.to_thread(presets))


def _body() -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    files = {FILES: {"type": "array", "items": binary}, MIX: binary, SPEC: binary}
    form = {"type": "object", "properties": {**files, "preset": {"type": "string"}}, "required": [FILES]}
    json_schema = {"$ref": "#/components/schemas/VerifyRequest"}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json_schema}}
    return {"requestBody": {"required": True, "content": content}}


@router.post("/verify", responses=BUSY, openapi_extra=_body())
async def verify(request: Request, owner: Owner, service: ServiceDep) -> SessionAnswer:
    """Check a set of stems, anybody's: a form with its files, or JSON with what was uploaded before."""
    length, most = length_of(request), service.settings.max_upload_bytes
    if length > most:
        raise ProblemError(413, f"The set is larger than {most // 10**6} MB.")
    await service.require_room()
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        asked = await json_of(request, VerifyRequest)
        return await service.submit(await _job(owner, asked, await _uploaded(service, owner, asked)))
    service.receiver.require_room(length)
    return await service.submit(await _job(owner, *await _received(request, owner, service, boundary)))


async def _job(owner: str, asked: VerifyChoices, found: list[tuple[str, Upload]]) -> JobRequest:
    if asked.preset is not None:
        await asyncio.to_thread(_require_preset, asked.preset)
    if asked.spec is not None:
        from stemwright.service.specs import require_readable  # imports what reads a spec

        await asyncio.to_thread(require_readable, asked.spec)
    options = asked.model_dump(include={"preset", SPEC}, exclude_none=True)
    files = {name: upload.sha256 for name, upload in found}
    names = {name: _file_name(name, upload) for name, upload in found}
    return JobRequest(JobKind.VERIFY, owner, files, names, options)


async def _uploaded(service: Parts, owner: str, asked: VerifyRequest) -> list[tuple[str, Upload]]:
    unsafe = next((name for name in asked.files if not is_safe_name(name)), None)
    if unsafe is not None or MIX in asked.files:
        raise ProblemError(422, f"files: {(unsafe or MIX)[:80]!r} is no name for a stem.")
    named = dict(asked.files) | ({} if asked.mix is None else {MIX: asked.mix})
    found = [(name, await service.upload(owner, digest, name)) for name, digest in named.items()]
    for name, upload in found:
        _require_sound(name, upload)
    return found


async def _received(
    request: Request, owner: str, service: Parts, boundary: bytes
) -> tuple[VerifyChoices, list[tuple[str, Upload]]]:
    form, settings = Form(), service.settings

    def begin(name: str, filename: str) -> Reception:
        if name not in (FILES, MIX):
            raise ProblemError(422, f"{name[:40]!r}: this file is not asked for; send files, mix and spec.")
        taken = sum(one.size for many in form.files.values() for one in many)
        return service.receiver.begin(called(filename), max_bytes=settings.max_upload_bytes - taken)

    fields = Fields(begin, several=frozenset({FILES}), long_texts={SPEC: MOST_SPEC_BYTES})
    try:
        await form_of(request, service, boundary, fields, form)
        if FILES not in form.files:
            raise ProblemError(422, "files is missing: send the stems, or a zip of them.")
        asked = validated(VerifyChoices, form.texts)
        found: list[tuple[str, Upload]] = []
        for what, receptions in form.files.items():
            for one in receptions:
                upload = await service.receiver.keep(owner, one, max_s=settings.max_upload_s)
                _require_sound(one.name, upload)
                found.append((MIX if what == MIX else _free(one.name, found), upload))
    finally:
        form.discard()
    return asked, found


def _free(name: str, found: list[tuple[str, Upload]]) -> str:
    """Tell files of one name apart by a folder of their own."""
    taken = {known for known, _ in found} | {MIX}
    number = 1
    own = name
    while own in taken:
        number += 1
        own = f"{number}/{name}"
    return own


def _require_sound(name: str, upload: Upload) -> None:
    if not upload.is_audio and (upload.container != ZIP or name == MIX):
        raise ProblemError(422, f"{name[:80]}: {upload.name} is no audio ({upload.container}).")


def _file_name(name: str, upload: Upload) -> str:
    """Name a file so that only a zip ends like one: by its end it is told how to read it."""
    shown = upload.name if name == MIX else name
    ends = shown.lower().endswith(".zip")
    if upload.container == ZIP:
        return shown[-MOST_CHARACTERS:] if ends else f"{shown[:MOST_CHARACTERS]}.zip"
    return f"{shown}.wav" if ends else shown


def _require_preset(name: str) -> None:
    from stemwright.verification import PRESETS

    if name not in PRESETS:
        raise ProblemError(422, f"preset: {name!r} is not known. Known: {', '.join(PRESETS)}.")

"""Files come in one by one, as they are, before the job that needs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request

from stemwright.service.deps import Owner, ServiceDep
from stemwright.service.problems import ProblemError
from stemwright.service.schemas import Problem, UploadAnswer

__all__ = ["called", "length_of", "router"]

MOST_CHARACTERS = 255
router = APIRouter(tags=["uploads"])
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.put(
    "/uploads/{name:path}",
    openapi_extra=_BODY,
    responses={507: {"model": Problem, "description": "The disk is nearly full."}},
)
async def upload(
    name: Annotated[str, Path(min_length=1, max_length=MOST_CHARACTERS)],
    request: Request,
    owner: Owner,
    service: ServiceDep,
) -> UploadAnswer:
    """Take in one file: audio, MIDI or a SoundFont. Later requests name it by its sha256."""
    length = length_of(request)
    if length > service.settings.max_upload_bytes:
        raise ProblemError(
            413, f"{called(name)} is larger than {service.settings.max_upload_bytes // 10**6} MB."
        )
    service.receiver.require_room(length)
    found = await service.receiver.receive(owner, called(name), request.stream())
    return UploadAnswer(**asdict(found))


def called(name: str) -> str:
    """Take a name as people gave it, without folders, control characters and half characters."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(c if c.isprintable() else " " for c in last)
    return " ".join(shown.split())[:MOST_CHARACTERS] or "untitled"


def length_of(request: Request) -> int:
    """Return the declared length of a body; 0 where none is declared, and its bytes are counted."""
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0

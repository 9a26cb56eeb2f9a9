"""Two songs come in: as a form with both files, or as JSON with what was uploaded before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from stemwright.service.deps import Parts
from stemwright.service.multipart import Form, boundary_of, read_form
from stemwright.service.problems import ProblemError
from stemwright.service.receive import Reception
from stemwright.service.routes.uploads import called, length_of
from stemwright.service.schemas import Songs
from stemwright.service.shelf import Upload

__all__ = ["SONGS", "Given", "body_of", "receive_songs"]

SONGS = ("song_a", "song_b")
SLACK_BYTES = 65_536
S = TypeVar("S", bound=Songs)


@dataclass
class Given:
    """Two songs, and what came with them.

    Attributes
    ----------
    uploads : dict of str to Upload
        By ``song_a`` and ``song_b``.
    texts : dict of str to str
        Other fields of the form.
    asked : Songs or None
        The JSON, if it came like that.
    """

    uploads: dict[str, Upload] = field(default_factory=dict)
    texts: dict[str, Any] = field(default_factory=dict)
    asked: Songs | None = None

    @property
    def files(self) -> dict[str, str]:
        """Digests by what they are."""
        return {song: found.sha256 for song, found in self.uploads.items()}

    @property
    def names(self) -> dict[str, str]:
        """What people call them."""
        return {song: found.name for song, found in self.uploads.items()}

    @property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """What somebody knows better."""
        if self.asked is None:
            return {}
        known = {"song_a": self.asked.known_a, "song_b": self.asked.known_b}
        return {song: one.model_dump(exclude_none=True) for song, one in known.items() if one is not None}


def body_of(schema: type[BaseModel], *texts: str) -> dict[str, Any]:
    """Describe both ways for OpenAPI."""
    binary = {"type": "string", "format": "binary"}
    fields: dict[str, Any] = {**dict.fromkeys(SONGS, binary), **{name: {"type": "string"} for name in texts}}
    form = {"type": "object", "properties": fields, "required": [*SONGS, *texts]}
    json_schema = {"$ref": f"#/components/schemas/{schema.__name__}"}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json_schema}}
    return {"requestBody": {"required": True, "content": content}}


async def receive_songs(
    request: Request, owner: str, service: Parts, schema: type[S], *, texts: tuple[str, ...] = ()
) -> Given:
    """Take in two songs, refusing as soon as it is clear.

    Raises
    ------
    ProblemError
        413, 422 (names the song) or 507.
    """
    length, most = length_of(request), 2 * service.settings.max_song_bytes + SLACK_BYTES
    if length > most:
        raise ProblemError(413, f"Both songs together are larger than {most // 10**6} MB.")
    await service.require_room()
    kind = request.headers.get("content-type", "")
    boundary = boundary_of(kind)
    if boundary is not None:
        service.receiver.require_room(length)
        return await _from_form(request, owner, service, boundary, texts)
    if kind.partition(";")[0].strip().lower() == "application/json":
        return await _from_json(request, owner, service, schema)
    raise ProblemError(422, "Send song_a and song_b as multipart/form-data, or as JSON with their sha256.")


async def _from_form(
    request: Request, owner: str, service: Parts, boundary: bytes, texts: tuple[str, ...]
) -> Given:
    def begin(name: str, filename: str) -> Reception:
        if name not in SONGS:
            raise ProblemError(422, f"{name[:40]!r}: this file is not asked for; send song_a and song_b.")
        return service.receiver.begin(called(filename), max_bytes=service.settings.max_song_bytes)

    form, given = Form(), Given()
    try:
        await read_form(request.stream(), boundary, begin, form)
        for name in (*SONGS, *texts):
            if name not in form.files and name not in form.texts:
                raise ProblemError(422, f"{name} is missing.")
        given.texts = form.texts
        for song in SONGS:
            given.uploads[song] = await _kept(service, owner, song, form)
    finally:
        form.discard()
    return given


async def _kept(service: Parts, owner: str, song: str, form: Form) -> Upload:
    if song not in form.files:
        raise ProblemError(422, f"{song} is not a file.")
    try:
        return await service.receiver.keep(owner, form.files[song], max_s=service.settings.max_song_s)
    except ProblemError as error:
        raise ProblemError(error.status, f"{song}: {error.detail}") from error


async def _from_json(request: Request, owner: str, service: Parts, schema: type[S]) -> Given:
    try:
        raw = json.loads(await request.body())
        asked = schema.model_validate(raw)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise RequestValidationError(error.errors()) from error
        raise ProblemError(422, "The body is not valid JSON.") from error
    given = Given(asked=asked)
    for song in SONGS:
        given.uploads[song] = _within_limits(
            service, song, await service.upload(owner, getattr(asked, song), song)
        )
    return given


def _within_limits(service: Parts, song: str, upload: Upload) -> Upload:
    """Hold an upload, which may be any stem, against the limits of songs."""
    settings = service.settings
    if upload.bytes > settings.max_song_bytes:
        raise ProblemError(
            413, f"{song}: {upload.name} is larger than {settings.max_song_bytes // 10**6} MB."
        )
    if (upload.duration_s or 0.0) > settings.max_song_s:
        raise ProblemError(422, f"{song}: {upload.name} is longer than {settings.max_song_s / 60:g} minutes.")
    if not upload.sample_rate and upload.container in ("MIDI", "SOUNDFONT"):
        raise ProblemError(422, f"{song}: {upload.name} is no audio ({upload.container}).")
    return upload

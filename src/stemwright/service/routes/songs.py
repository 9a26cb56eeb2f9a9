"""Two songs come in: as a form with their files, or as JSON with what was uploaded before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel

from stemwright.service.bodies import form_of, json_of, validated
from stemwright.service.deps import Parts
from stemwright.service.multipart import Fields, Form, boundary_of
from stemwright.service.problems import ProblemError
from stemwright.service.receive import Reception
from stemwright.service.routes.uploads import called, length_of
from stemwright.service.schemas import SongChoices
from stemwright.service.shelf import Upload
from stemwright.service.stems import stems_of

__all__ = ["SONGS", "STEMS", "Given", "body_of", "receive_songs", "songs_bytes"]

SONGS = ("song_a", "song_b")
STEMS = ("stems_a", "stems_b")
SLACK_BYTES = 65_536
C = TypeVar("C", bound=SongChoices)


@dataclass
class Given(Generic[C]):
    """Two songs, and what came with them.

    Attributes
    ----------
    asked : SongChoices
        How it is to be done; with JSON all of it.
    uploads : dict of str to Upload
        By ``song_a``, ``stems_b/drums.wav``.
    titles : dict of str to str
        What people call a set of stems, by ``stems_a``.
    """

    asked: C
    uploads: dict[str, Upload] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, str]:
        """Digests by what they are."""
        return {what: found.sha256 for what, found in self.uploads.items()}

    @property
    def names(self) -> dict[str, str]:
        """What people call them."""
        return {what: found.name for what, found in self.uploads.items()} | self.titles

    @property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """What somebody knows better."""
        known = {song: getattr(self.asked, f"known_{song[-1]}", None) for song in SONGS}
        return {song: one.model_dump(exclude_none=True) for song, one in known.items() if one is not None}

    def options(self, *names: str) -> dict[str, Any]:
        """Return what the recipe is asked for."""
        chosen = self.asked.model_dump(include=set(names))
        return chosen | ({"overrides": self.overrides} if self.overrides else {})


def songs_bytes(service_songs: int, service_stems: int) -> int:
    """Return how large a form with two songs and their stems may be."""
    return 2 * (service_songs + service_stems) + SLACK_BYTES


def body_of(schema: type[BaseModel], choices: type[BaseModel], *needed: str) -> dict[str, Any]:
    """Describe both ways for OpenAPI."""
    binary = {"type": "string", "format": "binary"}
    files: dict[str, Any] = dict.fromkeys(SONGS, binary)
    files |= {key: {"type": "array", "items": binary} for key in STEMS}
    form = {"type": "object", "properties": files | choices.model_json_schema()["properties"]}
    if needed:
        form["required"] = list(needed)
    json_schema = {"$ref": f"#/components/schemas/{schema.__name__}"}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": json_schema}}
    return {"requestBody": {"required": True, "content": content}}


async def receive_songs(
    request: Request, owner: str, service: Parts, schema: type[C], choices: type[C]
) -> Given[C]:
    """Take in two songs, refusing as soon as it is clear.

    Parameters
    ----------
    request, owner, service
        Who asks for what of whom.
    schema : type
        Of JSON: `Songs` and choices.
    choices : type
        Of the texts of a form.

    Raises
    ------
    ProblemError
        413, 422 (names the song) or 507.
    """
    settings = service.settings
    length = length_of(request)
    most = songs_bytes(settings.max_song_bytes, settings.max_upload_bytes)
    if length > most:
        raise ProblemError(413, f"Both songs together are larger than {most // 10**6} MB.")
    await service.require_room()
    kind = request.headers.get("content-type", "")
    boundary = boundary_of(kind)
    if boundary is not None:
        service.receiver.require_room(length)
        return await _from_form(request, owner, service, boundary, choices)
    if kind.partition(";")[0].strip().lower() == "application/json":
        return await _from_json(request, owner, service, schema)
    raise ProblemError(422, "Send song_a and song_b as multipart/form-data, or as JSON with their sha256.")


async def _from_form(
    request: Request, owner: str, service: Parts, boundary: bytes, choices: type[C]
) -> Given[C]:
    form = Form()

    def begin(name: str, filename: str) -> Reception:
        if name in SONGS:
            return service.receiver.begin(called(filename), max_bytes=service.settings.max_song_bytes)
        if name not in STEMS:
            raise ProblemError(
                422, f"{name[:40]!r}: this file is not asked for; send {', '.join((*SONGS, *STEMS))}."
            )
        taken = sum(one.size for one in form.files.get(name, []))
        return service.receiver.begin(called(filename), max_bytes=service.settings.max_upload_bytes - taken)

    try:
        await form_of(request, service, boundary, Fields(begin, several=frozenset(STEMS)), form)
        _require_both(form.files)
        given = Given(validated(choices, form.texts))
        for what, receptions in form.files.items():
            kept = [(one.name, await _kept(service, owner, what, one)) for one in receptions]
            await _add(given, service, owner, what, kept)
    finally:
        form.discard()
    return given


async def _from_json(request: Request, owner: str, service: Parts, schema: type[C]) -> Given[C]:
    given = Given(await json_of(request, schema))
    asked = {what: getattr(given.asked, what) for what in (*SONGS, *STEMS)}
    found = {what: one for what, one in asked.items() if one is not None}
    _require_both(found)
    for what, one in found.items():
        named = one if isinstance(one, dict) else {"": one}
        kept = [(name, await service.upload(owner, digest, what)) for name, digest in named.items()]
        await _add(given, service, owner, what, kept)
    return given


def _require_both(found: Any) -> None:
    """Ask for both songs, as files or as stems."""
    for song, stems in zip(SONGS, STEMS, strict=True):
        if song not in found and stems not in found:
            raise ProblemError(422, f"{song} is missing: send the song, or its stems as {stems}.")


async def _kept(service: Parts, owner: str, what: str, reception: Reception) -> Upload:
    try:
        return await service.receiver.keep(owner, reception, max_s=service.settings.max_song_s)
    except ProblemError as error:
        raise ProblemError(error.status, f"{what}: {error.detail}") from error


async def _add(
    given: Given[C], service: Parts, owner: str, what: str, found: list[tuple[str, Upload]]
) -> None:
    """Add a song, or the stems of one."""
    if what in SONGS:
        given.uploads[what] = _within_limits(service, what, found[0][1])
        return
    stems = await stems_of(service, owner, what, found)
    given.uploads |= {f"{what}/{name}": upload for name, upload in stems.items()}
    packed = PurePath(found[0][1].name).stem if not found[0][1].is_audio else ""
    given.titles[what] = packed or f"song {what[-1].upper()}"


def _within_limits(service: Parts, song: str, upload: Upload) -> Upload:
    """Hold an upload, which may be any stem, against the limits of songs."""
    settings = service.settings
    if not upload.is_audio:
        raise ProblemError(422, f"{song}: {upload.name} is no audio ({upload.container}).")
    if upload.bytes > settings.max_song_bytes:
        raise ProblemError(
            413, f"{song}: {upload.name} is larger than {settings.max_song_bytes // 10**6} MB."
        )
    if (upload.duration_s or 0.0) > settings.max_song_s:
        raise ProblemError(422, f"{song}: {upload.name} is longer than {settings.max_song_s / 60:g} minutes.")
    return upload

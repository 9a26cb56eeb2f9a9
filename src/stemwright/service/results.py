"""Hand out what came out of a job: files by name, a range of one, or all of them as a zip."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from fastapi.responses import FileResponse

from stemwright.engine.jobs import JobState
from stemwright.errors import InputError
from stemwright.io.files import safe_name
from stemwright.service.deps import Parts
from stemwright.service.problems import ProblemError

__all__ = ["attachment", "digest_of", "file_answer", "name_that", "outputs_of", "title_of"]

_TYPES = {
    ".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".zip": "application/zip",
    ".json": "application/json", ".html": "text/html; charset=utf-8", ".mid": "audio/midi",
}  # fmt: skip


def outputs_of(state: JobState) -> dict[str, str]:
    """Return the names of what came out, with their digests."""
    return dict(state.result.get("outputs", {}))


def name_that(state: JobState, *wanted: str, suffix: str = "") -> str:
    """Return the first of some outputs that is there, or any with a suffix; 404 when there is none."""
    names = outputs_of(state)
    found = [name for name in wanted if name in names]
    found += sorted(name for name in names if suffix and name.endswith(suffix))
    if not found:
        raise ProblemError(404, "This session has no such file.")
    return found[0]


def digest_of(state: JobState, name: str) -> str:
    """Return the digest of an output; 404 when there is none of that name."""
    digest = outputs_of(state).get(name)
    if digest is None:
        raise ProblemError(404, "This session has no such file.")
    return digest


async def path_of(service: Parts, digest: str) -> Path:
    """Find a file by its digest; 404 when it is gone."""
    try:
        return await asyncio.to_thread(service.shelf.files.path, digest)
    except InputError as error:
        raise ProblemError(404, "This file is no longer there.") from error


async def file_answer(
    service: Parts, state: JobState, name: str, *, inline: bool, called: str = ""
) -> FileResponse:
    """Send an output; ranges and conditional requests are answered from its digest.

    Parameters
    ----------
    service : Parts
        Finds the file.
    state : JobState
        Whose output it is.
    name : str
        Of the output.
    inline : bool
        Whether browsers play or show it, or save it.
    called : str
        What it is saved as.
    """
    digest = digest_of(state, name)
    path = await path_of(service, digest)
    stat = await asyncio.to_thread(os.stat, path)
    headers = {
        "etag": f'"{digest}"',
        "cache-control": "private, no-cache",
        "content-disposition": attachment(called or Path(name).name, inline=inline),
    }
    kind = _TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
    return FileResponse(path, headers=headers, media_type=kind, stat_result=stat)


def attachment(name: str, *, inline: bool = False) -> str:
    """Write Content-Disposition for any name: plain ASCII for old clients, RFC 5987 for the rest."""
    safe = safe_name(name)
    ascii_name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in safe)
    how = "inline" if inline else "attachment"
    return f"{how}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(safe, safe='')}"


def _is_set(key: str, known: Mapping[str, str]) -> bool:
    return key.startswith("stems_") and "/" not in key and f"song_{key[-1]}" not in known


def title_of(state: JobState) -> str:
    """Say what a session is about: the names that people gave their files."""
    request = state.request
    known = {key: request.names.get(key, key) for key in request.files if not key.startswith("stems_")}
    # a song of which only stems were given is called after them
    known |= {f"song_{key[-1]}": name for key, name in request.names.items() if _is_set(key, known)}
    names = [known[key] for key in sorted(known)]
    if "report" in state.result and state.result["report"].get("title"):
        return str(state.result["report"]["title"])
    return " × ".join(Path(name).stem for name in names[:2]) or str(request.kind)

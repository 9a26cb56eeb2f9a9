"""Stems that somebody has already: several files or one zip, named so that a recipe tells what each is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from stemwright.io.sort_out import is_audio_name
from stemwright.service.deps import Parts
from stemwright.service.names import is_safe_name
from stemwright.service.problems import ProblemError
from stemwright.service.shelf import ZIP, Upload

__all__ = ["own_names", "stems_of"]


async def stems_of(
    service: Parts, owner: str, what: str, found: list[tuple[str, Upload]]
) -> dict[str, Upload]:
    """Return the stems of one song by names of their own.

    Parameters
    ----------
    service, owner
        Who keeps the files, and whose they are.
    what : str
        ``"stems_a"``, for what is refused.
    found : list of (str, Upload)
        Names as people gave them; one zip stands for what is in it.

    Raises
    ------
    ProblemError
        422 for what is no stem of a song, 413 when they are too large together.
    """
    settings = service.settings
    if any(upload.container == ZIP for _, upload in found):
        if len(found) > 1:
            raise ProblemError(422, f"{what}: send several files, or one zip; not both.")
        found = await _unpacked(service, owner, what, found[0][1])
    if len(found) > settings.max_files:
        raise ProblemError(
            422, f"{what}: {len(found)} files are too many; {settings.max_files} are possible."
        )
    if sum(upload.bytes for _, upload in found) > settings.max_upload_bytes:
        raise ProblemError(413, f"{what}: larger than {settings.max_upload_bytes // 10**6} MB together.")
    for name, upload in found:
        _require_stem(what, name, upload, settings.max_song_s)
    return dict(zip(own_names(name for name, _ in found), (one for _, one in found), strict=True))


async def _unpacked(service: Parts, owner: str, what: str, packed: Upload) -> list[tuple[str, Upload]]:
    try:
        return await service.receiver.unpack(owner, packed, max_s=service.settings.max_song_s)
    except ProblemError as error:
        raise ProblemError(error.status, f"{what}: {error.detail}") from error


def _require_stem(what: str, name: str, upload: Upload, max_s: float) -> None:
    if not is_safe_name(name):
        raise ProblemError(422, f"{what}: {name[:80]!r} is no name for a file: use plain names.")
    if not upload.is_audio:
        raise ProblemError(422, f"{what}: {upload.name} is no audio ({upload.container}).")
    if (upload.duration_s or 0.0) > max_s:
        raise ProblemError(422, f"{what}: {upload.name} is longer than {max_s / 60:g} minutes.")


def own_names(names: Iterable[str]) -> list[str]:
    """Give each file a plain name of its own that ends like audio; what it is, its words say."""
    taken: set[str] = set()
    found = []
    for name in names:
        path = PurePosixPath(PurePosixPath(name).name.lstrip(".") or "stem")
        path = path if is_audio_name(path.name) else PurePosixPath(f"{path.name}.wav")
        number, own = 1, path.name
        while own.casefold() in taken:
            number += 1
            own = f"{path.stem} {number}{path.suffix}"
        taken.add(own.casefold())
        found.append(own)
    return found

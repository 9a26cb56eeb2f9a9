"""manifest.json: what every delivered file is, so that anybody can prove that it arrived whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from stemwright.checks import Report
from stemwright.delivery.canonical import canonical_json
from stemwright.io.files import atomic_write_text, sha256_of
from stemwright.io.reader import AudioFile, open_audio

__all__ = [
    "AUDIO_SUFFIXES",
    "audio_entry",
    "describe_file",
    "describe_files",
    "write_manifest",
    "write_report_json",
]

AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".aiff", ".aif", ".ogg", ".opus", ".m4a", ".w64", ".caf"}
)


def describe_file(
    path: Path, *, name: str, sha256: str | None = None, audio: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Describe one file: name in the delivery, bytes, sha256; of audio also the format and exact length.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Below the output folder, with ``/``.
    sha256 : str, optional
        Where it is known, so that the file is not read again for it.
    audio : Mapping, optional
        From `audio_entry`, where it is known: a lossy file is not decoded again to count its frames.

    Raises
    ------
    UnreadableError
        When one that should be audio isn't.
    """
    entry: dict[str, Any] = {"path": name, "bytes": path.stat().st_size, "sha256": sha256 or sha256_of(path)}
    if audio is not None:
        return entry | dict(audio)
    if path.suffix.lower() in AUDIO_SUFFIXES:
        with open_audio(path) as file:
            entry |= audio_entry(file)
    return entry


def audio_entry(file: AudioFile) -> dict[str, Any]:
    """Say what the manifest says of audio: its format and exact length."""
    return {
        "frames": file.frames,
        "sample_rate": file.sample_rate,
        "channels": file.channels,
        "container": file.info.container,
        "subtype": file.info.subtype,
    }


def describe_files(folder: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """Describe files of a folder by their names below it, with ``/``; see `describe_file`."""
    return [describe_file(folder / PurePosixPath(name), name=name) for name in names]


def write_manifest(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write ``manifest.json``, sorted by name; nothing about time or machine.

    Parameters
    ----------
    path : Path
        Where it goes.
    entries : Iterable[dict]
        From `describe_files`.

    Raises
    ------
    StorageError
        When it can't be written.
    """
    atomic_write_text(path, canonical_json({"files": sorted(entries, key=itemgetter("path"))}))


def write_report_json(path: Path, report: Report) -> None:
    """Write ``report.json``: `Report.as_dict` in canonical form."""
    atomic_write_text(path, canonical_json(report.as_dict()))

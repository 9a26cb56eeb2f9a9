"""What stands for a file, or for a plug-in's folder, in keys and reports: its content, not its place."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stemwright.errors import UnreadableError
from stemwright.io.files import sha256_of

__all__ = ["fingerprint"]


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of all names and contents in it, in order.

    Raises
    ------
    UnreadableError
        When it isn't there or can't be read.
    """
    try:
        return _of_folder(path) if path.is_dir() else sha256_of(path)
    except OSError as error:
        raise UnreadableError(
            f"{path} can't be read: {error.strerror}.", way_out="Check the path of the effect."
        ) from error


def _of_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()

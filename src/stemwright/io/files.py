"""Files that appear whole or not at all, under names that every system takes."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stemwright.errors import RefusedError, StorageError

__all__ = [
    "atomic_write_bytes",
    "atomic_write_text",
    "copy_file",
    "free_bytes",
    "part_file",
    "require_room",
    "safe_name",
    "sha256_of",
    "storage_errors",
]

COPY_BYTES = 2**20
MAX_NAME_BYTES = 120
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_counter = itertools.count()

_WAYS_OUT = {
    errno.ENOSPC: ("the disk is full", "Free some space, or choose a folder on another disk."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or choose another folder."),
    errno.EROFS: ("the disk is read-only", "Choose a folder that can be written to."),
    errno.EACCES: ("this user may not write there", "Choose another folder, or change its permissions."),
    errno.EPERM: ("this user may not write there", "Choose another folder, or change its permissions."),
    errno.EISDIR: ("there is a folder of that name", "Choose another name."),
    errno.ENOENT: ("its folder does not exist", "Make the folder first."),
    errno.ENOTDIR: ("its folder is a file", "Choose another folder."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
    errno.EFBIG: ("the file grew beyond what this disk takes", "Choose a folder on another disk."),
}


def _storage_error(path: Path, error: OSError) -> StorageError:
    """Say why `path` could not be written, and the way out."""
    why, way_out = _WAYS_OUT.get(error.errno or 0, (error.strerror or str(error), "Check the path."))
    return StorageError(f"{path} can't be written: {why}.", way_out=way_out)


@contextmanager
def part_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a name beside `path` to write to; rename it to `path` when the block ends well, else remove it.

    Raises
    ------
    RefusedError
        When `path` exists and `overwrite` is False; asked before and after.
    StorageError
        Full or read-only disk, no permission, a folder in the way, a name that is too long.
    """
    _require_free(path, overwrite=overwrite)
    # short, hidden, and unlike that of any other writer
    part = path.with_name(f".{path.name[:40]}.{os.getpid()}-{next(_counter)}.part")
    try:
        yield part
        _require_free(path, overwrite=overwrite)
        with storage_errors(path):
            part.replace(path)
    except BaseException:
        _forget(part)
        raise


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of writing `path` into a `StorageError` that says the way out."""
    try:
        yield
    except OSError as error:
        raise _storage_error(path, error) from error


def _forget(part: Path) -> None:
    # on a disk that just failed, removing may fail too; what failed first is what people must read
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _require_free(path: Path, *, overwrite: bool) -> None:
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        found = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
        raise _storage_error(path, found) from error
    if path.is_dir():
        raise _storage_error(path, IsADirectoryError(errno.EISDIR, ""))
    if not overwrite:
        raise RefusedError(
            f"{path} exists already and is not overwritten.",
            way_out="Choose another name, or allow overwriting.",
        )


def atomic_write_bytes(path: Path, content: bytes, *, overwrite: bool = True) -> None:
    """Write a whole file, or leave everything as it was."""
    with part_file(path, overwrite=overwrite) as part, storage_errors(path):
        part.write_bytes(content)


def atomic_write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write a whole UTF-8 text with line feeds, or leave everything as it was."""
    atomic_write_bytes(path, text.encode("utf-8"), overwrite=overwrite)


def copy_file(source: Path, path: Path, *, overwrite: bool = False) -> None:
    """Copy the content of a file; `path` appears when it is whole."""
    with (
        source.open("rb") as original,
        part_file(path, overwrite=overwrite) as part,
        storage_errors(path),
        part.open("xb") as copy,
    ):
        shutil.copyfileobj(original, copy, COPY_BYTES)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write in the folder `path`, or in the nearest one that exists."""
    folder = path.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_room(path: Path, needed_bytes: int) -> None:
    """Raise `StorageError` when the disk of `path` has no room for `needed_bytes` more."""
    free = free_bytes(path.parent)
    if needed_bytes > free:
        raise StorageError(
            f"{path} needs {needed_bytes >> 20} MiB and the disk has {free >> 20} MiB left.",
            way_out="Free some space, or choose a folder on another disk.",
        )


def safe_name(title: str, *, fallback: str = "untitled") -> str:
    """Make a file name of a title: one that stays in its folder and that every system takes.

    Separators, control and invisible characters, leading and trailing dots and spaces go; Windows' device
    names get an underscore; the length is bounded in bytes (an extension still fits); never empty.
    """
    normal = unicodedata.normalize("NFC", _FORBIDDEN.sub("-", title))
    kept = "".join(
        c for c in normal if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )
    name = " ".join(kept.split()).strip(". -")
    name = name.encode("utf-8")[:MAX_NAME_BYTES].decode("utf-8", "ignore").rstrip(". ")
    if not name:
        return fallback
    return f"_{name}" if _RESERVED.match(name) else name

"""What is in a file, without reading it again: remembered by place, size, time of change and inode."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from stemwright.io.files import sha256_of
from stemwright.pipeline.store import Store, key_of

__all__ = ["folder_sha256", "remembered_sha256"]

SETTLED_NS = 2_000_000_000
"""A file that was changed in the last two seconds may change again within one tick of the clock."""


def remembered_sha256(path: Path, store: Store) -> str:
    """Return the SHA-256 of a file in hex; it is read only if it is not the one that was read before."""
    status = path.stat()
    seen = [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino]
    key = key_of("digest", "1", {"file": seen})
    if (found := store.find(key)) is not None:
        return str(found.record["sha256"])
    digest = sha256_of(path)
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        store.keep(key, store.workspace(), {"sha256": digest})
    return digest


def folder_sha256(folder: Path, files: Iterable[Path], store: Store) -> str:
    """Return one SHA-256 for files of a folder: their names in it, and what is in them."""
    rows = [
        f"{path.relative_to(folder).as_posix()} {remembered_sha256(path, store)}" for path in sorted(files)
    ]
    return hashlib.sha256("\n".join(rows).encode("utf-8", "surrogateescape")).hexdigest()

"""Uploads and results: files under their sha256, whole or not there at all.

With a bucket (``s3://…``) every machine keeps a folder of what it used; only what is missing is fetched.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from stemwright.errors import InputError, RefusedError
from stemwright.io.files import copy_file, sha256_of, storage_errors

__all__ = ["Blobs", "Bucket", "link_or_copy", "remove_folder"]

PIECE_BYTES = 2**20


class Bucket(Protocol):
    """Where many machines share files."""

    def put(self, name: str, path: Path) -> None:
        """Keep a file; one that is there already stays."""

    def fetch(self, name: str, path: Path) -> bool:
        """Write a file to `path`; False when there is none."""

    def remove(self, name: str) -> None:
        """Forget a file."""


class Blobs:
    """Files under their sha256.

    Parameters
    ----------
    folder : Path
        Made when missing.
    bucket : Bucket, optional
        Shared with other machines.
    """

    def __init__(self, folder: Path, bucket: Bucket | None = None) -> None:
        self.folder = folder
        self.bucket = bucket
        self._tmp = folder / "tmp"
        with storage_errors(folder):
            self._tmp.mkdir(parents=True, exist_ok=True)

    def put(self, stream: BinaryIO | Iterable[bytes], *, max_bytes: int | None = None) -> tuple[str, int]:
        """Keep a stream; returns its sha256 and size. Memory does not grow with its length.

        Raises
        ------
        RefusedError
            Beyond `max_bytes`.
        StorageError
            When the disk is full; nothing is kept then.
        """
        part = self._part()
        digest, size = hashlib.sha256(), 0
        try:
            with storage_errors(self.folder), part.open("wb") as file:
                for piece in _pieces(stream):
                    size += len(piece)
                    if max_bytes is not None and size > max_bytes:
                        raise RefusedError(f"The file is larger than {max_bytes / 1e6:.0f} MB.")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            self._publish(part, digest.hexdigest())
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def add(self, path: Path, *, sha256: str = "") -> str:
        """Keep a file of this disk under its sha256; it is not copied where a second name will do."""
        digest = sha256 or sha256_of(path)
        target = self.folder / digest
        if not target.is_file():
            part = self._part()
            try:
                with storage_errors(self.folder):
                    link_or_copy(path, part)
                self._publish(part, digest)
            finally:
                part.unlink(missing_ok=True)
        return digest

    def path(self, sha256: str) -> Path:
        """Return where a file is, fetched when it is missing here.

        Raises
        ------
        InputError
            When nobody has it.
        """
        target = self.folder / _digest(sha256)
        if target.is_file():
            return target
        part = self._part()
        try:
            if self.bucket is not None and self.bucket.fetch(f"blobs/{sha256}", part):
                part.replace(target)
                return target
        finally:
            part.unlink(missing_ok=True)
        raise InputError("A file of this job is no longer there.", way_out="Upload it again.")

    def has(self, sha256: str) -> bool:
        """Whether the file is here or can be fetched."""
        try:
            return self.path(sha256).is_file()
        except InputError:
            return False

    def remove(self, sha256: str) -> None:
        """Forget a file."""
        (self.folder / _digest(sha256)).unlink(missing_ok=True)
        if self.bucket is not None:
            self.bucket.remove(f"blobs/{sha256}")

    def sweep(self) -> None:
        """Remove what a killed process left half-written; only while no other process writes here."""
        for part in self._tmp.iterdir():
            with suppress(OSError):
                part.unlink()

    def _part(self) -> Path:
        return self._tmp / secrets.token_hex(8)

    def _publish(self, part: Path, digest: str) -> None:
        if self.bucket is not None:
            self.bucket.put(f"blobs/{digest}", part)
        with storage_errors(self.folder):
            part.replace(self.folder / digest)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the disk is another one."""
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)


def remove_folder(folder: Path) -> None:
    """Remove a folder with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _pieces(stream: BinaryIO | Iterable[bytes]) -> Iterable[bytes]:
    read = getattr(stream, "read", None)
    return stream if read is None else iter(lambda: read(PIECE_BYTES), b"")


def _digest(sha256: str) -> str:
    """Make sure that it is a digest: it becomes the name of a file."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise InputError("That is no sha256.")
    return sha256

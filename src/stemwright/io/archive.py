"""Zip files: written the same bytes for the same inputs, read without trusting a word they say."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, BinaryIO

from stemwright.errors import InputError, RefusedError, StorageError, UnreadableError
from stemwright.io.files import part_file, storage_errors
from stemwright.io.limits import ReadLimits
from stemwright.io.reader import AudioFile, open_audio

__all__ = ["Archive", "ArchiveEntry", "ArchiveLimits", "extend_zip", "open_archive", "write_zip"]

COPY_BYTES = 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FILE_MODE = 0o100644
_LINK_TYPE = 0o120000
_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds on a zip that is read.

    Attributes
    ----------
    max_entries : int
        Most files in it.
    max_bytes : int
        Most bytes in all, unpacked.
    max_ratio : float
        Unpacked bytes per packed byte of an entry larger than 1 MiB: beyond it is a bomb.
    """

    max_entries: int = 4_096
    max_bytes: int = 64 * 2**30
    max_ratio: float = 200.0


def write_zip(path: Path, entries: Iterable[tuple[str, Path]], *, overwrite: bool = False) -> int:
    """Pack files uncompressed, in the order given, with one date and mode; zip64 where needed.

    Same names and contents, same bytes. Memory does not grow with size.

    Parameters
    ----------
    path : Path
        The zip; it appears when it is whole.
    entries : iterable of (str, Path)
        Name inside the zip, with ``/``, and the file.
    overwrite : bool
        Whether `path` may be replaced.

    Returns
    -------
    int
        Bytes of the zip.

    Raises
    ------
    InputError
        A name twice, or one that leaves its folder.
    StorageError
        The zip can't be written.
    """
    entries = list(entries)
    _require_safe([name for name, _ in entries], path.name)
    with part_file(path, overwrite=overwrite) as part, storage_errors(path):
        with zipfile.ZipFile(part, "x", zipfile.ZIP_STORED, allowZip64=True) as packed:
            for name, file in entries:
                _pack(packed, name, file)
        return part.stat().st_size


def extend_zip(path: Path, entries: Iterable[tuple[str, Path]]) -> list[str]:
    """Pack files behind those that are in `path` already, as `write_zip` would have packed all of them.

    Parameters
    ----------
    path : Path
        Made when missing; under no final name, for it is whole between two calls and not before.
    entries : iterable of (str, Path)
        Name inside the zip, with ``/``, and the file.

    Returns
    -------
    list of str
        The SHA-256 of each file in hex: it was read anyway.

    Raises
    ------
    InputError
        A name twice, or one that leaves its folder.
    StorageError
        The zip can't be written.
    """
    entries = list(entries)
    digests = []
    with storage_errors(path), zipfile.ZipFile(path, "a", zipfile.ZIP_STORED, allowZip64=True) as packed:
        _require_safe([*packed.namelist(), *(name for name, _ in entries)], path.name)
        for name, file in entries:
            digest = hashlib.sha256()
            _pack(packed, name, file, digest.update)
            digests.append(digest.hexdigest())
    return digests


def _pack(
    packed: zipfile.ZipFile, name: str, file: Path, watch: Callable[[bytes], None] = lambda _: None
) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = _FILE_MODE << 16
    entry.file_size = file.stat().st_size
    with file.open("rb") as source, packed.open(entry, "w") as target:
        while chunk := source.read(COPY_BYTES):
            watch(chunk)
            target.write(chunk)


def _require_safe(names: list[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        parts = PurePosixPath(name).parts
        if not name or "\\" in name or "\0" in name or name.startswith("/") or ".." in parts or ":" in name:
            raise InputError(
                f"{where}: the entry {name[:200]!r} would leave its folder.",
                way_out="Pack it again, with plain names.",
            )
        if name.casefold() in seen:
            raise InputError(f"{where} holds {name[:200]!r} twice.", way_out="Pack it again.")
        seen.add(name.casefold())


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One file in a zip: its name with ``/``, and its unpacked size in bytes."""

    name: str
    size: int


class Archive:
    """A zip that is read in place; use it in a ``with`` statement. Made by `open_archive`."""

    def __init__(self, path: Path, packed: zipfile.ZipFile, name: str = "") -> None:
        self.path = path
        self.name = name or path.name
        self._packed = packed
        self._infos = {info.filename: info for info in packed.infolist() if not info.is_dir()}

    @property
    def entries(self) -> tuple[ArchiveEntry, ...]:
        """The files in it, by name."""
        return tuple(ArchiveEntry(name, self._infos[name].file_size) for name in sorted(self._infos))

    def read(self, name: str, *, max_bytes: int = 2**24) -> bytes:
        """Read a small entry whole: a manifest, a text."""
        if self._info(name).file_size > max_bytes:
            raise RefusedError(f"{self.name}: {name} is larger than {max_bytes} bytes.")
        with self.open(name) as file:
            return file.read()

    def open(self, name: str) -> BinaryIO:
        """Open an entry as a seekable file: stored ones in place, packed ones through a temporary file."""
        info = self._info(name)
        if info.compress_type == zipfile.ZIP_STORED:
            return _Window(self.path, self._data_offset(info), info.file_size)  # type: ignore[return-value]
        return self._unpacked(info)

    def head(self, name: str, count: int) -> bytes:
        """Read the first bytes of an entry; nothing is written anywhere."""
        info = self._info(name)
        try:
            with self._packed.open(info) as source:
                return source.read(count)
        except _BROKEN as error:
            raise _broken(self.name, info.filename) from error

    def unpack(self, name: str, write: Callable[[bytes], object]) -> None:
        """Hand an entry on, piece by piece; exactly as many bytes as it says."""
        info = self._info(name)
        try:
            with self._packed.open(info) as source:
                _copy_bounded(source, write, info.file_size)
        except _BROKEN as error:
            raise _broken(self.name, info.filename) from error

    def is_stored(self, name: str) -> bool:
        """Whether an entry is unpacked already, and read in place."""
        return self._info(name).compress_type == zipfile.ZIP_STORED

    def open_audio(self, name: str, *, stream: int = 0, limits: ReadLimits | None = None) -> AudioFile:
        """Open an entry as audio."""
        return open_audio(name, stream=stream, limits=limits, file=self.open(name))

    def close(self) -> None:
        """Close the zip; entries that were opened stay open."""
        self._packed.close()

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._infos:
            raise UnreadableError(f"{self.name} holds no {name!r}.", way_out="List its entries.")
        return self._infos[name]

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        """Offset of an entry's bytes: behind its local header (APPNOTE.TXT 4.3.7)."""
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            head = file.read(_LOCAL_HEADER_BYTES)
        if len(head) < _LOCAL_HEADER_BYTES or head[:4] != b"PK\x03\x04":
            raise _broken(self.name, info.filename)
        names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        return info.header_offset + _LOCAL_HEADER_BYTES + names

    def _unpacked(self, info: zipfile.ZipInfo) -> BinaryIO:
        try:
            target = tempfile.TemporaryFile(prefix="stemwright-", buffering=0)  # noqa: SIM115 - handed to the caller
        except OSError as error:
            raise _no_room(info.filename, error) from error
        with ExitStack() as stack:
            stack.callback(target.close)
            self._unpack(info, target)
            stack.pop_all()
        target.seek(0)
        return target

    def _unpack(self, info: zipfile.ZipInfo, target: BinaryIO) -> None:
        try:
            self.unpack(info.filename, target.write)
        except OSError as error:
            raise _no_room(info.filename, error) from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_archive(path: Path | str, *, limits: ArchiveLimits | None = None, name: str = "") -> Archive:
    """Open a zip for reading, after every entry was looked at.

    Parameters
    ----------
    path : Path or str
        The zip.
    limits : ArchiveLimits, optional
        What is refused before anything is unpacked.
    name : str
        What people call it, for messages; the file's own name unless given.

    Raises
    ------
    UnreadableError
        No zip, or damaged.
    RefusedError
        Too many entries, too large, packed like a bomb, encrypted, links.
    InputError
        Names that leave the folder, or stand twice.
    """
    path = Path(path)
    where = name or path.name
    try:
        packed = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise UnreadableError(
            f"{where} can't be read as a zip: {error}.", way_out="Pack it again."
        ) from error
    try:
        _require_bounded(packed, where, path.stat().st_size, limits or ArchiveLimits())
    except BaseException:
        packed.close()
        raise
    return Archive(path, packed, where)


def _require_bounded(packed: zipfile.ZipFile, where: str, size: int, limits: ArchiveLimits) -> None:
    infos = packed.infolist()
    if len(infos) > limits.max_entries:
        raise RefusedError(f"{where} holds {len(infos)} entries; up to {limits.max_entries} are read.")
    total = sum(info.file_size for info in infos)
    if total > limits.max_bytes:
        raise RefusedError(f"{where} unpacks to {total} bytes; up to {limits.max_bytes} are read.")
    if sum(info.compress_size for info in infos) > size:
        raise RefusedError(f"{where} holds entries that lie over each other.", way_out="Pack it again.")
    _require_safe([info.filename for info in infos if not info.is_dir()], where)
    for info in infos:
        _require_plain(info, where, limits)


def _require_plain(info: zipfile.ZipInfo, where: str, limits: ArchiveLimits) -> None:
    name = info.filename[:200]
    if info.flag_bits & _ENCRYPTED:
        raise RefusedError(f"{where}: {name!r} is encrypted.", way_out="Pack it without a password.")
    if info.external_attr >> 16 & 0o170000 == _LINK_TYPE:
        raise RefusedError(f"{where}: {name!r} is a link.", way_out="Pack the file itself.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedError(
            f"{where}: {name!r} is packed in a way that is not read.", way_out="Use store or deflate."
        )
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise RefusedError(f"{where}: {name!r} gives two sizes for itself.", way_out="Pack it again.")
    if info.file_size > 2**20 and info.file_size > limits.max_ratio * info.compress_size:
        raise RefusedError(
            f"{where}: {name!r} unpacks to {info.file_size} bytes from {info.compress_size}.",
            way_out=f"Up to {limits.max_ratio:g} times is read; pack it without compression.",
        )


def _copy_bounded(source: IO[bytes], write: Callable[[bytes], object], size: int) -> None:
    """Copy exactly `size` bytes; an entry that unpacks to more than it says is broken."""
    left = size
    while chunk := source.read(COPY_BYTES):
        left -= len(chunk)
        if left < 0:
            raise zipfile.BadZipFile("more data than declared")
        write(chunk)
    if left:
        raise zipfile.BadZipFile("less data than declared")


def _broken(where: str, name: str) -> UnreadableError:
    return UnreadableError(f"{where}: {name!r} is damaged.", way_out="Copy or pack it again.")


def _no_room(name: str, error: OSError) -> StorageError:
    return StorageError(
        f"{name} can't be unpacked to a temporary file: {error.strerror or error}.",
        way_out="Free some space, or set TMPDIR to a folder that has room.",
    )


class _Window(io.RawIOBase):
    """A part of a file that reads like a file."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._offset = offset
        self._size = max(0, min(size, self._file.seek(0, os.SEEK_END) - offset))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = max(0, min(len(view), self._size - self._position))
        self._file.seek(self._offset + self._position)
        got = self._file.readinto(view[:count]) or 0
        self._position += got
        return got

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()

"""Take files in as they come: hashed on the way to the disk, refused as soon as it is clear."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from stemwright.io.files import free_bytes, storage_errors
from stemwright.io.sniff import SYNC_SEARCH_BYTES, identify
from stemwright.io.sort_out import is_audio_name
from stemwright.service.metrics import Metrics
from stemwright.service.probe import Prober, Question
from stemwright.service.problems import ProblemError
from stemwright.service.settings import MB, ServiceSettings
from stemwright.service.shelf import ZIP, Shelf, Upload

__all__ = ["Receiver", "Reception"]

NOT_AUDIO = {b"MThd": "MIDI", b"PK\x03\x04": ZIP}
CHECK_BYTES = 32 * MB
"""How often the disk is asked again while a body of no declared length comes in."""
SOUNDFONT = (b"RIFF", b"sfbk")


class Reception:
    """One file on its way in.

    Parameters
    ----------
    path : Path
        Where it goes; removed unless `finish` was called.
    name : str
        What people call it.
    max_bytes : int
        Refused with 413 beyond.
    """

    def __init__(self, path: Path, name: str, max_bytes: int) -> None:
        self.path = path
        self.name = name
        self.size = 0
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._head = bytearray()
        self._sniffed = False
        with storage_errors(Path("The upload")):
            self._file: BinaryIO = path.open("xb")

    def write(self, piece: bytes) -> None:
        """Take a piece.

        Raises
        ------
        ProblemError
            413 when it grows too large, 422 when it can't be audio.
        """
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise ProblemError(413, f"{self.name} is larger than {self._max_bytes // MB} MB.")
        self._digest.update(piece)
        with storage_errors(Path("The upload")):
            self._file.write(piece)
        if not self._sniffed:
            self._sniff(piece)

    def _sniff(self, piece: bytes) -> None:
        """Look at the first bytes as soon as there are enough; a long ID3 tag has to be waited for."""
        self._head += piece[: SYNC_SEARCH_BYTES + 1 - len(self._head)]
        if len(self._head) > SYNC_SEARCH_BYTES:
            self._sniffed = True
            if not self._head.startswith(b"ID3") and not notes_of(bytes(self._head[:12])):
                identify(io.BytesIO(self._head), self.name, size=self.size)
            self._head.clear()

    def finish(self) -> str:
        """Close the file; returns its sha256."""
        with storage_errors(Path("The upload")):
            self._file.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Remove what came in; nothing happens when it was moved away."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Receiver:
    """Takes uploads in.

    Parameters
    ----------
    shelf : Shelf
        Where they go.
    prober : Prober
        Reads their headers.
    settings : ServiceSettings
        Limits.
    metrics : Metrics
        Counts bytes.
    """

    def __init__(self, shelf: Shelf, prober: Prober, settings: ServiceSettings, metrics: Metrics) -> None:
        self.shelf = shelf
        self._prober = prober
        self._settings = settings
        self._metrics = metrics

    def require_room(self, length: int) -> None:
        """Raise 507 unless so many bytes fit and the disk keeps its reserve."""
        if free_bytes(self.shelf.incoming) - length < self._settings.min_free_bytes:
            self._metrics.refused("disk")
            raise ProblemError(507, "The disk of this server is nearly full. Try again later.")

    def begin(self, name: str, *, max_bytes: int) -> Reception:
        """Begin to take in one file."""
        return Reception(self.shelf.part(), name, max_bytes)

    async def receive(self, owner: str, name: str, body: AsyncIterator[bytes]) -> Upload:
        """Take in a body that is one file."""
        reception = self.begin(name, max_bytes=self._settings.max_upload_bytes)
        try:
            async for piece in self.watched(body):
                if piece:
                    await asyncio.to_thread(reception.write, piece)
            return await self.keep(owner, reception, max_s=self._settings.max_upload_s)
        finally:
            reception.discard()

    async def watched(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a body on, and ask the disk again and again while it comes in."""
        size = checked = 0
        async for piece in body:
            yield piece
            size += len(piece)
            if size - checked > CHECK_BYTES:
                checked = size
                self.require_room(0)

    async def unpack(self, owner: str, upload: Upload, *, max_s: float) -> list[tuple[str, Upload]]:
        """Keep every audio file of a zip that was looked into before as an upload of its own.

        Raises
        ------
        ProblemError
            413 when they are larger together than one upload may be, 422 for one that can't be used.
        """
        from stemwright.io.archive import open_archive  # imports what opens audio

        left, found = self._settings.max_upload_bytes, []
        path = await asyncio.to_thread(self.shelf.files.path, upload.sha256)
        archive = await asyncio.to_thread(open_archive, path, name=upload.name)
        with archive:
            for entry in archive.entries:
                if is_audio_name(entry.name):
                    reception = self.begin(PurePosixPath(entry.name).name, max_bytes=left)
                    try:
                        await asyncio.to_thread(archive.unpack, entry.name, reception.write)
                        found.append((entry.name, await self.keep(owner, reception, max_s=max_s)))
                    finally:
                        reception.discard()
                    left -= reception.size
        return found

    async def keep(self, owner: str, reception: Reception, *, max_s: float) -> Upload:
        """Look at a file that came in whole, and keep it.

        Raises
        ------
        ProblemError
            422 when it is nothing that is read here, too long, or has too many channels.
        """
        digest = await asyncio.to_thread(reception.finish)
        self._metrics.uploaded(reception.size)
        upload = await self._describe(reception, digest, max_s)
        return await asyncio.to_thread(self.shelf.keep, owner, reception.path, upload)

    async def _describe(self, reception: Reception, digest: str, max_s: float) -> Upload:
        with reception.path.open("rb") as file:
            notes = notes_of(file.read(12))
        if notes == ZIP:
            return await self._look_into(reception, digest)
        if notes:
            return Upload(digest, reception.name, reception.size, notes)
        header = await self._prober.ask(
            reception.path, reception.name, max_duration_s=max_s, max_channels=self._settings.max_channels
        )
        return Upload(
            digest, reception.name, reception.size, header.container,
            header.channels, header.sample_rate, header.duration_s,
        )  # fmt: skip

    async def _look_into(self, reception: Reception, digest: str) -> Upload:
        """Look into a zip; what unpacks it later must find room."""
        settings = self._settings
        found = await self._prober.ask_zip(Question(
            reception.path, reception.name, settings.max_upload_s, settings.max_channels,
            settings.max_unpacked_bytes,
        ))  # fmt: skip
        if len(found.names) > settings.max_files:
            raise ProblemError(
                422, f"{reception.name} holds {len(found.names)} files; {settings.max_files} are possible."
            )
        self.require_room(found.unpacked_bytes)
        return Upload(digest, reception.name, reception.size, ZIP, holds=len(found.names))


def notes_of(head: bytes) -> str:
    """Tell MIDI files, SoundFonts and zips, which some jobs take; empty for all else."""
    if (head[:4], head[8:12]) == SOUNDFONT:
        return "SOUNDFONT"
    return NOT_AUDIO.get(head[:4], "")

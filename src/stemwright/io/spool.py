"""Decoded audio on disk: what a format without exact random access is decoded to, once."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np

from stemwright.audio import Samples
from stemwright.errors import StorageError

__all__ = ["Spool"]

SPARE_BYTES = 64 * 2**20


class Spool:
    """Interleaved float32 in a nameless temporary file: gone when closed, and after a crash.

    Parameters
    ----------
    channels : int
        Channels of every block.
    name : str
        The audio's name, for messages.
    """

    def __init__(self, *, channels: int, name: str) -> None:
        self.channels = channels
        self.frames = 0
        self._name = name
        self._lock = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(prefix="stemwright-", buffering=0)  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise self._full(error) from error

    def reserve(self, frames: int) -> None:
        """Raise `StorageError` now when the temporary folder can't take `frames` frames."""
        needed = frames * self.channels * 4 + SPARE_BYTES
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if needed > free:
            raise self._full(f"{needed >> 20} MiB are needed and {free >> 20} MiB are free")

    def append(self, interleaved: Samples) -> None:
        """Append frames shaped ``(frames, channels)``, float32 and contiguous."""
        view = memoryview(interleaved.data).cast("B")
        try:
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise self._full(error) from error
        self.frames += len(interleaved)

    def cut(self, frames: int) -> None:
        """Drop everything from frame `frames` on."""
        self._file.truncate(frames * self.channels * 4)
        self.frames = frames

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""
        count = max(0, min(frames, self.frames - start))
        interleaved = np.empty((count, self.channels), np.float32)
        view = memoryview(interleaved.data).cast("B") if count else memoryview(b"")
        with self._lock:
            self._file.seek(start * self.channels * 4)
            while view:
                view = view[self._file.readinto(view) or len(view) :]
        return np.ascontiguousarray(interleaved.T)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()

    def _full(self, why: object) -> StorageError:
        folder = Path(tempfile.gettempdir())
        return StorageError(
            f"{self._name} can't be decoded to a temporary file in {folder}: {why}.",
            way_out="Free some space there, or set TMPDIR to a folder that has room.",
        )

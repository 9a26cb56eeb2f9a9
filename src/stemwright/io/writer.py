"""Write audio under its final name only when it is whole."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile as sf

from stemwright.audio import Blocks, Samples

__all__ = ["SUBTYPES", "AudioWriter", "write_audio"]

SUBTYPES = ("FLOAT", "PCM_24", "PCM_16")


class AudioWriter:
    """Write a WAV (RF64 above 4 GiB) or FLAC block by block; the name appears when ``with`` ends well.

    Parameters
    ----------
    path : Path
        Final name; the suffix picks the container.
    sample_rate, channels : int
        Of all blocks.
    subtype : str
        One of `SUBTYPES`.
    """

    def __init__(self, path: Path, *, sample_rate: int, channels: int, subtype: str = "FLOAT") -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.part")
        container = "FLAC" if path.suffix.lower() == ".flac" else "WAV"
        self._file = sf.SoundFile(
            self._part, "w", samplerate=sample_rate, channels=channels, subtype=subtype, format=container
        )
        self.frames = 0

    def write(self, block: Samples) -> None:
        """Append one block."""
        self._file.write(np.ascontiguousarray(block.T))
        self.frames += block.shape[1]

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def write_audio(
    path: Path, blocks: Blocks, *, sample_rate: int, channels: int, subtype: str = "FLOAT"
) -> int:
    """Write a stream to `path`; returns the number of frames written."""
    with AudioWriter(path, sample_rate=sample_rate, channels=channels, subtype=subtype) as writer:
        for block in blocks:
            writer.write(block)
    return writer.frames

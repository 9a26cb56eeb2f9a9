"""Open any audio file that people have, read it from any frame, refuse what is not audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile as sf

from stemwright.audio import Audio, Samples
from stemwright.errors import UnreadableError

__all__ = ["AudioFile", "AudioInfo", "open_audio", "read_audio"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says of itself.

    Attributes
    ----------
    path : Path
        Where it is.
    container : str
        ``"WAV"``, ``"FLAC"``, ``"MP3"``, ``"M4A"``, …
    subtype : str
        soundfile's name of the sample format: ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"``, …
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    frames : int
        Exact number of frames that decoding gives.
    lossy : bool
        Whether the format throws information away.
    tags : tuple of (str, str)
        Title, artist, … as text; hostile until escaped.
    """

    path: Path
    container: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    lossy: bool = False
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class AudioFile:
    """An open audio file: an `AudioSource` with its `AudioInfo`; use it in a ``with`` statement."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = sf.SoundFile(path)
        except (sf.LibsndfileError, OSError) as error:
            raise UnreadableError(f"{path.name} can't be read as audio: {error}.") from error
        self.info = AudioInfo(
            path, self._file.format, self._file.subtype, self._file.samplerate,
            self._file.channels, self._file.frames,
        )  # fmt: skip

    @property
    def sample_rate(self) -> int:
        """Frames per second, in Hz."""
        return self.info.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.info.channels

    @property
    def frames(self) -> int:
        """Exact number of frames."""
        return self.info.frames

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""
        if self._file.tell() != start:
            self._file.seek(start)
        read = self._file.read(frames, dtype="float32", always_2d=True)
        return np.ascontiguousarray(read.T)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_audio(path: Path | str) -> AudioFile:
    """Open `path` for reading."""
    return AudioFile(Path(path))


def read_audio(path: Path | str) -> Audio:
    """Read a whole file into memory; for short material."""
    with open_audio(path) as file:
        return Audio(file.read(0, file.frames), file.sample_rate)

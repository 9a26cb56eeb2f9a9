"""Open any audio file that people have, read it from any frame, refuse what is not audio.

Uncompressed files and FLAC are read in place through libsndfile. Everything else is decoded once to a
temporary file (`Spool`), so that lengths are exact and every frame can be read at any time.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np
import soundfile as sf

from stemwright.audio import Audio, AudioSource, Samples, iter_blocks
from stemwright.errors import UnreadableError
from stemwright.io.ffmpeg import Decoded, StreamInfo, Watch, decode_stream
from stemwright.io.headers import declared_end, flac_length_is_true, ogg_is_finished
from stemwright.io.limits import ReadLimits
from stemwright.io.sniff import Kind, identify
from stemwright.io.tags import clean_tags, clean_text
from stemwright.units import format_duration

__all__ = ["AudioFile", "AudioInfo", "StreamInfo", "count_nonfinite", "open_audio", "read_audio"]

_BITS = {
    "PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64,
}  # fmt: skip
_IN_PLACE = {*_BITS, "ULAW", "ALAW"}
_LOSSLESS = {
    *_BITS,
    "FLAC",
    "ALAC",
    "ALAC_16",
    "ALAC_20",
    "ALAC_24",
    "ALAC_32",
    "APE",
    "TTA",
    "WAVPACK",
    "WMA_LOSSLESS",
}


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file was found to be.

    Attributes
    ----------
    path : Path
        Where it is; for audio inside an archive, its name there.
    container : str
        ``"WAV"``, ``"FLAC"``, ``"MP3"``, ``"M4A"``, … by content, not by name.
    subtype : str
        The sample format or codec: ``"PCM_16"``, ``"FLOAT"``, ``"MPEG_LAYER_III"``, ``"AAC"``, …
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    frames : int
        Exact number of frames that reading gives.
    lossy : bool
        Whether the format throws information away.
    tags : tuple of (str, str)
        Title, artist, … as bounded plain text; hostile until escaped.
    bits : int or None
        Bits per sample of an uncompressed or FLAC file.
    truncated : bool
        Whether the audio ends before the header says, or the file was cut.
    notes : tuple of str
        What people should know about this file, in plain words; empty when all is well.
    stream : int
        Which audio stream of the container this is.
    streams : tuple of StreamInfo
        All audio streams of the container.
    """

    path: Path
    container: str
    subtype: str
    sample_rate: int
    channels: int
    frames: int
    lossy: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    bits: int | None = None
    truncated: bool = False
    notes: tuple[str, ...] = ()
    stream: int = 0
    streams: tuple[StreamInfo, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class _Backend(Protocol):
    """Where the samples of an open file come from."""

    def read(self, start: int, frames: int) -> Samples: ...

    def close(self) -> None: ...


class AudioFile:
    """An open audio file: an `AudioSource` with its `AudioInfo`; use it in a ``with`` statement.

    Reading is safe from several threads. Made by `open_audio`.
    """

    def __init__(self, info: AudioInfo, backend: _Backend) -> None:
        self.info = info
        self._backend = backend

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
        """Read up to `frames` frames from `start`; shorter only at the end.

        Samples are passed on as stored: NaN, infinities and values beyond full scale included.

        Raises
        ------
        UnreadableError
            When the file is damaged at this place.
        """
        count = max(0, min(frames, self.frames - start))
        if start < 0 or count == 0:
            return np.zeros((self.channels, 0), np.float32)
        return self._backend.read(start, count)

    def close(self) -> None:
        """Close the file and remove what was decoded."""
        self._backend.close()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_audio(
    path: Path | str,
    *,
    stream: int = 0,
    limits: ReadLimits | None = None,
    file: BinaryIO | None = None,
    watch: Watch | None = None,
) -> AudioFile:
    """Open an audio file for reading.

    Parameters
    ----------
    path : Path or str
        The file; only its content says what it is.
    stream : int
        Which audio stream, of containers that hold several (an NI ``.stem.mp4`` has five).
    limits : ReadLimits, optional
        What is refused before decoding.
    file : BinaryIO, optional
        An open, seekable file to read instead of opening `path`, which then is only its name. It is
        closed with the `AudioFile`.
    watch : callable, optional
        Of a file that has to be decoded, is handed every block as that happens, before padding is cut; of one
        that is read in place, nothing.

    Raises
    ------
    UnreadableError
        Missing, empty, a folder or device, not audio, or damaged beyond reading.
    RefusedError
        A playlist, or audio beyond `limits`.
    StorageError
        No room for decoding.
    """
    path = Path(path)
    opened = file if file is not None else _open_regular(path)
    try:
        return _open(path, opened, stream, limits or ReadLimits(), watch)
    except BaseException:
        opened.close()
        raise


def read_audio(path: Path | str, *, stream: int = 0, limits: ReadLimits | None = None) -> Audio:
    """Read a whole file into memory; for short material."""
    with open_audio(path, stream=stream, limits=limits) as file:
        return Audio(file.read(0, file.frames), file.sample_rate)


def count_nonfinite(source: AudioSource) -> int:
    """Count the samples that are NaN or infinite."""
    return sum(int(block.size - np.count_nonzero(np.isfinite(block))) for block in iter_blocks(source))


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file, and nothing that could block, wait or never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_dir():
            raise UnreadableError(f"{path} is a folder, not an audio file.", way_out="Name a file in it.")
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise _cant_open(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError(
            f"{path} is a pipe or device, not a file.", way_out="Save the audio to a file first."
        )
    return os.fdopen(descriptor, "rb", buffering=0)


def _cant_open(path: Path, error: OSError | ValueError) -> UnreadableError:
    if isinstance(error, FileNotFoundError):
        return UnreadableError(f"{path} does not exist.", way_out="Is the name spelled right?")
    if isinstance(error, PermissionError):
        return UnreadableError(f"{path} may not be read by this user.", way_out="Check its permissions.")
    why = getattr(error, "strerror", None) or str(error)
    return UnreadableError(f"{path} can't be opened: {why}.", way_out="Check the path.")


def _open(path: Path, file: BinaryIO, stream: int, limits: ReadLimits, watch: Watch | None) -> AudioFile:
    size = file.seek(0, os.SEEK_END)
    kind = identify(file, path.name, size=size)
    cut = _cut(path, file, kind, size)
    if kind.libsndfile and stream == 0:
        opened = _open_in_place(path, file, kind, size, limits, cut)
        if opened is not None:
            return opened
    decoded = decode_stream(file, kind, name=path.name, size=size, stream=stream, limits=limits, watch=watch)
    cut = cut or _decoded_cut(path, file, kind, size, decoded)
    file.close()
    return AudioFile(_decoded_info(path, kind, decoded, cut), decoded.spool)


def _cut(path: Path, file: BinaryIO, kind: Kind, size: int) -> str:
    """Say that an uncompressed file is shorter than its header declares, if it is."""
    end = declared_end(file, kind, size=size)
    if end is None or end <= size:
        return ""
    return f"{path.name} ends {end - size} bytes before its header says: it was cut, or never finished."


def _decoded_cut(path: Path, file: BinaryIO, kind: Kind, size: int, decoded: Decoded) -> str:
    """Say that a decoded file is not whole, if it is not."""
    seconds = format_duration(decoded.spool.frames / decoded.stream.sample_rate)
    if decoded.missing_s:
        declared = format_duration(decoded.declared_s or 0.0)
        return (
            f"{path.name} holds {seconds} of audio and says {declared}: it was cut, or its header is wrong."
        )
    if decoded.stopped:
        return f"{path.name} is damaged after {seconds}: what follows can't be read."
    if kind.container == "OGG" and not ogg_is_finished(file, size=size):
        return f"{path.name} has no proper end: it was cut."
    return ""


def _decoded_info(path: Path, kind: Kind, decoded: Decoded, cut: str) -> AudioInfo:
    spool, stream, notes = decoded.spool, decoded.stream, [cut] if cut else []
    if not cut and kind.container in ("WAV", "RF64", "AIFF") and stream.codec in _IN_PLACE:
        notes.append(f"{path.name} has a header that was never finished; its length was counted.")
    if decoded.damaged_packets:
        notes.append(f"{path.name} is damaged: packets that could not be decoded: {decoded.damaged_packets}.")
    return AudioInfo(
        path, _container(kind, stream.codec), stream.codec, stream.sample_rate, stream.channels, spool.frames,
        lossy=stream.codec not in _LOSSLESS, tags=clean_tags(decoded.tags), bits=_BITS.get(stream.codec),
        truncated=bool(cut), notes=tuple(notes), stream=stream.index,
        streams=tuple(_clean(found) for found in decoded.streams),
    )  # fmt: skip


def _clean(stream: StreamInfo) -> StreamInfo:
    return StreamInfo(
        stream.index, stream.codec, stream.sample_rate, stream.channels, clean_text(stream.title)
    )


def _container(kind: Kind, codec: str) -> str:
    return "M4A" if kind.container == "MP4" and codec in ("AAC", "ALAC") else kind.container


def _open_in_place(
    path: Path, file: BinaryIO, kind: Kind, size: int, limits: ReadLimits, cut: str
) -> AudioFile | None:
    """Open through libsndfile; None when FFmpeg should look at it instead."""
    # asked before libsndfile relies on the file's position
    exact = kind.container != "FLAC" or flac_length_is_true(file, kind, size=size)
    sound = _sound(file) if exact else None
    if sound is None:
        return None
    try:
        limits.check_format(path.name, sample_rate=sound.samplerate, channels=sound.channels)
        if _is_exact(sound, kind):
            info = _sound_info(path, kind, sound, cut)
            limits.check_length(
                path.name, frames=info.frames, sample_rate=info.sample_rate, channels=info.channels
            )
            return AudioFile(info, _InPlace(sound, file, path.name))
    except BaseException:
        sound.close()
        raise
    sound.close()
    return None


def _sound(file: BinaryIO) -> sf.SoundFile | None:
    file.seek(0)
    try:
        # a descriptor, never a name: libsndfile takes "-" for standard input
        return sf.SoundFile(file.fileno() if isinstance(file, io.FileIO) else file, closefd=False)
    except (sf.LibsndfileError, OSError):
        return None


def _is_exact(sound: sf.SoundFile, kind: Kind) -> bool:
    """Whether libsndfile's frame count is the truth, and any frame can be read in place."""
    if sound.subtype not in _IN_PLACE or sound.frames <= 0:
        return False
    if kind.container == "FLAC":
        return True
    sound.seek(sound.frames - 1)
    return len(sound.read(1, dtype="float32")) == 1


def _sound_info(path: Path, kind: Kind, sound: sf.SoundFile, cut: str) -> AudioInfo:
    stream = StreamInfo(0, sound.subtype, sound.samplerate, sound.channels)
    return AudioInfo(
        path, kind.container, sound.subtype, sound.samplerate, sound.channels, sound.frames,
        tags=clean_tags(sound.copy_metadata()), lossy=sound.subtype in ("ULAW", "ALAW"),
        bits=_BITS.get(sound.subtype), truncated=bool(cut), notes=(cut,) if cut else (), streams=(stream,),
    )  # fmt: skip


class _InPlace:
    """Samples read straight from an uncompressed or FLAC file."""

    def __init__(self, sound: sf.SoundFile, file: BinaryIO, name: str) -> None:
        self._sound = sound
        self._file = file
        self._name = name
        self._position = -1
        self._lock = threading.Lock()

    def read(self, start: int, frames: int) -> Samples:
        try:
            with self._lock:
                interleaved = self._read_at(start, frames)
        except sf.LibsndfileError as error:
            raise self._damaged(start) from error
        if len(interleaved) < frames:
            raise self._damaged(start + len(interleaved))
        return np.ascontiguousarray(interleaved.T)

    def _read_at(self, start: int, frames: int) -> Samples:
        if self._position != start:
            self._position = -1
            self._sound.seek(start)
        interleaved: Samples = self._sound.read(frames, dtype="float32", always_2d=True)
        self._position = start + len(interleaved)
        return interleaved

    def _damaged(self, frame: int) -> UnreadableError:
        at = format_duration(frame / self._sound.samplerate)
        return UnreadableError(
            f"{self._name} is damaged at {at} (frame {frame}): it can't be decoded from there.",
            way_out="Export or copy it again.",
        )

    def close(self) -> None:
        self._sound.close()
        self._file.close()

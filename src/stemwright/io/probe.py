"""What a file's header says, without decoding anything: for refusing early."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from stemwright.errors import UnreadableError
from stemwright.io.ffmpeg import declared_s, describe, open_container
from stemwright.io.headers import Header, flac_length_is_true
from stemwright.io.limits import ReadLimits
from stemwright.io.sniff import Kind, identify

__all__ = ["probe"]


def probe(path: Path, *, name: str, limits: ReadLimits | None = None) -> Header:
    """Read the header of a file and hold it against `limits`.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What people call it, for messages.
    limits : ReadLimits, optional
        As in `open_audio`.

    Raises
    ------
    UnreadableError
        No audio, or a header that can't be read.
    RefusedError
        A playlist, or audio beyond `limits`.
    """
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        kind = identify(file, name, size=size)
        header = _by_libsndfile(file, kind, size) or _by_ffmpeg(file, kind, name, size)
    _hold(header, limits or ReadLimits(), name)
    return header


def _by_libsndfile(file: BinaryIO, kind: Kind, size: int) -> Header | None:
    if not kind.libsndfile or (kind.container == "FLAC" and not flac_length_is_true(file, kind, size=size)):
        return None
    import soundfile as sf

    file.seek(0)
    try:
        with sf.SoundFile(file.fileno(), closefd=False) as sound:
            rate, channels, frames = sound.samplerate, sound.channels, sound.frames
    except sf.LibsndfileError:
        return None
    return Header(kind.container, rate, channels, frames / rate) if frames > 0 else None


def _by_ffmpeg(file: BinaryIO, kind: Kind, name: str, size: int) -> Header:
    with open_container(file, kind, name=name, size=size) as container:
        if not container.streams.audio:
            raise UnreadableError(f"{name} holds no audio stream.", way_out="Was the right file given?")
        raw = container.streams.audio[0]
        stream = describe(0, raw)
        return Header(kind.container, stream.sample_rate, stream.channels, declared_s(container, raw))


def _hold(header: Header, limits: ReadLimits, name: str) -> None:
    rate, channels = header.sample_rate, max(header.channels, 1)
    if not rate:  # the first packet tells, and decoding asks the limits again
        return
    limits.check_format(name, sample_rate=rate, channels=channels)
    frames = (header.duration_s or 0.0) * rate
    limits.check_length(name, frames=frames, sample_rate=rate, channels=channels)

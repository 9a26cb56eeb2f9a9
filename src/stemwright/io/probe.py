"""What a file's header says, without decoding anything: for refusing early."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stemwright.errors import UnreadableError
from stemwright.io.archive import Archive, ArchiveEntry, ArchiveLimits, open_archive
from stemwright.io.ffmpeg import declared_s, describe, open_container
from stemwright.io.headers import Header, flac_length_is_true
from stemwright.io.limits import ReadLimits
from stemwright.io.sniff import SYNC_SEARCH_BYTES, Kind, identify
from stemwright.io.sort_out import is_audio_name

__all__ = ["Packed", "probe", "probe_zip"]


@dataclass(frozen=True, slots=True)
class Packed:
    """What a zip holds: names of the audio files in it, and the bytes of all entries, unpacked."""

    names: tuple[str, ...]
    unpacked_bytes: int


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
        return _probed(file, name, limits or ReadLimits())


def _probed(file: BinaryIO, name: str, limits: ReadLimits) -> Header:
    size = file.seek(0, os.SEEK_END)
    kind = identify(file, name, size=size)
    header = _by_libsndfile(file, kind, size) or _by_ffmpeg(file, kind, name, size)
    _hold(header, limits, name)
    return header


def probe_zip(
    path: Path, *, name: str, limits: ReadLimits | None = None, archive: ArchiveLimits | None = None
) -> Packed:
    """Look into a zip: every entry within bounds, and what is called audio is audio; nothing is written.

    Headers of stored entries are held against `limits`; of packed ones only the first bytes are looked at.

    Parameters
    ----------
    path : Path
        The zip.
    name : str
        What people call it, for messages.
    limits : ReadLimits, optional
        Of each audio file in it.
    archive : ArchiveLimits, optional
        Of the zip.

    Raises
    ------
    UnreadableError
        No zip, damaged, without audio, or with something else under the name of audio.
    RefusedError
        Beyond a limit; links; encrypted; a playlist.
    InputError
        Names that leave the folder, or stand twice.
    """
    with open_archive(path, limits=archive, name=name) as packed:
        entries = packed.entries
        audio = [entry for entry in entries if is_audio_name(entry.name)]
        if not audio:
            raise UnreadableError(
                f"{name} holds no audio file.", way_out="Pack the stems, under names that end in .wav or so."
            )
        for entry in audio:
            _look_at(packed, entry, limits or ReadLimits())
        return Packed(tuple(entry.name for entry in audio), sum(entry.size for entry in entries))


def _look_at(packed: Archive, entry: ArchiveEntry, limits: ReadLimits) -> None:
    if packed.is_stored(entry.name):
        with packed.open(entry.name) as file:
            _probed(file, entry.name, limits)
        return
    head = packed.head(entry.name, SYNC_SEARCH_BYTES)
    if not head.startswith(b"ID3"):  # a tag may be longer than what was read; whoever decodes asks again
        identify(io.BytesIO(head), entry.name, size=entry.size)


def _by_libsndfile(file: BinaryIO, kind: Kind, size: int) -> Header | None:
    if not kind.libsndfile or (kind.container == "FLAC" and not flac_length_is_true(file, kind, size=size)):
        return None
    import soundfile as sf

    file.seek(0)
    try:
        # a descriptor where there is one: libsndfile then reads without asking Python for every piece
        opened = file.fileno() if isinstance(file, io.FileIO) else file
        with sf.SoundFile(opened, closefd=False) as sound:
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

"""Write WAV files byte for byte the same on every run, RF64 where they outgrow 4 GiB.

libsndfile writes the time into every float file (its PEAK chunk) and can't be asked for RF64 afterwards, so
this encoder is our own. Layout: RIFF, ``JUNK`` (room for ``ds64``, EBU Tech 3306 §4), ``LIST``, ``fmt ``,
``fact`` (float), ``data``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stemwright.audio import Samples
from stemwright.dsp.dither import Integers
from stemwright.errors import InputError, InternalError

__all__ = ["INFO_KEYS", "SAMPLE_BYTES", "WaveEncoder", "scale_float_wave"]

SAMPLE_BYTES = {"FLOAT": 4, "PCM_24": 3, "PCM_16": 2}
INFO_KEYS = {
    "title": b"INAM", "artist": b"IART", "album": b"IPRD", "comment": b"ICMT", "copyright": b"ICOP",
    "date": b"ICRD", "genre": b"IGNR", "software": b"ISFT", "tracknumber": b"ITRK",
}  # fmt: skip
SCALED_BYTES = 2**20
RF64_FROM_BYTES = 2**32 - 2**16
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_DS64 = struct.Struct("<4sIQQQI")


class WaveEncoder:
    """Encode samples into an open file; sizes are put in when it is finished.

    Parameters
    ----------
    path : Path
        Written from its first byte; must not exist.
    sample_rate, channels : int
        Of the stream.
    subtype : str
        ``"FLOAT"``, ``"PCM_24"`` or ``"PCM_16"``.
    tags : Mapping
        From the keys of `INFO_KEYS` to text.
    """

    def __init__(
        self, path: Path, *, sample_rate: int, channels: int, subtype: str, tags: Mapping[str, str]
    ) -> None:
        self._subtype = subtype
        self._frame_bytes = channels * SAMPLE_BYTES[subtype]
        self._frames = 0
        head = self._head(sample_rate, channels, tags)
        self._data_at = len(head)
        self._file = path.open("xb", buffering=0)
        self._put(head)

    def write(self, samples: Samples | Integers) -> None:
        """Append float32 samples as they are, or integers in steps of the subtype."""
        frames = samples.shape[1]
        if frames == 0:
            return
        if self._subtype == "PCM_24":
            self._put(_packed_24(np.asarray(samples, np.int32)))
        else:
            self._put(_interleaved(samples, "<f4" if self._subtype == "FLOAT" else "<i2"))
        self._frames += frames

    def finish(self) -> None:
        """Put the sizes in and close."""
        data_bytes = self._frames * self._frame_bytes
        if data_bytes % 2:
            self._put(b"\0")
        whole = self._data_at + data_bytes + data_bytes % 2
        if whole < RF64_FROM_BYTES:
            self._put_at(4, struct.pack("<I", whole - 8))
            self._put_at(self._data_at - 4, struct.pack("<I", data_bytes))
        else:
            self._put_at(0, b"RF64\xff\xff\xff\xff")
            self._put_at(12, _DS64.pack(b"ds64", 28, whole - 8, data_bytes, self._frames, 0))
            self._put_at(self._data_at - 4, b"\xff\xff\xff\xff")
        if self._subtype == "FLOAT":
            self._put_at(self._data_at - 12, struct.pack("<I", min(self._frames, 0xFFFF_FFFF)))
        self.close()

    def close(self) -> None:
        """Close without finishing."""
        self._file.close()

    def _head(self, sample_rate: int, channels: int, tags: Mapping[str, str]) -> bytes:
        chunks = (
            _chunk(b"JUNK", bytes(28)) + _info(tags) + _chunk(b"fmt ", self._format(sample_rate, channels))
        )
        if self._subtype == "FLOAT":
            chunks += _chunk(b"fact", bytes(4))
        return b"RIFF\0\0\0\0WAVE" + chunks + b"data\0\0\0\0"

    def _format(self, sample_rate: int, channels: int) -> bytes:
        """Make the format chunk; beyond stereo it is WAVE_FORMAT_EXTENSIBLE without speaker positions."""
        tag, width = (3 if self._subtype == "FLOAT" else 1), SAMPLE_BYTES[self._subtype]
        fields = (channels, sample_rate, sample_rate * self._frame_bytes, self._frame_bytes, width * 8)
        if channels > 2:
            return struct.pack("<HHIIHHHHIH", 0xFFFE, *fields, 22, width * 8, 0, tag) + _GUID_TAIL
        return struct.pack("<HHIIHH", tag, *fields) + (b"\0\0" if tag == 3 else b"")

    def _put(self, content: bytes | memoryview) -> None:
        view = memoryview(content).cast("B")
        while view:
            view = view[self._file.write(view) :]

    def _put_at(self, offset: int, content: bytes) -> None:
        self._file.seek(offset)
        self._put(content)


def scale_float_wave(path: Path, gain: float) -> None:
    """Multiply every sample of a FLOAT file that `WaveEncoder` wrote by a gain, in place.

    The bytes become those that writing the multiplied samples would have given. A file that is interrupted
    on the way is half scaled: it must be nobody's yet.

    Raises
    ------
    InternalError
        When it is no such file.
    """
    with path.open("r+b", buffering=0) as file:
        position, held = _data_place(file), np.empty(SCALED_BYTES // 4, "<f4")
        view = memoryview(held.data).cast("B")
        while count := (file.readinto(view) or 0) // 4:
            held[:count] *= np.float32(gain)
            file.seek(position)
            position += file.write(view[: 4 * count])


def _data_place(file: BinaryIO) -> int:
    """Go to the first sample of a file of ours, and say where that is."""
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise InternalError("Only WAV files can be scaled in place.")
    while len(chunk := file.read(8)) == 8:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            return file.tell()
        content = file.read(size + size % 2)
        if chunk[:4] == b"fmt " and content[:2] != b"\3\0":
            raise InternalError("Only float samples can be scaled in place.")
    raise InternalError("A WAV file without samples can't be scaled.")


def _interleaved(samples: Samples | Integers, sample_type: str) -> memoryview:
    """Put frames together; mono that is contiguous goes out as it is."""
    channels, frames = samples.shape
    if channels == 1:
        return np.ascontiguousarray(samples[0], sample_type).data
    interleaved = np.empty((frames, channels), sample_type)
    for channel, values in enumerate(samples):
        interleaved[:, channel] = values
    return interleaved.data


def _packed_24(steps: Integers) -> memoryview:
    """Interleave and keep the three low bytes of each step, plane by plane: slicing is slower."""
    channels, frames = steps.shape
    wide = np.ascontiguousarray(steps, "<i4").view(np.uint8).reshape(channels, frames, 4)
    packed = np.empty((frames, channels, 3), np.uint8)
    for channel in range(channels):
        for byte in range(3):
            packed[:, channel, byte] = wide[channel, :, byte]
    return packed.data


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _info(tags: Mapping[str, str]) -> bytes:
    if unknown := sorted(set(tags) - set(INFO_KEYS)):
        raise InputError(f"WAV files have no tag {unknown[0]!r}.", way_out=f"Known: {', '.join(INFO_KEYS)}.")
    fields = b"".join(_chunk(INFO_KEYS[key], tags[key].encode() + b"\0") for key in sorted(tags))
    return _chunk(b"LIST", b"INFO" + fields) if fields else b""

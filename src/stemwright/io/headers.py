"""What a header declares, held against what the file holds; libraries clamp such lies silently."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stemwright.io.sniff import Kind

__all__ = ["Header", "declared_end", "flac_length_is_true", "ogg_is_finished"]

MAX_CHUNKS = 4_096
FLAC_TAIL_BYTES = 256 * 1024
OGG_TAIL_BYTES = 128 * 1024
UNKNOWN_32 = 0xFFFF_FFFF
UNKNOWN_64 = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class Header:
    """What a header declares; decoding may find less.

    Attributes
    ----------
    container : str
        ``"WAV"``, ``"MP3"``, … by content.
    sample_rate : int
        In Hz; 0 where only decoding tells.
    channels : int
        0 where only decoding tells.
    duration_s : float or None
        None where nothing is declared.
    """

    container: str
    sample_rate: int
    channels: int
    duration_s: float | None


def declared_end(file: BinaryIO, kind: Kind, *, size: int) -> int | None:
    """Offset at which the header of an uncompressed file says its audio ends; None when it doesn't say.

    Reads WAV, RF64 (EBU Tech 3306), W64, AIFF, CAF and AU.
    """
    chunks = _CHUNKS.get(kind.container)
    if chunks is None:
        return _au_end(file, kind.offset) if kind.container == "AU" else None
    long_data: int | None = None
    for name, start, length in chunks(file, kind.offset, size):
        if name == b"ds64":
            long_data = struct.unpack("<Q", _read(file, start + 8, 8))[0]
        if name in (b"data", b"SSND"):
            true = long_data if long_data is not None and length == UNKNOWN_32 else length
            return None if true in (0, UNKNOWN_32, UNKNOWN_64) else start + true
    return None


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count).ljust(count, b"\0")


def _iff_chunks(file: BinaryIO, offset: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    order = "<" if _read(file, offset, 4) in (b"RIFF", b"RF64", b"BW64") else ">"
    position = offset + 12
    for _ in range(MAX_CHUNKS):
        if position + 8 > size:
            return
        name, length = struct.unpack(f"{order}4sI", _read(file, position, 8))
        yield name, position + 8, length
        position += 8 + length + length % 2


def _caf_chunks(file: BinaryIO, offset: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    position = offset + 8
    for _ in range(MAX_CHUNKS):
        if position + 12 > size:
            return
        name, length = struct.unpack(">4sQ", _read(file, position, 12))
        yield name, position + 12, length
        position += 12 + length


def _w64_chunks(file: BinaryIO, offset: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    position = offset + 40
    for _ in range(MAX_CHUNKS):
        if position + 24 > size:
            return
        name, length = struct.unpack("<4s12xQ", _read(file, position, 24))
        yield name, position + 24, max(length - 24, 0)
        position += max(length + -length % 8, 24)


_CHUNKS = {
    "WAV": _iff_chunks,
    "RF64": _iff_chunks,
    "AIFF": _iff_chunks,
    "CAF": _caf_chunks,
    "W64": _w64_chunks,
}


def _au_end(file: BinaryIO, offset: int) -> int | None:
    start, length = struct.unpack(">II", _read(file, offset + 4, 8))
    return None if length in (0, UNKNOWN_32) else offset + start + length


def ogg_is_finished(file: BinaryIO, *, size: int) -> bool:
    """Whether the last Ogg page carries the end-of-stream flag (RFC 3533 §6, header type bit 3)."""
    tail = _read(file, max(0, size - OGG_TAIL_BYTES), min(size, OGG_TAIL_BYTES))
    last = tail.rfind(b"OggS")
    return last >= 0 and len(tail) > last + 5 and bool(tail[last + 5] & 4)


def flac_length_is_true(file: BinaryIO, kind: Kind, *, size: int) -> bool:
    """Whether the last frame of a FLAC file ends at the sample count that its STREAMINFO declares.

    Follows RFC 9639 §8.2 (STREAMINFO) and §9.1 (frame header). False also for a declared length of 0.
    """
    info = _read(file, kind.offset + 8, 18)
    largest_frame = int.from_bytes(info[7:10], "big")
    total = int.from_bytes(info[13:18], "big") & 0xF_FFFF_FFFF
    count = min(size, max(FLAC_TAIL_BYTES, 2 * largest_frame))
    tail = _read(file, size - count, count)
    fixed = int.from_bytes(info[0:2], "big")
    position = tail.rfind(b"\xff")
    while position >= 0:
        if total and _flac_frame_end(tail[position : position + 16], fixed) == total:
            return True
        position = tail.rfind(b"\xff", 0, position)
    return False


def _flac_frame_end(head: bytes, fixed_block: int) -> int | None:
    """Sample at which the frame with this header ends; None when it is no frame header."""
    if len(head) < 7 or head[1] & 0xFE != 0xF8:
        return None
    head = head.ljust(17, b"\0")
    number, position = _coded_number(head, 4)
    code = head[2] >> 4
    extra = {6: 1, 7: 2}.get(code, 0)
    block = int.from_bytes(head[position : position + extra], "big") + 1 if extra else _FLAC_BLOCKS.get(code)
    position += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if block is None or number is None or position > 15 or _crc8(head[:position]) != head[position]:
        return None
    return (number if head[1] & 1 else number * fixed_block) + block


_FLAC_BLOCKS = {1: 192, **{n: 576 << (n - 2) for n in range(2, 6)}, **{n: 1 << n for n in range(8, 16)}}


def _coded_number(head: bytes, position: int) -> tuple[int | None, int]:
    """Decode the UTF-8-like number of RFC 9639 §9.1.5."""
    first = head[position]
    ones = 8 - (~first & 0xFF).bit_length()
    if ones == 1 or ones > 7:
        return None, position
    number = first & (0x7F >> ones)
    for byte in head[position + 1 : position + max(ones, 1)]:
        number = number << 6 | byte & 0x3F
    return number, position + max(ones, 1)


def _crc8(data: bytes) -> int:
    """CRC-8 of RFC 9639 §9.1.8: polynomial x^8 + x^2 + x + 1, initial value 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc

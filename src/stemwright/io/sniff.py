"""Tell what a file is from its bytes; its name is never asked.

Playlists and scripts that point at other files are refused here, before any media library sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from stemwright.errors import RefusedError, UnreadableError

__all__ = ["DEMUXERS", "Kind", "identify"]

HEAD_BYTES = 4_096
SYNC_SEARCH_BYTES = 256 * 1024
TEXT_SHARE = 0.97
MPEG_FRAMES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A container, and who can open it.

    Attributes
    ----------
    container : str
        Its usual name: ``"WAV"``, ``"M4A"``, …
    demuxer : str
        The one FFmpeg demuxer that may be used for it.
    libsndfile : bool
        Whether libsndfile is asked first.
    offset : int
        Bytes of junk or ID3 tag before the audio.
    """

    container: str
    demuxer: str
    libsndfile: bool = False
    offset: int = 0


_MOV = "mov,mp4,m4a,3gp,3g2,mj2"
_MAGIC: tuple[tuple[bytes, int, Kind], ...] = (
    (b"fLaC", 0, Kind("FLAC", "flac", libsndfile=True)),
    (b"OggS", 0, Kind("OGG", "ogg")),
    (b"caff", 0, Kind("CAF", "caf", libsndfile=True)),
    (b".snd", 0, Kind("AU", "au", libsndfile=True)),
    (b"riff\x2e\x91\xcf\x11", 0, Kind("W64", "w64", libsndfile=True)),
    (b"\x1aE\xdf\xa3", 0, Kind("WEBM", "matroska,webm")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, Kind("WMA", "asf")),
    (b"wvpk", 0, Kind("WAVPACK", "wv")),
    (b"MAC ", 0, Kind("APE", "ape")),
    (b"TTA1", 0, Kind("TTA", "tta")),
    (b"\x0bw", 0, Kind("AC3", "ac3")),
    (b"FLV\x01", 0, Kind("FLV", "flv")),
    (b"\x00\x00\x01\xba", 0, Kind("MPEG", "mpeg")),
    (b"ftyp", 4, Kind("MP4", _MOV)),
    (b"moov", 4, Kind("MOV", _MOV)),
    (b"mdat", 4, Kind("MOV", _MOV)),
    (b"wide", 4, Kind("MOV", _MOV)),
)
_FORMS: dict[tuple[bytes, bytes], Kind] = {
    (b"RIFF", b"WAVE"): Kind("WAV", "wav", libsndfile=True),
    (b"RIFX", b"WAVE"): Kind("WAV", "wav", libsndfile=True),
    (b"RF64", b"WAVE"): Kind("RF64", "wav", libsndfile=True),
    (b"BW64", b"WAVE"): Kind("RF64", "wav", libsndfile=True),
    (b"FORM", b"AIFF"): Kind("AIFF", "aiff", libsndfile=True),
    (b"FORM", b"AIFC"): Kind("AIFF", "aiff", libsndfile=True),
    (b"RIFF", b"AVI "): Kind("AVI", "avi"),
}
DEMUXERS = frozenset(
    {kind.demuxer for _, _, kind in _MAGIC}
    | {kind.demuxer for kind in _FORMS.values()}
    | {"mpegts", "mp3", "aac"}
)
"""Every FFmpeg demuxer that may ever run: none of them opens a second file (HLS, DASH, concat, SDP do)."""
_NOT_AUDIO: tuple[tuple[bytes, str], ...] = (
    (b"MThd", "a MIDI file (notes)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xef\xbb\xbf", "text"),
    (b"\xff\xfe", "text (UTF-16)"),
    (b"\xfe\xff", "text (UTF-16)"),
)
_PLAYLISTS: tuple[tuple[str, str], ...] = (
    (r"#EXTM3U|#EXT-X-", "an M3U or HLS playlist"),
    (r"\[playlist\]", "a PLS playlist"),
    (r"ffconcat version|^file ['\"]?[^\n]+\n(file|duration|inpoint)", "a concat script"),
    (r"<smil\b", "a SMIL presentation"),
    (r"<asx\b|\[Reference\]", "an ASX playlist"),
    (r"<MPD\b", "a DASH manifest"),
    (r"xspf", "an XSPF playlist"),
    (r"^v=0\r?\no=", "an SDP session"),
    (r"^\s*(REM |TITLE |PERFORMER |FILE )[\s\S]*TRACK \d\d", "a cue sheet"),
)
_TEXTS = ((r"^\s*(<!doctype html|<html)", "an HTML page"), (r"^\s*[{\[]", "JSON"), (r"^\s*<\?xml", "XML"))


def identify(file: BinaryIO, name: str, *, size: int) -> Kind:
    """Tell the `Kind` of an open file from its first bytes.

    Parameters
    ----------
    file : BinaryIO
        Seekable; its position is left anywhere.
    name : str
        For messages only.
    size : int
        Bytes in the file.

    Raises
    ------
    UnreadableError
        Empty, text, or no audio format that is known.
    RefusedError
        A playlist or script that points at other files.
    """
    if size == 0:
        raise UnreadableError(
            f"{name} is empty (0 bytes).", way_out="Was it still being written, or the disk full?"
        )
    head = _at(file, 0, HEAD_BYTES)
    if head.startswith(b"ID3"):
        return _behind_id3(file, head, name, size=size)
    kind = _by_magic(head)
    if kind:
        return kind
    _refuse_known(head, name)
    found = _mpeg(_at(file, 0, SYNC_SEARCH_BYTES), at_end=size <= SYNC_SEARCH_BYTES)
    return found or _unknown(head, name)


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _by_magic(head: bytes) -> Kind | None:
    form = _FORMS.get((head[:4], head[8:12]))
    if form:
        return Kind(form.container, form.demuxer) if _is_mpeg_in_wave(head) else form
    if head[:1] == b"G" and head[188:189] == head[376:377] == b"G":
        return Kind("MPEGTS", "mpegts")
    return next((kind for magic, at, kind in _MAGIC if head[at : at + len(magic)] == magic), None)


def _is_mpeg_in_wave(head: bytes) -> bool:
    """Whether a WAV holds MPEG audio (format tags 0x50, 0x55), which FFmpeg decodes with less noise."""
    at = head.find(b"fmt ")
    return at > 0 and head[at + 8 : at + 10] in (b"\x50\0", b"\x55\0")


def _behind_id3(file: BinaryIO, head: bytes, name: str, *, size: int) -> Kind:
    """Look behind an ID3v2 tag (id3.org, ID3v2.4 §3.1: 28-bit size, a footer when bit 4 is set)."""
    length = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    length += 10 if len(head) > 5 and head[5] & 0x10 else 0
    if length >= size:
        raise UnreadableError(
            f"{name} starts with a tag of {length} bytes and has only {size}: there is no audio in it.",
            way_out="Export or download it again.",
        )
    behind = _at(file, length, SYNC_SEARCH_BYTES)
    kind = _by_magic(behind) or _mpeg(behind, at_end=length + len(behind) >= size)
    if kind is None:
        return _unknown(head, name)
    return Kind(kind.container, kind.demuxer, kind.libsndfile, kind.offset + length)


def _refuse_known(head: bytes, name: str) -> None:
    what = next((what for magic, what in _NOT_AUDIO if head.startswith(magic)), "")
    text = head.decode("utf-16" if "UTF-16" in what else "utf-8", errors="replace").lstrip("\ufeff")
    if not what and _is_text(head):
        what = "text"
    if what.startswith("text"):
        _refuse_playlist(text, name)
        kinds = (kind for pattern, kind in _TEXTS if re.search(pattern, text[:512], re.IGNORECASE))
        what = next(kinds, "text")
    if what:
        raise UnreadableError(f"{name} is {what}, not audio.", way_out="Was the right file given?")


def _refuse_playlist(text: str, name: str) -> None:
    for pattern, what in _PLAYLISTS:
        if re.search(pattern, text[:2_048], re.IGNORECASE | re.MULTILINE):
            raise RefusedError(
                f"{name} is {what}: it points at other files, and those are not followed.",
                way_out="Give the audio file itself.",
            )


def _is_text(head: bytes) -> bool:
    """Whether nearly all bytes are printable and none is NUL."""
    printable = sum(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
    letters = sum(byte < 127 for byte in head)
    return b"\0" not in head and printable == len(head) and letters >= TEXT_SHARE * len(head)


def _unknown(head: bytes, name: str) -> NoReturn:
    raise UnreadableError(
        f"{name} is not audio in a format that is known (it starts with {head[:8].hex(' ')}).",
        way_out="WAV, AIFF, FLAC, OGG, Opus, MP3, M4A, WMA, WebM and video files with sound can be read.",
    )


_BITRATES_KBPS = {  # ISO/IEC 11172-3 §2.4.2.3 and 13818-3 §2.4.2.3, by (MPEG-1?, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mpeg(data: bytes, *, at_end: bool) -> Kind | None:
    """Find MPEG audio or ADTS frames in a row; junk before them is passed over."""
    position = data.find(b"\xff")
    while 0 <= position < len(data) - 6:
        kind = _frames_in_a_row(data, position, at_end=at_end)
        if kind:
            return kind
        position = data.find(b"\xff", position + 1)
    return None


def _frames_in_a_row(data: bytes, start: int, *, at_end: bool) -> Kind | None:
    position, signature = start, None
    for _ in range(MPEG_FRAMES_IN_A_ROW):
        # a file of one or two frames counts when it is frames from its first byte to its last
        if at_end and start == 0 and position == len(data):
            break
        length, found = _frame(data[position : position + 7])
        if not length or (signature and found != signature):
            return None
        position, signature = position + length, found
    container = "AAC" if signature and signature[1] == 0 else "MP3"
    return Kind(container, "aac" if container == "AAC" else "mp3", offset=start)


def _frame(head: bytes) -> tuple[int, tuple[int, ...]]:
    """Return length in bytes and (version, layer, rate) of the frame that starts here; 0 for none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0, ()
    version, layer = head[1] >> 3 & 3, (4 - (head[1] >> 1 & 3)) & 3
    if head[1] & 0xF6 == 0xF0:  # ADTS, ISO/IEC 14496-3 §1.A.2
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return (length if length > 7 else 0), (version, 0, head[2] >> 2 & 15)
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or rate == 3 or bitrate in (0, 15):
        return 0, ()
    hz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return _mpeg_length(version == 3, layer, bitrate, hz, head[2] >> 1 & 1), (version, layer, rate)


def _mpeg_length(mpeg1: bool, layer: int, bitrate: int, hz: int, padding: int) -> int:
    bps = _BITRATES_KBPS[mpeg1, layer][bitrate - 1] * 1_000
    if layer == 1:
        return (12 * bps // hz + padding) * 4
    slots = 72 if layer == 3 and not mpeg1 else 144
    return slots * bps // hz + padding

"""Encoders for FLAC and OGG (libsndfile) and MP3 (LAME through PyAV); WAV has its own in `wave`."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import soundfile as sf

from stemwright.audio import Samples
from stemwright.dsp.dither import Integers
from stemwright.errors import InputError
from stemwright.io.stripes import Lame, StripedLame

__all__ = ["MP3_RATES_HZ", "Encoder", "LameEncoder", "LibsndfileEncoder", "OggEncoder"]

MP3_RATES_HZ = {
    48_000: 320_000, 44_100: 320_000, 32_000: 320_000, 24_000: 160_000, 22_050: 160_000, 16_000: 160_000,
}  # fmt: skip
"""The rates that MP3 has (MPEG-1 and MPEG-2), with the highest constant bit rate of each in bit/s."""
LAME_QUALITY = "5"
"""LAME's own middle between speed and noise shaping; at 320 kbit/s 3 is slower and measures no better."""
LAME_OPTIONS = (("compression_level", LAME_QUALITY), ("reservoir", "0"))
"""At the highest rate the bit reservoir has next to nothing to give; without it pieces can be joined."""
OGG_FRAMES_PER_CALL = 8_192
"""libsndfile 1.2.2 overflows its stack when one call encodes millions of Vorbis frames."""
TAG_KEYS = ("title", "artist", "album", "comment", "copyright", "date", "genre", "software", "tracknumber")
_ID3_KEYS = {"software": "encoded_by", "tracknumber": "track"}


class Encoder(Protocol):
    """What `AudioWriter` writes to."""

    def write(self, samples: Samples | Integers) -> None:
        """Append a block, shaped ``(channels, frames)``."""

    def finish(self) -> None:
        """Write what is still held and close."""

    def close(self) -> None:
        """Close without finishing."""


class _Target(io.RawIOBase):
    """The file as an encoder library sees it; an error is kept and raised by `check`.

    Raising into a library's callback would lose the error and print it.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb+")
        self._error: OSError | None = None

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]
        if self._error is None:
            try:
                self._file.write(content)
            except OSError as error:
                self._error = error
        return len(content)

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            self._error = self._error or error
            return 0

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()

    def abandon(self) -> None:
        # the file is about to be removed, and what went wrong is being raised already
        with suppress(OSError):
            self.close()


class LibsndfileEncoder:
    """FLAC: integers in steps of `bits` bits; as libsndfile wants them, scaled to full-scale int32."""

    def __init__(
        self, path: Path, *, sample_rate: int, channels: int, subtype: str, tags: Mapping[str, str]
    ) -> None:
        if channels > 8:
            raise InputError(f"FLAC holds up to 8 channels, not {channels}.", way_out="Write WAV.")
        self._target = _Target(path)
        self._shift = 32 - int(subtype.removeprefix("PCM_"))
        self._sound = _open_sound(self._target, sample_rate, channels, "FLAC", subtype, tags)

    def write(self, samples: Samples | Integers) -> None:
        """Append integers."""
        self._sound.write(np.left_shift(samples.T, self._shift, dtype=np.int32))
        self._target.check()

    def finish(self) -> None:
        """Write the last frame and the header's length."""
        self._sound.close()
        self._target.check()
        self._target.close()

    def close(self) -> None:
        """Close without finishing."""
        self._sound.close()
        self._target.abandon()


class OggEncoder:
    """OGG Vorbis; the random serial number that libsndfile gives its stream becomes 1."""

    def __init__(self, path: Path, *, sample_rate: int, channels: int, tags: Mapping[str, str]) -> None:
        self._path = path
        self._target = _Target(path)
        self._sound = _open_sound(self._target, sample_rate, channels, "OGG", "VORBIS", tags)

    def write(self, samples: Samples | Integers) -> None:
        """Append float samples."""
        for start in range(0, samples.shape[1], OGG_FRAMES_PER_CALL):
            self._sound.write(np.ascontiguousarray(samples[:, start : start + OGG_FRAMES_PER_CALL].T))
        self._target.check()

    def finish(self) -> None:
        """Write the last page and give the stream its fixed serial number."""
        self._sound.close()
        self._target.check()
        self._target.close()
        _renumber_pages(self._path)

    def close(self) -> None:
        """Close without finishing."""
        self._sound.close()
        self._target.abandon()


def _open_sound(
    target: _Target, sample_rate: int, channels: int, container: str, subtype: str, tags: Mapping[str, str]
) -> sf.SoundFile:
    try:
        sound = sf.SoundFile(target, "w", sample_rate, channels, subtype=subtype, format=container)
    except (sf.LibsndfileError, ValueError) as error:
        target.close()
        raise InputError(
            f"{container} can't hold {channels} channels at {sample_rate} Hz: {error}", way_out="Write WAV."
        ) from error
    for key in sorted(_known(tags, container)):
        setattr(sound, key, tags[key])
    return sound


def _known(tags: Mapping[str, str], container: str) -> Mapping[str, str]:
    if unknown := sorted(set(tags) - set(TAG_KEYS)):
        raise InputError(
            f"{container} files get no tag {unknown[0]!r}.", way_out=f"Known: {', '.join(TAG_KEYS)}."
        )
    return tags


def _renumber_pages(path: Path, *, serial: int = 1) -> None:
    """Rewrite the serial number and checksum of every Ogg page (RFC 3533 §6)."""
    with path.open("r+b") as file:
        while len(head := file.read(27)) == 27:
            lacing = file.read(head[26])
            body = file.read(sum(lacing))
            page = (
                head[:14] + serial.to_bytes(4, "little") + head[18:22] + bytes(4) + head[26:] + lacing + body
            )
            fixed = page[:22] + _ogg_crc(page).to_bytes(4, "little") + page[26:]
            file.seek(-len(page), io.SEEK_CUR)
            file.write(fixed)


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_crc(page: bytes) -> int:
    """CRC-32 of RFC 3533: zlib's polynomial with the bits the other way round, starting from 0."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


class LameEncoder:
    """MP3 at the highest constant bit rate, ID3v2.4 tags, a LAME header that makes it decode gapless."""

    def __init__(self, path: Path, *, sample_rate: int, channels: int, tags: Mapping[str, str]) -> None:
        import av

        if sample_rate not in MP3_RATES_HZ or channels > 2:
            raise InputError(
                f"MP3 can't hold {channels} channels at {sample_rate} Hz.",
                way_out=f"It takes 1 or 2 channels at {', '.join(map(str, MP3_RATES_HZ))} Hz: resample.",
            )
        self._known_tags = _known(tags, "MP3")
        self._layout = "mono" if channels == 1 else "stereo"
        self._target = _Target(path)
        options = {"id3v2_version": "4", "fflags": "+bitexact"}
        self._container = av.open(self._target, "w", format="mp3", options=options)
        lame = Lame(sample_rate, self._layout, MP3_RATES_HZ[sample_rate], LAME_OPTIONS)
        self._stream = self._container.add_stream(
            "libmp3lame", rate=sample_rate, layout=self._layout, options=dict(LAME_OPTIONS)
        )
        self._stream.bit_rate = lame.bit_rate
        self._stream.format = "fltp"
        self._encoder = StripedLame(lame, channels)
        for key in sorted(tags):
            self._container.metadata[_ID3_KEYS.get(key, key)] = tags[key]

    def write(self, samples: Samples | Integers) -> None:
        """Append float samples."""
        self._mux(self._encoder.push(np.asarray(samples, np.float32)))

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            packet.stream = self._stream
            self._container.mux(packet)
        self._target.check()

    def finish(self) -> None:
        """Write the last frames and the LAME header."""
        self._mux(self._encoder.flush())
        self._container.close()
        self._target.check()
        self._target.close()

    def close(self) -> None:
        """Close without finishing."""
        self._encoder.close()
        self._container.close()
        self._target.abandon()

"""Decode what libsndfile can't, through PyAV, into a `Spool`: exact frames, then exact random access.

FFmpeg is handed an open file and the one demuxer that the content calls for; it never sees a name, may
open no protocol, no second file, and no codec but the audio codecs listed here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from stemwright.audio import Samples
from stemwright.errors import RefusedError, UnreadableError
from stemwright.io.limits import ReadLimits
from stemwright.io.sniff import DEMUXERS, Kind
from stemwright.io.spool import Spool
from stemwright.units import format_duration

__all__ = ["Decoded", "StreamInfo", "Watch", "declared_s", "decode_stream", "describe", "open_container"]

CODECS = {
    "aac": "AAC", "ac3": "AC3", "adpcm_ima_qt": "IMA_ADPCM", "adpcm_ima_wav": "IMA_ADPCM",
    "adpcm_ms": "MS_ADPCM", "alac": "ALAC", "ape": "APE", "eac3": "EAC3", "flac": "FLAC",
    "mp1float": "MPEG_LAYER_I", "mp2float": "MPEG_LAYER_II", "mp3float": "MPEG_LAYER_III",
    "mp2": "MPEG_LAYER_II", "mp3": "MPEG_LAYER_III", "opus": "OPUS",
    "pcm_alaw": "ALAW", "pcm_f32be": "FLOAT", "pcm_f32le": "FLOAT",
    "pcm_f64be": "DOUBLE", "pcm_f64le": "DOUBLE", "pcm_mulaw": "ULAW", "pcm_s16be": "PCM_16",
    "pcm_s16le": "PCM_16", "pcm_s24be": "PCM_24", "pcm_s24le": "PCM_24", "pcm_s32be": "PCM_32",
    "pcm_s32le": "PCM_32", "pcm_s8": "PCM_S8", "pcm_u8": "PCM_U8", "tta": "TTA", "vorbis": "VORBIS",
    "wavpack": "WAVPACK", "wmalossless": "WMA_LOSSLESS", "wmapro": "WMA_PRO", "wmav1": "WMA", "wmav2": "WMA",
}  # fmt: skip
"""FFmpeg's decoders that may run, with the name that people see."""

Line: TypeAlias = np.ndarray[Any, Any]
Watch: TypeAlias = Callable[[Samples], None]
"""Told blocks shaped ``(channels, frames)``."""
_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_SCALES = {"u1": (128.0, 2.0**-7), "i2": (0.0, 2.0**-15), "i4": (0.0, 2.0**-31)}
FRAMES_PER_BATCH = 65_536
FREE_BYTES_BEFORE_RATIO = 64 * 2**20
MAX_READS_OF_THE_FILE = 16
MAX_DAMAGED_PACKETS = 100_000
EDIT_LIST_ROUNDING_S = 0.002
MISSING_S = 0.1


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One audio stream of a container: its index among the audio streams, codec, rate, channels, title."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A stream that was decoded whole.

    Attributes
    ----------
    spool : Spool
        Its audio; the receiver closes it.
    streams : tuple of StreamInfo
        All audio streams of the container.
    stream : StreamInfo
        The one that was decoded.
    tags : dict of str to str
        As found.
    damaged_packets : int
        Packets that could not be decoded and are missing from the audio.
    stopped : bool
        Whether the container could not be read to its end.
    declared_s : float or None
        Length that the container declares.
    container : str
        As in `Kind`.
    """

    spool: Spool
    streams: tuple[StreamInfo, ...]
    stream: StreamInfo
    tags: dict[str, str]
    damaged_packets: int
    stopped: bool
    declared_s: float | None
    container: str

    @property
    def missing_s(self) -> float:
        """How much less audio there is than declared; 0 when nothing is declared or it is there."""
        if self.container == "OGG":  # an Ogg stream declares no length, only the position of its last page
            return 0.0
        missing = (self.declared_s or 0.0) - self.spool.frames / self.stream.sample_rate
        return missing if missing > MISSING_S else 0.0


class _BoundedFile(io.RawIOBase):
    """The file as FFmpeg sees it: a reader that ends after so many bytes, so that no index runs in circles.

    It must not raise: PyAV prints and drops what a reader raises.
    """

    def __init__(self, file: BinaryIO, *, size: int) -> None:
        self._file = file
        self._size = size
        self._budget = MAX_READS_OF_THE_FILE * size + 2**20

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        data = self._file.read(count if 0 <= count <= self._budget else self._budget)
        self._budget -= len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._size}[whence]
        return self._file.seek(min(max(base + offset, 0), self._size))

    def tell(self) -> int:
        return self._file.tell()


def decode_stream(
    file: BinaryIO,
    kind: Kind,
    *,
    name: str,
    size: int,
    stream: int,
    limits: ReadLimits,
    watch: Watch | None = None,
) -> Decoded:
    """Decode the audio stream number `stream` of an open file.

    Parameters
    ----------
    file : BinaryIO
        Seekable.
    kind : Kind
        What it was found to be.
    name : str
        For messages.
    size : int
        Bytes in the file.
    stream : int
        Index among the audio streams.
    limits : ReadLimits
        Bounds that are held before and while decoding.
    watch : callable, optional
        Is handed every block as it is decoded, before any padding at the end is cut.

    Raises
    ------
    UnreadableError
        No audio stream, no such stream, or nothing decodes.
    RefusedError
        Longer or larger than `limits` allow.
    StorageError
        The temporary folder is full.
    """
    container = open_container(file, kind, name=name, size=size)
    with container:
        return _decode_container(
            container, kind, name=name, size=size, index=stream, limits=limits, watch=watch
        )


def open_container(file: BinaryIO, kind: Kind, *, name: str, size: int) -> Any:
    """Let FFmpeg read the header of an open file, through the one demuxer that its content calls for.

    Parameters
    ----------
    file, kind, name, size
        As in `decode_stream`.

    Raises
    ------
    RefusedError
        When its demuxer is none of `DEMUXERS`.
    UnreadableError
        When the header can't be read.
    """
    import av

    if kind.demuxer not in DEMUXERS:
        raise RefusedError(
            f"{name} is {kind.container}, which is not read here.", way_out="Export it as WAV."
        )
    av.logging.set_level(None)
    file.seek(0)
    options = {
        "protocol_whitelist": "",
        "format_whitelist": kind.demuxer,
        "codec_whitelist": ",".join(CODECS),
    }
    try:
        return av.open(_BoundedFile(file, size=size), format=kind.demuxer.split(",")[0], options=options)
    except _library_errors() as error:
        raise UnreadableError(
            f"{name} can't be read as {kind.container}: {_reason(error)}.",
            way_out="Export or download it again.",
        ) from error


def _library_errors() -> tuple[type[Exception], ...]:
    """List what PyAV raises on hostile files: FFmpeg's errors, and slips of its own when streams change."""
    import av

    return (av.FFmpegError, OSError, ValueError, IndexError, AttributeError, OverflowError)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "strerror", None) or error)
    return text[:1].lower() + text[1:]


def _decode_container(
    container: Any,
    kind: Kind,
    *,
    name: str,
    size: int,
    index: int,
    limits: ReadLimits,
    watch: Watch | None,
) -> Decoded:
    streams = tuple(describe(i, stream) for i, stream in enumerate(container.streams.audio))
    if not streams:
        raise UnreadableError(f"{name} holds no audio stream.", way_out="Was the right file given?")
    if not 0 <= index < len(streams):
        raise UnreadableError(
            f"{name} has no audio stream {index}; it has {len(streams)}, counted from 0.",
            way_out="Choose one of them.",
        )
    chosen, raw = streams[index], container.streams.audio[index]
    if not chosen.codec:
        raise UnreadableError(
            f"{name} holds audio in a codec that is not read.", way_out="Export it as PCM WAV."
        )
    declared = declared_s(container, raw)
    if chosen.sample_rate:
        limits.check_format(name, sample_rate=chosen.sample_rate, channels=max(chosen.channels, 1))
        limits.check_length(
            name,
            frames=(declared or 0.0) * chosen.sample_rate,
            sample_rate=chosen.sample_rate,
            channels=max(chosen.channels, 1),
        )
    decoder = _Decoder(container, raw, name=name, size=size, limits=limits, declared_s=declared)
    spool = decoder.run(watch)
    found = StreamInfo(index, chosen.codec, decoder.sample_rate, spool.channels, chosen.title)
    tags = {**raw.metadata, **container.metadata}
    return Decoded(spool, streams, found, tags, decoder.damaged, decoder.stopped, declared, kind.container)


def describe(index: int, stream: Any) -> StreamInfo:
    """Say what an audio stream is, as far as its header tells."""
    context = stream.codec_context
    title = str(stream.metadata.get("title", ""))
    if context is None:
        return StreamInfo(index, "", 0, 0, title)
    return StreamInfo(
        index, CODECS.get(context.name, ""), context.sample_rate or 0, context.channels or 0, title
    )


def declared_s(container: Any, stream: Any) -> float | None:
    """Length of a stream as its container declares it; None where it declares none."""
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


class _Decoder:
    """One pass over one stream; holds what the pass finds out."""

    def __init__(
        self,
        container: Any,
        stream: Any,
        *,
        name: str,
        size: int,
        limits: ReadLimits,
        declared_s: float | None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._name = name
        self._size = size
        self._limits = limits
        self._declared_s = declared_s
        self._spool: Spool | None = None
        self._last_packet_end: int | None = None
        self.sample_rate = 0
        self.damaged = 0
        self.stopped = False

    def run(self, watch: Watch | None = None) -> Spool:
        """Decode everything; the spool is closed again when that fails."""
        try:
            for interleaved in _batches(self._frames()):
                self._store(interleaved)
                if watch is not None:
                    watch(interleaved.T)
            if self._spool is None:
                raise UnreadableError(
                    f"{self._name} holds no audio that can be decoded.",
                    way_out="Export or download it again.",
                )
            self._cut_padding(self._spool)
        except BaseException:
            if self._spool is not None:
                self._spool.close()
            raise
        return self._spool

    def _store(self, interleaved: Samples) -> None:
        if self._spool is None:
            self._spool = self._open_spool(interleaved.shape[1])
        self._spool.append(interleaved)
        frames, channels = self._spool.frames, self._spool.channels
        self._limits.check_length(self._name, frames=frames, sample_rate=self.sample_rate, channels=channels)
        decoded = frames * channels * 4 - FREE_BYTES_BEFORE_RATIO
        if self._declared_s is None and decoded > self._limits.max_expansion * self._size:
            raise UnreadableError(
                f"{self._name} grows without end: {self._size} bytes have become {frames} frames.",
                way_out="Export it as WAV or FLAC.",
            )

    def _open_spool(self, channels: int) -> Spool:
        spool = Spool(channels=channels, name=self._name)
        try:
            spool.reserve(round((self._declared_s or 0.0) * self.sample_rate))
        except BaseException:
            spool.close()
            raise
        return spool

    def _frames(self) -> Iterator[Any]:
        """Yield decoded frames of one rate and channel count; damaged packets are counted and passed over."""
        channels = 0
        for packet in self._packets():
            for frame in self._decode(packet):
                if not self.sample_rate:
                    self.sample_rate, channels = frame.sample_rate, len(frame.layout.channels)
                    self._limits.check_format(self._name, sample_rate=self.sample_rate, channels=channels)
                if (frame.sample_rate, len(frame.layout.channels)) != (self.sample_rate, channels):
                    raise self._changed(frame, channels)
                yield frame

    def _packets(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while self.damaged < MAX_DAMAGED_PACKETS:
            try:
                packet = next(packets, None)
            except _library_errors():
                self.stopped = True
                return
            if packet is None:
                return
            if packet.pts is not None and packet.duration:
                self._last_packet_end = packet.pts + packet.duration
            yield packet

    def _decode(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except _library_errors():
            self.damaged += 1
            return []

    def _changed(self, frame: Any, channels: int) -> UnreadableError:
        at = format_duration((self._spool.frames if self._spool else 0) / self.sample_rate)
        return UnreadableError(
            f"{self._name} changes from {self.sample_rate} Hz, {channels} channels to "
            f"{frame.sample_rate} Hz, {len(frame.layout.channels)} channels after about {at}.",
            way_out="Was it joined from several files? Give them one by one.",
        )

    def _cut_padding(self, spool: Spool) -> None:
        """Cut encoder padding: iTunSMPB, else the edit list, else the last packet's own duration."""
        end = self._exact_end()
        codec_frame = 4 * 2_048
        if end is not None and spool.frames - codec_frame <= end < spool.frames:
            spool.cut(max(end, 0))

    def _exact_end(self) -> int | None:
        note = str({**self._stream.metadata, **self._container.metadata}.get("iTunSMPB", "")).split()
        if len(note) > 3 and int(note[3], 16) > 0:
            return int(note[3], 16)
        if self._stream.time_base != Fraction(1, self.sample_rate):
            return None
        if self._container.format.name == "ogg":  # FFmpeg trims the end, but not when one page holds it all
            return int(self._stream.duration or 0) if self._stream.codec_context.name == "vorbis" else None
        if self._container.format.name != "mov":
            return None
        ends = [end for end in (self._last_packet_end, self._stream.duration) if end]
        # an edit list counts in the movie's time scale, often 1 ms: closer than that, the packet knows better
        if len(ends) == 2 and 0 <= ends[0] - ends[1] <= EDIT_LIST_ROUNDING_S * self.sample_rate:
            return int(ends[0])
        return int(min(ends)) if ends else None


def _batches(frames: Iterator[Any]) -> Iterator[Samples]:
    """Gather decoded frames into interleaved float32 blocks, contiguous."""
    held: list[Sequence[Line]] = []
    count = 0
    for frame in frames:
        held.append(_channels(frame))
        count += frame.samples
        if count >= FRAMES_PER_BATCH:
            yield _interleave(held, count)
            held, count = [], 0
    if count:
        yield _interleave(held, count)


def _channels(frame: Any) -> Sequence[Line]:
    """Look at the samples of every channel where FFmpeg keeps them."""
    name = frame.format.name
    planar, kind = name.endswith("p"), _TYPES.get(name.removesuffix("p"))
    if kind is None:
        raise UnreadableError(f"Samples of the kind {name} are not read.", way_out="Export it as WAV.")
    if planar:
        return [np.frombuffer(plane, kind, count=frame.samples) for plane in frame.planes]
    channels = len(frame.layout.channels)
    samples = np.frombuffer(frame.planes[0], kind, count=frame.samples * channels)
    return list(samples.reshape(-1, channels).T)


def _interleave(parts: Sequence[Sequence[Line]], count: int) -> Samples:
    out = np.empty((count, len(parts[0])), np.float32)
    zero, scale = _SCALES.get(parts[0][0].dtype.str[1:], (0.0, 1.0))
    position = 0
    with np.errstate(over="ignore", invalid="ignore"):  # a double beyond float32 becomes infinite
        for lines in parts:
            rows = out[position : position + len(lines[0])]
            for channel, samples in enumerate(lines):
                rows[:, channel] = samples if scale == 1.0 else (samples - zero) * scale
            position += len(rows)
    return out

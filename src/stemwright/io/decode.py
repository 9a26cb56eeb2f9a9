"""Bring any file to the session: a float32 WAV at the session's rate, and every change is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stemwright.audio import Blocks, iter_blocks
from stemwright.checks import Notice
from stemwright.dsp.resample import resample, resampled_frames, to_channels
from stemwright.io.limits import ReadLimits
from stemwright.io.reader import AudioInfo, open_audio
from stemwright.io.writer import write_audio

__all__ = ["DecodedInfo", "decode_to", "readable_as_is"]

_IN_PLACE_CONTAINERS = ("WAV", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC")
_CHANNEL_WORDS = {
    (1, 2): "mono was copied to both channels",
    (2, 1): "stereo became mono: the mean of both channels",
}


@dataclass(frozen=True, slots=True)
class DecodedInfo:
    """What was decoded, and what it became.

    Attributes
    ----------
    source : AudioInfo
        The file as found.
    path : Path
        The float32 WAV.
    sample_rate, channels, frames : int
        Of that WAV; ``frames = resampled_frames(source.frames)``.
    notices : tuple of Notice
        What is different from the file, and what is wrong with it.
    """

    source: AudioInfo
    path: Path
    sample_rate: int
    channels: int
    frames: int
    notices: tuple[Notice, ...]


def readable_as_is(path: Path | str, *, sample_rate: int, limits: ReadLimits | None = None) -> bool:
    """Whether a file can be read where it is at `sample_rate`: nothing to decode, resample or tell."""
    with open_audio(path, limits=limits) as file:
        info = file.info
    return info.container in _IN_PLACE_CONTAINERS and info.sample_rate == sample_rate and not info.notes


def decode_to(
    path_in: Path | str,
    path_out: Path,
    *,
    sample_rate: int,
    channels: int | None = None,
    stream: int = 0,
    limits: ReadLimits | None = None,
    watch: Callable[[Blocks, int], Blocks] | None = None,
    overwrite: bool = False,
) -> DecodedInfo:
    """Decode any audio file to a float32 WAV at the session's rate.

    Parameters
    ----------
    path_in : Path or str
        Anything that `open_audio` reads.
    path_out : Path
        Where the WAV goes; it appears when it is whole.
    sample_rate : int
        Of the WAV, in Hz.
    channels : int, optional
        1 or 2; as found by default.
    stream : int
        Which audio stream of a container that holds several.
    limits : ReadLimits, optional
        What is refused before decoding.
    watch : callable, optional
        Passes blocks through on their way (progress); gets the stream and its number of frames.
    overwrite : bool
        Whether `path_out` may be replaced.

    Returns
    -------
    DecodedInfo
        With notices in plain words for every change and every fault of the file.
    """
    with open_audio(path_in, stream=stream, limits=limits) as file:
        info = file.info
        wanted = channels or info.channels
        blocks: Blocks = resample(iter_blocks(file), from_hz=info.sample_rate, to_hz=sample_rate)
        frames = resampled_frames(info.frames, from_hz=info.sample_rate, to_hz=sample_rate)
        blocks = to_channels(blocks, wanted)
        written = write_audio(
            path_out,
            watch(blocks, frames) if watch else blocks,
            sample_rate=sample_rate,
            channels=wanted,
            frames=frames,
            overwrite=overwrite,
        )
    return DecodedInfo(info, path_out, sample_rate, wanted, written, _notices(info, sample_rate, wanted))


def _notices(info: AudioInfo, sample_rate: int, channels: int) -> tuple[Notice, ...]:
    name = info.path.name
    told = list(info.notes)
    if len(info.streams) > 1:
        told.append(f"{name} holds {len(info.streams)} audio streams; stream {info.stream} was taken.")
    if info.sample_rate != sample_rate:
        told.append(f"{name} was resampled from {info.sample_rate} Hz to {sample_rate} Hz.")
    if info.channels != channels:
        told.append(f"{name}: {_CHANNEL_WORDS[info.channels, channels]}.")
    return tuple(Notice(text) for text in told)

"""The one audio type, and the two ways to hand audio on.

- `Audio`: samples that fit in memory, frozen.
- `AudioSource`: anything that can be read at any frame: `Audio`, or a file opened by ``stemwright.io``.
- `Blocks`: a stream, block after block, for rendering without a limit on length.

Everywhere in this project samples are float32, shaped ``(channels, frames)``; full scale is ±1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from stemwright.errors import InputError
from stemwright.units import seconds_to_frames

__all__ = [
    "BLOCK_FRAMES",
    "MAX_CHANNELS",
    "MAX_SAMPLE_RATE_HZ",
    "MIN_SAMPLE_RATE_HZ",
    "Audio",
    "AudioSource",
    "Blocks",
    "Samples",
    "SourceSum",
    "collect",
    "iter_blocks",
    "read_padded",
    "rechunk",
    "validate_sample_rate",
]

Samples: TypeAlias = npt.NDArray[np.float32]
"""float32, shape ``(channels, frames)``."""

Blocks: TypeAlias = Iterable[Samples]
"""A stream of `Samples`, all with the same number of channels; block lengths are free."""

BLOCK_FRAMES = 131_072
MIN_SAMPLE_RATE_HZ = 1_000
MAX_SAMPLE_RATE_HZ = 768_000
MAX_CHANNELS = 64


@runtime_checkable
class AudioSource(Protocol):
    """Audio that can be read from any frame, as often as needed."""

    @property
    def sample_rate(self) -> int:
        """Frames per second, in Hz."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def frames(self) -> int:
        """Exact number of frames."""

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""


@dataclass(frozen=True, eq=False)
class Audio:
    """Audio in memory.

    Parameters
    ----------
    samples : Samples [shape=(channels, frames)]
        float32; kept as a read-only view.
    sample_rate : int
        In Hz.

    Raises
    ------
    InputError
        When shape, dtype or rate are not as said.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        validate_sample_rate(self.sample_rate)
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise InputError(
                f"Audio needs float32 samples shaped (channels, frames); got {self.samples.dtype} "
                f"shaped {self.samples.shape}.",
                way_out="A mono array becomes samples[np.newaxis, :].astype(np.float32).",
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise InputError(
                f"Audio has {self.channels} channels; 1 to {MAX_CHANNELS} are possible.",
                way_out="Samples are shaped (channels, frames): were the axes swapped?",
            )
        view = self.samples.view()
        view.flags.writeable = False
        object.__setattr__(self, "samples", view)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Exact number of frames."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""
        return self.samples[:, start : start + frames]

    def between(self, start_s: float, end_s: float) -> Audio:
        """Cut out the frames ``round(start_s * sr) : round(end_s * sr)``."""
        start, end = (seconds_to_frames(s, self.sample_rate) for s in (start_s, end_s))
        return Audio(self.samples[:, start:end], self.sample_rate)


@dataclass(frozen=True)
class SourceSum:
    """The sum of sources, readable from any frame; as long as the longest, the others end in silence.

    Parameters
    ----------
    sources : tuple of AudioSource
        At least one, all with the same rate and number of channels.
    """

    sources: tuple[AudioSource, ...]

    def __post_init__(self) -> None:
        if len({(source.sample_rate, source.channels) for source in self.sources}) != 1:
            found = ", ".join(f"{source.channels} × {source.sample_rate} Hz" for source in self.sources)
            raise InputError(f"Only sources of one rate and layout can be summed; got {found or 'none'}.")

    @property
    def sample_rate(self) -> int:
        """Frames per second, in Hz."""
        return self.sources[0].sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.sources[0].channels

    @property
    def frames(self) -> int:
        """Exact number of frames."""
        return max(source.frames for source in self.sources)

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""
        total = np.zeros((self.channels, max(min(frames, self.frames - start), 0)), np.float32)
        for source in self.sources:
            block = source.read(start, total.shape[1])
            total[:, : block.shape[1]] += block
        return total


def validate_sample_rate(sample_rate: int) -> int:
    """Return `sample_rate` if it is one that audio can have, else raise `InputError`."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate <= MAX_SAMPLE_RATE_HZ:
        raise InputError(
            f"A sample rate of {sample_rate} Hz is outside {MIN_SAMPLE_RATE_HZ}–{MAX_SAMPLE_RATE_HZ} Hz.",
            way_out="Rates are given in Hz (48000, not 48).",
        )
    return sample_rate


def iter_blocks(
    source: AudioSource, *, start: int = 0, stop: int | None = None, block_frames: int = BLOCK_FRAMES
) -> Iterator[Samples]:
    """Stream `source` from frame `start` to frame `stop` (default: its end) in blocks."""
    end = source.frames if stop is None else min(stop, source.frames)
    for position in range(start, end, block_frames):
        yield source.read(position, min(block_frames, end - position))


def read_padded(source: AudioSource, start: int, frames: int) -> Samples:
    """Read exactly `frames` frames from `start`, which may be negative: silence outside the source."""
    first, last = max(start, 0), min(start + frames, source.frames)
    if last - first == frames:
        return source.read(start, frames)
    out = np.zeros((source.channels, frames), np.float32)
    if first < last:
        out[:, first - start : last - start] = source.read(first, last - first)
    return out


def rechunk(blocks: Blocks, block_frames: int = BLOCK_FRAMES) -> Iterator[Samples]:
    """Cut a stream into blocks of exactly `block_frames` frames; only the last may be shorter."""
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += block.shape[1]
        while count >= block_frames:
            joined = np.concatenate(held, axis=1) if len(held) > 1 else held[0]
            yield joined[:, :block_frames]
            held = [joined[:, block_frames:]]
            count -= block_frames
    if count:
        yield np.concatenate(held, axis=1)


def collect(blocks: Blocks, sample_rate: int) -> Audio:
    """Gather a stream into one `Audio`; for short material and tests."""
    return Audio(np.concatenate(list(blocks), axis=1), sample_rate)

"""A file of a set: its name, its samples and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stemwright.audio import AudioSource, Samples, read_padded
from stemwright.io.reader import AudioFile, AudioInfo

__all__ = ["NamedFile", "common_channels", "fit_channels", "read_at"]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """One member of a set.

    Parameters
    ----------
    name : str
        What reports call it.
    source : AudioSource
        Its samples.
    info : AudioInfo, optional
        What the file says of itself; an `AudioFile` brings its own. Without one the questions about
        formats read *not checked*.
    file_name : str
        Its name on disk, with suffix; empty when it is no file.
    """

    name: str
    source: AudioSource
    info: AudioInfo | None = None
    file_name: str = ""

    def __post_init__(self) -> None:
        if self.info is None and isinstance(self.source, AudioFile):
            object.__setattr__(self, "info", self.source.info)


def fit_channels(block: Samples, channels: int) -> Samples:
    """Put a mono block into all of `channels`; anything else stays as it is."""
    return np.broadcast_to(block, (channels, block.shape[1])) if block.shape[0] == 1 else block


def read_at(source: AudioSource, start: int, frames: int, *, channels: int) -> Samples:
    """Read exactly `frames` frames from `start`, which may be negative: silence outside, and for NaN."""
    block = np.nan_to_num(read_padded(source, start, frames), nan=0.0, posinf=0.0, neginf=0.0)
    return fit_channels(block, channels)


def common_channels(files: Sequence[NamedFile]) -> int | None:
    """Channels that all files can be brought to: their own, or mono in all; None when they can't."""
    counts = {file.source.channels for file in files} - {1}
    return None if len(counts) > 1 else max(counts, default=1)

"""Change the sample rate or the number of channels of a stream, without a delay and to an exact length.

Band-limited interpolation by the SoX resampler (soxr, "very high quality": 175 dB of stopband, linear phase).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from stemwright.audio import Blocks, Samples, validate_sample_rate
from stemwright.errors import InputError

__all__ = ["QUALITY", "resample", "resampled_frames", "to_channels"]

QUALITY = "VHQ"


def resampled_frames(frames: int, *, from_hz: int, to_hz: int) -> int:
    """Length after resampling: ``floor(frames * to_hz / from_hz + 1/2)``, in whole numbers."""
    return (2 * frames * to_hz + from_hz) // (2 * from_hz)


def resample(blocks: Blocks, *, from_hz: int, to_hz: int) -> Iterator[Samples]:
    """Change the sample rate of a stream.

    Parameters
    ----------
    blocks : Blocks
        The stream at `from_hz`; how it is cut into blocks does not change the result.
    from_hz, to_hz : int
        Rates; when they are equal the blocks are passed on untouched.

    Yields
    ------
    Samples
        `resampled_frames` of the frames that came in, in all; what is at time t stays at time t.

    Raises
    ------
    InputError
        A rate that audio can't have.
    """
    validate_sample_rate(from_hz)
    validate_sample_rate(to_hz)
    return iter(blocks) if from_hz == to_hz else _resample(blocks, from_hz, to_hz)


def _resample(blocks: Blocks, from_hz: int, to_hz: int) -> Iterator[Samples]:
    stream: soxr.ResampleStream | None = None
    taken = given = channels = 0
    for block in blocks:
        channels = block.shape[0]
        stream = stream or soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality=QUALITY)
        out = stream.resample_chunk(np.ascontiguousarray(block.T))
        taken, given = taken + block.shape[1], given + len(out)
        if len(out):
            yield np.ascontiguousarray(out.T)
    if stream is None:
        return
    rest = stream.resample_chunk(np.empty((0, channels), np.float32), last=True)
    yield _exactly(rest.T, resampled_frames(taken, from_hz=from_hz, to_hz=to_hz) - given)


def _exactly(block: Samples, frames: int) -> Samples:
    """Cut or zero-pad to `frames`: soxr keeps the law but for rounding of very long streams."""
    padded = np.zeros((block.shape[0], max(0, frames)), np.float32)
    kept = min(padded.shape[1], block.shape[1])
    padded[:, :kept] = block[:, :kept]
    return padded


def to_channels(blocks: Blocks, channels: int) -> Iterator[Samples]:
    """Bring a stream to 1 or 2 channels.

    Mono to stereo copies the channel (so each side is as loud as the mono was); stereo to mono takes the
    mean, so that nothing can clip and what is the same on both sides keeps its level. As many frames as came.

    Raises
    ------
    InputError
        For any other change: which channel goes where is for people to say.
    """
    for block in blocks:
        yield _to_channels(block, channels)


def _to_channels(block: Samples, channels: int) -> Samples:
    found = block.shape[0]
    if found == channels:
        return block
    if (found, channels) == (1, 2):
        return np.repeat(block, 2, axis=0)
    if (found, channels) == (2, 1):
        mean: Samples = (block[:1] + block[1:]) * np.float32(0.5)
        return mean
    raise InputError(
        f"{found} channels don't become {channels} by themselves.",
        way_out="Mono and stereo are converted; render other layouts to one of them first.",
    )

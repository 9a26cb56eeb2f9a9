"""Convolve a stem with an impulse response: a room, a plate, a cabinet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stemwright.audio import Blocks, Samples, collect, iter_blocks, rechunk
from stemwright.dsp.resample import resample
from stemwright.effects.native import Stage
from stemwright.effects.settings import EffectSettings
from stemwright.errors import InputError
from stemwright.io.reader import open_audio

__all__ = ["convolution_stage"]

MAX_RESPONSE_S = 30.0
_MIN_FFT = 65_536


def convolution_stage(settings: EffectSettings, sample_rate: int, channels: int) -> Stage:
    """Read the impulse response and bring it to the session rate.

    Its loudest channel is scaled to an energy of 1, so that noise keeps its level.

    Raises
    ------
    InputError
        When it can't be read, is silent, longer than 30 s, or has channels that the stem hasn't.
    """
    response = _response(Path(settings.get("path")), sample_rate, channels)
    mix = settings.get("mix")
    return lambda blocks: _overlap_add(blocks, response, mix)


def _response(path: Path, sample_rate: int, channels: int) -> Samples:
    with open_audio(path) as file:
        length_s = file.frames / file.sample_rate
        if length_s > MAX_RESPONSE_S:
            raise InputError(
                f"The impulse response {path.name} lasts {length_s:.1f} s.",
                way_out=f"At most {MAX_RESPONSE_S:g} s are possible: cut it.",
            )
        if file.channels not in (1, channels):
            raise InputError(
                f"The impulse response {path.name} has {file.channels} channels, the stem {channels}.",
                way_out="Use a mono response, or one with as many channels as the stem.",
            )
        read = collect(resample(iter_blocks(file), from_hz=file.sample_rate, to_hz=sample_rate), sample_rate)
    energy = np.square(read.samples, dtype=np.float64).sum(axis=1).max()
    if not np.isfinite(energy) or energy <= 0.0:
        raise InputError(f"The impulse response {path.name} is silent or not finite.")
    return np.asarray(read.samples / np.sqrt(energy), np.float32)


def _overlap_add(blocks: Blocks, response: Samples, mix: float) -> Iterator[Samples]:
    size = max(_MIN_FFT, 1 << int(np.ceil(np.log2(4 * response.shape[1]))))
    hop = size - response.shape[1] + 1
    spectrum = np.fft.rfft(response.astype(np.float64), size)
    tail: npt.NDArray[np.float64] | None = None
    for block in rechunk(blocks, hop):
        wet = np.fft.irfft(np.fft.rfft(block.astype(np.float64), size) * spectrum, size)
        if tail is not None:
            wet[:, : tail.shape[1]] += tail
        tail = wet[:, hop:]
        frames = block.shape[1]
        yield np.asarray((1.0 - mix) * block + mix * wet[:, :frames], np.float32)

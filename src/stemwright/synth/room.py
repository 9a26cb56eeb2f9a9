"""A small room around dry samples: one diffuse stereo response, convolved block by block.

The response is exponentially decaying noise, shorter at high frequencies, behind a short pre-delay: the
statistical model of late reverberation (J. A. Moorer, *About this reverberation business*, 1979; J.-M. Jot,
*An analysis/synthesis approach to real-time artificial reverberation*, 1992). Overlap-save on a fixed grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples, rechunk
from stemwright.stems import Role

__all__ = ["DEFAULT_SEND", "SENDS", "in_room", "room_response"]

DECAY_S = 0.75
LENGTH_S = 0.62
PRE_DELAY_S = 0.011
BANDS = ((220.0, 700.0, 1.0), (700.0, 4_500.0, 0.8), (4_500.0, 14_000.0, 0.42))
"""Lower and upper edge in Hz, and share of `DECAY_S`; nothing below 220 Hz, where rooms turn to mud."""
SEED = 20_041
RATE_HZ = 48_000
GAUGE_HZ = (300.0, 3_000.0)
BLOCK_S = 1.0
BATCH = 4

SENDS: Mapping[Role, float] = {
    Role.DRUMS: 0.30, Role.BASS: 0.0, Role.GUITARS: 0.16, Role.KEYS: 0.18, Role.SYNTHS: 0.16, Role.PADS: 0.28,
    Role.STRINGS: 0.32, Role.BRASS: 0.24, Role.LEAD: 0.26, Role.VOCALS: 0.26, Role.PERCUSSION: 0.22,
}  # fmt: skip
"""How much of the room each role gets, as amplitude against the dry sound."""
DEFAULT_SEND = 0.18


@lru_cache(maxsize=4)
def room_response(sample_rate: int) -> Samples:
    """Make the response, float32 [shape=(2, n)]: one room at every rate, of unit gain in `GAUGE_HZ`."""
    response = _response_at_48k()
    spectrum = np.fft.rfft(response)
    frames = round(response.shape[1] * sample_rate / RATE_HZ)
    kept = np.zeros((2, frames // 2 + 1), np.complex128)
    common = min(kept.shape[1], spectrum.shape[1])
    kept[:, :common] = spectrum[:, :common]
    return np.asarray(np.fft.irfft(kept, frames), np.float32)


def _response_at_48k() -> npt.NDArray[np.float64]:
    frames, delay = round(LENGTH_S * RATE_HZ), round(PRE_DELAY_S * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(SEED).standard_normal((2, frames)))
    hz = np.fft.rfftfreq(frames, 1.0 / RATE_HZ).astype(np.float64)
    t = np.arange(frames) / RATE_HZ
    response = np.zeros((2, frames + delay))
    for low, high, share in BANDS:
        band = np.fft.irfft(spectrum * _band(hz, low, high), frames)
        response[:, delay:] += band * np.exp(-t * 3.0 * math.log(10.0) / (DECAY_S * share))
    fade = frames // 8
    response[:, frames + delay - fade :] *= np.linspace(1.0, 0.0, fade)
    return response / gauged(response, RATE_HZ)


def gauged(response: npt.NDArray[np.float64], sample_rate: int) -> npt.NDArray[np.float64]:
    """Measure each channel's root mean square gain in `GAUGE_HZ`, [shape=(channels, 1)]."""
    hz = np.fft.rfftfreq(response.shape[1], 1.0 / sample_rate)
    inside = (hz >= GAUGE_HZ[0]) & (hz < GAUGE_HZ[1])
    power = np.abs(np.fft.rfft(response)[:, inside]) ** 2
    return np.asarray(np.sqrt(power.mean(axis=1, keepdims=True)), np.float64)


def _band(hz: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """Third-order Butterworth magnitudes, so that neighbours overlap smoothly."""
    safe = np.maximum(hz, 1e-3)
    return np.asarray(1.0 / np.sqrt((1.0 + (low / safe) ** 6) * (1.0 + (safe / high) ** 6)))


def in_room(blocks: Iterator[Samples], *, sample_rate: int, send: float) -> Iterator[Samples]:
    """Add the room to a stream; the same number of frames, what rings beyond the end is cut.

    Mono is the mean of both sides, before the room and behind it.
    """
    if send <= 0.0:
        yield from blocks
        return
    first = next(blocks, None)
    if first is None:
        return
    room = _Convolver(sample_rate, send, channels=first.shape[0])
    for block in rechunk(chain([first], blocks), room.block_frames):
        yield room.added_to(block)


class _Convolver:
    """Overlap-save on `BATCH` windows at once: numpy transforms four side by side twice as fast as one."""

    def __init__(self, sample_rate: int, send: float, *, channels: int) -> None:
        response = room_response(sample_rate)
        if channels == 1:
            response = response.mean(axis=0, keepdims=True)
        self._past = response.shape[1] - 1
        self._size = 2 ** math.ceil(math.log2(response.shape[1] + BLOCK_S * sample_rate))
        self._hop = self._size - self._past
        self.block_frames = BATCH * self._hop
        self._spectra = np.fft.rfft(response * np.float32(send / 2.0), self._size)
        self._line = np.zeros(self._past + self.block_frames, np.float32)

    def added_to(self, block: Samples) -> Samples:
        """Take the next `block_frames` frames, fewer only at the end; return them with the room."""
        frames = block.shape[1]
        line = self._line
        np.add(block[0], block[-1], out=line[self._past : self._past + frames])
        line[self._past + frames :] = 0.0
        windows = np.lib.stride_tricks.sliding_window_view(line, self._size)[:: self._hop]
        # norm="ortho" keeps float32: with the usual norm numpy transforms forwards in float64, twice as slow
        spectrum = np.fft.rfft(windows[: -(-frames // self._hop)], norm="ortho")
        out = np.empty_like(block)
        for channel, dry, response in zip(out, block, self._spectra, strict=True):
            wet = np.fft.irfft(spectrum * response, self._size, norm="ortho")[:, self._past :]
            np.add(dry, wet.reshape(-1)[:frames], out=channel)
        line[: self._past] = line[self.block_frames :].copy()
        return out

"""Zero-phase Butterworth filters, streamed: nothing moves in time, and the level at the cutoff is −6.02 dB.

Running a Butterworth filter forwards and then backwards multiplies the spectrum by ``|H|²``. That product has
a closed form, so it is applied as it stands, by overlap-save on a fixed raster (Oppenheim & Schafer,
*Discrete-Time Signal Processing*, chapter 7 for the bilinear Butterworth, 8.7 for overlap-save).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from stemwright.audio import Blocks, Samples
from stemwright.dsp.framing import Framer
from stemwright.errors import InputError

__all__ = [
    "DEFAULT_ORDER",
    "MAX_ORDER",
    "MIN_CUTOFF_HZ",
    "MIN_WIDTH_HZ",
    "ZeroPhase",
    "bandpass",
    "highpass",
    "lowpass",
    "zero_phase",
]

Array: TypeAlias = npt.NDArray[np.float64]

DEFAULT_ORDER = 4
MAX_ORDER = 8
MIN_CUTOFF_HZ = 10.0
MIN_WIDTH_HZ = 10.0
_DECAY_NEPERS = 150.0 / 20.0 * math.log(10.0)  # the kernel is cut where it has fallen by 150 dB
_MIN_FFT = 16_384
_BATCH_FRAMES = 131_072
"""Windows are transformed side by side, up to so many frames: twice as fast as one by one."""


@dataclass(frozen=True, slots=True)
class ZeroPhase:
    """A Butterworth filter that is run forwards and backwards.

    Parameters
    ----------
    low_hz, high_hz : float or None
        Edges of what passes; None where it has none. −6.02 dB at each edge, two passes of −3.01 dB.
    order : int
        Of one pass, 1 to `MAX_ORDER`; both together fall by ``12.04 * order`` dB per octave. A band-pass has
        this order at each edge.
    """

    low_hz: float | None = None
    high_hz: float | None = None
    order: int = DEFAULT_ORDER

    def require_fit(self, sample_rate: int) -> None:
        """Raise `InputError` when the filter can't exist at `sample_rate`."""
        edges = [edge for edge in (self.low_hz, self.high_hz) if edge is not None]
        for edge in edges:
            if not MIN_CUTOFF_HZ <= edge < sample_rate / 2:
                raise InputError(
                    f"A cutoff of {edge:g} Hz is outside {MIN_CUTOFF_HZ:g}–{sample_rate / 2:g} Hz, what "
                    f"{sample_rate} Hz can hold.",
                    way_out="Cutoffs are given in Hz (8000, not 8).",
                )
        if len(edges) == 2 and edges[1] - edges[0] < MIN_WIDTH_HZ:
            raise InputError(
                f"A band from {edges[0]:g} to {edges[1]:g} Hz is narrower than {MIN_WIDTH_HZ:g} Hz.",
                way_out="Give low_hz below high_hz.",
            )

    def gain(self, frequencies_hz: Array, sample_rate: int) -> Array:
        """Gain of both passes, ``|H|² = 1 / (1 + Ω^2n)``, real and therefore without phase."""
        warped = np.tan(np.pi * frequencies_hz / sample_rate)
        low, high = self._warped(sample_rate)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if low is None:
                ratio = warped / high
            elif high is None:
                ratio = low / warped
            else:
                ratio = (warped**2 - low * high) / (warped * (high - low))
            return np.asarray(1.0 / (1.0 + (ratio * ratio) ** self.order), np.float64)

    def reach_frames(self, sample_rate: int) -> int:
        """Frames after which its answer to a click has fallen by 150 dB: the slowest pole decides."""
        low, high = self._warped(sample_rate)
        angles = np.pi * (2 * np.arange(self.order) + self.order + 1) / (2 * self.order)
        poles = np.exp(1j * angles)
        if low is None or high is None:
            poles = poles * (low or high or 1.0)
        else:
            half = poles * (high - low) / 2
            root = np.sqrt(half**2 - low * high)
            poles = np.concatenate([half + root, half - root])
        radius = np.abs((1 + poles) / (1 - poles)).max()
        return math.ceil(_DECAY_NEPERS / max(-math.log(radius), 1e-12)) + 2 * self.order

    def _warped(self, sample_rate: int) -> tuple[float | None, float | None]:
        """Edges on the axis of the bilinear transform, ``tan(π f / sample_rate)``."""
        low, high = (
            None if edge is None else math.tan(math.pi * edge / sample_rate)
            for edge in (self.low_hz, self.high_hz)
        )
        return low, high


def lowpass(cutoff_hz: float, *, order: int = DEFAULT_ORDER) -> ZeroPhase:
    """Keep what is below `cutoff_hz`."""
    return ZeroPhase(high_hz=cutoff_hz, order=order)


def highpass(cutoff_hz: float, *, order: int = DEFAULT_ORDER) -> ZeroPhase:
    """Keep what is above `cutoff_hz`."""
    return ZeroPhase(low_hz=cutoff_hz, order=order)


def bandpass(low_hz: float, high_hz: float, *, order: int = DEFAULT_ORDER) -> ZeroPhase:
    """Keep what lies between two frequencies."""
    return ZeroPhase(low_hz, high_hz, order)


def zero_phase(blocks: Blocks, filtering: ZeroPhase, *, sample_rate: int) -> Iterator[Samples]:
    """Filter a stream without moving anything in time.

    Parameters
    ----------
    blocks : Blocks
        The stream; silence is assumed before its start and behind its end.
    filtering : ZeroPhase
        What passes.
    sample_rate : int
        In Hz.

    Yields
    ------
    Samples
        Exactly as many frames as came in; equal to ``scipy.signal.sosfiltfilt`` of the whole signal between
        silences within −120 dB, and bit for bit the same however the stream was cut.

    Raises
    ------
    InputError
        When a cutoff is outside 10 Hz … half of `sample_rate`, or a band is narrower than 10 Hz.
    """
    filtering.require_fit(sample_rate)
    return _overlap_save(blocks, filtering, sample_rate)


def _overlap_save(blocks: Blocks, filtering: ZeroPhase, sample_rate: int) -> Iterator[Samples]:
    reach = filtering.reach_frames(sample_rate)
    size = max(_MIN_FFT, 1 << math.ceil(math.log2(4 * reach)))
    hop, batch = size - 2 * reach, max(_BATCH_FRAMES // size, 1)
    gain = filtering.gain(np.linspace(0.0, sample_rate / 2, size // 2 + 1), sample_rate).astype(np.float32)
    stream = iter(blocks)
    first = next(stream, None)
    if first is None:
        return
    framer, given = Framer(first.shape[0], batch * hop, reach=reach), 0
    for block in chain([first], stream):
        for windows in framer.push(block):
            yield _filtered(windows, gain, reach)
            given += framer.frames
    for windows in framer.flush():
        yield _filtered(windows, gain, reach)[:, : framer.total - given]
        given += framer.frames


def _filtered(windows: Samples, gain: Samples, reach: int) -> Samples:
    """Filter windows that overlap and keep their bodies, where circular convolution equals the linear one."""
    channels, frames = windows.shape
    size = 2 * (gain.size - 1)
    hop = size - 2 * reach
    kept = np.empty((channels, (frames - 2 * reach) // hop, hop), np.float32)
    for channel, samples in enumerate(windows):
        # norm="ortho" keeps float32: with the usual norm numpy transforms forwards in float64, twice as slow
        spectra = np.fft.rfft(sliding_window_view(samples, size)[::hop], norm="ortho")
        spectra *= gain
        kept[channel] = np.fft.irfft(spectra, size, norm="ortho")[:, reach : size - reach]
    return kept.reshape(channels, -1)

"""One pass over one file: everything that can be said of it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stemwright.audio import Samples
from stemwright.io.reader import AudioInfo
from stemwright.verification.bits import BitMeter
from stemwright.verification.clicks import ClickFinder, Clicks
from stemwright.verification.clipping import Clipping, ClippingMeter
from stemwright.verification.ends import EndMeter, Ends
from stemwright.verification.levels import LevelMeter, Levels
from stemwright.verification.limits import Limits
from stemwright.verification.peaks import PeakMeter
from stemwright.verification.spectrum import Edge, SpectrumSampler
from stemwright.verification.windows import WindowCutter

__all__ = ["Shape", "StemFacts", "StemMeter"]

FLOAT_BITS = 32


@dataclass(frozen=True, slots=True)
class StemFacts:
    """What was measured of one file.

    Attributes
    ----------
    sample_rate, channels, frames : int
        Its shape.
    nonfinite : int
        Samples that are NaN or infinite.
    first_nonfinite : int or None
        Frame of the first one.
    levels, clipping, clicks, ends, edge
        See their classes.
    true_peak_dbtp : float
        Exact when above 0 dBTP; below, the peak around the highest sample.
    activity : tuple[float, ...]
        Energy in equal stretches of the file, up to 64.
    bits : int or None
        Effective bit depth; 25 is floating point, None is silence.
    """

    sample_rate: int
    channels: int
    frames: int
    nonfinite: int
    first_nonfinite: int | None
    levels: Levels
    clipping: Clipping
    clicks: Clicks
    ends: Ends
    edge: Edge
    activity: tuple[float, ...]
    true_peak_dbtp: float
    bits: int | None


class Shape(Protocol):
    """What a meter asks of its source before it is fed."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""

    @property
    def channels(self) -> int:
        """Number of channels."""

    @property
    def frames(self) -> int:
        """Exact length."""


class StemMeter:
    """Measure one file block by block; every block but the last holds a multiple of `WINDOW_FRAMES`.

    Parameters
    ----------
    source : Shape
        Of a file, or of a stream that is to come.
    info : AudioInfo, optional
        Its sample format, where it is a file.
    limits : Limits
        Bounds that decide what is looked at more closely.
    closely : bool
        Also ask for clicks, spectrum, bit depth and true peak; their results read as nothing found without.
    """

    def __init__(
        self, source: Shape, *, info: AudioInfo | None, limits: Limits, closely: bool = True
    ) -> None:
        channels, rate = source.channels, source.sample_rate
        self._source = source
        self._closely = closely
        self._cutter = WindowCutter()
        bits = (info.bits if info is not None else None) or FLOAT_BITS
        self._levels = LevelMeter(channels)
        self._clipping = ClippingMeter(channels, step=2.0 ** (1 - bits))
        self._clicks = ClickFinder(channels, limits)
        self._ends = EndMeter(rate)
        self._spectrum = SpectrumSampler(source.frames, rate, limits)
        self._bits = BitMeter(FLOAT_BITS if info is None or "FLOAT" in info.subtype else bits)
        self._peak = PeakMeter(channels)

    def feed(self, block: Samples) -> Samples:
        """Take the next block; gives it back with silence in place of NaN and infinities."""
        block = self._cutter.clean(block)
        peak = 0.0
        for windows in self._cutter.cut(block):
            self._levels.feed(windows)
            self._clipping.feed(windows)
            if self._closely:
                self._clicks.feed(windows)
                self._spectrum.feed(windows)
            peak = max(peak, float(windows.peaks.max()))
        self._ends.feed(block, peak)
        if self._closely:
            self._bits.feed(block)
            self._peak.feed(block)
        return block

    def result(self) -> StemFacts:
        """Say what was measured; the file has ended."""
        source = self._source
        return StemFacts(
            sample_rate=source.sample_rate,
            channels=source.channels,
            frames=source.frames,
            nonfinite=self._cutter.nonfinite,
            first_nonfinite=self._cutter.first_nonfinite,
            levels=self._levels.result(),
            clipping=self._clipping.result(),
            clicks=self._clicks.result(),
            ends=self._ends.result(),
            edge=self._spectrum.result(),
            activity=self._spectrum.activity(),
            true_peak_dbtp=self._peak.result_dbtp(),
            bits=self._bits.result(),
        )

"""How much a file may ask for before it is refused; the one place of these numbers."""

from __future__ import annotations

from dataclasses import dataclass

from stemwright.audio import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from stemwright.errors import RefusedError, UnreadableError
from stemwright.units import format_duration

__all__ = ["ReadLimits"]


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds on what is opened; a file beyond them is refused before it is decoded.

    Attributes
    ----------
    max_duration_s : float
        Longest audio that is opened.
    max_channels : int
        Most channels.
    min_sample_rate_hz, max_sample_rate_hz : int
        Rates that audio can have.
    max_decoded_bytes : int
        Most temporary disk space (float32) that decoding one file may take.
    max_expansion : float
        Decoded bytes per stored byte, where the file itself declares no length.
    """

    max_duration_s: float = 6 * 3600.0
    max_channels: int = MAX_CHANNELS
    min_sample_rate_hz: int = MIN_SAMPLE_RATE_HZ
    max_sample_rate_hz: int = MAX_SAMPLE_RATE_HZ
    max_decoded_bytes: int = 32 * 2**30
    max_expansion: float = 5_000.0

    def check_format(self, name: str, *, sample_rate: int, channels: int) -> None:
        """Raise `UnreadableError` unless rate and channel count are ones that audio can have."""
        if not self.min_sample_rate_hz <= sample_rate <= self.max_sample_rate_hz:
            raise UnreadableError(
                f"{name} says {sample_rate} Hz; audio has {self.min_sample_rate_hz} to "
                f"{self.max_sample_rate_hz} Hz.",
                way_out="Its header is damaged: export it again.",
            )
        if not 1 <= channels <= self.max_channels:
            raise UnreadableError(
                f"{name} says {channels} channels; 1 to {self.max_channels} are possible.",
                way_out="Its header is damaged: export it again.",
            )

    def check_length(self, name: str, *, frames: float, sample_rate: int, channels: int) -> None:
        """Raise `RefusedError` when so many frames are longer or larger than allowed."""
        seconds = frames / sample_rate
        if seconds > self.max_duration_s:
            raise RefusedError(
                f"{name} is {format_duration(seconds)} long; up to "
                f"{format_duration(self.max_duration_s)} is opened.",
                way_out="Cut it into parts.",
            )
        if frames * channels * 4 > self.max_decoded_bytes:
            raise RefusedError(
                f"{name} would take {frames * channels * 4 / 2**30:.0f} GiB when decoded; up to "
                f"{self.max_decoded_bytes / 2**30:.0f} GiB is allowed.",
                way_out="Cut it into parts.",
            )

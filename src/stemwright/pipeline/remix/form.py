"""The one form of audio in a remix."""

from __future__ import annotations

__all__ = ["CHANNELS", "SAMPLE_RATE_HZ"]

SAMPLE_RATE_HZ = 44_100
"""Everything in a remix is stereo float at this rate."""

CHANNELS = 2

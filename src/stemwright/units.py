"""The only conversions between units: dB and gain, cents, beats, seconds, frames.

Time is turned into frames once, from exact numbers: ``round(seconds * sample_rate)``, ties to even.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

__all__ = [
    "SILENCE_DB",
    "beats_to_seconds",
    "cents_to_ratio",
    "db_to_gain",
    "exact",
    "format_duration",
    "gain_to_db",
    "power_to_db",
    "seconds_to_frames",
    "semitones_to_ratio",
]

SILENCE_DB = -200.0
"""What a level in dB reads when there is no signal at all; keeps reports free of -inf."""


def db_to_gain(gain_db: float) -> float:
    """Turn a gain in dB into an amplitude factor, ``10 ** (gain_db / 20)``."""
    return float(10.0 ** (gain_db / 20.0))


def gain_to_db(gain: float) -> float:
    """Turn an amplitude factor (its magnitude) into dB, not below `SILENCE_DB`."""
    return max(20.0 * math.log10(abs(gain)), SILENCE_DB) if gain else SILENCE_DB


def power_to_db(power: float) -> float:
    """Turn a mean square into dB, not below `SILENCE_DB`."""
    return max(10.0 * math.log10(power), SILENCE_DB) if power > 0.0 else SILENCE_DB


def semitones_to_ratio(semitones: float) -> float:
    """Turn an interval in equal-tempered semitones into a frequency ratio."""
    return float(2.0 ** (semitones / 12.0))


def cents_to_ratio(cents: float) -> float:
    """Turn an interval in cents into a frequency ratio."""
    return semitones_to_ratio(cents / 100.0)


def exact(number: int | float | str | Decimal | Fraction) -> Fraction:
    """Read a number as people wrote it: ``exact(92.1) == Fraction(921, 10)``."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def beats_to_seconds(beats: Fraction | int, bpm: Fraction | int) -> Fraction:
    """Length of `beats` beats at `bpm`, exactly."""
    return Fraction(beats) * 60 / Fraction(bpm)


def seconds_to_frames(seconds: Fraction | float | int, sample_rate: int) -> int:
    """Turn seconds into frames: ``round(seconds * sample_rate)``, from exact numbers."""
    return round(exact(seconds) * sample_rate)


def format_duration(seconds: float) -> str:
    """Write a length the way people say it: ``2:17.7``, or ``1:02:03.0`` from an hour on."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    clock = f"{minutes:02d}" if hours else str(minutes)
    return (f"{hours}:" if hours else "") + f"{clock}:{rest // 10:02d}.{rest % 10}"

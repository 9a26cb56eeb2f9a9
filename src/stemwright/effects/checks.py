"""What the effects did to a stem, measured on the rendered audio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemwright.audio import AudioSource, iter_blocks
from stemwright.checks import Check, Severity
from stemwright.units import gain_to_db, power_to_db

__all__ = ["Levels", "check_effects", "measure_levels"]

SILENT_DBFS = -90.0
MAX_CHANGE_DB = 24.0
FULL_SCALE_DBFS = 0.0


@dataclass(frozen=True, slots=True)
class Levels:
    """What the checks need to know of a stem.

    Attributes
    ----------
    frames : int
        Its length.
    finite : bool
        Whether every sample is a number.
    peak_dbfs, rms_dbfs : float
        Highest sample, and level over everything.
    """

    frames: int
    finite: bool
    peak_dbfs: float
    rms_dbfs: float


def measure_levels(source: AudioSource) -> Levels:
    """Measure a stem of any length in one pass."""
    peak = power = 0.0
    frames = 0
    for block in iter_blocks(source):
        frames += block.shape[1]
        low, high = float(block.min(initial=0.0)), float(block.max(initial=0.0))
        peak = max(peak, -low, high) if math.isfinite(low) and math.isfinite(high) else math.nan
        power += float(np.einsum("cn,cn->", block, block, dtype=np.float64))
    finite = math.isfinite(power) and not math.isnan(peak)
    if not finite:
        return Levels(frames, finite, math.nan, math.nan)
    return Levels(frames, finite, gain_to_db(peak), power_to_db(power / max(frames * source.channels, 1)))


def check_effects(
    before: AudioSource, after: AudioSource, *, subject: str, declared_silent: bool = False
) -> list[Check]:
    """Check a stem after its effects against itself before them.

    Parameters
    ----------
    before, after : AudioSource
        The stem without and with its effects.
    subject : str
        Its name.
    declared_silent : bool
        Whether it may be silent.

    Returns
    -------
    list[Check]
        Length and finite samples (errors); silence, full scale, and the change of level (warnings; the change
        is reported with its sign in dB).
    """
    was, now = measure_levels(before), measure_levels(after)
    checks = [
        Check.equal("length after effects", subject, now.frames, was.frames, "frames"),
        Check.equal(
            "finite after effects",
            subject,
            now.finite,
            expected=True,
            advice="An effect ran away: lower its feedback, resonance or gain.",
        ),
    ]
    if not now.finite:
        return checks
    return [*checks, *_level_checks(was, now, subject, declared_silent=declared_silent)]


def _level_checks(was: Levels, now: Levels, subject: str, *, declared_silent: bool) -> list[Check]:
    warning = Severity.WARNING
    checks = [
        Check.at_most(
            "peak after effects",
            subject,
            now.peak_dbfs,
            max(FULL_SCALE_DBFS, was.peak_dbfs),
            "dBFS",
            severity=warning,
            advice="The effects raise it above full scale; the mix has headroom, but lower a gain or mix.",
        )
    ]
    if declared_silent or was.rms_dbfs <= SILENT_DBFS:
        return checks
    audible = Check.at_least(
        "level after effects",
        subject,
        now.rms_dbfs,
        SILENT_DBFS,
        "dBFS",
        severity=warning,
        advice="The effects make the stem silent: look at cutoffs, thresholds and dry level.",
    )
    change = Check.within(
        "change of level by effects",
        subject,
        now.rms_dbfs - was.rms_dbfs,
        0.0,
        MAX_CHANGE_DB,
        "dB",
        severity=warning,
        advice="That much is rarely meant: look at the gains and mixes of the effects.",
    )
    return [*checks, audible, change]

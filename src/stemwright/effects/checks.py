"""What the effects did to a stem, measured on the rendered audio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.checks import Check, Severity
from stemwright.units import gain_to_db, power_to_db

__all__ = ["Levels", "check_effects", "measure_levels"]

SILENT_DBFS = -90.0
MAX_CHANGE_DB = 24.0
FULL_SCALE_DBFS = 0.0
UNHEARD_DBFS = -144.0


@dataclass(frozen=True, slots=True)
class Levels:
    """What the checks need to know of a stem.

    Attributes
    ----------
    frames : int
        Its length.
    not_finite : int
        Samples that are no number; where there are any, the levels are NaN.
    peak_dbfs, rms_dbfs : float
        Highest sample, and level over everything.
    """

    frames: int
    not_finite: int
    peak_dbfs: float
    rms_dbfs: float


def measure_levels(source: AudioSource) -> Levels:
    """Measure a stem of any length in one pass."""
    peak = power = 0.0
    frames = not_finite = 0
    for block in iter_blocks(source):
        frames += block.shape[1]
        summed = float(np.einsum("cn,cn->", block, block, dtype=np.float64))
        if math.isfinite(summed):
            peak = max(peak, _peak(block))
            power += summed
        else:
            not_finite += int(block.size - np.isfinite(block).sum())
    if not_finite:
        return Levels(frames, not_finite, math.nan, math.nan)
    return Levels(frames, 0, gain_to_db(peak), power_to_db(power / max(frames * source.channels, 1)))


def _peak(block: Samples) -> float:
    return float(max(block.max(initial=0.0), -block.min(initial=0.0)))


def _difference_dbfs(before: AudioSource, after: AudioSource) -> float:
    """Highest sample of what the effects added or took away."""
    pairs = zip(iter_blocks(before), iter_blocks(after), strict=True)
    return gain_to_db(max((_peak(now - was) for was, now in pairs), default=0.0))


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
        Length and finite samples (errors); full scale, silence, the change of level with its sign, and
        whether anything changed at all (warnings).
    """
    was, now = measure_levels(before), measure_levels(after)
    checks = [
        Check.equal("length after effects", subject, now.frames, was.frames, "frames"),
        Check.equal(
            "finite samples after effects",
            subject,
            now.not_finite,
            0,
            "not finite",
            advice="An effect ran away: lower its feedback, resonance or gain.",
        ),
    ]
    if now.not_finite or was.not_finite:
        return checks
    checks += _level_checks(was, now, subject, declared_silent=declared_silent)
    if declared_silent or was.rms_dbfs <= SILENT_DBFS or was.frames != now.frames:
        return checks
    return [*checks, _heard(_difference_dbfs(before, after), subject)]


def _heard(difference_dbfs: float, subject: str) -> Check:
    return Check.at_least(
        "difference made by effects",
        subject,
        difference_dbfs,
        UNHEARD_DBFS,
        "dBFS",
        severity=Severity.WARNING,
        advice="They change nothing at these settings: a compressor, say, needs a ratio above 1.",
    )


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

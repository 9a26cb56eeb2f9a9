"""What the effects did to a stem, measured on the rendered audio."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks
from stemwright.checks import Check, Severity
from stemwright.units import gain_to_db, power_to_db

__all__ = ["ChangeMeter", "check_effects"]

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


class _LevelMeter:
    """Gather `Levels`."""

    def __init__(self) -> None:
        self._peak = self._power = 0.0
        self._frames = self._samples = self._not_finite = 0

    def feed(self, block: Samples) -> None:
        self._frames += block.shape[1]
        self._samples += block.size
        power = float(np.vdot(block, block))
        if not math.isfinite(power):  # rare: a NaN, or a float32 sum that overflowed
            power = float(np.einsum("cn,cn->", block, block, dtype=np.float64))
        if math.isfinite(power):
            self._peak = max(self._peak, _peak(block))
            self._power += power
        else:
            self._not_finite += int(block.size - np.isfinite(block).sum())

    def result(self) -> Levels:
        if self._not_finite:
            return Levels(self._frames, self._not_finite, math.nan, math.nan)
        power_db = power_to_db(self._power / max(self._samples, 1))
        return Levels(self._frames, 0, gain_to_db(self._peak), power_db)


class ChangeMeter:
    """Measure a stem before and after its effects while both stream by; holds no more than their latency."""

    def __init__(self) -> None:
        self._was, self._now = _LevelMeter(), _LevelMeter()
        self._held: deque[Samples] = deque()
        self._difference = 0.0

    def before(self, blocks: Blocks) -> Iterator[Samples]:
        """Hand on what goes into the effects."""
        for block in blocks:
            self._was.feed(block)
            self._held.append(block.copy())  # an effect may work in place
            yield block

    def after(self, blocks: Blocks) -> Iterator[Samples]:
        """Hand on what comes out of them."""
        for block in blocks:
            self._now.feed(block)
            self._compare(block)
            yield block

    def checks(self, *, subject: str, declared_silent: bool = False) -> list[Check]:
        """Check what was measured; both streams have ended. See `check_effects`."""
        was, now = self._was.result(), self._now.result()
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
        return [*checks, _heard(gain_to_db(self._difference), subject)]

    def _compare(self, block: Samples) -> None:
        """Find the highest sample of what the effects added or took away, frame by frame."""
        done = 0
        while done < block.shape[1] and self._held:
            was = self._held.popleft()
            frames = min(was.shape[1], block.shape[1] - done)
            if frames < was.shape[1]:
                self._held.appendleft(was[:, frames:])
            changed = np.subtract(block[:, done : done + frames], was[:, :frames])
            self._difference = max(self._difference, _peak(changed))
            done += frames


def _peak(block: Samples) -> float:
    return float(max(block.max(initial=0.0), -block.min(initial=0.0)))


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
    meter = ChangeMeter()
    pairs = zip_longest(meter.before(iter_blocks(before)), iter_blocks(after))
    for _ in meter.after(now for _, now in pairs if now is not None):
        pass
    return meter.checks(subject=subject, declared_silent=declared_silent)


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
    checks = [
        Check.at_most(
            "peak after effects", subject, now.peak_dbfs, max(FULL_SCALE_DBFS, was.peak_dbfs), "dBFS",
            severity=Severity.WARNING,
            advice="The effects raise it above full scale; the mix has headroom, but lower a gain or mix.",
        )
    ]  # fmt: skip
    if declared_silent or was.rms_dbfs <= SILENT_DBFS:
        return checks
    audible = Check.at_least(
        "level after effects", subject, now.rms_dbfs, SILENT_DBFS, "dBFS", severity=Severity.WARNING,
        advice="The effects make the stem silent: look at cutoffs, thresholds and dry level.",
    )  # fmt: skip
    change = Check.within(
        "change of level by effects", subject, now.rms_dbfs - was.rms_dbfs, 0.0, MAX_CHANGE_DB, "dB",
        severity=Severity.WARNING,
        advice="That much is rarely meant: look at the gains and mixes of the effects.",
    )  # fmt: skip
    return [*checks, audible, change]

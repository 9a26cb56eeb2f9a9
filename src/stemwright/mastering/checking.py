"""Whether a master is what was asked for, measured on what a player would decode."""

from __future__ import annotations

from stemwright.checks import Check
from stemwright.dsp.loudness import Loudness
from stemwright.mastering.settings import MasterPlan, MasterSettings

__all__ = ["check_master"]


def check_master(
    measured: Loudness, *, settings: MasterSettings, plan: MasterPlan, subject: str = "master"
) -> list[Check]:
    """Check loudness, true peak and limiting.

    Parameters
    ----------
    measured : Loudness
        Of the finished file, decoded.
    settings : MasterSettings
        What was asked; its ceiling counts, not the lower one a plan may have used.
    plan : MasterPlan
        What was planned.
    subject : str
        What was measured.
    """
    checks = [_loudness(measured, settings, plan, subject)]
    if measured.true_peak_dbtp is not None:
        advice = "Lower ceiling_dbtp."
        checks.append(
            Check.at_most(
                "true peak", subject, measured.true_peak_dbtp, settings.ceiling_dbtp, "dBTP", advice=advice
            )
        )
    advice = "Lower loudness_lufs, or tame the loudest stem's peaks."
    checks.append(
        Check.at_most(
            "limiting", subject, plan.reduction.max_db, settings.max_limiting_db, "dB", advice=advice
        )
    )
    return checks


def _loudness(measured: Loudness, settings: MasterSettings, plan: MasterPlan, subject: str) -> Check:
    """Ask for the target, or for the planned loudness where ceiling and limiting forbid the target."""
    tolerance = settings.loudness_tolerance_lu
    if plan.expected_lufs is None or measured.integrated_lufs is None:
        said = f"{plan.target_lufs:g} ± {tolerance:g} LUFS"
        return Check.not_checked(
            "loudness", subject, said, "It is silent, below -70 LUFS or under 0.4 s long."
        )
    reachable = min(plan.target_lufs, plan.expected_lufs) if plan.limits else plan.target_lufs
    aim = plan.target_lufs if abs(reachable - plan.target_lufs) <= tolerance else reachable
    advice = "Plan the master again from this very mix."
    return Check.within("loudness", subject, measured.integrated_lufs, aim, tolerance, "LUFS", advice=advice)

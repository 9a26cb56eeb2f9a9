"""Loudness target, true-peak ceiling, fades, match of another record."""

from stemwright.mastering.checking import check_master
from stemwright.mastering.planning import plan_master
from stemwright.mastering.rendering import Tape, render_master
from stemwright.mastering.settings import MasterPlan, MasterSettings

__all__ = ["MasterPlan", "MasterSettings", "Tape", "check_master", "plan_master", "render_master"]

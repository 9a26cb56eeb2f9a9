"""One exact length for all stems: pad, loop, crossfade, truncate; where to cut and how to join."""

from stemwright.align.audit import alignment_report, check_alignment, measure_joins
from stemwright.align.bars import CommonBars
from stemwright.align.common import CommonChoice, Player, choose_common_bars
from stemwright.align.plan import AlignmentPlan, FadeOut, Join, Segment
from stemwright.align.planner import plan_alignment
from stemwright.align.render import render_alignment
from stemwright.align.settings import AlignSettings, Strategy

__all__ = [
    "AlignSettings",
    "AlignmentPlan",
    "CommonBars",
    "CommonChoice",
    "FadeOut",
    "Join",
    "Player",
    "Segment",
    "Strategy",
    "alignment_report",
    "check_alignment",
    "choose_common_bars",
    "measure_joins",
    "plan_alignment",
    "render_alignment",
]

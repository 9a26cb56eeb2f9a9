"""From two songs and a prompt to a plan that can be rendered."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemwright.planning.diff import diff_plans
    from stemwright.planning.offline import plan_offline
    from stemwright.planning.plan import RemixPlan, SongId
    from stemwright.planning.read import mend_raw, plan_schema, read_plan
    from stemwright.planning.refine import Refined, refine_offline
    from stemwright.planning.validate import Limits, Validated

__all__ = [
    "Limits",
    "Refined",
    "RemixPlan",
    "SongId",
    "Validated",
    "diff_plans",
    "mend_raw",
    "plan_offline",
    "plan_schema",
    "read_plan",
    "refine_offline",
]

_HOMES = {
    "Limits": "validate",
    "Refined": "refine",
    "RemixPlan": "plan",
    "SongId": "plan",
    "Validated": "validate",
    "diff_plans": "diff",
    "mend_raw": "read",
    "plan_offline": "offline",
    "plan_schema": "read",
    "read_plan": "read",
    "refine_offline": "refine",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the grammar takes time to compile, and most commands never plan."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

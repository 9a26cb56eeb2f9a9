"""Delivery presets as data: what each of them checks, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stemwright.service.schemas import PresetAnswer, PresetRule
from stemwright.verification.presets import PRESETS, Rule

__all__ = ["presets"]

BY_HAND = "by hand"
_UNITS = {"sample rate": "Hz", "true peak": "dBTP", "loudness": "LUFS", "stem count": "stems"}
_SHAPES = {
    "equals": "exactly {}", "at_least": "{} or more", "at_most": "{} or less", "pattern": "names like {}",
}  # fmt: skip


def presets() -> list[PresetAnswer]:
    """List every preset with its rules."""
    return [
        PresetAnswer(name=preset.name, title=preset.title, rules=[_told(rule) for rule in preset.rules])
        for preset in PRESETS.values()
    ]


def _told(rule: Rule) -> PresetRule:
    by_hand = rule.ask == BY_HAND
    return PresetRule(
        name=rule.limits["name"] if by_hand else rule.ask,
        of=rule.of,
        wants="" if by_hand else _wanted(rule.limits, _UNITS.get(rule.ask, "")),
        why=rule.why,
        severity=str(rule.severity),
        by_hand=by_hand,
    )


def _wanted(limits: Mapping[str, Any], unit: str) -> str:
    """Say what a rule's limits ask for."""
    if "one_of" in limits:
        return f"{' or '.join(str(one) for one in limits['one_of'])} {unit}".strip()
    if "target" in limits:
        return f"{_number(limits['target'])} ± {_number(limits['tolerance'])} {unit}"
    found = next((name for name in _SHAPES if name in limits), None)
    return _SHAPES[found].format(f"{_number(limits[found])} {unit}".strip()) if found else ""


def _number(value: Any) -> str:
    return f"{value:g}".replace("-", "−") if isinstance(value, float) else str(value)

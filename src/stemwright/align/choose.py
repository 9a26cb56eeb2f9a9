"""Which strategy fits a stem, by role, gap and content; and the reason in words."""

from __future__ import annotations

from dataclasses import dataclass

from stemwright.align.content import Content
from stemwright.align.settings import Strategy
from stemwright.stems import Role

__all__ = ["Choice", "choose_strategy"]

TINY_GAP_S = 0.05
SHORT_GAP_S = 0.5
OVER_S = 1.0
"""A silence this long at a stem's end is part of the music: its part is over."""
RHYTHMIC = 0.35
"""Regularity of onsets from which content counts as rhythmic."""
RHYTHMIC_ROLES = frozenset({Role.DRUMS, Role.PERCUSSION, Role.BASS})
SUNG_ROLES = frozenset({Role.VOCALS, Role.LEAD})


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy and why."""

    strategy: Strategy
    reason: str


def choose_strategy(content: Content, *, gap_frames: int, role: Role) -> Choice:
    """Choose how to extend a stem by `gap_frames` > 0 frames.

    The first rule that applies decides: nothing to hear, a tiny gap, an ending, a rhythmic role, a measured
    rhythm, and else sustained material.
    """
    return _pad_choice(content, gap_frames, role) or _extend_choice(content, role)


def _pad_choice(content: Content, gap_frames: int, role: Role) -> Choice | None:
    """Say when silence is the right way to go on, or None."""
    gap_s = gap_frames / content.sample_rate
    reason = ""
    if content.silent:
        reason = "the stem is silent"
    elif gap_s <= TINY_GAP_S:
        reason = f"only {gap_frames} frames ({1000 * gap_s:.3g} ms) are missing"
    elif role in RHYTHMIC_ROLES and gap_s > SHORT_GAP_S:
        return None
    elif content.silent_end_s >= OVER_S and 2 * gap_frames <= content.frames:
        reason = f"its part is over: it ends in {content.silent_end_s:.1f} s of silence"
    elif content.single_event:
        reason = "all of it is one sound that dies away; nothing in it can go on"
    elif content.decays and 2 * gap_frames <= content.frames:
        reason = f"it rings out to {content.end_db:.0f} dB: its ending is its own"
    elif gap_s <= SHORT_GAP_S and content.end_db < -35.0:
        reason = f"{gap_s:.2g} s are missing after an end that is already at {content.end_db:.0f} dB"
    return Choice(Strategy.PAD, reason) if reason else None


def _extend_choice(content: Content, role: Role) -> Choice:
    strength, period = content.beat
    beat = f"its onsets repeat every {period / content.sample_rate:.2f} s (regularity {strength:.2f})"
    if role in RHYTHMIC_ROLES:
        return Choice(Strategy.LOOP, f"{role} carry the rhythm")
    if role in SUNG_ROLES:
        return Choice(Strategy.CROSSFADE, f"{role} follow no loop")
    if strength >= RHYTHMIC:
        return Choice(Strategy.LOOP, beat)
    heard = f"regularity of onsets {strength:.2f}, under {RHYTHMIC}"
    return Choice(Strategy.CROSSFADE, f"the material is sustained ({heard})")

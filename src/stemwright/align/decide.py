"""Turn what was asked of a stem into what is done."""

from __future__ import annotations

from dataclasses import dataclass

from stemwright.align.choose import Choice, choose_strategy
from stemwright.align.content import Content
from stemwright.align.settings import AlignSettings, Strategy
from stemwright.stems import Role

__all__ = ["Decision", "decide"]

SHORTEST_S = 0.02
"""A shorter source is no material to loop: it would buzz."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A strategy other than auto, why, and what was done other than asked."""

    strategy: Strategy
    reason: str
    notices: tuple[str, ...] = ()


def decide(
    content: Content, *, gap_frames: int, settings: AlignSettings, role: Role, in_company: bool = False
) -> Decision:
    """Decide how a stem goes on for `gap_frames` > 0; `in_company` of stems that go on, so does this one.

    Where it was left to us, an ending that is the stem's own does not stop it while its company plays on.
    """
    asked = settings.strategy
    too_short = content.frames < SHORTEST_S * content.sample_rate
    if asked is Strategy.AUTO:
        choice: Choice = choose_strategy(content, gap_frames=gap_frames, role=role)
        if choice.strategy is Strategy.PAD and in_company and not (too_short or content.silent):
            return Decision(Strategy.LOOP, "it goes on with the stems it was played with")
        if too_short and choice.strategy is not Strategy.PAD:
            return Decision(Strategy.PAD, f"{content.frames} frames are too short to go on with")
        return Decision(choice.strategy, choice.reason)
    if asked is Strategy.TRUNCATE:
        note = f"Truncation was asked for, but the stem is {gap_frames} frames too short: silence is added."
        return Decision(Strategy.PAD, "there is nothing to cut", (note,))
    if asked is not Strategy.PAD and (too_short or content.silent):
        why = "the stem is silent" if content.silent else f"its {content.frames} frames would only buzz"
        return Decision(Strategy.PAD, why, (f"A {asked} was asked for, but {why}: silence is added.",))
    return Decision(asked, "as asked")

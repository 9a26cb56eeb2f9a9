"""Plan an alignment: choose the strategy, lay out segments and joins, say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stemwright.align.choose import Choice, choose_strategy
from stemwright.align.content import Content, analyse_content
from stemwright.align.extend import Extension, extend
from stemwright.align.plan import AlignmentPlan, FadeOut, assemble
from stemwright.align.settings import AlignSettings, Strategy
from stemwright.audio import AudioSource
from stemwright.errors import InputError
from stemwright.stems import Role

__all__ = ["plan_alignment"]

SHORTEST_S = 0.02
"""A shorter source is no material to loop: it would buzz."""
PAD_FADE_S = 0.005
ABRUPT_PEAK = 1e-4
"""A last sample above −80 dBFS clicks when silence follows."""
_DEFAULTS = AlignSettings()


@dataclass(frozen=True, slots=True)
class _Decision:
    strategy: Strategy
    reason: str
    notices: tuple[str, ...] = ()


def plan_alignment(
    source: AudioSource,
    *,
    target_frames: int,
    settings: AlignSettings = _DEFAULTS,
    role: Role = Role.OTHER,
    bar_frames: Sequence[int] | None = None,
) -> AlignmentPlan:
    """Plan how `source` becomes exactly `target_frames` long.

    Parameters
    ----------
    source : AudioSource
        A stem of any length ≥ 1 frame, 1 to 64 channels; it starts where the song starts.
    target_frames : int
        Length to reach, ≥ 1.
    settings : AlignSettings
        Strategy, crossfade, fade.
    role : Role
        What the stem does in the music; only ``auto`` asks for it.
    bar_frames : Sequence[int], optional
        Frames on which the song's bars start (`Timeline.bar_frames`), when the source stands on that grid.
        Loops are then whole bars, and the song's bars go on in step.

    Returns
    -------
    AlignmentPlan
        Length law of what it renders: ``target_frames``.

    Raises
    ------
    InputError
        For an empty source or target, or when hundreds of thousands of joins would be needed.
    """
    if source.frames < 1 or target_frames < 1:
        raise InputError(
            f"A stem of {source.frames} frames can't be brought to {target_frames} frames.",
            way_out="Both need at least one frame: was the stem rendered?",
        )
    if target_frames <= source.frames:
        return _shortened(source, target_frames, settings)
    content = analyse_content(source)
    decision = _decide(content, target_frames - source.frames, settings, role)
    if decision.strategy is Strategy.PAD:
        return _padded(source, target_frames, settings, decision)
    extension = extend(
        source, content=content, target_frames=target_frames, strategy=decision.strategy,
        settings=settings, bar_frames=bar_frames,
    )  # fmt: skip
    return _extended(source, target_frames, settings, decision, extension)


def _decide(content: Content, gap: int, settings: AlignSettings, role: Role) -> _Decision:
    """Turn what was asked into what is done."""
    asked = settings.strategy
    too_short = content.frames < SHORTEST_S * content.sample_rate
    if asked is Strategy.AUTO:
        choice: Choice = choose_strategy(content, gap_frames=gap, role=role)
        if too_short and choice.strategy is not Strategy.PAD:
            return _Decision(Strategy.PAD, f"{content.frames} frames are too short to go on with")
        return _Decision(choice.strategy, choice.reason)
    if asked is Strategy.TRUNCATE:
        note = f"Truncation was asked for, but the stem is {gap} frames too short: silence is added."
        return _Decision(Strategy.PAD, "there is nothing to cut", (note,))
    if asked is not Strategy.PAD and (too_short or content.silent):
        why = "the stem is silent" if content.silent else f"its {content.frames} frames would only buzz"
        return _Decision(Strategy.PAD, why, (f"A {asked} was asked for, but {why}: silence is added.",))
    return _Decision(asked, "as asked")


def _shortened(source: AudioSource, target: int, settings: AlignSettings) -> AlignmentPlan:
    """Cut at the target, with a fade; or leave alone what is as long as it should be."""
    segments, _ = assemble((), source_frames=source.frames, target_frames=target)
    facts = (source.frames, target, source.sample_rate, source.channels, segments)
    if target == source.frames:
        return AlignmentPlan("none", str(settings.strategy), "the lengths agree already", *facts)
    over = source.frames - target
    asked = settings.strategy in (Strategy.AUTO, Strategy.TRUNCATE)
    note = f"A {settings.strategy} was asked for, but the stem is {over} frames too long: it is cut."
    frames = min(round(settings.fade_out_s * source.sample_rate), target)
    return AlignmentPlan(
        str(Strategy.TRUNCATE), str(settings.strategy), f"the stem is {over} frames too long", *facts,
        fade_out=FadeOut(target, frames) if frames else None, notices=() if asked else (note,),
    )  # fmt: skip


def _padded(source: AudioSource, target: int, settings: AlignSettings, decision: _Decision) -> AlignmentPlan:
    """Add silence; only an end that would click is faded."""
    segments, _ = assemble((), source_frames=source.frames, target_frames=target)
    abrupt = float(np.abs(source.read(source.frames - 1, 1)).max()) > ABRUPT_PEAK
    frames = min(max(2, round(PAD_FADE_S * source.sample_rate)), source.frames)
    return AlignmentPlan(
        str(Strategy.PAD), str(settings.strategy), decision.reason, source.frames, target,
        source.sample_rate, source.channels, segments,
        fade_out=FadeOut(source.frames, frames) if abrupt else None, notices=decision.notices,
    )  # fmt: skip


def _extended(
    source: AudioSource, target: int, settings: AlignSettings, decision: _Decision, extension: Extension
) -> AlignmentPlan:
    segments, joins = assemble(extension.joins, source_frames=source.frames, target_frames=target)
    after_joins = target - (joins[-1].output_end if joins else source.frames)
    frames = max(0, min(round(settings.fade_out_s * source.sample_rate), after_joins))
    return AlignmentPlan(
        str(decision.strategy), str(settings.strategy), f"{decision.reason}; {extension.how}", source.frames,
        target, source.sample_rate, source.channels, segments, joins,
        fade_out=FadeOut(target, frames) if frames else None,
        notices=(*decision.notices, *extension.notices),
    )  # fmt: skip

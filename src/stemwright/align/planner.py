"""Plan an alignment: choose the strategy, lay out segments and joins, say why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemwright.align.bars import CommonBars
from stemwright.align.content import analyse_content
from stemwright.align.decide import Decision, decide
from stemwright.align.extend import Extension, extend
from stemwright.align.plan import AlignmentPlan, FadeOut, assemble
from stemwright.align.settings import AlignSettings, Strategy
from stemwright.audio import AudioSource
from stemwright.errors import InputError
from stemwright.stems import Role

__all__ = ["plan_alignment"]

PAD_FADE_S = 0.005
ABRUPT_PEAK = 1e-4
"""A last sample above −80 dBFS clicks when silence follows."""
_DEFAULTS = AlignSettings()


def plan_alignment(
    source: AudioSource,
    *,
    target_frames: int,
    settings: AlignSettings = _DEFAULTS,
    role: Role = Role.OTHER,
    bar_frames: Sequence[int] | None = None,
    common: CommonBars | None = None,
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
    common : CommonBars, optional
        From `choose_common_bars`: the bars that all stems of one performance repeat; needs `bar_frames`.

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
    gap = target_frames - source.frames
    decision = decide(
        content, gap_frames=gap, settings=settings, role=role, in_company=common is not None
    )  # fmt: skip
    if decision.strategy is Strategy.PAD:
        return _padded(source, target_frames, settings, decision)
    extension = extend(
        source, content=content, target_frames=target_frames, strategy=decision.strategy,
        settings=settings, bar_frames=bar_frames, common=common,
    )  # fmt: skip
    return _extended(source, target_frames, settings, decision, extension)


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


def _padded(source: AudioSource, target: int, settings: AlignSettings, decision: Decision) -> AlignmentPlan:
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
    source: AudioSource, target: int, settings: AlignSettings, decision: Decision, extension: Extension
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

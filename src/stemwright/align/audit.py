"""Verify an alignment: its length, and how audible each of its joins is; and tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stemwright.align.plan import AlignmentPlan, Join
from stemwright.align.render import read_held
from stemwright.audio import AudioSource, Samples
from stemwright.checks import Check, Severity
from stemwright.dsp.joins import (
    CONTEXT_S,
    LEVEL_LIMIT_DB,
    JoinAudibility,
    StemCharacter,
    measure_character,
    measure_join,
)
from stemwright.errors import InputError

__all__ = ["alignment_report", "check_alignment", "measure_joins"]


def measure_joins(
    aligned: AudioSource, *, source: AudioSource, plan: AlignmentPlan
) -> tuple[JoinAudibility, ...]:
    """Measure every join of a rendered alignment against the stem's own material.

    A join that is bit for bit one that was measured before has its values; all others are measured.

    Parameters
    ----------
    aligned : AudioSource
        What was rendered, or read back from the delivered file.
    source : AudioSource
        The stem before alignment.
    plan : AlignmentPlan
        Of this alignment.

    Raises
    ------
    InputError
        When `aligned` is not as long as the plan says.
    """
    if aligned.frames != plan.target_frames:
        raise InputError(
            f"The aligned stem has {aligned.frames} frames; its plan says {plan.target_frames}.",
            way_out="Check the length first: joins can't be found in audio of another length.",
        )
    if not plan.joins:
        return ()
    character = measure_character(source)
    seen: dict[tuple[int, int, int, int, int], tuple[Samples, JoinAudibility]] = {}
    measured: list[JoinAudibility] = []
    for index, join in enumerate(plan.joins):
        before, after = _context(plan, index)
        rendered = aligned.read(join.output_frame - before, before + join.frames + after)
        key = (join.jump.out_at, join.jump.in_at, join.frames, before, after)
        if key in seen and np.array_equal(seen[key][0], rendered):
            time_s = join.output_frame / plan.sample_rate
            measured.append(replace(seen[key][1], time_s=time_s))
            continue
        found = _measure(rendered, source, join, before, after, character)
        seen[key] = (rendered, found)
        measured.append(found)
    return tuple(measured)


def _context(plan: AlignmentPlan, index: int) -> tuple[int, int]:
    """Frames before and after a join in which nothing but its own two materials sounds."""
    wide = round(CONTEXT_S * plan.sample_rate)
    join = plan.joins[index]
    begins = plan.joins[index - 1].output_end if index else 0
    ends = plan.joins[index + 1].output_frame if index + 1 < len(plan.joins) else plan.segments[-1].output_end
    if plan.fade_out:
        ends = min(ends, plan.fade_out.end - plan.fade_out.frames)
    return min(wide, join.output_frame - begins), max(0, min(wide, ends - join.output_end))


def _measure(
    rendered: Samples, source: AudioSource, join: Join, before: int, after: int, character: StemCharacter
) -> JoinAudibility:
    jump = join.jump
    return measure_join(
        rendered,
        outgoing=read_held(source, jump.out_at - before, before + join.frames),
        incoming=read_held(source, jump.in_at, join.frames + after),
        overlap_frames=join.frames,
        share=jump.share,
        character=character,
        sample_rate=source.sample_rate,
        time_s=join.output_frame / source.sample_rate,
    )


def check_alignment(
    aligned: AudioSource, *, plan: AlignmentPlan, joins: Sequence[JoinAudibility], subject: str
) -> list[Check]:
    """Ask of an aligned stem whether it is exactly as long as it should be (error) and its joins are clean.

    Parameters
    ----------
    aligned : AudioSource
        What was rendered or written.
    plan : AlignmentPlan
        Of this alignment.
    joins : Sequence[JoinAudibility]
        From `measure_joins`.
    subject : str
        Name of the stem.
    """
    checks = [Check.equal("length", subject, aligned.frames, plan.target_frames, "frames")]
    if joins:
        worst = max(joins, key=lambda join: abs(join.level_change_db))
        checks += [
            Check.at_most(
                "level across joins", subject, round(abs(worst.level_change_db), 2), LEVEL_LIMIT_DB, "dB",
                severity=Severity.WARNING,
                advice=f"At {worst.time_s:.3f} s. Try another strategy, or another crossfade_s.",
            ),
            _audible_check(joins, subject),
        ]  # fmt: skip
    return checks


def _audible_check(joins: Sequence[JoinAudibility], subject: str) -> Check:
    heard = [join for join in joins if join.audible]
    places = ", ".join(f"{join.time_s:.3f} s ({'; '.join(join.faults)})" for join in heard[:3])
    more = f" and {len(heard) - 3} more" if len(heard) > 3 else ""
    return Check(
        "audible joins", subject, len(heard), "joins", "0 joins", not heard, Severity.WARNING,
        f"Listen at {places}{more}. Another strategy or a longer source may hide it." if heard else "",
    )  # fmt: skip


def alignment_report(plan: AlignmentPlan, *, joins: Sequence[JoinAudibility]) -> dict[str, Any]:
    """Tell an alignment for report.json: strategy, why, and every join with what can be heard of it."""
    return {
        "strategy": plan.strategy,
        "requested": plan.requested,
        "reason": plan.reason,
        "source_frames": plan.source_frames,
        "target_frames": plan.target_frames,
        "sample_rate": plan.sample_rate,
        "fade_out_s": plan.fade_out.frames / plan.sample_rate if plan.fade_out else 0.0,
        "joins": [
            {
                **heard.as_dict(),
                "from_s": round(join.jump.out_at / plan.sample_rate, 6),
                "to_s": round(join.jump.in_at / plan.sample_rate, 6),
                "crossfade_s": round(join.frames / plan.sample_rate, 6),
                "law": join.jump.law.name,
                "correlation": round(join.jump.law.overall, 4),
            }
            for join, heard in zip(plan.joins, joins, strict=True)
        ],
        "notices": list(plan.notices),
    }

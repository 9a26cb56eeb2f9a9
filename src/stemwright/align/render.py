"""Render an alignment plan, block by block: memory stays at a few blocks for any length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stemwright.align.plan import AlignmentPlan, FadeOut, Join
from stemwright.audio import BLOCK_FRAMES, AudioSource, Samples, rechunk
from stemwright.dsp.fades import fade_out_gain
from stemwright.errors import InputError

__all__ = ["read_held", "render_alignment"]


def render_alignment(
    source: AudioSource, *, plan: AlignmentPlan, block_frames: int = BLOCK_FRAMES
) -> Iterator[Samples]:
    """Render `source` at the target of `plan`.

    Parameters
    ----------
    source : AudioSource
        The stem that `plan` was made for.
    plan : AlignmentPlan
        From `plan_alignment`.
    block_frames : int
        Length of the blocks that come out; it does not change what is in them.

    Yields
    ------
    Samples [shape=(channels, ≤ block_frames)]
        Length law: exactly ``plan.target_frames`` frames in all. Bit-exact the source up to the first join.

    Raises
    ------
    InputError
        When `source` is not as long or has not as many channels as the plan's.
    """
    if (source.frames, source.channels) != (plan.source_frames, plan.channels):
        raise InputError(
            f"The plan is for {plan.channels} channels and {plan.source_frames} frames; "
            f"this stem has {source.channels} and {source.frames}.",
            way_out="Plan the alignment of this very stem.",
        )
    pieces = _pieces(source, plan)
    if plan.fade_out:
        pieces = _faded(pieces, plan.fade_out)
    return rechunk(pieces, block_frames)


def _pieces(source: AudioSource, plan: AlignmentPlan) -> Iterator[Samples]:
    """Bodies of segments, overlaps between them, and silence, in order; cut at fixed places."""
    heads = (0, *(join.frames for join in plan.joins))
    tails = (*(join.frames for join in plan.joins), 0)
    for index, segment in enumerate(plan.segments):
        first = segment.source_start + heads[index]
        last = segment.source_start + segment.frames - tails[index]
        for start in range(first, last, BLOCK_FRAMES):
            yield read_held(source, start, min(BLOCK_FRAMES, last - start))
        if index < len(plan.joins):
            yield from _overlap(source, plan.joins[index])
    for start in range(plan.segments[-1].output_end, plan.target_frames, BLOCK_FRAMES):
        yield np.zeros((plan.channels, min(BLOCK_FRAMES, plan.target_frames - start)), np.float32)


def _overlap(source: AudioSource, join: Join) -> Iterator[Samples]:
    jump = join.jump
    for start in range(0, join.frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, join.frames)
        out_gain, in_gain = jump.law.gains(start, stop)
        mixed = read_held(source, jump.out_at + start, stop - start) * out_gain
        mixed += read_held(source, jump.in_at + start, stop - start) * in_gain
        yield mixed


def _faded(pieces: Iterator[Samples], fade: FadeOut) -> Iterator[Samples]:
    position = 0
    for piece in pieces:
        frames = piece.shape[1]
        if position + frames > fade.end - fade.frames and position < fade.end:
            yield piece * fade_out_gain(position, frames=frames, end=fade.end, length=fade.frames)
        else:
            yield piece
        position += frames


def read_held(source: AudioSource, start: int, frames: int) -> Samples:
    """Read exactly `frames` frames from `start`; beyond its ends the source holds its outermost sample."""
    low, high = max(start, 0), min(start + frames, source.frames)
    if (low, high) == (start, start + frames):
        return source.read(start, frames)
    if high <= low:
        edge = source.read(0 if start < 0 else source.frames - 1, 1)
        return np.repeat(edge, frames, axis=1)
    return np.pad(source.read(low, high - low), ((0, 0), (low - start, start + frames - high)), mode="edge")

"""Time and pitch where pylibrb can't be installed: pedalboard's R3, in pieces, on a map planned hop by hop.

pedalboard takes a whole array and one ratio per 1,024 frames; nothing can be counted on the way. But R3's
hops follow from the ratio alone: ``taken = floor(wanted / ratio)``, ``given = round(taken * ratio)``, with
``wanted`` 256 output frames or a little less. So only ratios are asked for that are quotients of two such
whole numbers, the hops are counted beforehand, and the output is where the plan says. That holds without R3's
own pitch shift only, so pitch is moved as R3 moves it up: stretched by so much more, then resampled. Long
audio is cut into pieces that are crossfaded. See docs/decisions/time-stretch.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from stemwright.audio import AudioSource, Samples
from stemwright.dsp.resample import QUALITY
from stemwright.dsp.stretch_middle import CONTEXT_FRAMES, Feed, Middle, next_ratio
from stemwright.dsp.time_map import TimeMap
from stemwright.errors import InputError
from stemwright.units import semitones_to_ratio

__all__ = ["MAX_RATE_HZ", "MIN_RATE_HZ", "PIECE_S", "in_pieces"]

PIECE_S = 120.0
"""Output seconds of a piece: its arrays take about 60 bytes a frame and channel."""

MIN_RATE_HZ, MAX_RATE_HZ = 32_001, 65_536
"""Where R3's longest window has 4,096 frames."""

_BLOCK_FRAMES = 1_024  # for each of them pedalboard takes a ratio
_WINDOW_FRAMES = 4_096
_JOIN_FRAMES = 1_024
_TAIL_FRAMES = 16_384  # behind the last frame that is wanted, so that R3 gives it out
_EDGE_FRAMES = 512  # beyond both ends of a piece, for the resampler's own edges
_BELOW = 1 - 1e-9  # a hair below the quotient, so that R3 rounds its hop down to what was meant


def in_pieces(
    source: AudioSource, clock: TimeMap, semitones: float, *, keep_formants: bool
) -> Iterator[Samples]:
    """Stream a source along a map, from the map's first output frame to its last; see `stretch.stretched`.

    Raises
    ------
    InputError
        At rates outside 32,001–65,536 Hz, and for formants, which can't be kept this way.
    """
    if not MIN_RATE_HZ <= source.sample_rate <= MAX_RATE_HZ:
        raise InputError(
            f"{source.sample_rate} Hz can't be stretched without pylibrb, {MIN_RATE_HZ}–{MAX_RATE_HZ} can.",
            way_out="Install pylibrb, or resample to 44100 Hz first.",
        )
    if keep_formants and semitones:
        raise InputError("Formants can't be kept without pylibrb.", way_out="Install it, or let them move.")
    return _joined(source, clock, semitones_to_ratio(semitones))


def _joined(source: AudioSource, clock: TimeMap, pitch_scale: float) -> Iterator[Samples]:
    """Give pieces, each faded into the next where they overlap."""
    length = round(PIECE_S * source.sample_rate)
    end = clock.first_frame + clock.frames
    fade = np.linspace(0.0, 1.0, _JOIN_FRAMES, dtype=np.float32)
    behind: Samples | None = None
    for start in range(clock.first_frame, end, length):
        overlap = _JOIN_FRAMES if start + length < end else 0
        piece = _piece(source, clock, start, min(length, end - start) + overlap, pitch_scale)
        if behind is not None:
            count = min(_JOIN_FRAMES, piece.shape[1])
            piece[:, :count] = piece[:, :count] * fade[:count] + (behind * (1 - fade))[:, :count]
        yield piece[:, : piece.shape[1] - overlap]
        behind = piece[:, piece.shape[1] - overlap :]


def _piece(source: AudioSource, clock: TimeMap, start: int, frames: int, pitch_scale: float) -> Samples:
    """Make the output ``start : start + frames``."""
    origin = start - _EDGE_FRAMES
    longer = TimeMap.through([(taken, (given - origin) * pitch_scale) for taken, given in clock.anchors])
    wanted = math.ceil((frames + 2 * _EDGE_FRAMES) * pitch_scale)
    stretched = _stretched(source, longer, wanted)
    if pitch_scale != 1.0:
        stretched = soxr.resample(stretched.T, pitch_scale, 1.0, quality=QUALITY).T
    return np.array(stretched[:, _EDGE_FRAMES : _EDGE_FRAMES + frames], np.float32, order="C")


def _stretched(source: AudioSource, clock: TimeMap, frames: int) -> Samples:
    """Stretch what makes the output ``0 : frames``, with context on both sides."""
    import pedalboard

    first = math.floor(clock.input_at(0)) - CONTEXT_FRAMES
    last = math.ceil(clock.input_at(frames)) + _TAIL_FRAMES
    plan = plan_hops(clock, first=first, frames=last - first)
    out: Samples = pedalboard.time_stretch(
        Feed(source, first).take(last - first),
        source.sample_rate,
        stretch_factor=np.repeat(1.0 / plan.ratios, _BLOCK_FRAMES)[: last - first],
    )
    return out[:, -plan.first_frame : frames - plan.first_frame]


@dataclass(frozen=True, eq=False)
class HopPlan:
    """What to ask R3 for.

    Attributes
    ----------
    ratios : array [shape=(blocks,)]
        Time ratio of each 1,024 input frames.
    first_frame : int
        Output frame of the map at which R3's output begins.
    """

    ratios: npt.NDArray[np.float64]
    first_frame: int


def plan_hops(clock: TimeMap, *, first: int, frames: int) -> HopPlan:
    """Count R3's hops beforehand and choose the ratio of each block so that they meet the map."""
    middle = Middle.of(_WINDOW_FRAMES / 2, time_ratio=clock.mean_ratio)
    first_frame = round(clock.output_at(first + middle.taken) - middle.given)
    ratios, taken, given = [], 0, 0
    for fed in range(_BLOCK_FRAMES, frames + _BLOCK_FRAMES, _BLOCK_FRAMES):
        wanted = next_ratio(clock, first + taken + middle.taken, first_frame + given + middle.given)
        step_in, step_out = _hop(wanted)
        ratios.append(step_out / step_in * _BELOW)
        hops = max((fed - _WINDOW_FRAMES - taken) // step_in + 1, 0)
        taken, given = taken + hops * step_in, given + hops * step_out
    return HopPlan(np.array(ratios), first_frame)


def _hop(ratio: float) -> tuple[int, int]:
    """Frames that R3 takes and gives in a hop at the nearest ratio that is a quotient of two such hops."""
    usual = _taken(ratio)
    hops = [
        (taken, given)
        for taken in (usual, usual + 1, usual - 1)
        for given in (math.floor(taken * ratio), math.ceil(taken * ratio))
        if _taken(given / taken * _BELOW) == taken
    ]
    return min(hops, key=lambda hop: abs(hop[1] / hop[0] - ratio), default=(usual, round(usual * ratio)))


def _taken(ratio: float) -> int:
    return math.floor(_wanted_frames(ratio) / ratio)


def _wanted_frames(ratio: float) -> float:
    """Output frames that R3 aims at: 256, fewer below a ratio of 1, more from 1.5 on, 128 to 512."""
    exponent = math.log10(ratio) if ratio < 1.0 else math.log10(ratio - 0.5) if ratio > 1.5 else 0.0
    return float(min(max(2.0 ** (8.0 + 2.0 * exponent), 128.0), 512.0))

"""Jumps of a stem off any grid: chosen by search, measured before they are used, taken in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemwright.align.content import Content
from stemwright.align.fit import audition, fit_jump
from stemwright.align.plan import Join, Jump
from stemwright.align.search import Wanted, find_jumps
from stemwright.audio import AudioSource
from stemwright.dsp.joins import CONTEXT_S, measure_character
from stemwright.errors import InputError

__all__ = ["Choice", "choose_jumps", "take_turns"]

MAX_JUMPS = 6
"""So many different jumps take turns when sustained material is extended, if that many are good."""
EQUALLY_GOOD_DB = 2.0
MAX_JOINS = 200_000
WHOLE_LOOP_S = 16.0
"""Longer sources are songs, not loops."""
ZONES = (1 / 8, 1 / 3, 2 / 3)
"""Share of the source, from its end, in which it may be left; a later zone only when an earlier one fails."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Jumps that take turns, and how they were found, in words."""

    jumps: tuple[Jump, ...]
    how: str


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far and wide to look, in seconds."""

    min_lag: float
    good_lag: float
    zone: float
    context: float


_LOOP = _Reach(min_lag=2.0, good_lag=8.0, zone=3.0, context=4.0)
_SUSTAINED = _Reach(min_lag=6.0, good_lag=30.0, zone=8.0, context=2.0)


def choose_jumps(
    source: AudioSource, *, content: Content, gap_frames: int, lengths: tuple[int, ...], rhythmic: bool
) -> Choice:
    """Choose what to jump back to: one loop point if `rhythmic`, else several places in turn.

    Every candidate is measured as it will sound; where none near the end is clean, the source is left
    earlier, and where none is clean at all, the least audible one is taken.
    """
    character = measure_character(source)
    context = round(CONTEXT_S * source.sample_rate)

    def severity(jump: Jump) -> float:
        before = min(context, jump.out_at)
        return audition(source, jump=jump, character=character, before=before, after=context).severity

    beats = whole_loop_beats(content) if rhythmic else 0
    if beats:
        jump = fit_jump(source, leave=source.frames, enter=0, lengths=())
        if severity(jump) <= 1.0:
            return Choice((jump,), f"the whole source is a loop of {beats} beats")
    best: list[tuple[float, Jump]] = []
    for zone in ZONES:
        wanted = _wanted(content, zone, lengths, rhythmic=rhythmic)
        for jump in find_jumps(source, content=content, wanted=wanted):
            best.append((severity(jump), jump))
            clean = [jump for heard, jump in best if heard <= 1.0]
            if clean and (rhythmic or sum(jump.lag for jump in clean) >= gap_frames):
                break
        clean = [jump for heard, jump in best if heard <= 1.0]
        if clean:
            return _told(_compatible(clean[:1] if rhythmic else clean), source.sample_rate, rhythmic=rhythmic)
    least = min(best, key=lambda pair: pair[0])[1]
    return _told([least], source.sample_rate, rhythmic=rhythmic)


def _told(jumps: Sequence[Jump], sample_rate: int, *, rhythmic: bool) -> Choice:
    shortest = min(jump.lag for jump in jumps) / sample_rate
    if rhythmic:
        return Choice(
            tuple(jumps), f"a stretch of {shortest:.3f} s repeats, the loop point of best self-similarity"
        )
    places = "one place that matches" if len(jumps) == 1 else f"{len(jumps)} places that match, in turn"
    return Choice(tuple(jumps), f"it goes on from {places}, {shortest:.1f} s or more back")


def _wanted(content: Content, zone: float, lengths: tuple[int, ...], *, rhythmic: bool) -> Wanted:
    """Turn seconds into frames, scaled down for short sources."""
    reach = _LOOP if rhythmic else _SUSTAINED
    rate, usable = content.sample_rate, content.sounding_end
    looked_at = usable - content.start
    shortest = looked_at // (2 if zone == ZONES[0] else 6)
    min_lag = max(1, min(round(reach.min_lag * rate), shortest), *lengths)
    back = min(round(reach.zone * rate * zone / ZONES[0]), round(looked_at * zone))
    context = min(round(reach.context * rate), looked_at // 8)
    return Wanted(
        lengths=lengths,
        min_lag=min_lag,
        good_lag=max(min_lag, min(round(reach.good_lag * rate), looked_at * 3 // 4)),
        first_leave=usable - back,
        last_leave=usable,
        context=max(context, *lengths),
        rhythmic=rhythmic,
    )


def whole_loop_beats(content: Content) -> int:
    """Count the beats of a source that is, as a whole, a loop; 0 when it is not one.

    It must be short, regular, sound to its end, and be a whole even number of its own beats long.
    """
    strength, period = content.beat
    if strength < 0.3 or content.frames > WHOLE_LOOP_S * content.sample_rate:
        return 0
    beats = content.frames / period
    even = 2 * round(beats / 2)
    silent_end = content.frames - content.sounding_end
    return even if 0 < even <= 64 and abs(beats - even) < 0.12 and silent_end < period else 0


def _compatible(found: Sequence[Jump]) -> list[Jump]:
    """Take the first jump and those about as good that can follow each other in any order."""
    limit = found[0].cost_db + EQUALLY_GOOD_DB
    chosen = [found[0]]
    for jump in found[1:]:
        free = all(_room(jump, other) and _room(other, jump) for other in chosen)
        if free and jump.cost_db <= limit and len(chosen) < MAX_JUMPS:
            chosen.append(jump)
    return chosen


def _room(first: Jump, then: Jump) -> bool:
    """Whether what plays after `first` is over its overlap before `then` begins."""
    return first.in_at + first.law.frames <= then.out_at


def take_turns(jumps: Sequence[Jump], *, source_frames: int, target_frames: int) -> list[Join]:
    """Repeat the jumps in order until the target is reached."""
    count = (target_frames - source_frames) // min(jump.lag for jump in jumps)
    if count > MAX_JOINS:
        raise InputError(
            f"{target_frames} frames from a source of {source_frames} would need {count} joins.",
            way_out="Pad the stem, or bring a longer source.",
        )
    joins: list[Join] = []
    offset = 0
    while source_frames + offset < target_frames:
        jump = jumps[len(joins) % len(jumps)]
        joins.append(Join(jump.out_at + offset, jump))
        offset += jump.lag
    return joins

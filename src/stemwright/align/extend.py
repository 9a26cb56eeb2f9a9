"""Lay out an extension: whole bars where the grid is known, else jumps to well-matching earlier material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemwright.align.bars import BarGrid, CommonBars, Fitter, join_on_bars
from stemwright.align.content import Content
from stemwright.align.fit import DECLICK_S
from stemwright.align.jumps import choose_jumps, take_turns
from stemwright.align.plan import Join
from stemwright.align.settings import AlignSettings, Strategy
from stemwright.audio import AudioSource

__all__ = ["Extension", "bar_fitter", "extend"]

LOOP_CROSSFADE_S, SUSTAINED_CROSSFADE_S = 0.025, 2.0
SHORTEST_CROSSFADE_S = 0.004
SMALL_GAP_CROSSFADE_S = 0.02
"""A crossfade is no longer than the gap that it fills, or than this."""


OTHER_TEMPO = (
    "{} bars of the song have a length that no bar of the source has: bars start again on each bar line "
    "there, and the beats inside them keep the source's tempo."
)


@dataclass(frozen=True, slots=True)
class Extension:
    """Joins in the output, how they were found in words, and notices."""

    joins: tuple[Join, ...]
    how: str
    notices: tuple[str, ...] = ()


def extend(
    source: AudioSource,
    *,
    content: Content,
    target_frames: int,
    strategy: Strategy,
    settings: AlignSettings,
    bar_frames: Sequence[int] | None,
    common: CommonBars | None = None,
) -> Extension:
    """Extend `source` to `target_frames`, by `Strategy.LOOP` or `Strategy.CROSSFADE`."""
    rhythmic = strategy is Strategy.LOOP
    if bar_frames is not None:
        grid = BarGrid.over(bar_frames, target_frames=target_frames, content=content)
        if grid is not None:
            fitter = bar_fitter(source, content, grid=grid, settings=settings, rhythmic=rhythmic)
            return _on_bars(fitter, grid, settings, common)
    gap = target_frames - source.frames
    limit = max(
        1, min(content.sounding_end // 4, max(gap, round(SMALL_GAP_CROSSFADE_S * source.sample_rate)))
    )
    lengths = _lengths(settings, source.sample_rate, limit=limit, rhythmic=rhythmic)
    choice = choose_jumps(source, content=content, gap_frames=gap, lengths=lengths, rhythmic=rhythmic)
    joins = take_turns(choice.jumps, source_frames=source.frames, target_frames=target_frames)
    notes = ["The source holds no whole bar of the grid: it is extended off the grid."] if bar_frames else []
    return Extension(tuple(joins), choice.how, (*notes, *_shortened(joins, settings, source.sample_rate)))


def bar_fitter(
    source: AudioSource, content: Content, *, grid: BarGrid, settings: AlignSettings, rhythmic: bool
) -> Fitter:
    """Make what fits joins of `source` on its bar lines."""
    limit = max(min(grid.lengths[:-1], default=grid.lengths[0]) // 2, 1)
    lengths = _lengths(settings, source.sample_rate, limit=limit, rhythmic=rhythmic)
    return Fitter(source, content, lengths=lengths, rhythmic=rhythmic)


def _on_bars(fitter: Fitter, grid: BarGrid, settings: AlignSettings, common: CommonBars | None) -> Extension:
    kept = grid.held_in_common(common) if common else grid
    loop = join_on_bars(fitter, grid=kept, bars=common.bars if common else 0)
    bars = "bar" if loop.bars == 1 else f"{loop.bars} bars"
    company = ", the same in all stems played together" if common else ""
    notes = list(_shortened(loop.joins, settings, fitter.source.sample_rate))
    if loop.other_tempo:
        notes.insert(0, OTHER_TEMPO.format(loop.other_tempo))
    return Extension(loop.joins, f"the last {bars} repeated on the song's bar lines{company}", tuple(notes))


def _lengths(settings: AlignSettings, sample_rate: int, *, limit: int, rhythmic: bool) -> tuple[int, ...]:
    """Overlaps to try, longest first: the one that was asked for, or halves of the usual one."""
    shortest = round(SHORTEST_CROSSFADE_S * sample_rate)
    if not settings.seamless:
        return (max(1, min(round(DECLICK_S * sample_rate), limit)),)
    if settings.crossfade_s is not None:
        return (max(1, min(round(settings.crossfade_s * sample_rate), limit)),)
    length = min(round((LOOP_CROSSFADE_S if rhythmic else SUSTAINED_CROSSFADE_S) * sample_rate), limit)
    lengths = [max(1, length)]
    while lengths[-1] // 2 >= shortest:
        lengths.append(lengths[-1] // 2)
    return tuple(lengths)


def _shortened(joins: Sequence[Join], settings: AlignSettings, sample_rate: int) -> tuple[str, ...]:
    if settings.crossfade_s is None or not settings.seamless or not joins:
        return ()
    shortest = min(join.frames for join in joins)
    if shortest >= round(settings.crossfade_s * sample_rate):
        return ()
    asked = f"A crossfade of {settings.crossfade_s:g} s was asked for"
    return (f"{asked}; the material has room for {shortest / sample_rate:.3g} s.",)

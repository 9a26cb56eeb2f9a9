"""Bars in common: stems that were played together repeat the same bars, or their chords would part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemwright.align.bars import BarGrid, CommonBars, Fitter, best_run
from stemwright.align.content import analyse_content
from stemwright.align.decide import decide
from stemwright.align.extend import bar_fitter
from stemwright.align.settings import AlignSettings, Strategy
from stemwright.audio import AudioSource
from stemwright.stems import Role

__all__ = ["CommonChoice", "Player", "choose_common_bars"]

LEFT_OUT_BARS = 2
"""A stem that ends so many bars before the longest would cost the others too much of what they play."""


@dataclass(frozen=True, eq=False, slots=True)
class Player:
    """One stem of a performance, and what is asked of it.

    Attributes
    ----------
    source : AudioSource
        It starts where the song starts.
    settings : AlignSettings
        Strategy, crossfade.
    role : Role
        What it does in the music.
    """

    source: AudioSource
    settings: AlignSettings
    role: Role


@dataclass(frozen=True, slots=True)
class CommonChoice:
    """The bars, and by their place in the list who keeps to them and who ends too early to."""

    bars: CommonBars
    players: tuple[int, ...]
    too_short: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class _Part:
    player: int
    grid: BarGrid
    fitter: Fitter


def choose_common_bars(
    players: Sequence[Player], *, target_frames: int, bar_frames: Sequence[int], declared: bool
) -> CommonChoice | None:
    """Choose the bars that all `players` repeat up to `target_frames`.

    Every bar that any of them still plays in is kept, as far as all of them hold it; then the run of last
    bars that goes on best in all of them is taken, the join that is heard most deciding. Each stem is still
    joined by its own crossfade.

    Parameters
    ----------
    players : Sequence[Player]
        Of one sample rate.
    target_frames : int
        Length to reach.
    bar_frames : Sequence[int]
        Frames on which the song's bars start.
    declared : bool
        Whether the user said that they belong together: then a stem that is left to ``auto`` goes on with
        the others even if its own part has ended.

    Returns
    -------
    CommonChoice or None
        None when fewer than two of them repeat bars.
    """
    parts = [
        part
        for index, player in enumerate(players)
        if (part := _part(index, player, target_frames, bar_frames, declared=declared))
    ]
    longest = max((part.grid.whole for part in parts), default=0)
    together = [part for part in parts if part.grid.whole > longest - LEFT_OUT_BARS]
    if len(together) < 2 or not any(_goes_on(players[part.player], part, target_frames) for part in together):
        return None
    grid = BarGrid.shared(
        [part.grid for part in together], rhythmic=[part.fitter.rhythmic for part in together]
    )
    bars = CommonBars(grid.held, best_run([part.fitter for part in together], grid), grid.frames, grid.end)
    left_out = tuple(part.player for part in parts if part not in together)
    return CommonChoice(bars, tuple(part.player for part in together), left_out)


def _part(
    index: int, player: Player, target: int, bar_frames: Sequence[int], *, declared: bool
) -> _Part | None:
    """Look at a stem; None when it does not repeat bars."""
    source = player.source
    if not 0 < source.frames < target:
        return None
    content = analyse_content(source)
    gap = target - source.frames
    decision = decide(
        content, gap_frames=gap, settings=player.settings, role=player.role, in_company=declared
    )
    grid = BarGrid.over(bar_frames, target_frames=target, content=content)
    if decision.strategy is Strategy.PAD or grid is None:
        return None
    rhythmic = decision.strategy is Strategy.LOOP
    fitter = bar_fitter(source, content, grid=grid, settings=player.settings, rhythmic=rhythmic)
    return _Part(index, grid, fitter)


def _goes_on(player: Player, part: _Part, target: int) -> bool:
    """Whether a stem would go on by itself."""
    content = part.fitter.content
    gap = target - player.source.frames
    alone = decide(content, gap_frames=gap, settings=player.settings, role=player.role)
    return alone.strategy is not Strategy.PAD

"""Extend a stem whose bar lines are known: on every bar line of the song stands one of the source."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.align.content import Content
from stemwright.align.fit import audition, fit_jump
from stemwright.align.plan import Join, Jump
from stemwright.audio import AudioSource
from stemwright.dsp.joins import CONTEXT_S, StemCharacter, measure_character

__all__ = ["BarGrid", "BarLoop", "CommonBars", "Fitter", "best_run", "join_on_bars"]

SAME_BAR_FRAMES = 2
"""Bars of one tempo differ by rounding only."""
PHRASE_BARS = 8
"""A loop this long is long enough; longer ones cost nothing and gain nothing."""
ENDING_BARS = 4
"""An ending is looked for in so many last bars, and compared with twice as many before it."""
ENDING_DB = 10.0
"""Nothing after its first moment comes within this of the quietest bar before: the music is over."""
LEAD_S = (0.0, 0.010, 0.030, 0.060)
"""A join may stand this far ahead of the bar line, where less may sound than on it."""
TRIED = 5
FLAGGED_DB = 10.0
"""What a join costs for every limit that it is over."""


@dataclass(frozen=True, slots=True)
class CommonBars:
    """What stems that were played together repeat.

    Attributes
    ----------
    held : int
        So many of the song's bars are taken from the sources before they go back.
    bars : int
        The last so many of them are repeated.
    frames, end : int
        What all of them hold, and where the last of them stops sounding.
    """

    held: int
    bars: int
    frames: int
    end: int


@dataclass(frozen=True, eq=False)
class BarGrid:
    """Bar lines of the song, and how many of its bars the source holds.

    Attributes
    ----------
    lines : tuple[int, ...]
        Rising frames of all bar lines, the target itself last.
    held : int
        So many whole bars are in the source; ``lines[held]`` is its last bar line.
    whole : int
        So many would be without regard to what sounds in them.
    frames, end : int
        Length of the source, and where what is used of it stops.
    ending : int
        So many bars after the held ones only die away.
    """

    lines: tuple[int, ...]
    held: int
    whole: int
    frames: int
    end: int
    ending: int = 0

    @classmethod
    def over(cls, bar_frames: Sequence[int], *, target_frames: int, content: Content) -> BarGrid | None:
        """Build the grid, or None when the source holds no whole bar.

        Lines beyond those given go on at the last bar's length. Bars after the source has stopped sounding
        are not held, nor is a last bar that rests earlier than any before it, nor are last bars in which the
        music is over and only its tail is left.
        """
        lines = sorted({frame for frame in bar_frames if 0 <= frame < target_frames})
        if len(lines) < 2:
            return None
        bar = max(b - a for a, b in itertools.pairwise(lines[-3:]))
        while lines[-1] + bar < target_frames:
            lines.append(lines[-1] + bar)
        whole = bisect_right(lines, content.frames) - 1
        last = min(bisect_left(lines, content.sounding_end), whole)
        if last > 1:
            rests = [_rest(content, a, b) for a, b in itertools.pairwise(lines[: last + 1])]
            last -= rests[-1] > max(rests[:-1]) + bar // 8
        over = _ending(content, lines[: last + 1])
        last, end = last - over, lines[last - over] if over else content.sounding_end
        return cls((*lines, target_frames), last, whole, content.frames, end, over) if last > 0 else None

    @classmethod
    def shared(cls, grids: Sequence[BarGrid], *, rhythmic: Sequence[bool]) -> BarGrid:
        """Build the grid of sources that were played together: what all hold, while one of them sounds.

        Where one that carries the rhythm ends a few bars before the last, that is the ending of all.
        """
        whole, frames = min(grid.whole for grid in grids), min(grid.frames for grid in grids)
        last = min(whole, max(grid.held for grid in grids))
        beat = [grid.held for grid, beats in zip(grids, rhythmic, strict=True) if beats and grid.ending]
        held = min([last, *(ends for ends in beat if ends >= last - ENDING_BARS)])
        end = min(frames, max(grid.end for grid in grids)) if held == last else grids[0].lines[held]
        return cls(grids[0].lines, held, whole, frames, end)

    def held_in_common(self, common: CommonBars) -> BarGrid:
        """Build the grid of this source when it keeps to the bars of its company."""
        return replace(self, held=common.held, frames=common.frames, end=common.end)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Length of each bar in frames."""
        return tuple(b - a for a, b in itertools.pairwise(self.lines))

    def alike(self, length: int) -> list[int]:
        """Bars of the source that are `length` long, the last unbroken run of them."""
        run: list[int] = []
        for bar in range(self.held - 1, -1, -1):
            if abs(self.lengths[bar] - length) <= SAME_BAR_FRAMES:
                run.insert(0, bar)
            elif run:
                break
        return run


def _rest(content: Content, start: int, stop: int) -> int:
    """Frames at the end of a bar in which nothing sounds."""
    first, last = ((frame - content.start) // content.level_hop for frame in (start, stop))
    sounding = np.flatnonzero(content.power[max(first, 0) : max(last, 0)] > content.sounding_power)
    return stop - start - (int(sounding[-1]) + 1) * content.level_hop if sounding.size else stop - start


def _ending(content: Content, lines: Sequence[int]) -> int:
    """Count the last bars in which nothing is played any more: after a final stroke it only dies away."""
    played = np.array([_played_db(content, a, b) for a, b in itertools.pairwise(lines)])
    for over in range(min(ENDING_BARS, played.size - 2), 0, -1):
        before = played[max(0, played.size - over - 2 * ENDING_BARS) : played.size - over]
        before = before[np.isfinite(before)]
        if before.size > 1 and played[-over:].max() < before.min() - ENDING_DB:
            return over
    return 0


def _played_db(content: Content, start: int, stop: int) -> float:
    """Loudest 50 ms of a bar but for its first eighth, where a final stroke would stand; -inf for a rest."""
    first, last = ((at - content.start) // content.level_hop for at in (start + (stop - start) // 8, stop))
    power = float(content.levels[max(first, 0) : max(last, 0)].max(initial=0.0))
    return float(10 * np.log10(power)) if power > content.sounding_power else -np.inf


@dataclass(frozen=True, slots=True)
class BarLoop:
    """What goes on after the source.

    Attributes
    ----------
    joins : tuple[Join, ...]
        In the output.
    bars : int
        Length of the loop in bars.
    other_tempo : int
        So many bars of the song have a length that no bar of the source has.
    """

    joins: tuple[Join, ...]
    bars: int
    other_tempo: int


@dataclass(frozen=True, slots=True)
class _Bar:
    """Bar `line` of the song is filled from bar `source` of the source, in tempo or not."""

    line: int
    source: int
    in_tempo: bool


def join_on_bars(fitter: Fitter, *, grid: BarGrid, bars: int = 0) -> BarLoop:
    """Choose a run of whole bars and lay it on the bar lines up to the target.

    Bars of another tempo take source bars of that tempo; where there are none, the bar that plays is started
    again on every bar line, so that at least the downbeats are the song's. The run is the best one, or the
    last `bars` bars.
    """
    bars = bars or best_run([fitter], grid)
    laid = _lay(grid, bars)
    return BarLoop(tuple(_joins(fitter, grid, laid)), bars, sum(not bar.in_tempo for bar in laid))


class Fitter:
    """Fits joins of one source at bar lines, each pair of places once.

    Parameters
    ----------
    source, content : AudioSource and Content
        The stem and what is in it.
    lengths : tuple[int, ...]
        Overlaps that may be tried, longest first.
    rhythmic : bool
        Whether joins may stand a little ahead of the bar line.
    """

    def __init__(
        self, source: AudioSource, content: Content, *, lengths: tuple[int, ...], rhythmic: bool
    ) -> None:
        self.source, self.content, self.rhythmic = source, content, rhythmic
        self._lengths = lengths
        leads = LEAD_S if rhythmic else LEAD_S[:1]
        self._leads = [round(lead * source.sample_rate) for lead in leads]
        self._fitted: dict[tuple[int, int], Jump] = {}

    def jump(self, leave: int, enter: int) -> Jump:
        """Fit the join from one moment of the source to another, where it is heard least."""
        if (leave, enter) not in self._fitted:
            tried = [
                fit_jump(self.source, leave=leave - lead, enter=enter - lead, lengths=self._lengths)
                for lead in self._leads
                if enter - lead >= max(self._lengths) or not lead
            ]
            self._fitted[leave, enter] = min(tried, key=self._cost)
        return self._fitted[leave, enter]

    def _cost(self, jump: Jump) -> float:
        """Tell what is left to be heard, less where little sounds."""
        at = (jump.out_at - self.content.start) // self.content.level_hop
        near = self.content.levels[max(min(at, self.content.levels.size - 1), 0)]
        return jump.cost_db * (0.1 + min(1.0, float(near) / (self.content.loud_power or 1.0)))

    def heard_db(self, leave: int, enter: int) -> float:
        """Measure how audible the join is, on the scale of spectral distance; a flagged one costs a lot."""
        jump = self.jump(leave, enter)
        context = min(round(CONTEXT_S * self.source.sample_rate), jump.out_at)
        found = audition(self.source, jump=jump, character=self._character, before=context, after=context)
        return jump.cost_db + FLAGGED_DB * max(0.0, found.severity - 1.0)

    @cached_property
    def _character(self) -> StemCharacter:
        return measure_character(self.source)


def best_run(fitters: Sequence[Fitter], grid: BarGrid) -> int:
    """Length in bars of the run before the last bar line that goes on best after it, in all at once."""
    alike = grid.alike(grid.lengths[grid.held - 1])
    runs = np.arange(1, len(alike) + 1)
    likeness = np.mean([_bar_distances(each.content, grid, len(alike)) for each in fitters], axis=0)
    odd = np.select([runs % 4 == 0, runs % 2 == 0], [0.0, 1.0], 2.0)
    cost = likeness + odd + 4.0 * np.maximum(0.0, 1.0 - runs / PHRASE_BARS)
    leave = grid.lines[grid.held]
    tried = np.argsort(cost, kind="stable")[:TRIED]
    entries = [grid.lines[grid.held - int(runs[i])] for i in tried]
    heard = [max(each.heard_db(leave, entry) for each in fitters) for entry in entries]
    return int(runs[tried[int(np.argmin(cost[tried] + heard))]])


def _bar_distances(content: Content, grid: BarGrid, count: int) -> npt.NDArray[np.float64]:
    """Distance in dB between the bar before the last line and the bar before each possible entry."""
    last, bar = grid.lines[grid.held], grid.lengths[grid.held - 1]
    rows = np.linspace(-bar, -2 * content.hop, 16) if bar > 2 * content.hop else np.array([-bar / 2])
    played = content.bands[content.rows_of(last + rows)]
    found = []
    for run in range(1, count + 1):
        start = grid.lines[grid.held - run]
        before = content.bands[content.rows_of(start + rows)]
        known = start - bar >= content.start
        found.append(float(np.sqrt(np.mean(np.square(played - before)))) if known else np.nan)
    distances = np.array(found)
    # Nothing leads up to the very first bar: it counts as an ordinary entry.
    usual = float(np.nanmean(distances)) if np.isfinite(distances).any() else 0.0
    return np.asarray(np.nan_to_num(distances, nan=usual))


def _lay(grid: BarGrid, run: int) -> list[_Bar]:
    """Name the source bar of every song bar from the source's end on."""
    laid: list[_Bar] = []
    length, cycle, in_tempo, step = -1, [0], True, 0
    for line in range(grid.held, len(grid.lengths)):
        last_one = line == len(grid.lengths) - 1
        if abs(grid.lengths[line] - length) > SAME_BAR_FRAMES and not (last_one and laid):
            length, step = grid.lengths[line], 0
            cycle, in_tempo = _cycle(grid, length if not last_one else grid.lengths[line - 1], run)
        laid.append(_Bar(line, cycle[step % len(cycle)], in_tempo))
        step += 1
    return laid


def _cycle(grid: BarGrid, length: int, run: int) -> tuple[list[int], bool]:
    alike = grid.alike(length)
    if alike:
        return (alike[-run:] if alike[-1] == grid.held - 1 else alike), True
    nearest = min(range(grid.held), key=lambda bar: (abs(grid.lengths[bar] - length), -bar))
    return grid.alike(grid.lengths[nearest])[-run:], False


def _joins(fitter: Fitter, grid: BarGrid, laid: Sequence[_Bar]) -> Iterator[Join]:
    """Join wherever the next bar is not the one that follows in the source anyway."""
    offset, previous = 0, _Bar(grid.held - 1, grid.held - 1, in_tempo=True)
    end = min(grid.frames, max(grid.end, grid.lines[grid.held]))
    for bar in laid:
        follows = bar.in_tempo and previous.in_tempo and bar.source == previous.source + 1
        if not follows:
            start, enter = grid.lines[bar.line], grid.lines[bar.source]
            late = _late(grid, previous, bar, end)
            jump = fitter.jump(start - offset + late, enter + late)
            yield Join(jump.out_at + offset, jump)
            offset += jump.lag
        previous = bar
        # A bar longer than what is left of the source starts again from its own beginning.
        while grid.lines[bar.line + 1] - offset > grid.frames + SAME_BAR_FRAMES:
            jump = fitter.jump(end, grid.lines[bar.source])
            yield Join(jump.out_at + offset, jump)
            offset += jump.lag


def _late(grid: BarGrid, previous: _Bar, bar: _Bar, end: int) -> int:
    """Frames after the bar line that the source still plays before it jumps: what it holds of a next bar."""
    left = end - grid.lines[grid.held]
    lasting = grid.lengths[previous.source]
    same = bar.in_tempo and previous.in_tempo and abs(grid.lengths[bar.source] - lasting) <= SAME_BAR_FRAMES
    return left if same and previous.source + 1 == grid.held and left > lasting // 16 else 0

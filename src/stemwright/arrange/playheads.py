"""Where every song is read in every section: the plan's windows and cues, as passages on the remix's grid.

A song's playhead starts with the remix at the first bar of its window and runs with it. `pace` says how many
beats of the remix one beat of the song lasts: 1 where they run together, 2 where a song tracked at half the
tempo was read twice as fast, any number for a song that keeps a tempo of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from stemwright.planning.plan import PlanSection, RemixPlan, SongId
from stemwright.planning.playhead import Read, reads_of

__all__ = ["Passage", "passages"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the remix in which a song is read without a jump.

    Attributes
    ----------
    section : int
        Index of the plan's section that it belongs to.
    start_beat, end_beat : float
        Place in the remix.
    source_beat : float
        Beat of the song that sounds at `start_beat`.
    """

    section: int
    start_beat: float
    end_beat: float
    source_beat: float


def passages(
    plan: RemixPlan, song: SongId, *, first_beat: float, pace: float, free_bar: int | None = None
) -> tuple[Passage, ...]:
    """Follow a song's playhead through the plan.

    Parameters
    ----------
    plan : RemixPlan
        Its sections follow each other without a gap.
    song : SongId
        Whose playhead.
    first_beat : float
        Beat of the song that sounds at remix beat 0.
    pace : float
        Beats of the remix per beat of the song, > 0.
    free_bar : int, optional
        For a song that keeps its own tempo, the beats of a bar of the remix: every turn of a loop starts on a
        bar, after a rest where the phrase ends earlier. Without it the song's beats fall on the remix's.

    Returns
    -------
    tuple[Passage, ...]
        In order; together they cover every section, but for those rests.
    """
    found: list[Passage] = []
    for read in reads_of(plan.sections, song, first_beat=first_beat, rate=1.0 / pace):
        section = plan.sections[read.section]
        if read.loop_beats is None:
            start, end = float(section.start_beat), float(section.end_beat)
            found.append(Passage(read.section, start, end, read.start_beat))
        else:
            found += _turns(read, section, pace, free_bar)
    return tuple(found)


def _turns(read: Read, section: PlanSection, pace: float, bar: int | None) -> Iterator[Passage]:
    """Repeat a phrase until the section ends; the last turn is cut there."""
    phrase = (read.loop_beats or 0) * pace
    period = phrase if bar is None else math.ceil(phrase / bar - 1e-9) * bar
    for turn in count():
        start = section.start_beat + turn * period
        if start >= section.end_beat - 1e-9:
            return
        end = min(start + phrase, float(section.end_beat))
        yield Passage(read.section, start, end, read.start_beat)

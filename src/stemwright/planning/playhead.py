"""Where each song is read while the remix runs: the law of the playheads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stemwright.grid import BeatGrid
from stemwright.planning.plan import PlanSection, SongId, Window

__all__ = ["Read", "reads_of", "sounding", "start_beat"]


@dataclass(frozen=True, slots=True)
class Read:
    """What one section takes from one song, in beats of the song.

    Attributes
    ----------
    section : int
        Index of the section.
    start_beat, end_beat : float
        The stretch that is read, once round where it loops.
    loop_beats : int or None
        Length of the phrase that repeats.
    audible : bool
        Whether any stem of the song sounds here.
    """

    section: int
    start_beat: float
    end_beat: float
    loop_beats: int | None
    audible: bool


def start_beat(window: Window, grid: BeatGrid) -> int:
    """Beat of the song at remix beat 0: the downbeat nearest to the window's start, never before the song."""
    bar = grid.bar_at(window.start_s)
    return bar if grid.seconds_at(bar) >= -1e-6 else bar + grid.beats_per_bar


def sounding(section: PlanSection) -> frozenset[SongId]:
    """Songs of which at least one stem sounds."""
    return frozenset(song for use in section.stems.values() for song in use.songs)


def reads_of(
    sections: Sequence[PlanSection], song: SongId, *, first_beat: float, rate: float
) -> Iterator[Read]:
    """Follow the playhead of a song through the sections.

    Parameters
    ----------
    sections : Sequence[PlanSection]
        In order, without gaps.
    song : SongId
        Whose playhead.
    first_beat : float
        Where it stands at remix beat 0 (`start_beat`).
    rate : float
        Beats of the song per beat of the remix.
    """
    position = float(first_beat)
    for index, section in enumerate(sections):
        cue = section.cues.get(song)
        position = float(cue.source_beat) if cue else position
        needed = section.beats * rate
        loop = cue.loop_beats if cue else None
        end = position + (min(loop, needed) if loop else needed)
        yield Read(index, position, end, loop, song in sounding(section))
        position = position + loop if loop else end

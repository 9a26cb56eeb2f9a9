"""The renderer: one stem of one song, placed and levelled as the plan says, readable from any frame.

Two things move independently. The *gain* of a stem changes from section to section (`Envelope`). The
*material* changes where the playhead jumps or a loop turns: there one take fades into the next (`Take`).
Nothing is rendered before somebody reads it, so length costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stemwright.arrange.envelopes import Envelope, Ramp, cut_frames
from stemwright.arrange.playheads import Passage
from stemwright.audio import AudioSource, Samples
from stemwright.planning.plan import RemixPlan, SongId, Transition
from stemwright.songs import SongStem
from stemwright.units import seconds_to_frames

__all__ = ["ArrangedStem", "PlacedStem", "Take", "arrange_stem", "beat_frame", "seams"]

SEAM_S = 0.012
"""A loop turns, and a playhead jumps behind a cut, in a crossfade of 12 ms that ends on the beat."""

OUTRO_FADE_BEATS = 8
FADE_IN_S, FADE_OUT_S = 2.0, 3.0
CONTIGUOUS_FRAMES = 2
"""Passages whose places differ by rounding only are one take."""


def beat_frame(beat: float, *, bpm: float, sample_rate: int) -> int:
    """Frame of a beat of the remix: ``round(beat * 60 / bpm * sample_rate)``."""
    return seconds_to_frames(beat * 60.0 / bpm, sample_rate)


@dataclass(frozen=True)
class PlacedStem:
    """A stem of a song, brought to the remix's tempo and key.

    Attributes
    ----------
    song, stem
        Whose it is, and what.
    audio : AudioSource
        At the remix's rate.
    frame_at : callable
        Frame in `audio` of a beat of the song.
    passages : Sequence[Passage]
        Where the song's playhead is.
    gain : float
        Level match, linear.
    """

    song: SongId
    stem: SongStem
    audio: AudioSource
    frame_at: Callable[[float], int]
    passages: Sequence[Passage]
    gain: float = 1.0

    @property
    def name(self) -> str:
        """``"a_vocals"``: how it is called among the delivered stems."""
        return f"{'a' if self.song is SongId.A else 'b'}_{self.stem}"


@dataclass(frozen=True)
class Take:
    """Material read without a jump.

    Attributes
    ----------
    start, end : int
        Frames of the remix between which it is heard, fades included.
    offset : int
        ``frame in the stem = frame in the remix + offset``.
    weight : Envelope
        Fades from and to its neighbours.
    """

    start: int
    end: int
    offset: int
    weight: Envelope


@dataclass(frozen=True)
class ArrangedStem:
    """A stem as arranged: an `AudioSource` as long as the remix.

    Attributes
    ----------
    placed : PlacedStem
        What it is made of.
    frames : int
        Length of the remix: ``beat_frame`` of the plan's last beat.
    takes : Sequence[Take]
        In order of their start.
    gain : Envelope
        Of the sections.
    whole : Envelope
        First and last fade of the remix.
    """

    placed: PlacedStem
    frames: int
    takes: Sequence[Take]
    gain: Envelope
    whole: Envelope

    @property
    def sample_rate(self) -> int:
        """Frames per second, in Hz."""
        return self.placed.audio.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.placed.audio.channels

    @property
    def name(self) -> str:
        """How it is called among the delivered stems."""
        return self.placed.name

    def read(self, start: int, frames: int) -> Samples:
        """Read up to `frames` frames from `start`; shorter only at the end."""
        start = max(start, 0)
        frames = max(min(frames, self.frames - start), 0)
        out = np.zeros((self.channels, frames), np.float32)
        curve = self.gain.over(start, frames) * self.whole.over(start, frames)
        if not curve.any():
            return out
        for take in self.takes:
            _add_take(out, take, self.placed.audio, start)
        out *= curve * np.float32(self.placed.gain)
        return out


def _add_take(out: Samples, take: Take, audio: AudioSource, start: int) -> None:
    """Add what a take gives to a block of the remix; before and behind the stem there is silence."""
    low = max(take.start, start, -take.offset)
    high = min(take.end, start + out.shape[1], audio.frames - take.offset)
    if low < high:
        block = audio.read(low + take.offset, high - low)
        out[:, low - start : low - start + block.shape[1]] += take.weight.apply(block, low)


def arrange_stem(placed: PlacedStem, plan: RemixPlan, *, bpm: float) -> ArrangedStem:
    """Place a stem on the remix's timeline.

    Parameters
    ----------
    placed : PlacedStem
        The stem, its song's passages and its level.
    plan : RemixPlan
        Its sections start at beat 0 and follow each other without a gap.
    bpm : float
        Tempo of the remix.

    Returns
    -------
    ArrangedStem
        Exactly ``round(last beat * 60 / bpm * sample_rate)`` frames.
    """
    grid = _Grid(plan, bpm, placed.audio.sample_rate)
    gains = [_gain(plan, index, placed) for index in range(len(plan.sections))]
    return ArrangedStem(
        placed,
        grid.total,
        _takes(placed, grid, gains),
        _section_gains(grid, gains),
        _whole(plan, grid),
    )


def seams(stem: ArrangedStem) -> tuple[tuple[Take, Take], ...]:
    """Return the takes on both sides of every change of material that is heard."""
    return tuple(
        (before, after)
        for before, after in pairwise(stem.takes)
        if after.start > 0 and float(stem.gain.over(after.start, 1)[0]) > 0.0
    )


@dataclass(frozen=True)
class _Grid:
    """Frames of the plan's borders and transitions."""

    plan: RemixPlan
    bpm: float
    sample_rate: int

    def frame(self, beat: float) -> int:
        return beat_frame(beat, bpm=self.bpm, sample_rate=self.sample_rate)

    @property
    def total(self) -> int:
        return self.frame(self.plan.sections[-1].end_beat)

    def transition(self, index: int) -> tuple[int, int]:
        """First frame and length of the change into a section."""
        section = self.plan.sections[index]
        border = self.frame(section.start_beat)
        length = self.frame(section.start_beat + section.transition_beats) - border
        if section.transition_in is Transition.CUT or length <= 0:
            short = min(cut_frames(self.sample_rate), border)
            return border - short, short
        return border, length


def _gain(plan: RemixPlan, index: int, placed: PlacedStem) -> float:
    use = plan.sections[index].stems.get(placed.stem)
    return use.gain if use is not None and placed.song in use.songs else 0.0


def _section_gains(grid: _Grid, gains: Sequence[float]) -> Envelope:
    """Go from section to section: a cut in 2 ms, a crossfade over its beats, a fade from nothing."""
    ramps: list[Ramp] = []
    before = 0.0 if grid.plan.sections[0].transition_in is Transition.FADE else gains[0]
    first = before
    for index, gain in enumerate(gains):
        start, frames = grid.transition(index)
        if index and grid.plan.sections[index].transition_in is Transition.FADE and before > 0.0:
            short = min(cut_frames(grid.sample_rate), start)
            ramps.append(Ramp(start - short, short, before, 0.0))
            before = 0.0
        if frames and before != gain:
            ramps.append(Ramp(start, frames, before, gain))
        before = gain
    return Envelope(first, tuple(ramps))


def _takes(placed: PlacedStem, grid: _Grid, gains: Sequence[float]) -> tuple[Take, ...]:
    """Turn passages into takes: those that go on from each other are one."""
    runs: list[list[Passage]] = []
    for passage in placed.passages:
        offset = _offset(placed, grid, passage)
        if runs and _goes_on(placed, grid, runs[-1], passage, offset):
            runs[-1].append(passage)
        else:
            runs.append([passage])
    changes = [_change(placed, grid, gains, run[0]) for run in runs]
    return tuple(
        _take(placed, grid, run, changes[index], changes[index + 1] if index + 1 < len(runs) else None)
        for index, run in enumerate(runs)
    )


def _offset(placed: PlacedStem, grid: _Grid, passage: Passage) -> int:
    return placed.frame_at(passage.source_beat) - grid.frame(passage.start_beat)


def _goes_on(placed: PlacedStem, grid: _Grid, run: Sequence[Passage], passage: Passage, offset: int) -> bool:
    touches = abs(run[-1].end_beat - passage.start_beat) < 1e-6
    return touches and abs(_offset(placed, grid, run[0]) - offset) <= CONTIGUOUS_FRAMES


def _change(placed: PlacedStem, grid: _Grid, gains: Sequence[float], passage: Passage) -> tuple[int, int]:
    """First frame and length of the change of material at the start of a passage.

    Over the whole transition where the stem is heard on both sides of a crossfade, else at the border: a
    stem that goes silent or comes in changes while nobody hears it.
    """
    index = passage.section
    section = grid.plan.sections[index]
    border = grid.frame(passage.start_beat)
    at_start = abs(passage.start_beat - section.start_beat) < 1e-6
    start, frames = grid.transition(index)
    if at_start and index and section.transition_in is Transition.CROSSFADE and gains[index - 1] > 0.0:
        return (start, frames) if gains[index] > 0.0 else (start + frames, 0)
    short = min(seconds_to_frames(SEAM_S, placed.audio.sample_rate), border)
    if at_start and section.transition_in is Transition.CUT:
        short = min(cut_frames(placed.audio.sample_rate), border)
    return border - short, short


def _take(
    placed: PlacedStem,
    grid: _Grid,
    run: Sequence[Passage],
    entry: tuple[int, int],
    leave: tuple[int, int] | None,
) -> Take:
    """Build one take; it is heard until the next one is there, or until its own last passage ends."""
    offset = _offset(placed, grid, run[0])
    start, rise = entry
    ramps = [Ramp(start, rise, 0.0, 1.0)] if rise and start >= 0 and grid.frame(run[0].start_beat) else []
    end = grid.frame(run[-1].end_beat)
    if leave is not None and leave[0] + leave[1] >= end:
        end, fall = leave[0] + leave[1], leave[1]
    elif leave is not None or end < grid.total:
        fall = min(seconds_to_frames(SEAM_S, placed.audio.sample_rate), end - start)
    else:
        fall = 0
    if fall:
        begin = max(end - fall, ramps[0].start + ramps[0].frames if ramps else end - fall)
        ramps += [Ramp(begin, end - begin, 1.0, 0.0)] if begin < end else []
    return Take(start, end, offset, Envelope(0.0 if ramps and ramps[0].before <= 0.0 else 1.0, tuple(ramps)))


def _whole(plan: RemixPlan, grid: _Grid) -> Envelope:
    """Fade in and out once: not where the first section does so itself; an outro ends over its last beats."""
    first, last = plan.sections[0], plan.sections[-1]
    rate, ramps = grid.sample_rate, []
    starts_silent = first.transition_in is not Transition.FADE
    if starts_silent:
        cut = first.transition_in is Transition.CUT
        length = cut_frames(rate) if cut else seconds_to_frames(FADE_IN_S, rate)
        ramps.append(Ramp(0, min(length, grid.total // 4), 0.0, 1.0))
    if last.label == "outro":
        beats = min(OUTRO_FADE_BEATS, last.beats / 2)
        length = grid.total - grid.frame(last.end_beat - beats)
    else:
        length = seconds_to_frames(FADE_OUT_S, rate)
    length = min(length, grid.total // 4)
    ramps.append(Ramp(grid.total - length, length, 1.0, 0.0))
    return Envelope(0.0 if starts_silent else 1.0, tuple(ramp for ramp in ramps if ramp.frames))

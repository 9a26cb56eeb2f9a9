"""Musical time: meter, tempo map, sections, and the one conversion from beats to frames.

Beats are counted from 0 in quarter notes of the meter's own beat (``6/8`` counts eighths). A produced song
has an exact `TempoMap` (rational tempo, piecewise constant); a recorded song has a tracked `BeatGrid`. Both
turn beats into frames by one law, ``round(seconds * sample_rate)``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.errors import InputError, SpecError
from stemwright.units import exact, seconds_to_frames

__all__ = ["BeatGrid", "Fill", "Meter", "Section", "SectionRequest", "TempoMap", "Timeline", "build_timeline"]

MIN_BPM, MAX_BPM = 20, 400
MAX_SECTIONS = 10_000


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature, ``4/4`` by default."""

    beats_per_bar: int = 4
    beat_unit: int = 4

    @classmethod
    def parse(cls, text: str) -> Meter:
        """Read ``"4/4"``, ``"3/4"``, ``"6/8"``; raises `SpecError`."""
        top, slash, bottom = text.partition("/")
        if not (slash and top.strip().isdigit() and bottom.strip().isdigit()):
            raise SpecError(f'meter: "{text}" is not a time signature.', way_out='Write "4/4" or "6/8".')
        meter = cls(int(top), int(bottom))
        if not (1 <= meter.beats_per_bar <= 32 and meter.beat_unit in (1, 2, 4, 8, 16, 32)):
            raise SpecError(f'meter: "{text}" is not a time signature.', way_out='Write "4/4" or "6/8".')
        return meter

    def __str__(self) -> str:
        return f"{self.beats_per_bar}/{self.beat_unit}"


class Fill(StrEnum):
    """What happens when the sections end before the target does."""

    REPEAT = "repeat"
    EXTEND_LAST = "extend-last"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SectionRequest:
    """A section as asked for.

    Parameters
    ----------
    name : str
        ``"verse"``.
    beats : Fraction
        Its length in beats, > 0.
    bpm : Fraction
        Its tempo in beats per minute.
    """

    name: str
    beats: Fraction
    bpm: Fraction

    def __post_init__(self) -> None:
        if self.beats <= 0:
            raise SpecError(f"sections.{self.name}: {float(self.beats):g} beats is not a length.")
        if not MIN_BPM <= self.bpm <= MAX_BPM:
            raise SpecError(
                f"sections.{self.name}: {float(self.bpm):g} bpm is outside {MIN_BPM}–{MAX_BPM} bpm."
            )


@dataclass(frozen=True, slots=True)
class Section:
    """A section on the timeline.

    Attributes
    ----------
    name : str
        As asked for; the same section may come several times.
    start_beat, beats : Fraction
        Place and length in beats; the last section of a cut song may end inside a beat.
    bpm : Fraction
        Its tempo.
    start_frame, end_frame : int
        Place in frames, end exclusive; neighbours share their border.
    """

    name: str
    start_beat: Fraction
    beats: Fraction
    bpm: Fraction
    start_frame: int
    end_frame: int

    @property
    def end_beat(self) -> Fraction:
        """Where it ends, in beats."""
        return self.start_beat + self.beats

    @property
    def frames(self) -> int:
        """Its length in frames."""
        return self.end_frame - self.start_frame


class TempoMap:
    """Piecewise-constant tempo: beats to seconds and back, exactly.

    Parameters
    ----------
    changes : Sequence of (Fraction, Fraction)
        ``(beat, bpm)`` in rising order of beats; the first stands at beat 0. The last tempo goes on forever.
    """

    def __init__(self, changes: Sequence[tuple[Fraction, Fraction]]) -> None:
        if not changes or changes[0][0] != 0:
            raise SpecError("A tempo map must start at beat 0.")
        self.changes = tuple(changes)
        self._beats = [beat for beat, _ in self.changes]
        if any(later <= earlier for earlier, later in zip(self._beats, self._beats[1:], strict=False)):
            raise SpecError("The changes of a tempo map must rise in beats.")
        self._seconds = [Fraction(0)]
        for (beat, bpm), (following, _) in zip(self.changes, self.changes[1:], strict=False):
            self._seconds.append(self._seconds[-1] + (following - beat) * 60 / bpm)

    @classmethod
    def constant(cls, bpm: Fraction | float | int | str) -> TempoMap:
        """Build the map of a song with one tempo."""
        return cls([(Fraction(0), exact(bpm))])

    def seconds_at(self, beat: Fraction | float | int) -> Fraction:
        """Time of `beat` in seconds; beats before 0 run at the first tempo."""
        beat = exact(beat)
        index = max(bisect_right(self._beats, beat) - 1, 0)
        start, bpm = self.changes[index]
        return self._seconds[index] + (beat - start) * 60 / bpm

    def beat_at(self, seconds: Fraction | float | int) -> Fraction:
        """Beat at a time in seconds: the inverse of `seconds_at`."""
        seconds = exact(seconds)
        index = max(bisect_right(self._seconds, seconds) - 1, 0)
        start, bpm = self.changes[index]
        return start + (seconds - self._seconds[index]) * bpm / 60

    def bpm_at(self, beat: Fraction | float | int) -> Fraction:
        """Tempo in force at `beat`."""
        return self.changes[max(bisect_right(self._beats, exact(beat)) - 1, 0)][1]

    def frame_at(self, beat: Fraction | float | int, sample_rate: int) -> int:
        """Frame of `beat`: ``round(seconds_at(beat) * sample_rate)``."""
        return seconds_to_frames(self.seconds_at(beat), sample_rate)


@dataclass(frozen=True)
class Timeline:
    """The timing grid of a produced song.

    Attributes
    ----------
    sections : tuple[Section, ...]
        They cover ``0 .. frames`` without a gap.
    tempo : TempoMap
        Beats to seconds.
    meter : Meter
        Beats per bar. A bar line stands at the start of every section.
    sample_rate : int
        Of all frames here.
    frames : int
        The exact common length, the target of alignment.
    notes : tuple[str, ...]
        What was done other than asked (repeated, extended, cut), in plain words.
    """

    sections: tuple[Section, ...]
    tempo: TempoMap
    meter: Meter
    sample_rate: int
    frames: int
    notes: tuple[str, ...] = ()

    @cached_property
    def beats(self) -> Fraction:
        """Length in beats; whole only if the song ends on a beat."""
        return self.sections[-1].end_beat

    def frame_at(self, beat: Fraction | float | int) -> int:
        """Frame of `beat`."""
        return self.tempo.frame_at(beat, self.sample_rate)

    def section_at(self, beat: Fraction | float | int) -> Section:
        """Section that holds `beat`; the last one beyond the end."""
        starts = [section.start_beat for section in self.sections]
        return self.sections[max(bisect_right(starts, exact(beat)) - 1, 0)]

    def bar_starts(self) -> Iterator[Fraction]:
        """Beats on which bars start: every `meter.beats_per_bar` beats from each section's start."""
        for section in self.sections:
            beat = section.start_beat
            while beat < section.end_beat:
                yield beat
                beat += self.meter.beats_per_bar

    def bar_frames(self) -> list[int]:
        """Frames on which bars start."""
        return [self.frame_at(beat) for beat in self.bar_starts()]


def build_timeline(
    requests: Sequence[SectionRequest],
    *,
    meter: Meter,
    sample_rate: int,
    target_frames: int | None = None,
    fill: Fill = Fill.REPEAT,
) -> Timeline:
    """Lay sections on the timeline and bring them to the target length.

    Parameters
    ----------
    requests : Sequence[SectionRequest]
        In order, at least one.
    meter : Meter
        Beats per bar.
    sample_rate : int
        In Hz.
    target_frames : int, optional
        Exact length; without it the sections are the target.
    fill : Fill
        What happens when they end before the target: repeated in order from the first, the last one made
        longer, or an error.

    Returns
    -------
    Timeline
        Its sections cover exactly ``0 .. target_frames``; a section that reaches beyond is cut there.

    Raises
    ------
    SpecError
        Without sections, or when they are too short and `fill` is ``error``.
    """
    if not requests:
        raise SpecError("[sections] is empty.", way_out="Name at least one, for example: verse = 32.")
    asked_s = sum((request.beats * 60 / request.bpm for request in requests), Fraction(0))
    target = seconds_to_frames(asked_s, sample_rate) if target_frames is None else target_frames
    laid = list(requests)
    notes: list[str] = []
    missing_s = Fraction(target, sample_rate) - asked_s
    if seconds_to_frames(asked_s, sample_rate) < target:
        laid, note = _fill(laid, asked_s, missing_s, fill)
        notes.append(note)
    sections = _place(laid, sample_rate, target)
    dropped = len(laid) - len(sections)
    last_asked = laid[len(sections) - 1]
    if dropped or sections[-1].beats < last_asked.beats:
        left_out = f", and {dropped} more left out" if dropped else ""
        notes.append(
            f'Section "{sections[-1].name}" is cut at the target: {float(sections[-1].beats):g} of '
            f"{float(last_asked.beats):g} beats{left_out}."
        )
    return Timeline(tuple(sections), _tempo_of(sections), meter, sample_rate, target, tuple(notes))


def _fill(
    requests: list[SectionRequest], asked_s: Fraction, missing_s: Fraction, fill: Fill
) -> tuple[list[SectionRequest], str]:
    """Add what is missing by the rule; may overshoot, which `_place` cuts."""
    gap = f"The sections cover {float(asked_s):.3f} s of {float(asked_s + missing_s):.3f} s"
    if fill is Fill.ERROR:
        raise SpecError(f"{gap}.", way_out='Add sections, or set fill = "repeat" or "extend-last".')
    if fill is Fill.EXTEND_LAST:
        last = requests[-1]
        beats = last.beats + missing_s * last.bpm / 60
        longer = SectionRequest(last.name, beats, last.bpm)
        return [*requests[:-1], longer], f'{gap}: "{last.name}" is extended to {float(beats):g} beats.'
    rounds = int((asked_s + missing_s) / asked_s) + 1
    if rounds * len(requests) > MAX_SECTIONS:
        raise SpecError(f"{gap}: repeating them would make more than {MAX_SECTIONS} sections.")
    return requests * rounds, f"{gap}: they are repeated in order."


def _place(requests: Sequence[SectionRequest], sample_rate: int, target: int) -> list[Section]:
    """Place sections one after another up to the target frame."""
    placed: list[Section] = []
    beat, seconds, start = Fraction(0), Fraction(0), 0
    for request in requests:
        if start >= target:
            break
        following = seconds + request.beats * 60 / request.bpm
        end = min(seconds_to_frames(following, sample_rate), target)
        whole = seconds_to_frames(following, sample_rate) <= target
        beats = request.beats if whole else (Fraction(target, sample_rate) - seconds) * request.bpm / 60
        placed.append(Section(request.name, beat, beats, request.bpm, start, end))
        beat, seconds, start = beat + beats, following, end
    return placed


def _tempo_of(sections: Sequence[Section]) -> TempoMap:
    changes: list[tuple[Fraction, Fraction]] = []
    for section in sections:
        if not changes or changes[-1][1] != section.bpm:
            changes.append((section.start_beat, section.bpm))
    return TempoMap(changes)


@dataclass(frozen=True)
class BeatGrid:
    """The tracked beats of a recorded song.

    Beats are numbered from the first downbeat, which is beat 0: a pick-up before it has negative numbers.
    Between two tracked beats time runs evenly; before the first and after the last it goes on at the tempo
    of the nearest beats (the mean of up to eight), so every beat number has a time and every time a beat.

    Parameters
    ----------
    times_s : tuple of float
        Times of the beats in seconds, rising, at least two. Smooth: whoever tracks takes out the jitter of
        detection, because audio is stretched along this grid.
    first_downbeat : int
        Index in `times_s` of the first beat of the first whole bar.
    beats_per_bar : int
        Beats from downbeat to downbeat.
    parts_per_beat : int
        2, or 3 in compound time, where the beat is a dotted quarter: a song in 6/8 has two beats to the bar,
        and its tempo counts those.

    Raises
    ------
    InputError
        When the times don't rise, or there are fewer than two, or the index is outside.
    """

    times_s: tuple[float, ...]
    first_downbeat: int = 0
    beats_per_bar: int = 4
    parts_per_beat: int = 2

    def __post_init__(self) -> None:
        if len(self.times_s) < 2 or not np.all(np.diff(self.times_s) > 0):
            raise InputError(f"A beat grid needs at least two rising times; got {len(self.times_s)} beats.")
        if not 0 <= self.first_downbeat < len(self.times_s) or self.beats_per_bar < 1:
            raise InputError(
                f"Beat {self.first_downbeat} of {len(self.times_s)} can't be the first downbeat "
                f"of a grid with {self.beats_per_bar} beats in a bar."
            )

    @classmethod
    def even(
        cls, bpm: float, *, duration_s: float, first_downbeat_s: float = 0.0, beats_per_bar: int = 4
    ) -> BeatGrid:
        """Lay an even grid over ``0 .. duration_s`` with beat 0 at `first_downbeat_s`."""
        before = int(first_downbeat_s * bpm / 60)
        after = max(int((duration_s - first_downbeat_s) * bpm / 60), 1)
        times = [first_downbeat_s + beat * 60 / bpm for beat in range(-before, after + 1)]
        return cls(tuple(times), before, beats_per_bar)

    @cached_property
    def bpm(self) -> float:
        """Mean tempo, from the first beat to the last."""
        return 60.0 * (len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0])

    @property
    def meter(self) -> Meter:
        """Its time signature: ``4/4``, ``3/4``; ``6/8`` for two beats of three parts."""
        return Meter(self.beats_per_bar * 3, 8) if self.parts_per_beat == 3 else Meter(self.beats_per_bar)

    @property
    def first_beat(self) -> int:
        """Number of the first tracked beat; 0 or negative."""
        return -self.first_downbeat

    @property
    def last_beat(self) -> int:
        """Number of the last tracked beat."""
        return len(self.times_s) - 1 - self.first_downbeat

    @property
    def downbeats_s(self) -> tuple[float, ...]:
        """Times of the tracked downbeats."""
        return self.times_s[self.first_downbeat % self.beats_per_bar :: self.beats_per_bar]

    def seconds_at(self, beats: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Time of beat numbers, whole or not, in seconds; keeps the shape."""
        numbers, times = self._anchors
        return np.interp(np.asarray(beats, np.float64), numbers, times)

    def beat_at(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Beat number at times in seconds: the inverse of `seconds_at`."""
        numbers, times = self._anchors
        return np.interp(np.asarray(seconds, np.float64), times, numbers)

    def bar_at(self, seconds: float) -> int:
        """Beat number of the downbeat nearest to a time."""
        return round(float(self.beat_at(seconds)) / self.beats_per_bar) * self.beats_per_bar

    @cached_property
    def _anchors(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Numbers and times of the beats, with one far beat more at either end for what lies outside."""
        times = np.asarray(self.times_s, np.float64)
        near = min(8, times.size - 1)
        first, last = (times[near] - times[0]) / near, (times[-1] - times[-1 - near]) / near
        numbers = np.arange(times.size, dtype=np.float64) + self.first_beat
        far = 1_000_000.0
        return (
            np.concatenate(([numbers[0] - far], numbers, [numbers[-1] + far])),
            np.concatenate(([times[0] - far * first], times, [times[-1] + far * last])),
        )

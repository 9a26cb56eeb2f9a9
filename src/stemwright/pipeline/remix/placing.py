"""Steps 4 to 6 of the text: which part of which stem is needed, and brought to the remix's tempo and key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stemwright.arrange.onsets import onset_fidelity
from stemwright.arrange.playheads import Passage, passages
from stemwright.arrange.render import PlacedStem
from stemwright.audio import Audio, AudioSource
from stemwright.checks import Check, Notice, Severity
from stemwright.dsp.stretch import engine_notice, stretch_engine, stretched
from stemwright.grid import BeatGrid
from stemwright.io.reader import open_audio
from stemwright.io.writer import write_audio
from stemwright.match.beat_maps import Anchors, anchors, fitted_bpm, is_identity
from stemwright.match.pairing import Pairing, TempoAction
from stemwright.pipeline.crew import Crew
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.remix.session import SAMPLE_RATE_HZ, Song
from stemwright.pipeline.step import Outcome, Runner
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.planning.playhead import start_beat
from stemwright.songs import SongStem

__all__ = ["Lane", "match_lanes"]

MATCHED = "matched.wav"
WINDOW_BEATS = 32
"""The part of a song that is stretched begins and ends on a multiple of this: another prompt for the same
songs mostly needs the same part, and finds it done."""

MARGIN_BEATS = 8
"""Behind a jump the old place is heard for as long as a crossfade takes."""

LATE_MS, LATE_P95_MS = 3.0, 10.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One stem of one song on its way into the remix.

    Attributes
    ----------
    song, stem
        Whose it is, and what.
    audio : Path
        Its audio; once matched, at the remix's tempo and key.
    key : str
        Stands for exactly this audio in the keys of later steps.
    passages : tuple[Passage, ...]
        Where its song's playhead is.
    grid : BeatGrid
        Beats of the song.
    first_beat, last_beat : int
        The part that is needed, in beats of the song.
    anchors : Anchors
        Its time map, frames of the song to frames from `first_beat` on; empty where nothing is stretched.
    origin : int
        Frame of `audio` on which `first_beat` stands.
    beat_frames : float
        Frames of `audio` per beat of the song; 0 for a song that keeps its own tempo.
    semitones : float
        How far it is moved in pitch.
    """

    song: SongId
    stem: SongStem
    audio: Path
    key: str
    passages: tuple[Passage, ...]
    grid: BeatGrid
    first_beat: int
    last_beat: int
    anchors: Anchors
    origin: int
    beat_frames: float
    semitones: float

    @property
    def name(self) -> str:
        """``"a_vocals"``."""
        return f"{self.song.value[-1]}_{self.stem}"

    @property
    def untouched(self) -> bool:
        """Whether its audio is used as it is."""
        return not self.anchors and not self.semitones

    def frame_at(self, beat: float) -> int:
        """Frame of `audio` on which a beat of the song stands."""
        if self.beat_frames:
            return self.origin + round((beat - self.first_beat) * self.beat_frames)
        return self.origin + round(float(self.grid.seconds_at(beat)) * SAMPLE_RATE_HZ)

    def placed(self, audio: AudioSource, gain: float) -> PlacedStem:
        """Hand it to the renderer."""
        return PlacedStem(self.song, self.stem, audio, self.frame_at, self.passages, gain)


def match_lanes(
    plan: RemixPlan, pairing: Pairing, songs: Sequence[Song], *, runner: Runner, crew: Crew
) -> list[Lane]:
    """Bring every stem that sounds to the remix's tempo and key, side by side; in the order of the stems."""
    bar = next(s.facts.grid.beats_per_bar for s in songs if s.id is plan.vocal_source.other)
    lanes = [
        _lane(plan, pairing, song, stem, bar)
        for song in songs
        for stem in song.stems
        if any(_uses(plan, song.id, stem))
    ]
    jobs = [partial(_matched, lane=lane) for lane in lanes if not lane.untouched]
    weights = [float(lane.last_beat - lane.first_beat) for lane in lanes if not lane.untouched]
    done = {lane.name: lane for lane in crew.run(jobs, weights=weights)} if jobs else {}
    runner.record("match", Outcome(details={"lanes": [_about(done.get(x.name, x)) for x in lanes]}))
    return [done.get(lane.name, lane) for lane in lanes]


def _uses(plan: RemixPlan, song: SongId, stem: SongStem) -> list[bool]:
    """Whether a stem of a song sounds, section by section."""
    found = (section.stems.get(stem) for section in plan.sections)
    return [use is not None and song in use.songs for use in found]


def _lane(plan: RemixPlan, pairing: Pairing, song: Song, stem: SongStem, bar: int) -> Lane:
    """Find out what of a stem is needed, and along which map."""
    match = pairing.match_of(song.id)
    grid = song.facts.grid
    action = match.vocals if stem is SongStem.VOCALS else match.instruments
    free = action is TempoAction.FREE
    pace = pairing.target_bpm / fitted_bpm(grid) if free else match.beat_factor
    begin = start_beat(plan.window_of(song.id), grid)
    read = passages(plan, song.id, first_beat=begin, pace=pace, free_bar=bar if free else None)
    first, last = _needed(read, pace, song)
    lane = Lane(
        song.id, stem, song.stems[stem], f"{song.key} {stem}", read, grid, first, last, (), 0, 0.0,
        0.0 if stem is SongStem.DRUMS else match.semitones,
    )  # fmt: skip
    return _free(lane) if free else _locked(lane, pairing.target_bpm, match.beat_factor)


def _free(lane: Lane) -> Lane:
    """Keep the song's own time; where it is moved in pitch, only what is needed of it."""
    if not lane.semitones:
        return lane
    start, end = (
        round(float(lane.grid.seconds_at(b)) * SAMPLE_RATE_HZ) for b in (lane.first_beat, lane.last_beat)
    )
    return replace(lane, anchors=((start, 0), (end, end - start)), origin=-start)


def _locked(lane: Lane, bpm: float, factor: float) -> Lane:
    """Lay the song's beats on the remix's."""
    beat_frames = factor * 60.0 / bpm * SAMPLE_RATE_HZ
    clock = anchors(
        lane.grid,
        first_beat=lane.first_beat,
        last_beat=lane.last_beat,
        target_bpm=bpm,
        sample_rate=SAMPLE_RATE_HZ,
        beat_factor=factor,
    )
    if is_identity(lane.grid, target_bpm=bpm, beat_factor=factor) and not lane.semitones:
        return replace(lane, origin=clock[0][0], beat_frames=beat_frames)
    return replace(lane, anchors=clock, beat_frames=beat_frames)


def _needed(read: Sequence[Passage], pace: float, song: Song) -> tuple[int, int]:
    """First and last beat of a song that are needed, rounded outward but not beyond the song."""
    low = min(p.source_beat for p in read) - MARGIN_BEATS
    high = max(p.source_beat + (p.end_beat - p.start_beat) / pace for p in read) + MARGIN_BEATS
    start, end = song.facts.grid.beat_at([0.0, song.facts.duration_s])
    first = max(math.floor(low / WINDOW_BEATS) * WINDOW_BEATS, math.ceil(start))
    last = min(math.ceil(high / WINDOW_BEATS) * WINDOW_BEATS, math.floor(end))
    return first, max(last, first + 1)


def _matched(runner: Runner, *, lane: Lane) -> Lane:
    """Stretch and shift one stem, and ask whether its attacks are where the map says."""
    engine = stretch_engine()
    told = engine_notice(engine)

    def work(into: Path, ticker: Ticker) -> Outcome:
        frames = lane.anchors[-1][1]
        formants = lane.stem is SongStem.VOCALS and bool(lane.semitones) and engine.keeps_formants
        with open_audio(lane.audio) as source:
            blocks = stretched(source, anchors=lane.anchors, semitones=lane.semitones, keep_formants=formants)
            write_audio(
                into / MATCHED, ticker.watch(blocks, frames), sample_rate=SAMPLE_RATE_HZ,
                channels=source.channels, frames=frames,
            )  # fmt: skip
            with open_audio(into / MATCHED) as result:
                notices = (Notice(told, "match"),) if told else ()
                return Outcome(_checks(lane, source, result), {"window": _about(lane)}, notices)

    inputs = {
        "stem": lane.key,
        "anchors": [list(pair) for pair in lane.anchors],
        "semitones": lane.semitones,
        "name": lane.name,
        "engine": str(engine),
    }
    found = runner.run(f"match {lane.name}", inputs=inputs, work=work, weight=4.0)
    return replace(lane, audio=found.file(MATCHED), key=found.key)


def _checks(lane: Lane, source: AudioSource, result: AudioSource) -> tuple[Check, ...]:
    """Ask for the exact length, and for every attack on its place."""
    start, end = lane.anchors[0][0], lane.anchors[-1][0]
    inputs, outputs = (np.array(side, np.float64) for side in zip(*lane.anchors, strict=True))

    def source_frame_at(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        places: npt.NDArray[np.float64] = np.interp(frames, outputs, inputs) - max(start, 0)
        return places

    part = Audio(source.read(max(start, 0), end - max(start, 0)), source.sample_rate)
    found = onset_fidelity(part, result, source_frame_at=source_frame_at)
    length = Check.equal("length", lane.name, result.frames, lane.anchors[-1][1], "frames")
    if not found.windows:
        why = "It has no attacks that could be compared."
        return (length, Check.not_checked("attacks", lane.name, f"≤ {LATE_MS:g} ms", why))
    advice = "Stretching blurred or moved its attacks; a tempo closer to the song's own is kinder to it."
    return (
        length,
        Check.at_most(
            "attacks, median distance from the map", lane.name, found.median_ms, LATE_MS, "ms",
            severity=Severity.WARNING, advice=advice,
        ),
        Check.at_most(
            "attacks, 95th percentile", lane.name, found.p95_ms, LATE_P95_MS, "ms",
            severity=Severity.WARNING, advice=advice,
        ),
    )  # fmt: skip


def _about(lane: Lane) -> dict[str, object]:
    """Say in the report what was done to a stem."""
    ratios = [
        (after[1] - before[1]) / (after[0] - before[0])
        for before, after in zip(lane.anchors, lane.anchors[1:], strict=False)
    ]
    return {
        "name": lane.name,
        "first_beat": lane.first_beat,
        "last_beat": lane.last_beat,
        "time_ratio": sum(ratios) / len(ratios) if ratios else 1.0,
        "points": len(lane.anchors),
        "semitones": lane.semitones,
        "locked": bool(lane.beat_frames),
    }

"""The report page of a remix: both songs, the arrangement over the waveforms, every check."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stemwright.arrange.render import beat_frame
from stemwright.checks import Report
from stemwright.delivery import (
    Figure,
    GainBlock,
    LoudnessCurve,
    PageData,
    SongCard,
    TrackPicture,
    TrackRow,
    build_page,
)
from stemwright.grid import Section
from stemwright.match.pairing import TempoAction
from stemwright.pipeline.figures import master_figures
from stemwright.pipeline.master_steps import CURVE
from stemwright.pipeline.remix.arrangement import Arrangement, Levels
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.remix.mastering import SETTINGS
from stemwright.pipeline.remix.placing import Lane
from stemwright.pipeline.remix.session import SAMPLE_RATE_HZ
from stemwright.pipeline.remix.songs import song_word
from stemwright.pipeline.step import Result
from stemwright.planning.plan import PlanSection, SongId
from stemwright.units import format_duration, gain_to_db

__all__ = ["Drawn", "remix_page"]

ACTIONS = {
    TempoAction.KEEP: "at its own tempo, which is the remix's",
    TempoAction.STRETCH: "brought to the remix's beats",
    TempoAction.FREE: "at its own speed, phrase by phrase",
}


@dataclass(frozen=True)
class Drawn:
    """What the page shows beside the plan.

    Attributes
    ----------
    levels : Levels
        Gain of every stem.
    mix, master : Result
        Of `arrange_lanes` and `master_remix`.
    pictures : tuple of TrackPicture
        Of the stems, in order, and of the master.
    """

    levels: Levels
    mix: Result
    master: Result
    pictures: tuple[TrackPicture, ...]


def remix_page(arrangement: Arrangement, report: Report, history: History, drawn: Drawn) -> str:
    """Build the page of a remix."""
    *pictures, whole = drawn.pictures
    mix, master, levels = drawn.mix, drawn.master, drawn.levels
    frames = int(mix.outcome.details["frames"])
    bar = arrangement.songs[arrangement.plan.vocal_source.other].facts.grid.beats_per_bar
    data = PageData(
        title=report.title,
        sample_rate=SAMPLE_RATE_HZ,
        frames=frames,
        sections=[_section(arrangement, section) for section in arrangement.plan.sections],
        bar_frames=[_frame(arrangement, beat) for beat in range(0, arrangement.beats, bar)],
        tracks=[
            _row(arrangement, lane, picture, levels)
            for lane, picture in zip(arrangement.lanes, pictures, strict=True)
        ],
        master=whole,
        loudness=LoudnessCurve(np.load(master.file(CURVE)).tolist(), SETTINGS.loudness_lufs),
        figures=[
            *master_figures(master.outcome.details, SETTINGS.ceiling_dbtp),
            Figure("Length", format_duration(frames / SAMPLE_RATE_HZ)),
            Figure("Tempo", f"{arrangement.bpm:.4g}", "bpm"),
        ],
        facts=(f"{arrangement.bpm:.4g} bpm", f"{arrangement.beats} beats", _keys(arrangement)),
        songs=[_card(arrangement, song) for song in SongId],
        asked=history.current.asked,
        explanation=arrangement.plan.explanation,
    )
    return build_page(report, data)


def _frame(arrangement: Arrangement, beat: int) -> int:
    return beat_frame(beat, bpm=arrangement.bpm, sample_rate=SAMPLE_RATE_HZ)


def _section(arrangement: Arrangement, section: PlanSection) -> Section:
    return Section(
        section.label.value,
        Fraction(section.start_beat),
        Fraction(section.beats),
        Fraction(arrangement.bpm),
        _frame(arrangement, section.start_beat),
        _frame(arrangement, section.end_beat),
    )


def _row(arrangement: Arrangement, lane: Lane, picture: TrackPicture, levels: Levels) -> TrackRow:
    return TrackRow(
        name=lane.name,
        picture=picture,
        role=lane.stem.value,
        gain_db=gain_to_db(levels.gains[lane.name]),
        made_from=song_word(lane.song),
        effects=_done(lane),
        blocks=[_block(arrangement, lane, section) for section in arrangement.plan.sections],
    )


def _done(lane: Lane) -> list[str]:
    """Say what was done to a stem on its way."""
    done = []
    if lane.anchors and lane.beat_frames:
        first, last = lane.anchors[0], lane.anchors[-1]
        speed = (last[0] - first[0]) / (last[1] - first[1])
        steps = f", beat by beat ({len(lane.anchors)} points)" if len(lane.anchors) > 2 else ""
        done.append(f"{abs(speed - 1) * 100:.1f} % {'faster' if speed > 1 else 'slower'}{steps}")
    if not lane.beat_frames:
        done.append("at its own tempo")
    if lane.semitones:
        done.append(f"{lane.semitones:+g} semitones".replace("-", "−"))
    return done


def _block(arrangement: Arrangement, lane: Lane, section: PlanSection) -> GainBlock:
    use = section.stems.get(lane.stem)
    gain = use.gain if use is not None and lane.song in use.songs else 0.0
    cue = section.cues.get(lane.song)
    loop = f", loops {cue.loop_beats} beats" if cue and cue.loop_beats and gain else ""
    said = f"{section.label.value}: {f'gain {gain:.2f}' if gain else 'silent'}{loop}"
    return GainBlock(
        _frame(arrangement, section.start_beat), _frame(arrangement, section.end_beat), gain, said
    )


def _keys(arrangement: Arrangement) -> str:
    keys = [arrangement.pairing.key_of(song).lands_in for song in SongId]
    return " and ".join(dict.fromkeys(f"{key} ({key.camelot})" for key in keys))


def _card(arrangement: Arrangement, song: SongId) -> SongCard:
    from stemwright.analysis import describe

    one, match = arrangement.songs[song], arrangement.pairing.match_of(song)
    rows = [
        *(("Found" if not index else "", line) for index, line in enumerate(describe(one.facts))),
        ("Voice", ACTIONS[match.vocals]),
        ("Instruments", ACTIONS[match.instruments]),
        ("Key", arrangement.pairing.key_of(song).reason),
    ]
    return SongCard(f"S{song_word(song)[1:]}: {one.title}", tuple(rows))

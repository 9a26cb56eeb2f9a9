"""The report page of a production: what to draw, gathered from what the steps found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.checks import Report
from stemwright.delivery import (
    Figure,
    JoinMark,
    LoudnessCurve,
    PageData,
    TrackPicture,
    TrackRow,
    build_page,
)
from stemwright.io.files import atomic_write_text
from stemwright.pipeline.figures import master_figures
from stemwright.pipeline.master_steps import CURVE
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import CommandSource, FileSource, MidiSource, ScoreSource, Source
from stemwright.pipeline.step import Result
from stemwright.synth.gm import PROGRAMS
from stemwright.units import format_duration

__all__ = ["write_page"]


def write_page(
    path: Path,
    session: Session,
    report: Report,
    *,
    stems: Sequence[StemAudio],
    pictures: Sequence[TrackPicture],
    master: Result,
) -> None:
    """Build the page and write it to `path`; `pictures` are of the stems, in order, and of the master."""
    *tracks, whole = pictures
    spec, timeline = session.spec, session.timeline
    page = PageData(
        title=spec.title,
        artist=spec.artist,
        sample_rate=spec.sample_rate,
        frames=timeline.frames,
        sections=timeline.sections,
        bar_frames=timeline.bar_frames(),
        tracks=[_row(stem, picture) for stem, picture in zip(stems, tracks, strict=True)],
        master=whole,
        loudness=LoudnessCurve(np.load(master.file(CURVE)).tolist(), spec.master.loudness_lufs),
        figures=_figures(session, master.outcome.details),
        facts=(f"{float(spec.bpm):g} bpm", str(timeline.meter), str(spec.key)),
    )
    atomic_write_text(path, build_page(report, page))


def _row(stem: StemAudio, picture: TrackPicture) -> TrackRow:
    spec = stem.spec
    return TrackRow(
        name=stem.name,
        picture=picture,
        role=str(spec.role),
        gain_db=spec.gain_db,
        pan=spec.pan,
        effects=[effect.words() for effect in spec.effects],
        joins=[JoinMark(join.frame, join.audible) for join in stem.joins],
        made_from=_made_from(spec.source),
        aligned=stem.strategy,
    )


def _made_from(source: Source) -> str:
    match source:
        case FileSource(path):
            return f"file {path.name}"
        case MidiSource(path):
            return f"MIDI file {path.name}"
        case ScoreSource(settings):
            return "score" if settings.instrument is None else f"score, {PROGRAMS[settings.instrument]}"
        case CommandSource(argv):
            return f"command {Path(argv[0]).name}"
    return "drum patterns"


def _figures(session: Session, details: dict[str, Any]) -> list[Figure]:
    spec = session.spec
    return [
        *master_figures(details, spec.master.ceiling_dbtp),
        Figure("Length", format_duration(session.timeline.frames / spec.sample_rate)),
        Figure("Format", f"{spec.sample_rate / 1000:g} kHz", spec.subtype.replace("_", " ")),
    ]

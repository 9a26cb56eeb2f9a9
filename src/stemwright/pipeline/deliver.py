"""Step 8 of the text, second half: one layout for every recipe, published when all of it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemwright.checks import Report
from stemwright.delivery import (
    TrackPicture,
    describe_file,
    describe_files,
    picture_of,
    write_manifest,
    write_report_json,
)
from stemwright.io.archive import extend_zip
from stemwright.io.files import atomic_write_text, safe_name
from stemwright.io.reader import open_audio
from stemwright.pipeline.crew import Crew, Job
from stemwright.pipeline.folder import RUN, OutputFolder
from stemwright.pipeline.master_steps import MASTER
from stemwright.pipeline.mix_files import MIX, stem_file
from stemwright.pipeline.outputs import MANIFEST, PAGE, REPORT, bring, write_run
from stemwright.pipeline.page import write_page
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import DrumSource, MidiSource, ScoreSource, Spec
from stemwright.pipeline.step import Result
from stemwright.pipeline.together import Next

__all__ = [
    "Prepared",
    "deliver",
    "draw_in_turns",
    "output_names",
    "pack_in_turns",
    "place",
]

TURN = 2
SPEC = "spec.toml"


def output_names(spec: Spec) -> list[str]:
    """Names of everything that a production delivers, in the order of the zip; the zip comes last."""
    played = (ScoreSource, DrumSource, MidiSource)
    return [
        *(stem_file(stem.name) for stem in spec.stems),
        *(_midi_file(stem.name) for stem in spec.stems if isinstance(stem.source, played)),
        MIX,
        *(f"{MASTER}.{suffix}" for suffix in spec.delivery.formats),
        SPEC,
        REPORT,
        *([PAGE] if spec.delivery.report_page else []),
        MANIFEST,
        *([_zip_file(spec)] if spec.delivery.zip else []),
    ]


def _zip_file(spec: Spec) -> str:
    return f"{safe_name(spec.title)}.zip"


def _midi_file(name: str) -> str:
    return f"midi/{name}.mid"


@dataclass(frozen=True, eq=False)
class Prepared:
    """What needs no master, and was done while that was made.

    Attributes
    ----------
    entries : list of dict
        Rows of the manifest for the files that are packed already.
    pictures : list of TrackPicture
        Of the stems; empty without a report page.
    """

    entries: list[dict[str, Any]]
    pictures: list[TrackPicture]


def place(staging: Path, *, stems: Sequence[StemAudio], mix: Result) -> tuple[str, ...]:
    """Bring stems, their notes and the mix to their places; returns their names in the order of the zip."""
    files = {stem_file(stem.name): mix.file(stem_file(stem.name)) for stem in stems}
    files |= {_midi_file(stem.name): stem.midi for stem in stems if stem.midi is not None}
    files[MIX] = mix.file(MIX)
    return bring(files, staging)


def pack(session: Session, staging: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Put files of the staging folder behind those in the zip; returns their rows of the manifest."""
    if not session.spec.delivery.zip:
        return describe_files(staging, names)
    zipped = extend_zip(staging / _zip_file(session.spec), [(name, staging / name) for name in names])
    return [
        describe_file(staging / name, name=name, sha256=digest)
        for name, digest in zip(names, zipped, strict=True)
    ]


def pack_in_turns(
    session: Session, staging: Path, names: Sequence[str], entries: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]] | Next[list[dict[str, Any]]]:
    """Do as `pack` does, a few files at a time, so that whoever is free can go on with it."""
    done = [*entries, *pack(session, staging, names[:TURN])]
    return Next(session.job(pack_in_turns, staging, names[TURN:], done)) if names[TURN:] else done


def draw_in_turns(
    session: Session, staging: Path, names: Sequence[str], pictures: Sequence[TrackPicture] = ()
) -> list[TrackPicture] | Next[list[TrackPicture]]:
    """Draw files of the staging folder for the report page, if there is to be one, a few at a time."""
    if not session.spec.delivery.report_page:
        return []
    done = [*pictures, *(_picture(staging / name) for name in names[:TURN])]
    return Next(session.job(draw_in_turns, staging, names[TURN:], done)) if names[TURN:] else done


def _picture(path: Path) -> TrackPicture:
    with open_audio(path) as file:
        return picture_of(file)


def deliver(
    session: Session,
    output: OutputFolder,
    report: Report,
    *,
    crew: Crew,
    stems: Sequence[StemAudio],
    master: Result,
    prepared: Prepared,
) -> None:
    """Bring the master to the rest, describe and pack what is left, and publish all under its final name.

    Parameters
    ----------
    session, output, report
        Of this run; `place` has brought stems and mix to the staging folder.
    crew : Crew
        Packs and draws side by side.
    stems : Sequence[StemAudio]
        In the order of the spec.
    master : Result
        Of `master_mix`.
    prepared : Prepared
        From `pack_in_turns` and `draw_in_turns`.
    """
    spec, staging = session.spec, output.staging
    names = output_names(spec)
    masters = bring(
        {f"{MASTER}.{end}": master.file(f"{MASTER}.{end}") for end in spec.delivery.formats}, staging
    )
    atomic_write_text(staging / SPEC, spec.text)
    write_report_json(staging / REPORT, report)
    jobs: list[Job[Any]] = [session.job(pack, staging, [*masters, SPEC, REPORT])]
    if spec.delivery.report_page:
        jobs.append(session.job(_page, staging, report, stems, prepared.pictures, master))
    entries = prepared.entries + crew.run(jobs)[0]
    if spec.delivery.report_page:
        entries += pack(session, staging, [PAGE])
    write_manifest(staging / MANIFEST, entries)
    pack(session, staging, [MANIFEST])
    write_run(staging, names, found_done=session.runner.cache_hits)
    output.publish([*names, RUN])


def _page(
    session: Session,
    staging: Path,
    report: Report,
    stems: Sequence[StemAudio],
    pictures: Sequence[TrackPicture],
    master: Result,
) -> None:
    """Draw the master and write the page."""
    whole = _picture(staging / f"{MASTER}.wav")
    write_page(staging / PAGE, session, report, stems=stems, pictures=[*pictures, whole], master=master)

"""Step 8 of the text, second half: one layout for every recipe, published when all of it is there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stemwright._version import __version__
from stemwright.checks import Report
from stemwright.delivery import describe_files, write_manifest, write_report_json
from stemwright.io.archive import write_zip
from stemwright.io.files import atomic_write_text, copy_file, safe_name
from stemwright.pipeline.folder import RUN, OutputFolder, stamp_of
from stemwright.pipeline.master_steps import MASTER
from stemwright.pipeline.mix_steps import MIX, stem_file
from stemwright.pipeline.page import write_page
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import DrumSource, MidiSource, ScoreSource, Spec
from stemwright.pipeline.step import Result
from stemwright.pipeline.together import together

__all__ = ["deliver", "output_names"]

SPEC, REPORT, PAGE, MANIFEST = "spec.toml", "report.json", "report.html", "manifest.json"


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
        *([f"{safe_name(spec.title)}.zip"] if spec.delivery.zip else []),
    ]


def _midi_file(name: str) -> str:
    return f"midi/{name}.mid"


def deliver(
    session: Session,
    output: OutputFolder,
    report: Report,
    *,
    stems: Sequence[StemAudio],
    mix: Result,
    master: Result,
) -> None:
    """Bring every file together, describe and pack them, and publish them under their final names."""
    spec, staging = session.spec, output.staging
    names = output_names(spec)
    for name, path in _made(spec, stems, mix, master).items():
        _bring(path, staging / name)
    atomic_write_text(staging / SPEC, spec.text)
    write_report_json(staging / REPORT, report)
    described = [name for name in names if name != MANIFEST and not name.endswith(".zip")]
    heavy = [name for name in described if name not in (REPORT, PAGE)]
    entries: list[dict[str, Any]] = []
    jobs = [lambda: entries.extend(describe_files(staging, heavy))]
    if spec.delivery.report_page:
        jobs.append(lambda: write_page(staging / PAGE, session, report, stems=stems, mix=mix, master=master))
    together(jobs, cancelled=session.runner.cancelled)
    entries += describe_files(staging, [name for name in described if name not in heavy])
    write_manifest(staging / MANIFEST, entries)
    if spec.delivery.zip:
        write_zip(staging / names[-1], [(name, staging / name) for name in names[:-1]])
    _write_run(session, staging, names)
    output.publish([*names, RUN])


def _made(spec: Spec, stems: Sequence[StemAudio], mix: Result, master: Result) -> dict[str, Path]:
    """Everything audible, by its final name."""
    files = {stem_file(stem.name): mix.file(stem_file(stem.name)) for stem in stems}
    files |= {_midi_file(stem.name): stem.midi for stem in stems if stem.midi is not None}
    files[MIX] = mix.file(MIX)
    files |= {name: master.file(name) for name in (f"{MASTER}.{suffix}" for suffix in spec.delivery.formats)}
    return files


def _bring(source: Path, target: Path) -> None:
    """Give a file of the store a second name; copy it where the disk is another one.

    The store notices when somebody edits it later (`Store.find` compares size and time).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)


def _write_run(session: Session, staging: Path, names: Sequence[str]) -> None:
    """Keep what differs from run to run out of everything that is packed."""
    content = {
        "stemwright": __version__,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "found_done": sorted(session.runner.cache_hits),
        "outputs": {name: stamp_of(staging / name) for name in names},
    }
    atomic_write_text(staging / RUN, json.dumps(content, indent=2) + "\n")

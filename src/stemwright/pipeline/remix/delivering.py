"""Step 13 of the text: the layout of ``produce`` with the plan beside it, published when all is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemwright.checks import Report
from stemwright.delivery import (
    TrackPicture,
    describe_file,
    picture_of,
    write_manifest,
    write_report_json,
)
from stemwright.io.archive import extend_zip
from stemwright.io.files import atomic_write_text, safe_name
from stemwright.io.reader import open_audio
from stemwright.pipeline.folder import RUN, OutputFolder
from stemwright.pipeline.outputs import MANIFEST, PAGE, REPORT, bring, write_run
from stemwright.pipeline.step import Runner

__all__ = ["HISTORY", "PLAN", "Shipment", "draw", "pack"]

PLAN = "plan.json"
HISTORY = "history.json"


@dataclass(frozen=True, slots=True)
class Shipment:
    """What goes into the output folder, gathered in its staging folder and packed as it comes.

    Parameters
    ----------
    staging : Path
        On the disk of the output folder.
    title : str
        Names the zip.
    pack : bool
        Whether there is a zip.
    """

    staging: Path
    title: str
    pack: bool

    @property
    def zip_name(self) -> str:
        """Name of the zip."""
        return f"{safe_name(self.title)}.zip"

    def bring(self, files: Mapping[str, Path]) -> tuple[str, ...]:
        """Bring files of the store under their final names; returns those."""
        return bring(files, self.staging)

    def write(self, texts: Mapping[str, str]) -> None:
        """Write texts by their names."""
        for name, text in texts.items():
            atomic_write_text(self.staging / name, text)

    def add(
        self, names: Sequence[str], known: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Put files behind those in the zip; returns their rows of the manifest.

        Parameters
        ----------
        names : Sequence[str]
            In the order of the zip.
        known : Mapping, optional
            What the manifest says of audio that was measured before.
        """
        paths = [self.staging / name for name in names]
        digests: Sequence[str | None] = [None] * len(paths)
        if self.pack:
            digests = extend_zip(self.staging / self.zip_name, zip(names, paths, strict=True))
        return [
            describe_file(path, name=name, sha256=digest, audio=(known or {}).get(name))
            for name, path, digest in zip(names, paths, digests, strict=True)
        ]

    def finish(
        self,
        output: OutputFolder,
        report: Report,
        rows: Sequence[Mapping[str, Any]],
        *,
        found_done: Sequence[str],
        inputs: Mapping[str, Any],
    ) -> None:
        """Add what is left, describe all of it, and publish it at once.

        Parameters
        ----------
        output : OutputFolder
            Held for this run.
        report : Report
            Names everything but the zip, the first ones packed first.
        rows : Sequence of Mapping
            Of the manifest, for what was added before: all but the texts.
        found_done, inputs
            For run.json: steps that had been done before, and where songs and stems are on this machine.
        """
        write_report_json(self.staging / REPORT, report)
        texts = [name for name in report.outputs if name in (PLAN, HISTORY, PAGE, REPORT)]
        write_manifest(self.staging / MANIFEST, [*map(dict, rows), *self.add(texts)])
        published = list(report.outputs)
        if self.pack:
            self.add([MANIFEST])
            published.append(self.zip_name)
        write_run(self.staging, published, found_done=found_done, inputs=dict(inputs))
        output.publish([*published, RUN])


def pack(
    _runner: Runner,
    *,
    shipment: Shipment,
    names: Sequence[str],
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Do `Shipment.add` as a job."""
    return shipment.add(names, known)


def draw(_runner: Runner, *, paths: Sequence[Path]) -> list[TrackPicture]:
    """Draw files, as a job."""
    return [_picture(path) for path in paths]


def _picture(path: Path) -> TrackPicture:
    with open_audio(path) as file:
        return picture_of(file)

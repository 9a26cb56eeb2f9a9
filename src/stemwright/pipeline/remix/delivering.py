"""Step 13 of the text: the layout of ``produce`` with the plan beside it, published when all is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemwright.checks import Report
from stemwright.delivery import describe_file, describe_files, write_manifest, write_report_json
from stemwright.io.archive import extend_zip
from stemwright.io.files import atomic_write_text, safe_name
from stemwright.pipeline.deliver import MANIFEST, REPORT, bring, write_run
from stemwright.pipeline.folder import RUN, OutputFolder

__all__ = ["HISTORY", "PLAN", "Parcel", "deliver_remix"]

PLAN = "plan.json"
HISTORY = "history.json"


@dataclass(frozen=True)
class Parcel:
    """Everything that a remix delivers.

    Attributes
    ----------
    title : str
        Names the zip.
    audio : Mapping[str, Path]
        Stems, mix and masters by their final names, as they lie in the store.
    texts : Mapping[str, str]
        plan.json, history.json, report.html by their names.
    report : Report
        Its outputs are the names of all of this.
    pack : bool
        Whether there is a zip.
    """

    title: str
    audio: Mapping[str, Path]
    texts: Mapping[str, str]
    report: Report
    pack: bool

    @property
    def zip_name(self) -> str:
        """Name of the zip."""
        return f"{safe_name(self.title)}.zip"


def deliver_remix(
    parcel: Parcel, output: OutputFolder, *, found_done: Sequence[str], inputs: Mapping[str, Any]
) -> None:
    """Bring all files together, describe and pack them, and publish them at once.

    Parameters
    ----------
    parcel : Parcel
        What there is.
    output : OutputFolder
        Held for this run.
    found_done : Sequence[str]
        Steps that had been done before; for run.json.
    inputs : Mapping
        Where songs and stems came from on this machine; for run.json, never packed.
    """
    staging = output.staging
    heavy = bring(parcel.audio, staging)
    for name, text in parcel.texts.items():
        atomic_write_text(staging / name, text)
    write_report_json(staging / REPORT, parcel.report)
    described = [*heavy, *parcel.texts, REPORT]
    write_manifest(staging / MANIFEST, _rows(parcel, staging, described))
    names = [*described, MANIFEST]
    if parcel.pack:
        extend_zip(staging / parcel.zip_name, [(MANIFEST, staging / MANIFEST)])
        names.append(parcel.zip_name)
    write_run(staging, names, found_done=found_done, inputs=dict(inputs))
    output.publish([*names, RUN])


def _rows(parcel: Parcel, staging: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe files for the manifest; where they are packed, they are hashed on the way."""
    if not parcel.pack:
        return describe_files(staging, list(names))
    digests = extend_zip(staging / parcel.zip_name, [(name, staging / name) for name in names])
    return [
        describe_file(staging / name, name=name, sha256=digest)
        for name, digest in zip(names, digests, strict=True)
    ]

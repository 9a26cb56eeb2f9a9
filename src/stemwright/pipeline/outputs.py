"""What every recipe leaves in its output folder, and how it comes there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stemwright._version import __version__
from stemwright.io.files import atomic_write_text, copy_file
from stemwright.pipeline.folder import RUN, stamp_of

__all__ = ["MANIFEST", "PAGE", "REPORT", "bring", "write_run"]

REPORT, PAGE, MANIFEST = "report.json", "report.html", "manifest.json"


def bring(files: Mapping[str, Path], staging: Path) -> tuple[str, ...]:
    """Give files of the store a second name; copy them where the disk is another one.

    The store notices when somebody edits one later (`Store.find` compares size and time).
    """
    for name, source in files.items():
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            copy_file(source, target)
    return tuple(files)


def write_run(staging: Path, names: Sequence[str], *, found_done: Sequence[str], **more: Any) -> None:
    """Keep what differs from run to run out of everything that is packed; `more` is JSON of the recipe."""
    content = {
        "stemwright": __version__,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "found_done": sorted(found_done),
        **more,
        "outputs": {name: stamp_of(staging / name) for name in names},
    }
    atomic_write_text(staging / RUN, json.dumps(content, indent=2) + "\n")

"""Step 12 of the text: the mastering of ``produce`` on the remix; fades were made by the renderer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.io.reader import open_audio
from stemwright.mastering import MasterSettings
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.master_steps import (
    CURVE,
    MASTER,
    MasterFiles,
    make_master,
    master_checks,
    master_details,
)
from stemwright.pipeline.mix_files import MIX, loudness_of
from stemwright.pipeline.step import Outcome, Result, Runner

__all__ = ["MASTERS", "SETTINGS", "master_entries", "master_remix"]

FORMATS = ("wav", "mp3")
MASTERS = tuple(f"{MASTER}.{suffix}" for suffix in FORMATS)
SETTINGS = MasterSettings()
SUBTYPE = "FLOAT"


def master_remix(runner: Runner, *, mix: Result, title: str) -> Result:
    """Bring the mix to −14 LUFS under −1 dBTP, in every format as it decodes."""

    def work(into: Path, ticker: Ticker) -> Outcome:
        files = MasterFiles(into, MASTER, FORMATS, SUBTYPE, {"title": title, "software": "stemwright"})
        with open_audio(mix.file(MIX)) as source:
            known = loudness_of(mix)
            plan, measured = make_master(source, SETTINGS, files, match=None, ticker=ticker, known=known)
        np.save(into / CURVE, measured["wav"].loudness.short_term_lufs, allow_pickle=False)
        checks = master_checks(measured, SETTINGS, plan)
        return Outcome(tuple(checks), master_details(plan, measured), plan.notices)

    inputs = {
        "mix": mix.key,
        "settings": asdict(SETTINGS),
        "formats": FORMATS,
        "title": title,
        "kept": "file",
    }
    return runner.run("master", inputs=inputs, work=work, weight=4.0)


def master_entries(master: Result) -> dict[str, dict[str, Any]]:
    """Say what the manifest says of each format: it was decoded to be measured."""
    measured = master.outcome.details["measured"]
    return {name: measured[suffix]["file"] for name, suffix in zip(MASTERS, FORMATS, strict=True)}

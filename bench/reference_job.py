"""The reference text's own job, by its literal script and by us: 137.7 s, five stems, 48 kHz float.

Run with ``python -m bench.reference_job``. The script is cut out of the text where there is one.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf

from bench.harness import Row, Run, machine, run_process, seeds, show, stemwright

SAMPLE_RATE, FRAMES = 48_000, 6_609_600
ROUNDS = 3
TIME_SHARE, PEAK_MB = 0.2, 250.0

SPEC = """\
title = "Reference job"
bpm = 120
key = "A minor"
reference = { file = "reference.wav", sample_rate = 48000, min_duration_s = 130 }
sample_rate = 48000
channels = 1
subtype = "FLOAT"
[sections]
intro = 16
verse = 32
chorus = 32
bridge = 16
outro = 16
"""

STEM = """
[[stem]]
name = "{name}"
role = "{role}"
gain_db = -8
effects = [{{ type = "lowpass", cutoff_hz = 8000 }}]
{source}
"""

SOURCES = {
    "bass": ("bass", 'score = { instrument = "Electric Bass (finger)", pattern = "octaves" }'),
    "guitars": ("guitars", 'score = { instrument = "Acoustic Guitar (steel)", pattern = "strum" }'),
    "synths": ("synths", 'score = { instrument = "Lead 2 (sawtooth)", pattern = "arpeggio" }'),
    "bridge": ("lead", 'score = { instrument = "Flute", pattern = "melody" }'),
    "drums": ("drums", 'drums = { pattern = "rock" }'),
}

LIKE_FOR_LIKE = '\n[delivery]\nformats = ["wav"]\n'


def write_reference(folder: Path) -> None:
    """Write the file whose length is the target."""
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(FRAMES) / SAMPLE_RATE)
    sf.write(folder / "reference.wav", tone.astype(np.float32), SAMPLE_RATE, subtype="FLOAT")


def literal_script(text: str) -> str:
    """Join the text's own code blocks, as they stand."""
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


def run_theirs(text: str) -> Run:
    """Run the literal script in a fresh folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reference(folder)
        (folder / "job.py").write_text(literal_script(text), encoding="utf-8")
        return run_process([sys.executable, "job.py"], cwd=folder)


def run_ours(extra: str) -> Run:
    """Run our production in a fresh folder with a fresh store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reference(folder)
        stems = "".join(STEM.format(name=n, role=r, source=s) for n, (r, s) in SOURCES.items())
        (folder / "job.toml").write_text(SPEC + stems + extra, encoding="utf-8")
        return stemwright("produce", "job.toml", "--out", "out", cwd=folder, store=folder / "store")


def rows() -> list[Row]:
    """Measure both in turn, so that the ratio holds on a noisy machine."""
    path = seeds("aligned-stem-workflow.md")
    if path is None:
        return [Row("the text's job", "skipped: no reference text", "", None)]
    text = path.read_text(encoding="utf-8")
    theirs, ours, full = [], [], []
    for _ in range(ROUNDS):
        theirs.append(run_theirs(text))
        ours.append(run_ours(LIKE_FOR_LIKE))
        full.append(run_ours(""))
    for run in (*theirs, *ours, *full):
        if run.exit_code:
            raise SystemExit(f"a run failed with {run.exit_code}:\n{run.output[-3000:]}")
    shares = [a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True)]
    share, peak = statistics.median(shares), max(run.peak_mb for run in ours)
    return [
        Row("literal script", _figures(theirs), "", None),
        Row("ours, the same outputs (and a report)", _figures(ours), "", None),
        Row("ours / literal script, wall time", f"{share:.2f}", f"≤ {TIME_SHARE}", share <= TIME_SHARE),
        Row("ours, peak memory", f"{peak:.0f} MB", f"≤ {PEAK_MB:.0f} MB", peak <= PEAK_MB),
        Row("ours with FLAC and MP3 beside it", _figures(full), "", None),
    ]


def _figures(runs: list[Run]) -> str:
    wall = statistics.median(run.wall_s for run in runs)
    return f"{wall:.2f} s, {max(run.peak_mb for run in runs):.0f} MB"


if __name__ == "__main__":
    print(machine())
    sys.exit(show("The reference text's job", rows()))

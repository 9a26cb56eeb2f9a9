"""The reference text's own job, by its literal script and by us: 137.7 s, five stems, 48 kHz float.

Run with ``python -m bench.reference_job``. The script is cut out of the text where there is one. Our job
plays five stems from scores instead of sines; a second one brings in the text's own four sines of 137 s as
takes and aligns them by the text's strategies: the time that writing those costs is added to ours.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from dataclasses import replace
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

TAKES = {"bass": (110, 0.8, "loop"), "guitars": (440, 0.6, "auto"), "synths": (880, 0.5, "auto"),
         "bridge": (220, 0.7, "crossfade")}  # fmt: skip
TAKE_FRAMES = 137 * SAMPLE_RATE

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
    second = 0.1 * np.sin(2 * np.pi * 220 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    with sf.SoundFile(folder / "reference.wav", "w", SAMPLE_RATE, 1, subtype="FLOAT") as file:
        for start in range(0, FRAMES, SAMPLE_RATE):
            file.write(second[: FRAMES - start].astype(np.float32))


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


TAKE_WRITER = """
import sys, time
import numpy as np, soundfile as sf
started = time.perf_counter()
for name, hertz, level in {takes}:
    t = np.linspace(0, 137, {frames})
    wave = (np.sin(2 * np.pi * hertz * t) * level).astype(np.float32)
    sf.write(name + ".wav", wave, {rate}, subtype="FLOAT")
print(time.perf_counter() - started)
"""


def write_takes(folder: Path) -> float:
    """Write the text's four takes, by its own arithmetic; returns the seconds that took.

    In a process of its own: a child inherits the peak memory of the process that starts it.
    """
    takes = [(name, hertz, level) for name, (hertz, level, _) in TAKES.items()]
    code = TAKE_WRITER.format(takes=takes, frames=TAKE_FRAMES, rate=SAMPLE_RATE)
    return float(run_process([sys.executable, "-c", code], cwd=folder).output)


def takes_spec() -> str:
    """Four takes and played drums."""
    takes = [
        STEM.format(name=n, role=SOURCES[n][0], source=f'file = "{n}.wav"\nalign = "{align}"')
        for n, (_, _, align) in TAKES.items()
    ]
    return "".join([*takes, STEM.format(name="drums", role="drums", source=SOURCES["drums"][1])])


def played_spec() -> str:
    """All five stems from scores."""
    return "".join(STEM.format(name=n, role=r, source=s) for n, (r, s) in SOURCES.items())


def run_ours(stems: str, extra: str) -> Run:
    """Run our production in a fresh folder with a fresh store."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_reference(folder)
        (folder / "job.toml").write_text(SPEC + stems + extra, encoding="utf-8")
        making_s = write_takes(folder) if "file = " in stems else 0.0
        run = stemwright("produce", "job.toml", "--out", "out", cwd=folder, store=folder / "store")
        return replace(run, wall_s=run.wall_s + making_s)


def rows() -> list[Row]:
    """Measure both in turn, so that the ratio holds on a noisy machine."""
    path = seeds("aligned-stem-workflow.md")
    if path is None:
        return [Row("the text's job", "skipped: no reference text", "", None)]
    text = path.read_text(encoding="utf-8")
    theirs, played, takes, full = [], [], [], []
    for _ in range(ROUNDS):
        theirs.append(run_theirs(text))
        played.append(run_ours(played_spec(), LIKE_FOR_LIKE))
        takes.append(run_ours(takes_spec(), LIKE_FOR_LIKE))
        full.append(run_ours(played_spec(), ""))
    for run in (*theirs, *played, *takes, *full):
        if run.exit_code:
            raise SystemExit(f"a run failed with {run.exit_code}:\n{run.output[-3000:]}")
    peak = max(run.peak_mb for run in (*played, *takes, *full))
    return [
        Row("literal script", _figures(theirs), "", None),
        Row("ours, five stems played", _figures(played), "", None),
        _share("that / literal script, wall time", played, theirs),
        Row("ours, the text's sines as takes", _figures(takes), "", None),
        _share("that / literal script, wall time", takes, theirs),
        Row("ours, five stems played, FLAC and MP3 too", _figures(full), "", None),
        Row("ours, peak memory", f"{peak:.0f} MB", f"≤ {PEAK_MB:.0f} MB", peak <= PEAK_MB),
    ]


def _share(name: str, ours: list[Run], theirs: list[Run]) -> Row:
    share = statistics.median(a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True))
    return Row(name, f"{share:.3f}", f"≤ {TIME_SHARE}", share <= TIME_SHARE)


def _figures(runs: list[Run]) -> str:
    wall = statistics.median(run.wall_s for run in runs)
    return f"{wall:.2f} s, {max(run.peak_mb for run in runs):.0f} MB"


if __name__ == "__main__":
    print(machine())
    sys.exit(show("The reference text's job", rows()))

"""Memory flat and time linear in duration: six stereo stems of 5 and 30 minutes, single steps of 3 hours.

Run with ``python -m bench.long``; needs about 30 GB of disk for a few minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.harness import Row, Run, machine, show, stemwright
from stemwright.audio import Samples
from stemwright.io.writer import write_audio

RATE = 48_000
ROLES = ("drums", "bass", "guitars", "keys", "pads", "vocals")
PEAK_MB, GROWTH, LINEAR = 400.0, 1.10, 1.25

SPEC = """\
title = "Long"
bpm = 120
sample_rate = 48000
subtype = "PCM_24"
[sections]
all = {beats}
"""
STEM = """
[[stem]]
name = "{name}"
role = "{name}"
file = "{name}.wav"
align = "{align}"
gain_db = -6
effects = [{{ type = "highpass", cutoff_hz = 30 }}, {{ type = "compressor", threshold_db = -18, ratio = 2 }}]
"""


def music(seed: int, seconds: float) -> Iterator[Samples]:
    """Stereo material that lives: plucked chords over some noise, never the same second twice."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE) / RATE
    for _ in range(int(seconds)):
        notes = 55.0 * 2 ** (rng.integers(0, 36, 3) / 12)
        tone = np.sum([np.sin(2 * np.pi * f * t) for f in notes], axis=0) * np.sin(np.pi * t) ** 2
        both = np.stack([tone * 0.05, np.roll(tone, 40) * 0.05]) + rng.standard_normal((2, RATE)) * 0.002
        yield both.astype(np.float32)


def write_set(folder: Path, minutes: float) -> None:
    """Six stems that end up to 20 s before the target, and the spec."""
    stems = []
    for index, name in enumerate(ROLES):
        short_s = 60 * minutes - 4 * index
        write_audio(
            folder / f"{name}.wav", music(index, short_s), sample_rate=RATE, channels=2, subtype="PCM_24"
        )
        stems.append(STEM.format(name=name, align=("loop", "crossfade", "auto")[index % 3]))
    spec = SPEC.format(beats=int(120 * minutes)) + "".join(stems)
    (folder / "job.toml").write_text(spec, encoding="utf-8")


def produce(minutes: float) -> Run:
    """A whole production of `minutes`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_set(folder, minutes)
        return _good(stemwright("produce", "job.toml", "--out", "out", cwd=folder, store=folder / "store"))


def single(minutes: float) -> dict[str, Run]:
    """Single steps on one stereo file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blocks = music(0, 60 * minutes - 30)
        write_audio(folder / "a.wav", blocks, sample_rate=RATE, channels=2, subtype="PCM_24")
        length = str(60 * minutes)
        aligning = ("align", "a.wav", "b.wav", "--to", length, "--strategy", "loop", "--subtype", "PCM_24")
        return {
            "align": _good(stemwright(*aligning, cwd=folder)),
            "master": _good(stemwright("master", "b.wav", "m.wav", cwd=folder)),
            "verify": _good(stemwright("verify", "b.wav", cwd=folder)),
        }


def _good(run: Run) -> Run:
    if run.exit_code not in (0, 1):
        raise SystemExit(f"a run failed with {run.exit_code}:\n{run.output[-3000:]}")
    return run


def compared(name: str, short: Run, long: Run, ratio: float) -> list[Row]:
    """Rows for one job at two lengths."""
    growth = long.peak_mb / short.peak_mb
    linear = long.cpu_s / short.cpu_s / ratio
    return [
        Row(f"{name}: peak memory", f"{long.peak_mb:.0f} MB", f"≤ {PEAK_MB:.0f} MB", long.peak_mb <= PEAK_MB),
        Row(f"{name}: peak, long / short", f"{growth:.2f}", f"≤ {GROWTH:.2f}", growth <= GROWTH),
        Row(f"{name}: CPU time per minute, long / short", f"{linear:.2f}", f"≤ {LINEAR}", linear <= LINEAR),
        Row(f"{name}: wall time, short and long", f"{short.wall_s:.1f} s, {long.wall_s:.1f} s", "", None),
    ]


def rows() -> list[Row]:
    """Measure everything."""
    found = compared("produce, 6 stereo stems, 5 and 30 min", produce(5), produce(30), 6.0)
    short, long = single(30), single(180)
    for name in short:
        found += compared(f"{name}, stereo, 30 min and 3 h", short[name], long[name], 6.0)
    return found


if __name__ == "__main__":
    print(machine())
    sys.exit(show("Memory and time against duration", rows()))

"""Every fault at its stated smallest size, planted into clean sets: what is missed, what is flagged wrongly.

Run with ``python -m bench.verification``; exit status 1 on a miss or a false alarm.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the planted faults are those of the tests

from bench.harness import Row, corpus, machine, show
from stemwright.audio import Audio, Samples
from stemwright.checks import failures
from stemwright.io.reader import read_audio
from stemwright.verification import NamedFile, verify_set
from verification.faults import FAULTS, Fault, StemSet, clean_set

SEEDS = range(4)
FORMATS = ((48_000, "PCM_24"), (44_100, "PCM_16"), (96_000, "FLOAT"))
REAL_SETS = ("dev_se_francium", "dev_se_potassium", "dev_se_sodium", "render/dev_r01", "render/dev_r03")
EXCERPT_S = 12
FADE_S = 0.3
JOB_S, JOB_STEMS = 137.7, 6
NEEDS_FULL_BAND = ("bandwidth",)
NEEDS_MONO = ("mono compatibility",)


@dataclass
class Tally:
    """How often a fault was found."""

    found: int = 0
    planted: int = 0


def real_sets() -> Iterator[tuple[str, StemSet]]:
    """Twelve seconds of real sets, faded in and out, with the sum of their stems as the mix."""
    for name in REAL_SETS:
        folder = corpus("stems", name)
        if folder is None:
            continue
        paths = sorted(p for p in folder.iterdir() if p.suffix in (".flac", ".ogg") and "mix" not in p.stem)
        whole = {path.stem: read_audio(path) for path in paths}
        rate = next(iter(whole.values())).sample_rate
        start = where_all_sound([audio.samples for audio in whole.values()], EXCERPT_S * rate)
        ramp = np.clip(np.arange(EXCERPT_S * rate) / (FADE_S * rate), 0.0, 1.0)
        stems = {
            "keys" if stem == "other" else stem: (
                audio.read(start, EXCERPT_S * rate) * ramp * ramp[::-1]
            ).astype(np.float32)
            for stem, audio in whole.items()
        }
        yield name, StemSet(stems, None, rate, "FLOAT").remixed()


def where_all_sound(stems: list[Samples], frames: int) -> int:
    """Start of the stretch in which the quietest stem is loudest."""
    starts = range(0, stems[0].shape[1] - frames, frames // 4)
    return max(starts, key=lambda s: min(float(np.mean(stem[:, s : s + frames] ** 2)) for stem in stems))


def told(clean: StemSet) -> set[tuple[str, str]]:
    return {(check.name, check.subject) for check in failures(clean.checks())}


def applies(fault: Fault, name: str) -> bool:
    """Real material that a codec already cut, or that is wide, can't carry every fault."""
    return name == "synthetic" or fault.check not in (*NEEDS_FULL_BAND, *NEEDS_MONO)


def plant_all(sets: list[tuple[str, StemSet]]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for name, clean in sets:
        before = told(clean)
        for fault in FAULTS:
            if not applies(fault, name) or any(
                fault.check == check and fault.subject in who for check, who in before
            ):
                continue
            tally = tallies.setdefault(f"{fault.name}: {fault.size}", Tally())
            tally.planted += 1
            found = fault.found(fault.plant(clean).checks())
            tally.found += found
            if not found:
                print(f"missed in {name}: {fault}")
    return tallies


def false_alarms(sets: list[tuple[str, StemSet]]) -> Row:
    flagged = {name: told(clean) for name, clean in sets if told(clean)}
    for name, checks in flagged.items():
        print(f"flagged: {name}: {sorted(checks)}")
    return Row("clean synthetic sets flagged", f"{len(flagged)} of {len(sets)}", "0", not flagged)


def speed() -> list[Row]:
    """Six stereo stems and their mix, as long as the reference job."""
    short = clean_set(seconds=10.0, subtype="FLOAT")
    frames = round(JOB_S * 48_000)
    loops = [np.resize(stem, (2, frames)) for stem in short.stems.values()]
    stems = [
        NamedFile(f"stem{i}", Audio(loops[i % len(loops)] * np.float32(0.9**i), 48_000))
        for i in range(JOB_STEMS)
    ]
    total: Samples = np.zeros((2, frames), np.float32)
    for stem in stems:
        total += stem.source.read(0, frames)
    mix = NamedFile("mix", Audio(total, 48_000))
    verify_set(stems, mix=mix)
    wall, cpu = time.perf_counter(), time.process_time()
    verify_set(stems, mix=mix)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    samples = (JOB_STEMS + 1) * total.size
    return [
        Row("verify 6 stereo stems and mix of 137.7 s", f"{wall:.2f} s", "≤ 1 s", wall <= 1.0),
        Row("CPU per sample", f"{cpu / samples * 1e9:.1f} ns", "≤ 11 ns", cpu / samples <= 11e-9),
    ]


def main() -> int:
    print(machine())
    synthetic = [("synthetic", clean_set(seed=seed, seconds=6.0)) for seed in SEEDS]
    formats = [
        (f"{rate} Hz {subtype}, seed {seed}", clean_set(seed=seed, sample_rate=rate, subtype=subtype))
        for rate, subtype in FORMATS
        for seed in SEEDS
    ]
    tallies = plant_all([*synthetic, *real_sets()])
    rows = [
        Row(name, f"{t.found} of {t.planted}", "all", t.found == t.planted) for name, t in tallies.items()
    ]
    return show("Faults found, false alarms, speed", [*rows, false_alarms([*synthetic, *formats]), *speed()])


if __name__ == "__main__":
    sys.exit(main())

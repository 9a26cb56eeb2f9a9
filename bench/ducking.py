"""Ducking: 20 s of stereo under 35 ms, and as deep as asked on real voices.

python -m bench.ducking    # the table; exit code 1 if a bar is missed
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from bench.harness import Row, corpus, show
from stemwright.arrange.duck import DuckMask, duck_mask, ducked, ducking_depth_db
from stemwright.audio import Audio, collect
from stemwright.memory import keep_freed_memory

SAMPLE_RATE = 44_100
LIMIT_MS = 35.0
DEPTH_LIMIT_DB = 0.3
SETS = ("dev_se_francium", "dev_se_potassium", "dev_se_sodium", "render/dev_r01", "render/dev_r04")


def _cpu_ms(call: Callable[[], object], *, times: int = 7) -> float:
    """CPU time of the quickest of several calls."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        call()
        spent.append(1_000 * (time.process_time() - began))
    return min(spent)


def _speed() -> Iterator[Row]:
    noise = np.random.default_rng(0).standard_normal((2, 20 * SAMPLE_RATE), dtype=np.float32)
    audio = Audio(0.1 * noise, SAMPLE_RATE)
    mask = duck_mask(audio)
    duck_ms = _cpu_ms(lambda: [block.shape for block in ducked(audio, mask=mask, depth_db=-3.5)])
    mask_ms = _cpu_ms(lambda: duck_mask(audio))
    total = duck_ms + mask_ms
    told = f"{total:.1f} ms ({mask_ms:.1f} of it for the mask), {total * 1e6 / noise.size:.1f} ns a sample"
    yield Row(
        "20 s of stereo, sung throughout, CPU time", told, f"≤ {LIMIT_MS:g} ms", mask_ms + duck_ms <= LIMIT_MS
    )


def _depths(name: str) -> Iterator[Row]:
    from stemwright.io.reader import read_audio

    folder = corpus("stems", *name.split("/"))
    if folder is None:
        return
    paths = {path.stem: path for path in folder.iterdir()}
    mask, other = duck_mask(read_audio(paths["vocals"])), read_audio(paths["other"])
    found = [_depth(other, mask, asked) for asked in (-12.0, -6.0, -3.5)]
    worst = max(abs(got - asked) for got, asked in zip(found, (-12.0, -6.0, -3.5), strict=True))
    yield Row(
        f"{name}: depth where the voice sings ({mask.active_share:.0%}) at −12, −6, −3.5 dB",
        ", ".join(f"{got:.2f}" for got in found) + " dB",
        f"± {DEPTH_LIMIT_DB} dB",
        worst <= DEPTH_LIMIT_DB,
    )


def _depth(stem: Audio, mask: DuckMask, depth_db: float) -> float:
    after = collect(ducked(stem, mask=mask, depth_db=depth_db), stem.sample_rate)
    return ducking_depth_db(stem, after, mask=mask) or 0.0


def main() -> int:
    """Print the table; 1 if a bar is missed."""
    keep_freed_memory()
    return show("Ducking", [*_speed(), *(row for name in SETS for row in _depths(name))])


if __name__ == "__main__":
    sys.exit(main())

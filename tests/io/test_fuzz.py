"""No file takes the process down: no crash, no hang, no foreign exception, no memory blow-up."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from media import MAKERS
from signals import corpus, noise

WORKER = Path(__file__).with_name("fuzz_worker.py")
MAX_PEAK_MB = 500
MAX_CASE_S = 10
"""Also the limit at which the worker ends itself with a traceback."""


def run(*arguments: object) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, WORKER, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=3_600,
        check=False,
    )
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    last = cases[-1]["case"] if cases else "nothing"
    assert done.returncode == 0, f"died after {last}: {done.stderr[-2_000:]}"
    times = [case["at_s"] for case in cases]
    assert max((b - a for a, b in itertools.pairwise(times)), default=0) < MAX_CASE_S
    assert max(case["peak_mb"] for case in cases) < MAX_PEAK_MB
    return cases


def mutations(folder: Path, first: int, last: int) -> Counter[str]:
    (folder / "seeds").mkdir()
    for name, make in MAKERS.items():
        make(folder / "seeds" / name, noise(0.15, channels=2))
    return Counter(case["outcome"] for case in run("mutate", folder, first, last))


def test_corpus_of_bad_files_decodes_or_is_refused_as_its_manifest_says() -> None:
    root = corpus("MANIFEST.tsv").parent
    with (root / "MANIFEST.tsv").open(encoding="utf-8") as manifest:
        rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith("bad/")]
    assert len(rows) > 100
    cases = run("corpus", *(root / row["path"] for row in rows))
    assert len(cases) == len(rows)
    for row, case in zip(rows, cases, strict=True):
        truth = row["truth"].removeprefix("expect: ")
        assert case["outcome"] in (("decode", "reject") if truth == "either" else (truth,)), row["path"]


def test_mutated_files_decode_or_are_refused(tmp_path: Path) -> None:
    outcomes = mutations(tmp_path, 0, 1_500)
    assert set(outcomes) == {"decode", "reject"}  # both happen, and nothing else
    assert min(outcomes.values()) > 100


@pytest.mark.slow
def test_many_more_mutated_files_decode_or_are_refused(tmp_path: Path) -> None:
    assert set(mutations(tmp_path, 1_500, 30_000)) == {"decode", "reject"}

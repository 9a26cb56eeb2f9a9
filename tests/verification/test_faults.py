"""Every fault is found at its stated smallest size, one at a time; clean sets are never flagged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from signals import corpus
from stemwright.audio import Audio
from stemwright.checks import Check, failures
from stemwright.io.reader import open_audio
from stemwright.verification import NamedFile, verify_set
from verification.faults import FAULTS, Fault, StemSet, clean_set

SETS = ("dev_se_francium", "dev_se_potassium", "dev_se_sodium", *(f"render/dev_r0{n}" for n in range(1, 6)))


@cache
def small_set() -> StemSet:
    return clean_set(seconds=3.0)


def said(checks: list[Check]) -> list[str]:
    return [f"{check.sentence()} {check.advice}" for check in failures(checks)]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_is_found_at_its_smallest_size(fault: Fault) -> None:
    checks = fault.plant(small_set()).checks()

    assert fault.found(checks), said(checks)


@pytest.mark.parametrize(("rate", "subtype"), [(48_000, "PCM_24"), (44_100, "PCM_16"), (96_000, "FLOAT")])
@pytest.mark.parametrize("seed", range(3))
def test_clean_sets_are_not_flagged(seed: int, rate: int, subtype: str) -> None:
    checks = clean_set(seed=seed, seconds=3.0, sample_rate=rate, subtype=subtype).checks()

    assert said(checks) == []
    assert sum(check.passed is True for check in checks) >= 60


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Files opened during the test, closed behind it."""
    with ExitStack() as stack:
        yield stack


def stem_files(folder: Path, opened: ExitStack) -> list[NamedFile]:
    paths = [p for p in sorted(folder.iterdir()) if p.suffix in (".ogg", ".flac", ".mp3")]
    return [
        NamedFile(p.stem, opened.enter_context(open_audio(p)), file_name=p.name)
        for p in paths
        if "mix" not in p.stem
    ]


def their_sum(stems: Sequence[NamedFile]) -> NamedFile:
    """The sum of what the stems decode to."""
    frames = stems[0].source.frames
    total = stems[0].source.read(0, frames).copy()
    for stem in stems[1:]:
        total += stem.source.read(0, frames)
    return NamedFile("mix", Audio(total, stems[0].source.sample_rate))


def test_a_real_set_is_not_flagged(opened: ExitStack) -> None:
    folder = corpus("stems", "dev_se_francium")
    mix = NamedFile("mix", opened.enter_context(open_audio(folder / "mix.flac")))

    assert said(verify_set(stem_files(folder, opened), mix=mix)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_no_clean_set_of_the_corpus_is_flagged(name: str, opened: ExitStack) -> None:
    stems = stem_files(corpus("stems", name), opened)

    assert said(verify_set(stems, mix=their_sum(stems))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dev_fof_chaos_god", "dev_fof_metal_madness"])
def test_only_the_real_overs_of_the_metal_sets_are_told(name: str, opened: ExitStack) -> None:
    stems = stem_files(corpus("stems", name), opened)

    assert {check.name for check in failures(verify_set(stems, mix=their_sum(stems)))} == {"true peak"}


@pytest.mark.slow
def test_the_real_length_mismatch_of_the_multitrack_is_found(opened: ExitStack) -> None:
    stems = stem_files(corpus("stems", "dev_mdn_multitrack"), opened)

    short = [check for check in failures(verify_set(stems)) if check.name == "length"]

    assert [check.subject for check in short] == ["bassguitar"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_is_found_in_other_sets(fault: Fault, seed: int) -> None:
    checks = fault.plant(clean_set(seed=seed, seconds=6.0)).checks()

    assert fault.found(checks), said(checks)

"""A part of the alignment bench by default, all of its synthetic materials in the long run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    """Load the bench by its place: it belongs to no package that tests can import."""
    path = Path(__file__).parents[2] / "bench" / "alignment.py"
    spec = importlib.util.spec_from_file_location("bench_alignment", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = _load()
MATERIALS = {material.name: material for material in bench.synthetic_materials()}
SOME = ["sine", "stereo wide pad", "drum loop", "bass on bars", "vocal phrase", "decaying piano"]


def test_there_are_enough_materials() -> None:
    assert len(MATERIALS) >= 12
    assert list(bench.GAPS) == ["1 frame", "0.3 s", "1 ×", "19 ×"]


@pytest.mark.parametrize("name", SOME)
def test_no_join_of_this_material_is_audible(name: str) -> None:
    rows = list(bench.table([MATERIALS[name]]))
    assert [row.line() for row in rows if row.missed] == []
    assert sum(row.joins for row in rows) > 0 or name == "decaying piano"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(MATERIALS) - set(SOME)))
def test_nor_of_this_one(name: str) -> None:
    assert [row.line() for row in bench.table([MATERIALS[name]]) if row.missed] == []


@pytest.mark.slow
def test_nor_of_real_recordings() -> None:
    materials = list(bench.corpus_materials())
    if not materials:
        pytest.skip("no corpus")
    missed = [row.line() for row in bench.table(materials, asked=bench.ASKED[:1]) if row.missed]
    assert missed == []

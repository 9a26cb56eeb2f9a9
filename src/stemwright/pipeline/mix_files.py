"""What a mix leaves behind for later steps: names of its files, and its loudness as it was measured."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.dsp.loudness import Loudness
from stemwright.pipeline.step import Result

__all__ = ["LOUDNESS", "MIX", "keep_loudness", "loudness_of", "stem_file"]

MIX = "mix.wav"
LOUDNESS = "mix-loudness.npz"


def stem_file(name: str) -> str:
    """Name of a delivered stem inside the output folder."""
    return f"stems/{name}.wav"


def keep_loudness(measured: Loudness, folder: Path) -> None:
    """Write what was measured beside the mix, so that the master need not measure it again."""
    found = {field.name: getattr(measured, field.name) for field in fields(measured)}
    values: dict[str, Any] = {name: np.nan if value is None else value for name, value in found.items()}
    np.savez(folder / LOUDNESS, **values)


def loudness_of(mix: Result) -> Loudness:
    """Read what was measured of a finished mix, with its true peak."""
    with np.load(mix.file(LOUDNESS)) as kept:
        values: dict[str, Any] = {name: kept[name] for name in kept.files}
    figures = {name: float(value) for name, value in values.items() if not value.ndim}
    return Loudness(**values | {name: None if math.isnan(n) else n for name, n in figures.items()})

"""Waveforms of what came out: drawn once, then read from the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stemwright.io.files import atomic_write_text

__all__ = ["waveform"]

DIGITS = 5
_CHUNK_FRAMES = 1 << 19


def waveform(path: Path, *, columns: int, kept: Path) -> dict[str, Any]:
    """Draw a track in one pass and bounded memory.

    Parameters
    ----------
    path : Path
        Audio that was made here; strangers' files are never opened in this process.
    columns : int
        At most so many.
    kept : Path
        Where the drawing is kept.
    """
    if kept.is_file():
        drawn: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return drawn
    drawn = _draw(path, columns)
    kept.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(kept, json.dumps(drawn))
    return drawn


def _draw(path: Path, columns: int) -> dict[str, Any]:
    import numpy as np

    from stemwright.io.reader import open_audio

    with open_audio(path) as source:
        per_column = max(1, -(-source.frames // columns))
        stride = max(1, _CHUNK_FRAMES // per_column) * per_column
        low, high, power = [], [], []
        for start in range(0, source.frames, stride):
            block = source.read(start, stride)
            at = np.arange(0, block.shape[1], per_column)
            counts = np.diff(at, append=block.shape[1]) * len(block)
            low.append(np.minimum.reduceat(block.min(axis=0), at))
            high.append(np.maximum.reduceat(block.max(axis=0), at))
            power.append(np.add.reduceat(np.square(block, dtype=np.float64).sum(axis=0), at) / counts)
        lines = [np.concatenate(parts) if parts else np.zeros(0) for parts in (low, high, power)]
        shown = (lines[0], lines[1], np.sqrt(lines[2]))
        drawn = {name: _rounded(line) for name, line in zip(("min", "max", "rms"), shown, strict=True)}
        return drawn | {
            "frames": source.frames, "sample_rate": source.sample_rate, "frames_per_column": per_column,
        }  # fmt: skip


def _rounded(line: Any) -> list[float]:
    import numpy as np

    return [round(float(value), DIGITS) for value in np.nan_to_num(line)]

"""Stems in, or two songs and a sentence; out comes a record that has been checked.

This is the public door; everything else is private. Names are loaded when they are first used, so that
importing stemwright costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stemwright._version import __version__

if TYPE_CHECKING:
    from stemwright.api import align as align
    from stemwright.api import analyze as analyze
    from stemwright.api import master as master
    from stemwright.api import measure_loudness as measure_loudness
    from stemwright.api import refine as refine
    from stemwright.api import remix as remix
    from stemwright.api import verify as verify
    from stemwright.audio import Audio as Audio
    from stemwright.checks import Check as Check
    from stemwright.checks import Notice as Notice
    from stemwright.checks import Report as Report
    from stemwright.checks import Severity as Severity
    from stemwright.errors import StemwrightError as StemwrightError
    from stemwright.io.reader import open_audio as open_audio
    from stemwright.io.reader import read_audio as read_audio
    from stemwright.pipeline.produce import ProduceOptions as ProduceOptions
    from stemwright.pipeline.produce import Production as Production
    from stemwright.pipeline.produce import produce as produce
    from stemwright.pipeline.remix import Remix as Remix

_DOORS = {
    "Audio": "stemwright.audio",
    "Check": "stemwright.checks",
    "Notice": "stemwright.checks",
    "ProduceOptions": "stemwright.pipeline.produce",
    "Production": "stemwright.pipeline.produce",
    "Remix": "stemwright.pipeline.remix",
    "Report": "stemwright.checks",
    "Severity": "stemwright.checks",
    "StemwrightError": "stemwright.errors",
    "align": "stemwright.api",
    "analyze": "stemwright.api",
    "master": "stemwright.api",
    "measure_loudness": "stemwright.api",
    "open_audio": "stemwright.io.reader",
    "produce": "stemwright.pipeline.produce",
    "read_audio": "stemwright.io.reader",
    "refine": "stemwright.api",
    "remix": "stemwright.api",
    "verify": "stemwright.api",
}

__all__ = [
    "Audio",
    "Check",
    "Notice",
    "ProduceOptions",
    "Production",
    "Remix",
    "Report",
    "Severity",
    "StemwrightError",
    "__version__",
    "align",
    "analyze",
    "master",
    "measure_loudness",
    "open_audio",
    "produce",
    "read_audio",
    "refine",
    "remix",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'stemwright' has no attribute {name!r}")
    value = getattr(import_module(_DOORS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

"""What is in a song: tempo, beats, key, energy, voice, groove, form; each room is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemwright.analysis.analyze import analyze_song as analyze_song
    from stemwright.analysis.energy import energy_regions as energy_regions
    from stemwright.analysis.engines import BeatEngine as BeatEngine
    from stemwright.analysis.engines import Ticks as Ticks
    from stemwright.analysis.engines import engine_names as engine_names
    from stemwright.analysis.engines import require_engine as require_engine
    from stemwright.analysis.features import SongFeatures as SongFeatures
    from stemwright.analysis.features import listen as listen
    from stemwright.analysis.key import detect_key as detect_key
    from stemwright.analysis.key import weighted_score as weighted_score
    from stemwright.analysis.overrides import AnalysisOverrides as AnalysisOverrides
    from stemwright.analysis.overrides import RhythmOverrides as RhythmOverrides
    from stemwright.analysis.report import checks_of as checks_of
    from stemwright.analysis.report import describe as describe
    from stemwright.analysis.rhythm import Rhythm as Rhythm
    from stemwright.analysis.rhythm import track_rhythm as track_rhythm
    from stemwright.analysis.structure import find_sections as find_sections
    from stemwright.analysis.vocals import vocal_facts as vocal_facts

_ROOMS = {
    "AnalysisOverrides": "overrides",
    "BeatEngine": "engines",
    "Rhythm": "rhythm",
    "RhythmOverrides": "overrides",
    "SongFeatures": "features",
    "Ticks": "engines",
    "analyze_song": "analyze",
    "checks_of": "report",
    "describe": "report",
    "detect_key": "key",
    "energy_regions": "energy",
    "engine_names": "engines",
    "find_sections": "structure",
    "listen": "features",
    "require_engine": "engines",
    "track_rhythm": "rhythm",
    "vocal_facts": "vocals",
    "weighted_score": "key",
}

__all__ = [
    "AnalysisOverrides",
    "BeatEngine",
    "Rhythm",
    "RhythmOverrides",
    "SongFeatures",
    "Ticks",
    "analyze_song",
    "checks_of",
    "describe",
    "detect_key",
    "energy_regions",
    "engine_names",
    "find_sections",
    "listen",
    "require_engine",
    "track_rhythm",
    "vocal_facts",
    "weighted_score",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stemwright.analysis' has no attribute {name!r}")
    value = getattr(import_module(f"stemwright.analysis.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

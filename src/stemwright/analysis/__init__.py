"""What is in a song: tempo, beats, key, energy, voice, groove, form."""

from stemwright.analysis.analyze import AnalysisOverrides, analyze_song
from stemwright.analysis.energy import energy_regions
from stemwright.analysis.engines import BeatEngine, Ticks, engine_names, require_engine
from stemwright.analysis.features import SongFeatures, listen
from stemwright.analysis.key import detect_key, weighted_score
from stemwright.analysis.report import checks_of, describe
from stemwright.analysis.rhythm import Rhythm, RhythmOverrides, track_rhythm
from stemwright.analysis.structure import find_sections
from stemwright.analysis.vocals import vocal_facts

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

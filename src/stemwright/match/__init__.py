"""Decide how two songs meet: tempo, key, compatibility; numbers only, no audio."""

from stemwright.match.beat_maps import (
    anchors,
    fitted_bpm,
    is_identity,
    is_steady,
    remix_beat,
    remix_beats_between,
    source_beat,
)
from stemwright.match.compatibility import compatibility
from stemwright.match.decide import decide_match
from stemwright.match.keys import fifths_distance, full_shift, keys_compatible, nearest_compatible_shift
from stemwright.match.pairing import Compatibility, KeyShift, Level, Pairing, SongMatch, TempoAction
from stemwright.match.request import MatchRequest
from stemwright.match.settings import MatchSettings, TempoLimits
from stemwright.match.tempo import ReconciledTempo, reconcile_bpm

__all__ = [
    "Compatibility",
    "KeyShift",
    "Level",
    "MatchRequest",
    "MatchSettings",
    "Pairing",
    "ReconciledTempo",
    "SongMatch",
    "TempoAction",
    "TempoLimits",
    "anchors",
    "compatibility",
    "decide_match",
    "fifths_distance",
    "fitted_bpm",
    "full_shift",
    "is_identity",
    "is_steady",
    "keys_compatible",
    "nearest_compatible_shift",
    "reconcile_bpm",
    "remix_beat",
    "remix_beats_between",
    "source_beat",
]

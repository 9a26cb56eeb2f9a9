"""How fast a remix runs and how many of its beats one beat of each song counts: the seam to matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from stemwright.match.beat_maps import fitted_bpm
from stemwright.match.pairing import TempoAction
from stemwright.match.request import MatchRequest, PlanLike
from stemwright.match.tempo import TempoDecision, decide_tempo
from stemwright.planning.plan import SongId
from stemwright.songs import SongFacts

__all__ = ["Pace", "pace_of"]


@dataclass(frozen=True, slots=True)
class Pace:
    """The tempo of a remix, as planning needs it.

    Attributes
    ----------
    bpm : float
        Beats of the remix per minute.
    rates : Mapping of SongId to float
        Beats of the song that pass in one beat of the remix.
    free_voices : frozenset of SongId
        Songs whose voice is too far in tempo to be locked to the beat.
    warnings : tuple[str, ...]
        What matching says about it.
    """

    bpm: float
    rates: Mapping[SongId, float]
    free_voices: frozenset[SongId]
    warnings: tuple[str, ...]

    def seconds(self, beats: float) -> float:
        """Length of `beats` beats of the remix."""
        return beats * 60.0 / self.bpm

    def beats(self, seconds: float) -> float:
        """Beats of the remix in `seconds`."""
        return seconds * self.bpm / 60.0


def pace_of(plan: PlanLike, facts: Mapping[SongId, SongFacts]) -> Pace:
    """Ask matching for the tempo of a plan (or of a `MatchRequest`)."""
    request = plan if isinstance(plan, MatchRequest) else MatchRequest.of(plan)
    return _pace(request, facts[SongId.A], facts[SongId.B])


@lru_cache(maxsize=64)
def _pace(request: MatchRequest, a: SongFacts, b: SongFacts) -> Pace:
    decision = decide_tempo(request, a, b)
    rates = {song: _rate(decision, song, facts) for song, facts in ((SongId.A, a), (SongId.B, b))}
    free = frozenset(
        song
        for song, facts in ((SongId.A, a), (SongId.B, b))
        if facts.has_beat and decision.voices[song] is TempoAction.FREE
    )
    return Pace(decision.target_bpm, rates, free, decision.warnings)


def _rate(decision: TempoDecision, song: SongId, facts: SongFacts) -> float:
    """Beats of the song per beat of the remix; what plays free runs through them at its own speed."""
    locked = 1.0 / decision.factors[song]
    if TempoAction.FREE in (decision.voices[song], decision.instruments[song]):
        return max(locked, fitted_bpm(facts.grid) / decision.target_bpm)
    return locked

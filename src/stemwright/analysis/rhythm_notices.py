"""What people should know about a rhythm that was found, or was not, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stemwright.analysis.meter import Recount
from stemwright.analysis.tempo import Reading
from stemwright.songs import TempoFacts

__all__ = ["CLOSE_READINGS", "UNSURE_PHASE", "about_bars", "about_tempo"]

CLOSE_READINGS = 0.3
"""Readings this close, in nepers, are told."""
TOLD_SHARE = 0.002
"""A given tempo this far from the beats that are heard is told."""
UNSURE_BARS = 0.25
UNSURE_PHASE = 0.8
"""Accents by which beats must lead off-beats, else it is told."""


def about_tempo(
    readings: Sequence[Reading], facts: TempoFacts, *, asked_bpm: float | None, decided: bool
) -> Iterator[str]:
    """Say where another tempo is nearly as likely, or the one given is not the one that is heard."""
    rivals = [other for other in readings[1:2] if readings[0].score - other.score < CLOSE_READINGS]
    if rivals and not decided:
        other = facts.alternatives[1][0]
        yield f"Two tempos are nearly as likely: {facts.bpm:.1f} bpm was taken, {other:.1f} bpm is the other."
    if asked_bpm is not None and abs(facts.bpm / asked_bpm - 1.0) > TOLD_SHARE:
        yield (
            f"{asked_bpm:g} bpm was given; the beats that are heard run at {facts.bpm:.2f} bpm and were "
            "followed."
        )


def about_bars(counted: Recount, *, bpm: float, downbeat_given: bool) -> Iterator[str]:
    """Say where beats could be off-beats, bars could be counted otherwise, or begin elsewhere."""
    bars = counted.bars
    if bars.apart < UNSURE_PHASE and not downbeat_given:
        yield (
            "Beats and off-beats are nearly equal in weight: if the remix feels turned around, give the "
            f"first downbeat half a beat ({30.0 / bpm:.2f} s) later."
        )
    if counted.unsure:
        yield (
            "Six even eighths to the bar: 3/4 was taken; if it is 6/8, give the tempo of its two beats, "
            f"{bpm / 1.5:.1f} bpm."
        )
    if bars.sureness < UNSURE_BARS and not downbeat_given:
        yield "Where its bars begin is not certain: nothing in the song marks them clearly."

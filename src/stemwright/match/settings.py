"""Limits of matching: how far tempo and key may be moved before it is told, or left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["FACTORS", "MatchSettings", "TempoLimits"]

FACTORS = {1.0: 0.0, 0.5: 5.0, 2.0: 5.0, 1.5: 15.0, 2.0 / 3.0: 15.0}
"""Readings of a tempo, and what each costs in per cent, added to the gap."""


@dataclass(frozen=True, slots=True)
class TempoLimits:
    """How far one kind of stem may be stretched, in per cent of its own tempo.

    Attributes
    ----------
    silent_percent : float
        Below this nothing is said.
    strong_up_percent, strong_down_percent : float
        Beyond these a warning is given.
    most_up_percent, most_down_percent : float
        Beyond these it isn't stretched at all.
    """

    silent_percent: float
    strong_up_percent: float
    strong_down_percent: float
    most_up_percent: float
    most_down_percent: float

    def allow(self, change_percent: float) -> bool:
        """Whether a change of speed (+ is faster) may be made."""
        return -self.most_down_percent <= round(change_percent, 6) <= self.most_up_percent

    def silent(self, change_percent: float) -> bool:
        """Whether a change needs no word."""
        return abs(round(change_percent, 6)) < self.silent_percent

    def strong(self, change_percent: float) -> bool:
        """Whether a change needs a warning."""
        change = round(change_percent, 6)
        return change > self.strong_up_percent or change < -self.strong_down_percent


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Everything that decides how two songs meet.

    Attributes
    ----------
    voices, instruments : TempoLimits
        Voices stay intelligible much longer than drums stay sharp.
    lowest_bpm, highest_bpm : float
        Readings of a tempo outside are not considered.
    average_below_percent : float
        The mean of two tempos is only taken below this gap.
    steady_s : float
        A song whose beats stay this close to an even grid counts as steady and is not bent beat by beat.
    full_confidence, half_confidence : float
        Key confidence from which a full and a reduced shift are made; below the second none.
    voice_cap_semitones, instrument_cap_semitones : int
        Largest pitch shifts, transposition included.
    """

    voices: TempoLimits = field(default=TempoLimits(10, 30, 25, 45, 35))
    instruments: TempoLimits = field(default=TempoLimits(10, 20, 15, 30, 25))
    lowest_bpm: float = 70.0
    highest_bpm: float = 180.0
    average_below_percent: float = 15.0
    steady_s: float = 0.005
    full_confidence: float = 0.55
    half_confidence: float = 0.40
    voice_cap_semitones: int = 4
    instrument_cap_semitones: int = 5

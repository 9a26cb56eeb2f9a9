"""What people know better about a song than its analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stemwright.errors import InputError
from stemwright.grid import MAX_BPM, MIN_BPM
from stemwright.songs import Key

__all__ = ["AnalysisOverrides", "RhythmOverrides"]


@dataclass(frozen=True, slots=True)
class RhythmOverrides:
    """What people know better.

    Parameters
    ----------
    tempo_factor : float, optional
        2 counts twice as fast as the tracker would, 0.5 half as fast; 0.25 to 4.
    bpm : float, optional
        The tempo: tracking stays within 6 % of it, and a song without a beat gets an even grid at exactly it.
    first_downbeat_s : float, optional
        Beat 0 stands exactly here: the whole grid is moved by less than half a beat.
    beats_per_bar : int, optional
        1 to 16.

    Raises
    ------
    InputError
        When a value is outside its range, or factor and tempo are both given.
    """

    tempo_factor: float | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None
    beats_per_bar: int | None = None

    def __post_init__(self) -> None:
        if self.tempo_factor is not None and self.bpm is not None:
            raise InputError("A tempo factor and a tempo are given.", way_out="Give one of them.")
        _check("A tempo factor", self.tempo_factor, 0.25, 4.0, "2 counts twice as fast, 0.5 half as fast.")
        _check("A tempo", self.bpm, MIN_BPM, MAX_BPM, "It is given in beats per minute.")
        _check(
            "A first downbeat", self.first_downbeat_s, 0.0, math.inf, "It is given in seconds of the song."
        )
        _check("A number of beats per bar", self.beats_per_bar, 1, 16, "Most songs have 4, waltzes 3.")

    @property
    def any(self) -> bool:
        """Whether anything is overridden."""
        return self != RhythmOverrides()


def _check(what: str, value: float | None, low: float, high: float, way_out: str) -> None:
    if value is not None and not low <= value <= high:
        raise InputError(f"{what} of {value:g} is outside {low:g} to {high:g}.", way_out=way_out)


@dataclass(frozen=True, slots=True)
class AnalysisOverrides:
    """What people know better than any analysis; None leaves it to us.

    Parameters
    ----------
    tempo_factor, bpm, first_downbeat_s, beats_per_bar
        See `RhythmOverrides`.
    key : Key, optional
        The song's key.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    tempo_factor: float | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None
    beats_per_bar: int | None = None
    key: Key | None = None

    def __post_init__(self) -> None:
        _ = self.rhythm

    @property
    def rhythm(self) -> RhythmOverrides:
        """What of it concerns the rhythm."""
        return RhythmOverrides(self.tempo_factor, self.bpm, self.first_downbeat_s, self.beats_per_bar)

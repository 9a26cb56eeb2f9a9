"""What was decided for two songs: the values that planning, stretching and pages share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stemwright.songs import Key

__all__ = ["Compatibility", "KeyShift", "Level", "Pairing", "SongMatch", "TempoAction"]


class Level(StrEnum):
    """How easily two songs go together; a description, never a verdict."""

    GREAT = "great"
    GOOD = "good"
    CHALLENGING = "challenging"
    TOUGH = "tough"


@dataclass(frozen=True, slots=True)
class Compatibility:
    """How two songs go together.

    Attributes
    ----------
    level : Level
        See there.
    message : str
        One or two plain sentences without numbers.
    reasons : tuple[str, ...]
        What it follows from, with numbers, for "details".
    """

    level: Level
    message: str
    reasons: tuple[str, ...]


class TempoAction(StrEnum):
    """What happens to a song's stems in time."""

    KEEP = "keep"
    """Untouched: its tempo is the remix's."""
    STRETCH = "stretch"
    """Along the map from its beats to the remix's."""
    FREE = "free"
    """Too far away: plays at its own tempo, phrase by phrase, over sparse passages."""


@dataclass(frozen=True, slots=True)
class KeyShift:
    """How far a song is moved in pitch, and why.

    Attributes
    ----------
    semitones : int
        0 leaves it.
    lands_in : Key
        Its key afterwards.
    reason : str
        Plain words.
    """

    semitones: int
    lands_in: Key
    reason: str


@dataclass(frozen=True, slots=True)
class SongMatch:
    """What is done to one song so that it meets the other.

    Attributes
    ----------
    beat_factor : float
        1, ½, 2, 3/2 or 2/3: how many beats of the remix one tracked beat of the song counts.
    vocals, instruments : TempoAction
        What happens to its voice and to its other stems.
    target_bpm : float
        Tempo of the remix.
    semitones : float
        Pitch shift of its tonal stems, the planned transposition included; drums are never shifted.
    """

    beat_factor: float
    vocals: TempoAction
    instruments: TempoAction
    target_bpm: float
    semitones: float


@dataclass(frozen=True, slots=True)
class Pairing:
    """Everything that was decided for two songs.

    Attributes
    ----------
    target_bpm : float
        Tempo of the remix.
    song_a, song_b : SongMatch
        What is done to each.
    key_a, key_b : KeyShift
        How far each is moved in pitch, the transposition included, and why.
    transpose_semitones : int
        What is left of the transposition asked for, which moves both songs.
    notices, warnings : tuple[str, ...]
        What people should know; a warning is what will be heard, or what could not be done as asked.
    """

    target_bpm: float
    song_a: SongMatch
    song_b: SongMatch
    key_a: KeyShift
    key_b: KeyShift
    transpose_semitones: int = 0
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def match_of(self, song: str) -> SongMatch:
        """Return what is done to ``"song_a"`` or ``"song_b"`` (a `SongId` is such a word)."""
        return self.song_a if song == "song_a" else self.song_b

    def key_of(self, song: str) -> KeyShift:
        """Return how far a song is moved in pitch."""
        return self.key_a if song == "song_a" else self.key_b

"""What is known about a song: the one record that analysis writes and planning, matching and pages read.

Times are seconds of the song as decoded; beats are numbered by its `BeatGrid` (beat 0 is the first downbeat).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stemwright.errors import InputError
from stemwright.grid import BeatGrid

__all__ = [
    "Character",
    "EnergyRegion",
    "Groove",
    "Key",
    "KeyFacts",
    "Mode",
    "SongFacts",
    "SongSection",
    "SongStem",
    "TempoFacts",
    "VocalFacts",
    "VocalSpan",
]

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
FLATS = {
    "DB": "C#",
    "D#": "EB",
    "GB": "F#",
    "G#": "AB",
    "A#": "BB",
    "CB": "B",
    "B#": "C",
    "E#": "F",
    "FB": "E",
}


class SongStem(StrEnum):
    """The stems that a song is taken apart into; guitars and keys only where the separator knows them."""

    VOCALS = "vocals"
    DRUMS = "drums"
    BASS = "bass"
    OTHER = "other"
    GUITARS = "guitars"
    KEYS = "keys"


class Mode(StrEnum):
    """Major or minor."""

    MAJOR = "major"
    MINOR = "minor"


@dataclass(frozen=True, slots=True)
class Key:
    """A musical key.

    Parameters
    ----------
    tonic : int
        Pitch class, 0 (C) to 11 (B).
    mode : Mode
        Major or minor.
    """

    tonic: int
    mode: Mode

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``"A minor"``, ``"Am"``, ``"F# major"``, ``"Bb"``; raises `InputError`."""
        words = text.strip().replace("♯", "#").replace("♭", "b").split()
        head, rest = (words[0], "".join(words[1:])) if words else ("", "")
        letters = 2 if head[1:2] in ("#", "b") else 1
        name, rest = head[:letters].upper(), (head[letters:] + rest)
        name = FLATS.get(name, name)
        known = [tonic.upper() for tonic in TONICS]
        minor = rest in ("m", "-") or rest.lower() in ("min", "minor", "moll")
        if name not in known or not (minor or rest == "M" or rest.lower() in ("", "maj", "major", "dur")):
            raise InputError(f'"{text}" is not a key.', way_out='Write "A minor", "F# major" or "Bb".')
        return cls(known.index(name), Mode.MINOR if minor else Mode.MAJOR)

    def __str__(self) -> str:
        return f"{TONICS[self.tonic]} {self.mode}"

    @property
    def relative_major(self) -> int:
        """Pitch class of the major key with the same notes."""
        return (self.tonic + 3) % 12 if self.mode is Mode.MINOR else self.tonic

    @property
    def camelot(self) -> str:
        """Its place on the Camelot wheel: ``"8B"`` for C major, ``"8A"`` for A minor."""
        hour = (self.relative_major * 7 + 7) % 12 + 1
        return f"{hour}{'A' if self.mode is Mode.MINOR else 'B'}"

    def transposed(self, semitones: int) -> Key:
        """Return the key that many semitones higher."""
        return Key((self.tonic + semitones) % 12, self.mode)


@dataclass(frozen=True, slots=True)
class TempoFacts:
    """How fast a song is.

    Attributes
    ----------
    bpm : float
        From a fit over all beats.
    confidence : float
        0 to 1; 0 when no beat was found (the grid is then an even one that nobody should trust).
    alternatives : tuple of (float, float)
        Other readings (half, double, …) with their score, best first; the chosen one stands first.
    drift_percent : float
        Largest deviation of the local tempo (over 16 beats) from `bpm`.
    residual_ms : float
        Median distance of the detected beats from the grid.
    """

    bpm: float
    confidence: float
    alternatives: tuple[tuple[float, float], ...] = ()
    drift_percent: float = 0.0
    residual_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Which key a song is in.

    Attributes
    ----------
    key : Key
        Of the whole song.
    confidence : float
        0 to 1.
    modulates : bool
        Whether its first 60 % and last 40 % disagree beyond the relative key.
    later_key : Key, optional
        The key of the last 40 % where it modulates.
    """

    key: Key
    confidence: float
    modulates: bool = False
    later_key: Key | None = None


class Character(StrEnum):
    """Energy against onset density, by the text's table."""

    RHYTHMIC = "rhythmic"
    SUSTAINED = "sustained"
    SPARSE = "sparse"
    MODERATE = "moderate"


@dataclass(frozen=True, slots=True)
class EnergyRegion:
    """About eight seconds of a song, cut at bar lines: how loud and how busy.

    Attributes
    ----------
    start_s, end_s : float
        Place in the song.
    relative_energy, onset_density : float
        0 to 1; 1 is the loudest, the busiest region.
    label : str
        ``"high"``, ``"medium"`` or ``"low"``.
    character : Character
        Of both.
    """

    start_s: float
    end_s: float
    relative_energy: float
    onset_density: float
    label: str
    character: Character


@dataclass(frozen=True, slots=True)
class VocalSpan:
    """A stretch in which somebody sings, rests of up to a bar included."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class VocalFacts:
    """The voice in a song.

    Attributes
    ----------
    prominence_db : float
        LUFS of the vocal stem (300 Hz–5 kHz) minus LUFS of the mix: 0 very prominent, −6 moderate, −12 faint,
        under −20 effectively instrumental.
    spans : tuple[VocalSpan, ...]
        Where it is active.
    """

    prominence_db: float
    spans: tuple[VocalSpan, ...] = ()


class Groove(StrEnum):
    """How the drums divide the beat."""

    STRAIGHT = "straight"
    HALF_TIME = "half-time"
    SWUNG = "swung"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SongSection:
    """A part of the song's form, on bar lines: beats, end exclusive; same label, same music."""

    label: str
    start_beat: int
    end_beat: int


@dataclass(frozen=True, slots=True)
class SongFacts:
    """Everything that analysis found in one song.

    Attributes
    ----------
    sha256 : str
        Of the song's file: how plans find their songs.
    duration_s, loudness_lufs : float
        Of the whole song; `loudness_lufs` is −200 for silence.
    tempo, grid, key, energy, vocals, groove, sections
        See their classes.
    stems : tuple[SongStem, ...]
        What it was taken apart into, those that are silent left out.
    engine : str
        Who tracked the beats: ``"builtin"``, ``"essentia"``, ``"beat_this"``, ``"given"``.
    notices : tuple[str, ...]
        What people should know (no beat found, two tempos equally likely), in plain words.
    """

    sha256: str
    duration_s: float
    loudness_lufs: float
    tempo: TempoFacts
    grid: BeatGrid
    key: KeyFacts
    energy: tuple[EnergyRegion, ...]
    vocals: VocalFacts
    groove: Groove
    sections: tuple[SongSection, ...]
    stems: tuple[SongStem, ...]
    engine: str = "builtin"
    notices: tuple[str, ...] = field(default=())

    @property
    def has_beat(self) -> bool:
        """Whether a beat was found."""
        return self.tempo.confidence > 0

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON that stands in the store and in ``analyze --json``."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> SongFacts:
        """Read what `as_dict` wrote."""
        key = record["key"]
        return cls(
            **{
                **record,
                "tempo": TempoFacts(
                    **{**record["tempo"], "alternatives": tuple(map(tuple, record["tempo"]["alternatives"]))}
                ),
                "grid": BeatGrid(**{**record["grid"], "times_s": tuple(record["grid"]["times_s"])}),
                "key": KeyFacts(**{**key, "key": _key(key["key"]), "later_key": _key(key["later_key"])}),
                "energy": tuple(
                    EnergyRegion(**{**region, "character": Character(region["character"])})
                    for region in record["energy"]
                ),
                "vocals": VocalFacts(
                    record["vocals"]["prominence_db"],
                    tuple(VocalSpan(**span) for span in record["vocals"]["spans"]),
                ),
                "groove": Groove(record["groove"]),
                "sections": tuple(SongSection(**section) for section in record["sections"]),
                "stems": tuple(SongStem(stem) for stem in record["stems"]),
                "notices": tuple(record["notices"]),
            }
        )


def _key(record: Mapping[str, Any] | None) -> Any:
    return None if record is None else Key(record["tonic"], Mode(record["mode"]))


def _plain(value: Any) -> Any:
    """Turn dataclasses, tuples and enums into JSON."""
    names = getattr(value, "__dataclass_fields__", None)
    if names is not None:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value

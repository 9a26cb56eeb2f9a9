"""The production spec: what `stemwright produce` is asked for, as plain frozen data.

Defaults stand in the settings classes of the rooms that use them; `read_spec` reads a spec from TOML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from stemwright.align import AlignSettings
from stemwright.effects import EffectSettings
from stemwright.grid import Fill, Meter, SectionRequest
from stemwright.mastering import MasterSettings
from stemwright.mixing.mix import MixSettings
from stemwright.stems import Role
from stemwright.synth import DrumSettings, Key, ScoreSettings

__all__ = [
    "FORMATS",
    "MOST_CHANNELS",
    "SUBTYPES",
    "CommandSource",
    "DeliverySettings",
    "DrumSource",
    "FileSource",
    "MatchSettings",
    "MidiSource",
    "ReferenceSettings",
    "ScoreSource",
    "Source",
    "Spec",
    "StemSpec",
]

SUBTYPES = ("FLOAT", "PCM_24", "PCM_16")


@dataclass(frozen=True, slots=True)
class FileSource:
    """A take: any audio file."""

    path: Path


@dataclass(frozen=True, slots=True)
class MidiSource:
    """A MIDI file, played through the SoundFont; `instrument` replaces the file's own program."""

    path: Path
    instrument: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """Chords and a pattern, played through the SoundFont."""

    settings: ScoreSettings


@dataclass(frozen=True, slots=True)
class DrumSource:
    """Drum patterns per section, played through the SoundFont's kit."""

    settings: DrumSettings


@dataclass(frozen=True, slots=True)
class CommandSource:
    """An external generator.

    Parameters
    ----------
    argv : tuple[str, ...]
        Program and arguments; ``{output} {frames} {seconds} {sample_rate} {bpm} {key} {seed} {name}`` are
        filled in.
    output : str
        Name of the audio file it writes, in a folder of its own.
    timeout_s : float
        It is killed after this.
    """

    argv: tuple[str, ...]
    output: str = "stem.wav"
    timeout_s: float = 600.0


Source: TypeAlias = FileSource | MidiSource | ScoreSource | DrumSource | CommandSource


@dataclass(frozen=True, slots=True)
class StemSpec:
    """One stem as asked for; stems of one `together` were played together and repeat the same bars."""

    name: str
    role: Role
    source: Source
    align: AlignSettings
    gain_db: float = 0.0
    pan: float = 0.0
    effects: tuple[EffectSettings, ...] = ()
    silent: bool = False
    together: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """The file whose exact length is the target, with optional gates."""

    path: Path
    sample_rate: int | None = None
    channels: int | None = None
    min_duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Another record whose loudness and spectrum the master moves towards, by `amount` (0–1)."""

    path: Path
    amount: float = MasterSettings().match_amount


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Which files of the master are made, beside WAV, and whether the page is drawn."""

    formats: tuple[str, ...] = ("wav", "flac", "mp3")
    report_page: bool = True
    zip: bool = True


FORMATS = ("wav", "flac", "mp3")
MOST_CHANNELS = {"flac": 8, "mp3": 2}


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole production."""

    path: Path
    text: str
    title: str
    artist: str
    bpm: Fraction
    meter: Meter
    key: Key
    sample_rate: int
    channels: int
    subtype: str
    fill: Fill
    seed: int
    sections: tuple[SectionRequest, ...]
    stems: tuple[StemSpec, ...]
    reference: ReferenceSettings | None = None
    soundfont: Path | None = None
    mix: MixSettings = field(default_factory=MixSettings)
    master: MasterSettings = field(default_factory=MasterSettings)
    match: MatchSettings | None = None
    delivery: DeliverySettings = field(default_factory=DeliverySettings)

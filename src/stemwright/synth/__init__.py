"""Score to MIDI to SoundFont stems; drum patterns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemwright.synth.drums import compose_drums
    from stemwright.synth.harmony import Key
    from stemwright.synth.midi import MidiSong, read_midi, read_midi_part, write_midi
    from stemwright.synth.musicality import check_contrast, check_part, section_loudness
    from stemwright.synth.notes import Note, Part
    from stemwright.synth.score import compose_score
    from stemwright.synth.settings import DrumSettings, ScoreSettings, check_sections
    from stemwright.synth.song import render_part
    from stemwright.synth.soundfont import default_soundfont, load_soundfont

__all__ = [
    "DrumSettings",
    "Key",
    "MidiSong",
    "Note",
    "Part",
    "ScoreSettings",
    "check_contrast",
    "check_part",
    "check_sections",
    "compose_drums",
    "compose_score",
    "default_soundfont",
    "load_soundfont",
    "read_midi",
    "read_midi_part",
    "render_part",
    "section_loudness",
    "write_midi",
]

_HOMES = {
    "DrumSettings": "settings",
    "Key": "harmony",
    "MidiSong": "midi",
    "Note": "notes",
    "Part": "notes",
    "ScoreSettings": "settings",
    "check_contrast": "musicality",
    "check_part": "musicality",
    "check_sections": "settings",
    "compose_drums": "drums",
    "compose_score": "score",
    "default_soundfont": "soundfont",
    "load_soundfont": "soundfont",
    "read_midi": "midi",
    "read_midi_part": "midi",
    "render_part": "song",
    "section_loudness": "musicality",
    "write_midi": "midi",
}


def __getattr__(name: str) -> Any:
    """Import on first use: whoever plays nothing needs no sampler."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""Score to MIDI to SoundFont stems; drum patterns."""

from __future__ import annotations

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

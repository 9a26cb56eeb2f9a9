"""The sounds of General MIDI level 1 by name (MMA, *General MIDI System Level 1*, tables 2 and 3)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from stemwright.errors import SpecError
from stemwright.stems import Role

__all__ = ["DEFAULT_PROGRAMS", "KITS", "PROGRAMS", "kit_number", "program_number"]

PROGRAMS: tuple[str, ...] = (
    "Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano",
    "Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavi",
    "Celesta", "Glockenspiel", "Music Box", "Vibraphone", "Marimba", "Xylophone", "Tubular Bells", "Dulcimer",
    "Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ", "Reed Organ", "Accordion", "Harmonica",
    "Tango Accordion",
    "Acoustic Guitar (nylon)", "Acoustic Guitar (steel)", "Electric Guitar (jazz)", "Electric Guitar (clean)",
    "Electric Guitar (muted)", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics",
    "Acoustic Bass", "Electric Bass (finger)", "Electric Bass (pick)", "Fretless Bass", "Slap Bass 1",
    "Slap Bass 2", "Synth Bass 1", "Synth Bass 2",
    "Violin", "Viola", "Cello", "Contrabass", "Tremolo Strings", "Pizzicato Strings", "Orchestral Harp",
    "Timpani",
    "String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2", "Choir Aahs",
    "Voice Oohs", "Synth Voice", "Orchestra Hit",
    "Trumpet", "Trombone", "Tuba", "Muted Trumpet", "French Horn", "Brass Section", "Synth Brass 1",
    "Synth Brass 2",
    "Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax", "Oboe", "English Horn", "Bassoon", "Clarinet",
    "Piccolo", "Flute", "Recorder", "Pan Flute", "Blown Bottle", "Shakuhachi", "Whistle", "Ocarina",
    "Lead 1 (square)", "Lead 2 (sawtooth)", "Lead 3 (calliope)", "Lead 4 (chiff)", "Lead 5 (charang)",
    "Lead 6 (voice)", "Lead 7 (fifths)", "Lead 8 (bass + lead)",
    "Pad 1 (new age)", "Pad 2 (warm)", "Pad 3 (polysynth)", "Pad 4 (choir)", "Pad 5 (bowed)",
    "Pad 6 (metallic)", "Pad 7 (halo)", "Pad 8 (sweep)",
    "FX 1 (rain)", "FX 2 (soundtrack)", "FX 3 (crystal)", "FX 4 (atmosphere)", "FX 5 (brightness)",
    "FX 6 (goblins)", "FX 7 (echoes)", "FX 8 (sci-fi)",
    "Sitar", "Banjo", "Shamisen", "Koto", "Kalimba", "Bag Pipe", "Fiddle", "Shanai",
    "Tinkle Bell", "Agogo", "Steel Drums", "Woodblock", "Taiko Drum", "Melodic Tom", "Synth Drum",
    "Reverse Cymbal",
    "Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet", "Telephone Ring", "Helicopter", "Applause",
    "Gunshot",
)  # fmt: skip

KITS: Mapping[str, int] = {
    "Standard": 0, "Room": 8, "Power": 16, "Electronic": 24, "TR-808": 25, "Jazz": 32, "Brush": 40,
    "Orchestra": 48,
}  # fmt: skip

DEFAULT_PROGRAMS: Mapping[Role, int] = {
    Role.BASS: 33, Role.GUITARS: 27, Role.KEYS: 4, Role.SYNTHS: 81, Role.PADS: 89, Role.STRINGS: 48,
    Role.BRASS: 61, Role.LEAD: 80, Role.VOCALS: 53, Role.PERCUSSION: 115, Role.FX: 99, Role.OTHER: 0,
    Role.DRUMS: 0,
}  # fmt: skip


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[a-z]+|\d+", name.lower()))


def program_number(instrument: str | int, *, where: str = "instrument") -> int:
    """Find a program, 0–127, by its General MIDI name, or by its number 1–128 as General MIDI counts.

    Raises
    ------
    SpecError
        With the nearest names.
    """
    if isinstance(instrument, int) and not isinstance(instrument, bool) and 1 <= instrument <= 128:
        return instrument - 1
    if not isinstance(instrument, str):
        raise SpecError(f"{where}: {instrument!r} is not a General MIDI program, 1–128 or a name.")
    return _named(instrument, {name: number for number, name in enumerate(PROGRAMS)}, where)


def kit_number(kit: str | int, *, where: str = "kit") -> int:
    """Find a drum kit's program by its name, or take its number from 0 as General MIDI 2 counts."""
    if isinstance(kit, int) and not isinstance(kit, bool) and 0 <= kit <= 127:
        return kit
    if not isinstance(kit, str):
        raise SpecError(f"{where}: {kit!r} is not a drum kit.")
    return _named(kit, KITS, where)


def _named(name: str, known: Mapping[str, int], where: str) -> int:
    plain = {_plain(other): number for other, number in known.items()}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    words = [
        number for other, number in plain.items() if wanted and set(wanted.split()) == set(other.split())
    ]
    if len(words) == 1:
        return words[0]
    near = difflib.get_close_matches(wanted, plain, n=3, cutoff=0.4) or list(plain)[:3]
    original = {_plain(other): other for other in known}
    listed = ", ".join(f'"{original[other]}"' for other in near)
    raise SpecError(f'{where}: "{name}" is not a General MIDI sound.', way_out=f"Did you mean {listed}?")

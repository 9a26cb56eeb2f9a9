"""Songs whose tempo, key, bars and stems are known because we make them: for the demo and the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemwright import ProduceOptions, produce
from stemwright.pipeline.events import Listener, ignore

__all__ = ["NIGHT", "TIDE", "SongMaker", "make_song"]

SPEC = """\
title = "{title}"
bpm = {bpm}
key = "{key}"
sample_rate = 44100
subtype = "FLOAT"
seed = {seed}

[sections]
{sections}

[[stem]]
name = "vocals"
role = "vocals"
gain_db = 2
score = {{ instrument = "{voice}", pattern = "melody", chords = {chords} }}

[[stem]]
name = "drums"
role = "drums"
drums = {{ pattern = {{ default = "{beat}", intro = "half-time" }}, swing = 0.0 }}

[[stem]]
name = "bass"
role = "bass"
score = {{ instrument = "{bass}", pattern = "octaves", chords = {chords} }}

[[stem]]
name = "keys"
role = "keys"
gain_db = -2
score = {{ instrument = "{keys}", pattern = "comping", chords = {chords} }}

[[stem]]
name = "pads"
role = "pads"
gain_db = -4
score = {{ instrument = "Pad 2 (warm)", pattern = "sustained", chords = {chords} }}

[delivery]
formats = ["wav"]
zip = false
report_page = false
"""


@dataclass(frozen=True)
class SongMaker:
    """What a song is made of; `rounds` of 80 beats make it long."""

    title: str
    bpm: float
    key: str
    verse: str
    chorus: str
    voice: str
    bass: str
    keys: str
    beat: str
    seed: int

    def spec(self, rounds: int) -> str:
        """Write its spec."""
        parts = ["intro = 16"]
        for number in range(1, rounds + 1):
            parts += [f"verse{number} = 32", "chorus = 32"] if number == 1 else [f"verse{number} = 48"]
        chords = f'{{ default = "{self.verse}", chorus = "{self.chorus}" }}'
        words = {**self.__dict__, "chords": chords, "sections": "\n".join([*parts, "outro = 16"])}
        return SPEC.format(**words)


NIGHT = SongMaker(
    "Night Bus", 120, "A minor", "Am F C G", "F G Am Am", "Synth Voice", "Electric Bass (finger)",
    "Electric Piano 1", "rock", 3,
)  # fmt: skip
TIDE = SongMaker(
    "Low Tide", 111, "G minor", "Gm Eb Bb F", "Eb F Gm Gm", "Choir Aahs", "Synth Bass 1",
    "Electric Piano 2", "four-on-floor", 5,
)  # fmt: skip


def make_song(maker: SongMaker, folder: Path, *, rounds: int = 1, listener: Listener = ignore) -> Path:
    """Produce a song with its stems into `folder`; returns its master."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "song.toml"
    spec.write_text(maker.spec(rounds), encoding="utf-8")
    produce(spec, options=ProduceOptions(out=folder), listener=listener)
    return folder / "master.wav"

"""What is known about a song: keys by every name, and JSON there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stemwright.errors import InputError
from stemwright.grid import BeatGrid
from stemwright.songs import (
    Character,
    EnergyRegion,
    Groove,
    Key,
    KeyFacts,
    Mode,
    SongFacts,
    SongSection,
    SongStem,
    TempoFacts,
    VocalFacts,
    VocalSpan,
)

FACTS = SongFacts(
    sha256="0" * 64,
    duration_s=12.5,
    loudness_lufs=-11.0,
    tempo=TempoFacts(120.0, 0.9, ((120.0, 1.0), (60.0, 0.4)), 0.1, 2.5),
    grid=BeatGrid((0.1, 0.6, 1.1), 1, 3),
    key=KeyFacts(Key(9, Mode.MINOR), 0.8, modulates=True, later_key=Key(11, Mode.MINOR)),
    energy=(EnergyRegion(0.0, 8.0, 1.0, 0.5, "high", Character.RHYTHMIC),),
    vocals=VocalFacts(-4.0, (VocalSpan(1.0, 2.0),)),
    groove=Groove.SWUNG,
    sections=(SongSection("A", 0, 16),),
    stems=(SongStem.VOCALS, SongStem.DRUMS),
    notices=("A notice.",),
)


def test_facts_go_through_json_unchanged() -> None:
    assert SongFacts.from_dict(json.loads(json.dumps(FACTS.as_dict()))) == FACTS


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("A minor", 9, "minor"), ("Am", 9, "minor"), ("a MINOR", 9, "minor"), ("C", 0, "major"),
        ("F# major", 6, "major"), ("Gb", 6, "major"), ("Bbm", 10, "minor"), ("B♭ minor", 10, "minor"),
        ("E#", 5, "major"), ("CM", 0, "major"), ("Cmaj", 0, "major"), ("f#m", 6, "minor"),
    ],
)  # fmt: skip
def test_keys_are_read_as_people_write_them(text: Any, tonic: Any, mode: Any) -> None:
    assert Key.parse(text) == Key(tonic, Mode(mode))


@pytest.mark.parametrize("text", ["", "H", "A dorian", "8A", "major", "Amm"])
def test_what_is_no_key_is_refused(text: Any) -> None:
    with pytest.raises(InputError, match="not a key"):
        Key.parse(text)


@pytest.mark.parametrize(
    ("text", "camelot"),
    [
        ("C", "8B"),
        ("Am", "8A"),
        ("G", "9B"),
        ("F", "7B"),
        ("E", "12B"),
        ("B", "1B"),
        ("Ab", "4B"),
        ("Dm", "7A"),
    ],
)
def test_camelot_codes(text: Any, camelot: Any) -> None:
    assert Key.parse(text).camelot == camelot


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", list(Mode))
def test_every_key_is_read_back_from_its_name(tonic: Any, mode: Any) -> None:
    key = Key(tonic, mode)
    assert Key.parse(str(key)) == key
    assert Key(key.relative_major, Mode.MAJOR).camelot[:-1] == key.camelot[:-1]
    assert key.transposed(5).transposed(-5) == key

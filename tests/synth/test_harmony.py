"""Keys, chords and progressions, against theory written out by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemwright.errors import SpecError
from stemwright.grid import Meter
from stemwright.synth.harmony import QUALITIES, Key, parse_chord, parse_progression


@pytest.mark.parametrize(
    ("symbol", "tones", "bass"),
    [
        ("C", {0, 4, 7}, 0), ("Am", {9, 0, 4}, 9), ("F#m7b5", {6, 9, 0, 4}, 6), ("Bb", {10, 2, 5}, 10),
        ("G/B", {7, 11, 2}, 11), ("Cmaj7", {0, 4, 7, 11}, 0), ("Dsus4", {2, 7, 9}, 2), ("E5", {4, 11}, 4),
        ("Am/F#", {9, 0, 4, 6}, 6), ("C6/9", {0, 4, 7, 9, 2}, 0), ("Ebm(Maj7)", {3, 6, 10, 2}, 3),
        ("B°7", {11, 2, 5, 8}, 11), ("Cb", {11, 3, 6}, 11), ("A♭", {8, 0, 3}, 8),
        ("G7#9", {7, 11, 2, 5, 10}, 7),
    ],
)  # fmt: skip
def test_chords_have_their_tones(symbol: str, tones: set[int], bass: int) -> None:
    chord = parse_chord(symbol)
    assert chord is not None
    assert set(chord.pitch_classes) == tones
    assert chord.bass == bass


@pytest.mark.parametrize(
    ("symbol", "says"),
    [("H", "A–G"), ("", "A–G"), ("am", "A–G"), ("Cfoo", "foo"), ("C/H", "/H"), ("X7", "X7")],
)
def test_wrong_chords_are_named(symbol: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        parse_chord(symbol)


@given(st.text(max_size=12))
def test_any_text_is_a_chord_or_a_complaint(text: str) -> None:
    try:
        chord = parse_chord(text)
    except SpecError:
        return
    assert chord is None or all(0 <= tone < 12 for tone in chord.pitch_classes)


def test_every_quality_has_four_colours_at_most_and_keeps_its_third() -> None:
    for quality, intervals in QUALITIES.items():
        chord = parse_chord(f"D{quality}")
        assert chord is not None
        assert 2 <= len(chord.colour) <= 4
        third = next((i for i in intervals if i in (3, 4)), None)
        assert third is None or (2 + third) % 12 in chord.colour


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [("A minor", 9, "minor"), ("Am", 9, "minor"), ("C", 0, "major"), ("f# Major", 6, "major"),
     ("Bb min", 10, "minor"),
     ("D dorian", 2, "dorian"), ("Eb", 3, "major"), ("AM", 9, "major")],
)  # fmt: skip
def test_keys_are_read(text: str, tonic: int, mode: str) -> None:
    assert Key.parse(text) == Key(tonic, mode)


@pytest.mark.parametrize("text", ["", "H minor", "A sharp", "minor", "12"])
def test_wrong_keys_are_named(text: str) -> None:
    with pytest.raises(SpecError, match="key"):
        Key.parse(text)


def test_default_progressions_are_the_usual_ones() -> None:
    minor = [chord for chord, _ in Key.parse("A minor").progression.steps]
    major = [chord for chord, _ in Key.parse("C major").progression.steps]
    assert minor == [parse_chord(symbol) for symbol in ("Am", "F", "C", "G")]
    assert major == [parse_chord(symbol) for symbol in ("C", "G", "Am", "F")]


def _lengths(text: str, meter: str = "4/4", beats: int = 16) -> list[tuple[float, float]]:
    progression = parse_progression(text, meter=Meter.parse(meter))
    spans = progression.spans(start=Fraction(8), beats=Fraction(beats), meter=Meter.parse(meter))
    return [(float(span.start) - 8, float(span.end) - 8) for span in spans]


def test_a_chord_is_a_bar_and_the_progression_cycles() -> None:
    assert _lengths("Am F") == [(0, 4), (4, 8), (8, 12), (12, 16)]
    assert _lengths("Am F", "3/4", 7) == [(0, 3), (3, 6), (6, 7)]


def test_bar_lines_share_the_bar_and_lengths_are_kept() -> None:
    assert _lengths("Am | F G | C:3 G", beats=12) == [(0, 4), (4, 6), (6, 8), (8, 11), (11, 12)]
    assert _lengths("Am:2 F:2", beats=6) == [(0, 2), (2, 4), (4, 6)]
    assert _lengths("Am | % | F", beats=12) == [(0, 4), (4, 8), (8, 12)]


def test_silence_has_no_spans() -> None:
    for text in ("", "rest", "N.C.", " - "):
        assert _lengths(text) == []


@pytest.mark.parametrize(
    "text", ["| Am:5 |", "| Am:2 F:1 |", "% Am", "Am:0", "Am:x", "| Am:4 F |", "Am:-1", "A m"]
)
def test_bars_that_do_not_add_up_are_named(text: str) -> None:
    with pytest.raises(SpecError):
        parse_progression(text, meter=Meter())


@given(
    chords=st.lists(st.sampled_from(["Am", "F:1.5", "C:7", "N.C.", "G/B", "%"]), min_size=1, max_size=6),
    beats=st.fractions(Fraction(1, 3), 40), beats_per_bar=st.integers(1, 9),
)  # fmt: skip
def test_spans_cover_a_section_without_gap(chords: list[str], beats: Fraction, beats_per_bar: int) -> None:
    text = " ".join(["C", *chords])
    meter = Meter(beats_per_bar, 4)
    spans = list(parse_progression(text, meter=meter).spans(start=Fraction(3), beats=beats, meter=meter))
    assert spans[0].start == 3
    assert spans[-1].end == 3 + beats
    assert all(a.end == b.start and a.start < a.end for a, b in pairwise(spans))

"""Compatibility: the table, symmetry, plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match.made_up import song
from stemwright.match import Level, compatibility

KEYS = st.sampled_from(["C", "G", "Eb", "F# minor", "A minor", "Bb minor", "E", "D"])


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ((120, "C"), (120, "C"), Level.GREAT),
        ((120, "C"), (131, "A minor"), Level.GREAT),
        ((120, "C"), (126, "G"), Level.GREAT),
        ((120, "C"), (132.1, "C"), Level.GOOD),
        ((120, "C"), (120, "Eb"), Level.GOOD),
        ((120, "C"), (120, "E"), Level.CHALLENGING),
        ((100, "C"), (121, "C"), Level.CHALLENGING),
        ((120, "C"), (120, "F#"), Level.TOUGH),
        ((70, "C"), (140, "C"), Level.GREAT),  # half-time: on the beat, and said
        ((90, "C"), (135, "C"), Level.TOUGH),  # three against two would not line up
    ],
)
def test_levels(a: tuple[float, str], b: tuple[float, str], level: Level) -> None:
    assert compatibility(song(*a), song(*b)).level is level


@given(st.floats(50, 200), st.floats(50, 200), KEYS, KEYS)
def test_the_order_does_not_matter(bpm: float, other: float, key: str, other_key: str) -> None:
    a, b = song(bpm, key), song(other, other_key)
    assert compatibility(a, b).level is compatibility(b, a).level


@given(st.floats(50, 200), st.floats(50, 200), KEYS, KEYS)
def test_messages_are_plain_and_numbers_stand_in_the_reasons(
    bpm: float, other: float, key: str, other_key: str
) -> None:
    found = compatibility(song(bpm, key), song(other, other_key))
    assert not any(letter.isdigit() for letter in found.message)
    assert "bpm" in found.reasons[0]
    assert all(reason.endswith(".") for reason in found.reasons)


def test_missing_beat_and_key_are_challenging_and_say_why() -> None:
    no_beat = compatibility(song(), song(has_beat=False))
    assert no_beat.level is Level.CHALLENGING
    assert "No beat was found in song B" in no_beat.reasons[0]
    no_key = compatibility(song(confidence=0.1), song())
    assert no_key.level is Level.CHALLENGING
    assert any("key of song A" in reason for reason in no_key.reasons)
    assert compatibility(song(), song(modulates=True)).level is Level.CHALLENGING


def test_half_time_is_said() -> None:
    reasons = " ".join(compatibility(song(72), song(142)).reasons)
    assert "frantic" in reasons

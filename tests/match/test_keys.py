"""Keys: all 24 × 24 pairs, all caps, all transpositions."""

from __future__ import annotations

from itertools import product

import pytest

from match.made_up import song
from stemwright.match import MatchRequest
from stemwright.match.keys import (
    KeyDecision,
    decide_keys,
    fifths_distance,
    full_shift,
    keys_compatible,
    nearest_compatible_shift,
)
from stemwright.songs import Key, Mode

KEYS = [Key(tonic, mode) for tonic, mode in product(range(12), Mode)]
PAIRS = list(product(KEYS, KEYS))
CAPS = {"song_a": 4, "song_b": 5}  # song A sings

# the text's algorithm for relative majors on C, from a table of the circle: C G D A E B F# C# Ab Eb Bb F
CIRCLE = [0, 7, 2, 9, 4, 11, 6, 1, 8, 3, 10, 5]


def test_all_pairs_are_there() -> None:
    assert len(PAIRS) == 576
    assert len(set(KEYS)) == 24


def test_distance_by_the_drawn_circle() -> None:
    for key, other in PAIRS:
        places = [CIRCLE.index(one.relative_major) for one in (key, other)]
        steps = abs(places[0] - places[1])
        assert fifths_distance(key, other) == min(steps, 12 - steps) == fifths_distance(other, key)


def test_neighbours_on_the_camelot_wheel_go_together() -> None:
    for key, other in PAIRS:
        hours = abs(int(key.camelot[:-1]) - int(other.camelot[:-1]))
        assert keys_compatible(key, other) == (hours in (0, 1, 11))


def test_full_shift_lands_on_the_same_notes_and_is_antisymmetric() -> None:
    for key, other in PAIRS:
        step = full_shift(key, other)
        assert key.transposed(step).relative_major == other.relative_major
        assert -5 <= step <= 6
        if step != 6:  # a tritone is as far up as down
            assert full_shift(other, key) == -step


def test_two_semitones_always_suffice() -> None:
    sizes = set()
    for key, other in PAIRS:
        step = nearest_compatible_shift(key, other)
        assert keys_compatible(key.transposed(step), other)
        sizes.add(abs(step))
    assert sizes == {0, 1, 2}


def test_half_a_shift_never_lands_in_a_key_that_goes_together() -> None:
    seen = 0
    for key, other in PAIRS:
        step = full_shift(key, other)
        if not keys_compatible(key, other) and step % 2 == 0:
            seen += 1
            assert not keys_compatible(key.transposed(step // 2), other)
    assert seen == 5 * 48  # ±2, ±4 and 6


def decide(
    a: Key, b: Key, *, confidence: float = 0.9, modulates: bool = False, **request: object
) -> KeyDecision:
    songs = (
        song(key=str(a), confidence=confidence, modulates=modulates),
        song(key=str(b), confidence=confidence),
    )
    return decide_keys(MatchRequest(**request), *songs)  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0.9, 0.5])
@pytest.mark.parametrize("source", ["song_a", "song_b"])
def test_every_pair_goes_together_within_caps(source: str, confidence: float) -> None:
    for a, b in PAIRS:
        shifts = decide(a, b, confidence=confidence, key_source=source).shifts
        assert keys_compatible(shifts["song_a"].lands_in, shifts["song_b"].lands_in)
        assert all(abs(shifts[name].semitones) <= cap for name, cap in CAPS.items())
        assert shifts[source].semitones == 0
        assert shifts["song_a"].lands_in == a.transposed(shifts["song_a"].semitones)


def test_sure_keys_take_the_full_shift_and_unsure_ones_the_smallest() -> None:
    for a, b in PAIRS:
        full = full_shift(a, b)
        sure = decide(a, b).shifts["song_a"].semitones
        unsure = decide(a, b, confidence=0.45).shifts["song_a"].semitones
        if keys_compatible(a, b):
            assert sure == unsure == 0
        else:
            assert unsure == nearest_compatible_shift(a, b)
            assert sure == (full if abs(full) <= 4 else unsure)


@pytest.mark.parametrize(("confidence", "moved"), [(0.55, 3), (0.549, -2), (0.40, -2), (0.399, 0), (0.0, 0)])
def test_tiers_of_confidence(confidence: float, moved: int) -> None:
    decision = decide(Key.parse("C"), Key.parse("Eb"), confidence=confidence)
    assert decision.shifts["song_a"].semitones == moved
    assert bool(decision.warnings) == (moved == 0)
    assert bool(decision.notices) == (moved == -2)


def test_a_song_that_modulates_is_not_matched_and_it_is_said() -> None:
    decision = decide(Key.parse("C"), Key.parse("E"), modulates=True)
    assert decision.shifts["song_a"].semitones == decision.shifts["song_b"].semitones == 0
    assert "changes key" in decision.warnings[0]


def test_a_tritone_is_replaced_and_said() -> None:
    decision = decide(Key.parse("C"), Key.parse("F#"))
    assert decision.shifts["song_a"].semitones == -1
    assert decision.shifts["song_a"].lands_in == Key.parse("B")
    assert "too far" in decision.notices[0]


def test_any_transposition_keeps_pairs_together_and_within_caps() -> None:
    for (a, b), transpose in product(PAIRS[::5], range(-5, 6)):
        decision = decide(a, b, transpose_semitones=transpose)
        shifts = decision.shifts
        assert keys_compatible(shifts["song_a"].lands_in, shifts["song_b"].lands_in)
        assert all(abs(shifts[name].semitones) <= cap for name, cap in CAPS.items())
        assert decision.transpose_semitones * transpose >= 0
        assert bool(decision.warnings) == (decision.transpose_semitones != transpose)


def test_a_transposition_that_fits_is_made_whole() -> None:
    decision = decide(Key.parse("C"), Key.parse("D"), transpose_semitones=2)
    assert (decision.shifts["song_a"].semitones, decision.shifts["song_b"].semitones) == (4, 2)
    assert decision.shifts["song_b"].lands_in == Key.parse("E")


def test_a_transposition_never_pulls_a_matched_pair_apart() -> None:
    decision = decide(Key.parse("C"), Key.parse("C"), transpose_semitones=5)
    assert [shift.semitones for shift in decision.shifts.values()] == [4, 4]
    assert "+4 instead of +5" in decision.warnings[0]


def test_both_voices_share_the_narrower_cap() -> None:
    for a, b in PAIRS[::7]:
        shifts = decide(a, b, transpose_semitones=5, both_voices=True).shifts
        assert all(abs(shift.semitones) <= 4 for shift in shifts.values())


@pytest.mark.parametrize("confidence", [0.9, 0.5])
def test_a_key_from_outside_brings_both_together(confidence: float) -> None:
    for (a, b), target in product(PAIRS[::3], KEYS[::2]):
        decision = decide(a, b, confidence=confidence, key_source="target", target_key=str(target))
        landed = [decision.shifts[name].lands_in for name in CAPS]
        assert keys_compatible(*landed)
        assert all(keys_compatible(key, target) for key in landed)
        assert all(abs(decision.shifts[name].semitones) <= cap for name, cap in CAPS.items())


@pytest.mark.parametrize("both_voices", [False, True])
@pytest.mark.parametrize("transpose", [-5, 3])
def test_a_key_from_outside_with_a_transposition_on_top(transpose: int, both_voices: bool) -> None:
    for (a, b), target in product(PAIRS[::13], KEYS[::3]):
        unsure, sure = song(key=str(a), confidence=0.5), song(key=str(b))
        request = MatchRequest(
            key_source="target",
            target_key=str(target),
            transpose_semitones=transpose,
            both_voices=both_voices,
        )
        decision = decide_keys(request, unsure, sure)
        landed = [decision.shifts[name].lands_in for name in CAPS]
        moved_target = target.transposed(decision.transpose_semitones)
        assert keys_compatible(*landed)
        assert all(keys_compatible(key, moved_target) for key in landed)
        caps = dict.fromkeys(CAPS, 4) if both_voices else CAPS
        assert all(abs(decision.shifts[name].semitones) <= cap for name, cap in caps.items())


def test_a_key_from_outside_is_reached_where_the_caps_allow() -> None:
    shifts = decide(Key.parse("C"), Key.parse("E minor"), key_source="target", target_key="D").shifts
    assert (shifts["song_a"].semitones, shifts["song_b"].semitones) == (2, -5)
    assert {shift.lands_in.relative_major for shift in shifts.values()} == {2}


def test_a_key_from_outside_moves_only_the_song_whose_key_is_known() -> None:
    unsure, sure = song(key="C", confidence=0.2), song(key="Bb")
    decision = decide_keys(MatchRequest(key_source="target", target_key="D"), unsure, sure)
    assert decision.shifts["song_a"].semitones == 0
    assert decision.shifts["song_b"].semitones == 4
    assert "Song A" in decision.warnings[0]


def test_none_leaves_both_where_they_are() -> None:
    for a, b in PAIRS[::11]:
        decision = decide(a, b, key_source="none")
        assert [shift.semitones for shift in decision.shifts.values()] == [0, 0]
        assert decision.shifts["song_a"].lands_in == a
        assert not decision.warnings

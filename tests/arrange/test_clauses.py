"""Clauses of a prompt: each is met by a render that does it, and missed by one that does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from remix_plans import plan, section
from signals import rng
from stemwright.arrange.beat_powers import BeatPowers, beat_powers
from stemwright.arrange.clauses import MEASURES, ArrangedLevels, check_clauses
from stemwright.audio import Audio
from stemwright.errors import InternalError
from stemwright.planning.plan import Clause, ClauseKind, RemixPlan, SongId
from stemwright.songs import Key, SongStem

RATE, BPM = 44_100, 120.0

FULL = {"vocals": 1.0, "drums": 0.8, "bass": 0.6, "other": 0.5}


def form(**changes: Any) -> RemixPlan:
    """Intro without voice, verse, breakdown without drums, outro with drums alone."""
    parts = [
        section("intro", 0, 16, {"drums": 0.8}, transition_in="cut"),
        section("verse", 16, 48, FULL),
        section("breakdown", 48, 64, {**FULL, "drums": 0.0}),
        section("outro", 64, 80, {"drums": 0.7}),
    ]
    return plan(*parts, **changes)


def levels_of(made: RemixPlan, **changes: Any) -> ArrangedLevels:
    """Levels as a render of this plan would measure them: stems of −20 dBFS, transitions included."""
    powers, unity = {}, {}
    for song in SongId:
        for stem in SongStem:
            gains = np.zeros(made.sections[-1].end_beat)
            for part in made.sections:
                use = part.stems.get(stem)
                if use is not None and song in use.songs:
                    gains[part.start_beat : part.end_beat] = use.gain
            if gains.any():
                powers[song, stem] = 0.01 * gains**2
                unity[song, stem] = np.full(gains.size, 0.01)
    defaults: dict[str, Any] = {
        "plan": made,
        "powers": powers,
        "unity": unity,
        "frames": made.sections[-1].end_beat * RATE // 2,
        "sample_rate": RATE,
        "keys": {SongId.A: Key.parse("A minor"), SongId.B: Key.parse("C")},
        "semitones": {SongId.A: 2.0, SongId.B: 0.0},
    }
    return ArrangedLevels(**{**defaults, **changes})


MET: list[dict[str, Any]] = [
    {"kind": "vocals_from", "song": "song_a"},
    {"kind": "stem_from", "stem": "drums", "song": "song_b"},
    {"kind": "without", "stem": "drums", "section": "breakdown"},
    {"kind": "without", "stem": "guitars"},
    {"kind": "only", "stem": "drums", "section": "intro"},
    {"kind": "present", "stem": "bass"},
    {"kind": "present", "stem": "bass", "section": "breakdown"},
    {"kind": "louder", "stem": "drums", "value": 0.7},
    {"kind": "quieter", "stem": "other", "value": 0.6, "section": "verse"},
    {"kind": "has_section", "section": "breakdown"},
    {"kind": "starts_with", "stem": "drums"},
    {"kind": "starts_with", "section": "intro"},
    {"kind": "ends_with", "stem": "drums"},
    {"kind": "ends_with", "section": "outro"},
    {"kind": "length_at_least_s", "value": 39.9},
    {"kind": "length_at_most_s", "value": 40.0},
    {"kind": "tempo_bpm", "value": 120.0},
    {"kind": "faster_than_bpm", "value": 119.0},
    {"kind": "slower_than_bpm", "value": 121.0},
    {"kind": "key", "key": "C major"},
    {"kind": "key_kept", "song": "song_b"},
]
MISSED: list[dict[str, Any]] = [
    {"kind": "vocals_from", "song": "song_b"},
    {"kind": "stem_from", "stem": "drums", "song": "song_a"},
    {"kind": "without", "stem": "drums", "section": "verse"},
    {"kind": "without", "stem": "bass"},
    {"kind": "only", "stem": "vocals", "section": "verse"},
    {"kind": "only", "stem": "bass", "section": "intro"},
    {"kind": "present", "stem": "guitars"},
    {"kind": "present", "stem": "vocals", "section": "intro"},
    {"kind": "louder", "stem": "drums", "value": 0.8},
    {"kind": "quieter", "stem": "other", "value": 0.5, "section": "verse"},
    {"kind": "has_section", "section": "drop"},
    {"kind": "starts_with", "stem": "vocals"},
    {"kind": "starts_with", "section": "verse"},
    {"kind": "ends_with", "stem": "vocals"},
    {"kind": "ends_with", "section": "drop"},
    {"kind": "length_at_least_s", "value": 40.1},
    {"kind": "length_at_most_s", "value": 39.0},
    {"kind": "tempo_bpm", "value": 120.2},
    {"kind": "faster_than_bpm", "value": 120.0},
    {"kind": "slower_than_bpm", "value": 120.0},
    {"kind": "key", "key": "D minor"},
    {"kind": "key_kept"},
]


def asked(clause: dict[str, Any]) -> Any:
    [check] = check_clauses(levels_of(form(clauses=[{"text": "as asked", **clause}])))
    return check


@pytest.mark.parametrize("clause", MET, ids=lambda c: "-".join(map(str, c.values())))
def test_what_is_done_passes(clause: dict[str, Any]) -> None:
    assert asked(clause).passed, asked(clause).sentence()


@pytest.mark.parametrize("clause", MISSED, ids=lambda c: "-".join(map(str, c.values())))
def test_what_is_not_done_is_a_warning_in_plain_words(clause: dict[str, Any]) -> None:
    check = asked(clause)
    assert check.passed is False
    assert check.severity == "warning"
    assert "as asked" in check.advice


def test_every_kind_is_tried_both_ways() -> None:
    assert {c["kind"] for c in MET} == {c["kind"] for c in MISSED} == set(MEASURES) == set(ClauseKind)


@pytest.mark.parametrize("kind", ["without", "louder", "vocals_from", "tempo_bpm", "key", "has_section"])
def test_a_clause_that_lacks_what_it_needs_is_no_clause(kind: str) -> None:
    """People and models are told when the plan is read; what got past that would be our fault."""
    with pytest.raises(ValidationError, match=kind if kind != "key" else "needs a key"):
        asked({"kind": kind})


@pytest.mark.parametrize("kind", ["without", "louder", "vocals_from", "tempo_bpm"])
def test_a_clause_that_got_past_the_reader_is_our_fault(kind: str) -> None:
    bare = Clause.model_construct(kind=ClauseKind(kind), text="x")
    made = form().model_copy(update={"clauses": [bare]})
    with pytest.raises(InternalError, match=kind):
        check_clauses(levels_of(made))


def test_a_stem_that_is_planned_but_silent_in_its_song_is_not_present() -> None:
    made = form(clauses=[{"kind": "present", "stem": "bass", "text": "with bass"}])
    found = levels_of(made)
    silent = {key: power * (key[1] is not SongStem.BASS) for key, power in found.powers.items()}
    [check] = check_clauses(levels_of(made, powers=silent))
    assert not check.passed


def test_beat_powers_are_the_mean_squares_of_the_beats() -> None:
    samples = rng(2).standard_normal((2, 10 * RATE)).astype(np.float32)
    found = beat_powers(Audio(samples, RATE), bpm=BPM, beats=20)
    by_hand = (samples.astype(float) ** 2).reshape(2, 20, RATE // 2).mean(axis=(0, 2))
    assert found == pytest.approx(by_hand, rel=1e-6)


def test_beat_powers_do_not_depend_on_blocks() -> None:
    samples = rng(2).standard_normal((2, 3 * RATE)).astype(np.float32)
    whole = beat_powers(Audio(samples, RATE), bpm=97.3, beats=4)
    meter = BeatPowers(bpm=97.3, beats=4, sample_rate=RATE)
    for start in range(0, samples.shape[1], 1_777):
        meter.feed(samples[:, start : start + 1_777])
    assert meter.powers == pytest.approx(whole, rel=1e-9)

"""Refinement: only what was asked for changes, and what is said about it is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.made import pair
from planning.made import plan as made_plan
from stemwright.planning.diff import diff_plans
from stemwright.planning.offline import plan_offline
from stemwright.planning.plan import ClauseKind, KeySource, Label, RemixPlan, SongId
from stemwright.planning.playhead import reads_of, start_beat
from stemwright.planning.refine import Refined, refine_offline
from stemwright.planning.validate import validate
from stemwright.songs import SongStem

FACTS = pair()
BASE = plan_offline("intro, verse, build, drop, breakdown, chorus, outro", facts=FACTS)
V, D, BASS = SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS


def refine(request: str, plan: RemixPlan = BASE) -> Refined:
    return refine_offline(plan, request, facts=FACTS)


def labels(plan: RemixPlan) -> list[Label]:
    return [section.label for section in plan.sections]


def beats(plan: RemixPlan, label: Label) -> int:
    return sum(section.beats for section in plan.sections if section.label is label)


def gain(plan: RemixPlan, stem: SongStem, label: Label) -> float:
    return max(section.stems[stem].gain for section in plan.sections if section.label is label)


def first_sung(plan: RemixPlan) -> int:
    return next(section.start_beat for section in plan.sections if section.stems[V].gain)


def phrase(plan: RemixPlan) -> float:
    """Beat of song A with which its singing enters."""
    grid = FACTS[SongId.A].grid
    reads = reads_of(plan.sections, SongId.A, first_beat=start_beat(plan.vocal_window, grid), rate=1.0)
    return next(read.start_beat for read in reads if plan.sections[read.section].stems[V].gain)


@pytest.mark.parametrize(
    ("request_", "holds", "said"),
    [
        (
            "drums louder in the drop",
            lambda p: gain(p, D, Label.DROP) > gain(BASE, D, Label.DROP),
            "drums are louder in the drop",
        ),
        (
            "bring the vocals in earlier",
            lambda p: first_sung(p) < first_sung(BASE),
            "intro is 8 beats shorter",
        ),
        ("bring the vocals in later", lambda p: first_sung(p) > first_sung(BASE), "longer"),
        ("end on the chorus", lambda p: labels(p)[-1] is Label.CHORUS, "outro of 16 beats is gone"),
        ("start with the drop", lambda p: labels(p)[0] is Label.DROP, "A new drop"),
        (
            "shorter intro",
            lambda p: beats(p, Label.INTRO) < beats(BASE, Label.INTRO),
            "intro is 8 beats shorter",
        ),
        (
            "make the chorus much longer",
            lambda p: beats(p, Label.CHORUS) > beats(BASE, Label.CHORUS),
            "chorus is",
        ),
        ("remove the breakdown", lambda p: Label.BREAKDOWN not in labels(p), "breakdown of 16 beats is gone"),
        ("add a bridge", lambda p: Label.BRIDGE in labels(p), "new bridge"),
        (
            "2 bars more build",
            lambda p: beats(p, Label.BUILD) == beats(BASE, Label.BUILD) + 8,
            "build is 8 beats longer",
        ),
        ("swap the voices", lambda p: p.vocal_source is SongId.B, "Song B sings"),
        ("vocals from song B", lambda p: p.vocal_source is SongId.B, "Song B sings"),
        (
            "drums from song A",
            lambda p: all(s.stems[D].song == "song_a" for s in p.sections),
            "drums come from song A",
        ),
        (
            "no bass in the verse",
            lambda p: gain(p, BASS, Label.VERSE) == 0,
            "bass is silent now in the verse",
        ),
        ("120 bpm", lambda p: p.target_bpm == 120, "The tempo is 120 bpm"),
        ("don't touch the key", lambda p: p.key_source is KeySource.NONE, "each song's own"),
        ("up two semitones", lambda p: p.transpose_semitones == 2, "+2"),
        ("both singing together", lambda p: p.both_voices, "Both voices"),
        ("2 minutes", lambda p: 252 <= p.sections[-1].end_beat <= 260, "longer"),
    ],
)
def test_requests(request_: str, holds: Callable[[RemixPlan], bool], said: str) -> None:
    done = refine(request_)
    assert holds(done.plan), done.plan.sections
    assert any(said in change for change in done.changes), done.changes
    assert not done.warnings
    assert not validate(done.plan, facts=FACTS).repairs


def test_the_example_of_the_issue() -> None:
    done = refine("drums louder in the drop, bring the vocals in earlier, end on the chorus")
    assert gain(done.plan, D, Label.DROP) == 1.0
    assert first_sung(done.plan) < first_sung(BASE)
    assert labels(done.plan)[-1] is Label.CHORUS
    kinds = {clause.kind for clause in done.plan.clauses}
    assert {ClauseKind.LOUDER, ClauseKind.ENDS_WITH} <= kinds
    assert phrase(done.plan) == phrase(BASE)


@pytest.mark.parametrize(
    "request_", ["drums louder", "a bit less bass in the verse", "vocals louder, drums quieter"]
)
def test_levels_change_gains_and_nothing_else(request_: str) -> None:
    done = refine(request_)
    assert done.plan != BASE
    for old, new in zip(BASE.sections, done.plan.sections, strict=True):
        assert old.model_copy(update={"stems": new.stems}) == new
        assert {stem: use.song for stem, use in old.stems.items()} == {
            stem: use.song for stem, use in new.stems.items()
        }
    same = {"sections", "clauses", "warnings", "explanation"}
    assert BASE.model_dump(exclude=same) == done.plan.model_dump(exclude=same)


def test_what_is_not_understood_changes_nothing() -> None:
    for request_ in ("", "blah blurb", "🎉"):
        done = refine(request_)
        assert done.plan == BASE
        assert done.changes == ()
        assert "Nothing was changed." in done.warnings


def test_what_is_not_there_is_told() -> None:
    assert any("no bridge" in text for text in refine("drums louder in the bridge").warnings)
    assert any("trumpet" in text for text in refine("add a trumpet").warnings)


def test_promises_that_no_longer_hold_are_dropped() -> None:
    quiet = refine("no drums").plan
    assert ClauseKind.WITHOUT in {clause.kind for clause in quiet.clauses}
    loud = refine("with drums", quiet).plan
    assert ClauseKind.WITHOUT not in {clause.kind for clause in loud.clauses}


def test_the_same_plan_has_no_difference() -> None:
    assert diff_plans(BASE, BASE) == ()
    assert diff_plans(BASE, made_plan()) != ()


WORDS = st.sampled_from(
    [
        "vocals",
        "drums",
        "bass",
        "louder",
        "quieter",
        "without",
        "only",
        "earlier",
        "later",
        "shorter",
        "longer",
        "intro",
        "verse",
        "drop",
        "chorus",
        "outro",
        "remove",
        "add",
        "swap",
        "start",
        "end",
        "with",
        "in",
        "the",
        "song",
        "A",
        "B",
        "from",
        "2",
        "bars",
        "more",
        "120",
        "bpm",
        "faster",
        "key",
        "chill",
        "loop",
        ",",
        "and",
        "halfway",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=14))
def test_any_request_leaves_a_valid_plan_and_a_true_answer(words: list[str]) -> None:
    done = refine(" ".join(words))
    assert not validate(done.plan, facts=FACTS).repairs
    assert (done.plan == BASE) == (not done.changes)
    assert done.changes == diff_plans(BASE, done.plan)

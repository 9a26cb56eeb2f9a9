"""The table of prompts: each is planned, promises what it asks for, and stays valid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.made import FOUR, pair, song
from planning.prompts import CASES, Case
from stemwright.planning.offline import plan_offline
from stemwright.planning.pace import pace_of
from stemwright.planning.plan import ClauseKind, Label, RemixPlan, SongId
from stemwright.planning.playhead import reads_of, start_beat
from stemwright.planning.regions import phrase_beats
from stemwright.planning.validate import validate
from stemwright.songs import SongStem

FACTS = pair()


def planned(case: Case, **options: Any) -> RemixPlan:
    return plan_offline(case.prompt, facts=FACTS, titles=case.titles, **options)


def promised(plan: RemixPlan, kind: ClauseKind, fields: dict[str, Any]) -> bool:
    return any(
        clause.kind is kind and all(getattr(clause, name) == value for name, value in fields.items())
        for clause in plan.clauses
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.category}: {case.prompt[:40]}")
def test_prompt(case: Case) -> None:
    plan = planned(case)
    for kind, fields in case.expects:
        assert promised(plan, kind, fields), (kind, fields, plan.clauses)
    for index, holds in enumerate(case.holds):
        assert holds(plan), (index, plan.sections, plan.explanation)
    if case.warned is not None:
        assert all(any(word in text for text in plan.warnings) for word in case.warned), plan.warnings
        assert case.warned or not plan.warnings, plan.warnings
    assert not validate(plan, facts=FACTS).repairs
    assert plan.explanation.count(".") >= 2


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 60
    assert len({case.prompt for case in CASES}) == len(CASES)
    assert sum(bool(case.expects) for case in CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.prompt[:30])
def test_promises_are_kept_by_the_plan(case: Case) -> None:
    plan = planned(case)
    for clause in plan.clauses:
        sections = [s for s in plan.sections if clause.section in (None, s.label)]
        uses = [s.stems[clause.stem] for s in sections] if clause.stem else []
        match clause.kind:
            case ClauseKind.WITHOUT:
                assert all(use.gain == 0 for use in uses)
            case ClauseKind.ONLY:
                others = [u.gain for s in sections for stem, u in s.stems.items() if stem is not clause.stem]
                assert any(use.gain for use in uses)
                assert not any(others)
            case ClauseKind.PRESENT:
                assert any(use.gain and clause.song in (None, *use.songs) for use in uses)
            case ClauseKind.STEM_FROM | ClauseKind.VOCALS_FROM:
                voices = uses or [s.stems[SongStem.VOCALS] for s in sections]
                assert all(use.songs in ((), (clause.song,)) for use in voices)
            case ClauseKind.LOUDER | ClauseKind.QUIETER:
                heard = [
                    (s.stems[clause.stem].gain, s.beats)
                    for s in sections
                    if clause.stem and s.stems[clause.stem].gain
                ]
                mean = sum(gain * beats for gain, beats in heard) / sum(beats for _, beats in heard)
                assert clause.value is not None
                assert mean > clause.value if clause.kind is ClauseKind.LOUDER else mean < clause.value
            case ClauseKind.HAS_SECTION:
                assert sections
            case ClauseKind.STARTS_WITH | ClauseKind.ENDS_WITH:
                edge = plan.sections[0 if clause.kind is ClauseKind.STARTS_WITH else -1]
                assert clause.section in (None, edge.label)
                alone = [stem for stem, use in edge.stems.items() if use.gain]
                assert clause.stem is None or alone == [clause.stem]


def test_the_same_words_make_the_same_plan_and_seeds_other_takes() -> None:
    case = CASES[0]
    assert planned(case) == planned(case)
    takes = [planned(case, seed=seed) for seed in range(6)]
    assert len({(t.vocal_window.start_s, t.instrumental_window.start_s, len(t.sections)) for t in takes}) > 2
    assert all(promised(take, ClauseKind.VOCALS_FROM, {"song": "song_a"}) for take in takes)


VOCABULARY = (
    "vocals drums bass melody song A B first second no without only louder quieter start end with "
    "intro outro drop chorus and , . then 1:20 0:30 2 16 bars minutes bpm faster slower key of in A "
    "minor up two semitones loop swap alternate both together chill hard short long the at from over "
    "before last more less"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))


@settings(max_examples=70, deadline=None)
@given(words=st.lists(WORDS, max_size=24), seed=st.integers(0, 3))
def test_any_words_make_a_valid_plan(words: list[str], seed: int) -> None:
    plan = plan_offline(" ".join(words), facts=FACTS, seed=seed)
    again = validate(plan, facts=FACTS)
    assert again.plan == plan
    assert RemixPlan.from_dict(plan.as_dict()) == plan
    assert all(0 <= use.gain <= 1 for section in plan.sections for use in section.stems.values())


ODD = {
    "no voice in A": pair(a=song("a", stems=FOUR[1:], prominence_db=-60.0)),
    "3 seconds": pair(a=song("a", bpm=70.0, duration_s=3.0)),
    "no beat, 20 minutes": pair(a=song("a", confidence=0.0, duration_s=1200.0)),
    "far apart": pair(a=song("a", bpm=80.0), b=song("b", bpm=127.0)),
    "six stems": pair(b=song("b", bpm=128.0, stems=(*FOUR, SongStem.KEYS, SongStem.GUITARS))),
    "nearly nothing": pair(a=song("a", stems=()), b=song("b", stems=(SongStem.OTHER,))),
    "waltz with a voice": pair(b=song("b", bpm=90.0, beats_per_bar=3, prominence_db=-2.0)),
    "twice the same": pair(b=song("a", bpm=120.0, prominence_db=-4.0)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_songs_end_in_a_valid_plan(name: str) -> None:
    for case in CASES[::2]:
        plan = plan_offline(case.prompt, facts=ODD[name])
        assert not validate(plan, facts=ODD[name]).repairs


def test_a_song_without_a_voice_lets_the_other_sing() -> None:
    plan = plan_offline("vocals from A over B", facts=ODD["no voice in A"])
    assert plan.vocal_source is SongId.B
    assert any("no voice" in text for text in plan.warnings)


def test_finer_stems_follow_the_rest() -> None:
    plan = plan_offline("vocals from A over B, more piano", facts=ODD["six stems"])
    main = next(s for s in plan.sections if s.label is Label.MAIN)
    assert main.stems[SongStem.KEYS].song == "song_b"
    assert main.stems[SongStem.KEYS].gain > main.stems[SongStem.GUITARS].gain > 0


def test_ghost_voices_keep_stretches_without_a_lead_short() -> None:
    haunted = pair(b=song("b", bpm=128.0, prominence_db=-2.0, duration_s=220.0))
    plan = plan_offline("", facts=haunted)
    assert plan.sections[0].beats == plan.sections[-1].beats == 8
    assert plan_offline("", facts=haunted, bleed=False).sections[0].beats > 8


def test_voices_enter_on_a_phrase() -> None:
    plan = plan_offline("alternate the singers, 2 minutes", facts=FACTS)
    for one, known in FACTS.items():
        pace = pace_of(plan, FACTS)
        first = start_beat(plan.window_of(one), known.grid)
        sang = False
        for read in reads_of(plan.sections, one, first_beat=first, rate=pace.rates[one]):
            sings = one in plan.sections[read.section].stems[SongStem.VOCALS].songs
            if sings and not sang:
                assert min(abs(read.start_beat - beat) for beat in phrase_beats(known)) < 0.5
            sang = sings


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_makes_a_valid_plan(text: str) -> None:
    assert not validate(plan_offline(text, facts=FACTS), facts=FACTS).repairs

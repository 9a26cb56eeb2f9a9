"""The validator: each point by hand, and any plan at all by property."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planning.made import FOUR, pair, plan, section, song, use
from stemwright.errors import SpecError
from stemwright.planning.pace import pace_of
from stemwright.planning.plan import (
    Clause,
    ClauseKind,
    Cue,
    KeySource,
    Label,
    PlanSection,
    RemixPlan,
    SongId,
    TempoSource,
    Window,
)
from stemwright.planning.playhead import reads_of, start_beat
from stemwright.planning.validate import Validated, validate
from stemwright.songs import SongFacts, SongStem

FACTS = pair()


def check(given_plan: RemixPlan, facts: dict[SongId, SongFacts] | None = None, **options: Any) -> Validated:
    return validate(given_plan, facts=facts or FACTS, **options)


def moved(given_section: PlanSection, start: int, end: int) -> PlanSection:
    return given_section.model_copy(update={"start_beat": start, "end_beat": end})


def changed(**fields: Any) -> RemixPlan:
    return plan().model_copy(update=fields)


def spans(done: Validated) -> list[tuple[int, int]]:
    return [(s.start_beat, s.end_beat) for s in done.plan.sections]


def one_repair(done: Validated, *words: str) -> None:
    (notice,) = done.repairs
    assert all(word in notice.text for word in words), notice.text


def test_a_valid_plan_passes_untouched() -> None:
    done = check(plan())
    assert done.plan == plan()
    assert not done.notices


def test_point_1_order() -> None:
    done = check(plan(sections=list(reversed(plan().sections))))
    assert done.plan == plan()
    one_repair(done, "order")


def test_point_1_the_first_section_begins_at_0() -> None:
    late = [
        s.model_copy(update={"start_beat": s.start_beat + 8, "end_beat": s.end_beat + 8})
        for s in plan().sections
    ]
    done = check(plan(sections=late))
    assert done.plan == plan()
    one_repair(done, "beat 8")


def test_point_2_overlaps_cut_the_earlier() -> None:
    done = check(plan(sections=[section(Label.INTRO, 0, 48), *plan().sections[1:]]))
    assert done.plan == plan()
    one_repair(done, "ends at beat 32")


def test_point_2_no_length() -> None:
    done = check(plan(sections=[*plan().sections, section(Label.DROP, 50, 40)]))
    assert Label.DROP not in [s.label for s in done.plan.sections]


def test_point_3_gaps() -> None:
    done = check(plan(sections=[section(Label.INTRO, 0, 24), *plan().sections[1:]]))
    assert done.plan == plan()
    one_repair(done, "8 beats longer")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_point_4_short_sections_merge(place: int) -> None:
    at = [0, 32, 192][place]
    before = [s for s in plan().sections if s.end_beat <= at]
    after = [moved(s, s.start_beat + 3, s.end_beat + 3) for s in plan().sections if s.start_beat >= at]
    done = check(plan(sections=[*before, section(Label.BRIDGE, at, at + 3), *after]))
    assert Label.BRIDGE not in [s.label for s in done.plan.sections]
    assert len(done.plan.sections) == 3
    assert done.plan.sections[-1].end_beat in (192, 196)


def test_point_5_transitions() -> None:
    long = plan().sections[0].model_copy(update={"transition_beats": 30})
    done = check(plan(sections=[long, *plan().sections[1:]]))
    assert done.plan.sections[0].transition_beats == 16
    one_repair(done, "16 beats", "30")


def test_point_6_missing_and_unknown_stems() -> None:
    first, *rest = plan().sections
    stems = {SongStem.DRUMS: use(0.5), SongStem.KEYS: use(0.5)}
    done = check(plan(sections=[first.model_copy(update={"stems": stems}), *rest]))
    assert set(done.plan.sections[0].stems) == set(FOUR)
    assert done.plan.sections[0].stems[SongStem.BASS].gain == 0
    assert "keys" in done.repairs[0].text + done.repairs[1].text


def test_six_stems_are_known_where_a_song_has_them() -> None:
    facts = pair(b=song("b", bpm=128.0, stems=(*FOUR, SongStem.KEYS)))
    done = check(plan(facts), facts)
    assert all(SongStem.KEYS in s.stems for s in done.plan.sections)


def test_a_stem_that_a_song_does_not_have_is_told() -> None:
    facts = pair(a=song("a", stems=(SongStem.DRUMS,)))
    done = check(plan(facts), facts)
    assert not any(s.stems[SongStem.VOCALS].gain for s in done.plan.sections)
    assert any("Song A has no vocals" in notice.text for notice in done.repairs)


def test_point_8_a_short_song_comes_again() -> None:
    facts = pair(b=song("b", bpm=128.0, duration_s=40.0))
    done = check(plan(facts), facts)
    assert any("to stay inside the song" in notice.text for notice in done.repairs)
    inside(done.plan, facts)


def test_point_9_a_single_section() -> None:
    done = check(plan(sections=[section(Label.MAIN, 0, 192, 1.0)]))
    assert [s.label for s in done.plan.sections] == [Label.INTRO, Label.MAIN]
    assert done.plan.sections[0].stems[SongStem.VOCALS].gain == 0
    assert done.plan.sections[1].stems[SongStem.VOCALS].gain == 1


@pytest.mark.parametrize(("end", "right"), [(191, 192), (190, 192), (189, 188), (193, 192)])
def test_point_10_the_end(end: int, right: int) -> None:
    done = check(plan(sections=[*plan().sections[:2], section(Label.OUTRO, 160, end)]))
    assert done.plan.sections[-1].end_beat == right
    one_repair(done, "bar")


def test_too_long_and_too_short() -> None:
    pace = pace_of(plan(), FACTS)
    long = check(plan(sections=[section(Label.INTRO, 0, 32), section(Label.MAIN, 32, 900, 1.0)]))
    assert 170 < pace.seconds(long.plan.sections[-1].end_beat) <= 180
    short = check(plan(sections=[section(Label.INTRO, 0, 8), section(Label.MAIN, 8, 16, 1.0)]))
    assert 30 <= pace.seconds(short.plan.sections[-1].end_beat) < 33


def test_a_named_length_may_be_shorter() -> None:
    short = plan(sections=[section(Label.INTRO, 0, 8), section(Label.MAIN, 8, 32, 1.0)])
    clause = Clause(kind=ClauseKind.LENGTH_AT_MOST_S, text="15 seconds", value=17.0)
    assert not check(short.model_copy(update={"clauses": [clause]})).repairs


def test_one_lead_voice() -> None:
    main = plan().sections[1]
    both = main.model_copy(update={"stems": {**main.stems, SongStem.VOCALS: use(1.0, "both")}})
    done = check(plan(sections=[plan().sections[0], both, plan().sections[2]]))
    assert done.plan == plan()
    one_repair(done, "voice of song A")
    asked = plan(sections=[plan().sections[0], both, plan().sections[2]]).model_copy(
        update={"both_voices": True}
    )
    assert not check(asked).repairs


def test_windows_come_inside_and_far_moves_are_warnings() -> None:
    done = check(changed(vocal_window=Window(start_s=500.0, end_s=600.0)))
    assert done.plan.vocal_window.end_s <= FACTS[SongId.A].duration_s
    assert done.plan.vocal_window.end_s - done.plan.vocal_window.start_s >= 5
    assert any("song A" in text for text in done.plan.warnings)


def test_targets_without_values() -> None:
    done = check(changed(tempo_source=TempoSource.TARGET, key_source=KeySource.TARGET, target_key="H sharp"))
    assert done.plan.tempo_source == "song_b"
    assert done.plan.key_source == "song_b"
    assert len(done.repairs) == 2


def test_other_songs_are_refused() -> None:
    with pytest.raises(SpecError, match="another file"):
        check(plan(pair(a=song("somebody else"))))


def test_silence_is_refused() -> None:
    silent = [s.model_copy(update={"stems": {}}) for s in plan().sections]
    with pytest.raises(SpecError, match="Nothing sounds"):
        check(plan(sections=silent))


def test_ghost_voices_are_told_where_stems_bleed() -> None:
    facts = pair(b=song("b", bpm=128.0, duration_s=220.0, prominence_db=-3.0))
    assert any("faintly" in notice.text for notice in check(plan(facts), facts).warnings)
    assert not check(plan(facts), facts, bleed=False).warnings


BEATS = st.one_of(st.integers(0, 300), st.integers(0, 1_000_000))
SECONDS = st.one_of(st.floats(0, 300), st.floats(0, 1e300))
USES = st.builds(
    lambda g, s: {"gain": g, "song": s},
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from(["song_a", "song_b", "both"]),
)
CUES = st.builds(
    lambda b, n: {"source_beat": b, "loop_beats": n},
    st.one_of(st.integers(-20, 600), st.integers(-1_000_000, 1_000_000)),
    st.one_of(st.none(), st.integers(1, 64), st.integers(1, 1_000_000)),
)
SECTIONS = st.fixed_dictionaries(
    {
        "label": st.sampled_from([str(label) for label in Label]),
        "start_beat": BEATS,
        "end_beat": BEATS.map(lambda beat: beat + 1 if beat < 1_000_000 else beat),
        "stems": st.dictionaries(st.sampled_from([str(stem) for stem in SongStem]), USES, max_size=6),
        "transition_in": st.sampled_from(["fade", "crossfade", "cut"]),
        "transition_beats": st.integers(0, 100),
        "cues": st.dictionaries(st.sampled_from(["song_a", "song_b"]), CUES),
    }
)
WINDOWS = st.fixed_dictionaries({"start_s": SECONDS, "end_s": SECONDS})
PLANS = st.fixed_dictionaries(
    {
        "songs": st.just({}),
        "vocal_source": st.sampled_from(["song_a", "song_b"]),
        "vocal_window": WINDOWS,
        "instrumental_window": WINDOWS,
        "tempo_source": st.sampled_from(["song_a", "song_b", "average", "target"]),
        "target_bpm": st.one_of(st.none(), st.floats(40, 250)),
        "key_source": st.sampled_from(["song_a", "song_b", "target", "none"]),
        "target_key": st.sampled_from([None, "A minor", "F#", "nonsense", ""]),
        "sections": st.lists(SECTIONS, min_size=1, max_size=8),
        "both_voices": st.booleans(),
        "explanation": st.just(""),
    }
)
PAIRS = [
    FACTS,
    pair(a=song("a", bpm=70.0, duration_s=3.0), b=song("b", bpm=174.0, duration_s=1200.0)),
    pair(a=song("a", bpm=90.0, beats_per_bar=3), b=song("b", bpm=135.0, stems=(*FOUR, SongStem.KEYS))),
    pair(
        a=song("a", duration_s=12.0, confidence=0.0),
        b=song("b", bpm=61.0, first_downbeat_s=4.0, duration_s=30.0),
    ),
]


def inside(valid: RemixPlan, facts: dict[SongId, SongFacts]) -> None:
    """Everything audible is read inside its song; songs shorter than a beat apart."""
    pace = pace_of(valid, facts)
    for song_id, known in facts.items():
        first = start_beat(valid.window_of(song_id), known.grid)
        for read in reads_of(valid.sections, song_id, first_beat=first, rate=pace.rates[song_id]):
            if read.audible:
                start, end = known.grid.seconds_at([read.start_beat, read.end_beat]).tolist()
                assert start >= -1e-3
                assert end <= known.duration_s + 1e-3
                assert end <= valid.window_of(song_id).end_s + 0.01 or read.loop_beats


def is_valid(valid: RemixPlan, facts: dict[SongId, SongFacts]) -> None:
    """The ten points, said a second time."""
    sections = valid.sections
    bar = facts[valid.vocal_source.other].grid.beats_per_bar
    assert len(sections) >= 2
    assert sections[0].start_beat == 0
    assert all(a.end_beat == b.start_beat for a, b in pairwise(sections))
    assert all(s.beats >= 4 for s in sections)
    assert all(s.transition_beats <= s.beats / 2 for s in sections)
    assert sections[-1].end_beat % bar == 0
    assert len({frozenset(s.stems) for s in sections}) == 1
    assert set(FOUR) <= set(sections[0].stems)
    seconds = pace_of(valid, facts).seconds(sections[-1].end_beat)
    assert 30 - 1e-6 <= seconds <= 180 + 1e-6
    assert valid.both_voices or all(s.stems[SongStem.VOCALS].song != "both" for s in sections)
    for song_id, known in facts.items():
        window = valid.window_of(song_id)
        assert 0 <= window.start_s < window.end_s <= known.duration_s + 1e-6
        assert window.end_s - window.start_s >= min(5.0, known.duration_s) - 1e-3
    assert RemixPlan.from_dict(valid.as_dict()) == valid


@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=PLANS, which=st.integers(0, len(PAIRS) - 1))
def test_any_plan_becomes_valid_and_stays_so(raw: dict[str, Any], which: int) -> None:
    facts = PAIRS[which]
    try:
        once = validate(RemixPlan.from_dict(raw), facts=facts)
    except SpecError as error:
        assert "sounds" in str(error) or "length" in str(error)  # noqa: PT017
        return
    is_valid(once.plan, facts)
    inside(once.plan, facts)
    assert once.repairs
    twice = validate(once.plan, facts=facts)
    assert twice.plan == once.plan
    assert not twice.repairs
    assert twice.warnings == once.warnings


def test_loops_and_jumps_stay_as_asked_where_they_fit() -> None:
    intro, main, outro = plan().sections
    cued = main.model_copy(update={"cues": {SongId.A: Cue(source_beat=96, loop_beats=16)}})
    assert not check(plan(sections=[intro, cued, outro])).repairs

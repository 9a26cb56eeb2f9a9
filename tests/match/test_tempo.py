"""Tempos: the readings, the tiers, who sets the tempo, what is told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match.made_up import drifting_grid, song
from stemwright.errors import InputError, SpecError
from stemwright.match import MatchRequest, TempoAction, decide_match, reconcile_bpm
from stemwright.match.settings import FACTORS, MatchSettings, TempoLimits
from stemwright.match.tempo import change_percent, decide_tempo, gap_percent
from stemwright.songs import SongStem

BPM = st.floats(40.0, 240.0)


@pytest.mark.parametrize(
    ("a", "b", "factors"),
    [
        (120.0, 120.0, (1.0, 1.0)),
        (70.0, 140.0, (2.0, 1.0)),  # the instrumental song, b, stays as tracked
        (140.0, 70.0, (0.5, 1.0)),
        (60.0, 120.0, (2.0, 1.0)),  # 60 is below the range: no tie
        (174.0, 87.0, (0.5, 1.0)),
        (100.0, 110.0, (1.0, 1.0)),  # 10 % beats any reading that costs 15
        (90.0, 135.0, (1.5, 1.0)),  # 50 % apart against 15
        (100.0, 104.0, (1.0, 1.0)),
        (200.0, 100.0, (0.5, 1.0)),
    ],
)
def test_known_pairs(a: float, b: float, factors: tuple[float, float]) -> None:
    read = reconcile_bpm(a, b)
    assert (read.factor_a, read.factor_b) == factors


@given(BPM, BPM, st.sampled_from(["song_a", "song_b"]))
def test_the_anchor_keeps_its_tempo_or_an_octave_of_it(a: float, b: float, anchor: str) -> None:
    read = reconcile_bpm(a, b, anchor=anchor)
    factor, bpm = (read.factor_a, a) if anchor == "song_a" else (read.factor_b, b)
    assert factor == 1.0 if 70 <= bpm <= 180 else factor in (0.5, 2.0)


def test_ties_leave_the_anchor_as_tracked() -> None:
    assert reconcile_bpm(70.0, 140.0, anchor="song_a").factor_b == 0.5
    assert reconcile_bpm(70.0, 140.0, anchor="song_b").factor_a == 2.0


@given(BPM, BPM)
def test_reading_is_the_cheapest_of_all_in_range(a: float, b: float) -> None:
    read = reconcile_bpm(a, b)
    costs = [
        gap_percent(a * fa, b * fb) + pa + pb
        for (fa, pa), (fb, pb) in product(FACTORS.items(), FACTORS.items())
        if 70 <= a * fa <= 180 and 70 <= b * fb <= 180
    ]
    assert read.cost_percent == pytest.approx(min(costs), abs=1e-5)
    assert 70 <= read.bpm_a <= 180
    assert 70 <= read.bpm_b <= 180


@given(BPM, BPM)
def test_swapping_the_songs_swaps_the_reading(a: float, b: float) -> None:
    there, back = reconcile_bpm(a, b, anchor="song_b"), reconcile_bpm(b, a, anchor="song_a")
    assert there.cost_percent == pytest.approx(back.cost_percent, abs=1e-5)


@given(BPM, BPM, st.sampled_from([0.5, 2.0]))
def test_an_octave_error_costs_what_it_says(a: float, b: float, octave: float) -> None:
    wrong = a * octave
    if 70 <= a <= 180 and 70 <= wrong <= 180:
        right, misread = reconcile_bpm(a, b), reconcile_bpm(wrong, b)
        assert abs(right.cost_percent - misread.cost_percent) <= 20 + 1e-5


def test_outside_every_reading_a_tempo_is_kept() -> None:
    assert reconcile_bpm(20.0, 120.0).factor_a == 1.0
    with pytest.raises(InputError, match="not a tempo"):
        reconcile_bpm(0.0, 120.0)


def test_facts_and_numbers_read_alike() -> None:
    assert reconcile_bpm(song(96.3), song(101.7)) == reconcile_bpm(96.3, 101.7)


def decide(a: float, b: float, **request: object):  # type: ignore[no-untyped-def]
    return decide_tempo(MatchRequest(**request), song(a), song(b))  # type: ignore[arg-type]


def test_instrumental_song_sets_the_tempo() -> None:
    decision = decide(112.0, 120.0)
    assert decision.target_bpm == 120.0
    assert decision.voices["song_a"] is TempoAction.STRETCH
    assert decision.instruments["song_b"] is decision.voices["song_b"] is TempoAction.KEEP
    assert decision.notices == decision.warnings == ()
    assert decide(112.0, 120.0, vocal_source="song_b").target_bpm == 112.0


@pytest.mark.parametrize(
    ("voice_bpm", "beat_bpm", "action", "told"),
    [
        (110.0, 120.9, TempoAction.STRETCH, ""),  # +9.9 %
        (100.0, 110.0, TempoAction.STRETCH, "notice"),  # +10 % exactly
        (100.0, 125.0, TempoAction.STRETCH, "notice"),
        (100.0, 129.9, TempoAction.STRETCH, "notice"),
        (110.0, 99.1, TempoAction.STRETCH, ""),  # −9.9 %
        (140.0, 108.0, TempoAction.STRETCH, "notice"),  # −23 %
    ],
)
def test_tiers_of_the_voice(voice_bpm: float, beat_bpm: float, action: TempoAction, told: str) -> None:
    decision = decide(voice_bpm, beat_bpm)
    assert decision.voices["song_a"] is action
    assert bool(decision.notices) == (told == "notice")
    assert not decision.warnings


def far(change_percent: float):  # type: ignore[no-untyped-def]
    """The voice's action at a change that no other reading softens."""
    from stemwright.match.tempo import _Decider

    limits = MatchSettings().voices
    decider = _Decider(MatchRequest(), {"song_a": song(), "song_b": song()}, MatchSettings())
    action = decider._action("song_a", "voice", change_percent, limits, told=True)
    return action, decider.notices, decider.warnings


@pytest.mark.parametrize(
    ("change", "action", "warned"),
    [
        (30.0, TempoAction.STRETCH, False),
        (30.1, TempoAction.STRETCH, True),
        (45.0, TempoAction.STRETCH, True),
        (45.1, TempoAction.FREE, True),
        (-25.0, TempoAction.STRETCH, False),
        (-25.1, TempoAction.STRETCH, True),
        (-35.0, TempoAction.STRETCH, True),
        (-35.1, TempoAction.FREE, True),
    ],
)
def test_limits_depend_on_direction(change: float, action: TempoAction, warned: bool) -> None:
    seen, _, warnings = far(change)
    assert (seen, bool(warnings)) == (action, warned)


@given(BPM, BPM)
def test_nothing_is_ever_stretched_beyond_its_limit(a: float, b: float) -> None:
    for source in (None, "song_a", "average"):
        decision = decide(a, b, tempo_source=source)
        for name, bpm in (("song_a", a), ("song_b", b)):
            change = change_percent(bpm * decision.factors[name], decision.target_bpm)
            if decision.voices[name] is TempoAction.STRETCH:
                assert -35.001 <= change <= 45.001
            if decision.instruments[name] is TempoAction.STRETCH:
                assert -25.001 <= change <= 30.001
        assert (
            decision.instruments["song_b"] is not TempoAction.FREE
        )  # the instrumental song never plays free


def test_average_only_when_close() -> None:
    assert decide(110.0, 120.0, tempo_source="average").target_bpm == pytest.approx(115.0)
    apart = decide(100.0, 116.0, tempo_source="average")
    assert apart.target_bpm == 116.0
    assert "16 % apart" in apart.warnings[0]


def test_the_voices_own_tempo_unless_it_breaks_the_instruments() -> None:
    assert decide(108.0, 120.0, tempo_source="song_a").target_bpm == 108.0
    refused = decide(165.0, 125.0, tempo_source="song_a")  # 3/2 of 125 is out of range
    assert refused.target_bpm == 125.0
    assert "break up" in refused.warnings[0]


def test_a_number_is_reached_or_told() -> None:
    assert decide(112.0, 120.0, tempo_source="target", target_bpm=126.0).target_bpm == 126.0
    assert decide(80.0, 90.0, tempo_source="target", target_bpm=175.0).factors["song_b"] == 2.0
    far_off = decide(112.0, 120.0, tempo_source="target", target_bpm=45.0)
    assert far_off.target_bpm == pytest.approx(
        45.0
    )  # 120 counted at half its tempo is 60: −25 % just bears it
    slower = decide(112.0, 120.0, tempo_source="target", target_bpm=40.0)
    assert slower.target_bpm != 40.0
    assert "as near as they bear" in slower.warnings[0]


def test_readings_are_told() -> None:
    half = decide(140.0, 72.0)
    assert half.factors["song_a"] == 0.5
    assert any("half its tempo" in notice for notice in half.notices)
    careful = MatchSettings(voices=TempoLimits(10, 15, 15, 20, 15))
    three_to_two = decide_tempo(MatchRequest(), song(100.0), song(150.0), settings=careful)
    assert any("bars do not line up" in warning for warning in three_to_two.warnings)
    assert "Song A" in three_to_two.warnings[0]


def test_a_song_without_beat() -> None:
    speech = song(97.0, has_beat=False)
    decision = decide_tempo(MatchRequest(), song(120.0), speech)
    assert decision.target_bpm == 120.0
    assert decision.instruments["song_b"] is TempoAction.FREE
    assert decision.voices["song_a"] is TempoAction.KEEP
    over_beat = decide_tempo(MatchRequest(), speech, song(120.0))
    assert over_beat.target_bpm == 120.0
    assert over_beat.voices["song_a"] is TempoAction.FREE
    neither = decide_tempo(MatchRequest(), song(90.0, has_beat=False), speech)
    assert neither.instruments["song_b"] is TempoAction.KEEP
    assert "either song" in neither.warnings[0]


def test_a_drifting_song_is_mapped_even_at_its_own_tempo() -> None:
    drifting = song(120.0, grid=drifting_grid())
    decision = decide_tempo(MatchRequest(), song(120.0), drifting)
    assert decision.instruments["song_b"] is TempoAction.STRETCH


@dataclass(frozen=True)
class Use:
    songs: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    stems: dict[SongStem, Use]


@dataclass(frozen=True)
class Plan:
    """What matching reads of a plan."""

    sections: tuple[Section, ...]
    vocal_source: str = "song_a"
    tempo_source: str | None = "song_b"
    target_bpm: float | None = None
    key_source: str | None = "song_b"
    target_key: str | None = None
    transpose_semitones: int = 5
    both_voices: bool = False


def test_whose_stems_are_heard_is_read_from_the_sections() -> None:
    usual = Section({SongStem.VOCALS: Use(("song_a",)), SongStem.DRUMS: Use(("song_b",))})
    hand_off = Section({SongStem.VOCALS: Use(("song_b",)), SongStem.DRUMS: Use(())})
    borrowed = Section({SongStem.VOCALS: Use(()), SongStem.BASS: Use(("song_a", "song_b"))})
    plain, sung, played = (MatchRequest.of(Plan((usual, more))) for more in (usual, hand_off, borrowed))
    assert (plain.both_voices, plain.both_instruments) == (False, False)
    assert (sung.both_voices, sung.both_instruments) == (True, False)
    assert (played.both_voices, played.both_instruments) == (False, True)
    far_apart = song(100.0), song(128.0)
    assert any("instruments" in text for text in decide_match(played, *far_apart).warnings)
    assert not any("A's instruments" in text for text in decide_match(plain, *far_apart).warnings)
    assert decide_match(sung, *far_apart).song_b.semitones == 4
    assert decide_match(plain, *far_apart).song_a.semitones == 4


def test_the_same_song_twice_is_left_alone() -> None:
    pairing = decide_match(MatchRequest(), song(97.31), song(97.31))
    assert pairing.song_a.vocals is pairing.song_b.instruments is TempoAction.KEEP
    assert pairing.notices == pairing.warnings == ()


def test_bad_requests_say_what_is_missing() -> None:
    with pytest.raises(SpecError, match="target_bpm"):
        MatchRequest(tempo_source="target")
    with pytest.raises(SpecError, match="target_key"):
        MatchRequest(key_source="target")
    with pytest.raises(SpecError, match="unknown"):
        MatchRequest(vocal_source="song_c")
    with pytest.raises(InputError, match="not a key"):
        MatchRequest(key_source="target", target_key="H flat")


@pytest.mark.parametrize(("a", "b"), [(90.0, 128.0), (92.0, 126.0), (100.0, 135.0), (140.0, 92.0)])
def test_bars_line_up_wherever_a_voice_bears_it(a: float, b: float) -> None:
    """By the penalties alone these would be counted three against two."""
    assert reconcile_bpm(a, b).factor_a in (1.5, 2 / 3) or reconcile_bpm(a, b).factor_b in (1.5, 2 / 3)
    decision = decide(a, b)
    assert set(decision.factors.values()) <= {1.0, 0.5, 2.0}
    assert decision.voices["song_a"] is not TempoAction.FREE

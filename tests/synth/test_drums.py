"""Drum parts: backbeat, fills, endings, swing, dynamics, in every meter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.synth import DrumSettings, Part, check_part, compose_drums
from stemwright.synth.drums import CLAP, CRASH, FILL_DRUMS, KICK, SNARE, STICK, STYLES, TOMS
from stemwright.synth.settings import DRUM_STYLES

METERS = ["4/4", "3/4", "6/8", "5/4", "7/8", "12/8", "2/4"]


def song(meter: str = "4/4", *, bars: int = 8) -> Timeline:
    read = Meter.parse(meter)
    beats = Fraction(bars * read.beats_per_bar)
    names = ("intro", "verse", "chorus", "bridge", "chorus", "outro")
    return build_timeline(
        [SectionRequest(name, beats, Fraction(92 if name == "bridge" else 120)) for name in names],
        meter=read, sample_rate=48_000,
    )  # fmt: skip


def drums(timeline: Timeline, *, seed: int = 1, **table: object) -> Part:
    return compose_drums(DrumSettings.parse(table), timeline=timeline, seed=seed)


def in_bar(part: Part, timeline: Timeline, bar: int, keys: frozenset[int] | set[int]) -> set[Fraction]:
    """Beats, counted from 0 in the bar, on which one of the keys is struck."""
    start = list(timeline.bar_starts())[bar]
    end = start + timeline.meter.beats_per_bar
    return {n.start_beat - start for n in part.notes if start <= n.start_beat < end and n.pitch in keys}


def test_styles_are_the_ones_that_settings_know() -> None:
    assert set(STYLES) == set(DRUM_STYLES) - {"none"}


def test_snare_stands_on_two_and_four_and_kick_on_one() -> None:
    timeline = song()
    part = drums(timeline, humanize=0)
    for bar in (8, 9, 17, 20):
        assert in_bar(part, timeline, bar, {SNARE}) == {1, 3}
        assert 0 in in_bar(part, timeline, bar, {KICK})
    assert all(n.shift_s == 0.0 for n in part.notes)


@pytest.mark.parametrize(
    ("meter", "backbeat"),
    [
        ("4/4", {1, 3}),
        ("3/4", {2}),
        ("6/8", {3}),
        ("12/8", {3, 9}),
        ("5/4", {2, 4}),
        ("7/8", {4}),
        ("2/4", {1}),
    ],
)
def test_backbeat_is_where_the_meter_wants_it(meter: str, backbeat: set[int]) -> None:
    timeline = song(meter)
    assert in_bar(drums(timeline, humanize=0), timeline, 9, {SNARE, STICK, CLAP}) == backbeat


def test_half_time_moves_the_backbeat_to_three() -> None:
    timeline = song()
    part = drums(timeline, pattern={"default": "rock", "bridge": "half-time"})
    assert in_bar(part, timeline, 25, {SNARE}) == {2}


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8", "7/8"])
@pytest.mark.parametrize("style", STYLES)
def test_a_fill_leads_into_every_section(meter: str, style: str) -> None:
    timeline = song(meter)
    part = drums(timeline, pattern=style)
    checks = {check.name: check for check in check_part(part, timeline=timeline, subject="drums")}
    assert checks["fills before section changes"].measured == 5
    assert all(check.passed for check in checks.values())
    assert all(0 <= n.start_beat < n.end_beat <= timeline.beats for n in part.notes)


def test_the_check_of_fills_can_fail() -> None:
    timeline = song()
    part = drums(timeline)
    bare = Part(
        "d", part.role, 0, is_drums=True, notes=tuple(n for n in part.notes if n.pitch not in FILL_DRUMS)
    )
    assert any(check.failed for check in check_part(bare, timeline=timeline, subject="d"))


def test_fills_rise_and_differ() -> None:
    timeline = song()
    part = drums(timeline, humanize=0)
    starts = [s.start_beat for s in timeline.sections[1:]]
    fills = [
        [n for n in part.notes if end - 2 <= n.start_beat < end and n.pitch in FILL_DRUMS] for end in starts
    ]
    assert all(fill[-1].velocity > fill[0].velocity for fill in fills)
    shapes = {tuple((n.start_beat % 4, n.pitch) for n in fill) for fill in fills}
    assert len(shapes) >= 3
    plain = [n for n in part.notes if 33 <= n.start_beat < 60]
    assert not any(n.pitch in TOMS for n in plain)


def test_the_last_bar_is_one_hit_and_choruses_open_with_a_crash() -> None:
    timeline = song()
    part = drums(timeline)
    last = list(timeline.bar_starts())[-1]
    final = [n for n in part.notes if n.start_beat >= last]
    assert {n.start_beat for n in final} == {last}
    assert {KICK, CRASH} <= {n.pitch for n in final}
    assert 0 in in_bar(part, timeline, 16, {CRASH})
    assert 0 not in in_bar(part, timeline, 8, {CRASH})


def test_swing_goes_to_the_triplet() -> None:
    timeline = song()
    straight, half, full = (
        in_bar(drums(timeline, humanize=0, swing=swing), timeline, 9, {42}) for swing in (0.0, 0.5, 1.0)
    )
    assert sorted(straight)[1] == Fraction(1, 2)
    assert sorted(half)[1] == Fraction(7, 12)
    assert sorted(full)[1] == Fraction(2, 3)
    assert sorted(in_bar(drums(timeline, pattern="shuffle"), timeline, 9, {42}))[1] == Fraction(2, 3)


def test_hands_are_human_and_the_one_is_not_moved() -> None:
    timeline = song()
    part = drums(timeline, humanize=1.0)
    bars = set(timeline.bar_starts())
    assert {n.shift_s for n in part.notes if n.start_beat in bars} == {0.0}
    moved = [abs(n.shift_s) for n in part.notes if n.start_beat not in bars]
    assert 0.001 < np.mean(moved) < 0.006
    assert max(moved) <= 0.010
    hats = [n.velocity for n in part.notes if n.pitch == 42 and n.start_beat < 28]
    assert np.std(hats) > 3


def test_choruses_are_hit_harder() -> None:
    timeline = song()
    part = drums(timeline)

    def mean(name: str) -> float:
        return float(
            np.mean([n.velocity for n in part.notes if timeline.section_at(n.start_beat).name == name])
        )

    assert 40 * np.log10(mean("chorus") / mean("verse")) > 3.0


def test_sections_can_be_silent() -> None:
    timeline = song()
    part = drums(timeline, pattern={"default": "rock", "intro": "none"})
    assert min(n.start_beat for n in part.notes) == 32
    assert not drums(timeline, pattern="none").notes


def test_same_seed_same_part_other_seed_other_take() -> None:
    assert drums(song()) == drums(song())
    grids = {tuple((n.start_beat, n.pitch) for n in drums(song(), seed=seed).notes) for seed in range(5)}
    assert len(grids) == 5


@given(
    beats=st.lists(st.fractions(Fraction(1, 4), 20, max_denominator=6), min_size=1, max_size=5),
    meter=st.sampled_from([*METERS, "1/4", "9/16", "3/2", "11/8"]), style=st.sampled_from(sorted(STYLES)),
    swing=st.floats(0, 1),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_timeline_gets_drums_that_fit(
    beats: list[Fraction], meter: str, style: str, swing: float
) -> None:
    requests = [SectionRequest(f"verse {i}", length, Fraction(100)) for i, length in enumerate(beats)]
    timeline = build_timeline(requests, meter=Meter.parse(meter), sample_rate=48_000)
    part = drums(timeline, pattern=style, swing=swing)
    assert all(0 <= n.start_beat < n.end_beat <= timeline.beats for n in part.notes)
    assert len({(n.start_beat, n.pitch) for n in part.notes}) == len(part.notes)

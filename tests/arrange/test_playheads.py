"""Playheads: windows, cues, loops, and songs that keep their own tempo."""

from __future__ import annotations

from typing import Any

import pytest

from remix_plans import plan, section
from stemwright.arrange.playheads import passages
from stemwright.planning.plan import SongId


def places(found: Any) -> Any:
    return [(p.section, p.start_beat, p.end_beat, p.source_beat) for p in found]


def test_a_playhead_runs_with_the_remix() -> None:
    two = plan(section("intro", 0, 8, {}), section("main", 8, 24, {}))
    assert places(passages(two, SongId.A, first_beat=32, pace=1)) == [(0, 0, 8, 32), (1, 8, 24, 40)]


@pytest.mark.parametrize("pace", [0.5, 2 / 3, 1.5, 2.0])
def test_a_song_read_at_another_pace_covers_other_beats(pace: Any) -> None:
    two = plan(section("intro", 0, 8, {}), section("main", 8, 24, {}))
    assert passages(two, SongId.B, first_beat=0, pace=pace)[1].source_beat == pytest.approx(8 / pace)


def test_a_cue_jumps_and_the_playhead_goes_on_from_there() -> None:
    three = plan(
        section("intro", 0, 8, {}),
        section("main", 8, 16, {}, cues={"song_a": {"source_beat": 64}}),
        section("outro", 16, 20, {}),
    )
    assert [p.source_beat for p in passages(three, SongId.A, first_beat=0, pace=1)] == [0, 64, 72]
    assert [p.source_beat for p in passages(three, SongId.B, first_beat=0, pace=1)] == [0, 8, 16]


def test_a_loop_repeats_its_phrase_and_is_cut_at_the_end_of_the_section() -> None:
    two = plan(
        section("drop", 0, 10, {}, cues={"song_a": {"source_beat": 16, "loop_beats": 4}}),
        section("outro", 10, 14, {}),
    )
    found = places(passages(two, SongId.A, first_beat=0, pace=1))
    assert found == [(0, 0, 4, 16), (0, 4, 8, 16), (0, 8, 10, 16), (1, 10, 14, 20)]


def test_a_free_song_starts_every_turn_on_a_bar() -> None:
    one = plan(section("drop", 0, 16, {}, cues={"song_a": {"source_beat": 16, "loop_beats": 4}}))
    found = places(passages(one, SongId.A, first_beat=0, pace=1.6, free_bar=4))
    assert found == [(0, 0, pytest.approx(6.4), 16), (0, 8, pytest.approx(14.4), 16)]

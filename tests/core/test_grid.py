from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemwright.errors import SpecError
from stemwright.grid import Fill, Meter, SectionRequest, TempoMap, Timeline, build_timeline
from stemwright.units import exact

TEXT_SECTIONS = {"intro": 16, "verse": 32, "chorus": 32, "bridge": 16, "outro": 16}


def requests(bpm: str = "120", sections: dict[str, int] | None = None) -> list[SectionRequest]:
    return [SectionRequest(n, Fraction(b), exact(bpm)) for n, b in (sections or TEXT_SECTIONS).items()]


def lay(target: int | None = None, fill: Fill = Fill.REPEAT, bpm: str = "120") -> Timeline:
    return build_timeline(requests(bpm), meter=Meter(), sample_rate=48_000, target_frames=target, fill=fill)


def test_the_texts_sections_in_frames() -> None:
    timeline = lay()
    assert [s.start_frame for s in timeline.sections] == [0, 384_000, 1_152_000, 1_920_000, 2_304_000]
    assert timeline.frames == 2_688_000
    assert timeline.notes == ()


def test_fractional_tempo_does_not_accumulate_rounding() -> None:
    timeline = lay(bpm="92.5")
    for section in timeline.sections:
        assert section.start_frame == round(section.start_beat * 60 / Fraction(185, 2) * 48_000)


@given(
    target=st.integers(1, 40_000_000),
    bpm=st.decimals("40", "240", places=2),
    fill=st.sampled_from([Fill.REPEAT, Fill.EXTEND_LAST]),
)
def test_sections_cover_every_target_without_a_gap(target: int, bpm: object, fill: Fill) -> None:
    timeline = lay(target, fill, str(bpm))
    assert timeline.frames == target
    assert timeline.sections[0].start_frame == 0
    assert timeline.sections[-1].end_frame == target
    for before, after in zip(timeline.sections, timeline.sections[1:], strict=False):
        assert before.end_frame == after.start_frame
        assert before.end_beat == after.start_beat
    assert all(section.frames > 0 for section in timeline.sections)
    assert timeline.tempo.frame_at(timeline.beats, 48_000) == target


def test_what_was_done_is_said() -> None:
    repeated, cut = lay(6_609_600).notes
    assert "repeated" in repeated
    assert "cut at the target" in cut
    assert "extended" in lay(6_609_600, Fill.EXTEND_LAST).notes[0]
    assert "cut at the target" in lay(1_000_000).notes[0]


def test_error_is_a_choice() -> None:
    with pytest.raises(SpecError, match=r"cover 56\.000 s of 137\.700 s"):
        lay(6_609_600, Fill.ERROR)


def test_a_section_with_its_own_tempo() -> None:
    asked = [SectionRequest("a", Fraction(4), Fraction(120)), SectionRequest("b", Fraction(4), Fraction(60))]
    timeline = build_timeline(asked, meter=Meter(), sample_rate=48_000)
    assert [s.end_frame for s in timeline.sections] == [96_000, 288_000]
    assert timeline.frame_at(6) == 192_000
    assert timeline.tempo.beat_at(4) == 6


def test_bars_restart_with_each_section() -> None:
    asked = [SectionRequest("a", Fraction(6), Fraction(120)), SectionRequest("b", Fraction(4), Fraction(120))]
    timeline = build_timeline(asked, meter=Meter(), sample_rate=48_000)
    assert list(timeline.bar_starts()) == [0, 4, 6]


@given(
    st.lists(st.tuples(st.integers(1, 64), st.integers(40, 240)), min_size=1, max_size=8),
    st.fractions(0, 300),
)
def test_tempo_map_is_inverted_by_beat_at(changes: list[tuple[int, int]], beat: Fraction) -> None:
    at, rows = Fraction(0), []
    for beats, bpm in changes:
        rows.append((at, Fraction(bpm)))
        at += beats
    tempo = TempoMap(rows)
    assert tempo.beat_at(tempo.seconds_at(beat)) == beat


@pytest.mark.parametrize("text", ["4", "4/3", "0/4", "x/4", "99/4", ""])
def test_meters_that_are_none(text: str) -> None:
    with pytest.raises(SpecError, match="time signature"):
        Meter.parse(text)

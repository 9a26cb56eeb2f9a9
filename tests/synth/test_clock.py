"""Whole-number clocks against the exact fractions that they stand for."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.synth.clock import FrameClock, TickClock, rounded

beats = st.fractions(0, 40, max_denominator=960)
tempi = st.lists(st.fractions(40, 240, max_denominator=50), min_size=1, max_size=4)
meters = st.sampled_from(["4/4", "7/8", "3/2"])


def timeline_of(bpms: list[Fraction], meter: str) -> Timeline:
    requests = [SectionRequest(f"part {i}", Fraction(9), bpm) for i, bpm in enumerate(bpms)]
    return build_timeline(requests, meter=Meter.parse(meter), sample_rate=44_100)


@given(beat=beats, bpms=tempi, meter=meters)
def test_frames_are_the_timelines(beat: Fraction, bpms: list[Fraction], meter: str) -> None:
    timeline = timeline_of(bpms, meter)
    assert FrameClock(timeline).frame(beat) == timeline.frame_at(beat)


@given(beat=beats, shift_s=st.floats(-0.02, 0.02), bpms=tempi, meter=meters)
def test_ticks_are_rounded_from_exact_fractions(
    beat: Fraction, shift_s: float, bpms: list[Fraction], meter: str
) -> None:
    timeline = timeline_of(bpms, meter)
    moved = beat + Fraction(shift_s) * timeline.tempo.bpm_at(beat) / 60
    exact = round(moved * 4 / timeline.meter.beat_unit * 960)
    assert TickClock(timeline, 960).tick(beat, shift_s) == exact


@given(numerator=st.integers(-60, 60), denominator=st.integers(1, 12))
def test_halves_go_to_the_even_number(numerator: int, denominator: int) -> None:
    assert rounded(numerator, denominator) == round(Fraction(numerator, denominator))

"""The way without pylibrb: the same map, lengths and pitch, and no silent substitution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.hits import ONSET_LIMIT_MS, RATE, hits, onset_errors_ms, wandering
from signals import rng, sine
from stemwright.dsp import stretch as module
from stemwright.dsp import stretch_pieces
from stemwright.dsp.stretch import Engine, engine_notice, stretch, stretch_along, stretch_engine
from stemwright.dsp.stretch_pieces import plan_hops
from stemwright.dsp.time_map import TimeMap
from stemwright.errors import InputError


@pytest.mark.parametrize(("ratio", "semitones"), [(0.8, 0), (0.93, 4), (1.25, -4)])
def test_onsets_stand_on_a_wandering_map(ratio: float, semitones: float) -> None:
    samples, frames = hits(10, channels=1)
    anchors = wandering(10, ratio=ratio)
    output = stretch_along(
        samples, sample_rate=RATE, anchors=anchors, semitones=semitones, engine=Engine.PEDALBOARD
    )
    late = onset_errors_ms(output, TimeMap.through(anchors).outputs_at(frames))
    assert np.abs(late).max() < ONSET_LIMIT_MS
    assert abs(late[-8:].mean() - late[:8].mean()) < 1.0
    assert output.shape[1] == round(anchors[-1][1])


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "semitones"), [(0.93, 0), (1.07, 4)])
def test_onsets_stand_on_a_wandering_map_for_five_minutes(ratio: float, semitones: float) -> None:
    samples, frames = hits(300, channels=1)
    anchors = wandering(300, ratio=ratio)
    output = stretch_along(
        samples, sample_rate=RATE, anchors=anchors, semitones=semitones, engine=Engine.PEDALBOARD
    )
    late = onset_errors_ms(output, TimeMap.through(anchors).outputs_at(frames))
    assert np.abs(late).max() < ONSET_LIMIT_MS


def test_pieces_join_on_the_map_without_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch_pieces, "PIECE_S", 2.1)
    samples, frames = hits(5, channels=1)
    output = stretch(samples, sample_rate=RATE, time_ratio=0.95, engine=Engine.PEDALBOARD)
    assert output.shape[1] == round(samples.shape[1] * 0.95)
    assert np.abs(onset_errors_ms(output, frames * 0.95)).max() < ONSET_LIMIT_MS
    noise = 0.1 * rng(1).standard_normal((1, 5 * RATE)).astype(np.float32)
    joined = stretch(noise, sample_rate=RATE, time_ratio=0.95, engine=Engine.PEDALBOARD)
    levels = 10 * np.log10(np.mean(joined[0, : 2_205 * 90].reshape(-1, 2_205) ** 2, axis=1))
    assert np.abs(levels - np.median(levels)).max() < 3.0


@given(frames=st.integers(0, 3_000), ratio=st.floats(0.8, 1.25), semitones=st.sampled_from([0.0, 2.0, -1.0]))
@settings(max_examples=8, deadline=None)
def test_the_length_is_the_rounded_product(frames: int, ratio: float, semitones: float) -> None:
    samples = rng(1).standard_normal((2, frames)).astype(np.float32)
    output = stretch(
        samples, sample_rate=RATE, time_ratio=ratio, semitones=semitones, engine=Engine.PEDALBOARD
    )
    assert output.shape == (2, round(frames * ratio))
    assert output.dtype == np.float32


@pytest.mark.parametrize("semitones", [-4.0, 3.0])
def test_pitch_is_right(semitones: float) -> None:
    tone = sine(440.0, 4.0, sample_rate=RATE).samples
    output = stretch(tone, sample_rate=RATE, time_ratio=1.07, semitones=semitones, engine=Engine.PEDALBOARD)
    power = np.abs(np.fft.rfft(output[0, RATE : 3 * RATE] * np.hanning(2 * RATE), 16 * RATE)) ** 2
    found_hz = np.argmax(power) / 16
    assert 1_200 * abs(np.log2(found_hz / (440 * 2 ** (semitones / 12)))) < 2.0


@given(ratio=st.floats(0.6, 1.9))
@settings(max_examples=50, deadline=None)
def test_the_plan_meets_the_map(ratio: float) -> None:
    """Whatever the ratio, quotients of whole hops are found whose mean is the map's."""
    clock = TimeMap.through([(0, 0), (10 * RATE, 10 * RATE * ratio)])
    plan = plan_hops(clock, first=0, frames=10 * RATE)
    assert plan.ratios[-200:].mean() == pytest.approx(ratio, rel=5e-4)


def test_who_does_it_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert stretch_engine() is Engine.PEDALBOARD
    assert not Engine.PEDALBOARD.keeps_formants
    assert "pedalboard" in (engine_notice(Engine.PEDALBOARD) or "")
    monkeypatch.undo()
    assert engine_notice(Engine.PYLIBRB) is None
    samples, _ = hits(1, channels=1)
    asked = {"sample_rate": RATE, "time_ratio": 1.1}
    by_name = stretch(samples, engine=Engine.PEDALBOARD, **asked)  # type: ignore[arg-type]
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert np.array_equal(stretch(samples, **asked), by_name)  # type: ignore[arg-type]


def test_what_it_cannot_do_is_refused() -> None:
    samples = np.zeros((1, 1_000), np.float32)
    with pytest.raises(InputError, match="Formants"):
        stretch(
            samples,
            sample_rate=RATE,
            time_ratio=1.0,
            semitones=1,
            keep_formants=True,
            engine=Engine.PEDALBOARD,
        )
    with pytest.raises(InputError, match="pylibrb"):
        stretch(samples, sample_rate=96_000, time_ratio=1.1, engine=Engine.PEDALBOARD)

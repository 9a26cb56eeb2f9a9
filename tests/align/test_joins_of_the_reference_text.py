"""The reference text's own joins, written from its description, must be flagged; ours must not."""

from __future__ import annotations

import numpy as np
import pytest

from signals import noise, rng, sine
from stemwright.align import (
    AlignSettings,
    Strategy,
    alignment_report,
    check_alignment,
    measure_joins,
    plan_alignment,
    render_alignment,
)
from stemwright.audio import Audio, Samples, collect
from stemwright.checks import Severity
from stemwright.dsp.joins import JoinAudibility, measure_character, measure_join
from stemwright.errors import InputError

RATE = 48_000
CONTEXT = 7200


def text_loop(data: Samples, extend_frames: int) -> tuple[Samples, list[int]]:
    """Repeat the whole stem; each repetition fades out over 50 ms, then the next one fades in."""
    frames = data.shape[1]
    fade = min(int(0.05 * RATE), frames // 4)
    passes = -(-extend_frames // frames)
    parts = []
    for index in range(passes):
        part = data[:, : min(frames, extend_frames - index * frames)].copy()
        if index > 0 and part.shape[1] >= 2 * fade:
            part[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        if index < passes - 1 and part.shape[1] >= 2 * fade:
            part[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        parts.append(part)
    return np.concatenate([data, *parts], axis=1), [frames * (index + 1) for index in range(passes)]


def text_crossfade(data: Samples, extend_frames: int) -> tuple[Samples, list[int], int]:
    """Butt on the last 30 % of the gap (at most 2 s) again and again."""
    tail = int(min(extend_frames / RATE * 0.3, 2.0) * RATE)
    tail = data.shape[1] // 4 if tail >= data.shape[1] // 2 else tail
    parts = []
    for start in range(0, extend_frames, tail):
        part = data[:, -tail:][:, : extend_frames - start].copy()
        if start and part.shape[1] >= 100:
            fade = min(50, part.shape[1] // 4)
            part[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        parts.append(part)
    joins = list(range(data.shape[1], data.shape[1] + extend_frames, tail))
    return np.concatenate([data, *parts], axis=1), joins, tail


def heard(stem: Samples, rendered: Samples, at: int, enters: int) -> JoinAudibility:
    """Measure the text's butt join at output frame `at`, from the stem's end to its frame `enters`."""
    return measure_join(
        rendered[:, at - CONTEXT : at + CONTEXT], outgoing=stem[:, -CONTEXT:],
        incoming=stem[:, enters : enters + CONTEXT], overlap_frames=0, share=np.zeros(0, np.float32),
        character=measure_character(Audio(stem, RATE)), sample_rate=RATE, time_s=at / RATE,
    )  # fmt: skip


def stems() -> dict[str, Samples]:
    t = np.arange(5 * RATE) / RATE
    chord = sum(0.15 * np.sin(2 * np.pi * hertz * t + hertz) for hertz in (220.0, 277.2, 329.6))
    loud = rng(2).standard_normal((2, 5 * RATE)).astype(np.float32) * 0.2
    return {
        "bass": sine(110, 5.003, peak=0.8).samples,
        "guitars": sine(440.25, 5.0004, peak=0.6).samples,
        "chord": np.asarray(chord)[np.newaxis].astype(np.float32),
        "noise, stereo": loud,
    }


@pytest.mark.parametrize("name", ["bass", "guitars", "chord", "noise, stereo"])
def test_the_texts_loop_is_flagged_at_every_faded_join(name: str) -> None:
    stem = stems()[name]
    rendered, joins = text_loop(stem, 3 * stem.shape[1])
    for at in joins[1:]:
        found = heard(stem, rendered, at, 0)
        assert found.level_change_db < -8, found  # ramps of 50 ms that don't overlap: 1/12 of the power
        assert found.audible


@pytest.mark.parametrize("name", ["guitars", "chord"])
def test_the_texts_crossfade_is_flagged_where_it_butts(name: str) -> None:
    stem = stems()[name]
    rendered, joins, tail = text_crossfade(stem, 8 * RATE)
    found = heard(stem, rendered, joins[0], stem.shape[1] - tail)
    step = float(np.abs(np.diff(rendered[0, joins[0] - 2 : joins[0] + 2])).max())
    assert step > 2 * np.abs(np.diff(stem)).max()
    assert found.click_ratio > 1.5
    assert found.audible


@pytest.mark.parametrize("strategy", [Strategy.LOOP, Strategy.CROSSFADE])
@pytest.mark.parametrize("name", ["bass", "guitars", "chord", "noise, stereo"])
def test_ours_are_not(name: str, strategy: Strategy) -> None:
    source = Audio(stems()[name], RATE)
    plan = plan_alignment(source, target_frames=4 * source.frames, settings=AlignSettings(strategy))
    aligned = collect(render_alignment(source, plan=plan), RATE)
    joins = measure_joins(aligned, source=source, plan=plan)
    assert len(joins) == len(plan.joins) > 2
    assert not [join for join in joins if join.audible]
    checks = check_alignment(aligned, plan=plan, joins=joins, subject=name)
    assert [check.passed for check in checks] == [True, True, True]


def planted(fault: str) -> tuple[Audio, Audio, tuple[JoinAudibility, ...], list[str]]:
    """Align noise, then harm one of the joins."""
    source = noise(4.0, channels=2)
    plan = plan_alignment(source, target_frames=4 * source.frames, settings=AlignSettings(Strategy.LOOP))
    samples = collect(render_alignment(source, plan=plan), RATE).samples.copy()
    at = plan.joins[1].output_frame
    if fault == "hole":
        samples[:, at : at + 1200] *= 0.05
    elif fault == "click":
        samples[1, at + 300] = 0.95
    aligned = Audio(samples, RATE)
    joins = measure_joins(aligned, source=source, plan=plan)
    checks = check_alignment(aligned, plan=plan, joins=joins, subject="fx")
    return source, aligned, joins, [f"{c.name}: {c.severity}" for c in checks if c.failed]


def test_a_harmed_join_is_found_among_many_that_are_alike() -> None:
    for fault in ("hole", "click"):
        joins, failed = planted(fault)[2:]
        assert [index for index, join in enumerate(joins) if join.audible] == [1], fault
        assert f"audible joins: {Severity.WARNING}" in failed
    assert planted("none")[3] == []


def test_a_frame_too_many_is_an_error() -> None:
    source = noise(1.0)
    plan = plan_alignment(source, target_frames=96_000)
    wrong = Audio(np.zeros((1, 96_001), np.float32), RATE)
    failed = [c for c in check_alignment(wrong, plan=plan, joins=(), subject="fx") if c.failed]
    assert [(c.name, c.severity, c.measured) for c in failed] == [("length", Severity.ERROR, 96_001)]
    with pytest.raises(InputError, match="96001 frames; its plan says 96000"):
        measure_joins(wrong, source=source, plan=plan)


def test_the_report_tells_every_join() -> None:
    source = noise(4.0)
    plan = plan_alignment(source, target_frames=600_000, settings=AlignSettings(Strategy.CROSSFADE))
    aligned = collect(render_alignment(source, plan=plan), RATE)
    report = alignment_report(plan, joins=measure_joins(aligned, source=source, plan=plan))
    assert report["strategy"] == "crossfade"
    assert report["target_frames"] == 600_000
    assert [join["time_s"] for join in report["joins"]] == pytest.approx(list(plan.join_times_s), abs=1e-6)
    first = report["joins"][0]
    assert first["law"] == "equal power"
    assert abs(first["correlation"]) < 0.1
    assert set(first) >= {"level_change_db", "flux_ratio", "click_ratio", "audible", "crossfade_s"}

"""Whatever is asked of whatever stem: the exact length, finite, bounded, the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signals import noise, rng, sine
from stemwright.align import AlignmentPlan, AlignSettings, Strategy, plan_alignment, render_alignment
from stemwright.audio import Audio, collect
from stemwright.errors import InputError, SpecError

RATE = 8_000
KINDS = ("noise", "sine", "silence", "dc", "clicks", "decay", "loud end")


def stem(kind: str, frames: int, channels: int, seed: int = 0) -> Audio:
    t = np.arange(frames) / RATE
    white = rng(seed).standard_normal((channels, frames))
    one = {
        "noise": white * 0.2,
        "sine": np.tile(0.5 * np.sin(2 * np.pi * 220 * t + 1), (channels, 1)),
        "silence": np.zeros((channels, frames)),
        "dc": np.full((channels, frames), -0.4),
        "clicks": np.tile((np.arange(frames) % 997 == 0) * 0.9, (channels, 1)),
        "decay": white * np.exp(-20 * t),
        "loud end": white * (t / (t[-1] or 1)) ** 4,
    }[kind]
    return Audio(one.astype(np.float32), RATE)


def align(source: Audio, plan: AlignmentPlan, block_frames: int = 65_536) -> Audio:
    return collect(render_alignment(source, plan=plan, block_frames=block_frames), source.sample_rate)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    frames=st.one_of(st.integers(1, 200), st.integers(200, 6000)),
    channels=st.integers(1, 3),
    gap=st.one_of(st.just(1), st.floats(0.0, 20.0)),
    strategy=st.sampled_from(list(Strategy)),
    crossfade_s=st.one_of(st.none(), st.floats(0.0002, 2.0)),
    seamless=st.booleans(),
    bar_s=st.one_of(st.none(), st.floats(0.05, 1.0)),
)
@example(
    kind="decay", frames=2472, channels=2, gap=2.0, strategy=Strategy.AUTO, crossfade_s=None, seamless=True,
    bar_s=None,
)  # fmt: skip  # a lag shorter than its own overlap
def test_extension(
    kind: str, frames: int, channels: int, gap: float, strategy: Strategy,
    crossfade_s: float | None, seamless: bool, bar_s: float | None,
) -> None:  # fmt: skip
    source = stem(kind, frames, channels, seed=frames)
    target = frames + (1 if gap == 1 else max(1, round(gap * frames)))
    bars = (
        None
        if bar_s is None
        else [round(bar * bar_s * RATE) for bar in range(int(target / bar_s / RATE) + 1)]
    )
    asked = AlignSettings(strategy, crossfade_s=crossfade_s, seamless=seamless)
    plan = plan_alignment(source, target_frames=target, settings=asked, bar_frames=bars)
    aligned = align(source, plan)
    assert aligned.frames == target
    assert np.isfinite(aligned.samples).all()
    peak = np.abs(source.samples).max()
    assert np.abs(aligned.samples).max() <= 2**0.5 * peak * (1 + 1e-6)
    faded = plan.fade_out.frames if plan.fade_out else 0
    untouched = plan.joins[0].output_frame if plan.joins else frames - faded
    assert np.array_equal(aligned.samples[:, :untouched], source.samples[:, :untouched])
    assert np.array_equal(align(source, plan, 61).samples, aligned.samples)
    assert plan == plan_alignment(source, target_frames=target, settings=asked, bar_frames=bars)
    assert plan.reason


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(1, 5000), share=st.floats(0, 1), channels=st.integers(1, 3),
    strategy=st.sampled_from(list(Strategy)), fade_out_s=st.floats(0, 1),
)  # fmt: skip
def test_shortening(frames: int, share: float, channels: int, strategy: Strategy, fade_out_s: float) -> None:
    source = stem("noise", frames, channels)
    target = max(1, round(share * frames))
    asked = AlignSettings(strategy, fade_out_s=fade_out_s)
    plan = plan_alignment(source, target_frames=target, settings=asked)
    aligned = align(source, plan)
    assert aligned.frames == target
    assert plan.strategy == ("none" if target == frames else "truncate")
    fade = plan.fade_out.frames if plan.fade_out else 0
    assert fade == (0 if target == frames else min(round(fade_out_s * RATE), target))
    assert np.array_equal(aligned.samples[:, : target - fade], source.samples[:, : target - fade])
    if fade:
        assert np.all(aligned.samples[:, -1] == 0.0)


@pytest.mark.parametrize("strategy", [Strategy.LOOP, Strategy.CROSSFADE])
def test_the_joins_overlap_and_lie_between_the_segments(strategy: Strategy) -> None:
    source = noise(3.0, sample_rate=RATE, channels=2)
    plan = plan_alignment(source, target_frames=20 * source.frames, settings=AlignSettings(strategy))
    assert len(plan.joins) == len(plan.segments) - 1 > 5
    for before, join, after in zip(plan.segments, plan.joins, plan.segments[1:], strict=False):
        assert join.frames > 0
        assert before.output_end == join.output_end
        assert after.output_start == join.output_frame
        assert after.frames >= 2 * join.frames or after is plan.segments[-1]


def test_an_asked_crossfade_is_used() -> None:
    source = noise(5.0)
    asked = AlignSettings(Strategy.CROSSFADE, crossfade_s=0.7)
    plan = plan_alignment(source, target_frames=3 * source.frames, settings=asked)
    assert {join.frames for join in plan.joins} == {round(0.7 * 48_000)}
    assert not plan.notices


def test_an_asked_crossfade_that_does_not_fit_is_shortened_and_told() -> None:
    source = noise(2.0)
    asked = AlignSettings(Strategy.CROSSFADE, crossfade_s=5.0)
    plan = plan_alignment(source, target_frames=3 * source.frames, settings=asked)
    assert all(join.frames < 96_000 for join in plan.joins)
    assert "5 s was asked for" in plan.notices[0]


def test_not_seamless_means_2_ms() -> None:
    source = noise(5.0)
    asked = AlignSettings(Strategy.LOOP, seamless=False)
    plan = plan_alignment(source, target_frames=3 * source.frames, settings=asked)
    assert {join.frames for join in plan.joins} == {96}


def test_padding_changes_an_abrupt_end_only() -> None:
    abrupt = sine(440, 0.5, phase_rad=0.7)
    assert abs(abrupt.samples[0, -1]) > 0.1
    plan = plan_alignment(abrupt, target_frames=30_000, settings=AlignSettings(Strategy.PAD))
    padded = align(abrupt, plan)
    assert np.array_equal(padded.samples[:, : 24_000 - 240], abrupt.samples[:, :-240])
    assert np.all(padded.samples[:, 23_999:] == 0.0)
    quiet = Audio((abrupt.samples * np.hanning(24_000)).astype(np.float32), 48_000)
    plan = plan_alignment(quiet, target_frames=30_000, settings=AlignSettings(Strategy.PAD))
    assert plan.fade_out is None
    assert np.array_equal(align(quiet, plan).samples[:, :24_000], quiet.samples)


def test_a_plan_belongs_to_its_stem() -> None:
    plan = plan_alignment(noise(1.0), target_frames=96_000)
    with pytest.raises(InputError, match="this stem has 2 and 48000"):
        render_alignment(noise(1.0, channels=2), plan=plan)
    with pytest.raises(InputError, match="47952"):
        render_alignment(noise(0.999), plan=replace(plan))


@pytest.mark.parametrize("target", [0, -5])
def test_no_frames_are_no_target(target: int) -> None:
    with pytest.raises(InputError, match="at least one frame"):
        plan_alignment(noise(1.0), target_frames=target)


def test_an_absurd_number_of_joins_is_refused() -> None:
    with pytest.raises(InputError, match="joins"):
        plan_alignment(
            noise(0.03), target_frames=48_000 * 36_000, settings=AlignSettings(Strategy.LOOP)
        )  # fmt: skip


@pytest.mark.parametrize("bad", [{"crossfade_s": 0}, {"crossfade_s": -1}, {"fade_out_s": -0.1}])
def test_impossible_settings_say_their_key(bad: dict[str, float]) -> None:
    with pytest.raises(SpecError, match=r"crossfade|fade"):
        AlignSettings(**bad)  # type: ignore[arg-type]

"""`auto` goes by role, gap and content, never by path; and says why."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from signals import clicks, noise, rng, sine
from stemwright.align import AlignmentPlan, AlignSettings, Strategy, plan_alignment
from stemwright.audio import Audio
from stemwright.stems import Role

RATE = 48_000


def plan_for(source: Audio, gap_s: float, role: Role = Role.OTHER) -> AlignmentPlan:
    return plan_alignment(source, target_frames=source.frames + max(1, round(gap_s * RATE)), role=role)


def decaying(seconds: float = 6.0) -> Audio:
    t = np.arange(round(seconds * RATE)) / RATE
    return Audio((0.5 * np.exp(-t) * np.sin(2 * np.pi * 200 * t))[np.newaxis].astype(np.float32), RATE)


def phrases_then(tail: Audio) -> Audio:
    """Irregular phrases of noise, then `tail`."""
    generator = rng(8)
    level = np.repeat(generator.uniform(0.05, 1, 40), round(0.23 * RATE))
    music = (generator.standard_normal(level.size) * level * 0.2)[np.newaxis].astype(np.float32)
    return Audio(np.concatenate([music, tail.samples], axis=1), RATE)


def silent(seconds: float) -> Audio:
    return Audio(np.zeros((1, round(seconds * RATE)), np.float32), RATE)


def test_a_tiny_gap_is_padded() -> None:
    plan = plan_for(noise(3), 0.0, Role.DRUMS)
    assert (plan.strategy, plan.reason) == ("pad", "only 1 frames (0.0208 ms) are missing")


@pytest.mark.parametrize("role", [Role.DRUMS, Role.PERCUSSION, Role.BASS])
def test_rhythmic_roles_are_looped(role: Role) -> None:
    plan = plan_for(noise(3), 5.0, role)
    assert plan.strategy == "loop"
    assert plan.reason.startswith(f"{role} carry the rhythm; ")


@pytest.mark.parametrize("role", [Role.VOCALS, Role.LEAD])
def test_sung_roles_are_crossfaded_however_regular(role: Role) -> None:
    pulse = clicks([n * 0.5 for n in range(16)], 8.0)
    assert plan_for(pulse, 5.0, role).strategy == "crossfade"


def test_measured_rhythm_is_looped_and_sustained_material_crossfaded() -> None:
    pulse = clicks([n * 0.5 for n in range(16)], 8.0)
    looped, sustained = plan_for(pulse, 5.0), plan_for(noise(8), 5.0)
    assert (looped.strategy, sustained.strategy) == ("loop", "crossfade")
    assert "onsets repeat every 0.50 s" in looped.reason
    assert "the material is sustained" in sustained.reason


def test_a_steady_tone_has_no_rhythm() -> None:
    for hertz in (40, 110, 440):
        assert plan_for(sine(hertz, 6), 5.0).strategy == "crossfade"


def test_a_part_that_is_over_is_padded_unless_far_more_is_missing() -> None:
    over = phrases_then(silent(2.0))
    plan = plan_for(over, 5.0, Role.VOCALS)
    assert plan.strategy == "pad"
    assert "its part is over" in plan.reason
    assert plan_for(over, 60.0, Role.VOCALS).strategy == "crossfade"


def test_an_ending_that_rings_out_is_its_own() -> None:
    plan = plan_for(phrases_then(decaying()), 5.0, Role.KEYS)
    assert plan.strategy == "pad"
    assert "rings out" in plan.reason


def test_one_sound_that_dies_away_is_padded_whatever_the_gap() -> None:
    plan = plan_for(decaying(), 114.0, Role.KEYS)
    assert plan.strategy == "pad"
    assert "one sound that dies away" in plan.reason


def test_a_short_gap_after_sounding_material_is_filled() -> None:
    """0.3 s of silence at the end of what sounds to its last frame would be a hole."""
    assert plan_for(noise(5), 0.3).strategy == "crossfade"


def test_silence_is_padded() -> None:
    assert plan_for(silent(3), 5.0).reason == "the stem is silent"


@pytest.mark.parametrize("strategy", [Strategy.LOOP, Strategy.CROSSFADE])
def test_what_is_too_short_to_repeat_is_padded_and_told(strategy: Strategy) -> None:
    plan = plan_alignment(noise(0.01), target_frames=9600, settings=AlignSettings(strategy))
    assert plan.strategy == "pad"
    assert f"A {strategy} was asked for, but its 480 frames would only buzz" in plan.notices[0]


def test_truncation_of_a_short_stem_is_padded_and_told() -> None:
    plan = plan_alignment(noise(1), target_frames=96_000, settings=AlignSettings(Strategy.TRUNCATE))
    assert plan.strategy == "pad"
    assert "48000 frames too short" in plan.notices[0]


def test_extension_of_a_long_stem_is_truncated_and_told() -> None:
    plan = plan_alignment(noise(2), target_frames=48_000, settings=AlignSettings(Strategy.LOOP))
    assert plan.strategy == "truncate"
    assert "48000 frames too long" in plan.notices[0]


def test_no_path_is_asked_for() -> None:
    assert not [
        name for name in inspect.signature(plan_alignment).parameters if "path" in name or "name" in name
    ]


@pytest.mark.parametrize("beat_s", [0.4, 0.4687, 0.55])
def test_a_loop_of_unknown_tempo_is_whole_beats_long(beat_s: float) -> None:
    """Every hit is another noise, so only the onsets tell the beat; the source stops inside a bar."""
    generator = rng(6)
    samples = np.zeros((1, round(15.3 * RATE)))
    for beat in range(int(15.3 / beat_s)):
        start, ring = round(beat * beat_s * RATE), 4800 if beat % 2 else 9000
        hit = generator.standard_normal(ring) * np.exp(-np.arange(ring) / 1200) * (0.3 if beat % 4 else 0.5)
        samples[0, start : start + ring] += hit[: samples.shape[1] - start]
    source = Audio(samples.astype(np.float32), RATE)
    plan = plan_for(source, 20.0, Role.DRUMS)
    assert plan.strategy == "loop"
    beats = plan.joins[0].jump.lag / RATE / beat_s
    assert abs(beats - round(beats)) * beat_s < 0.004
    assert round(beats) >= 4

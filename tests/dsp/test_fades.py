"""Crossfade laws against closed forms, and the level they are there to keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import noise, rng, sine
from stemwright.audio import Samples
from stemwright.dsp.fades import CrossfadeLaw, Overlap, fade_blocks, fade_out_gain

RATE = 48_000


def overlap_of(x: Samples, y: Samples) -> Overlap:
    return Overlap.measure(
        lambda a, b: (x[:, a:b], y[:, a:b]), frames=x.shape[1], sample_rate=RATE
    )  # fmt: skip


def crossfaded(x: Samples, y: Samples, law: CrossfadeLaw) -> Samples:
    out, into = law.gains()
    mixed: Samples = x * out + y * into
    return mixed


def worst_level_db(mixed: Samples, expected_power: float) -> float:
    """Largest deviation of a 50 ms level, in dB."""
    window = RATE // 20
    total = np.cumsum(np.pad(np.square(mixed, dtype=np.float64), ((0, 0), (1, 0))), axis=1)
    power = (total[:, window:] - total[:, :-window]) / window
    return float(np.abs(10 * np.log10(power / expected_power)).max())


def test_a_fade_in_is_half_a_cosine() -> None:
    (faded,) = fade_blocks([np.ones((1, 1000), np.float32)], total_frames=1000, fade_in_frames=1000)
    assert faded[0, 0] == 0.0
    assert faded[0, 500] == pytest.approx(0.5)
    assert faded[0, 250] == pytest.approx(0.5 - 0.5 * 2**-0.5)
    assert 0.99 < faded[0, -1] <= 1.0
    assert np.all(np.diff(faded) >= 0)


def test_a_fade_out_ends_in_silence_on_its_last_frame() -> None:
    gain = fade_out_gain(90, frames=20, end=105, length=10)
    assert np.all(gain[:5] == 1.0)
    assert 0.9 < gain[5] < 1.0
    assert np.all(gain[14:] == 0.0)


@pytest.mark.parametrize("block_frames", [1, 7, 64, 1000])
def test_fades_do_not_depend_on_the_block_size(block_frames: int) -> None:
    samples = noise(0.02, channels=2).samples
    total = samples.shape[1]

    def faded(size: int) -> Samples:
        blocks = (samples[:, at : at + size] for at in range(0, total, size))
        return np.concatenate(
            list(fade_blocks(blocks, total_frames=total, fade_in_frames=100, fade_out_frames=300)), axis=1
        )

    assert np.array_equal(faded(block_frames), faded(total))
    assert np.array_equal(faded(total)[:, 100:600], samples[:, 100:600])
    assert np.all(faded(total)[:, [0, -1]] == 0.0)


@pytest.mark.parametrize("rho", [-0.4, -0.1, 0.0, 0.3, 0.7, 1.0])
def test_the_law_keeps_the_expected_power(rho: float) -> None:
    """g_out² + g_in² + 2ρ g_out g_in = 1, to float precision, all the way."""
    out, into = (gain.astype(np.float64) for gain in CrossfadeLaw.constant(997, rho).gains())
    assert np.allclose(out**2 + into**2 + 2 * rho * out * into, 1.0, atol=1e-6)


def test_full_correlation_is_equal_gain_and_none_is_equal_power() -> None:
    out, into = CrossfadeLaw.constant(500, 1.0).gains()
    assert np.allclose(out + into, 1.0, atol=1e-6)
    assert CrossfadeLaw.constant(500, 1.0).name == "equal gain"
    out, into = CrossfadeLaw.constant(500, 0.0).gains()
    assert np.allclose(out**2 + into**2, 1.0, atol=1e-6)
    assert CrossfadeLaw.constant(500, 0.0).name == "equal power"


def test_a_piece_of_the_gains_is_the_same_as_the_whole() -> None:
    x, y = noise(0.3, channels=2, seed=1).samples, noise(0.3, channels=2, seed=2).samples
    law = overlap_of(x, y).law()
    whole = law.gains()
    piece = law.gains(3000, 7001)
    assert all(np.array_equal(w[..., 3000:7001], p) for w, p in zip(whole, piece, strict=True))


@pytest.mark.parametrize("rho", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_measured_law_keeps_the_level_of_noise_of_any_correlation(rho: float) -> None:
    x, z = noise(1.0, seed=1).samples, noise(1.0, seed=2).samples
    y = (rho * x + (1 - rho**2) ** 0.5 * z).astype(np.float32)
    overlap = overlap_of(x, y)
    assert overlap.correlation == pytest.approx(rho, abs=0.02)
    assert (
        worst_level_db(crossfaded(x, y, overlap.law()), 0.01) < 0.6
    )  # noise itself moves by 0.3 dB in 50 ms


def test_the_wrong_law_is_3_db_off() -> None:
    """What the measured correlation is for: equal power raises a signal that meets itself by 3 dB."""
    x = sine(440, 1.0).samples
    wrong = worst_level_db(crossfaded(x, x, CrossfadeLaw.constant(x.shape[1], 0.0)), 0.125)
    right = worst_level_db(crossfaded(x, x, overlap_of(x, x).law()), 0.125)
    assert wrong == pytest.approx(3.0, abs=0.1)
    assert right < 0.02


def test_opposed_signals_are_raised_only_where_that_is_allowed_and_by_3_db_at_most() -> None:
    x = noise(0.5).samples
    for y in (-x, (0.3 * noise(0.5, seed=2).samples - 0.3 * x).astype(np.float32)):
        overlap = overlap_of(x, y)
        free, held = overlap.law(), overlap.law(allow_boost=False)
        power, held_power = (
            sum(np.square(gain, dtype=np.float64) for gain in law.gains()) for law in (free, held)
        )
        assert free.may_boost
        assert not held.may_boost
        assert 1.2 < np.max(power) <= 2.0 + 1e-6
        assert np.max(held_power) <= 1.0 + 1e-6


def test_a_fault_shorter_than_50_ms_is_diluted_by_what_stands_around_it() -> None:
    """Equal gain halves the power of strangers in the middle: 3 dB there, a fifth of it in 50 ms."""
    x, y = np.array([[1.0, 1.0]]), np.array([[1.0, -1.0]])
    overlap = Overlap(480, (x * x).sum(axis=1, keepdims=True), (y * y).sum(axis=1, keepdims=True),
                      (x * y).sum(axis=1, keepdims=True))  # fmt: skip
    wrong = overlap.level_change_db(CrossfadeLaw.constant(480, 1.0))
    assert wrong == pytest.approx(10 * np.log10(2) / 5, rel=1e-3)


def test_each_channel_has_its_own_law() -> None:
    """Stereo is each channel alone; the channels differ, or the test would prove nothing."""
    x, y = noise(0.5, channels=2, seed=1).samples, noise(0.5, channels=2, seed=2).samples.copy()
    y[0] = x[0]
    both = crossfaded(x, y, overlap_of(x, y).law())
    assert np.allclose(both[0], x[0], atol=1e-6)
    assert worst_level_db(both[1:], 0.01) < 0.6
    assert not np.allclose(both[1], x[1], atol=1e-2)


def test_unlike_levels_change_evenly_in_db() -> None:
    x = noise(1.0, seed=1, rms=0.2).samples
    y = noise(1.0, seed=2, rms=0.002).samples
    mixed = crossfaded(x, y, overlap_of(x, y).law())
    levels = 10 * np.log10([np.mean(part**2) for part in np.array_split(mixed[0], 20)])
    steps = np.diff(levels)
    assert np.all(np.abs(steps) < 4.0)  # 40 dB over 19 steps along sin², at most π/2 · 2.1 dB
    assert levels[0] - levels[-1] == pytest.approx(39.5, abs=1.0)


def test_the_prediction_agrees_with_what_is_rendered() -> None:
    generator = rng(5)
    for _ in range(5):
        x = sine(float(generator.uniform(60, 900)), 0.4).samples
        y = sine(float(generator.uniform(60, 900)), 0.4).samples
        overlap = overlap_of(x, y)
        law = overlap.law()
        rendered = worst_level_db(crossfaded(x, y, law), 0.125)
        assert overlap.level_change_db(law) == pytest.approx(rendered, abs=0.35)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4000),
    st.integers(1, 3),
    st.integers(0, 2**31),
    st.floats(-1, 1),
    st.sampled_from([0, 1, 2]),
)
def test_no_sum_exceeds_the_louder_part_times_root_two(
    frames: int, channels: int, seed: int, rho: float, kind: int
) -> None:
    generator = rng(seed)
    x = generator.standard_normal((channels, frames)).astype(np.float32)
    z = generator.standard_normal((channels, frames)).astype(np.float32)
    y = [(rho * x + (1 - rho**2) ** 0.5 * z), np.zeros_like(x), np.full_like(x, rho)][kind].astype(np.float32)
    law = overlap_of(x, y).law(allow_boost=False)
    mixed = crossfaded(x, y, law)
    assert np.isfinite(mixed).all()
    assert np.abs(mixed).max() <= 2**0.5 * max(np.abs(x).max(), np.abs(y).max()) * (1 + 1e-6)

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import clicks, noise, sine
from stemwright.audio import Audio, Samples, collect
from stemwright.dsp.resample import resample, resampled_frames, to_channels
from stemwright.errors import InputError

RATES = [8_000, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000]


def resampled(audio: Audio, to_hz: int, cuts: tuple[int, ...] = ()) -> Audio:
    blocks = np.split(audio.samples, sorted(cuts), axis=1)
    return collect(resample(blocks, from_hz=audio.sample_rate, to_hz=to_hz), to_hz)


@given(frames=st.integers(0, 2**40), from_hz=st.sampled_from(RATES), to_hz=st.integers(1_000, 768_000))
def test_the_length_law_is_the_nearest_whole_number(frames: int, from_hz: int, to_hz: int) -> None:
    exact = Fraction(frames * to_hz, from_hz)
    assert abs(resampled_frames(frames, from_hz=from_hz, to_hz=to_hz) - exact) <= Fraction(1, 2)


@settings(max_examples=60, deadline=None)
@given(frames=st.integers(1, 20_000), from_hz=st.sampled_from(RATES), to_hz=st.sampled_from(RATES))
def test_the_length_law_is_kept(frames: int, from_hz: int, to_hz: int) -> None:
    audio = Audio(noise(1.0, sample_rate=20_000).samples[:, :frames], from_hz)
    found = sum(block.shape[1] for block in resample([audio.samples], from_hz=from_hz, to_hz=to_hz))
    assert found == resampled_frames(frames, from_hz=from_hz, to_hz=to_hz)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=8))
def test_blocks_do_not_change_the_result(cuts: list[int]) -> None:
    audio = noise(30_000 / 44_100, sample_rate=44_100, channels=2)
    np.testing.assert_array_equal(
        resampled(audio, 48_000, tuple(cuts)).samples, resampled(audio, 48_000).samples
    )


@pytest.mark.parametrize("to_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("from_hz", [32_000, 44_100, 48_000, 96_000])
def test_an_impulse_stays_where_it_is(from_hz: int, to_hz: int) -> None:
    found = resampled(clicks([0.5], 1.0, sample_rate=from_hz), to_hz).samples[0]
    energy = found.astype(np.float64) ** 2
    centre = float((energy * np.arange(len(found))).sum() / energy.sum())
    assert abs(centre - 0.5 * to_hz) < 0.01


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (22_050, 48_000)]
)
def test_a_sine_keeps_level_and_phase(from_hz: int, to_hz: int) -> None:
    found = resampled(sine(997, 1.0, sample_rate=from_hz), to_hz).samples[0]
    truth = sine(997, 1.0, sample_rate=to_hz).samples[0]
    inside = slice(to_hz // 20, -to_hz // 20)
    error = found[inside] - truth[inside]
    assert 20 * np.log10(np.sqrt((error**2).mean()) / 0.5) < -120


@pytest.mark.parametrize("frequency_hz", [25_000, 30_000, 40_000])
def test_what_the_new_rate_cannot_hold_is_gone(frequency_hz: float) -> None:
    found = resampled(sine(frequency_hz, 1.0, sample_rate=96_000), 48_000).samples[0]
    assert 20 * np.log10(np.abs(found[2_400:-2_400]).max() / 0.5) < -120


def test_the_band_below_is_kept_up_to_20_khz() -> None:
    found = resampled(sine(20_000, 1.0, sample_rate=96_000), 44_100).samples[0]
    assert 20 * np.log10(np.sqrt((found[4_410:-4_410] ** 2).mean()) / (0.5 / np.sqrt(2))) == pytest.approx(
        0, abs=0.01
    )


def test_equal_rates_pass_blocks_on_untouched() -> None:
    block = noise(0.1).samples
    assert next(resample([block], from_hz=48_000, to_hz=48_000)) is block
    assert list(resample([], from_hz=48_000, to_hz=44_100)) == []


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(InputError, match="48 Hz"):
        resample([], from_hz=48, to_hz=44_100)


def converted(samples: Samples, channels: int) -> Samples:
    return np.concatenate(list(to_channels([samples], channels)), axis=1)


def test_mono_becomes_two_copies_and_stereo_becomes_the_mean() -> None:
    stereo = noise(0.1, channels=2).samples
    mono = converted(stereo, 1)
    np.testing.assert_allclose(mono[0], stereo.mean(axis=0), atol=1e-7)
    np.testing.assert_array_equal(converted(mono, 2), np.concatenate((mono, mono)))
    np.testing.assert_array_equal(converted(converted(mono, 2), 1), mono)
    assert converted(stereo, 2) is not None


@pytest.mark.parametrize(("found", "wanted"), [(6, 2), (2, 6), (1, 3), (3, 1)])
def test_other_layouts_are_for_people_to_decide(found: int, wanted: int) -> None:
    with pytest.raises(InputError, match=f"{found} channels don't become {wanted}"):
        converted(noise(0.1, channels=found).samples, wanted)

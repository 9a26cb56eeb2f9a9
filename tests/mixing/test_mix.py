import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import noise, sine
from stemwright.audio import Audio, Samples
from stemwright.errors import InputError
from stemwright.mixing.mix import MixSettings, Track, plan_mix, render_mix
from stemwright.mixing.pan import pan_matrix, place


def as_is(block: Samples, _stem: int, _start: int) -> Samples:
    return block


def render(
    tracks: list[Track], channels: int = 2, peak_dbfs: float = -3.0
) -> tuple[list[Samples], Samples, float]:
    plan = plan_mix(tracks, channels=channels, settings=MixSettings(peak_dbfs))
    blocks = list(render_mix(tracks, plan, channels=channels, quantise=as_is))
    stems = [np.concatenate([b.stems[i] for b in blocks], axis=1) for i in range(len(tracks))]
    return stems, np.concatenate([b.mix for b in blocks], axis=1), plan.headroom_db


def test_the_mix_is_the_sum_of_the_stems() -> None:
    tracks = [
        Track(str(i), noise(2.0, channels=1 + i % 2, seed=i, rms=0.3), gain_db=-i, pan=i / 4)
        for i in range(4)
    ]
    stems, mix, headroom_db = render(tracks)
    residual = mix.astype(np.float64) - np.sum(stems, axis=0, dtype=np.float64)
    assert 20 * math.log10(np.sqrt(np.mean(residual**2)) + 1e-30) < -140
    assert headroom_db < 0
    assert 20 * math.log10(np.abs(mix).max()) <= -3.0 + 1e-4


def test_headroom_keeps_the_balance_and_is_told() -> None:
    loud = [Track("a", sine(100, 0.5, peak=0.9), gain_db=6), Track("b", sine(150, 0.5, peak=0.9))]
    plan = plan_mix(loud, channels=2, settings=MixSettings())
    (notice,) = plan.notices
    assert f"{-plan.headroom_db:.2f} dB" in notice.text
    stems, _, _ = render(loud)
    assert 20 * math.log10(np.abs(stems[0]).max() / np.abs(stems[1]).max()) == pytest.approx(6.0, abs=0.01)


def test_a_set_with_room_is_left_alone() -> None:
    audio = noise(0.5, channels=2, rms=0.01)
    stems, mix, headroom_db = render([Track("a", audio)])
    assert headroom_db == 0
    np.testing.assert_array_equal(stems[0], audio.samples)
    np.testing.assert_array_equal(mix, audio.samples)


def test_one_frame_of_difference_cannot_be_mixed() -> None:
    tracks = [Track("a", noise(0.1)), Track("b", noise(0.1 + 1 / 48_000))]
    with pytest.raises(InputError, match="a 4800, b 4801"):
        plan_mix(tracks, channels=2, settings=MixSettings())


@given(st.floats(-1, 1))
def test_mono_is_panned_with_equal_power(pan: float) -> None:
    left, right = pan_matrix(1, 2, pan=pan)[:, 0]
    assert left**2 + right**2 == pytest.approx(1.0, abs=1e-6)
    assert (left >= right) == (pan <= 0) or left == pytest.approx(right)


@settings(max_examples=30)
@given(st.floats(-1, 1))
def test_stereo_is_balanced_the_near_side_stays(pan: float) -> None:
    matrix = pan_matrix(2, 2, pan=pan)
    near, far = (0, 1) if pan < 0 else (1, 0)
    assert matrix[near, near] == 1.0
    assert matrix[far, far] == pytest.approx(math.cos(abs(pan) * math.pi / 2), abs=1e-6)


def test_hard_pan_is_silent_on_the_far_side() -> None:
    out = place(sine(100, 0.1).samples, pan_matrix(1, 2, pan=-1.0))
    assert np.abs(out[1]).max() < 1e-7
    assert np.abs(out[0]).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("channels_in", "channels_out", "pan"), [(3, 2, 0), (1, 1, 0.5), (2, 2, 1.5)])
def test_places_that_do_not_exist(channels_in: int, channels_out: int, pan: float) -> None:
    with pytest.raises(InputError):
        pan_matrix(channels_in, channels_out, pan=pan)


def test_many_channels_stay_where_they_are() -> None:
    audio = Audio(np.eye(6, 100, dtype=np.float32), 48_000)
    np.testing.assert_array_equal(place(audio.samples, pan_matrix(6, 6)), audio.samples)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signals import noise, rng
from stemwright.audio import Samples
from stemwright.dsp.dither import CHUNK_FRAMES, Integers, Quantiser, seed_from
from stemwright.errors import InputError

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 20_000))


def quantised(samples: Samples, *, bits: int = 16, seed: int = 1, cuts: tuple[int, ...] = ()) -> Integers:
    quantiser = Quantiser(bits=bits, channels=len(samples), seed=seed)
    parts = [quantiser.push(part) for part in np.split(samples, sorted(cuts), axis=1)]
    return np.concatenate([*parts, quantiser.flush()], axis=1)


@pytest.mark.parametrize("offset", [0.1, 0.25, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("bits", [16, 24])
def test_the_mean_survives_below_one_step_and_the_error_has_a_quarter_step_squared(
    bits: int, offset: float
) -> None:
    """Lipshitz et al. 1992: with TPDF the error's mean is 0 and its variance Δ²/4 whatever the signal."""
    samples = np.full((1, 200_000), (1_000 + offset) / 2 ** (bits - 1), np.float32)
    error = quantised(samples, bits=bits) - samples * np.float64(2 ** (bits - 1))
    assert abs(error.mean()) < 0.005
    assert error.var() == pytest.approx(0.25, abs=0.005)
    plain = np.rint(samples * np.float64(2 ** (bits - 1))) - samples * np.float64(2 ** (bits - 1))
    assert plain.var() < 1e-9  # without dither the error would be all signal


@settings(max_examples=40, deadline=None)
@given(
    values=hnp.arrays(np.int32, SHAPES, elements=st.integers(-(2**23), 2**23 - 1), fill=st.just(5)),
    bits=st.sampled_from([16, 24]),
)
def test_material_on_the_grid_is_kept_bit_exact(values: Integers, bits: int) -> None:
    values = values >> (24 - bits)
    samples = (values / 2 ** (bits - 1)).astype(np.float32)
    np.testing.assert_array_equal(quantised(samples, bits=bits), values)


def test_silence_stays_silent_beside_a_channel_that_is_dithered() -> None:
    samples = noise(0.5, channels=2).samples.copy()
    samples[1] = 0
    found = quantised(samples)
    assert found[0].any()
    assert not found[1].any()


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=6))
def test_blocks_do_not_change_the_result(cuts: list[int]) -> None:
    samples = noise(30_000 / 48_000, channels=2).samples
    np.testing.assert_array_equal(quantised(samples, cuts=tuple(cuts)), quantised(samples))


def test_a_silent_passage_does_not_shift_the_dither_behind_it() -> None:
    loud = noise(3 * CHUNK_FRAMES / 48_000).samples
    quiet = loud.copy()
    quiet[:, :CHUNK_FRAMES] = 0
    np.testing.assert_array_equal(quantised(quiet)[:, CHUNK_FRAMES:], quantised(loud)[:, CHUNK_FRAMES:])


def test_seeds_and_channels_have_noise_of_their_own() -> None:
    samples = np.full((2, 100_000), 0.3 / 2**15, np.float32)
    first, other = quantised(samples, seed=1), quantised(samples, seed=seed_from("bass"))
    for a, b in ((first[0], first[1]), (first[0], other[0])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    np.testing.assert_array_equal(first, quantised(samples, seed=1))


def test_overs_are_counted_and_limited() -> None:
    samples = np.array([[1.0, -1.0, 1.5, -3.0, 0.999, 0.0]], np.float32)
    quantiser = Quantiser(bits=16, channels=1, seed=0)
    quantiser.push(samples)
    found = quantiser.flush()[0]
    assert quantiser.overs == 2
    assert found[[0, 2, 3]].tolist() == [32_767, 32_767, -32_768]
    assert found[1] <= -32_767


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_no_integer_can_hold_is_refused(bad: float) -> None:
    samples = rng().standard_normal((2, 100)).astype(np.float32)
    samples[1, 50] = bad
    with pytest.raises(InputError, match="NaN or infinite"):
        quantised(samples)


def test_the_seed_of_a_name_is_pinned() -> None:
    assert seed_from("bass.wav") == 0x8C718667F44FDDE0

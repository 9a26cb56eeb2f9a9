import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import noise
from stemwright.audio import Audio, AudioSource, collect, iter_blocks, read_padded, rechunk
from stemwright.errors import InputError


def test_samples_are_frozen() -> None:
    audio = noise(0.01)
    with pytest.raises(ValueError, match="read-only"):
        audio.samples[0, 0] = 1.0


@pytest.mark.parametrize(
    "samples",
    [np.zeros(5, np.float32), np.zeros((1, 5)), np.zeros((0, 5), np.float32), np.zeros((65, 5), np.float32)],
)
def test_other_shapes_are_refused_with_the_shape_seen(samples: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"shaped|channels"):
        Audio(samples, 48_000)


@pytest.mark.parametrize("rate", [0, 48, 10_000_000])
def test_rates_that_audio_cannot_have(rate: int) -> None:
    with pytest.raises(InputError, match=str(rate)):
        Audio(np.zeros((1, 5), np.float32), rate)


def test_audio_is_a_source() -> None:
    assert isinstance(noise(0.01), AudioSource)


@given(st.integers(0, 500), st.lists(st.integers(1, 90), max_size=20), st.integers(1, 100))
def test_rechunk_keeps_every_frame_in_order(total: int, cuts: list[int], block: int) -> None:
    samples = np.arange(total, dtype=np.float32)[np.newaxis]
    edges = [0, *np.minimum(np.cumsum(cuts), total).tolist(), total]
    pieces = [samples[:, a:b] for a, b in itertools.pairwise(edges)]
    out = list(rechunk(pieces, block))
    assert all(piece.shape[1] == block for piece in out[:-1])
    np.testing.assert_array_equal(np.concatenate([*out, samples[:, :0]], axis=1), samples)


def test_blocks_cover_a_range_exactly() -> None:
    audio = noise(0.1, channels=2)
    got = collect(iter_blocks(audio, start=100, stop=3001, block_frames=333), audio.sample_rate)
    np.testing.assert_array_equal(got.samples, audio.samples[:, 100:3001])


def test_between_follows_the_length_law() -> None:
    audio = noise(1.0)
    assert audio.between(0.1, 0.30001).frames == round(0.30001 * 48_000) - 4800


@given(start=st.integers(-300, 300), frames=st.integers(0, 400))
def test_beyond_a_source_there_is_silence(start: int, frames: int) -> None:
    audio = noise(0.002, channels=2)
    silence = np.zeros((2, 500), np.float32)
    around = np.concatenate([silence, audio.samples, silence, silence], axis=1)
    np.testing.assert_array_equal(read_padded(audio, start, frames), around[:, start + 500 :][:, :frames])

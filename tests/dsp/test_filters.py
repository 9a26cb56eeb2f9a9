import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from signals import Array, noise, sine
from stemwright.audio import Audio, Samples, iter_blocks
from stemwright.dsp.filters import ZeroPhase, bandpass, highpass, lowpass, zero_phase
from stemwright.errors import InputError

RATE = 48_000
FILTERS = [
    lowpass(8_000),
    lowpass(50, order=8),
    lowpass(23_000, order=1),
    highpass(20),
    highpass(10_000, order=2),
    bandpass(300, 3_000),
    bandpass(1_000, 1_050, order=6),
]


def run(samples: Samples, filtering: ZeroPhase, *, block_frames: int = 65_536) -> Samples:
    blocks = iter_blocks(Audio(samples, RATE), block_frames=block_frames)
    return np.concatenate(list(zero_phase(blocks, filtering, sample_rate=RATE)), axis=1)


def forwards_and_backwards(samples: Samples, filtering: ZeroPhase) -> Array:
    """scipy's filter, run both ways over the signal between long silences."""
    low, high, order = filtering.low_hz, filtering.high_hz, filtering.order
    if low is None:
        sections = signal.butter(order, high or 0.0, "low", fs=RATE, output="sos")
    elif high is None:
        sections = signal.butter(order, low, "high", fs=RATE, output="sos")
    else:
        sections = signal.butter(order, (low, high), "band", fs=RATE, output="sos")
    pad = 400_000
    padded = np.pad(samples.astype(np.float64), ((0, 0), (pad, pad)))
    return np.asarray(signal.sosfiltfilt(sections, padded, padlen=0)[:, pad:-pad])


@pytest.mark.parametrize("filtering", FILTERS, ids=str)
def test_equals_filtfilt_of_the_whole_signal(filtering: ZeroPhase) -> None:
    samples = noise(2.5, channels=2, seed=1).samples
    expected = forwards_and_backwards(samples, filtering)
    residual = np.abs(run(samples, filtering) - expected).max() / np.abs(samples).max()
    assert 20 * np.log10(residual) < -120


@pytest.mark.parametrize(
    ("filtering", "edge_hz"),
    [
        (lowpass(1_000), 1_000),
        (highpass(200, order=7), 200),
        (bandpass(300, 3_000), 300),
        (bandpass(300, 3_000), 3_000),
    ],
    ids=str,
)
def test_two_passes_of_three_db_at_the_cutoff_and_no_phase(filtering: ZeroPhase, edge_hz: float) -> None:
    source = sine(edge_hz, 4.0).samples[0].astype(np.float64)
    filtered = run(source[np.newaxis].astype(np.float32), filtering)[0]
    middle = slice(48_000, 144_000)
    at = np.exp(-2j * np.pi * edge_hz * np.arange(len(source))[middle] / RATE)
    gain = (filtered[middle] * at).sum() / (source[middle] * at).sum()
    assert 20 * np.log10(abs(gain)) == pytest.approx(-20 * np.log10(2), abs=1e-3)
    assert np.angle(gain) == pytest.approx(0, abs=1e-5)


def test_falls_by_twelve_db_per_octave_and_order() -> None:
    gains = lowpass(100, order=4).gain(np.array([800.0, 1_600.0]), 768_000)
    assert 20 * np.log10(gains[0] / gains[1]) == pytest.approx(12.04 * 4, abs=0.05)


def test_a_click_stays_where_it_is() -> None:
    click = np.zeros((1, 60_001), np.float32)
    click[0, 30_000] = 1.0
    filtered = run(click, bandpass(500, 5_000))[0]
    assert np.abs(filtered).argmax() == 30_000
    np.testing.assert_allclose(filtered, filtered[::-1], atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(0, 90_000), block=st.integers(1, 50_000), which=st.sampled_from(FILTERS))
def test_length_and_bits_do_not_depend_on_blocks(frames: int, block: int, which: ZeroPhase) -> None:
    samples = noise(2.0, channels=2, seed=3).samples[:, :frames]
    if not frames:
        assert list(zero_phase([], which, sample_rate=RATE)) == []
        return
    once = run(samples, which, block_frames=200_000)
    assert once.shape == samples.shape
    np.testing.assert_array_equal(run(samples, which, block_frames=block), once)


def test_is_linear_and_treats_every_channel_alike() -> None:
    a, b = noise(1.0, seed=4).samples, noise(1.0, seed=5).samples
    both = np.concatenate([a, b])
    filtered = run(both, lowpass(500))
    np.testing.assert_array_equal(filtered[:1], run(a, lowpass(500)))
    np.testing.assert_allclose(run(a + b, lowpass(500)), filtered.sum(axis=0, keepdims=True), atol=1e-6)
    assert np.abs(filtered[0] - filtered[1]).max() > 0.01


@pytest.mark.parametrize(
    ("filtering", "said"),
    [
        (lowpass(24_000), "10–24000 Hz"),
        (highpass(0), "10–24000 Hz"),
        (bandpass(3_000, 300), "narrower"),
        (bandpass(300, 305), "narrower"),
    ],
)
def test_filters_that_cannot_be(filtering: ZeroPhase, said: str) -> None:
    with pytest.raises(InputError, match=said):
        zero_phase([], filtering, sample_rate=RATE)


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 192_000])
def test_edges_are_where_they_are_at_any_rate(sample_rate: int) -> None:
    edges = np.array([200.0, 2_000.0])
    np.testing.assert_allclose(bandpass(200, 2_000).gain(edges, sample_rate), 0.5, atol=1e-9)

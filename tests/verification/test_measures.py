"""What is measured of one file: closed forms, and independence of how it is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import noise, rng, sine
from stemwright.audio import BLOCK_FRAMES, Audio, Samples
from stemwright.verification.bits import BitMeter
from stemwright.verification.clipping import flat_tops
from stemwright.verification.ends import EndMeter
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts, StemMeter
from stemwright.verification.windows import WINDOW_FRAMES
from verification.faults import clean_set, upsampled


def measure_stem(audio: Audio) -> StemFacts:
    """Measure in the usual blocks."""
    return in_blocks(audio, BLOCK_FRAMES // WINDOW_FRAMES)


def in_blocks(audio: Audio, windows: int) -> StemFacts:
    meter = StemMeter(audio, info=None, limits=Limits())
    step = windows * WINDOW_FRAMES
    for start in range(0, audio.frames, step):
        meter.feed(audio.read(start, step))
    return meter.result()


def troubled() -> Audio:
    """A stem with a bit of everything: clicks, flat tops, NaN, silence at its ends."""
    samples = clean_set(seconds=3.0).stems["keys"].copy()
    samples[0, 70_000] += 0.4
    samples[1, 4_094:4_098] = 1.0
    samples[0, 100_000] = np.nan
    return Audio(samples, 48_000)


@given(windows=st.integers(1, 40))
@settings(max_examples=12, deadline=None)
def test_block_size_changes_nothing(windows: int) -> None:
    once, cut = in_blocks(troubled(), 40), in_blocks(troubled(), windows)

    assert once.clicks.count >= 1
    assert once.clipping.runs == 1
    assert once.nonfinite == 1
    assert cut.clicks == once.clicks
    assert cut.clipping == once.clipping
    assert (cut.nonfinite, cut.first_nonfinite) == (1, 100_000)
    assert cut.ends == once.ends
    assert cut.edge == once.edge
    assert cut.true_peak_dbtp == once.true_peak_dbtp
    assert cut.levels.energy == pytest.approx(once.levels.energy, rel=1e-12)
    assert cut.levels.difference_energy == pytest.approx(once.levels.difference_energy, rel=1e-12)


def test_levels_of_a_sine() -> None:
    facts = measure_stem(sine(1_000.0, 2.0, peak=0.5, channels=2))

    assert facts.levels.rms_dbfs == pytest.approx(-9.0309, abs=1e-3)
    assert facts.levels.peak_dbfs == pytest.approx(-6.0206, abs=1e-3)
    assert facts.levels.correlation == pytest.approx(1.0)
    assert facts.levels.mean == pytest.approx((0.0, 0.0), abs=1e-7)
    # mean square of the first difference: (2 sin(π f / fs))² × A² / 2
    expected = (2 * np.sin(np.pi / 48)) ** 2 * 0.125 * 2 * 96_000
    assert facts.levels.difference_energy == pytest.approx(expected, rel=1e-4)


def test_true_peak_between_samples_is_found() -> None:
    n = np.arange(48_000)
    wave = 1.2 * np.sin(np.pi / 2 * n + np.pi / 4) * np.hanning(48_000)

    facts = measure_stem(Audio(wave[np.newaxis].astype(np.float32), 48_000))

    assert facts.levels.peak < 0.86
    assert facts.true_peak_dbtp == pytest.approx(20 * np.log10(1.2), abs=0.01)


@pytest.mark.parametrize("bits", [8, 12, 13, 16, 20, 24])
def test_bit_depth_is_counted(bits: int) -> None:
    steps = rng(1).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(2, 5_000)) | 1
    meter = BitMeter(32)

    meter.feed((steps / 2.0 ** (bits - 1)).astype(np.float32))

    assert meter.result() == bits


def test_floating_point_has_no_bit_depth_and_silence_none_at_all() -> None:
    floating, silent = BitMeter(32), BitMeter(32)

    floating.feed(noise(0.1).samples)
    silent.feed(np.zeros((1, 100), np.float32))

    assert floating.result() == 25
    assert silent.result() is None


@pytest.mark.parametrize(
    ("wave", "count"),
    [
        ([0.0, 0.4, 0.5, 0.5, 0.5, 0.4, 0.0], 1),
        ([0.0, 0.4, 0.5, 0.5, 0.4, 0.0], 0),  # two equal samples are chance
        ([0.0, 0.49999, 0.5, 0.5, 0.5, 0.49999, 0.0], 0),  # a slow wave, quantised
        ([-0.5, -0.5, -0.5, 0.5, 0.5, 0.5, -0.5], 0),  # a synthetic square wave
        ([0.4, 0.5, 0.5, 0.5, 0.2, 0.5, 0.5, 0.5, 0.5, 0.3], 2),
    ],
)
def test_flat_tops(wave: list[float], count: int) -> None:
    region = np.array(wave, np.float32)

    assert flat_tops(region, float(np.float32(0.5)), fall=1.2e-4)[0].size == count


@pytest.mark.parametrize("frequency_hz", [25.0, 40.0, 100.0, 997.0])
@pytest.mark.parametrize("bits", [8, 16])
def test_quantised_waves_have_no_flat_tops(frequency_hz: float, bits: int) -> None:
    scale = 2.0 ** (bits - 1)
    wave = np.round(sine(frequency_hz, 1.0, peak=0.9).samples * scale) / scale

    facts = measure_stem(Audio(wave.astype(np.float32), 48_000))

    assert facts.clipping.runs == 0 or bits == 8  # without a file's say-so, 8 bits can't be told from steps


@pytest.mark.parametrize(("first", "last"), [(0, 47_999), (100, 30_000), (20_000, 20_000)])
def test_ends_are_found_to_the_frame(first: int, last: int) -> None:
    samples = np.zeros((2, 48_000), np.float32)
    samples[1, first : last + 1] = 0.25
    meter = EndMeter(48_000)
    for start in range(0, 48_000, 8_192):
        block = samples[:, start : start + 8_192]
        meter.feed(block, float(np.abs(block).max()))

    ends = meter.result()

    assert (ends.first_frame, ends.last_frame) == (first, last)
    assert (ends.start_step, ends.end_step) == (0.25, 0.25)


def test_a_steep_edge_is_told_by_its_frequency() -> None:
    hiss = noise(4.0, rms=0.05, channels=2)
    resampled = Audio(upsampled(hiss.samples, through_hz=32_000, sample_rate=48_000), 48_000)

    assert measure_stem(resampled).edge.frequency_hz == pytest.approx(15_600, abs=500)
    assert measure_stem(hiss).edge.drop_db < 3.0


@pytest.mark.parametrize("order", [1, 2, 4, 8])
@pytest.mark.parametrize("cutoff_hz", [150.0, 2_000.0, 12_000.0, 16_000.0])
def test_dark_stems_are_no_lossy_sources(order: int, cutoff_hz: float) -> None:
    spectrum = np.fft.rfft(noise(3.0, rms=0.1).samples[0])
    frequencies = np.fft.rfftfreq(3 * 48_000, 1 / 48_000)
    dark = np.fft.irfft(spectrum / np.sqrt(1 + (frequencies / cutoff_hz) ** (2 * order)))

    facts = measure_stem(Audio(dark[np.newaxis].astype(np.float32), 48_000))

    assert facts.edge.drop_db < Limits().edge_drop_db


def onset(frames: int) -> Samples:
    """Silence, then a hard onset of noise."""
    samples = np.zeros((1, 48_000), np.float32)
    samples[0, 24_000 : 24_000 + frames] = (
        0.5 * rng(2).standard_normal(frames) * np.hanning(2 * frames)[frames:]
    )
    return samples


@pytest.mark.parametrize("frames", [40, 400, 4_000])
def test_onsets_are_no_clicks(frames: int) -> None:
    assert measure_stem(Audio(onset(frames), 48_000)).clicks.count == 0


@pytest.mark.parametrize("frame", [0, 1, 4_095, 4_096, 24_000, 47_998])
def test_a_single_sample_is_a_click_wherever_it_is(frame: int) -> None:
    samples = sine(100.0, 1.0, peak=0.1).samples.copy()
    samples[0, frame] += 0.3

    clicks = measure_stem(Audio(samples, 48_000)).clicks

    assert clicks.count >= 1
    assert abs(clicks.frame - frame) <= 1

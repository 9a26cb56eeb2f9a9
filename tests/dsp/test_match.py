"""Matching the spectrum of another record."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

from signals import corpus, noise, rng, sine
from stemwright.audio import Audio, Samples, collect, iter_blocks
from stemwright.dsp.match import (
    BANDS_HZ,
    MAX_DB,
    EqCurve,
    Spectrum,
    apply_curve,
    long_term_spectrum,
    match_curve,
)
from stemwright.errors import InputError
from stemwright.io.reader import open_audio

RATE = 48_000
HEARD = (BANDS_HZ >= 60.0) & (BANDS_HZ <= 12_000.0)


def music() -> Audio:
    with open_audio(corpus("stems", "dev_se_francium", "mix.flac")) as file:
        return Audio(file.read(0, 20 * file.sample_rate), file.sample_rate)


def pink(seconds: float, *, seed: int = 0) -> Audio:
    white = rng(seed).standard_normal((2, round(seconds * RATE)))
    spectrum = np.fft.rfft(white)
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    wave = np.fft.irfft(spectrum, white.shape[1])
    return Audio((0.1 * wave / wave.std()).astype(np.float32), RATE)


def bell(audio: Audio, hz: float, gain_db: float, q: float = 0.7) -> Audio:
    """A peaking equaliser (R. Bristow-Johnson's cookbook)."""
    amplitude, angle = 10.0 ** (gain_db / 40.0), 2.0 * np.pi * hz / audio.sample_rate
    alpha = np.sin(angle) / (2.0 * q)
    b = [1.0 + alpha * amplitude, -2.0 * np.cos(angle), 1.0 - alpha * amplitude]
    a = [1.0 + alpha / amplitude, -2.0 * np.cos(angle), 1.0 - alpha / amplitude]
    return Audio(signal.lfilter(b, a, audio.samples).astype(np.float32), audio.sample_rate)


def difference_db(one: Audio, other: Audio) -> np.ndarray:
    levels = [np.array(long_term_spectrum(a).levels_db)[HEARD] for a in (one, other)]
    difference: np.ndarray = levels[0] - levels[1]
    return difference


def matched(source: Audio, reference: Audio, *, amount: float) -> Audio:
    curve = match_curve(long_term_spectrum(source), long_term_spectrum(reference), amount=amount)
    return collect(
        apply_curve(iter_blocks(source), curve, sample_rate=source.sample_rate), source.sample_rate
    )


def test_filtered_copy_gets_its_spectrum_back() -> None:
    original = music()
    filtered = bell(bell(bell(original, 120.0, 6.0), 900.0, -5.0), 5_000.0, 6.0)
    quieter = Audio(filtered.samples * np.float32(0.25), filtered.sample_rate)
    assert np.abs(difference_db(quieter, original)).max() > 4.0
    restored = matched(quieter, original, amount=1.0)
    assert restored.frames == original.frames
    assert np.abs(difference_db(restored, original)).max() < 1.0


def test_amount_scales_in_decibels() -> None:
    have, want = long_term_spectrum(pink(10.0)), long_term_spectrum(bell(pink(10.0), 1_000.0, 6.0))
    whole = np.array(match_curve(have, want, amount=1.0).gains_db)
    half = np.array(match_curve(have, want, amount=0.5).gains_db)
    assert whole.max() - whole.min() > 4.0
    assert_allclose(half, whole / 2.0)


def test_amount_0_is_a_bit_exact_bypass() -> None:
    source = pink(2.0)
    assert_array_equal(matched(source, bell(source, 500.0, 9.0), amount=0.0).samples, source.samples)


def test_gains_are_limited() -> None:
    source = pink(10.0)
    far = bell(bell(source, 200.0, 18.0), 6_000.0, -24.0)
    gains = match_curve(long_term_spectrum(source), long_term_spectrum(far), amount=1.0).gains_db
    assert max(gains) == MAX_DB
    assert min(gains) == -MAX_DB


def test_level_plays_no_part() -> None:
    source = pink(5.0)
    louder = Audio(source.samples * np.float32(3.0), RATE)
    gains = match_curve(long_term_spectrum(source), long_term_spectrum(louder), amount=1.0).gains_db
    assert_allclose(gains, 0.0, atol=0.01)


def test_bands_without_sound_are_left_to_their_neighbours() -> None:
    source = pink(10.0)
    taps = signal.firwin(2_001, 9_000.0, fs=RATE, window=("kaiser", 14.0))
    dull = Audio(
        signal.fftconvolve(source.samples, taps[np.newaxis], "same", axes=1).astype(np.float32), RATE
    )
    gains = np.array(match_curve(long_term_spectrum(source), long_term_spectrum(dull), amount=1.0).gains_db)
    assert np.ptp(gains[BANDS_HZ < 6_000.0]) < 0.1
    # Where the record has nothing, nothing is known of what it should be: the last known gain goes on.
    assert len(set(gains[BANDS_HZ > 12_000.0].tolist())) == 1


def test_records_of_other_rates_can_be_matched() -> None:
    at_44k = noise(10.0, sample_rate=44_100, seed=1)
    at_96k = noise(10.0, sample_rate=96_000, seed=2)
    gains = match_curve(long_term_spectrum(at_44k), long_term_spectrum(at_96k), amount=1.0).gains_db
    known = np.array(gains)[(BANDS_HZ > 200.0) & (BANDS_HZ < 15_000.0)]
    assert np.ptp(known) < 0.8  # both are white


@pytest.mark.parametrize("frequency_hz", [60.0, 250.0, 1_000.0, 8_000.0])
def test_curve_is_what_a_sine_gets_and_nothing_moves(frequency_hz: float) -> None:
    gains = 6.0 * np.sin(np.arange(len(BANDS_HZ)) / 9.0)
    curve = EqCurve(tuple(gains.tolist()))
    tone = sine(frequency_hz, 2.0, peak=0.25)
    out = collect(apply_curve(iter_blocks(tone), curve, sample_rate=RATE), RATE)
    expected_db = np.interp(np.log(frequency_hz), np.log(BANDS_HZ), gains)
    middle = slice(RATE // 2, 3 * RATE // 2)
    ratio = (
        out.samples[0, middle] @ tone.samples[0, middle] / (tone.samples[0, middle] @ tone.samples[0, middle])
    )
    assert 20 * np.log10(ratio) == pytest.approx(expected_db, abs=0.2)
    residual = out.samples[0, middle] - ratio * tone.samples[0, middle]
    assert np.abs(residual).max() < 1e-3 * ratio


def piece(frames: int) -> Samples:
    return noise(frames / RATE, channels=2, seed=3).samples


@settings(max_examples=10, deadline=None)
@given(frames=st.integers(1, 70_000), cuts=st.lists(st.integers(0, 70_000), max_size=8))
def test_length_is_kept_and_block_size_never_matters(frames: int, cuts: list[int]) -> None:
    curve = EqCurve(tuple(np.linspace(-5.0, 5.0, len(BANDS_HZ)).tolist()))
    samples = piece(frames)
    pieces = np.split(samples, sorted(cut for cut in cuts if cut < frames), axis=1)
    whole = np.concatenate(list(apply_curve([samples], curve, sample_rate=RATE)), axis=1)
    cut = np.concatenate(list(apply_curve(pieces, curve, sample_rate=RATE)), axis=1)
    assert whole.shape == samples.shape
    assert_array_equal(cut, whole)
    assert np.abs(whole - samples).max() > 1e-4


def test_bad_wishes_are_refused() -> None:
    spectrum = long_term_spectrum(pink(1.0))
    with pytest.raises(InputError, match="outside 0 to 1"):
        match_curve(spectrum, spectrum, amount=1.5)
    nothing = long_term_spectrum(Audio(np.zeros((1, RATE), np.float32), RATE))
    assert nothing == Spectrum((-np.inf,) * len(BANDS_HZ))
    with pytest.raises(InputError, match="record to match is silent"):
        match_curve(spectrum, nothing, amount=0.5)

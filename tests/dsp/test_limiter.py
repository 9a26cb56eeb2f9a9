"""The limiter: a ceiling for every meter, exact length, no trace where nothing is limited, low distortion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import signal

from signals import corpus, independent_dbtp, noise, rng, sine
from stemwright.audio import Samples
from stemwright.dsp.limiter import Limiter, LimiterSettings, Reduction
from stemwright.io.reader import open_audio
from stemwright.units import db_to_gain, gain_to_db

RATE = 48_000
CEILING_DBTP = -1.0


def limit(
    samples: Samples, *, cuts: list[int] | None = None, sample_rate: int = RATE
) -> tuple[Samples, Reduction]:
    limiter = Limiter(sample_rate, samples.shape[0])
    pieces = np.split(samples, sorted(cuts or []), axis=1)
    return np.concatenate(list(limiter.stream(pieces)), axis=1), limiter.reduction


def torture() -> dict[str, npt.NDArray[np.float64]]:
    n, random = np.arange(24_000), rng(1)
    return {
        "full-scale noise": random.uniform(-1, 1, n.size),
        "noise 3 dB over": random.uniform(-1, 1, n.size) * 1.41,
        "gaussian noise, clipped": np.clip(random.standard_normal(n.size) * 0.4, -1, 1),
        "random signs": np.sign(random.standard_normal(n.size)),
        "click": np.eye(1, n.size, 10_000)[0] * 2.0,
        "clicks": (random.random(n.size) < 0.002) * 2.0,
        "clipped sine": np.clip(9 * np.sin(2 * np.pi * 1_237.3 / RATE * n), -1, 1),
        "square": np.sign(np.sin(2 * np.pi * 110.1 / RATE * n)),
        "fs/4 at 45 degrees": 1.5 * np.sin(np.pi / 2 * n + np.pi / 4),
        "20 kHz bursts": 2.0 * np.sin(2 * np.pi * 20_000 / RATE * n) * (np.sin(n * 0.001) > 0.5),
        "23 kHz": 2.0 * np.sin(2 * np.pi * 23_000 / RATE * n),
        "brown": np.cumsum(random.standard_normal(n.size)) / 100.0,
    }


@pytest.mark.parametrize("name", torture())
def test_ceiling_holds_for_independent_meters(name: str) -> None:
    samples = torture()[name][np.newaxis].astype(np.float32)
    assert independent_dbtp(samples) > CEILING_DBTP + 0.1  # there is something to limit
    limited, reduction = limit(samples)
    assert limited.shape == samples.shape
    assert reduction.max_db > 0.0
    for reach, beta in ((24, 8.0), (64, 8.6), (128, 10.0), (256, 12.0)):
        assert independent_dbtp(limited, reach=reach, beta=beta) <= CEILING_DBTP
    resampled = soxr.resample(limited[0], RATE, 8 * RATE, quality="VHQ")
    assert gain_to_db(float(np.abs(resampled).max())) <= CEILING_DBTP


HOT_MUSIC = ["real/dev_coulton_code_monkey.ogg", "real/dev_kommisar_mecha_tribe.ogg",
             "stems/dev_fof_chaos_god/song.ogg"]  # fmt: skip


@pytest.mark.parametrize("name", HOT_MUSIC)
def test_ceiling_holds_on_hot_music(name: str) -> None:
    with open_audio(corpus(name)) as audio:
        hot = audio.read(60 * audio.sample_rate, 2 * audio.sample_rate) * np.float32(1.4)
        limited, reduction = limit(hot, sample_rate=audio.sample_rate)
    assert 1.0 < reduction.max_db < 8.0
    for reach in (24, 128):
        assert independent_dbtp(limited, reach=reach) <= CEILING_DBTP
    assert independent_dbtp(limited) > CEILING_DBTP - 0.1  # and it doesn't hide below it


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), gain_db=st.floats(-6, 18), cutoff_hz=st.floats(60.0, 22_000.0))
def test_ceiling_length_and_reported_reduction(seed: int, gain_db: float, cutoff_hz: float) -> None:
    taps = signal.firwin(129, cutoff_hz, fs=RATE)
    random = rng(seed)
    wave = signal.fftconvolve(random.standard_normal((2, 9_000)), taps[np.newaxis], axes=1)
    wave *= db_to_gain(gain_db) / np.abs(wave).max() * (random.random((1, 9_128)) < 0.98)
    samples = wave[:, : 9_000 + seed % 97].astype(np.float32)
    limited, reduction = limit(samples)
    assert limited.shape == samples.shape
    assert independent_dbtp(limited) <= CEILING_DBTP
    gain = np.abs(limited[samples != 0.0]) / np.abs(samples[samples != 0.0])
    assert gain.max() <= 1.0
    assert -20 * np.log10(gain.min()) <= reduction.max_db + 0.001


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 80_000), max_size=15))
def test_block_size_never_matters(cuts: list[int]) -> None:
    samples = noise(80_000 / RATE, channels=2, rms=0.4, seed=2).samples
    whole, reduction = limit(samples)
    cut, cut_reduction = limit(samples, cuts=cuts)
    assert_array_equal(cut, whole)
    assert cut_reduction == reduction
    assert reduction.max_db > 3.0


def test_nothing_over_the_ceiling_passes_bit_for_bit() -> None:
    samples = noise(3.0, channels=2, rms=0.12, seed=4).samples
    assert -6.0 < independent_dbtp(samples) < CEILING_DBTP - 0.7
    limited, reduction = limit(samples)
    assert_array_equal(limited, samples)
    assert reduction == Reduction()


def test_far_from_a_peak_samples_are_untouched() -> None:
    samples = noise(8.0, rms=0.05, seed=4).samples.copy()
    samples[0, 4 * RATE] = 1.5
    limited, reduction = limit(samples)
    changed = np.nonzero(limited[0] != samples[0])[0]
    assert 4 * RATE - 0.01 * RATE < changed[0] <= 4 * RATE
    assert changed[-1] < 5.5 * RATE
    assert reduction.frame is not None
    assert abs(reduction.frame - 4 * RATE) < 0.005 * RATE


def test_channels_share_one_gain() -> None:
    loud, soft = noise(1.0, rms=0.6, seed=1).samples, noise(1.0, rms=0.01, seed=2).samples
    together, _ = limit(np.concatenate([loud, soft]))
    alone, _ = limit(loud)
    assert_array_equal(together[:1], alone)
    assert np.abs(together[1]).max() < 0.7 * np.abs(soft).max()
    assert independent_dbtp(soft) < -20.0


@pytest.mark.parametrize("frequency_hz", [30.0, 40.0, 50.0, 100.0, 1_000.0])
def test_distortion_under_6_db_of_reduction(frequency_hz: float) -> None:
    limited, reduction = limit(sine(frequency_hz, 3.0, peak=db_to_gain(5.0)).samples)
    assert reduction.max_db == pytest.approx(6.05, abs=0.05)
    steady = limited[0, RATE : 2 * RATE].astype(float) * np.blackman(RATE)
    power = np.abs(np.fft.rfft(steady)) ** 2
    line = round(frequency_hz)
    fundamental = power[line - 3 : line + 4].sum()
    assert 10 * np.log10((power.sum() - fundamental) / fundamental) < -100.0


def test_distortion_of_the_lowest_bass() -> None:
    limited, _ = limit(sine(25.0, 3.0, peak=db_to_gain(5.0)).samples)
    power = np.abs(np.fft.rfft(limited[0, RATE : 2 * RATE].astype(float) * np.blackman(RATE))) ** 2
    fundamental = power[22:29].sum()
    assert 10 * np.log10((power.sum() - fundamental) / fundamental) < -60.0


def test_attack_and_release_take_their_time() -> None:
    wave = np.full((1, 2 * RATE), 0.1, np.float32) * np.cos(np.pi / 8 * np.arange(2 * RATE)).astype(
        np.float32
    )
    wave[0, RATE : RATE + 480] *= np.float32(20.0)
    limited, reduction = limit(wave)
    audible = np.abs(wave[0]) > 0.05
    gain_db = np.full(wave.shape[1], np.nan)
    gain_db[audible] = 20 * np.log10(np.abs(limited[0, audible] / wave[0, audible]))
    assert np.nanmax(np.abs(gain_db[: RATE - 400])) == 0.0
    asked = LimiterSettings()
    later = RATE + 480 + round((asked.hold_s + asked.release_s) * RATE)
    released = np.nanmean(gain_db[later : later + 100])
    assert released == pytest.approx(-reduction.max_db * np.exp(-1.0), abs=0.25)


def test_silence_nothing_and_one_frame() -> None:
    assert list(Limiter(RATE, 2).stream([])) == []
    zeros = np.zeros((2, 40_000), np.float32)
    assert_array_equal(limit(zeros)[0], zeros)
    assert limit(np.full((1, 1), 4.0, np.float32))[0].shape == (1, 1)


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 192_000])
def test_other_rates(sample_rate: int) -> None:
    samples = noise(40_000 / sample_rate, sample_rate=sample_rate, rms=0.5, seed=7).samples
    limited, reduction = limit(samples, sample_rate=sample_rate)
    assert independent_dbtp(limited) <= CEILING_DBTP
    assert reduction.max_db > 3.0


def test_settings_are_obeyed() -> None:
    samples = sine(1_000.0, 1.0, peak=1.0).samples
    for ceiling in (-6.0, -0.3):
        limiter = Limiter(RATE, 1, settings=LimiterSettings(ceiling_dbtp=ceiling))
        limited = np.concatenate(list(limiter.stream([samples])), axis=1)
        assert ceiling - 0.08 < independent_dbtp(limited) <= ceiling

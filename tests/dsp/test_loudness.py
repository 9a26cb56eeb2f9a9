"""The loudness meter against the standards' own signals, other meters, and itself cut differently."""

from __future__ import annotations

import csv
import re

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

from signals import corpus, noise, rng, silence, sine
from stemwright.audio import Audio, Samples
from stemwright.dsp import k_weighting
from stemwright.dsp.k_weighting import KWeighting, k_weighting_coefficients
from stemwright.dsp.loudness import LoudnessMeter, after_gain, channel_weights, integrated_lufs, measure
from stemwright.errors import InputError
from stemwright.io.reader import open_audio, read_audio
from stemwright.units import SILENCE_DB

RATE = 48_000


def tones(*steps: tuple[float, float], sample_rate: int = RATE, channels: int = 2) -> Audio:
    """A stereo 1 kHz sine of ``(dBFS, seconds)`` steps, phase continuous; -inf dBFS is silence."""
    gains = [np.full(round(s * sample_rate), 10.0 ** (dbfs / 20.0)) for dbfs, s in steps]
    envelope = np.concatenate(gains)
    wave = envelope * np.sin(2 * np.pi * 1000.0 * np.arange(envelope.size) / sample_rate)
    return Audio(np.tile(wave, (channels, 1)).astype(np.float32), sample_rate)


SILENT = -np.inf


# EBU Tech 3341, table 1: signals synthesised from its text, tolerance ±0.1 LU.


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (((-23.0, 20.0),), -23.0),
        (((-33.0, 20.0),), -33.0),
        (((-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)), -23.0),
        (((-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)), -23.0),
        (((-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)), -23.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4", "case 5"],
)
def test_tech3341_integrated(steps: tuple[tuple[float, float], ...], expected: float) -> None:
    measured = measure(tones(*steps), true_peak=False)
    assert measured.integrated_lufs == pytest.approx(expected, abs=0.1)


def test_tech3341_cases_1_and_2_on_all_time_scales() -> None:
    measured = measure(tones((-23.0, 20.0)), true_peak=False)
    assert measured.momentary_max_lufs == pytest.approx(-23.0, abs=0.1)
    assert_allclose(measured.short_term_lufs, -23.0, atol=0.1)


def test_tech3341_case_6_surround_weights() -> None:
    levels = (-28.0, -28.0, -24.0, -30.0, -30.0)
    channels = [tones((level, 20.0), channels=1).samples[0] for level in levels]
    measured = measure(Audio(np.stack(channels), RATE), true_peak=False)
    assert measured.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    with_lfe = np.stack([*channels[:3], tones((-10.0, 20.0), channels=1).samples[0], *channels[3:]])
    assert measure(Audio(with_lfe, RATE), true_peak=False).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech3341_case_9_short_term_constant_after_3_s() -> None:
    measured = measure(tones(*[(-20.0, 1.34), (-30.0, 1.66)] * 5), true_peak=False)
    assert measured.short_term_lufs.size == 121
    assert_allclose(measured.short_term_lufs, -23.0, atol=0.1)


@pytest.mark.parametrize("i", range(20))
def test_tech3341_case_10_short_term_max(i: int) -> None:
    measured = measure(tones((SILENT, i * 0.15), (-23.0, 3.0), (SILENT, 1.0)), true_peak=False)
    assert measured.short_term_max_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech3341_case_11_successive_short_term_maxima() -> None:
    for i in range(20):
        segment = tones((SILENT, i * 0.15), (-38.0 + i, 3.0), (SILENT, 3.0 - i * 0.15))
        if i == 0:
            meter = LoudnessMeter(RATE, 2, true_peak=False)
        meter.feed(segment.samples)
        assert meter.result().short_term_max_lufs == pytest.approx(-38.0 + i, abs=0.1)


def test_tech3341_case_12_momentary_constant_after_1_s() -> None:
    audio = tones(*[(-20.0, 0.18), (-30.0, 0.22)] * 25)
    hops = measure(audio, true_peak=False).hop_powers
    assert measure(audio, true_peak=False).momentary_max_lufs == pytest.approx(-23.0, abs=0.1)
    for start in range(6, hops.size - 4):
        assert integrated_lufs(hops[start : start + 4]) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_tech3341_case_13_momentary_max(i: int) -> None:
    measured = measure(tones((SILENT, i * 0.02), (-23.0, 0.4), (SILENT, 1.0)), true_peak=False)
    assert measured.momentary_max_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech3341_case_14_successive_momentary_maxima() -> None:
    meter = LoudnessMeter(RATE, 2, true_peak=False)
    for i in range(20):
        meter.feed(tones((SILENT, i * 0.02), (-38.0 + i, 0.4), (SILENT, 0.4 - i * 0.02)).samples)
        assert meter.result().momentary_max_lufs == pytest.approx(-38.0 + i, abs=0.1)


# EBU Tech 3342, table 1: loudness range, tolerance ±1 LU.


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20.0, -30.0), 10.0), ((-20.0, -15.0), 5.0), ((-40.0, -20.0), 20.0),
     ((-50.0, -35.0, -20.0, -35.0, -50.0), 15.0)],
    ids=["case 1", "case 2", "case 3", "case 4"],
)  # fmt: skip
def test_tech3342_range(levels: tuple[float, ...], expected: float) -> None:
    measured = measure(tones(*((level, 20.0) for level in levels)), true_peak=False)
    assert measured.range_lu == pytest.approx(expected, abs=1.0)


# The corpus: EBU's and ITU's files, analytic signals, music that other meters measured.


def stated() -> list[tuple[str, str]]:
    with corpus("MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [(r["path"], r["truth"]) for r in rows if r["path"].startswith("loudness/") and "=" in r["truth"]]


def test_corpus_files_with_stated_loudness() -> None:
    seen = 0
    for path, truth in stated():
        loudness = re.search(r"I=(?:M=S=)?(-\d+\.\d+)", truth)
        spread = re.search(r"LRA=(\d+)", truth)
        if loudness or spread:
            with open_audio(corpus(path)) as file:
                measured = measure(file, true_peak=False)
        if loudness:
            assert measured.integrated_lufs == pytest.approx(float(loudness[1]), abs=0.1), path
        if spread:
            assert measured.range_lu == pytest.approx(float(spread[1]), abs=1.0), path
        seen += bool(loudness) + bool(spread)
    assert seen >= 18


def test_silence_has_no_loudness() -> None:
    measured = measure(read_audio(corpus("loudness", "synth", "silence_30s.flac")))
    assert measured.integrated_lufs is None
    assert measured.range_lu is None
    assert measured.true_peak_dbtp == SILENCE_DB
    assert np.isfinite(measured.short_term_lufs).all()


def music() -> list[dict[str, str]]:
    with corpus("loudness", "reference_music.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def agrees_with_two_meters(row: dict[str, str]) -> None:
    audio = read_audio(corpus(row["path"]))
    measured = measure(audio)
    assert measured.integrated_lufs == pytest.approx(float(row["I_ffmpeg"]), abs=0.06)
    assert measured.true_peak_dbtp is not None
    assert measured.true_peak_dbtp > float(row["TP_ffmpeg_dBTP"]) - 0.1
    assert measured.sample_peak_dbfs == pytest.approx(float(row["sample_peak_dBFS"]), abs=0.06)
    other = pyloudnorm.Meter(audio.sample_rate, filter_class="DeMan")
    assert measured.integrated_lufs == pytest.approx(
        other.integrated_loudness(audio.samples.T.astype(float)), abs=0.005
    )


@pytest.mark.parametrize("name", ["dev_se_francium/mix.flac", "dev_metronome_120.mp3"])
def test_music_that_other_meters_measured(name: str) -> None:
    (row,) = (row for row in music() if row["path"].endswith(name))
    agrees_with_two_meters(row)


@pytest.mark.slow
def test_all_music_that_other_meters_measured() -> None:
    assert len(music()) == 25
    for row in music():
        agrees_with_two_meters(row)


# The filter, the gates, the laws.


def test_k_weighting_equals_the_table_of_the_standard() -> None:
    shelf, highpass = k_weighting_coefficients(48_000)
    table = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    assert_allclose(shelf, table, atol=1e-13)
    assert_allclose(highpass, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-13)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 44_100, 48_000, 192_000])
def test_block_filter_equals_the_recursion(sample_rate: int) -> None:
    audio = noise(3 * KWeighting.max_blocks * KWeighting.block_frames / RATE, channels=2, seed=3)
    offset = audio.samples + np.float32(0.5)
    filtering = KWeighting(sample_rate, 2)
    length = KWeighting.max_blocks * KWeighting.block_frames
    got = np.concatenate([filtering.filter(offset[:, i * length : (i + 1) * length]) for i in range(3)], 1)
    expected = signal.sosfilt(k_weighting_coefficients(sample_rate), offset.astype(float))
    assert_allclose(got, expected, atol=2e-6)


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 22_050, 32_000, 44_100, 88_200, 192_000])
def test_every_rate_reads_the_calibration_tone(sample_rate: int) -> None:
    audio = sine(997.0, 5.0, sample_rate=sample_rate, peak=1.0, channels=1)
    measured = measure(audio, true_peak=False)
    # BS.1770-5: a 0 dBFS sine of 997 Hz in one front channel reads -3.01 LKFS.
    assert measured.integrated_lufs == pytest.approx(-3.01, abs=0.1)
    _, response = signal.sosfreqz(k_weighting_coefficients(sample_rate), [997.0], fs=sample_rate)
    exact = -0.691 + 10.0 * np.log10(0.5 * abs(response[0]) ** 2)
    assert measured.integrated_lufs == pytest.approx(exact, abs=0.01)
    assert measured.hop_powers.size == 50


def test_channel_orders() -> None:
    assert_array_equal(channel_weights(2), [1, 1])
    assert_array_equal(channel_weights(6), [1, 1, 1, 0, 1.41, 1.41])
    assert_array_equal(channel_weights(12), [1] * 12)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.399])
def test_shorter_than_a_gating_block(seconds: float) -> None:
    measured = measure(sine(440.0, seconds, channels=2))
    assert measured.integrated_lufs is None
    assert measured.momentary_max_lufs is None
    assert measured.short_term_lufs.size == 0


def test_exactly_one_gating_block_is_enough() -> None:
    assert measure(sine(997.0, 0.4, peak=1.0)).integrated_lufs == pytest.approx(-3.01, abs=0.1)


def test_below_the_absolute_gate() -> None:
    assert measure(sine(997.0, 5.0, peak=10 ** (-72.0 / 20.0))).integrated_lufs is None
    assert measure(sine(997.0, 5.0, peak=10 ** (-64.0 / 20.0))).integrated_lufs is not None


def test_gain_moves_material_against_the_absolute_gate() -> None:
    hops = measure(tones((-60.0, 10.0), (-66.0, 10.0)), true_peak=False).hop_powers
    moved, linear = integrated_lufs(hops, gain_db=-6.0), integrated_lufs(hops)
    assert moved is not None
    assert moved == pytest.approx(-66.0, abs=0.1)  # the quiet half fell below -70 LUFS
    assert linear is not None
    assert abs(linear - 6.0 - moved) > 1.0


def test_result_may_be_asked_at_any_time() -> None:
    samples = noise(7.3, channels=2).samples
    meter = LoudnessMeter(RATE, 2)
    meter.feed(samples[:, :100_001])
    first = meter.result()
    assert meter.result().integrated_lufs == first.integrated_lufs
    meter.feed(samples[:, 100_001:])
    whole = measure(Audio(samples, RATE))
    assert meter.result().integrated_lufs == whole.integrated_lufs
    assert first.integrated_lufs != whole.integrated_lufs


def fed(samples: Samples, cuts: list[int]) -> LoudnessMeter:
    meter = LoudnessMeter(44_100, samples.shape[0])
    for piece in np.split(samples, cuts, axis=1):
        meter.feed(piece)
    return meter


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 60_000), max_size=12))
def test_block_size_never_matters(cuts: list[int]) -> None:
    samples = noise(60_000 / 44_100, sample_rate=44_100, channels=2, seed=5).samples
    whole, cut = fed(samples, []).result(), fed(samples, sorted(cuts)).result()
    assert cut.integrated_lufs == whole.integrated_lufs
    assert cut.true_peak_dbtp == whole.true_peak_dbtp
    assert cut.momentary_max_lufs == whole.momentary_max_lufs
    assert_array_equal(cut.hop_powers, whole.hop_powers)


def test_memory_holds_ten_numbers_a_second() -> None:
    meter = LoudnessMeter(8_000, 1, true_peak=False)
    block = (rng(1).standard_normal((1, 80_000)) * 0.1).astype(np.float32)
    for _ in range(60):
        meter.feed(block)
    assert meter.result().hop_powers.size == 6_000


def test_not_a_number_is_refused() -> None:
    samples = silence(1.0)
    samples[0, 100] = np.nan
    with pytest.raises(InputError, match="not a number"):
        measure(Audio(samples, RATE))


def test_unusual_rate_is_refused() -> None:
    with pytest.raises(InputError, match="4000 Hz"):
        LoudnessMeter(4_000, 1)


def test_weighting_products_stay_below_the_size_at_which_blas_starts_threads() -> None:
    weighting = k_weighting.KWeighting(48_000, 8)
    assert k_weighting._PIECE * weighting._scan_rows.size <= 262_144
    assert weighting._scan_groups.size <= 262_144


@pytest.mark.parametrize("gain_db", [-42.0, -3.7, 0.0, 2.5])
def test_after_a_gain_the_meter_says_what_it_would_measure(gain_db: float) -> None:
    """Also where the gain takes a part below the absolute gate: −42 dB does."""
    audio = tones((-20.0, 5.0), (SILENT, 2.0), (-33.0, 6.0))
    louder = Audio(audio.samples * np.float32(10 ** (gain_db / 20)), RATE)
    said, measured = after_gain(measure(audio), gain_db), measure(louder)
    for name in (
        "integrated_lufs", "range_lu", "momentary_max_lufs", "short_term_max_lufs", "true_peak_dbtp",
        "sample_peak_dbfs",
    ):  # fmt: skip
        assert getattr(said, name) == pytest.approx(getattr(measured, name), abs=1e-4), name
    assert_allclose(said.short_term_lufs, measured.short_term_lufs, atol=1e-4)
    assert_allclose(said.hop_powers, measured.hop_powers, rtol=1e-5, atol=1e-20)


def test_silence_stays_silent_after_a_gain() -> None:
    quiet = Audio(np.zeros((2, 4 * RATE), np.float32), RATE)
    said = after_gain(measure(quiet), 20.0)
    assert said.integrated_lufs is None
    assert said.true_peak_dbtp == said.sample_peak_dbfs == SILENCE_DB

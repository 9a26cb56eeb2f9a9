"""True peak against closed forms, the standard's cases, and an independent 16-fold oversampler."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from signals import Array, corpus, independent_dbtp, noise, rng, sine
from stemwright.audio import Audio
from stemwright.dsp import true_peak
from stemwright.dsp.true_peak import (
    CELL_FRAMES,
    REACH_FRAMES,
    TruePeakMeter,
    cell_peaks,
    true_peak_dbtp,
)
from stemwright.io.reader import open_audio, read_audio
from stemwright.units import SILENCE_DB, gain_to_db

RATE = 48_000


def tapered(wave: Array) -> Audio:
    """A signal whose edges are smooth, so that its true peak is where its formula has it."""
    edge = np.hanning(4_096)
    wave = wave.copy()
    wave[:2_048] *= edge[:2_048]
    wave[-2_048:] *= edge[2_048:]
    return Audio(wave[np.newaxis].astype(np.float32), RATE)


@pytest.mark.parametrize(
    ("case", "divisor", "phase_deg", "peak", "expected"),
    [(15, 4, 0.0, 0.5, -6.0), (16, 4, 45.0, 0.5, -6.0), (17, 6, 60.0, 0.5, -6.0), (18, 8, 67.5, 0.5, -6.0),
     (19, 4, 45.0, 1.41, 3.0)],
)  # fmt: skip
def test_tech3341_sines(case: int, divisor: int, phase_deg: float, peak: float, expected: float) -> None:
    angle = 2 * np.pi * np.arange(RATE) / divisor + np.deg2rad(phase_deg)
    stereo = np.repeat(tapered(peak * np.sin(angle)).samples, 2, axis=0)
    measured = true_peak_dbtp(Audio(stereo, RATE))
    assert expected - 0.4 <= measured <= expected + 0.2, case
    assert measured == pytest.approx(gain_to_db(peak), abs=0.01)


@pytest.mark.parametrize("offset", range(4), ids=[f"case {20 + offset}" for offset in range(4)])
def test_tech3341_bursts_from_fourfold_rate(offset: int) -> None:
    """Made at four times the rate, peak 1.0 on that grid, then every fourth sample from `offset`."""
    time = np.arange(4 * RATE) - 2 * RATE
    envelope = 0.5 + 0.5 * np.exp(-0.5 * (time / 400.0) ** 2)
    wave = envelope * np.cos(2 * np.pi * time / 24)  # a sixth of the rate it is decimated to
    measured = true_peak_dbtp(tapered(wave[offset::4]))
    assert -0.4 <= measured <= 0.2
    assert measured == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("frequency_hz", [50.0, 997.0, 7_001.0, 12_000.0, 15_999.0, 20_000.0, 21_500.0])
@pytest.mark.parametrize("phase_rad", [0.0, 0.4, 1.1])
def test_sines_read_their_amplitude(frequency_hz: float, phase_rad: float) -> None:
    angle = 2 * np.pi * frequency_hz * np.arange(RATE) / RATE + phase_rad
    assert true_peak_dbtp(tapered(0.8 * np.cos(angle))) == pytest.approx(gain_to_db(0.8), abs=0.02)


def test_corpus_sines() -> None:
    seen = 0
    for row in corpus("MANIFEST.tsv").read_text(encoding="utf-8").splitlines():
        path, truth = row.split("\t")[0], re.search(r"true peak ([+-]\d+\.\d+) dBTP", row)
        if truth and path.startswith("loudness/synth"):
            measured = true_peak_dbtp(read_audio(corpus(path)))
            assert float(truth[1]) - 0.4 <= measured <= float(truth[1]) + 0.2, path
            seen += 1
    assert seen == 5


def band_limited(seed: int, *, hz: float = 20_000.0) -> npt.NDArray[np.float32]:
    taps = signal.firwin(401, hz, fs=RATE)
    hot = signal.fftconvolve(rng(seed).standard_normal((2, 60_000)), taps[np.newaxis], axes=1)
    return np.clip(hot, -4.0, 4.0).astype(np.float32)[:, 300:-300] if hz < 20_000 else hot.astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_an_independent_meter_never_reads_more(seed: int) -> None:
    samples = band_limited(seed)
    ours = true_peak_dbtp(Audio(samples, RATE))
    for reach in (12, 24, 64, 128):
        assert independent_dbtp(samples, reach=reach) <= ours + 0.05
    assert independent_dbtp(samples, reach=128) == pytest.approx(ours, abs=0.02)


@pytest.mark.parametrize(
    "name", ["real/dev_kommisar_mecha_tribe.ogg", "stems/dev_fof_metal_madness/song.ogg"]
)
def test_an_independent_meter_never_reads_more_on_hot_music(name: str) -> None:
    with open_audio(corpus(name)) as file:
        audio = Audio(file.read(60 * file.sample_rate, 4 * file.sample_rate), file.sample_rate)
    ours = true_peak_dbtp(audio)
    assert ours > gain_to_db(float(np.abs(audio.samples).max()))
    for reach in (12, 24, 64):
        assert independent_dbtp(audio.samples, reach=reach) <= ours + 0.05


def test_clipped_square_overshoots() -> None:
    audio = read_audio(corpus("loudness", "synth", "square110_clipped.flac"))
    assert true_peak_dbtp(audio) > 0.0
    assert true_peak_dbtp(audio) == pytest.approx(independent_dbtp(audio.samples), abs=0.02)


def test_single_click_is_its_own_peak() -> None:
    samples = np.zeros((1, 5_000), np.float32)
    samples[0, 2_500] = -0.7
    assert true_peak_dbtp(Audio(samples, RATE)) == pytest.approx(gain_to_db(0.7), abs=1e-6)


def test_products_stay_below_the_size_at_which_blas_starts_threads() -> None:
    half, fine = true_peak._half_matrix(), true_peak._fine_matrix()
    assert true_peak._PIECE * half.size <= 262_144
    assert true_peak._PIECE * fine[0].size <= 262_144


def test_silence_and_nothing() -> None:
    assert true_peak_dbtp(Audio(np.zeros((2, 9_000), np.float32), RATE)) == SILENCE_DB
    assert TruePeakMeter(2).result_dbtp() == SILENCE_DB


def test_skipping_rows_changes_nothing() -> None:
    """A loud passage makes the meter skip what is quiet: the answer is that of the loud passage alone."""
    quiet, loud = noise(2.0, rms=0.1, seed=1).samples, noise(0.2, rms=0.3, seed=2).samples
    alone = true_peak_dbtp(Audio(loud, RATE))
    gap = np.zeros((1, 4_000), np.float32)
    for parts in ((quiet, gap, loud), (loud, gap, quiet), (quiet, gap, loud, gap, quiet)):
        assert true_peak_dbtp(Audio(np.concatenate(parts, axis=1), RATE)) == pytest.approx(alone, abs=1e-4)
    assert true_peak_dbtp(Audio(quiet, RATE)) < alone - 6.0


@pytest.mark.parametrize("hz", [50.0, 3_000.0, 11_999.0, 23_999.0, None])
def test_the_bound_that_skips_rows_holds(hz: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a hum to random signs, the steepest signal there is: no row that was skipped mattered."""
    wave = sine(hz, 1.5, peak=0.9, phase_rad=0.3).samples if hz else np.sign(noise(1.5, seed=3).samples) * 0.9
    louder = wave * np.linspace(0.5, 1.0, wave.shape[1], dtype=np.float32)
    louder[:, 40_000:] *= 0.1
    searched: list[int] = []
    whole = true_peak._twofold

    def counted(inputs: npt.NDArray[np.float32], half: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        searched.append(len(inputs))
        return np.asarray(whole(inputs, half))

    monkeypatch.setattr(true_peak, "_twofold", counted)
    song = Audio(np.asarray(louder, np.float32), RATE)
    skipping = true_peak_dbtp(song)
    few = sum(searched)
    monkeypatch.setattr(true_peak, "_bounds", lambda: (1e9, 1e9))
    searched.clear()
    assert true_peak_dbtp(song) == pytest.approx(skipping, abs=1e-9)
    assert few < sum(searched)


def test_peaks_between_windows_are_seen() -> None:
    """The same burst at every phase of the meter's raster reads the same."""
    burst = 0.9 * np.hanning(400) * np.sin(np.pi / 2 * np.arange(400) + np.pi / 4)
    readings = []
    for start in range(32_768 - 232, 32_768 - 168, 7):
        samples = np.zeros((1, 70_000), np.float32)
        samples[0, start : start + 400] = burst
        readings.append(true_peak_dbtp(Audio(samples, RATE)))
    assert max(readings) - min(readings) < 1e-4


def test_cells_cover_the_whole_waveform() -> None:
    audio = sine(11_999.0, 1.0, peak=0.9, phase_rad=0.7)
    window = audio.samples[:, : 2 * REACH_FRAMES + 20_480]
    cells = cell_peaks(window, 0.5)
    assert cells.shape == (20_480 // CELL_FRAMES,)
    taps = signal.firwin(2 * 90 * 16 + 1, 1 / 16, window=("kaiser", 8.6)) * 16
    dense = np.abs(signal.upfirdn(taps, window[0], 16))[90 * 16 :]
    body = dense[REACH_FRAMES * 16 : (REACH_FRAMES + 20_480) * 16].reshape(-1, CELL_FRAMES * 16)
    assert np.abs(body.max(axis=1) - cells).max() < 0.005
    assert not cell_peaks(window, 0.95).any()


def test_guard_counts_only_the_top_band() -> None:
    low = sine(5_000.0, 1.0, peak=0.9).samples[:, : 2 * REACH_FRAMES + 8_192]
    high = sine(23_000.0, 1.0, peak=0.9).samples[:, : 2 * REACH_FRAMES + 8_192]
    for window, raised in ((low, 0.0), (high, 0.9)):
        added = cell_peaks(window, 0.5, guarded=True).max() - cell_peaks(window, 0.5).max()
        assert added == pytest.approx(raised, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 70_000), max_size=10))
def test_block_size_never_matters(cuts: list[int]) -> None:
    samples = noise(70_000 / RATE, channels=2, rms=0.3, seed=9).samples
    meter = TruePeakMeter(2)
    for piece in np.split(samples, sorted(cuts), axis=1):
        meter.feed(piece)
    assert meter.result_dbtp() == true_peak_dbtp(Audio(samples, RATE))

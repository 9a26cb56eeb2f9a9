"""Stretching: onsets on the map, exact lengths, pitch, stereo, the first transient, any way of reading."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.hits import ONSET_LIMIT_MS, RATE, hits, onset_errors_ms, wandering
from signals import corpus, rng, sine
from stemwright.audio import Audio, Samples
from stemwright.dsp import stretch as module
from stemwright.dsp.stretch import stretch, stretch_along, stretched, stretched_frames
from stemwright.dsp.time_map import TimeMap
from stemwright.errors import InputError


def cents_off(samples: Samples, frequency_hz: float) -> float:
    """Distance of the strongest partial from a frequency, by the phase that it gains."""
    wave, frames = samples[0].astype(np.float64), 8_192
    bins = np.exp(-2j * np.pi * frequency_hz / RATE * np.arange(wave.size)) * wave
    window = np.hanning(frames)
    starts = np.arange(RATE // 2, wave.size - frames - RATE // 2, 1_024)
    phases = np.unwrap(np.angle([np.sum(bins[start : start + frames] * window) for start in starts]))
    slope = np.polyfit(starts, phases, 1)[0]
    return float(1_200 * np.log2(1 + slope * RATE / (2 * np.pi * frequency_hz)))


@pytest.mark.parametrize(("ratio", "semitones"), [(0.8, 0), (0.9345, 4), (1.07, -4), (1.25, 0), (1.0, 2)])
def test_onsets_stand_on_the_map_and_do_not_drift(ratio: float, semitones: float) -> None:
    samples, frames = hits(12)
    late = onset_errors_ms(
        stretch(samples, sample_rate=RATE, time_ratio=ratio, semitones=semitones), frames * ratio
    )
    assert np.abs(late).max() < ONSET_LIMIT_MS
    assert abs(late[-8:].mean() - late[:8].mean()) < 0.5


@pytest.mark.parametrize("ratio", [0.93, 1.07])
def test_onsets_follow_a_tempo_that_wanders(ratio: float) -> None:
    samples, frames = hits(12)
    anchors = wandering(12, ratio=ratio)
    output = stretch_along(samples, sample_rate=RATE, anchors=anchors)
    late = onset_errors_ms(output, TimeMap.through(anchors).outputs_at(frames))
    assert np.abs(late).max() < ONSET_LIMIT_MS
    assert output.shape[1] == round(anchors[-1][1])


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "semitones"), [(0.8, 4), (0.93, -4), (1.07, 4), (1.25, -4)])
def test_onsets_stand_on_a_wandering_map_for_five_minutes(ratio: float, semitones: float) -> None:
    samples, frames = hits(300)
    anchors = wandering(300, ratio=ratio)
    output = stretch_along(samples[:1], sample_rate=RATE, anchors=anchors, semitones=semitones)
    late = onset_errors_ms(output, TimeMap.through(anchors).outputs_at(frames))
    assert np.abs(late).max() < ONSET_LIMIT_MS
    assert abs(late[-50:].mean() - late[:50].mean()) < 0.5


@given(frames=st.integers(0, 3_000), ratio=st.floats(0.8, 1.25), semitones=st.sampled_from([0.0, 2.0, -1.0]))
@settings(max_examples=12, deadline=None)
def test_the_length_is_the_rounded_product(frames: int, ratio: float, semitones: float) -> None:
    samples = rng(1).standard_normal((1, frames)).astype(np.float32)
    output = stretch(samples, sample_rate=RATE, time_ratio=ratio, semitones=semitones)
    assert output.shape == (1, round(frames * ratio))
    assert output.dtype == np.float32


@pytest.mark.parametrize("frames", [0, 1, 10, 1_000, 65_537])
@pytest.mark.parametrize("ratio", [0.93, 1.0, 1.07])
def test_tiny_and_odd_lengths(frames: int, ratio: float) -> None:
    samples = rng(2).standard_normal((2, frames)).astype(np.float32)
    output = stretch(samples, sample_rate=RATE, time_ratio=ratio, semitones=-3)
    assert output.shape == (2, stretched_frames(frames, time_ratio=ratio))


def test_nothing_asked_for_gives_the_same_bits() -> None:
    samples = rng(3).standard_normal((2, 200_001)).astype(np.float32)
    assert np.array_equal(stretch(samples, sample_rate=RATE, time_ratio=1.0), samples)
    shifted = stretch_along(samples, sample_rate=RATE, anchors=[(-100, 0), (200_101, 200_201)])
    assert np.array_equal(shifted[:, 100:-100], samples)
    assert not shifted[:, :100].any()
    assert not shifted[:, -100:].any()


@pytest.mark.parametrize("semitones", [-4.0, -1.0, 0.0, 3.0, 4.0])
def test_pitch_is_within_two_cents(semitones: float) -> None:
    tone = sine(440.0, 5.0, sample_rate=RATE).samples
    output = stretch(tone, sample_rate=RATE, time_ratio=1.07, semitones=semitones)
    assert abs(cents_off(output, 440.0 * 2 ** (semitones / 12))) < 2.0


def test_cents_are_measured() -> None:
    assert cents_off(sine(441.0, 5.0, sample_rate=RATE).samples, 440.0) == pytest.approx(3.93, abs=0.05)


def test_formants_stay_only_when_asked() -> None:
    """A buzz through one resonance: its spectral centre stays with formants kept and moves without."""
    t = np.arange(3 * RATE) / RATE
    buzz = sum(
        np.exp(-(((k * 150 - 1_200) / 300) ** 2)) * np.cos(2 * np.pi * 150 * k * t) for k in range(1, 40)
    )
    samples = (0.05 * np.asarray(buzz))[np.newaxis].astype(np.float32)

    def centre_hz(keep: bool) -> float:
        wave = stretch(samples, sample_rate=RATE, time_ratio=1.0, semitones=4, keep_formants=keep)[0]
        power = np.abs(np.fft.rfft(wave[RATE // 2 : -RATE // 2] * np.hanning(2 * RATE))) ** 2
        return float(np.sum(power * np.fft.rfftfreq(2 * RATE, 1 / RATE)) / power.sum())

    assert centre_hz(keep=True) == pytest.approx(1_200, rel=0.05)
    assert centre_hz(keep=False) == pytest.approx(1_200 * 2 ** (4 / 12), rel=0.05)


@pytest.mark.parametrize("ratio", [0.85, 1.18])
@pytest.mark.parametrize("first_s", [0.0, 0.003])
def test_the_first_transient_is_kept(ratio: float, first_s: float) -> None:
    samples, frames = hits(6, first_s=first_s)
    output = stretch(samples, sample_rate=RATE, time_ratio=ratio)
    starts = (frames * ratio).round().astype(int)
    peaks = [np.abs(output[0, max(start - 200, 0) : start + 1_764]).max() for start in starts]
    energies = [np.sum(output[0, max(start - 200, 0) : start + 1_764] ** 2) for start in starts]
    assert peaks[0] > 0.7 * np.median(peaks)
    assert energies[0] > 0.7 * np.median(energies)
    assert abs(onset_errors_ms(output, frames[:1] * ratio)[0]) < ONSET_LIMIT_MS


def test_stereo_is_kept() -> None:
    """Twice the same channel stays twice the same; one side stays on its side; levels stay."""
    samples, _ = hits(4)
    same = stretch(samples, sample_rate=RATE, time_ratio=1.07, semitones=1)
    assert np.abs(same[0] - same[1]).max() < 1e-5
    left = stretch(samples * np.array([[1.0], [0.0]], np.float32), sample_rate=RATE, time_ratio=1.07)
    assert np.sqrt(np.mean(left[1] ** 2)) < 0.02 * np.sqrt(np.mean(left[0] ** 2))
    quieter = stretch(samples * np.array([[1.0], [0.5]], np.float32), sample_rate=RATE, time_ratio=1.07)
    assert np.sqrt(np.mean(quieter[1] ** 2) / np.mean(quieter[0] ** 2)) == pytest.approx(0.5, rel=0.03)


@dataclass
class Counting:
    """A source that remembers how it was read."""

    audio: Audio
    largest: int = 0

    @property
    def sample_rate(self) -> int:
        return self.audio.sample_rate

    @property
    def channels(self) -> int:
        return self.audio.channels

    @property
    def frames(self) -> int:
        return self.audio.frames

    def read(self, start: int, frames: int) -> Samples:
        self.largest = max(self.largest, frames)
        return self.audio.read(start, frames)


def test_how_it_is_read_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = Audio(hits(3)[0], RATE)
    anchors = wandering(3)
    usual = np.concatenate(list(stretched(audio, anchors=anchors, semitones=1)), axis=1)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 1_777)
    source = Counting(audio)
    blocks = list(stretched(source, anchors=anchors, semitones=1))
    assert source.largest == 1_777
    assert {block.shape[1] for block in blocks[:-1]} == {1_777}
    assert np.array_equal(np.concatenate(blocks, axis=1), usual)


def test_threads_do_not_matter() -> None:
    tracks = [hits(2, seed=seed)[0] for seed in range(2)]

    def run(samples: Samples) -> Samples:
        return stretch(samples, sample_rate=RATE, time_ratio=0.95)

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(run, tracks))
    assert all(np.array_equal(run(one), other) for one, other in zip(tracks, together, strict=True))


def test_a_window_sounds_as_it_does_within_the_song() -> None:
    samples, frames = hits(10)
    start, end, ratio = 4 * RATE - 3_000, 8 * RATE, 1.1
    window = stretch_along(samples, sample_rate=RATE, anchors=[(start, 0), (end, (end - start) * ratio)])
    inside = frames[(frames > start + 500) & (frames < end - 3_000)]
    assert np.abs(onset_errors_ms(window, (inside - start) * ratio)).max() < ONSET_LIMIT_MS
    tone = sine(220.0, 4.0, sample_rate=RATE).samples
    cut = stretch_along(tone, sample_rate=RATE, anchors=[(RATE, 0), (2 * RATE, 1.1 * RATE)])
    levels = np.sqrt(np.mean(cut[0, : 1_000 * (cut.shape[1] // 1_000)].reshape(-1, 1_000) ** 2, axis=1))
    assert 20 * np.log10(levels.max() / levels.min()) < 0.5  # no fade at either edge


def test_stems_of_one_song_stay_together() -> None:
    """Onsets of different stems that fall together still do, within 1 ms."""
    anchors = wandering(8, ratio=0.95)
    drums, frames = hits(8, seed=1)
    t = np.arange(drums.shape[1]) / RATE
    bass = np.zeros_like(drums)
    for frame in frames.astype(int):
        note = np.sin(2 * np.pi * 110 * (t[frame:] - t[frame]) + 1.2) * np.exp(-(t[frame:] - t[frame]) * 9)
        bass[:, frame:] = (0.5 * note).astype(np.float32)
    expected = TimeMap.through(anchors).outputs_at(frames)
    late = [
        onset_errors_ms(stretch_along(x, sample_rate=RATE, anchors=anchors), expected) for x in (drums, bass)
    ]
    assert abs(np.median(late[0] - late[1])) < 1.0


def test_stems_of_a_real_song_sum_to_the_stretched_song() -> None:
    from stemwright.io.reader import read_audio

    folder = corpus("stems", "dev_se_francium")
    names = ("vocals", "drums", "bass", "other")
    stems = [read_audio(folder / f"{name}.flac").between(20, 24).samples for name in names]
    asked = {"sample_rate": 44_100, "time_ratio": 1.06}
    whole = stretch(np.sum(stems, axis=0, dtype=np.float32), **asked)  # type: ignore[arg-type]
    parts = np.sum([stretch(stem, **asked) for stem in stems], axis=0)  # type: ignore[arg-type]
    level_db = 10 * np.log10(np.mean(parts**2) / np.mean(whole**2))
    assert abs(level_db) < 0.5
    envelopes = [np.abs(x[0]).reshape(-1)[: 400 * 450].reshape(-1, 400).max(axis=1) for x in (parts, whole)]
    assert np.corrcoef(*envelopes)[0, 1] > 0.9


@pytest.mark.parametrize(
    "anchors",
    [
        [],
        [(0, 0)],
        [(0, 0), (10, 0)],
        [(0, 0), (0, 10)],
        [(0, 0), (10, np.nan)],
        [(0, 0), (10, 1)],
        [(0, 0), (1, 9)],
    ],
)
def test_a_map_that_cannot_be_is_refused(anchors: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError):
        stretch_along(np.zeros((1, 100), np.float32), sample_rate=RATE, anchors=anchors)


def test_what_cannot_be_stretched_is_refused() -> None:
    samples = np.zeros((1, 1_000), np.float32)
    with pytest.raises(InputError, match="semitones"):
        stretch(samples, sample_rate=RATE, time_ratio=1.0, semitones=25)
    with pytest.raises(InputError, match="semitones"):
        stretch(samples, sample_rate=RATE, time_ratio=1.0, semitones=float("nan"))
    with pytest.raises(InputError, match="Resample"):
        stretch(samples, sample_rate=4_000, time_ratio=1.1)
    for ratio in (0.0, -1.0, 5.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="time ratio"):
            stretch(samples, sample_rate=RATE, time_ratio=ratio)
    samples[0, 500] = np.nan
    with pytest.raises(InputError, match="not a number"):
        stretch(samples, sample_rate=RATE, time_ratio=1.1)

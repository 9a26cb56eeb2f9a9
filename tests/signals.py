"""Seeded signals with known truth, for every test; nothing here is random between runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stemwright.audio import Audio, Samples
from stemwright.units import gain_to_db

Array = npt.NDArray[np.float64]


def rng(seed: int = 0) -> np.random.Generator:
    """The one generator of the tests."""
    return np.random.default_rng(seed)


def sine(
    frequency_hz: float, duration_s: float, *, sample_rate: int = 48_000, peak: float = 0.5,
    channels: int = 1, phase_rad: float = 0.0,
) -> Audio:  # fmt: skip
    """A sine at `peak`, the same in all channels."""
    t = np.arange(round(duration_s * sample_rate)) / sample_rate
    wave = peak * np.sin(2 * np.pi * frequency_hz * t + phase_rad)
    return Audio(np.tile(wave, (channels, 1)).astype(np.float32), sample_rate)


def noise(
    duration_s: float, *, sample_rate: int = 48_000, rms: float = 0.1, channels: int = 1, seed: int = 0
) -> Audio:
    """White noise, independent in each channel."""
    samples = rng(seed).standard_normal((channels, round(duration_s * sample_rate))) * rms
    return Audio(samples.astype(np.float32), sample_rate)


def clicks(times_s: list[float], duration_s: float, *, sample_rate: int = 48_000, channels: int = 1) -> Audio:
    """Single-sample clicks at the given times."""
    samples = np.zeros((channels, round(duration_s * sample_rate)), np.float32)
    for time in times_s:
        samples[:, round(time * sample_rate)] = 0.9
    return Audio(samples, sample_rate)


def silence(duration_s: float, *, sample_rate: int = 48_000, channels: int = 1) -> Samples:
    """Digital silence."""
    return np.zeros((channels, round(duration_s * sample_rate)), np.float32)


def corpus(*parts: str) -> Path:
    """A file or folder of the shared corpus; the test is skipped where there is none."""
    root = Path(os.environ.get("STEMWRIGHT_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip("no corpus")
    return path


def chord_song(
    chords: str, *, chord_s: float = 2.0, sample_rate: int = 44_100, tuning_cents: float = 0.0,
    harmonics: int = 6, level: float = 0.08, beat: bool = False, channels: int = 1, seed: int = 0,
) -> Audio:  # fmt: skip
    """Triads with a bass, one after another (``"Am F C G"``), with drums on the half seconds if asked."""
    t = np.arange(round(chord_s * sample_rate)) / sample_rate
    edge = level * np.minimum(1.0, np.minimum(t / 0.01, (chord_s - t) / 0.03))
    random, inside = rng(seed), t % 0.5
    waves = {
        chord: edge * _triad(chord, t, tuning_cents=tuning_cents, harmonics=harmonics, random=random)
        for chord in sorted(set(chords.split()))
    }
    drums = 0.3 * np.exp(-inside / 0.04) * np.sin(2 * np.pi * 55 * inside)
    drums += 0.2 * np.exp(-((t + 0.25) % 0.5) / 0.02) * random.standard_normal(t.size)
    parts = [waves[chord] + (drums if beat else 0.0) for chord in chords.split()]
    return Audio(np.tile(np.concatenate(parts), (channels, 1)).astype(np.float32), sample_rate)


def _triad(
    chord: str, t: Array, *, tuning_cents: float, harmonics: int, random: np.random.Generator
) -> Array:
    root = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"].index(chord.rstrip("m"))
    wave = np.zeros(t.size)
    for note in (36 + root, 60 + root, 60 + root + (3 if chord.endswith("m") else 4), 67 + root):
        hertz = 440.0 * 2.0 ** ((note - 69 + tuning_cents / 100.0) / 12.0)
        for harmonic in range(1, harmonics + 1):
            wave += np.sin(2 * np.pi * (hertz * harmonic * t + random.random())) / harmonic
    return wave


def independent_dbtp(samples: Samples, *, reach: int = 64, beta: float = 8.6) -> float:
    """True peak by another meter: 16-fold polyphase, a Kaiser low-pass of `reach` frames on both sides."""
    from scipy import signal

    taps = signal.firwin(2 * reach * 16 + 1, 1 / 16, window=("kaiser", beta)) * 16
    return max(gain_to_db(float(np.abs(signal.upfirdn(taps, row, 16)).max())) for row in samples)


def si_sdr_db(estimate: Samples, truth: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio (J. Le Roux et al., ICASSP 2019), all channels at once."""
    e, t = (np.asarray(x, np.float64).ravel() for x in (estimate, truth))
    target = float((e * t).sum()) / float((t * t).sum()) * t
    return float(10 * np.log10((target**2).sum() / max(float(((e - target) ** 2).sum()), 1e-20)))

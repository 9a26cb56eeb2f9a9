"""Small songs with known stems: a voice and drums in the middle, a bass, wide chords; and what came out."""

from __future__ import annotations

import numpy as np

from signals import rng
from stemwright.audio import Samples
from stemwright.io.reader import read_audio
from stemwright.separation import Separated
from stemwright.songs import SongStem

RATE = 44_100


def made_song(seed: int, *, seconds: float = 10.0) -> tuple[dict[SongStem, Samples], Samples]:
    """Make the stems of a song, and their sum."""
    random = rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    root = 110 * 2 ** (float(random.integers(-3, 4)) / 12)
    beat = np.mod(t, 0.5)
    steps = (np.floor(t / 0.7) % 4).astype(int)
    melody = root * 2 * 2 ** (np.array([0, 3, 7, 5])[steps] / 12) * (1 + 0.012 * np.sin(2 * np.pi * 5.5 * t))
    phase = 2 * np.pi * np.cumsum(melody) / RATE
    gate = np.clip(np.minimum(np.mod(t, 0.7) / 0.03, (0.62 - np.mod(t, 0.7)) / 0.05), 0, 1)
    formants = [(700, 1.0), (1200, 0.5), (2600, 0.3)]
    voice = sum(
        sum(a / (1 + ((k * melody - f) / 150) ** 2) for f, a in formants) * np.sin(k * phase)
        for k in range(1, 16)
    )
    kick = np.exp(-beat / 0.08) * np.sin(2 * np.pi * (50 * beat + 3 * (1 - np.exp(-beat / 0.02))))
    hat = np.exp(-np.mod(t, 0.25) / 0.02) * np.diff(random.standard_normal(t.size + 1)) * 0.4
    bass = sum(np.sin(2 * np.pi * root / 2 * k * t) / k**1.5 for k in range(1, 6)) * np.exp(-beat / 0.5)
    sides = [
        sum(
            np.sin(
                2 * np.pi * root * ratio * k * 2 ** (random.uniform(-9, 9) / 1200) * t + random.uniform(0, 6)
            )
            / k
            for ratio in (2.0, 2.52, 3.0)
            for k in range(1, 6)
        )
        for _ in range(2)
    ]
    waves = (
        np.tile(voice * gate, (2, 1)),
        np.tile(kick + hat, (2, 1)),
        np.tile(bass, (2, 1)),
        np.stack(sides),
    )
    stems = {
        stem: (level * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)
        for stem, wave, level in zip(SongStem, waves, (0.09, 0.06, 0.06, 0.07), strict=False)
    }
    return stems, np.sum(list(stems.values()), axis=0, dtype=np.float32)


def read(result: Separated) -> dict[SongStem, Samples]:
    """Read what a separator wrote."""
    return {stem: read_audio(path).samples for stem, path in result.files.items()}

"""What the two ways to stretch are held against: struck noise at known places, and a tempo that wanders."""

from __future__ import annotations

import numpy as np

from signals import Array, rng
from stemwright.audio import Samples

RATE = 44_100
ONSET_LIMIT_MS = 3.0


def hits(
    seconds: float, *, first_s: float = 0.25, step_s: float = 0.5, seed: int = 0, channels: int = 2
) -> tuple[Samples, Array]:
    """Struck noise with a hard front, twice a second, and the frames that it begins at."""
    burst = 0.3 * np.exp(-np.arange(2_000) / 300) * rng(seed).standard_normal(2_000)
    burst[0] = 0.6
    frames = (np.arange(first_s, seconds - 0.1, step_s) * RATE).round()
    samples = np.zeros((channels, round(seconds * RATE)), np.float32)
    for frame in frames.astype(int):
        samples[:, frame : frame + 2_000] += burst.astype(np.float32)[: samples.shape[1] - frame]
    return samples, frames


def onset_errors_ms(samples: Samples, expected: Array) -> Array:
    """How late every onset is: where the level first reaches a third of the hit's peak."""
    level = np.abs(samples[0])
    errors = []
    for frame in expected:
        start = max(0, round(frame) - 4_410)
        near = level[start : round(frame) + 4_410]
        errors.append((start + np.argmax(near > 0.35 * near.max()) - frame) / RATE * 1_000)
    return np.array(errors)


def wandering(seconds: float, *, ratio: float = 1.0, depth: float = 0.05) -> list[tuple[float, float]]:
    """A map with an anchor per half second whose tempo wanders by ±`depth`, over 23 s."""
    beats = np.arange(0.0, seconds + 0.5, 0.5)
    local = ratio * (1 + depth * np.sin(2 * np.pi * beats / 23.0))
    output = np.concatenate([[0.0], np.cumsum(0.5 * local[:-1])])
    return [(float(a), float(b)) for a, b in zip(beats * RATE, output * RATE, strict=True)]

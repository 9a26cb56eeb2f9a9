"""Songs of known rhythm: kick, snare, hats, bass and chords laid on beats that the test chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from signals import rng
from stemwright.audio import Audio

Array = npt.NDArray[np.float64]

RATE = 22_050
ROCK = {"kick": (0.0, 2.0), "snare": (1.0, 3.0), "hat": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)}
HALF_TIME = {"kick": (0.0, 1.5), "snare": (2.0,), "hat": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)}
HOUSE = {"kick": (0.0, 1.0, 2.0, 3.0), "snare": (1.0, 3.0), "open": (0.5, 1.5, 2.5, 3.5)}
WALTZ = {"kick": (0.0,), "snare": (1.0, 2.0), "hat": (0.0, 1.0, 2.0)}
SWING = {
    "kick": (0.0, 2.0),
    "snare": (1.0, 3.0),
    "hat": (0.0, 2 / 3, 1.0, 1 + 2 / 3, 2.0, 2 + 2 / 3, 3.0, 3 + 2 / 3),
}
CHORDS_HZ = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))


def _kick(t: Array) -> Array:
    return np.asarray(0.8 * np.exp(-t / 0.07) * np.sin(2 * np.pi * (48 * t + 3 * (1 - np.exp(-t / 0.02)))))


def _snare(t: Array) -> Array:
    return np.exp(-t / 0.05) * (0.25 * rng(1).standard_normal(t.size) + 0.25 * np.sin(2 * np.pi * 190 * t))


def _hat(t: Array) -> Array:
    return 0.1 * np.exp(-t / 0.015) * np.diff(rng(2).standard_normal(t.size + 1))


def _open(t: Array) -> Array:
    return 0.3 * np.exp(-t / 0.06) * np.diff(rng(3).standard_normal(t.size + 1))


SOUNDS: Mapping[str, Callable[[Array], Array]] = {"kick": _kick, "snare": _snare, "hat": _hat, "open": _open}


def steady_beats(bpm: float, *, start_s: float = 0.7, count: int = 72) -> Array:
    """Beats of one tempo."""
    return np.asarray(start_s + np.arange(count) * 60.0 / bpm, np.float64)


def drifting_beats(bpm: float, *, depth: float = 0.03, wave_beats: float = 64.0, count: int = 96) -> Array:
    """Beats whose tempo sways by `depth` on either side."""
    beats = np.arange(count)
    period = 60.0 / bpm * (1.0 + depth * np.sin(2 * np.pi * beats / wave_beats))
    return np.asarray(0.5 + np.concatenate(([0.0], np.cumsum(period[:-1]))), np.float64)


def drum_song(
    beats_s: Array, pattern: Mapping[str, Sequence[float]] = ROCK, *, beats_per_bar: int = 4, pickup: int = 0,
    chords: bool = True, drums: bool = True,
) -> Audio:  # fmt: skip
    """Play a bar's pattern over and over on the beats; the first bar begins after `pickup` beats."""
    tail_s = 60.0 / 60
    out = np.zeros(round((beats_s[-1] + tail_s) * RATE))
    numbers = np.arange(beats_s.size, dtype=np.float64)
    for bar in range(-1, beats_s.size // beats_per_bar + 1):
        start = pickup + bar * beats_per_bar
        if drums:
            _play_bar(out, beats_s, numbers, pattern, start)
        if chords and 0 <= start < beats_s.size - 1:
            _play_chord(out, beats_s, start, min(start + beats_per_bar, beats_s.size - 1), bar)
    return Audio((0.5 * out)[np.newaxis].astype(np.float32), RATE)


def _play_bar(
    out: Array, beats_s: Array, numbers: Array, pattern: Mapping[str, Sequence[float]], start: int
) -> None:
    t = np.arange(round(0.3 * RATE)) / RATE
    for name, places in pattern.items():
        sound = SOUNDS[name](t)
        for place in places:
            if 0 <= start + place <= beats_s.size - 1:
                at = round(float(np.interp(start + place, numbers, beats_s)) * RATE)
                out[at : at + t.size] += sound[: out.size - at]


def _play_chord(out: Array, beats_s: Array, start: int, stop: int, bar: int) -> None:
    first, last = round(beats_s[start] * RATE), round(beats_s[stop] * RATE)
    t = np.arange(last - first) / RATE
    edge = np.minimum(np.minimum(t / 0.004, (t[-1] - t) / 0.02), 1.0)
    hertz = CHORDS_HZ[bar % 4]
    tones = sum(0.05 * np.sin(2 * np.pi * hz * k * t) / k for hz in hertz for k in (1, 2, 3))
    out[first:last] += edge * (tones + 0.12 * np.sin(2 * np.pi * hertz[0] / 2 * t))

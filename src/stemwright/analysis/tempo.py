"""Which count of the pulse is the beat: every reading is heard against the drums.

A reading is a tempo (the pulse times ⅓, ½, ⅔, ¾, 1, 4⁄3, 3⁄2, 2, 3) and a phase. Its score is a sum of
evidence in nepers: how far the onsets on its beats stand out of the song (with √n, so that a slower reading
must be better, not only sparser), how usual such a tempo is (a log-normal around 118 bpm, after Parncutt, *A
Perceptual Model of Pulse Salience*, 1994), whether its half beats are played and its quarter beats rarely so,
whether kick and snare take turns on its beats, and whether kicks stand as often between its beats as on them,
which says that it is too slow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemwright.analysis.onsets import FLUX_HZ, Array, SongView, normalised
from stemwright.analysis.pulse import Pulse, onset_envelope

__all__ = ["FACTORS", "Reading", "Registers", "read_tempi", "read_tempo", "registers"]

FACTORS = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0)
MIN_BPM, MAX_BPM = 45.0, 230.0
USUAL_BPM, USUAL_SPREAD = 118.0, 0.4
PHASES = 24
HALF_BEATS, QUARTER_BEATS, TURNS, KICKS_BETWEEN, KICKS_ALLOWED = 0.5, 0.5, 2.0, 1.0, 0.7
IN_TWO, SNARE_TILT, REPEATS = 1.5, 4.0, 1.5
_PHASE_WEIGHTS = (0.35, 2.0, 0.7, 0.3)
_KERNEL = np.array([0.27, 0.46, 0.27])
_LOW_KERNEL = np.array([1.0, 1.0, 1.0, 1.0, 0.7, 0.3, 0.0, 0.0, 0.0]) / 5.0
"""A kick's low end takes 40 ms to come up: what follows a beat is heard with it."""


@dataclass(frozen=True, eq=False)
class Registers:
    """Onsets by register, blurred a little so that a beat need not hit a frame.

    Attributes
    ----------
    curves : float64 [shape=(4, flux frames)]
        All together, low, middle, high.
    spread : float
        Standard deviation of all together.
    """

    curves: Array
    spread: float

    def at(self, seconds: Array) -> Array:
        """Values at times, shaped ``(4, *seconds.shape)``."""
        frames = np.arange(self.curves.shape[1])
        return np.stack([np.interp(seconds * FLUX_HZ, frames, curve) for curve in self.curves])


def registers(view: SongView) -> Registers:
    """Gather the registers of a song."""
    envelope = onset_envelope(view)
    bands = [envelope, *(normalised(band) for band in (view.low, view.mid, view.high))]
    kernels = (_KERNEL, _LOW_KERNEL, _KERNEL, _KERNEL)
    curves = [np.convolve(band, kernel, "same") for band, kernel in zip(bands, kernels, strict=True)]
    return Registers(np.stack(curves), float(envelope.std()))


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to count a song.

    Attributes
    ----------
    factor, phase : float
        Its beats stand at counts ``(k + phase) * factor`` of the pulse.
    bpm, score : float
        Its mean tempo; its evidence in nepers.
    """

    factor: float
    phase: float
    bpm: float
    score: float


def read_tempi(heard: Registers, pulse: Pulse, *, duration_s: float) -> tuple[Reading, ...]:
    """Score every reading of a pulse, best first."""
    found = [
        read_tempo(heard, pulse, factor=factor, duration_s=duration_s)
        for factor in FACTORS
        if MIN_BPM <= 60.0 / (pulse.period_s * factor) <= MAX_BPM
    ]
    return tuple(sorted(found, key=lambda reading: -reading.score))


def read_tempo(heard: Registers, pulse: Pulse, *, factor: float, duration_s: float) -> Reading:
    """Score one reading at its best phase; half a beat away counts too, which of them it is shows later."""
    rows = _rows(heard, pulse, factor, duration_s)
    phase = int(np.argmax(np.tensordot(_PHASE_WEIGHTS, rows.mean(axis=1), axes=1)))
    bpm = 60.0 / (pulse.period_s * factor)
    score = max(_heard_at(heard, rows, place % PHASES) for place in (phase, phase + PHASES // 2))
    score += IN_TWO * _in_two(heard, pulse, factor) + REPEATS * _repeats(rows)
    score -= 0.5 * (math.log(bpm / USUAL_BPM) / USUAL_SPREAD) ** 2
    return Reading(factor, phase / PHASES, bpm, float(score))


def _heard_at(heard: Registers, rows: Array, phase: int) -> float:
    """Weigh what is heard on the beats of a phase, and between them."""
    mean = rows.mean(axis=1)
    here, half = mean[:, phase], mean[:, (phase + PHASES // 2) % PHASES]
    quarters = mean[0, (phase + PHASES // 4) % PHASES] + mean[0, (phase - PHASES // 4) % PHASES]
    clear = (here[0] - heard.curves[0].mean()) / (heard.spread + 1e-9) * math.sqrt(rows.shape[1])
    between = min(half[1] / (here[1] + 1e-9), 2.0)
    return float(
        math.log(max(clear, 1e-3))
        + HALF_BEATS * _ratio(half[0], here[0])
        - QUARTER_BEATS * _ratio(quarters / 2, here[0])
        + TURNS * _turns(rows[:, :, phase])
        - KICKS_BETWEEN * max(0.0, between - KICKS_ALLOWED)
    )


def _rows(heard: Registers, pulse: Pulse, factor: float, duration_s: float) -> Array:
    """Read the registers at 24 phases of each beat, shaped ``(4, beats, 24)``."""
    first, last = pulse.count(np.array([0.0, duration_s])) / factor
    beats = np.arange(math.ceil(first), max(math.floor(last) - 1, math.ceil(first) + 1))
    counts = (beats[:, np.newaxis] + np.arange(PHASES) / PHASES) * factor
    return heard.at(pulse.seconds(counts))


def _ratio(part: float, whole: float) -> float:
    return float(min(part / (whole + 1e-9), 1.0))


def _in_two(heard: Registers, pulse: Pulse, factor: float) -> float:
    """Say which share of the onsets is in step with the beat, its half or quarter: little in threes."""
    envelope = heard.curves[0]
    counts = pulse.count(np.arange(envelope.size) / FLUX_HZ) / factor
    total = float(envelope.sum()) + 1e-9
    return max(
        float(abs((envelope * np.exp(-2j * np.pi * part * counts)).sum())) / total for part in (1, 2, 4)
    )


def _turns(beats: Array) -> float:
    """Say how much kick and snare take turns from beat to beat, 0 to 1; one alone is a hat's doing."""
    if beats.shape[1] < 4:
        return 0.0
    kick, snare = (_tilt(band) for band in (beats[1], beats[2] + beats[3]))
    return float(np.clip(min(abs(kick), SNARE_TILT * abs(snare)), 0.0, 1.0)) if kick * snare < 0 else 0.0


def _repeats(rows: Array) -> float:
    """Correlate the registers with themselves four and eight beats on: bars repeat in the right count."""
    centred = rows[1:] - rows[1:].mean(axis=(1, 2), keepdims=True)
    power = float((centred**2).sum()) / rows.shape[1] + 1e-9
    return max(
        float((centred[:, lag:] * centred[:, :-lag]).sum()) / (rows.shape[1] - lag) / power
        if rows.shape[1] >= 2 * lag
        else 0.0
        for lag in (4, 8)
    )


def _tilt(band: Array) -> float:
    """Even beats against odd ones, −1 to 1."""
    even, odd = float(band[::2].mean()), float(band[1::2].mean())
    return (even - odd) / (even + odd + 1e-9)

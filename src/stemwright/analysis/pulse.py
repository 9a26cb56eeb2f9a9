"""The pulse: a map from seconds to a steady count, whatever level of the meter it counts.

A tempogram says how fast each ten seconds are; the smoothest strong path through it gives a first count, in
whose time the music is nearly even; a second path, now of phases, takes out what is left (dynamic programming
as in Ellis, *Beat Tracking by Dynamic Programming*, 2007, over windows instead of frames). A song that is
explained as well by one straight line gets the line. Which count is the beat is decided in `tempo`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from stemwright.analysis.onsets import FLUX_HZ, Array, SongView, normalised

__all__ = ["Pulse", "find_pulse", "in_step", "loop_pulses", "onset_envelope", "steady_pulse"]

MIN_PERIOD_S, MAX_PERIOD_S, PERIOD_STEP = 0.25, 1.6, 0.01
USUAL_PERIOD_S, USUAL_SPREAD = 0.5, 0.35
STEADY_SHARE = 0.75
"""A line that explains this share of what the curve explains is believed."""
LOOP_BPM = (60.0, 190.0)
_WINDOW_S, _HOP_S = 10.0, 1.5
_COMB = ((1, 1.0), (2, 1.0), (3, 0.5), (4, 1.0))
_PRIOR_WEIGHT, _CHANGE_COST, _MAX_STEPS = 0.25, 0.03, 4
_PHASES, _PHASE_COST = 48, 0.08
_FOLD_BEATS, _FOLD_HOP = 16, 4
_HARMONICS = (2, 3, 4, 6)
_LINE_HARMONICS = (1, 2, 3, 4, 6, 8)
_LINE_SPAN = 0.012


@dataclass(frozen=True, eq=False)
class Pulse:
    """A rising map between seconds and counts.

    Attributes
    ----------
    counts, times_s : float64 [shape=(anchors,)]
        Between anchors, and beyond them, time runs evenly.
    steady : bool
        Whether it is one straight line.
    share : float
        Part of the onsets' energy that falls in step with it, 0 to 1.
    whole : bool
        Whether it was laid from end to end of a loop, so that its period is not to be touched.
    """

    counts: Array
    times_s: Array
    steady: bool
    share: float = 0.0
    whole: bool = False

    def seconds(self, counts: Array) -> Array:
        """Say when counts come."""
        return _extended(counts, self.counts, self.times_s)

    def count(self, seconds: Array) -> Array:
        """Say how far it has counted at times."""
        return _extended(seconds, self.times_s, self.counts)

    @property
    def period_s(self) -> float:
        """Mean seconds of a count."""
        return float((self.times_s[-1] - self.times_s[0]) / (self.counts[-1] - self.counts[0]))


def _extended(at: Array, x: Array, y: Array) -> Array:
    """Interpolate, and go on straight at both ends."""
    near = min(8, x.size - 1)
    first, last = (y[near] - y[0]) / (x[near] - x[0]), (y[-1] - y[-1 - near]) / (x[-1] - x[-1 - near])
    inside = np.interp(at, x, y)
    return np.asarray(
        inside + np.minimum(at - x[0], 0.0) * first + np.maximum(at - x[-1], 0.0) * last, np.float64
    )


def onset_envelope(view: SongView) -> Array:
    """Sum the three registers' flux, each by its own spread, above its mean over a second.

    Returns
    -------
    float64 [shape=(flux frames,)]
        ≥ 0, frame i at ``i / FLUX_HZ`` seconds.
    """
    total = np.zeros(view.low.size)
    for band in (view.low, view.mid, view.high):
        total += normalised(band)
    size = int(FLUX_HZ) | 1
    taper = np.hanning(size + 2)[1:-1]
    if total.size < size:
        return np.maximum(total - total.mean(), 0.0) if total.size else total
    return np.asarray(np.maximum(total - np.convolve(total, taper / taper.sum(), "same"), 0.0))


def find_pulse(envelope: Array, *, near_period_s: float | None = None) -> Pulse:
    """Follow the pulse of a song.

    Parameters
    ----------
    envelope : float64 [shape=(flux frames,)]
        From `onset_envelope`; at least a second of it, not all zero.
    near_period_s : float, optional
        Look only within 6 % of this period: somebody said how fast the song is.

    Returns
    -------
    Pulse
        Covers the whole envelope; a straight line where that explains the song.
    """
    periods, obs, times = _tempogram(envelope, near_period_s)
    path = periods[_best_path(obs)]
    counts = _integrated(path, times, envelope.size)
    curve = _in_phase(envelope, counts)
    line = steady_pulse(envelope, float(np.median(path)))
    shares = [in_step(envelope, pulse) for pulse in (curve, line)]
    steady = shares[1] >= STEADY_SHARE * shares[0]
    chosen = line if steady else curve
    return Pulse(chosen.counts, chosen.times_s, steady, shares[int(steady)])


def _tempogram(envelope: Array, near_period_s: float | None) -> tuple[Array, Array, Array]:
    """Score periods, window by window, by a comb over the window's autocorrelation."""
    low, high = (
        (math.log(MIN_PERIOD_S), math.log(MAX_PERIOD_S))
        if near_period_s is None
        else (math.log(near_period_s) - 0.06, math.log(near_period_s) + 0.06)
    )
    periods = np.exp(np.arange(low, high, PERIOD_STEP if near_period_s is None else PERIOD_STEP / 4))
    size, hop = int(_WINDOW_S * FLUX_HZ), int(_HOP_S * FLUX_HZ)
    count = max(1, -(-envelope.size // hop))
    padded = np.concatenate([np.zeros(size // 2), envelope, np.zeros(size // 2 + hop)])
    taper = np.hanning(size)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count]
    own = _autocorrelation(taper[np.newaxis], size)
    score = np.concatenate([
        _combed(_autocorrelation(windows[at : at + 64] * taper, size) / own, periods)
        for at in range(0, count, 64)
    ])  # fmt: skip
    if near_period_s is None:
        score += _PRIOR_WEIGHT * -0.5 * (np.log(periods / USUAL_PERIOD_S) / USUAL_SPREAD) ** 2
    return periods, score, np.arange(count) * hop / FLUX_HZ


def _autocorrelation(windows: Array, size: int) -> Array:
    transform = 1 << math.ceil(math.log2(2 * size))
    lags = min(int(4 * MAX_PERIOD_S * FLUX_HZ * 1.07) + 2, size)
    power = np.abs(np.fft.rfft(windows, transform, axis=1)) ** 2
    raw = np.fft.irfft(power, transform, axis=1)[:, :lags]
    return np.asarray(raw / (raw[:, :1] + 1e-9))


def _combed(correlation: Array, periods: Array) -> Array:
    score = np.zeros((len(correlation), periods.size))
    for multiple, weight in _COMB:
        at = np.minimum(periods * multiple * FLUX_HZ, correlation.shape[1] - 2.0)
        whole = at.astype(int)
        part = at - whole
        score += weight * (correlation[:, whole] * (1 - part) + correlation[:, whole + 1] * part)
    return score / sum(weight for _, weight in _COMB)


def _best_path(observed: Array) -> np.ndarray:
    """Viterbi over periods: steps cost, jumps are impossible."""
    steps = np.arange(-_MAX_STEPS, _MAX_STEPS + 1)
    cost = _CHANGE_COST * np.abs(steps)[:, np.newaxis]
    states = np.arange(observed.shape[1])
    source = states - steps[:, np.newaxis]
    outside = (source < 0) | (source >= states.size)
    source = np.clip(source, 0, states.size - 1)
    score, back = observed[0], np.zeros(observed.shape, np.intp)
    for window in range(1, len(observed)):
        reached = np.where(outside, -np.inf, score[source]) - cost
        best = reached.argmax(axis=0)
        back[window] = source[best, states]
        score = reached[best, states] + observed[window]
    return _traced(back, int(score.argmax()))


def _traced(back: np.ndarray, last: int) -> np.ndarray:
    path = np.empty(len(back), np.intp)
    path[-1] = last
    for window in range(len(back) - 1, 0, -1):
        path[window - 1] = back[window, path[window]]
    return path


def _integrated(path_s: Array, times_s: Array, frames: int) -> Array:
    """Count along a path of periods, frame by frame."""
    taper = np.hanning(11)[1:-1]
    smooth = np.convolve(np.pad(np.log(path_s), 4, mode="edge"), taper / taper.sum(), "valid")
    rate = 1.0 / np.exp(np.interp(np.arange(frames) / FLUX_HZ, times_s, smooth))
    return np.concatenate(([0.0], np.cumsum(rate[:-1]))) / FLUX_HZ


def _in_phase(envelope: Array, counts: Array) -> Pulse:
    """Take out the phase that is left, window by window."""
    folds, centres = _folds(envelope, counts)
    phases = np.unwrap(_phase_path(folds) * (2 * np.pi / _PHASES)) / (2 * np.pi)
    whole = np.arange(math.floor(counts[-1]) + 2, dtype=np.float64)
    shift = np.interp(whole, centres, phases) + 0.5 / _PHASES
    times = _extended(whole + shift, counts, np.arange(counts.size) / FLUX_HZ)
    return Pulse(whole, times, steady=False)


def _folds(envelope: Array, counts: Array) -> tuple[Array, Array]:
    """Fold sixteen counts at a time into one."""
    whole = math.floor(counts[-1]) + 1
    places = (np.arange(whole * _PHASES) + 0.5) / _PHASES
    rows = np.interp(places, counts, envelope, right=0.0).reshape(whole, _PHASES)
    taper = np.hanning(_FOLD_BEATS + 2)[1:-1]
    padded = np.pad(rows, ((_FOLD_BEATS // 2, _FOLD_BEATS), (0, 0)))
    starts = np.arange(0, whole + _FOLD_HOP, _FOLD_HOP)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FOLD_BEATS, axis=0)[starts[starts <= whole]]
    return (windows * taper).sum(axis=-1), starts[starts <= whole].astype(np.float64)


def _phase_path(folds: Array) -> np.ndarray:
    """Viterbi over phases, on a circle; half a count away is nearly as good, so that off-beats don't pull."""
    blur = np.exp(-0.5 * (2 * np.pi * np.fft.rfftfreq(_PHASES)) ** 2)
    seen = np.fft.irfft(np.fft.rfft(folds, axis=1) * blur, _PHASES, axis=1)
    seen = seen + 0.6 * np.roll(seen, _PHASES // 2, axis=1)
    seen /= seen.mean() + 1e-12
    steps = np.arange(-_MAX_STEPS, _MAX_STEPS + 1)
    states = np.arange(_PHASES)
    source = (states - steps[:, np.newaxis]) % _PHASES
    cost = _PHASE_COST * steps[:, np.newaxis] ** 2
    score, back = seen[0], np.zeros(seen.shape, np.intp)
    for window in range(1, len(seen)):
        reached = score[source] - cost
        best = reached.argmax(axis=0)
        back[window] = source[best, states]
        score = reached[best, states] + seen[window]
    return _traced(back, int(score.argmax()))


def steady_pulse(envelope: Array, period_s: float) -> Pulse:
    """Find the line near a period: the rate whose harmonics stand out of the whole song's spectrum."""
    duration_s = envelope.size / FLUX_HZ
    transform = 1 << math.ceil(math.log2(4 * envelope.size))
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean(), transform))
    rates = np.arange((1 - _LINE_SPAN) / period_s, (1 + _LINE_SPAN) / period_s, 0.05 / duration_s)
    bins = np.arange(spectrum.size) * (FLUX_HZ / transform)
    score = sum(np.interp(rates * harmonic, bins, spectrum) for harmonic in _LINE_HARMONICS)
    period = 1.0 / float(rates[int(np.argmax(score))])
    phase = _line_phase(envelope, period)
    counts = np.array([0.0, math.ceil(duration_s / period) + 1.0])
    return Pulse(counts, phase + counts * period, steady=True)


def loop_pulses(envelope: Array, *, duration_s: float) -> tuple[Pulse, ...]:
    """Lay the lines by which a short clip is a loop: 4, 8, 12, … beats from end to end, 60 to 190 bpm."""
    found = []
    for beats in range(4, math.floor(duration_s * LOOP_BPM[1] / 60) + 1, 4):
        if beats >= duration_s * LOOP_BPM[0] / 60:
            period = duration_s / beats
            counts = np.array([0.0, float(beats)])
            line = Pulse(counts, _line_phase(envelope, period) + counts * period, steady=True)
            found.append(replace(line, share=in_step(envelope, line), whole=True))
    return tuple(found)


def _line_phase(envelope: Array, period_s: float) -> float:
    turn = np.exp(-2j * np.pi * np.arange(envelope.size) / (FLUX_HZ * period_s))
    return float(-np.angle((envelope * turn).sum()) / (2 * np.pi) * period_s)


def in_step(envelope: Array, pulse: Pulse) -> float:
    """How much of the envelope is in step with the pulse, at the best of its subdivisions."""
    counts = pulse.count(np.arange(envelope.size) / FLUX_HZ)
    total = float(envelope.sum()) + 1e-12
    return max(
        float(abs((envelope * np.exp(-2j * np.pi * harmonic * counts)).sum())) / total
        for harmonic in _HARMONICS
    )

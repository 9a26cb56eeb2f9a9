"""From a count to exact times: each beat is moved to its attack, then all of them onto one line or curve.

The line is a robust fit over all beats (iteratively reweighted least squares with Tukey's biweight), so its
period is exact to parts in ten thousand whatever the resolution of a single attack. The curve is a smoothing
spline on the beats (Whittaker 1923; Eilers, *A Perfect Smoother*, 2003), its stiffness chosen by
cross-validation: audio is stretched along it, so the jitter of detection must not be in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stemwright.analysis.onsets import ATTACK_HZ, Array, SongView

__all__ = ["Attacks", "Fit", "fit_beats", "pick_attacks", "smooth"]

REACH_S = (0.045, 0.028, 0.022)
"""How far from the expected beat its attack is looked for, round by round."""
LOCKED_REACH_S = (0.018, 0.014, 0.012)
"""The same, once a line is locked to the attacks."""
LOCK_MOVE_S, LOCK_TURN_S, LOCK_STEP_S = 0.036, 0.036, 0.002
WAVES_BEATS = (8.0, 16.0, 32.0, 64.0, 128.0)
"""Shortest wandering of the tempo that a curve may follow: the choices of cross-validation."""
STEADY_S, DRIFTING = 0.004, 0.5
"""A curve must leave the line this far, and miss unseen beats by half as much, to be believed."""
_TUKEY, _ROUNDS = 4.685, 8
_LEAST_SCALE_S = 0.0015
_LOCK_CELLS = 5
_LEAST_ATTACK, _MOST_ATTACK = 0.4, 4.0


@dataclass(frozen=True, eq=False)
class Attacks:
    """What was heard near the expected beats.

    Attributes
    ----------
    times_s, weights : float64 [shape=(beats,)]
        The attack nearest in place and strength; 0 where there is none.
    """

    times_s: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Fit:
    """Beats on a line or a curve.

    Attributes
    ----------
    times_s : float64 [shape=(beats,)]
        Smooth.
    steady : bool
        Whether they are one straight line.
    residual_s : float
        Weighted median distance of the attacks.
    """

    times_s: Array
    steady: bool
    residual_s: float


def pick_attacks(view: SongView, expected_s: Array, *, reach_s: float) -> Attacks:
    """Find the attack that belongs to each expected beat, to a fraction of a cell."""
    curve = view.attacks
    reach = max(2, round(reach_s * ATTACK_HZ))
    offsets = np.arange(-reach, reach + 1)
    centre = np.round(expected_s * ATTACK_HZ).astype(np.intp)
    cells = centre[:, np.newaxis] + offsets
    inside = (cells >= 1) & (cells < curve.size - 1)
    values = np.where(inside, curve[np.clip(cells, 0, curve.size - 1)], 0.0)
    values *= np.cos(offsets / (reach + 1) * (math.pi / 2)) ** 0.5
    best = values.argmax(axis=1)
    at = np.clip(best, 1, offsets.size - 2)
    rows = np.arange(at.size)
    times = (centre + offsets[at] + _vertex(*(values[rows, at + step] for step in (-1, 0, 1)))) / ATTACK_HZ
    weights = np.clip(values[rows, best] - _LEAST_ATTACK, 0.0, _MOST_ATTACK)
    return Attacks(np.asarray(times), weights)


def _vertex(before: Array, here: Array, after: Array) -> Array:
    bend = before - 2 * here + after
    return np.clip(np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0), -0.5, 0.5)


def fit_beats(view: SongView, expected_s: Array, *, steady: bool) -> Fit:
    """Move expected beats to the music and lay a line or curve through them.

    Parameters
    ----------
    view : SongView
        The song.
    expected_s : float64 [shape=(beats,)]
        Rising, within 40 ms of the beats.
    steady : bool
        What the onsets as a whole said; the beats themselves can still overrule it.

    Returns
    -------
    Fit
        As many beats as expected.
    """
    times = _locked(view, expected_s) if steady else expected_s
    for reach in LOCKED_REACH_S if steady else REACH_S:
        heard = pick_attacks(view, times, reach_s=reach)
        times = _line(heard) if steady else _curve(heard)
    return _decided(heard, times, steady)


def _locked(view: SongView, expected_s: Array) -> Array:
    """Move and turn a line to where most attacks begin on it.

    A mode, not a mean: layered sounds that come late don't pull it.
    """
    blur = np.hanning(_LOCK_CELLS + 2)[1:-1]
    curve = np.convolve(np.minimum(view.attacks, _MOST_ATTACK), blur / blur.sum(), "same")
    turns = np.linspace(-0.5, 0.5, expected_s.size)
    cells = np.arange(curve.size)
    best, found = -1.0, expected_s
    for turn in np.arange(-LOCK_TURN_S, LOCK_TURN_S + 1e-9, LOCK_STEP_S):
        line = (expected_s + turn * turns) * ATTACK_HZ
        for move in np.arange(-LOCK_MOVE_S, LOCK_MOVE_S + 1e-9, LOCK_STEP_S):
            score = float(np.interp(line + move * ATTACK_HZ, cells, curve).sum())
            if score > best:
                best, found = score, expected_s + turn * turns + move
    return found


def _decided(heard: Attacks, times: Array, steady: bool) -> Fit:
    """Take the line, unless a curve foretells the attacks twice as well and really leaves it."""
    line, curve = (times, _curve(heard)) if steady else (_line(heard), times)
    wander = _weighted_median(np.abs(curve - line), heard.weights)
    drifts = wander > STEADY_S and _missed(heard, _best_wave(heard)) < DRIFTING * _missed(heard, None)
    chosen = curve if drifts else line
    return Fit(chosen, not drifts, _weighted_median(np.abs(heard.times_s - chosen), heard.weights))


def _line(heard: Attacks) -> Array:
    number = np.arange(heard.times_s.size, dtype=np.float64)
    weights = heard.weights + 1e-6
    for _ in range(_ROUNDS):
        slope, start = _regression(number, heard.times_s, weights)
        fitted = start + slope * number
        weights = heard.weights * _biweight(heard.times_s - fitted, heard.weights) + 1e-6
    return fitted


def _regression(x: Array, y: Array, weights: Array) -> tuple[float, float]:
    x_mean, y_mean = np.average(x, weights=weights), np.average(y, weights=weights)
    slope = np.average((x - x_mean) * (y - y_mean), weights=weights) / np.average(
        (x - x_mean) ** 2, weights=weights
    )
    return float(slope), float(y_mean - slope * x_mean)


def _biweight(residual: Array, weights: Array) -> Array:
    scale = max(1.4826 * _weighted_median(np.abs(residual), weights), _LEAST_SCALE_S)
    return np.asarray(np.maximum(1.0 - (residual / (_TUKEY * scale)) ** 2, 0.0) ** 2)


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order] + 1e-12)
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _curve(heard: Attacks) -> Array:
    """Smooth by the stiffness that foretells every other beat best."""
    return _robust(heard.times_s, heard.weights, _best_wave(heard))


def _best_wave(heard: Attacks) -> float:
    return min(WAVES_BEATS, key=lambda wave: _missed(heard, wave))


def _missed(heard: Attacks, wave: float | None) -> float:
    """How far a line (None) or curve laid through every other beat misses those between, both ways."""
    even = np.arange(heard.times_s.size) % 2 == 0
    total = 0.0
    for kept in (even, ~even):
        half = Attacks(heard.times_s, heard.weights * kept)
        fitted = _line(half) if wave is None else _robust(half.times_s, half.weights, wave)
        total += _weighted_median(np.abs(heard.times_s - fitted), heard.weights * ~kept)
    return total


def _robust(times: Array, weights: Array, wave: float) -> Array:
    now = weights
    for _ in range(4):
        fitted = smooth(times, now + 1e-4, wave_beats=wave)
        now = weights * _biweight(times - fitted, weights)
    return fitted


def smooth(values: Array, weights: Array, *, wave_beats: float) -> Array:
    """Smooth with a penalty on second differences.

    Parameters
    ----------
    values, weights : float64 [shape=(n,)]
        Weights > 0.
    wave_beats : float
        Wandering of this wavelength is kept by half where all weights are 1 (λ = (wave / 2π)⁴).

    Returns
    -------
    float64 [shape=(n,)]
        Solves (W + λ D'D) z = W y, Eilers' equation 4.
    """
    if values.size < 4:
        return values.copy()
    stiffness = (wave_beats / (2 * math.pi)) ** 4
    ones = np.ones(values.size - 2)
    main = weights + stiffness * (np.pad(ones, (0, 2)) + 4 * np.pad(ones, (1, 1)) + np.pad(ones, (2, 0)))
    next_one = stiffness * (-2 * np.pad(ones, (0, 1)) - 2 * np.pad(ones, (1, 0)))
    anchor = np.linspace(values[0], values[-1], values.size)
    solved = _solve(main.tolist(), next_one.tolist(), stiffness, (weights * (values - anchor)).tolist())
    return np.asarray(anchor + np.array(solved))


def _solve(main: list[float], near: list[float], far: float, right: list[float]) -> list[float]:
    """Solve a symmetric system of five diagonals by LDLᵀ; one step a beat."""
    count = len(main)
    pivot, one, two, carried = [0.0] * count, [0.0] * count, [0.0] * count, [0.0] * count
    for row in range(count):
        before = one[row - 1] if row else 0.0
        further = two[row - 2] if row > 1 else 0.0
        pivot[row] = main[row]
        carried[row] = right[row]
        if row:
            pivot[row] -= before * before * pivot[row - 1]
            carried[row] -= before * carried[row - 1]
        if row > 1:
            pivot[row] -= further * further * pivot[row - 2]
            carried[row] -= further * carried[row - 2]
        if row < count - 1:
            cross = before * two[row - 1] * pivot[row - 1] if row else 0.0
            one[row] = (near[row] - cross) / pivot[row]
        if row < count - 2:
            two[row] = far / pivot[row]
    found = [0.0] * (count + 2)
    for row in range(count - 1, -1, -1):
        found[row] = carried[row] / pivot[row] - one[row] * found[row + 1] - two[row] * found[row + 2]
    return found[:count]

"""K-weighting of ITU-R BS.1770-5 Annex 1 for any sample rate, at the speed of a matrix product.

The recursive filter runs in rows of 32 frames: a row's output is one matrix times its input and the state in
which the row before left the filter; the states of all rows follow by the same trick one level up. This is
the block state-space form of the filter, the same numbers as sample-by-sample recursion.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples

__all__ = ["KWeighting", "k_weighting_coefficients"]

Matrix: TypeAlias = npt.NDArray[np.float64]

# The analogue prototype behind the 48 kHz tables 1 and 2 of BS.1770-5, Annex 1: a high shelf and a high-pass.
_SHELF_HZ, _SHELF_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_SHELF_MID_POWER = 0.4996667741545416
_HIGHPASS_HZ, _HIGHPASS_Q = 38.13547087602444, 0.5003270373238773

_ROW = 32
_PIECE = 16  # groups per product: so small that BLAS starts no threads


def k_weighting_coefficients(sample_rate: int) -> Matrix:
    """Return the two biquads ``[[b0, b1, b2, 1, a1, a2], …]`` of K-weighting for `sample_rate`.

    The bilinear transform, pre-warped at each stage's own frequency; at 48 kHz the result is the standard's
    table.
    """
    k = math.tan(math.pi * _SHELF_HZ / sample_rate)
    high = 10.0 ** (_SHELF_DB / 20.0)
    mid = high**_SHELF_MID_POWER
    norm = 1.0 + k / _SHELF_Q + k * k
    shelf = [high + mid * k / _SHELF_Q + k * k, 2.0 * (k * k - high), high - mid * k / _SHELF_Q + k * k]
    shelf += [norm, 2.0 * (k * k - 1.0), 1.0 - k / _SHELF_Q + k * k]
    w = math.tan(math.pi * _HIGHPASS_HZ / sample_rate)
    norm_w = 1.0 + w / _HIGHPASS_Q + w * w
    poles = [1.0, 2.0 * (w * w - 1.0) / norm_w, (1.0 - w / _HIGHPASS_Q + w * w) / norm_w]
    return np.array([[value / norm for value in shelf], [1.0, -2.0, 1.0, *poles]])


class KWeighting:
    """Filter a stream; blocks must be 1 to `max_blocks` times `block_frames` long.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.
    """

    block_frames = _ROW * _ROW
    max_blocks = 64

    def __init__(self, sample_rate: int, channels: int) -> None:
        transition, inward, outward, direct = _balanced(k_weighting_coefficients(sample_rate))
        powers = _powers(transition, _ROW)
        response = np.concatenate([[direct], (outward @ powers[: _ROW - 1] @ inward)])
        lag = np.arange(_ROW)[np.newaxis, :] - np.arange(_ROW)[:, np.newaxis]
        convolve = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0)
        self._to_state = (powers[_ROW - 1 :: -1] @ inward).astype(np.float32)
        self._to_output = np.concatenate([convolve, (outward @ powers).T]).astype(np.float32)
        self._order = transition.shape[0]
        row_step = np.linalg.matrix_power(transition, _ROW)
        self._scan_rows = _scan_matrix(row_step, _ROW)
        self._row_powers = _powers(row_step, _ROW)
        self._scan_groups = _scan_matrix(np.linalg.matrix_power(row_step, _ROW), self.max_blocks + 1)
        self._state = np.zeros((channels, self._order))

    def filter(self, block: Samples) -> Samples:
        """Filter the next frames of the stream; the state goes on."""
        channels, frames = block.shape
        # In pieces so small that BLAS never starts threads: see docs/decisions/small-matrix-products.md.
        rows = block.reshape(channels, -1, _ROW, _ROW)
        joined = np.empty((*rows.shape[:3], _ROW + self._order), np.float32)
        joined[..., :_ROW] = rows
        joined[..., _ROW:] = self._states(rows @ self._to_state)
        return (joined @ self._to_output).reshape(channels, frames)

    def _states(self, driven: Samples) -> Matrix:
        """State at the start of every row, from what each row alone adds to it."""
        channels, order = driven.shape[0], self._order
        piece = math.gcd(driven.shape[1], _PIECE)
        scanned = driven.astype(np.float64).reshape(channels, -1, piece, _ROW * order) @ self._scan_rows
        # Entry i of a group is now the state behind its row i, had the group begun at rest.
        scanned = scanned.reshape(channels, -1, _ROW, order)
        starts = self._group_starts(scanned[:, :, -1])
        states: Matrix = np.einsum("pij,cgj->cgpi", self._row_powers, starts)
        states[:, :, 1:] += scanned[:, :, :-1]
        return states

    def _group_starts(self, added: Matrix) -> Matrix:
        """State at the start of every group of rows; keeps the state behind the last one."""
        channels, groups, order = added.shape
        chained = np.concatenate([self._state[:, np.newaxis], added], axis=1)
        scan = self._scan_groups[: (groups + 1) * order, : (groups + 1) * order]
        ends = (chained.reshape(channels, 1, -1) @ scan).reshape(channels, groups + 1, order)
        self._state = ends[:, -1]
        return ends[:, :-1]


def _balanced(biquads: Matrix) -> tuple[Matrix, Matrix, Matrix, float]:
    """State-space form of a cascade whose states are no louder than its input, so that float32 is enough."""
    transition, inward = np.zeros((0, 0)), np.zeros(0)
    outward, direct = np.zeros(0), 1.0
    for b0, b1, b2, _, a1, a2 in biquads:
        own = np.array([[-a1, 1.0], [-a2, 0.0]])
        own_in = np.array([b1 - a1 * b0, b2 - a2 * b0])
        size = len(inward)
        wider = np.zeros((size + 2, size + 2))
        wider[:size, :size], wider[size:, size:] = transition, own
        wider[size:, :size] = np.outer(own_in, outward)
        transition, inward = wider, np.concatenate([inward, own_in * direct])
        outward, direct = np.concatenate([b0 * outward, [1.0, 0.0]]), b0 * direct
    gramian, step = np.outer(inward, inward), transition
    for _ in range(24):
        gramian, step = gramian + step @ gramian @ step.T, step @ step
    root = np.linalg.cholesky(gramian)
    inverse = np.linalg.inv(root)
    return inverse @ transition @ root, inverse @ inward, outward @ root, float(direct)


def _powers(matrix: Matrix, count: int) -> Matrix:
    powers = [np.eye(len(matrix))]
    for _ in range(count - 1):
        powers.append(powers[-1] @ matrix)
    return np.stack(powers)


def _scan_matrix(step: Matrix, count: int) -> Matrix:
    """Matrix that runs ``s[i] = step @ s[i - 1] + z[i]`` over `count` stacked row vectors at once."""
    size = count * len(step)
    lag = np.arange(count)[np.newaxis, :] - np.arange(count)[:, np.newaxis]
    moved = _powers(step, count).transpose(0, 2, 1)[np.maximum(lag, 0)]
    scan: Matrix = np.where((lag >= 0)[:, :, np.newaxis, np.newaxis], moved, 0.0)
    return scan.transpose(0, 2, 1, 3).reshape(size, size)

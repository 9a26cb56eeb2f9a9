"""How the stems relate to each other and to the mix: one Gram matrix, gathered in one pass.

Its rows are the stems and the residual, mix minus the sum of the stems. Keeping the residual instead of the
mix keeps its small numbers exact: best gains are then corrections to unity, solved from the normal equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.units import gain_to_db, power_to_db
from stemwright.verification.windows import WINDOW_FRAMES

__all__ = ["Fit", "Relation", "RelationMeter", "common_gain", "fit_gains"]

Matrix = npt.NDArray[np.float64]
SOLVER_RCOND = 1e-7
"""Stems alike to −64 dB and less share one gain: which of them it is can't be told."""
UNITY_DB = 0.05


@dataclass(frozen=True, eq=False)
class Relation:
    """Sums of products over a whole set.

    Attributes
    ----------
    gram : Matrix [shape=(channels, stems + 1, stems + 1)]
        The last row and column belong to the residual.
    frames : int
        Frames that were summed.
    sum_peak : float
        Highest magnitude of the sum of the stems.
    worst_power, worst_frame : float and int
        Mean square of the residual in its loudest window of 4096 frames, and where that starts.
    """

    gram: Matrix
    frames: int
    sum_peak: float
    worst_power: float
    worst_frame: int

    @property
    def total(self) -> Matrix:
        """The Gram matrix summed over channels."""
        total: Matrix = self.gram.sum(axis=0)
        return total

    @property
    def samples(self) -> int:
        """Samples that were summed, all channels."""
        return max(self.frames * int(self.gram.shape[0]), 1)

    @property
    def mix_energy(self) -> float:
        """Sum of the squares of the mix: of the stems and the residual together."""
        return float(self.total.sum())

    @property
    def residual_dbfs(self) -> float:
        """RMS of the residual."""
        return power_to_db(self.total[-1, -1] / self.samples)

    @property
    def worst_dbfs(self) -> float:
        """RMS of the residual in its loudest window."""
        return power_to_db(self.worst_power)


class RelationMeter:
    """Gather a `Relation` block by block, all files in lockstep."""

    def __init__(self, stems: int, channels: int) -> None:
        self._gram = np.zeros((channels, stems + 1, stems + 1))
        self._frames = 0
        self._sum_peak = 0.0
        self._worst = (0.0, 0)

    def feed(self, stems: Sequence[Samples], mix: Samples | None) -> None:
        """Take the next block of every file, all of one shape; without a mix the residual stays 0."""
        total = stems[0].copy()
        for stem in stems[1:]:
            total += stem
        self._sum_peak = max(self._sum_peak, float(total.max()), -float(total.min()))
        rows = [_rows(block) for block in stems]
        if mix is not None:
            residual = _rows(np.subtract(mix, total, out=total))
            rows.append(residual)
            self._find_worst(residual)
        for i, row in enumerate(rows):
            for j in range(i, len(rows)):
                place = (slice(None), _index(i, stems), _index(j, stems))
                self._gram[place] += np.vecdot(row, rows[j]).sum(axis=1, dtype=np.float64)
        self._frames += stems[0].shape[1]

    def result(self) -> Relation:
        """Say what was gathered."""
        upper = np.triu(self._gram)
        gram = upper + np.triu(self._gram, 1).transpose(0, 2, 1)
        return Relation(gram, self._frames, self._sum_peak, *self._worst)

    def _find_worst(self, residual: Samples) -> None:
        powers = np.vecdot(residual, residual).mean(axis=0, dtype=np.float64) / residual.shape[2]
        index = int(powers.argmax())
        if powers[index] > self._worst[0]:
            self._worst = (float(powers[index]), self._frames + index * residual.shape[2])


def _index(row: int, stems: Sequence[Samples]) -> int:
    return row if row < len(stems) else -1


def _rows(block: Samples) -> Samples:
    """Cut a block into rows short enough for float32 sums of products."""
    channels, frames = block.shape
    width = WINDOW_FRAMES if frames % WINDOW_FRAMES == 0 else frames
    return np.ascontiguousarray(block).reshape(channels, -1, width)


@dataclass(frozen=True, slots=True)
class Fit:
    """What remains of the mix after the best gains (least squares).

    Attributes
    ----------
    single_gain, single_dbfs : float
        One gain for all stems, and the residual's RMS after it.
    gains : tuple[float, ...]
        One gain per stem: what it has in the mix, 1 as delivered, negative when inverted.
    stems_dbfs : float
        The residual's RMS after those.
    channel_gains : tuple[tuple[float, ...], ...]
        The same for each channel alone.
    channels_dbfs : float
        The residual's RMS after those.
    explained : float
        Share of the mix's energy that the stems explain with the best gains of each channel, 0–1.
    """

    single_gain: float
    single_dbfs: float
    gains: tuple[float, ...]
    stems_dbfs: float
    channel_gains: tuple[tuple[float, ...], ...]
    channels_dbfs: float
    explained: float


def fit_gains(relation: Relation) -> Fit:
    """Solve for the gains that bring the stems closest to the mix."""
    total = relation.total
    stems, cross, rest = total[:-1, :-1], total[:-1, -1], float(total[-1, -1])
    sum_energy, sum_cross = float(stems.sum()), float(cross.sum())
    single = sum_cross / sum_energy if sum_energy > 0.0 else 0.0
    corrections = _solve(stems, cross)
    stems_left = rest - float(corrections @ cross)
    by_channel = [_solve(g[:-1, :-1], g[:-1, -1]) for g in relation.gram]
    gained = sum(float(c @ g[:-1, -1]) for c, g in zip(by_channel, relation.gram, strict=True))
    mix_energy = relation.mix_energy
    return Fit(
        single_gain=1.0 + single,
        single_dbfs=_left_dbfs(relation, rest - single * sum_cross),
        gains=tuple((1.0 + corrections).tolist()),
        stems_dbfs=_left_dbfs(relation, stems_left),
        channel_gains=tuple(tuple((1.0 + channel).tolist()) for channel in by_channel),
        channels_dbfs=_left_dbfs(relation, rest - gained),
        explained=1.0 - max(rest - gained, 0.0) / mix_energy if mix_energy > 0.0 else 0.0,
    )


def common_gain(gains: Sequence[float]) -> float:
    """Say what gain most stems share: unity when half of them have it, else the middle one."""
    at_unity = [gain for gain in gains if gain > 0.0 and abs(gain_to_db(gain)) <= UNITY_DB]
    return 1.0 if 2 * len(at_unity) >= len(gains) else float(np.median(gains))


def _left_dbfs(relation: Relation, energy: float) -> float:
    return power_to_db(max(energy, 0.0) / relation.samples)


def _solve(stems: Matrix, cross: Matrix) -> Matrix:
    """Solve the normal equations, scaled so that quiet stems count as much as loud ones."""
    scale = np.sqrt(np.diag(stems))
    scale[scale == 0.0] = 1.0
    scaled = stems / np.outer(scale, scale)
    solution: Matrix = np.linalg.pinv(scaled, rcond=SOLVER_RCOND, hermitian=True) @ (cross / scale) / scale
    return solution

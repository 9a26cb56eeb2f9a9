"""Look-ahead brick-wall limiter on true peak, stereo-linked, streamed, latency compensated.

The gain runs at a control rate of one node every 16 frames, in whole steps of 0.0001 dB: sums and maxima of
integers are exact, so neither block size nor machine can change what is heard.

1. *Need*: by how much the waveform (eightfold interpolated, `true_peak`) exceeds the ceiling in every
   stretch; what lies so high that meters disagree about it is counted in full.
2. *Hold*: the largest need within the look-ahead before it and the hold behind it. A hold longer than half a
   period keeps the gain constant under a bass note, which is what keeps distortion low.
3. *Release*: exponential decay in dB.
4. *Attack*: three moving averages whose support is the look-ahead; each averages only values that already
   cover the need, so the smooth gain covers it too.
5. Between nodes the gain is linear; both nodes of a stretch cover its need, hence every frame does.

Multiplying by a moving gain shifts energy between the samples by a few hundredths of a dB, so steps 1 and 5
work against a ceiling lowered by `LimiterSettings.margin_db`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import Blocks, Samples
from stemwright.dsp.framing import Framer
from stemwright.dsp.true_peak import CELL_FRAMES, REACH_FRAMES, WINDOW_FRAMES, cell_peaks
from stemwright.units import db_to_gain

__all__ = ["Limiter", "LimiterSettings", "Reduction"]

Steps: TypeAlias = npt.NDArray[np.int64]

_STEPS_PER_DB = 10_000
_CELLS = WINDOW_FRAMES // CELL_FRAMES
_AVERAGES = 3
_RAMP = (np.arange(CELL_FRAMES) / CELL_FRAMES).astype(np.float32)


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """How the limiter moves.

    Parameters
    ----------
    ceiling_dbtp : float
        True peak that the output never exceeds.
    look_ahead_s : float
        Length of the attack, > 0.
    hold_s : float
        How long the gain stays after a peak; with the look-ahead half a period of 30 Hz.
    release_s : float
        Time in which the reduction (in dB) falls to 37 %.
    margin_db : float
        How far below the ceiling the gain is aimed.
    """

    ceiling_dbtp: float = -1.0
    look_ahead_s: float = 0.005
    hold_s: float = 0.0125
    release_s: float = 0.1
    margin_db: float = 0.05


@dataclass(frozen=True, slots=True)
class Reduction:
    """What the limiter did.

    Attributes
    ----------
    max_db : float
        Deepest gain reduction, ≥ 0.
    frame : int or None
        Where that was; None when nothing was reduced.
    share : float
        Share of the stream, 0 to 1, that was reduced at all.
    """

    max_db: float = 0.0
    frame: int | None = None
    share: float = 0.0


class Limiter:
    """Limit one stream; a second stream needs a second limiter.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    channels : int
        All get the same gain.
    settings : LimiterSettings
        How it moves.
    """

    def __init__(self, sample_rate: int, channels: int, *, settings: LimiterSettings | None = None) -> None:
        settings = settings or LimiterSettings()
        self._ceiling = db_to_gain(settings.ceiling_dbtp - settings.margin_db)
        self._framer = Framer(channels, WINDOW_FRAMES, reach=REACH_FRAMES)
        self._gain = _GainComputer(settings, node_rate=sample_rate / CELL_FRAMES)

    @property
    def reduction(self) -> Reduction:
        """What was done so far to the blocks that came out."""
        return self._gain.reduction(self._framer.total)

    def stream(self, blocks: Blocks) -> Iterator[Samples]:
        """Yield as many frames as `blocks` has; where the gain is 1 they are the very same samples."""
        given = 0
        held, needs = None, np.zeros(_CELLS, np.int64)
        for samples, following in self._windows(blocks):
            gains = self._gain.nodes(needs, following)
            if held is not None:
                yield _apply(held, gains)
                given += held.shape[1]
            held, needs = samples, following
        if held is not None:
            rest = self._framer.total - given
            yield _apply(held, self._gain.nodes(needs, np.zeros(_CELLS, np.int64)))[:, :rest]

    def _windows(self, blocks: Blocks) -> Iterator[tuple[Samples, Steps]]:
        """Each window's body with the need of its cells."""
        for window in self._raster(blocks):
            yield window[:, REACH_FRAMES:-REACH_FRAMES].copy(), self._need(window)

    def _raster(self, blocks: Blocks) -> Iterator[Samples]:
        for block in blocks:
            yield from self._framer.push(block)
        yield from self._framer.flush()

    def _need(self, window: Samples) -> Steps:
        """Reduction that each cell needs, rounded up to whole steps."""
        needs = np.zeros(_CELLS, np.int64)
        peaks = cell_peaks(window, self._ceiling, guarded=True)
        (over,) = np.nonzero(peaks)
        over_db = 20.0 * np.log10(peaks[over] / self._ceiling)
        needs[over] = np.ceil(over_db * _STEPS_PER_DB).astype(np.int64)
        return needs


class _GainComputer:
    """Needs in, gains at the nodes out, window after window."""

    def __init__(self, settings: LimiterSettings, *, node_rate: float) -> None:
        width = max(round(settings.look_ahead_s * node_rate) // _AVERAGES, 1)
        self._ahead = width * _AVERAGES
        self._hold = round(settings.hold_s * node_rate)
        self._decay = 1.0 / (settings.release_s * node_rate)
        self._width = width + 1
        self._past_needs = np.zeros(self._hold, np.int64)
        self._past_released = np.zeros(self._ahead, np.int64)
        self._last_gain = 1.0
        self._nodes = 0
        self._reduced_nodes = 0
        self._deepest = (0.0, 0)

    def nodes(self, needs: Steps, following: Steps) -> Samples:
        """Gains at the `_CELLS` + 1 nodes of the window with `needs`, whose neighbour needs `following`."""
        spread = np.concatenate([self._past_needs, needs, following[: self._ahead + 1]])
        self._past_needs = spread[_CELLS : _CELLS + self._hold]
        if not (spread.any() or self._past_released.any()):
            return self._keep(np.ones(_CELLS))
        held = _sliding_max(np.maximum(spread[:-1], spread[1:]), self._hold + self._ahead + 1)
        released = np.concatenate([self._past_released, self._release(held)])
        self._past_released = released[_CELLS:]
        total = _sliding_sums(released, self._width)
        steps_db = float(_STEPS_PER_DB * self._width**_AVERAGES)
        return self._keep(10.0 ** (total / (-20.0 * steps_db)))

    def reduction(self, frames: int) -> Reduction:
        """Sum up what was done so far; the first window of nodes stands before the start."""
        max_db, node = self._deepest
        frame = min(max((node - _CELLS) * CELL_FRAMES, 0), frames - 1) if max_db else None
        share = self._reduced_nodes * CELL_FRAMES / frames if frames else 0.0
        return Reduction(max_db, frame, min(share, 1.0))

    def _release(self, held: Steps) -> Steps:
        """``d[n] = max(held[n], d[n - 1] * exp(-decay))``, as a running maximum of logarithms."""
        level = np.log(np.maximum(np.concatenate([self._past_released[-1:], held]), 1e-9))
        slope = np.arange(level.size) * self._decay
        decayed = np.exp(np.maximum.accumulate(level + slope) - slope)[1:]
        return np.maximum(held, np.floor(decayed).astype(np.int64))

    def _keep(self, gains: npt.NDArray[np.float64]) -> Samples:
        nodes = np.concatenate([[self._last_gain], gains])
        self._last_gain = float(gains[-1])
        deepest = int(nodes.argmin())
        if nodes[deepest] < 1.0:
            self._reduced_nodes += int((gains < 1.0).sum())
            reduction_db = -20.0 * math.log10(nodes[deepest])
            self._deepest = max(
                self._deepest, (reduction_db, self._nodes + deepest), key=lambda seen: seen[0]
            )
        self._nodes += gains.size
        return nodes.astype(np.float32)


def _apply(samples: Samples, gains: Samples) -> Samples:
    """Multiply by the gain, linear between its nodes."""
    if gains.min() == 1.0:
        return samples
    start, rise = gains[:-1, np.newaxis], np.diff(gains)[:, np.newaxis]
    samples *= (start + rise * _RAMP).reshape(-1)
    return samples


def _sliding_max(values: Steps, count: int) -> Steps:
    """Largest of every `count` neighbours, in log2(count) passes."""
    span = 1
    while 2 * span <= count:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    rest = count - span
    return np.maximum(values[:-rest], values[rest:]) if rest else values


def _sliding_sums(values: Steps, count: int) -> Steps:
    """Sum over `count` neighbours, as often as there are averages."""
    for _ in range(_AVERAGES):
        sums = np.concatenate([[0], np.cumsum(values)])
        values = sums[count:] - sums[:-count]
    return values

"""Fades and crossfades: the curves, and the law that keeps the level while two signals change places.

A crossfade between signals of correlation ρ keeps its expected power when its gains obey

    g_out² + g_in² + 2 ρ g_out g_in = 1                                             (1)

which is *equal gain* (g_out + g_in = 1) for ρ = 1 and *equal power* (g_out² + g_in² = 1) for ρ = 0. With
u from 0 to 1 across the overlap, every ρ between is met by

    g_out = cos(πu/2) / √(1 + q),  g_in = sin(πu/2) / √(1 + q),  q = ρ sin(πu)      (2)

Two signals of unlike level (their RMS ratio is a = in/out) change places at interpolated power when

    q = ρ sin(πu) / (cos²(πu/2) / a + sin²(πu/2) a)                                 (3)

which is (2) for a = 1. Music is not stationary, so ρ and a are measured every 10 ms and each channel has its
own. Where the two differ in level as a whole (their power ratio is r), the level goes evenly in dB from one
to the other when the share of incoming power, sin²(πu/2) = w₀ in the above, becomes

    w = (r^w₀ − 1) / (r − 1)                                                        (4)

Source of (1): M. Fink, M. Holters, U. Zölzer, "Signal-matched power-complementary cross-fading and
dry-wet mixing", DAFx-16, 2016; (3) and (4) follow from it by asking for the power between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import Blocks, Samples

__all__ = ["CrossfadeLaw", "Overlap", "fade_blocks", "fade_out_gain"]

Array = npt.NDArray[np.float64]

NODE_S = 0.010
"""Spacing of the measured correlation; five of them make the 50 ms over which level is heard."""
NODES_PER_WINDOW = 5
Q_MIN = -0.5
"""Opposed signals are raised by no more than 3 dB: beyond that the law would pump up what does not cancel."""
SILENT_POWER = 1e-18
"""Product of two sums of squares under which one side is silent, and correlation means nothing."""
EVEN_POWER = 0.05
"""Powers within 5 % (0.2 dB) are level: (4) would change nothing that can be measured."""
POWER_RATIO_RANGE = (1e-6, 1e6)


def fade_out_gain(start: int, *, frames: int, end: int, length: int) -> npt.NDArray[np.float32]:
    """Gain on frames ``start … start + frames`` of a signal that fades out over `length` frames up to `end`.

    Returns
    -------
    ndarray of float32 [shape=(frames,)]
        1 before the fade, 0 on frame ``end - 1`` and after it.
    """
    to_end = end - 1 - np.arange(start, start + frames)
    return _rise(np.clip(to_end / max(length, 1), 0.0, 1.0))


def fade_blocks(
    blocks: Blocks,
    *,
    total_frames: int,
    fade_in_frames: int = 0,
    fade_out_frames: int = 0,
) -> Iterator[Samples]:
    """Fade a stream of known length in and out by half a cosine; blocks outside pass untouched.

    Length law: as many frames out as in.
    """
    position = 0
    for block in blocks:
        stop = position + block.shape[1]
        faded = block
        if position < fade_in_frames:
            faded = faded * _rise(np.clip(np.arange(position, stop) / fade_in_frames, 0.0, 1.0))
        if fade_out_frames and stop > total_frames - fade_out_frames:
            faded = faded * fade_out_gain(
                position, frames=stop - position, end=total_frames, length=fade_out_frames
            )
        yield faded
        position = stop


def _rise(u: Array) -> npt.NDArray[np.float32]:
    """Half a cosine from 0 to 1: it begins and ends without a corner."""
    return (0.5 - 0.5 * np.cos(np.pi * u)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class CrossfadeLaw:
    """Gains of one crossfade, per channel, as a function of place; equations (2) to (4).

    Attributes
    ----------
    frames : int
        Length of the overlap.
    correlation : tuple of tuple of float
        ρ at evenly spaced nodes, one row per channel (or one row for all).
    ratio : tuple of tuple of float
        RMS of the incoming over the outgoing signal at the same nodes.
    power_ratio : float
        Power of the incoming over the outgoing signal as a whole, > 0.
    overall : float
        ρ over the whole overlap and all channels; for people.
    """

    frames: int
    correlation: tuple[tuple[float, ...], ...]
    ratio: tuple[tuple[float, ...], ...]
    power_ratio: float
    overall: float

    @classmethod
    def constant(cls, frames: int, correlation: float) -> CrossfadeLaw:
        """Build the law of one correlation throughout: 1 is equal gain, 0 is equal power."""
        return cls(frames, ((correlation,),), ((1.0,),), 1.0, correlation)

    @property
    def name(self) -> str:
        """``"equal gain"``, ``"equal power"``, or what lies between, in words."""
        if not self.frames:
            return "butt"
        if self.overall > 0.9:
            return "equal gain"
        return "equal power" if self.overall < 0.1 else "between equal gain and equal power"

    @property
    def may_boost(self) -> bool:
        """Whether it raises gains to make up for signals that oppose each other somewhere."""
        return any(rho < 0.0 for row in self.correlation for rho in row)

    def gains(self, start: int = 0, stop: int | None = None) -> tuple[Samples, Samples]:
        """Gains on frames `start` to `stop` of the overlap.

        Returns
        -------
        (outgoing, incoming) : float32 [shape=(channels or 1, stop - start)]
        """
        return self.gains_at((np.arange(start, self.frames if stop is None else stop) + 0.5) / self.frames)

    def gains_at(self, u: Array) -> tuple[Samples, Samples]:
        """Gains at places 0 < u < 1 of the overlap, as `gains` gives them."""
        share = self.share_at(u)
        norm = 1.0 / (1.0 + self._q(u, share))
        out, into = np.sqrt((1.0 - share) * norm), np.sqrt(share * norm)
        return out.astype(np.float32), into.astype(np.float32)

    def share(self) -> Samples:
        """Share of the incoming power, 0 … 1, over the whole overlap; float32 [shape=(frames,)]."""
        return self.share_at((np.arange(self.frames) + 0.5) / max(self.frames, 1)).astype(np.float32)

    def share_at(self, u: Array) -> Array:
        """Share of the incoming power, 0 … 1, at places 0 < u < 1 of the overlap; equation (4)."""
        share = np.sin(0.5 * np.pi * u) ** 2
        if abs(self.power_ratio - 1.0) < EVEN_POWER:
            return np.asarray(share)
        return np.asarray((self.power_ratio**share - 1.0) / (self.power_ratio - 1.0))

    def _q(self, u: Array, share: Array) -> Array:
        nodes = len(self.correlation[0])
        if nodes == 1:
            rho, ratio = np.array(self.correlation), np.array(self.ratio)
        else:
            places = (np.arange(nodes) + 0.5) / nodes
            rho = np.stack([np.interp(u, places, row) for row in self.correlation])
            ratio = np.stack([np.interp(u, places, row) for row in self.ratio])
        between = (1.0 - share) / ratio + share * ratio
        return np.asarray(np.clip(2.0 * np.sqrt(share * (1.0 - share)) * rho / between, Q_MIN, 1.0))


@dataclass(frozen=True, eq=False)
class Overlap:
    """Powers and cross power of two signals that are to change places, node by node.

    Attributes
    ----------
    frames : int
        Length of the overlap.
    outgoing, incoming, cross : ndarray [shape=(channels, nodes)]
        Sums of x², y² and xy over each node's frames.
    """

    frames: int
    outgoing: Array
    incoming: Array
    cross: Array

    @classmethod
    def measure(
        cls, read: Callable[[int, int], tuple[Samples, Samples]], *, frames: int, sample_rate: int
    ) -> Overlap:
        """Measure over `frames` > 0 frames.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` gives both signals on these frames of the overlap; called piece by piece,
            so that the longest crossfade needs no more memory than a short one.
        frames, sample_rate : int
            Length of the overlap and rate.
        """
        nodes = max(1, min(round(frames / (NODE_S * sample_rate)), frames))
        edges = np.linspace(0, frames, nodes + 1).astype(np.int64)
        sums: list[Array] = []
        for first in range(0, nodes, 128):
            piece = edges[first : first + 129]
            x, y = (part.astype(np.float64) for part in read(int(piece[0]), int(piece[-1])))
            starts = piece[:-1] - piece[0]
            sums.append(np.stack([np.add.reduceat(v, starts, axis=1) for v in (x * x, y * y, x * y)]))
        out, into, cross = np.concatenate(sums, axis=2)
        return cls(frames, out, into, cross)

    @property
    def correlation(self) -> float:
        """Correlation over the whole overlap and all channels; 0 where one side is silent."""
        power = float(self.outgoing.sum() * self.incoming.sum())
        return float(self.cross.sum() / np.sqrt(power)) if power > SILENT_POWER else 0.0

    def law(self, *, allow_boost: bool = True) -> CrossfadeLaw:
        """Build the law that keeps the power; without `allow_boost` no gain is raised for opposed signals."""
        out, into, cross = (_windowed(v) for v in (self.outgoing, self.incoming, self.cross))
        sounding = (out * into) > SILENT_POWER
        rho = np.divide(cross, np.sqrt(out * into), out=np.zeros_like(cross), where=sounding)
        ratio = np.sqrt(np.divide(into, out, out=np.ones_like(out), where=sounding))
        rho = np.clip(rho, -1.0 if allow_boost else 0.0, 1.0)
        ratio = np.clip(ratio, 1e-3, 1e3)
        whole = float(self.incoming.sum() / max(self.outgoing.sum(), SILENT_POWER))
        even = float(np.clip(whole, *POWER_RATIO_RANGE)) if whole > 0.0 else 1.0
        return CrossfadeLaw(self.frames, _rows(rho), _rows(ratio), even, self.correlation)

    def level_change_db(self, law: CrossfadeLaw) -> float:
        """Predict how far a 50 ms level strays from the interpolated power, worst over place and channel."""
        nodes = int(self.cross.shape[1])
        places = (np.arange(nodes) + 0.5) / nodes
        (out, into), weight = law.gains_at(places), law.share_at(places)
        expected = (1 - weight) * self.outgoing + weight * self.incoming
        power = out**2 * self.outgoing + into**2 * self.incoming + 2 * out * into * self.cross
        floor = 1e-5 * float(expected.max(initial=0.0)) + SILENT_POWER
        strays = 10 * np.log10((_windowed(power) + floor) / (_windowed(expected) + floor))
        # A crossfade shorter than the 50 ms of a level is diluted by what stands around it.
        share: float = min(1.0, nodes / NODES_PER_WINDOW)
        return share * float(np.abs(strays).max())


def _windowed(sums: Array) -> Array:
    """Sum over the 50 ms around each node; fewer at the edges."""
    half = NODES_PER_WINDOW // 2
    total = np.cumsum(np.pad(sums, ((0, 0), (1, 0))), axis=1)
    nodes = sums.shape[1]
    stop = np.minimum(np.arange(nodes) + half + 1, nodes)
    start = np.maximum(np.arange(nodes) - half, 0)
    return np.asarray(total[:, stop] - total[:, start])


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in values)

"""The mix is the sum of the delivered stems, and of nothing else.

Two streamed passes over stems of any length: the first finds how high stems and sum would go, the second
renders every stem at its place and the sum of exactly what was written. All stems share one headroom gain,
so their balance is what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stemwright.audio import BLOCK_FRAMES, AudioSource, Samples
from stemwright.checks import Notice
from stemwright.errors import InputError
from stemwright.mixing.pan import pan_matrix, place
from stemwright.units import db_to_gain, gain_to_db

__all__ = ["MixPlan", "MixSettings", "Rendered", "Track", "plan_mix", "render_mix"]

Quantise = Callable[[Samples, int, int], Samples]
"""Bring a block to the delivered sample format: ``(block, stem index, start frame) -> block``."""


@dataclass(frozen=True, slots=True)
class MixSettings:
    """How stems become the mix.

    Parameters
    ----------
    peak_dbfs : float
        Neither the mix nor a stem goes higher than this sample peak: all stems are lowered together.
    """

    peak_dbfs: float = -3.0


@dataclass(frozen=True, slots=True)
class Track:
    """A stem on the desk: `gain_db` and `pan` (−1 … 1) as asked."""

    name: str
    source: AudioSource
    gain_db: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True, slots=True)
class MixPlan:
    """What the first pass found.

    Attributes
    ----------
    headroom_db : float
        Gain on every stem alike, ≤ 0.
    peak_dbfs : float
        Sample peak of the loudest of stems and sum at the gains that were asked.
    frames : int
        Common length.
    """

    headroom_db: float
    peak_dbfs: float
    frames: int

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Tell of the headroom if some was needed."""
        if not self.headroom_db:
            return ()
        text = (
            f"All stems were lowered by {-self.headroom_db:.2f} dB: at the gains asked for the loudest peak "
            f"of stems and mix would have been {self.peak_dbfs:+.2f} dBFS. Their balance is unchanged."
        )
        return (Notice(text, "mix"),)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One block of the finished mix."""

    start: int
    stems: tuple[Samples, ...]
    mix: Samples


def plan_mix(tracks: Sequence[Track], *, channels: int, settings: MixSettings) -> MixPlan:
    """Find the headroom that stems and sum need.

    Raises
    ------
    InputError
        Without tracks, or when their lengths differ by as little as one frame.
    """
    frames = _common_frames(tracks)
    matrices = [
        pan_matrix(t.source.channels, channels, pan=t.pan, gain=db_to_gain(t.gain_db)) for t in tracks
    ]
    peak = 0.0
    for start in range(0, frames, BLOCK_FRAMES):
        total: Samples | None = None
        for track, matrix in zip(tracks, matrices, strict=True):
            block = place(track.source.read(start, BLOCK_FRAMES), matrix)
            peak = max(peak, _peak(block))
            total = block if total is None else np.add(total, block, out=total)
        if total is not None:
            peak = max(peak, _peak(total))
    over_db = gain_to_db(peak) - settings.peak_dbfs
    return MixPlan(-over_db if over_db > 0.0 else 0.0, gain_to_db(peak), frames)


def render_mix(
    tracks: Sequence[Track], plan: MixPlan, *, channels: int, quantise: Quantise
) -> Iterator[Rendered]:
    """Render stems and their sum, block by block.

    Parameters
    ----------
    tracks : Sequence[Track]
        As planned.
    plan : MixPlan
        From `plan_mix`.
    channels : int
        Of the mix and of every delivered stem.
    quantise : callable
        Brings a block to the delivered format; the mix sums what it returns.

    Yields
    ------
    Rendered
        Together exactly `plan.frames` frames; the mix is summed in float64 and then rounded once.
    """
    gains = [db_to_gain(track.gain_db + plan.headroom_db) for track in tracks]
    matrices = [
        pan_matrix(t.source.channels, channels, pan=t.pan, gain=gain)
        for t, gain in zip(tracks, gains, strict=True)
    ]
    for start in range(0, plan.frames, BLOCK_FRAMES):
        stems: list[Samples] = []
        total = np.zeros((channels, min(BLOCK_FRAMES, plan.frames - start)), np.float64)
        for index, (track, matrix) in enumerate(zip(tracks, matrices, strict=True)):
            stem = quantise(place(track.source.read(start, BLOCK_FRAMES), matrix), index, start)
            total += stem
            stems.append(stem)
        yield Rendered(start, tuple(stems), quantise(total.astype(np.float32), len(tracks), start))


def _common_frames(tracks: Sequence[Track]) -> int:
    lengths = {track.name: track.source.frames for track in tracks}
    if not lengths:
        raise InputError("A mix needs at least one stem; got none.")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {frames}" for name, frames in lengths.items())
        raise InputError(f"Stems of a mix must have one length in frames: {listed}.")
    return next(iter(lengths.values()))


def _peak(block: Samples) -> float:
    return float(max(block.max(initial=0.0), -block.min(initial=0.0)))

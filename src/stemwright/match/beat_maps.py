"""From the tracked beats of a song to the even beats of a remix.

A remix's beat ``k`` stands at ``k * 60 / target_bpm`` seconds. One tracked beat of a song counts
``beat_factor`` beats of the remix. A song whose tracked beats stay within `MatchSettings.steady_s` of an
even grid is *steady*: its map is one straight line, so its own groove stays as it is; any other song is
mapped beat by beat, so it stays locked while its tempo drifts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.errors import InputError
from stemwright.grid import BeatGrid
from stemwright.match.settings import MatchSettings

__all__ = [
    "Anchors",
    "anchors",
    "fitted_bpm",
    "is_identity",
    "is_steady",
    "remix_beat",
    "remix_beats_between",
    "source_beat",
]

Anchors: TypeAlias = tuple[tuple[int, int], ...]
"""Pairs of (input frame, output frame), both rising."""

STEADY_S = MatchSettings().steady_s


@lru_cache(maxsize=64)
def _line(grid: BeatGrid) -> tuple[float, float, float]:
    """Fit ``time = offset + period * beat`` by least squares: offset, period, largest deviation; seconds."""
    times = np.asarray(grid.times_s, np.float64)
    beats = np.arange(times.size, dtype=np.float64) + grid.first_beat
    middle = beats.mean()
    centred = beats - middle
    period = float((centred * (times - times.mean())).sum() / (centred * centred).sum())
    offset = float(times.mean()) - period * middle
    return offset, period, float(np.abs(times - offset - period * beats).max())


def fitted_bpm(grid: BeatGrid) -> float:
    """Tempo of the straight line closest to all tracked beats, in bpm, rounded to 1e-6 bpm.

    Rounding takes out what floating point adds, so that a song at 120 bpm reads 120.0.
    """
    return round(60.0 / _line(grid)[1], 6)


def is_steady(grid: BeatGrid, tolerance_s: float = STEADY_S) -> bool:
    """Whether all tracked beats lie within `tolerance_s` of an even grid."""
    return _line(grid)[2] <= tolerance_s


def remix_beat(
    source_beats: npt.ArrayLike, *, beat_factor: float, origin_beat: float = 0.0
) -> npt.NDArray[np.float64]:
    """Turn beats of a song into beats of the remix, from `origin_beat` of the song on; keeps the shape."""
    return (np.asarray(source_beats, np.float64) - origin_beat) * beat_factor


def source_beat(
    remix_beats: npt.ArrayLike, *, beat_factor: float, origin_beat: float = 0.0
) -> npt.NDArray[np.float64]:
    """Turn beats of the remix into beats of a song: the inverse of `remix_beat`."""
    return np.asarray(remix_beats, np.float64) / beat_factor + origin_beat


def remix_beats_between(grid: BeatGrid, *, beat_factor: float, start_s: float, end_s: float) -> float:
    """How many beats of the remix a stretch of a song fills when it is locked to the beat."""
    start, end = grid.beat_at([start_s, end_s])
    return float(end - start) * beat_factor


def is_identity(
    grid: BeatGrid, *, target_bpm: float, beat_factor: float = 1.0, tolerance_s: float = STEADY_S
) -> bool:
    """Whether the song already lies on the remix's grid: steady, and at its tempo to 1e-6 bpm."""
    return is_steady(grid, tolerance_s) and abs(fitted_bpm(grid) * beat_factor - target_bpm) <= 1e-6


def anchors(
    grid: BeatGrid,
    *,
    first_beat: int,
    last_beat: int,
    target_bpm: float,
    sample_rate: int,
    beat_factor: float = 1.0,
    tolerance_s: float = STEADY_S,
) -> Anchors:
    """Lay the time map of a stretch of a song: input frames to output frames.

    Parameters
    ----------
    grid : BeatGrid
        Tracked beats of the song.
    first_beat, last_beat : int
        Beats of the song, ``first_beat < last_beat``; beyond the tracked ones the grid goes on at the tempo
        of its ends, so that input frames may lie before 0 or behind the song's end.
    target_bpm : float
        Tempo of the remix, > 0.
    sample_rate : int
        Of input and output.
    beat_factor : float
        Beats of the remix per tracked beat.
    tolerance_s : float
        How even a song must be to be mapped by one straight line.

    Returns
    -------
    tuple of (int, int)
        Rising pairs (input frame in the song, output frame). Output frame 0 is `first_beat`; beat ``b`` comes
        at ``round((b - first_beat) * beat_factor * 60 / target_bpm * sample_rate)``. Two pairs for a steady
        song; as many as there are beats for any other. Where nothing needs to be stretched the output frame
        is the input frame less that of `first_beat`, exactly.

    Raises
    ------
    InputError
        When the beats don't rise or the tempo is not above 0.
    """
    if first_beat >= last_beat or not target_bpm > 0.0:
        raise InputError(f"Beats {first_beat} to {last_beat} at {target_bpm:g} bpm make no time map.")
    steady = is_steady(grid, tolerance_s)
    beats = np.array([first_beat, last_beat]) if steady else np.arange(first_beat, last_beat + 1)
    offset, period, _ = _line(grid)
    times = offset + period * beats if steady else grid.seconds_at(beats)
    inputs = np.rint(times * sample_rate).astype(int)
    outputs = np.rint((beats - first_beat) * (beat_factor * 60.0 / target_bpm * sample_rate)).astype(int)
    if is_identity(grid, target_bpm=target_bpm, beat_factor=beat_factor, tolerance_s=tolerance_s):
        inputs = inputs[0] + outputs
    return tuple(zip(inputs.tolist(), outputs.tolist(), strict=True))

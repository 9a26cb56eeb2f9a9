"""How loud and how busy a song is, region by region: about eight seconds each, cut at bar lines.

Energy is the mean K-weighted RMS of a region (ITU-R BS.1770-5, Annex 1), so it follows ears, not bass.
Onsets are peaks of the spectral flux above a moving median (Bello et al., *A Tutorial on Onset Detection in
Music Signals*, 2005, section IV).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.analysis.features import FLUX_S, SongFeatures
from stemwright.grid import BeatGrid
from stemwright.songs import Character, EnergyRegion

__all__ = ["REGION_S", "character_of", "energy_regions", "label_of", "onset_times", "region_edges"]

Array: TypeAlias = npt.NDArray[np.float64]

REGION_S = 8.0
HIGH_ENERGY, LOW_ENERGY = 0.75, 0.25
LOUD, BUSY = 0.5, 0.5
"""From here on a region counts as loud, as busy, for its character."""
BUSY_PER_S = 2.0
"""A song whose busiest region has fewer onsets a second than this has no busy region."""
ONSET_RISE_DB = 3.0
"""Least rise, mean over the bands, that is an attack."""
_MEDIAN_FRAMES = 43  # a second
_CLOSEST_FRAMES = 2  # 46 ms


def energy_regions(features: SongFeatures, *, grid: BeatGrid | None = None) -> tuple[EnergyRegion, ...]:
    """Describe a song region by region.

    Parameters
    ----------
    features : SongFeatures
        Of the song.
    grid : BeatGrid, optional
        Where bars begin; without it every region has the same length.

    Returns
    -------
    tuple[EnergyRegion, ...]
        In order of time, covering the song without a gap; empty for a song of no length. In silence both
        values are 0.
    """
    edges = region_edges(features.duration_s, grid)
    if edges.size < 2:
        return ()
    rms = _mean_between(np.sqrt(features.hop_powers), features.hop_s, edges)
    counts, _ = np.histogram(onset_times(features), edges)
    density = counts / np.diff(edges)
    energy = rms / max(float(rms.max()), 1e-9) if rms.max() > 1e-7 else np.zeros_like(rms)
    density = density / max(float(density.max()), BUSY_PER_S)
    return tuple(
        EnergyRegion(
            float(start), float(end), float(loud), float(busy), label_of(loud), character_of(loud, busy)
        )
        for start, end, loud, busy in zip(edges[:-1], edges[1:], energy, density, strict=True)
    )


def label_of(relative_energy: float) -> str:
    """Name a relative energy: ``"high"`` from 0.75 on, ``"low"`` up to 0.25, else ``"medium"``."""
    if relative_energy >= HIGH_ENERGY:
        return "high"
    return "low" if relative_energy <= LOW_ENERGY else "medium"


def character_of(relative_energy: float, onset_density: float) -> Character:
    """Name energy against onset density.

    ========= =========== ===========
    energy    many onsets few onsets
    ========= =========== ===========
    high      rhythmic    sustained
    low       sparse      moderate
    ========= =========== ===========
    """
    loud, busy = relative_energy >= LOUD, onset_density >= BUSY
    if loud:
        return Character.RHYTHMIC if busy else Character.SUSTAINED
    return Character.SPARSE if busy else Character.MODERATE


def region_edges(duration_s: float, grid: BeatGrid | None) -> Array:
    """Cut a song into regions of about `REGION_S`; returns their borders, from 0 to `duration_s`.

    With a grid inner borders stand on downbeats, a power of two of bars apart, counted from the first one.
    What would be shorter than half a region joins its neighbour.
    """
    if duration_s <= 0.0:
        return np.zeros(0)
    if grid is None:
        return np.linspace(0.0, duration_s, max(round(duration_s / REGION_S), 1) + 1)
    bar_s = 60.0 / grid.bpm * grid.beats_per_bar
    step = grid.beats_per_bar * 2 ** max(round(np.log2(REGION_S / bar_s)), 0)
    first, last = (float(grid.beat_at(seconds)) / step for seconds in (0.0, duration_s))
    inner = grid.seconds_at(np.arange(np.ceil(first), np.floor(last) + 1) * step)
    shortest = REGION_S / 2
    inner = inner[(inner >= shortest) & (inner <= duration_s - shortest)]
    return np.concatenate([[0.0], inner, [duration_s]])


def onset_times(features: SongFeatures) -> Array:
    """Find the attacks, in seconds: local maxima of the flux that stand out from the second around them."""
    flux = features.flux.astype(np.float64)
    if flux.size < 3:
        return np.zeros(0)
    reach = _MEDIAN_FRAMES // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, reach, mode="edge"), _MEDIAN_FRAMES)
    near = np.lib.stride_tricks.sliding_window_view(
        np.pad(flux, _CLOSEST_FRAMES, mode="edge"), 2 * _CLOSEST_FRAMES + 1
    )
    floor = np.median(around, axis=1) + ONSET_RISE_DB
    highest = (flux >= near.max(axis=1)) & (flux > np.concatenate([[0.0], flux[:-1]]))
    return np.asarray(np.flatnonzero(highest & (flux > floor)) * FLUX_S, np.float64)


def _mean_between(values: Array, step_s: float, edges: Array) -> Array:
    """Mean of the values whose step begins in each region; the nearest one where none does."""
    if not values.size:
        return np.zeros(edges.size - 1)
    starts = np.clip(np.ceil(edges / step_s - 1e-9).astype(int), 0, values.size)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    counts = np.diff(starts)
    nearest = values[np.minimum(starts[:-1], values.size - 1)]
    means: Array = np.where(counts > 0, np.diff(sums[starts]) / np.maximum(counts, 1), nearest)
    return means

"""Songs that exist only as facts."""

from __future__ import annotations

import numpy as np

from stemwright.grid import BeatGrid
from stemwright.songs import Groove, Key, KeyFacts, SongFacts, SongStem, TempoFacts, VocalFacts

STEMS = (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS, SongStem.OTHER)


def song(
    bpm: float = 120.0, key: str = "C major", *, confidence: float = 0.9, modulates: bool = False,
    has_beat: bool = True, grid: BeatGrid | None = None, duration_s: float = 180.0,
) -> SongFacts:  # fmt: skip
    """A song of three minutes with an even grid, unless told otherwise."""
    return SongFacts(
        sha256="0" * 64,
        duration_s=duration_s,
        loudness_lufs=-12.0,
        tempo=TempoFacts(bpm, 0.9 if has_beat else 0.0),
        grid=grid or BeatGrid.even(bpm, duration_s=duration_s, first_downbeat_s=0.25),
        key=KeyFacts(Key.parse(key), confidence, modulates),
        energy=(),
        vocals=VocalFacts(-5.0),
        groove=Groove.STRAIGHT,
        sections=(),
        stems=STEMS,
    )


def drifting_grid(bpm: float = 120.0, *, drift_percent: float = 3.0, beats: int = 256) -> BeatGrid:
    """Beats whose tempo swings slowly around `bpm`."""
    phase = 2 * np.pi * np.arange(beats) / 64
    periods = 60.0 / bpm * (1.0 + drift_percent / 100 * np.sin(phase))
    times = 0.4 + np.concatenate(([0.0], np.cumsum(periods[:-1])))
    return BeatGrid(tuple(times.tolist()), 2)

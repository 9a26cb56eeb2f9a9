"""What happens when: band levels, attacks and pitch classes of a song, streamed at a reduced rate.

The song is brought to one channel at 22.05 kHz and looked at three times on one fixed raster: band levels
every 11.6 ms (their rise is the spectral flux of Bello et al., *A Tutorial on Onset Detection in Music
Signals*, 2005, eq. 7), energies of cells of 1.45 ms, from which the instant of an attack is read, and pitch
classes every 93 ms. Nothing is late: frames are centred, and attacks compare what follows an instant with
what came before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.dsp.framing import Framer
from stemwright.dsp.resample import resample

__all__ = ["ATTACK_HZ", "CHROMA_HZ", "FLUX_HZ", "SongView", "normalised", "view", "with_stems"]

Array: TypeAlias = npt.NDArray[np.float64]
Real = TypeVar("Real", bound=np.floating[Any])
Levels: TypeAlias = npt.NDArray[np.float16]
Frames: TypeAlias = npt.NDArray[np.float32]

RATE_HZ = 22_050
FLUX_HOP, FLUX_WINDOW = 256, 1024
CELL = 32
CHROMA_HOP, CHROMA_WINDOW = 2048, 8192
FLUX_HZ = RATE_HZ / FLUX_HOP
ATTACK_HZ = RATE_HZ / CELL
CHROMA_HZ = RATE_HZ / CHROMA_HOP
BAND_EDGES_HZ = tuple(
    edge * 21.533
    for edge in (
        1,
        3,
        5,
        7,
        9,
        11,
        14,
        17,
        21,
        26,
        32,
        39,
        48,
        59,
        72,
        88,
        108,
        132,
        162,
        198,
        242,
        296,
        362,
        442,
    )
)
LOW_BANDS = 3
"""The first bands, up to 150 Hz: kick and bass."""
HIGH_BAND = 15
"""The bands from 1.9 kHz on: snare wires, hats, consonants."""
FLOOR_DB = -60.0
SILENT_DB = -90.0
STEM_WEIGHT = 0.5
CHROMA_RANGE_HZ = (60.0, 2000.0)
BASS_RANGE_HZ = (40.0, 260.0)
STRIKES_PERCENTILE = 98
_BODY = 65_536
_CELLS_BEFORE, _CELLS_AFTER = 12, 4
_CELLS_AT_ONCE, _FRAMES_AT_ONCE = 1 << 17, 1 << 14
_SILENCE_DB = -120.0
_SECOND_CHANNEL = 0.8


@dataclass(frozen=True, eq=False)
class SongView:
    """A song as the rhythm's finders see it.

    Attributes
    ----------
    duration_s : float
        Of the song.
    levels_db : float16 [shape=(flux frames, bands)]
        Band levels; frame i is centred at ``i / FLUX_HZ``.
    low, mid, high : float64 [shape=(flux frames,)]
        Rise of the bands' levels over 23 ms: of kick and bass, of what lies between, of snares and hats.
    attacks : float64 [shape=(cells,)]
        How much louder (nepers, ≥ 0) the 6 ms from each cell on are, the first of them most, than the 17 ms
        before it; cell i begins at ``i / ATTACK_HZ``.
    chroma, bass : float32 [shape=(chroma frames, 12)]
        Magnitude by pitch class (C first), of the middle and of the low register, with frames centred at
        ``i / CHROMA_HZ``.
    strike_db : float
        How much the register that rises most rises over 23 ms where the song itself strikes (its 98th
        percentile, stems not counted): under 3 for tones that are held, 4 for slow chords, 10 to 40 with
        drums.
    """

    duration_s: float
    levels_db: Levels
    low: Array
    mid: Array
    high: Array
    attacks: Array
    chroma: Frames
    bass: Frames
    strike_db: float

    @property
    def silent(self) -> bool:
        """Whether nothing in it is louder than −90 dBFS."""
        return bool(self.levels_db.size == 0 or self.levels_db.max() < SILENT_DB)

    @cached_property
    def loudness_db(self) -> Array:
        """Level of the loudest band, frame by frame."""
        return np.asarray(self.levels_db.max(axis=1), np.float64)


def normalised(band: Array) -> Array:
    """Divide a flux by its spread and cut what stands out alone."""
    spread = float(band.std()) if band.size else 0.0
    return np.minimum(band / spread, 6.0) if spread > 1e-6 else np.zeros_like(band)


def with_stems(song: SongView, *, drums: SongView | None = None, bass: SongView | None = None) -> SongView:
    """Let stems speak beside the song: drums for onsets, bass for what the bass plays."""
    if drums is not None and not drums.silent:
        song = replace(
            song,
            low=_beside(song.low, drums.low),
            mid=_beside(song.mid, drums.mid),
            high=_beside(song.high, drums.high),
            attacks=song.attacks + _padded(drums.attacks, song.attacks.size),
        )
    if bass is not None and not bass.silent:
        song = replace(song, bass=_padded(bass.bass, len(song.bass)))
    return song


def _beside(song: Array, stem: Array) -> Array:
    return normalised(song) + STEM_WEIGHT * _padded(normalised(stem), song.size)


def _padded(values: npt.NDArray[Real], count: int) -> npt.NDArray[Real]:
    """Cut to `count` frames, or fill up with nothing."""
    values = values[:count]
    return np.pad(values, [(0, count - len(values))] + [(0, 0)] * (values.ndim - 1))


def _rises(levels_db: Levels) -> tuple[Array, Array, Array]:
    """Rise of each register, in dB above a floor 60 dB under the song's loud passages."""
    rises = np.zeros((3, len(levels_db)))
    if len(levels_db) < 3:
        return rises[0], rises[1], rises[2]
    floor = np.float32(np.percentile(levels_db.max(axis=1).astype(np.float32), 95) + FLOOR_DB)
    for start in range(0, len(levels_db) - 2, _FRAMES_AT_ONCE):
        levels = np.maximum(levels_db[start : start + _FRAMES_AT_ONCE + 2].astype(np.float32), floor)
        rise = np.maximum(levels[2:] - levels[:-2], 0.0)
        parts = (rise[:, :LOW_BANDS], rise[:, LOW_BANDS:HIGH_BAND], rise[:, HIGH_BAND:])
        for register, part in zip(rises, parts, strict=True):
            register[start + 1 : start + 1 + len(part)] = part.mean(axis=1, dtype=np.float64)
    return rises[0], rises[1], rises[2]


def _attacks(cells: Frames) -> Array:
    if not cells.size:
        return np.zeros(0)
    floor = 1e-4 * float(np.percentile(cells, 99)) + 1e-5 * float(cells.max()) + 1e-15
    padded = np.pad(cells, (_CELLS_BEFORE, _CELLS_AFTER))
    reach = _CELLS_BEFORE + _CELLS_AFTER
    return np.concatenate([
        _attacks_in(padded[start : start + _CELLS_AT_ONCE + reach].astype(np.float64), floor)
        for start in range(0, cells.size, _CELLS_AT_ONCE)
    ])  # fmt: skip


def _attacks_in(cells: Array, floor: float) -> Array:
    """Compare the cells after each instant with those before it; their ends are context."""
    total = np.concatenate(([0.0], np.cumsum(cells)))
    now = total[_CELLS_BEFORE : -_CELLS_AFTER - 1]
    after = np.zeros(now.size)
    for count in (4, 2, 1):
        after += (total[_CELLS_BEFORE + count :][: now.size] - now) / (3 * count)
    before = (now - total[: now.size]) / _CELLS_BEFORE
    return np.maximum(np.log((after + floor) / (before + floor)), 0.0)


def view(song: AudioSource) -> SongView:
    """Look at a song once, block by block.

    Parameters
    ----------
    song : AudioSource
        Any rate, any number of channels (their mean is looked at).

    Returns
    -------
    SongView
        About 6 kB for each second of the song.
    """
    framer = Framer(1, _BODY, reach=CHROMA_WINDOW // 2)
    pieces = [_look(np.zeros(_BODY + CHROMA_WINDOW, np.float32))]  # says its shapes, then is cut off
    for block in resample(_mono(song), from_hz=song.sample_rate, to_hz=RATE_HZ):
        pieces += [_look(window[0]) for window in framer.push(block)]
    pieces += [_look(window[0]) for window in framer.flush()]
    levels = np.concatenate([piece.levels_db for piece in pieces])
    cells, chroma, bass = (
        np.concatenate([getattr(piece, name) for piece in pieces])[_BODY // hop :][: -(-framer.total // hop)]
        for name, hop in (("cells", CELL), ("chroma", CHROMA_HOP), ("bass", CHROMA_HOP))
    )
    levels = levels[_BODY // FLUX_HOP :][: -(-framer.total // FLUX_HOP)]
    duration_s = song.frames / song.sample_rate
    rises = _rises(levels)
    strike_db = max(float(np.percentile(rise, STRIKES_PERCENTILE)) if rise.size else 0.0 for rise in rises)
    return SongView(duration_s, levels, *rises, _attacks(cells), chroma, bass, strike_db)


class _Piece(NamedTuple):
    """What one body of the raster gives."""

    levels_db: Levels
    cells: Frames
    chroma: Frames
    bass: Frames


def _mono(song: AudioSource) -> Iterator[Samples]:
    """Mix to one channel, the second of a pair a little softer: sides in opposite phase must not vanish."""
    weights = np.where(np.arange(song.channels) % 2, _SECOND_CHANNEL, 1.0).astype(np.float32)
    weights /= weights.sum()
    for block in iter_blocks(song):
        mixed = (block * weights[:, np.newaxis]).sum(axis=0, keepdims=True)
        yield mixed if np.isfinite(mixed).all() else np.nan_to_num(mixed, posinf=0.0, neginf=0.0)


def _frames(window: Samples, length: int, hop: int) -> Samples:
    """Cut a body with its reach into centred frames, without copying."""
    reach = CHROMA_WINDOW // 2
    start = reach - length // 2
    body = window[start : start + _BODY - hop + length]
    return np.lib.stride_tricks.sliding_window_view(body, length)[::hop]


def _look(window: Samples) -> _Piece:
    """Measure one body of the raster."""
    power = _power(window, FLUX_WINDOW, FLUX_HOP)
    bands = np.add.reduceat(power, _BAND_BINS, axis=1)[:, :-1]
    levels = 10.0 * np.log10(bands * np.float32(4.0 / FLUX_WINDOW**2) + np.float32(10 ** (_SILENCE_DB / 10)))
    reach = CHROMA_WINDOW // 2
    step = np.diff(window[reach - 1 : reach + _BODY])
    cells = np.square(step).reshape(-1, CELL).sum(axis=1)
    tones = np.sqrt(_power(window, CHROMA_WINDOW, CHROMA_HOP))
    return _Piece(levels.astype(np.float16), cells, _fold(tones, *_CHROMA_BINS), _fold(tones, *_BASS_BINS))


def _power(window: Samples, length: int, hop: int) -> Samples:
    taper = np.hanning(length + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(_frames(window, length, hop) * taper, axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


_BAND_BINS = np.round(np.array(BAND_EDGES_HZ) * FLUX_WINDOW / RATE_HZ).astype(np.intp)


def _classes(low_hz: float, high_hz: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Bins of a register, sorted by pitch class, and where each class begins."""
    hertz = np.arange(1, CHROMA_WINDOW // 2) * RATE_HZ / CHROMA_WINDOW
    bins = np.nonzero((hertz >= low_hz) & (hertz < high_hz))[0]
    classes = np.round(69 + 12 * np.log2(hertz[bins] / 440.0)).astype(int) % 12
    order = np.argsort(classes, kind="stable")
    return bins[order] + 1, np.searchsorted(classes[order], np.arange(12))


_CHROMA_BINS = _classes(*CHROMA_RANGE_HZ)
_BASS_BINS = _classes(*BASS_RANGE_HZ)


def _fold(tones: Samples, bins: npt.NDArray[np.intp], starts: npt.NDArray[np.intp]) -> Samples:
    return np.add.reduceat(tones[:, bins], starts, axis=1)

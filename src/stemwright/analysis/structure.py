"""The form of a song: where its parts begin, on bar lines, and which of them are the same music.

Every bar is described by its pitch classes and its timbre. Borders stand where the music before differs from
the music behind while both agree with themselves (checkerboard novelty: J. Foote, *Automatic audio
segmentation using a measure of audio novelty*, ICME 2000), chosen together so that phrases of four, eight and
sixteen bars are preferred (dynamic programming, as G. Sargent et al., *Estimating the structural segmentation
of popular music pieces under regularity constraints*, 2017). Parts whose bars agree one by one get one label.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.analysis.chroma import chroma_of
from stemwright.analysis.features import FRAME_S, SongFeatures
from stemwright.grid import BeatGrid
from stemwright.songs import SongSection, VocalFacts

__all__ = ["Part", "find_sections"]

Array: TypeAlias = npt.NDArray[np.float64]

CHROMA_WEIGHT, TIMBRE_WEIGHT = 1.0, 1.25
KERNEL_BARS = 8
"""Bars that are compared on either side of a border."""
BESIDE_BARS = 3
"""A border has no stronger one that close."""
BORDER_COST = 0.1
"""Novelty (0 to 2) that a border must bring."""
SHORTEST_BARS, LONGEST_BARS = 4, 32
SAME_MUSIC = 0.5
"""Mean agreement (−1 to 1) of two parts, bar by bar and beside the song's mean, that makes them the same."""
TIMBRE_SPREAD_DB = 3.0
"""Least spread of band levels over a song that counts as a difference."""
PREFERENCE = {4: 0.02, 8: 0.06, 12: 0.02, 16: 0.06, 20: 0.0, 24: 0.02, 32: 0.02}
"""What a part of that many bars is worth; all other lengths cost `ODD_LENGTH`."""
ODD_LENGTH, TOO_SHORT = -0.06, -2.0
SUNG, UNSUNG = 0.4, 0.2
"""Share of a part that must be sung for a verse or chorus, may be sung in an intro or outro."""
EDGE_SHARE = 0.25
"""Intro and outro are at most that much of the song."""
CHORUS_SHARE = 0.6
"""A chorus is at most that much of what lies between intro and outro."""
CHORUS_LEAD = 1.06
"""How much louder (RMS) a chorus is than the mean of the other parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the song before it has a name: bars, end exclusive, and what is known of them.

    Attributes
    ----------
    start, end : int
        Bars from the first described one.
    group : int
        Parts of one group are the same music.
    rms : float
        K-weighted, mean over the part.
    sung : float or None
        Share in which somebody sings; None when it isn't known.
    """

    start: int
    end: int
    group: int
    rms: float
    sung: float | None

    @property
    def bars(self) -> int:
        """Its length."""
        return self.end - self.start


def find_sections(
    features: SongFeatures, grid: BeatGrid, *, vocals: VocalFacts | None = None
) -> tuple[SongSection, ...]:
    """Find the parts of a song on its bar lines.

    Parameters
    ----------
    features : SongFeatures
        Of the song.
    grid : BeatGrid
        Its beats and bars.
    vocals : VocalFacts, optional
        Where somebody sings; names of parts are bolder with it.

    Returns
    -------
    tuple[SongSection, ...]
        In order, without gaps, from the first to the last whole bar; empty for less than two bars. Labels are
        ``"intro"``, ``"verse"``, ``"chorus"``, ``"bridge"``, ``"outro"`` where the evidence allows, else
        letters; the same label (intro and outro apart) is the same music.
    """
    size = grid.beats_per_bar
    first, last = _whole_bars(features.duration_s, grid)
    if last - first < 2:
        return ()
    times = grid.seconds_at(np.arange(first, last + 1) * size)
    bars = _describe(features, times)
    borders = _borders(bars)
    groups = _groups(_unit(bars - bars.mean(axis=0)), borders)
    parts = [
        Part(start, end, group, *_weight(features, vocals, times[start], times[end]))
        for start, end, group in zip(borders[:-1], borders[1:], groups, strict=True)
    ]
    labels = _names(parts)
    return tuple(
        SongSection(label, (first + part.start) * size, (first + part.end) * size)
        for label, part in zip(labels, parts, strict=True)
    )


def _whole_bars(duration_s: float, grid: BeatGrid) -> tuple[int, int]:
    """Numbers of the first bar and of the end of the last one that lie in the song, but for a tenth."""
    start, end = (float(grid.beat_at(s)) / grid.beats_per_bar for s in (0.0, duration_s))
    return int(np.ceil(start - 0.1)), int(np.floor(end + 0.1))


def _describe(features: SongFeatures, times: Array) -> Array:
    """Describe each bar by a vector of length 1: pitch classes, and band levels as angles.

    The product of two angles' vectors is the cosine of their difference: it tells how much two levels differ,
    not only whether both lie under the song's median.
    """
    chroma = _mean_per_bar(chroma_of(features).astype(np.float64), times)
    chroma -= chroma.mean(axis=1, keepdims=True)
    timbre = _mean_per_bar(features.bands_db.astype(np.float64), times)
    timbre -= np.median(timbre, axis=0)
    spread = max(float(np.sqrt(np.mean(timbre**2))), TIMBRE_SPREAD_DB)
    angle = np.pi / 2.0 * np.tanh(timbre / (2.0 * spread))
    timbre = _unit(np.concatenate([np.cos(angle), np.sin(angle)], axis=1))
    return _unit(np.concatenate([CHROMA_WEIGHT * _unit(chroma), TIMBRE_WEIGHT * timbre], axis=1))


def _mean_per_bar(frames: Array, times: Array) -> Array:
    """Mean of what lies between bar lines, frames cut where they must be."""
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    places = np.clip(times / FRAME_S, 0.0, len(frames))
    whole = np.minimum(places.astype(int), len(frames) - 1)
    at = sums[whole] + (places - whole)[:, np.newaxis] * frames[whole]
    means: Array = np.diff(at, axis=0) / np.maximum(np.diff(places), 1e-6)[:, np.newaxis]
    return means


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _novelty(bars: Array) -> Array:
    """How much the bars before each border differ from those behind it, 0 to 2.

    It is 0 beside a stronger border, but for the bars next to it, so that lengths can decide, and within four
    bars of either end. The kernel is flat and a bar agrees with itself, so that loops of chords cancel.
    """
    near, count = KERNEL_BARS, len(bars)
    padded = np.pad(bars, ((near, near), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * near, axis=0)[:count]
    alike = np.moveaxis(views, 1, 2) @ views
    before, behind = np.minimum(np.arange(count), near), np.minimum(count - np.arange(count), near)
    across = alike[:, :near, near:].sum(axis=(1, 2)) / np.maximum(before * behind, 1)
    inside = alike[:, :near, :near].sum(axis=(1, 2)) / np.maximum(before, 1) ** 2
    inside += alike[:, near:, near:].sum(axis=(1, 2)) / behind**2
    novelty = np.maximum(inside / 2.0 - across, 0.0) * (np.minimum(before, behind) >= SHORTEST_BARS)
    highest = novelty >= _around(novelty, BESIDE_BARS).max(axis=1)
    return np.where(_around(highest, 1).any(axis=1), novelty, 0.0)


def _around(values: npt.NDArray[Any], reach: int) -> npt.NDArray[Any]:
    """Each value with its neighbours, zeros beyond the ends."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach), 2 * reach + 1)


def _borders(bars: Array) -> list[int]:
    """Choose borders that together bring most novelty at the best lengths; first and last bar included."""
    novelty = _novelty(bars)
    count = len(bars)
    best = np.full(count + 1, -np.inf)
    best[0] = 0.0
    previous = np.zeros(count + 1, int)
    worth = np.array([_worth(length) for length in range(LONGEST_BARS + 1)])
    gain = np.append(novelty - BORDER_COST, 0.0)
    for end in range(1, count + 1):
        start = max(0, end - LONGEST_BARS)
        scores = best[start:end] + worth[end - start : 0 : -1]
        choice = int(np.argmax(scores))
        best[end], previous[end] = scores[choice] + gain[end], start + choice
    borders = [count]
    while borders[-1] > 0:
        borders.append(int(previous[borders[-1]]))
    return borders[::-1]


def _worth(bars: int) -> float:
    """Say what a part of that length is worth; less than four bars are hardly one."""
    return PREFERENCE.get(bars, ODD_LENGTH if bars >= SHORTEST_BARS else TOO_SHORT)


def _groups(bars: Array, borders: Sequence[int]) -> list[int]:
    """Give each part the number of the earlier music that it agrees with, or a new one."""
    spans = list(itertools.pairwise(borders))
    members: list[list[tuple[int, int]]] = []
    groups: list[int] = []
    for span in spans:
        likeness = [max(_agreement(bars, span, other) for other in group) for group in members]
        if likeness and max(likeness) >= SAME_MUSIC:
            group = int(np.argmax(likeness))
            members[group].append(span)
        else:
            group = len(members)
            members.append([span])
        groups.append(group)
    return groups


def _agreement(bars: Array, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Mean likeness of two parts bar by bar, the shorter one moved along the longer and a bar beyond."""
    short, long = sorted((one, other), key=lambda span: span[1] - span[0])
    size = short[1] - short[0]
    window = bars[short[0] : short[1]]
    starts = range(max(long[0] - 1, 0), min(long[1] + 1, len(bars)) - size + 1)
    return max(float((window * bars[start : start + size]).sum(axis=1).mean()) for start in starts)


def _weight(
    features: SongFeatures, vocals: VocalFacts | None, start_s: float, end_s: float
) -> tuple[float, float | None]:
    """Loudness of a part, and how much of it is sung."""
    first, last = (round(seconds / features.hop_s) for seconds in (start_s, end_s))
    powers = features.hop_powers[first:last]
    rms = float(np.sqrt(powers).mean()) if powers.size else 0.0
    if vocals is None:
        return rms, None
    sung_s = sum(max(min(end_s, span.end_s) - max(start_s, span.start_s), 0.0) for span in vocals.spans)
    return rms, sung_s / max(end_s - start_s, 1e-6)


def _names(parts: Sequence[Part]) -> list[str]:
    """Name the parts by what is known of them; letters, in order, for the rest."""
    names: list[str | None] = [None] * len(parts)
    _name_edges(parts, names)
    inner = [index for index, name in enumerate(names) if name is None]
    chorus = _chorus(parts, inner)
    verse = _verse(parts, inner, chorus)
    for index in inner:
        group = parts[index].group
        if group in (chorus, verse):
            names[index] = "chorus" if group == chorus else "verse"
    if chorus is not None:
        _name_bridge(parts, names)
    letters: dict[int, str] = {}
    return [
        name or letters.setdefault(part.group, _letter(len(letters)))
        for name, part in zip(names, parts, strict=True)
    ]


def _name_edges(parts: Sequence[Part], names: list[str | None]) -> None:
    """Name intro and outro: short, and unsung or quieter than the song is elsewhere."""
    total = sum(part.bars for part in parts)
    if len(parts) < 3:
        return
    usual = float(np.median([part.rms for part in parts[1:-1]]))
    for index, name in ((0, "intro"), (len(parts) - 1, "outro")):
        part = parts[index]
        quiet = part.rms < 0.8 * usual if part.sung is None else part.sung <= UNSUNG
        if quiet and part.bars <= EDGE_SHARE * total:
            names[index] = name


def _chorus(parts: Sequence[Part], inner: Sequence[int]) -> int | None:
    """Find the group that returns after other music and is clearly louder, and sung where that is known."""
    total = sum(parts[index].bars for index in inner)
    loudness: dict[int, float] = {}
    for group in sorted({parts[index].group for index in inner}):
        mine = [index for index in inner if parts[index].group == group]
        rest = [parts[index].rms for index in inner if parts[index].group != group]
        rms = float(np.mean([parts[index].rms for index in mine]))
        returns = any(later - earlier > 1 for earlier, later in itertools.pairwise(mine))
        small = sum(parts[index].bars for index in mine) <= CHORUS_SHARE * total
        if returns and small and _is_sung(parts, mine) and rms >= CHORUS_LEAD * float(np.mean(rest)):
            loudness[group] = rms
    return max(loudness, key=lambda group: loudness[group], default=None)


def _is_sung(parts: Sequence[Part], indices: Sequence[int]) -> bool:
    """Tell whether all of these parts are sung, or nobody knows."""
    return all(sung is None or sung >= SUNG for sung in (parts[index].sung for index in indices))


def _verse(parts: Sequence[Part], inner: Sequence[int], chorus: int | None) -> int | None:
    """Find the music that is sung longest beside the chorus."""
    if chorus is None:
        return None
    bars: dict[int, int] = {}
    for group in sorted({parts[index].group for index in inner} - {chorus}):
        mine = [index for index in inner if parts[index].group == group]
        if len(mine) >= 2 and _is_sung(parts, mine):
            bars[group] = sum(parts[index].bars for index in mine)
    return max(bars, key=lambda group: bars[group], default=None)


def _name_bridge(parts: Sequence[Part], names: list[str | None]) -> None:
    """Name music that comes once, in the second half, before the last chorus."""
    total = parts[-1].end
    last = max(index for index, name in enumerate(names) if name == "chorus")
    single = [g for g in {part.group for part in parts} if sum(part.group == g for part in parts) == 1]
    for index in range(last):
        if names[index] is None and parts[index].group in single and parts[index].start >= total / 2:
            names[index] = "bridge"


def _letter(number: int) -> str:
    """Count A, B, … Z, A2, B2, and so on."""
    return chr(ord("A") + number % 26) + ("" if number < 26 else str(number // 26 + 1))

"""Where in the songs a remix takes its material: strong regions, phrases that begin, hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.planning.draft import Part
from stemwright.planning.pace import Pace
from stemwright.planning.plan import Cue, SongId, Window
from stemwright.planning.rules_material import bounds
from stemwright.planning.styles import LOUDS
from stemwright.songs import SongFacts, SongStem

__all__ = ["Material", "enter_on_phrases", "hook_beat", "phrase_beats", "place_song"]

Array = npt.NDArray[np.float64]
SECTION_BONUS = 0.06
PHRASE_BONUS = 0.05
GOOD_ENOUGH = 0.85
BLUR_BEATS = 0.25
HOOK_BARS = 4


@dataclass(frozen=True)
class Material:
    """A song seen bar by bar.

    Attributes
    ----------
    facts : SongFacts
        Of the song.
    first_bar, bars : int
        First whole bar inside the audio, and how many there are (at least one).
    power : numpy.ndarray
        Energy with rhythm, 0 to 1, by bar.
    voice : numpy.ndarray
        Share of each bar in which somebody sings.
    """

    facts: SongFacts
    first_bar: int
    bars: int
    power: Array
    voice: Array

    @classmethod
    def of(cls, facts: SongFacts) -> Material:
        """Measure a song by bars."""
        per_bar = facts.grid.beats_per_bar
        low, high = bounds(facts)
        first = -(-low // per_bar)
        bars = max(high // per_bar - first, 1)
        edges = facts.grid.seconds_at(np.arange(first, first + bars + 1) * per_bar)
        regions = [
            (r.start_s, r.end_s, r.relative_energy * (0.4 + 0.6 * r.onset_density)) for r in facts.energy
        ]
        spans = [(span.start_s, span.end_s, 1.0) for span in facts.vocals.spans]
        return cls(facts, first, bars, _by_bar(edges, regions), _by_bar(edges, spans))

    @property
    def per_bar(self) -> int:
        """Beats in a bar of the song."""
        return self.facts.grid.beats_per_bar

    @property
    def section_bars(self) -> set[int]:
        """Bars of the song on which its sections begin."""
        return {section.start_beat // self.per_bar for section in self.facts.sections}


def _by_bar(edges: Array, pieces: Sequence[tuple[float, float, float]]) -> Array:
    """Average values that hold from a start to an end over bars."""
    out = np.zeros(edges.size - 1)
    lengths = np.maximum(np.diff(edges), 1e-9)
    for start, end, value in pieces:
        out += (
            value * np.clip(np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1]), 0.0, None) / lengths
        )
    return np.minimum(out, 1.0)


def phrase_beats(facts: SongFacts) -> list[int]:
    """Downbeats on or before which a singing phrase begins, inside the song."""
    low, high = bounds(facts)
    per_bar = facts.grid.beats_per_bar
    starts = facts.grid.beat_at([span.start_s for span in facts.vocals.spans])
    bars = {int(np.floor((beat + BLUR_BEATS) / per_bar)) * per_bar for beat in starts.tolist()}
    return sorted(beat for beat in bars if low <= beat < high)


def hook_beat(facts: SongFacts, seed: int = 0) -> int:
    """Find where the hook begins: the strongest sung phrase of the part that comes again most."""
    song = Material.of(facts)
    beats = phrase_beats(facts) or [song.first_bar * song.per_bar]
    often = _repeats(facts)

    def score(beat: int) -> float:
        bar = beat // song.per_bar - song.first_bar
        stretch = slice(max(bar, 0), bar + HOOK_BARS)
        heard = float(song.power[stretch].mean() + song.voice[stretch].mean()) if bar < song.bars else 0.0
        return heard + 0.3 * often.get(_label_at(facts, beat), 0.0)

    ranked = sorted(beats, key=lambda beat: (-score(beat), beat))
    return ranked[seed % min(3, len(ranked))]


def _repeats(facts: SongFacts) -> Mapping[str, float]:
    labels = [section.label for section in facts.sections]
    most = max((labels.count(label) for label in labels), default=1)
    return {label: labels.count(label) / most for label in labels}


def _label_at(facts: SongFacts, beat: int) -> str:
    return next((s.label for s in facts.sections if s.start_beat <= beat < s.end_beat), "")


def place_song(
    parts: Sequence[Part],
    song: SongId,
    *,
    facts: SongFacts,
    pace: Pace,
    leads: bool,
    seed: int,
    at: int | None,
) -> Window:
    """Choose the part of a song, and set the cues that bring its singing in on a phrase.

    Parameters
    ----------
    parts : Sequence[Part]
        The form; cues of `song` are set in it.
    song : SongId
        Which.
    facts : SongFacts
        Of the song.
    pace : Pace
        Beats of the song per beat of the remix.
    leads : bool
        Whether its voice leads.
    seed : int
        0 takes the best region, others one of the good ones.
    at : int or None
        Beat of the song that the prompt asks for.

    Returns
    -------
    Window
        From a downbeat on; its end is where the playhead gets without jumps.
    """
    material = Material.of(facts)
    rate = pace.rates[song]
    entry = _entry(parts, song) if leads else _entry_of_weight(parts)
    offset = sum(part.beats for part in parts[:entry]) * rate
    place = _Place(material, rate, offset)
    singing = [part for part in parts if leads and song in part.voices()]
    beat = at if at is not None else _best(parts, singing, place, seed)
    first = material.first_bar * material.per_bar
    start = beat - offset
    if at is not None and entry < len(parts):
        parts[entry].cues.setdefault(song, Cue(source_beat=beat))
    if start < first or abs(start / material.per_bar - round(start / material.per_bar)) > 1e-6:
        if entry < len(parts) and entry:
            parts[entry].cues.setdefault(song, Cue(source_beat=beat))
        start = beat if start < first else max(round(start / material.per_bar) * material.per_bar, first)
    enter_on_phrases(parts, song, facts, int(start), rate)
    return _window(facts, int(start), sum(part.beats for part in parts) * rate)


def _window(facts: SongFacts, start: int, beats: float) -> Window:
    start_s, end_s = facts.grid.seconds_at([start, start + beats]).tolist()
    start_s = max(round(start_s, 6), 0.0)
    return Window(start_s=start_s, end_s=max(min(end_s, facts.duration_s), start_s))


def _entry(parts: Sequence[Part], song: SongId) -> int:
    """Index of the first part in which a song sings."""
    return next((index for index, part in enumerate(parts) if song in part.voices()), 0)


def _entry_of_weight(parts: Sequence[Part]) -> int:
    """Index of the first part that carries the weight."""
    return next((index for index, part in enumerate(parts) if part.label in LOUDS), 0)


@dataclass(frozen=True, slots=True)
class _Place:
    """A song to be placed: its beats per beat of the remix, and its beats before the deciding part."""

    song: Material
    rate: float
    offset: float


def _best(parts: Sequence[Part], singing: Sequence[Part], place: _Place, seed: int) -> int:
    """Return the beat at which the deciding part had best begin."""
    song = place.song
    sung = bool(singing) and bool(song.facts.vocals.spans)
    beats = phrase_beats(song.facts) if sung else []
    beats = beats or [(song.first_bar + bar) * song.per_bar for bar in range(song.bars)]
    latest = bounds(song.facts)[1] - (sum(part.beats for part in parts) * place.rate - place.offset)
    beats = [beat for beat in beats if beat <= latest] or beats
    values = song.voice + 0.35 * song.power * song.voice if sung else song.power
    spans = _spans(parts, singing if sung else [part for part in parts if part.label in LOUDS] or list(parts))
    sums = np.concatenate(([0.0], np.cumsum(values)))
    scores = _scores(np.array(beats), spans, place, sums)
    good = np.flatnonzero(scores >= GOOD_ENOUGH * scores.max())
    if seed == 0 or good.size == 1:
        return beats[int(np.argmax(scores))]
    return beats[int(np.random.default_rng(seed).choice(good))]


def _spans(parts: Sequence[Part], chosen: Sequence[Part]) -> list[tuple[int, int]]:
    """Beats of the remix that chosen parts take."""
    out, at = [], 0
    for part in parts:
        if any(part is one for one in chosen):
            out.append((at, at + part.beats))
        at += part.beats
    return out


def _scores(
    beats: npt.NDArray[np.int_], spans: Sequence[tuple[int, int]], place: _Place, sums: Array
) -> Array:
    """Value of the bars that the spans would read if the deciding part began at each of `beats`."""
    song, rate = place.song, place.rate
    numbers = np.arange(song.bars + 1)
    total = np.zeros(beats.size)
    for start, end in spans:
        low, high = (
            np.interp((edge * rate + beats - place.offset) / song.per_bar - song.first_bar, numbers, sums)
            for edge in (start, end)
        )
        total += high - low
    wanted = sum(end - start for start, end in spans) * rate / song.per_bar
    bars = beats // song.per_bar
    on_section = np.isin(bars, list(song.section_bars))
    on_phrase = (bars - song.first_bar) % 4 == 0
    return np.asarray(total / max(wanted, 1e-9) + SECTION_BONUS * on_section + PHRASE_BONUS * on_phrase)


def enter_on_phrases(parts: Sequence[Part], song: SongId, facts: SongFacts, start: int, rate: float) -> None:
    """Move a song to the next phrase where its voice comes in after a rest; changes cues of `parts`."""
    phrases = phrase_beats(facts)
    position, sang = float(start), False
    _, high = bounds(facts)
    left = sum(part.beats for part in parts) * rate
    for part in parts:
        sings = song in part.voices() and SongStem.VOCALS in facts.stems
        cue = part.cues.get(song)
        position = float(cue.source_beat) if cue else position
        if sings and not sang and not cue and phrases:
            needed = part.beats * rate
            after = [beat for beat in phrases if beat >= position - 0.5 and beat + needed <= high]
            whole = [beat for beat in phrases if beat + left <= high]
            beat = (
                after[0] if after and after[0] + left <= high else (whole or after or [hook_beat(facts)])[-1]
            )
            if abs(beat - position) > 0.5:
                part.cues[song] = Cue(source_beat=beat)
                position = float(beat)
        sang = sings
        loop = cue.loop_beats if cue else None
        position += loop or part.beats * rate
        left -= part.beats * rate

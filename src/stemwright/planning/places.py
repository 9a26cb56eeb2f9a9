"""Put both songs in place: regions, timestamps of the prompt, loops."""

from __future__ import annotations

from collections.abc import Mapping

from stemwright.planning.draft import Part
from stemwright.planning.edits import Bench
from stemwright.planning.pace import Pace
from stemwright.planning.plan import Cue, SongId, Window
from stemwright.planning.regions import hook_beat, place_song
from stemwright.planning.rules_form import upper
from stemwright.planning.rules_material import bounds, clock, named
from stemwright.planning.styles import LOUDS
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import SongFacts, SongStem

__all__ = ["place_marks", "place_songs"]

VOICE = SongStem.VOCALS
HOOK_BARS = 4


def place_songs(
    bench: Bench, wishes: Wishes, *, facts: Mapping[SongId, SongFacts], pace: Pace, lead: SongId, seed: int
) -> dict[SongId, Window]:
    """Choose both windows and set the cues of the parts."""
    asked = place_marks(bench, wishes, facts=facts, pace=pace, lead=lead, seed=seed)
    return {
        song: place_song(
            bench.parts, song, facts=facts[song], pace=pace, leads=song is lead, seed=seed, at=asked.get(song)
        )
        for song in SongId
    }


def place_marks(
    bench: Bench,
    wishes: Wishes,
    *,
    facts: Mapping[SongId, SongFacts],
    pace: Pace,
    lead: SongId,
    seed: int = 0,
) -> dict[SongId, int]:
    """Carry out timestamps and loops; returns the beat that each song is asked to begin from."""
    asked = _timestamps(bench, wishes, facts, lead)
    for wish in wishes.of(Want.LOOP):
        _loop(bench, wish, facts, pace, lead, seed)
    return asked


def _timestamps(
    bench: Bench, wishes: Wishes, facts: Mapping[SongId, SongFacts], lead: SongId
) -> dict[SongId, int]:
    """Turn times that the prompt names into beats of their songs; the first of a song is where it begins."""
    out: dict[SongId, int] = {}
    for wish in wishes.of(Want.TIME):
        song = wish.song or _song_of(wish, bench, lead)
        if song is None:
            bench.warnings.append(f'"{wish.text}": say of which song, as in "1:20 of song A".')
            continue
        known = facts[song]
        seconds = wish.value or 0.0
        if seconds >= known.duration_s:
            bench.warnings.append(
                f'"{wish.text}": {named(song)} is only {clock(known.duration_s)} long; another part is used.'
            )
            continue
        beat = _bar_near(known, seconds)
        out.setdefault(song, beat)
        _range(bench, wish, song, known, beat)
    return out


def _song_of(wish: Wish, bench: Bench, lead: SongId) -> SongId | None:
    """Whose time it is where the prompt names stems only."""
    if VOICE in wish.stems:
        return lead
    sources = {bench.parts[0].songs[stem] for stem in bench.named(wish)}
    return SongId(sources.pop()) if len(sources) == 1 and "both" not in sources else None


def _bar_near(facts: SongFacts, seconds: float) -> int:
    """Find the downbeat nearest to a time, inside the song."""
    per_bar = facts.grid.beats_per_bar
    low, high = bounds(facts)
    beat = facts.grid.bar_at(seconds)
    return min(max(beat, -(-low // per_bar) * per_bar), max(high - 1, low))


def _range(bench: Bench, wish: Wish, song: SongId, facts: SongFacts, beat: int) -> None:
    """Repeat a stretch with an end, where it is shorter than the part that uses it."""
    if wish.until is None or wish.until <= (wish.value or 0.0):
        return
    per_bar = facts.grid.beats_per_bar
    start, end = facts.grid.beat_at([wish.value or 0.0, min(wish.until, facts.duration_s)]).tolist()
    beats = max(round((end - start) / per_bar), 1) * per_bar
    for part in _users(bench.parts, song):
        if part.beats > beats:
            part.cues[song] = Cue(source_beat=beat, loop_beats=beats)


def _users(parts: list[Part], song: SongId) -> list[Part]:
    """Parts of weight in which a song sounds."""
    using = [
        part for part in parts if any(g and part.songs[s] in (song, "both") for s, g in part.gains.items())
    ]
    return [part for part in using if part.label in LOUDS] or using


def _loop(
    bench: Bench, wish: Wish, facts: Mapping[SongId, SongFacts], pace: Pace, lead: SongId, seed: int
) -> None:
    """Repeat the hook, or four bars of some stems, in the parts that carry the weight."""
    song = wish.song or _song_of(wish, bench, lead) or lead
    known = facts[song]
    beat = hook_beat(known, seed)
    beats = HOOK_BARS * known.grid.beats_per_bar
    done = False
    for part in _users(bench.parts, song):
        if part.beats * pace.rates[song] > beats:
            part.cues[song] = Cue(source_beat=beat, loop_beats=beats)
            done = True
    if not done:
        bench.warnings.append(f'"{wish.text}": {upper(named(song))} is nowhere used long enough for a loop.')

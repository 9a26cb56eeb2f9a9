"""Rules about what is played: points 6 to 8 of the validator, windows, lead voices, ghost voices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from stemwright.grid import BeatGrid
from stemwright.planning.pace import Pace
from stemwright.planning.plan import Cue, PlanSection, RemixPlan, SongId, StemUse, Window
from stemwright.planning.playhead import Read, reads_of, sounding, start_beat
from stemwright.planning.rules_form import Sections, said, upper
from stemwright.songs import SongFacts, SongStem

__all__ = [
    "SHORTEST_WINDOW_S",
    "bounds",
    "clock",
    "ghosts",
    "keep_inside",
    "known_stems",
    "lead_voices",
    "named",
    "right_stems",
    "set_windows",
]

ALWAYS = (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS, SongStem.OTHER)
FINER = (SongStem.GUITARS, SongStem.KEYS)
SHORTEST_WINDOW_S = 5.0
GHOST_PROMINENCE_DB = -6.0
GHOST_BEATS = 8
Facts = Mapping[SongId, SongFacts]


def named(song: SongId) -> str:
    """Say which song, the way people read it."""
    return "song A" if song is SongId.A else "song B"


def clock(seconds: float) -> str:
    """Write a time of a song: ``1:05``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def known_stems(facts: Facts) -> tuple[SongStem, ...]:
    """Stems that a section may name: four, and the finer ones where a song was taken apart into them."""
    return ALWAYS + tuple(stem for stem in FINER if any(stem in song.stems for song in facts.values()))


def right_stems(sections: Sequence[PlanSection], facts: Facts) -> tuple[Sections, list[str]]:
    """Points 6 and 7: exactly the known stems, and no stem of a song that has none.

    Gains outside 0 to 1 can't get this far: `stemwright.planning.read.mend_raw` moves them.
    """
    known = known_stems(facts)
    out = []
    told: dict[str, None] = {}
    for section in sections:
        stems = {stem: _there(section.stems.get(stem), stem, facts, told) for stem in known}
        for stem in section.stems:
            if stem not in known:
                told[f"No song was taken apart into {stem}; that stem is left out."] = None
        same = stems == section.stems and list(stems) == list(section.stems)
        out.append(section if same else section.model_copy(update={"stems": stems}))
        missing = [str(stem) for stem in known if stem not in section.stems]
        if missing:
            told[f"{upper(said(section))} did not name {', '.join(missing)}: silent."] = None
    return out, list(told)


def _there(use: StemUse | None, stem: SongStem, facts: Facts, told: dict[str, None]) -> StemUse:
    """Return the use, without the songs that have no such stem."""
    if use is None:
        return StemUse(gain=0.0, song=SongId.B.value)
    have = [song for song in use.songs if stem in facts[song].stems]
    if len(have) == len(use.songs):
        return use
    missing = next(song for song in use.songs if song not in have)
    told[f"{upper(named(missing))} has no {stem} that could be heard."] = None
    return StemUse(gain=use.gain, song=have[0].value) if have else StemUse(gain=0.0, song=use.song)


def lead_voices(sections: Sequence[PlanSection], plan: RemixPlan) -> tuple[Sections, list[str]]:
    """One lead voice at a time, unless both were asked for."""
    if plan.both_voices:
        return list(sections), []
    out = []
    told = []
    for section in sections:
        use = section.stems.get(SongStem.VOCALS)
        if use is not None and use.song == "both":
            told.append(f"Only the voice of {named(plan.vocal_source)} sings in {said(section)}.")
            one = {**section.stems, SongStem.VOCALS: StemUse(gain=use.gain, song=plan.vocal_source.value)}
            section = section.model_copy(update={"stems": one})  # noqa: PLW2901
        out.append(section)
    return out, told


def bounds(facts: SongFacts) -> tuple[int, int]:
    """First and last whole beat inside a song's audio; at least one beat apart."""
    grid = facts.grid
    first = math.ceil(float(grid.beat_at(0.0)) - 1e-6)
    last = math.floor(float(grid.beat_at(facts.duration_s)) + 1e-6)
    return first, max(last, first + 1)


def set_windows(plan: RemixPlan, facts: Facts) -> tuple[dict[str, Window], list[str], list[str]]:
    """Bring both windows inside their songs, at least 5 s long, from a bar line on.

    Returns
    -------
    tuple
        Changed windows by field, repairs, and warnings for what moved by more than 5 s.
    """
    changed: dict[str, Window] = {}
    told: list[str] = []
    warned: list[str] = []
    for song in SongId:
        window, name = plan.window_of(song), named(song)
        right = _window(window, facts[song])
        if right == window:
            continue
        changed["vocal_window" if song is plan.vocal_source else "instrumental_window"] = right
        text = (
            f"The part of {name} is {_span(right)} instead of {_span(window)}, on bars and inside the song."
        )
        far = abs(right.start_s - window.start_s) > 5.0 or window.end_s - facts[song].duration_s > 5.0
        (warned if far else told).append(text)
    return changed, told, warned


def _span(window: Window) -> str:
    return f"{clock(min(window.start_s, 1e5))}–{clock(min(window.end_s, 1e5))}"


def _window(window: Window, facts: SongFacts) -> Window:
    duration = facts.duration_s
    latest = max(duration - SHORTEST_WINDOW_S, 0.0)
    start = _bar_start(min(window.start_s, latest), latest, facts.grid)
    start = window.start_s if abs(start - window.start_s) < 1e-3 else start
    end = min(max(window.end_s, start + SHORTEST_WINDOW_S), max(duration, start))
    return Window(start_s=start, end_s=end)


def _bar_start(start_s: float, latest_s: float, grid: BeatGrid) -> float:
    """Time of the bar line nearest to `start_s` inside the song; 0 where there is none."""
    beat = start_beat(Window(start_s=start_s, end_s=start_s), grid)
    while grid.seconds_at(beat) > latest_s + 1e-6:
        beat -= grid.beats_per_bar
    seconds = round(float(grid.seconds_at(beat)), 6)
    return seconds if seconds >= 0.0 else 0.0


def keep_inside(
    plan: RemixPlan, sections: Sequence[PlanSection], *, facts: Facts, pace: Pace
) -> tuple[Sections, dict[str, Window], list[str]]:
    """Point 8: what is read lies inside the song; where it runs out, a phrase comes again.

    Returns
    -------
    tuple
        Sections, windows that had to grow, repairs.
    """
    out = list(sections)
    windows: dict[str, Window] = {}
    told: list[str] = []
    for song in SongId:
        window = plan.window_of(song)
        first = start_beat(window, facts[song].grid)
        told += _unroll(out, song, first, facts[song], pace.rates[song])
        last = _last_second(out, song, first, facts[song], pace.rates[song])
        if last > window.end_s + 1e-3:
            grown = Window(start_s=window.start_s, end_s=last)
            windows["vocal_window" if song is plan.vocal_source else "instrumental_window"] = grown
            told.append(f"The form needs {named(song)} up to {clock(last)}.")
    return out, windows, told


def _unroll(sections: Sections, song: SongId, first: int, facts: SongFacts, rate: float) -> list[str]:
    """Put a cue wherever a song would be read outside itself; changes `sections`."""
    told = []
    bed = _Bed(*bounds(facts), first, facts.grid.beats_per_bar)
    for index in range(len(sections)):
        # Each cue moves what comes later, so the playhead is followed anew up to here.
        read = _read_at(sections, index, song, first, rate)
        cue = sections[index].cues.get(song)
        right = _right_cue(read, cue, bed, needed=sections[index].beats * rate)
        if right == cue:
            continue
        cues = {key: value for key, value in sections[index].cues.items() if key is not song}
        cues |= {song: right} if right else {}
        sections[index] = sections[index].model_copy(update={"cues": cues})
        told.append(_said_cue(sections[index], song, right, facts.grid))
    return told


def _read_at(sections: Sections, index: int, song: SongId, first: int, rate: float) -> Read:
    """Follow the playhead from the last cue before a section to that section."""
    back = next((i for i in range(index, -1, -1) if song in sections[i].cues), 0)
    *_, read = reads_of(sections[back : index + 1], song, first_beat=first, rate=rate)
    return read


def _said_cue(section: PlanSection, song: SongId, cue: Cue | None, grid: BeatGrid) -> str:
    if cue is None:
        return f"A jump in {named(song)} that nobody hears, in {said(section)}, is left out."
    at = clock(max(float(grid.seconds_at(cue.source_beat)), 0.0))
    how = f"repeats {cue.loop_beats} beats from {at}" if cue.loop_beats else f"goes on at {at}"
    return f"In {said(section)} {named(song)} {how}, to stay inside the song."


@dataclass(frozen=True, slots=True)
class _Bed:
    """Where a song may be read: its beats from `low` to `high`, the window's first beat, beats of a bar."""

    low: int
    high: int
    first: int
    bar: int


def _right_cue(read: Read, cue: Cue | None, bed: _Bed, *, needed: float) -> Cue | None:
    """Return the cue as it is where nothing is read outside, else one that comes back to a phrase."""
    if not read.audible:
        return cue if cue is None or bed.low <= cue.source_beat < bed.high else None
    loop = cue.loop_beats if cue else None
    if loop is not None and loop >= needed:
        loop = None
    span = loop or needed
    inside = bed.low <= read.start_beat and read.start_beat + span <= bed.high + 1e-6
    if inside:
        return cue if cue is None or loop == cue.loop_beats else Cue(source_beat=cue.source_beat)
    if span > bed.high - bed.low + 1e-6:
        loop = _phrase(bed.high - bed.low, bed.bar)
        span = loop
    return Cue(source_beat=_back(read.start_beat, span, bed), loop_beats=loop)


def _phrase(available: int, bar: int) -> int:
    """Choose the longest usual phrase that the song has; bars, or beats where it has not one bar."""
    usual = [beats for beats in (8 * bar, 4 * bar, 2 * bar, bar) if beats <= available]
    return usual[0] if usual else max(available, 1)


def _back(asked: float, span: float, bed: _Bed) -> int:
    """Find where to go on: the asked place moved inside, the window's start again, or the last phrase."""
    latest = math.floor(bed.high - span + 1e-6)
    if asked < bed.low:
        return min(-(-bed.low // bed.bar) * bed.bar, max(latest, bed.low))
    if bed.low <= bed.first <= latest:
        return bed.first
    return max(latest // bed.bar * bed.bar, bed.low)


def _last_second(sections: Sections, song: SongId, first: int, facts: SongFacts, rate: float) -> float:
    reads = reads_of(sections, song, first_beat=first, rate=rate)
    ends = [read.end_beat for read in reads if read.audible]
    return min(float(facts.grid.seconds_at(max(ends))), facts.duration_s) if ends else 0.0


def ghosts(sections: Sequence[PlanSection], facts: Facts) -> list[str]:
    """Warn of long stretches without a lead voice over a song whose own voice bleeds through."""
    haunted = {
        song
        for song, known in facts.items()
        if known.vocals.prominence_db > GHOST_PROMINENCE_DB and SongStem.VOCALS in known.stems
    }
    told = []
    for bare, group in groupby(sections, key=lambda section: not _sings(section)):
        run = list(group)
        beats = sum(section.beats for section in run)
        if bare and beats > GHOST_BEATS:
            songs = frozenset().union(*map(sounding, run))
            told += [
                f"Through the instruments of {named(song)} its own voice may be heard faintly from "
                f"{said(run[0])} on: {beats} beats without a lead voice."
                for song in sorted(songs & haunted)
            ]
    return told


def _sings(section: PlanSection) -> bool:
    use = section.stems.get(SongStem.VOCALS)
    return use is not None and use.gain > 0.0

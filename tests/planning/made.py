"""Songs that nobody recorded: facts with everything known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from stemwright.grid import BeatGrid
from stemwright.planning.plan import (
    KeySource,
    Label,
    PlanSection,
    RemixPlan,
    SongId,
    SourceSong,
    StemUse,
    TempoSource,
    Window,
)
from stemwright.songs import (
    Character,
    EnergyRegion,
    Groove,
    Key,
    KeyFacts,
    SongFacts,
    SongSection,
    SongStem,
    TempoFacts,
    VocalFacts,
    VocalSpan,
)

FOUR = (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS, SongStem.OTHER)
FORM = (("a", 8), ("b", 16), ("c", 16), ("b", 16), ("c", 16), ("d", 8), ("c", 16), ("a", 8))


def song(
    name: str,
    *,
    bpm: float = 120.0,
    key: str = "A minor",
    duration_s: float = 200.0,
    prominence_db: float = -8.0,
    stems: Sequence[SongStem] = FOUR,
    groove: Groove = Groove.STRAIGHT,
    beats_per_bar: int = 4,
    first_downbeat_s: float = 0.3,
    confidence: float = 0.9,
) -> SongFacts:
    """A song in the form a b c b c d c a, sung in b and c; c is the loudest and busiest."""
    grid = BeatGrid.even(
        bpm, duration_s=duration_s, first_downbeat_s=first_downbeat_s, beats_per_bar=beats_per_bar
    )
    bars = grid.last_beat // beats_per_bar
    sections = _form(bars, beats_per_bar)
    return SongFacts(
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        duration_s=duration_s,
        loudness_lufs=-12.0,
        tempo=TempoFacts(bpm, confidence),
        grid=grid,
        key=KeyFacts(Key.parse(key), 0.8),
        energy=_energy(grid, sections, duration_s),
        vocals=VocalFacts(prominence_db, _spans(grid, sections) if SongStem.VOCALS in stems else ()),
        groove=groove,
        sections=sections,
        stems=tuple(stems),
    )


def _form(bars: int, beats_per_bar: int) -> tuple[SongSection, ...]:
    """The form, scaled to the song."""
    unit = max(bars / sum(length for _, length in FORM), 0.01)
    out, at = [], 0.0
    for label, length in FORM:
        start, end = round(at), round(at + length * unit)
        at += length * unit
        if end > start:
            out.append(SongSection(label, start * beats_per_bar, end * beats_per_bar))
    return tuple(out) or (SongSection("a", 0, beats_per_bar),)


LEVELS = {"a": (0.3, 0.2), "b": (0.6, 0.5), "c": (1.0, 1.0), "d": (0.5, 0.1)}


def _energy(grid: BeatGrid, sections: Sequence[SongSection], duration_s: float) -> tuple[EnergyRegion, ...]:
    out = []
    for section in sections:
        energy, density = LEVELS[section.label]
        label = "high" if energy > 0.75 else "low" if energy < 0.35 else "medium"
        character = Character.RHYTHMIC if density > 0.75 else Character.MODERATE
        for beat in range(section.start_beat, section.end_beat, 16):
            start, end = grid.seconds_at([beat, min(beat + 16, section.end_beat)]).tolist()
            out.append(EnergyRegion(start, min(end, duration_s), energy, density, label, character))
    return tuple(out)


def _spans(grid: BeatGrid, sections: Sequence[SongSection]) -> tuple[VocalSpan, ...]:
    """Phrases of seven beats every eight, beginning half a beat before the bar."""
    out = []
    for section in sections:
        if section.label in "bc":
            for beat in range(section.start_beat, section.end_beat, 8):
                start, end = grid.seconds_at([beat - 0.5, beat + 6.5]).tolist()
                out.append(VocalSpan(max(start, 0.0), end))
    return tuple(out)


def pair(**changes: SongFacts) -> dict[SongId, SongFacts]:
    """Song A: 120 bpm, A minor, the clearer voice; song B: 128 bpm, C minor."""
    a = song("a", bpm=120.0, key="A minor", prominence_db=-4.0)
    b = song("b", bpm=128.0, key="C minor", duration_s=220.0, prominence_db=-9.0)
    return {SongId.A: changes.get("a", a), SongId.B: changes.get("b", b)}


def use(gain: float, song_: str = "song_b") -> StemUse:
    return StemUse.model_validate({"gain": gain, "song": song_})


def section(label: Label, start: int, end: int, vocals: float = 0.0) -> PlanSection:
    """A section with all four stems: the voice of A, the rest of B."""
    stems = {stem: use(0.7) for stem in FOUR} | {SongStem.VOCALS: use(vocals, "song_a")}
    return PlanSection(label=label, start_beat=start, end_beat=end, stems=stems)


def plan(facts: dict[SongId, SongFacts] | None = None, sections: Sequence[PlanSection] = ()) -> RemixPlan:
    """A valid plan of 192 beats, or one with the given sections."""
    facts = facts or pair()
    usual = [
        section(Label.INTRO, 0, 32), section(Label.MAIN, 32, 160, 1.0), section(Label.OUTRO, 160, 192),
    ]  # fmt: skip
    bars = {song_: float(known.grid.seconds_at(0)) for song_, known in facts.items()}
    return RemixPlan(
        songs={song_: SourceSong(sha256=known.sha256) for song_, known in facts.items()},
        vocal_source=SongId.A,
        vocal_window=Window(start_s=bars[SongId.A], end_s=120.0),
        instrumental_window=Window(start_s=bars[SongId.B], end_s=120.0),
        tempo_source=TempoSource.SONG_B,
        key_source=KeySource.SONG_B,
        sections=list(sections) or usual,
        explanation="Made by hand.",
    )

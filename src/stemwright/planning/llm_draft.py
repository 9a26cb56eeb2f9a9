"""What a language model writes: a leaner form of the plan in which much can't go wrong.

Sections have lengths instead of places, so they neither overlap nor leave gaps; stems come from the usual
song unless a section lists them; songs are A and B. Numbers outside their range are brought inside, and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stemwright.errors import InputError
from stemwright.planning.pace import pace_of
from stemwright.planning.plan import (
    Clause,
    ClauseKind,
    Cue,
    KeySource,
    Label,
    PlanSection,
    RemixPlan,
    SongId,
    SourceSong,
    StemUse,
    TempoSource,
    Transition,
    Window,
)
from stemwright.planning.playhead import start_beat
from stemwright.planning.rules_material import known_stems
from stemwright.songs import Key, SongFacts, SongStem

__all__ = ["Draft", "DraftCheck", "DraftSection", "Jump", "draft_of", "plain", "to_plan"]

Letter = Literal["A", "B"]
LETTERS: Mapping[SongId, Letter] = {SongId.A: "A", SongId.B: "B"}
SONGS = {letter: song for song, letter in LETTERS.items()}
TEMPOS = {
    "A": TempoSource.SONG_A,
    "B": TempoSource.SONG_B,
    "average": TempoSource.AVERAGE,
    "bpm": TempoSource.TARGET,
}
KEYS = {
    "A": KeySource.SONG_A,
    "B": KeySource.SONG_B,
    "target": KeySource.TARGET,
    "keep": KeySource.NONE,
}
MOST_EXPLANATION, MOST_WARNING, MOST_WARNINGS, MOST_CHECKS = 800, 300, 8, 20


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Jump(_Strict):
    """Move a song to another place at the start of a section."""

    to_beat: int
    """Beat of that song, a bar line."""
    loop_beats: int | None = None
    """Repeat this many beats (4, 8, 16) until the section ends."""


class DraftSection(_Strict):
    """A section, placed right behind the one before."""

    label: Label
    beats: int
    """Length in beats of the remix: 4, 8, 16, 32 …"""
    vocals: float
    """Gain 0 to 1."""
    drums: float
    bass: float
    other: float
    guitars: float | None = None
    """Only where both songs have this stem; as `other` when left out."""
    keys: float | None = None
    """Only where both songs have this stem; as `other` when left out."""
    swapped: list[SongStem] = []
    """Stems that come from the other song than usual (usual: voice from vocal_song, the rest not)."""
    doubled: list[SongStem] = []
    """Stems of both songs together."""
    transition: Transition = Transition.CROSSFADE
    transition_beats: int = 4
    jump_a: Jump | None = None
    """Where song A goes to; it runs on from where it is otherwise."""
    jump_b: Jump | None = None


class DraftCheck(_Strict):
    """One wish of the request that can be measured afterwards."""

    kind: ClauseKind
    text: str
    """The words of the request."""
    stem: SongStem | None = None
    song: Letter | None = None
    section: Label | None = None
    value: float | None = None
    key: str | None = None


class Draft(_Strict):
    """The whole arrangement."""

    vocal_song: Letter
    """Whose voice leads; the other song's instruments carry it unless a section says otherwise."""
    a_from_beat: int
    """Bar line of song A at which it stands when the remix begins."""
    b_from_beat: int
    """The same for song B."""
    tempo: Literal["A", "B", "average", "bpm"]
    """Usually the song that is not vocal_song; "bpm" needs `bpm`."""
    bpm: float | None = None
    key: Literal["A", "B", "target", "keep"]
    """Usually the song that is not vocal_song; "keep" transposes nothing; "target" needs `target_key`."""
    target_key: str | None = None
    """"A minor"."""
    transpose_semitones: int = 0
    sections: Annotated[list[DraftSection], Field(min_length=1, max_length=40)]
    ducking_db: float = -3.5
    """How far instruments step back under the voice, -12 to 0."""
    vocal_level_db: float = 0.0
    """-12 to 12, added to the matched level."""
    both_voices: bool = False
    """Whether both singers may be heard at once."""
    explanation: str
    """Two or three plain sentences for the person who asked, in the language of the request."""
    warnings: list[str] = []
    """What could not be done and why."""
    checks: list[DraftCheck] = []

    @field_validator("target_key")
    @classmethod
    def _a_key(cls, text: str | None) -> str | None:
        try:
            return None if text is None else str(Key.parse(text))
        except InputError as error:
            raise ValueError(str(error)) from error


def plain(text: str, most: int) -> str:
    """Take line breaks and control characters out of a text from outside, and cut it at `most` characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def to_plan(
    draft: Draft,
    *,
    facts: Mapping[SongId, SongFacts],
    clauses: Sequence[Clause] = (),
    seed: int = 0,
) -> tuple[RemixPlan, list[str]]:
    """Turn a draft into a plan.

    Parameters
    ----------
    draft : Draft
        What the model wrote.
    facts : Mapping of SongId to SongFacts
        Of both songs.
    clauses : Sequence[Clause]
        What will be measured; where empty, the draft's own checks are.
    seed : int
        Of the plan.

    Returns
    -------
    tuple of RemixPlan and list of str
        The plan, not yet validated, and what had to be brought inside its range.
    """
    told: list[str] = []
    vocal = SONGS[draft.vocal_song]
    plan = RemixPlan(
        songs={song: SourceSong(sha256=facts[song].sha256) for song in SongId},
        vocal_source=vocal,
        vocal_window=Window(start_s=0.0, end_s=facts[vocal].duration_s),
        instrumental_window=Window(start_s=0.0, end_s=facts[vocal.other].duration_s),
        **_tempo_and_key(draft, told),
        sections=_sections(draft, vocal, known_stems(facts), told),
        ducking_db=_within("ducking_db", draft.ducking_db, -12.0, 0.0, told),
        vocal_level_db=_within("vocal_level_db", draft.vocal_level_db, -12.0, 12.0, told),
        both_voices=draft.both_voices,
        explanation=plain(draft.explanation, MOST_EXPLANATION),
        warnings=[plain(text, MOST_WARNING) for text in draft.warnings[:MOST_WARNINGS]],
        clauses=list(clauses) or [_clause(check) for check in draft.checks[:MOST_CHECKS]],
        seed=seed,
    )
    windows = _windows(plan, facts, {SongId.A: draft.a_from_beat, SongId.B: draft.b_from_beat})
    return plan.model_copy(update=windows), told


def _tempo_and_key(draft: Draft, told: list[str]) -> dict[str, Any]:
    tempo, key = TEMPOS[draft.tempo], KEYS[draft.key]
    usual = SONGS[draft.vocal_song].other.value
    if tempo is TempoSource.TARGET and draft.bpm is None:
        tempo = TempoSource(usual)
        told.append('tempo "bpm" needs bpm, a number; the tempo of the song that does not sing is used.')
    if key is KeySource.TARGET and draft.target_key is None:
        key = KeySource(usual)
        told.append('key "target" needs target_key; the key of the song that does not sing is used.')
    bpm = None if draft.bpm is None else _within("bpm", draft.bpm, 40.0, 250.0, told)
    return {
        "tempo_source": tempo,
        "target_bpm": bpm if tempo is TempoSource.TARGET else None,
        "key_source": key,
        "target_key": draft.target_key if key is KeySource.TARGET else None,
        "transpose_semitones": int(_within("transpose_semitones", draft.transpose_semitones, -5, 5, told)),
    }


def _sections(draft: Draft, vocal: SongId, stems: Sequence[SongStem], told: list[str]) -> list[PlanSection]:
    out: list[PlanSection] = []
    beat = 0
    for index, section in enumerate(draft.sections):
        where = f"sections[{index}]"
        beats = int(_within(f"{where}.beats", section.beats, 1, 1024, told))
        transition = int(_within(f"{where}.transition_beats", section.transition_beats, 0, beats, told))
        jumps = {SongId.A: section.jump_a, SongId.B: section.jump_b}
        out.append(
            PlanSection(
                label=section.label,
                start_beat=beat,
                end_beat=beat + beats,
                stems={stem: _use(section, stem, vocal, where, told) for stem in stems},
                transition_in=section.transition,
                transition_beats=0 if section.transition is Transition.CUT else transition,
                cues={song: _cue(jump, where, told) for song, jump in jumps.items() if jump},
            )
        )
        beat += beats
    return out


def _use(section: DraftSection, stem: SongStem, vocal: SongId, where: str, told: list[str]) -> StemUse:
    asked = getattr(section, stem.value)
    gain = _within(f"{where}.{stem}", section.other if asked is None else asked, 0.0, 1.0, told)
    if stem in section.doubled:
        return StemUse(gain=gain, song="both")
    usual = vocal if stem is SongStem.VOCALS else vocal.other
    return StemUse(gain=gain, song=(usual.other if stem in section.swapped else usual).value)


def _cue(jump: Jump, where: str, told: list[str]) -> Cue:
    loop = jump.loop_beats
    return Cue(
        source_beat=int(_within(f"{where}.to_beat", jump.to_beat, -100_000, 100_000, told)),
        loop_beats=None if loop is None else int(_within(f"{where}.loop_beats", loop, 1, 1024, told)),
    )


def _clause(check: DraftCheck) -> Clause:
    return Clause(
        kind=check.kind,
        text=plain(check.text, MOST_WARNING),
        stem=check.stem,
        song=SONGS[check.song] if check.song else None,
        section=check.section,
        value=check.value,
        key=check.key and plain(check.key, 20),
    )


def _windows(
    plan: RemixPlan, facts: Mapping[SongId, SongFacts], first: Mapping[SongId, int]
) -> dict[str, Window]:
    """From the bar asked for, as long as the remix reads on without jumps; inside the song."""
    pace = pace_of(plan, facts)
    windows = {}
    for song in SongId:
        grid, duration_s = facts[song].grid, facts[song].duration_s
        asked_s = min(max(float(grid.seconds_at(first[song])), 0.0), max(duration_s - 5.0, 0.0))
        beat = start_beat(Window(start_s=asked_s, end_s=duration_s), grid)
        start, end = grid.seconds_at([beat, beat + plan.sections[-1].end_beat * pace.rates[song]]).tolist()
        start = round(max(start, 0.0), 6)
        name = "vocal_window" if song is plan.vocal_source else "instrumental_window"
        windows[name] = Window(start_s=start, end_s=max(min(end, duration_s), start))
    return windows


def _within(name: str, value: float, low: float, high: float, told: list[str]) -> float:
    right = min(max(value, low), high)
    if right != value:
        told.append(f"{name} has to lie within {low:g} and {high:g}; {value:g} became {right:g}.")
    return right


def draft_of(plan: RemixPlan, *, facts: Mapping[SongId, SongFacts]) -> Draft:
    """Write a plan as a draft, for a model that is asked to change it; the inverse of `to_plan`."""
    return Draft.model_validate(
        {
            "vocal_song": LETTERS[plan.vocal_source],
            "a_from_beat": start_beat(plan.window_of(SongId.A), facts[SongId.A].grid),
            "b_from_beat": start_beat(plan.window_of(SongId.B), facts[SongId.B].grid),
            "tempo": _word(TEMPOS, plan.tempo_source),
            "bpm": plan.target_bpm,
            "key": _word(KEYS, plan.key_source),
            "target_key": plan.target_key,
            "transpose_semitones": plan.transpose_semitones,
            "sections": [_draft_section(section, plan.vocal_source) for section in plan.sections],
            "ducking_db": plan.ducking_db,
            "vocal_level_db": plan.vocal_level_db,
            "both_voices": plan.both_voices,
            "explanation": plan.explanation,
            "warnings": plan.warnings,
        }
    )


def _word(words: Mapping[str, Any], meant: StrEnum) -> str:
    return next(word for word, value in words.items() if value is meant)


def _draft_section(section: PlanSection, vocal: SongId) -> dict[str, Any]:
    usual = {stem: vocal if stem is SongStem.VOCALS else vocal.other for stem in SongStem}
    uses = section.stems
    gains = {stem.value: uses[stem].gain for stem in SongStem if stem in uses}
    silent = {"vocals": 0.0, "drums": 0.0, "bass": 0.0, "other": 0.0}
    return {
        **silent,
        **gains,
        "label": section.label,
        "beats": section.beats,
        "swapped": [stem for stem, use in uses.items() if use.song == usual[stem].other.value],
        "doubled": [stem for stem, use in uses.items() if use.song == "both"],
        "transition": section.transition_in,
        "transition_beats": section.transition_beats,
        "jump_a": _jump(section.cues.get(SongId.A)),
        "jump_b": _jump(section.cues.get(SongId.B)),
    }


def _jump(cue: Cue | None) -> dict[str, Any] | None:
    return None if cue is None else {"to_beat": cue.source_beat, "loop_beats": cue.loop_beats}

"""The planner that is always there: rules and tables, no network, the same plan for the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stemwright.planning.cast import Cast, Singing, cast_of
from stemwright.planning.draft import Part, frozen, new_part
from stemwright.planning.edits import Bench
from stemwright.planning.explain import explanation
from stemwright.planning.form import PLACED, lengths_of, mood_of, shape_of, wanted_sections
from stemwright.planning.offline_length import Length, length_of
from stemwright.planning.pitch import Pitch, pitch_of
from stemwright.planning.places import place_songs
from stemwright.planning.plan import Clause, ClauseKind, Label, RemixPlan, SongId, SourceSong
from stemwright.planning.rules_material import GHOST_BEATS, GHOST_PROMINENCE_DB
from stemwright.planning.styles import GENRE_MOODS, MOODS, Mood
from stemwright.planning.understand import understand
from stemwright.planning.validate import Limits, validate
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import SongFacts, SongStem

__all__ = ["not_done", "plan_offline", "settled"]

VOICE = SongStem.VOCALS
ORDER = (
    (Want.FROM, Want.PRESENT, Want.WITHOUT, Want.ONLY, Want.START, Want.END, Want.FADE_OUT),
    (Want.HAND_OFF, Want.ALTERNATE, Want.SWAP_STEM, Want.DROP_BEFORE, Want.LOUDER, Want.QUIETER),
)
"""Levels last: they are measured against what would have been."""
MOST_WARNINGS = 12


def plan_offline(
    prompt: str,
    *,
    facts: Mapping[SongId, SongFacts],
    seed: int = 0,
    titles: Mapping[SongId, str] | None = None,
    limits: Limits | None = None,
    bleed: bool = True,
) -> RemixPlan:
    """Plan a remix from plain words.

    Parameters
    ----------
    prompt : str
        Anything: what is not understood, or can't be done, stands in ``warnings``.
    facts : Mapping of SongId to SongFacts
        Of both songs.
    seed : int
        Other numbers are other takes: other regions, other forms where the prompt leaves them open.
    titles : Mapping of SongId to str, optional
        Titles that the prompt may use for the songs.
    limits : Limits, optional
        How long a remix may be.
    bleed : bool
        Whether stems come from a separator: then stretches without a lead voice stay short over a song
        whose own voice is prominent.

    Returns
    -------
    RemixPlan
        Valid: `validate` has nothing to repair in it.
    """
    wishes = settled(understand(prompt, titles=titles))
    cast = cast_of(wishes, facts)
    mood = mood_of(wishes)
    together = cast.singing is Singing.TOGETHER
    pitch = pitch_of(wishes, facts, lead=cast.lead, both_voices=together, mood=mood)
    bar = facts[cast.lead.other].grid.beats_per_bar
    length = length_of(wishes, pace=pitch.pace, bar=bar, facts=facts, limits=limits or Limits())
    haunted = bleed and _haunted(facts[cast.lead.other])
    frame = _Frame(cast, pitch, length, mood, seed, haunted)
    bench = Bench(_parts(wishes, frame), bar, cast.lead)
    _arrange(bench, wishes, cast, facts)
    windows = place_songs(bench, wishes, facts=facts, pace=pitch.pace, lead=cast.lead, seed=seed)
    warnings = [*cast.warnings, *pitch.warnings, *length.warnings, *bench.warnings, *not_done(wishes)]
    plan = RemixPlan(
        songs={song: SourceSong(sha256=known.sha256) for song, known in facts.items()},
        vocal_source=cast.lead,
        vocal_window=windows[cast.lead],
        instrumental_window=windows[cast.lead.other],
        sections=frozen(bench.parts),
        both_voices=together,
        explanation="",
        warnings=_shortened([*warnings, *pitch.pace.warnings]),
        clauses=[
            *_cast_clauses(wishes, cast),
            *pitch.clauses,
            *length.clauses,
            *_form_clauses(bench, wishes),
            *bench.clauses,
        ],
        seed=seed,
        **pitch.fields,
    )
    return _finished(plan, wishes, facts, limits=limits, bleed=bleed)


def settled(wishes: Wishes) -> Wishes:
    """Solve contradictions: what is taken out everywhere can't be levelled, moved or chosen."""
    gone = {stem for wish in wishes.of(Want.WITHOUT) if wish.section is None for stem in wish.stems}
    clash = [
        wish
        for wish in wishes.of(Want.LOUDER, Want.QUIETER, Want.PRESENT)
        if wish.stems and set(wish.stems) <= gone
    ]
    told = [
        Wish(
            Want.CANNOT,
            wish.text,
            word=f'"{wish.text}" contradicts leaving the same stem out; it is left out.',
        )
        for wish in clash
    ]
    kept = wishes.without(clash)
    return replace(kept, all=(*kept.all, *told))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is decided before the form: who plays, how fast and high, how long, in which mood and take.

    `haunted` says whether the voice of the instrumental song bleeds through its instruments.
    """

    cast: Cast
    pitch: Pitch
    length: Length
    mood: str | None
    seed: int
    haunted: bool

    @property
    def free_voice(self) -> bool:
        """Whether the lead voice can't be locked to the beat."""
        return self.cast.lead in self.pitch.pace.free_voices

    @property
    def songs(self) -> dict[SongStem, str]:
        """Whose stems play."""
        drums = self.pitch.drums_from
        return {**self.cast.songs, **({} if drums is None else {SongStem.DRUMS: drums.value})}


def _haunted(instruments: SongFacts) -> bool:
    return instruments.vocals.prominence_db > GHOST_PROMINENCE_DB and VOICE in instruments.stems


def _parts(wishes: Wishes, frame: _Frame) -> list[Part]:
    """Lay out the form, with the usual gains in the mood of the prompt."""
    length = frame.length
    shape = shape_of(wishes, base=_base(wishes, frame), beats=length.beats)
    caps = {Label.INTRO: GHOST_BEATS, Label.OUTRO: GHOST_BEATS} if frame.haunted else {}
    beats = lengths_of(shape, wishes, beats=length.beats, bar=length.bar, pace=frame.pitch.pace, caps=caps)
    parts = [new_part(label, one, frame.songs) for (label, _), one in zip(shape.form, beats, strict=True)]
    for part in parts:
        _in_mood(part, MOODS.get(frame.mood or "", Mood()))
    if frame.free_voice:
        _sparse_under_voices(parts)
    return parts


def _base(wishes: Wishes, frame: _Frame) -> str:
    """Choose the form: by what the voices bear, the mood, the length, and the take."""
    if frame.free_voice:
        return "sparse"
    if frame.mood and MOODS[frame.mood].form:
        return MOODS[frame.mood].form or "usual"
    if frame.length.short:
        return "quick"
    return "usual" if frame.seed % 2 == 0 or wanted_sections(wishes) else "standard"


def _in_mood(part: Part, mood: Mood) -> None:
    for stem in part.gains:
        part.gains[stem] = round(min(part.gains[stem] * mood.scale.get(stem, 1.0), 1.0), 3)
    if mood.transition is not None and part.label is not Label.INTRO:
        part.transition, part.transition_beats = mood.transition, mood.transition_beats


def _sparse_under_voices(parts: list[Part]) -> None:
    """Let a voice that can't be locked to the beat sing where there is none."""
    for part in parts:
        sings = part.label is Label.BREAKDOWN or (part.label not in (Label.MAIN, Label.INTRO, Label.OUTRO))
        part.gains[VOICE] = 0.9 if sings else 0.0
        if sings:
            part.gains[SongStem.DRUMS] = 0.0
            part.gains[SongStem.BASS] = min(part.gains[SongStem.BASS], 0.3)


def _arrange(bench: Bench, wishes: Wishes, cast: Cast, facts: Mapping[SongId, SongFacts]) -> None:
    """Carry out the wishes on the parts, what decides about stems before levels."""
    for stage in ORDER:
        for wish in wishes.of(*stage):
            bench.apply(wish)
    if cast.singing is Singing.ALTERNATE and not wishes.of(Want.ALTERNATE):
        bench.apply(Wish(Want.ALTERNATE, _voices_text(wishes), stems=(VOICE,), song=cast.lead))
    if not any(_heard(part, facts) for part in bench.parts):
        bench.warnings.append("That would leave nothing but silence; the usual arrangement is made instead.")
        songs = {stem: _owner(stem, cast.songs[stem], facts) for stem in cast.songs}
        bench.parts = [new_part(part.label, part.beats, songs) for part in bench.parts]
        bench.clauses.clear()


def _owner(stem: SongStem, song: str, facts: Mapping[SongId, SongFacts]) -> str:
    """Return the song that has a stem, the one meant before any other."""
    order = sorted(SongId, key=lambda one: one.value != song)
    return next((one.value for one in order if stem in facts[one].stems), order[0].value)


def _heard(part: Part, facts: Mapping[SongId, SongFacts]) -> bool:
    """Whether any stem that sounds is there in its song."""
    return any(
        gain and (part.songs[stem] == "both" or stem in facts[SongId(part.songs[stem])].stems)
        for stem, gain in part.gains.items()
    )


def _voices_text(wishes: Wishes) -> str:
    voices = [wish.text for wish in wishes.of(Want.FROM, Want.BOTH) if VOICE in wish.stems]
    return voices[-1] if voices else "both voices"


def _cast_clauses(wishes: Wishes, cast: Cast) -> list[Clause]:
    """Promise the sources that the prompt names and the cast could keep."""
    out: dict[tuple[object, ...], Clause] = {}
    gone = {stem for wish in wishes.of(Want.WITHOUT) if wish.section is None for stem in wish.stems}
    for wish in wishes.of(Want.FROM):
        for stem in wish.stems if wish.section is None and wish.song is not None else ():
            if stem in gone or cast.songs.get(stem) != wish.song:
                continue
            alone = stem is VOICE and cast.singing is Singing.ONE
            if stem is VOICE and not alone:
                continue
            kind = ClauseKind.VOCALS_FROM if alone else ClauseKind.STEM_FROM
            fields = {"kind": kind, "text": wish.text, "song": wish.song, "stem": None if alone else stem}
            out[(kind, stem)] = Clause.model_validate(fields)
    if cast.singing is Singing.TOGETHER:
        text = wishes.of(Want.DUET)[-1].text
        out |= {
            ("duet", song): Clause(kind=ClauseKind.PRESENT, text=text, stem=VOICE, song=song)
            for song in SongId
        }
    return list(out.values())


def _form_clauses(bench: Bench, wishes: Wishes) -> list[Clause]:
    """Promise the sections that the prompt names and the form has."""
    there = {part.label for part in bench.parts}
    texts: dict[Label, str] = {}
    for wish in wishes.of(*PLACED):
        if wish.section is not None and wish.section in there:
            texts.setdefault(wish.section, wish.text)
    return [Clause(kind=ClauseKind.HAS_SECTION, text=text, section=label) for label, text in texts.items()]


def not_done(wishes: Wishes, *, refining: bool = False) -> list[str]:
    """Say what could not be done or was not understood."""
    out = [wish.word for wish in wishes.of(Want.CANNOT)]
    if wishes.hidden:
        out.append("The prompt holds control sequences or invisible letters; they are not read.")
    for wish in wishes.of(Want.MOOD):
        if wish.word not in MOODS:
            near = GENRE_MOODS.get(wish.word)
            how = f"it is arranged the {near} way" if near else "the arrangement is the usual one"
            out.append(f'"{wish.text}" would need other instruments and playing; {how}.')
    if wishes.foreign:
        out.append("I read English and the basics of German, Spanish and French; this is another language.")
    elif wishes.not_understood and not wishes.all and not refining:
        out.append("I did not understand any of this, so the usual arrangement is made.")
    out += [f'I did not understand "{quote}".' for quote in wishes.not_understood]
    open_ = not (wishes.empty or wishes.all or wishes.not_understood or wishes.foreign or refining)
    if open_:
        out.append("The prompt leaves everything open, so the usual arrangement is made.")
    return out


def _shortened(warnings: list[str]) -> list[str]:
    unique = list(dict.fromkeys(warnings))
    if len(unique) <= MOST_WARNINGS:
        return unique
    return [*unique[: MOST_WARNINGS - 1], f"And {len(unique) - MOST_WARNINGS + 1} more things were left out."]


def _finished(
    plan: RemixPlan, wishes: Wishes, facts: Mapping[SongId, SongFacts], *, limits: Limits | None, bleed: bool
) -> RemixPlan:
    """Validate, tell what had to be repaired, and explain."""
    done = validate(plan, facts=facts, limits=limits, bleed=bleed)
    repairs = [notice.text for notice in done.repairs if "up to" not in notice.text]
    warnings = _shortened([*done.plan.warnings, *repairs])
    explained = done.plan.model_copy(update={"warnings": warnings})
    return explained.model_copy(update={"explanation": explanation(explained, facts, wishes)})

"""Change a plan by plain words: only what was asked for changes, and the difference is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stemwright.match.request import MatchRequest
from stemwright.planning.diff import diff_plans
from stemwright.planning.draft import frozen, thawed
from stemwright.planning.edits import Bench, gains_only
from stemwright.planning.explain import explanation
from stemwright.planning.offline import not_done, settled
from stemwright.planning.pace import pace_of
from stemwright.planning.pitch import KEY_WANTS, TEMPO_WANTS, pitch_of
from stemwright.planning.places import place_marks
from stemwright.planning.plan import Clause, Cue, PlanSection, RemixPlan, SongId
from stemwright.planning.playhead import reads_of, start_beat
from stemwright.planning.promises import kept_by_plan
from stemwright.planning.recast import recast
from stemwright.planning.regions import enter_on_phrases
from stemwright.planning.reshape import reshape
from stemwright.planning.understand import understand
from stemwright.planning.validate import Limits, validate
from stemwright.planning.wishes import Want, Wishes
from stemwright.songs import SongFacts, SongStem

__all__ = ["Refined", "refine_offline"]

VOICE = SongStem.VOCALS
STEMS = (
    Want.PRESENT,
    Want.WITHOUT,
    Want.ONLY,
    Want.START,
    Want.END,
    Want.FADE_OUT,
    Want.EARLIER,
    Want.LATER,
    Want.HAND_OFF,
    Want.ALTERNATE,
    Want.SWAP_STEM,
    Want.DROP_BEFORE,
    Want.LOUDER,
    Want.QUIETER,
)
PITCH = (*TEMPO_WANTS, *KEY_WANTS, Want.TRANSPOSE, Want.HALF_TIME)


@dataclass(frozen=True, slots=True)
class Refined:
    """A changed plan.

    Attributes
    ----------
    plan : RemixPlan
        Valid; equal to the old one where nothing could be done.
    changes : tuple[str, ...]
        The difference in plain words.
    warnings : tuple[str, ...]
        What could not be done or was not understood.
    """

    plan: RemixPlan
    changes: tuple[str, ...]
    warnings: tuple[str, ...]


def refine_offline(
    plan: RemixPlan,
    request: str,
    *,
    facts: Mapping[SongId, SongFacts],
    titles: Mapping[SongId, str] | None = None,
    limits: Limits | None = None,
    bleed: bool = True,
) -> Refined:
    """Change a plan by plain words.

    Parameters
    ----------
    plan : RemixPlan
        Valid.
    request : str
        ``"drums louder in the drop, bring the vocals in earlier, end on the chorus"``.
    facts : Mapping of SongId to SongFacts
        Of both songs.
    titles, limits, bleed
        As in `stemwright.planning.offline.plan_offline`.

    Returns
    -------
    Refined
        Requests about levels alone change gains and nothing else.
    """
    wishes = settled(understand(request, titles=titles))
    told = not_done(wishes, refining=True)
    bar = facts[plan.vocal_source.other].grid.beats_per_bar
    bench = Bench(thawed(plan.sections), bar, plan.vocal_source)
    if gains_only(wishes):
        for wish in wishes:
            bench.apply(wish)
        changed = plan.model_copy(update={"sections": _gains(plan.sections, frozen(bench.parts))})
    else:
        changed = _changed(plan, wishes, bench, facts)
    changed = changed.model_copy(update={"clauses": [*changed.clauses, *bench.clauses]})
    done = validate(changed, facts=facts, limits=limits, bleed=bleed)
    told += [*bench.warnings, *(notice.text for notice in done.repairs if "up to" not in notice.text)]
    return _finished(plan, done.plan, told=told, explain=lambda new: explanation(new, facts, wishes))


def _gains(old: list[PlanSection], new: list[PlanSection]) -> list[PlanSection]:
    """Take the gains of `new` and all the rest of `old`."""
    return [a.model_copy(update={"stems": b.stems}) for a, b in zip(old, new, strict=True)]


def _changed(plan: RemixPlan, wishes: Wishes, bench: Bench, facts: Mapping[SongId, SongFacts]) -> RemixPlan:
    """Carry out wishes about form, sources, tempo and key."""
    pace = pace_of(plan, facts)
    _pin(plan, bench, facts)
    reshape(bench, wishes, pace)
    fields = recast(plan, bench, wishes)
    for wish in wishes.of(*STEMS):
        bench.apply(wish)
    lead = SongId(str(fields.get("vocal_source", plan.vocal_source)))
    if wishes.of(*PITCH):
        usual = MatchRequest.of(plan.model_copy(update=fields))
        pitch = pitch_of(wishes, facts, lead=lead, both_voices=usual.both_voices, usual=usual)
        fields |= pitch.fields
        bench.clauses += pitch.clauses
        bench.warnings += pitch.warnings
        pace = pitch.pace
    place_marks(bench, wishes, facts=facts, pace=pace, lead=lead)
    placed = plan.model_copy(update=fields)
    for song in SongId:
        first = start_beat(placed.window_of(song), facts[song].grid)
        enter_on_phrases(bench.parts, song, facts[song], first, pace.rates[song])
        _unpin(bench, song, first, pace.rates[song])
    return placed.model_copy(update={"sections": frozen(bench.parts)})


def _pin(plan: RemixPlan, bench: Bench, facts: Mapping[SongId, SongFacts]) -> None:
    """Tie every entry of a voice to its phrase, so that it stays there when sections move."""
    pace = pace_of(plan, facts)
    for song in SongId:
        first = start_beat(plan.window_of(song), facts[song].grid)
        sang = False
        for read in reads_of(plan.sections, song, first_beat=first, rate=pace.rates[song]):
            part = bench.parts[read.section]
            sings = song in part.voices()
            if sings and not sang and song not in part.cues and read.start_beat == int(read.start_beat):
                part.cues[song] = Cue(source_beat=int(read.start_beat))
            sang = sings


def _unpin(bench: Bench, song: SongId, first: int, rate: float) -> None:
    """Drop jumps to where the playhead is anyway."""
    position = float(first)
    for part in bench.parts:
        cue = part.cues.get(song)
        if cue is not None and cue.loop_beats is None and abs(cue.source_beat - position) < 1e-6:
            part.cues.pop(song)
        position = float(cue.source_beat) if cue else position
        position += cue.loop_beats if cue and cue.loop_beats else part.beats * rate


def _each_once(clauses: list[Clause]) -> list[Clause]:
    """Drop what was said before; clauses can't be hashed."""
    return [clause for index, clause in enumerate(clauses) if clause not in clauses[:index]]


def _finished(
    old: RemixPlan, new: RemixPlan, *, told: list[str], explain: Callable[[RemixPlan], str]
) -> Refined:
    """Drop promises that no longer hold, say the difference."""
    kept = [clause for clause in _each_once(new.clauses) if kept_by_plan(clause, new)]
    plan = new.model_copy(update={"clauses": kept})
    changes = diff_plans(old, plan)
    if not changes:
        return Refined(old, (), tuple(dict.fromkeys([*told, "Nothing was changed."])))
    warnings = list(dict.fromkeys(told))
    plan = plan.model_copy(update={"warnings": warnings, "explanation": explain(plan)})
    return Refined(plan, changes, tuple(warnings))

"""Make a plan renderable: ten points in order, every repair told; valid plans pass untouched.

The points are applied round by round until nothing changes any more, so that a validated plan stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from stemwright.checks import Notice
from stemwright.errors import InputError, InternalError, SpecError
from stemwright.planning import rules_form as form
from stemwright.planning import rules_material as material
from stemwright.planning.pace import Pace, pace_of
from stemwright.planning.plan import KeySource, PlanSection, RemixPlan, SongId, SourceSong, TempoSource
from stemwright.planning.playhead import sounding
from stemwright.songs import Key, SongFacts

__all__ = ["Limits", "Validated", "validate"]

Limits = form.Limits
MOST_ROUNDS = 12
SUBJECT = "plan"
Rule = Callable[[Sequence[PlanSection]], tuple[list[PlanSection], list[str]]]


@dataclass(frozen=True, slots=True)
class Validated:
    """A plan that can be rendered.

    Attributes
    ----------
    plan : RemixPlan
        Valid; the same object where nothing was to do.
    repairs : tuple[Notice, ...]
        What was changed, in order.
    warnings : tuple[Notice, ...]
        What people should know and nobody changed.
    """

    plan: RemixPlan
    repairs: tuple[Notice, ...]
    warnings: tuple[Notice, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Repairs and warnings."""
        return self.repairs + self.warnings


def validate(
    plan: RemixPlan,
    *,
    facts: Mapping[SongId, SongFacts],
    limits: Limits | None = None,
    bleed: bool = True,
) -> Validated:
    """Check a plan by the ten points and repair it.

    Parameters
    ----------
    plan : RemixPlan
        As read; see `stemwright.planning.read.read_plan`.
    facts : Mapping of SongId to SongFacts
        Of both songs.
    limits : Limits, optional
        How long a remix may be; 30 to 180 s unless the plan's clauses name a length.
    bleed : bool
        Whether stems come from a separator, through which other stems are faintly heard.

    Returns
    -------
    Validated
        ``validate(result.plan)`` changes nothing more.

    Raises
    ------
    SpecError
        When the plan is for other songs, or nothing sounds in it.
    """
    _same_songs(plan, facts)
    repairs: list[str] = []
    for _ in range(MOST_ROUNDS):
        repaired, told = _round(plan, facts, limits or Limits())
        if repaired == plan:
            break
        plan, repairs = repaired, repairs + told
    else:
        raise InternalError("The repair of a plan did not come to an end.")
    warnings = material.ghosts(plan.sections, facts) if bleed else []
    return Validated(
        plan,
        tuple(Notice(text, SUBJECT) for text in dict.fromkeys(repairs)),
        tuple(Notice(text, SUBJECT) for text in dict.fromkeys(warnings)),
    )


def _round(plan: RemixPlan, facts: Mapping[SongId, SongFacts], limits: Limits) -> tuple[RemixPlan, list[str]]:
    """Apply every rule once."""
    plan, told = _whole(plan, facts)
    pace = pace_of(plan, facts)
    sections = list(plan.sections)
    for rule in _rules(plan, facts, pace, limits):
        sections, said = rule(sections)
        told += said
        _not_empty(sections)
    sections, windows, said = material.keep_inside(plan, sections, facts=facts, pace=pace)
    told += said
    if not any(map(sounding, sections)):
        raise SpecError("Nothing sounds in this plan.", way_out="Give a stem a gain above 0.")
    return plan.model_copy(update={"sections": sections, **windows}), told


def _rules(
    plan: RemixPlan, facts: Mapping[SongId, SongFacts], pace: Pace, limits: Limits
) -> tuple[Rule, ...]:
    """Give the rules about sections in their order; point 8 and the windows come afterwards."""
    instrumental = facts[plan.vocal_source.other]
    bar = instrumental.grid.beats_per_bar
    return (
        form.sort_sections,
        form.remove_overlaps,
        form.close_gaps,
        form.merge_short,
        form.shorten_transitions,
        partial(material.right_stems, facts=facts),
        partial(form.split_single, bar=bar),
        partial(form.end_on_bar, bar=bar),
        partial(form.fit_length, pace=pace, bar=bar, limits_s=form.limits_of(plan, limits)),
        partial(material.lead_voices, plan=plan),
    )


def _not_empty(sections: Sequence[PlanSection]) -> None:
    if not sections:
        raise SpecError(
            "No section of this plan has a length.", way_out="end_beat has to be above start_beat."
        )


def _same_songs(plan: RemixPlan, facts: Mapping[SongId, SongFacts]) -> None:
    for song, source in plan.songs.items():
        if source.sha256 != facts[song].sha256:
            raise SpecError(
                f"songs.{song}: this plan was made for another file ({source.sha256[:12]}…).",
                way_out="Give the songs in the order in which the plan was made.",
            )


def _whole(plan: RemixPlan, facts: Mapping[SongId, SongFacts]) -> tuple[RemixPlan, list[str]]:
    """Repair what concerns the whole: songs, tempo, key, windows."""
    changes: dict[str, object] = {}
    told: list[str] = []
    if set(plan.songs) != set(SongId):
        changes["songs"] = {song: SourceSong(sha256=facts[song].sha256) for song in SongId}
        told.append("The plan did not name both songs.")
    for fields, text in (_tempo(plan), _key(plan)):
        changes |= fields
        told += text
    windows, moved, warned = material.set_windows(plan, facts)
    changes |= windows
    if warned:
        changes["warnings"] = [*plan.warnings, *(text for text in warned if text not in plan.warnings)]
    return (plan.model_copy(update=changes) if changes else plan), [*told, *moved, *warned]


def _tempo(plan: RemixPlan) -> tuple[dict[str, object], list[str]]:
    asked = plan.tempo_source is TempoSource.TARGET
    if asked and plan.target_bpm is None:
        other = TempoSource(plan.vocal_source.other.value)
        return {"tempo_source": other}, ["No target_bpm was given: the tempo is the instrumental song's."]
    if not asked and plan.target_bpm is not None:
        return {"target_bpm": None}, [f"target_bpm has no meaning with tempo_source {plan.tempo_source}."]
    return {}, []


def _key(plan: RemixPlan) -> tuple[dict[str, object], list[str]]:
    if plan.key_source is not KeySource.TARGET:
        if plan.target_key is None:
            return {}, []
        return {"target_key": None}, [f"target_key has no meaning with key_source {plan.key_source}."]
    try:
        key = str(Key.parse(plan.target_key or ""))
    except InputError:
        other = KeySource(plan.vocal_source.other.value)
        return {"key_source": other, "target_key": None}, [
            f'"{(plan.target_key or "")[:20]}" is not a key: the key is the instrumental song\'s.'
        ]
    if key == plan.target_key:
        return {}, []
    return {"target_key": key}, [f"target_key is written {key}."]

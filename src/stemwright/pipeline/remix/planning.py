"""Step 3 of the text: a plan from a prompt or a file, made valid; then tempo and key of both songs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stemwright.checks import Check, Notice, Severity
from stemwright.errors import SpecError
from stemwright.match import MatchRequest, compatibility, decide_match
from stemwright.match.pairing import Pairing
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.remix.session import RemixOptions, Song, readable
from stemwright.pipeline.step import Outcome, Runner
from stemwright.planning.diff import diff_plans
from stemwright.planning.llm_settings import LlmSettings
from stemwright.planning.offline import plan_offline
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.planning.read import read_plan
from stemwright.planning.refine import Refined, refine_offline
from stemwright.planning.validate import validate
from stemwright.songs import SongFacts

if TYPE_CHECKING:
    from stemwright.planning.llm import LlmContext, LlmPlan

__all__ = ["PlanSession", "make_plan", "match_songs", "read_plan_file", "refine_plan"]


@dataclass(frozen=True, slots=True)
class PlanSession:
    """What a plan is asked for with.

    Attributes
    ----------
    prompt : str
        In plain words, any language.
    songs : Mapping
        Both, analysed.
    options : RemixOptions
        Planner, seed, plan file.
    bleed : bool
        Whether stems come from a separator, so that others are faintly heard through them.
    """

    prompt: str
    songs: Mapping[SongId, Song]
    options: RemixOptions
    bleed: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", readable(self.prompt))

    @property
    def facts(self) -> dict[SongId, SongFacts]:
        """What is known of both songs."""
        return {song: one.facts for song, one in self.songs.items()}

    @property
    def titles(self) -> dict[SongId, str]:
        """What people call them."""
        return {song: one.title for song, one in self.songs.items()}

    @property
    def context(self) -> LlmContext:
        """What a language model is told."""
        from stemwright.planning.llm import LlmContext

        return LlmContext(self.facts, self.titles, bleed=self.bleed, seed=self.options.seed)

    @property
    def inputs(self) -> dict[str, Any]:
        """Everything that a plan depends on."""
        return {
            "prompt": self.prompt,
            "facts": [one.facts_key for one in self.songs.values()],
            "titles": list(self.titles.values()),
            "seed": self.options.seed,
            "bleed": self.bleed,
        }

    def offline(self) -> RemixPlan:
        """Plan without a language model."""
        return plan_offline(
            self.prompt, facts=self.facts, titles=self.titles, seed=self.options.seed, bleed=self.bleed
        )


def make_plan(session: PlanSession, *, runner: Runner) -> RemixPlan:
    """Plan a remix, or read a plan that somebody made, and repair what can't be rendered.

    Raises
    ------
    SpecError
        When the plan file is no plan, is for other songs, or nothing in it sounds.
    """
    path = session.options.plan
    asked, notices = _asked(session, runner) if path is None else (read_plan_file(path), ())
    valid = validate(asked, facts=session.facts, bleed=session.bleed)
    told = [*notices, *valid.notices, *(Notice(text, "plan") for text in valid.plan.warnings)]
    repaired = Check.at_most(
        "repairs", "plan", len(valid.repairs), 0, severity=Severity.WARNING,
        advice="What was changed stands among the notices.",
    )  # fmt: skip
    runner.record("plan", Outcome((repaired,), {"plan": valid.plan.as_dict()}, tuple(dict.fromkeys(told))))
    return valid.plan


def refine_plan(plan: RemixPlan, session: PlanSession) -> Refined:
    """Change a plan by the session's prompt; a language model where one is to be asked, else offline."""
    offline = refine_offline(
        plan, session.prompt, facts=session.facts, titles=session.titles, bleed=session.bleed
    )
    settings = LlmSettings.from_environment(model=session.options.llm)
    if not _asks_model(session.options, settings):
        return offline
    from stemwright.planning.llm import refine_with_llm

    asked = refine_with_llm(
        plan, session.prompt, context=session.context, settings=settings, offline=lambda: offline.plan
    )
    return Refined(asked.plan, diff_plans(plan, asked.plan), tuple(notice.text for notice in asked.notices))


def _asks_model(options: RemixOptions, settings: LlmSettings) -> bool:
    return options.planner == "llm" or (options.planner == "auto" and settings.ready)


def match_songs(plan: RemixPlan, facts: Mapping[SongId, SongFacts], *, runner: Runner) -> Pairing:
    """Decide tempo and key, and tell why."""
    a, b = facts[SongId.A], facts[SongId.B]
    pairing = decide_match(MatchRequest.of(plan), a, b)
    together = compatibility(a, b)
    details = {
        "target_bpm": pairing.target_bpm,
        "compatibility": {
            "level": str(together.level), "message": together.message, "reasons": list(together.reasons),
        },
        "songs": {song.value: _about(pairing, song) for song in SongId},
    }  # fmt: skip
    told = [text for text in (*pairing.notices, *pairing.warnings) if text not in plan.warnings]
    runner.record("tempo and key", Outcome((), details, tuple(Notice(text, "match") for text in told)))
    return pairing


def _about(pairing: Pairing, song: SongId) -> dict[str, Any]:
    match, key = pairing.match_of(song), pairing.key_of(song)
    return {
        "beat_factor": match.beat_factor,
        "vocals": str(match.vocals),
        "instruments": str(match.instruments),
        "semitones": match.semitones,
        "key": str(key.lands_in),
        "reason": key.reason,
    }


def read_plan_file(path: Path) -> RemixPlan:
    """Read a plan.json; raises `SpecError`, which names the file and the place in it."""
    try:
        return read_plan(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path} can't be read: {error.strerror}.", way_out="Is the path right?") from error
    except SpecError as error:
        way_out = error.way_out or "plan.json of a run, and docs/plan.schema.v1.json, show what is possible."
        raise SpecError(f"{path}: {error.message}", way_out=way_out) from error


def _asked(session: PlanSession, runner: Runner) -> tuple[RemixPlan, tuple[Notice, ...]]:
    """Ask the planner; what a language model said once for these songs and this prompt is kept."""
    options = session.options
    settings = LlmSettings.from_environment(model=options.llm)
    if not _asks_model(options, settings):
        return session.offline(), ()
    from stemwright.planning.llm import plan_with_llm

    def work(_into: Path, _ticker: Ticker) -> Outcome:
        asked = plan_with_llm(
            session.prompt, context=session.context, settings=settings, offline=session.offline
        )
        if asked.plan.used_fallback:
            raise _FallbackTakenError(asked)
        return Outcome(details={"plan": asked.plan.as_dict()}, notices=asked.notices)

    inputs = {**session.inputs, "model": settings.name}
    try:
        found = runner.run("ask model", inputs=inputs, work=work)
    except _FallbackTakenError as fallback:
        return fallback.asked.plan, fallback.asked.notices
    return RemixPlan.from_dict(found.outcome.details["plan"]), found.outcome.notices


class _FallbackTakenError(Exception):
    """The model could not be asked: nothing is kept, so that the next run asks again."""

    def __init__(self, asked: LlmPlan) -> None:
        super().__init__()
        self.asked = asked

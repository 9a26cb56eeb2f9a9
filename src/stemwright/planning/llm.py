"""Plans by a language model; by the offline planner, and said so, where that fails in whatever way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from stemwright.checks import Notice
from stemwright.errors import SpecError
from stemwright.planning.llm_client import FailureKind, LlmFailureError, Question, converse
from stemwright.planning.llm_draft import Draft, to_plan
from stemwright.planning.llm_prompt import INSTRUCTIONS, describe
from stemwright.planning.llm_settings import LlmProvider, LlmSettings
from stemwright.planning.plan import Clause, RemixPlan, SongId
from stemwright.planning.validate import Limits, Validated, validate
from stemwright.songs import SongFacts

if TYPE_CHECKING:
    from pydantic_ai.models import Model

__all__ = ["LlmContext", "LlmPlan", "LlmProvider", "LlmSettings", "plan_with_llm", "refine_with_llm"]

SUBJECT = "planner"
SENTENCES = {
    FailureKind.NO_KEY: "No key for the language model was found ({detail}).",
    FailureKind.NO_PACKAGE: 'The packages for language models are missing (pip install "stemwright[llm]").',
    FailureKind.KEY_REFUSED: "{who} did not accept the key ({detail}).",
    FailureKind.NO_CREDIT: "{who} says that the account has no credit left ({detail}).",
    FailureKind.UNKNOWN_MODEL: "{who} does not know this model or address ({detail}): {model}.",
    FailureKind.BUSY: "{who} was too busy to answer ({detail}), also when asked again.",
    FailureKind.SERVER: "{who} had a fault of its own ({detail}), also when asked again.",
    FailureKind.UNREACHABLE: "{who} could not be reached, or gave no readable answer.",
    FailureKind.TIMEOUT: "{who} did not answer in time ({budget:.0f} s at most).",
    FailureKind.REFUSED: "{who}: the model declined to answer this request.",
    FailureKind.CUT_OFF: "{who}: the answer was cut off at its length limit.",
    FailureKind.REJECTED: "{who} did not accept the question ({detail}).",
    FailureKind.NONSENSE: "{who}: the model's answer could not be used as a plan.",
    FailureKind.BROKEN: "{who} answered in a way that is not understood ({detail}).",
}
INSTEAD = "The offline planner was used instead."
UNFINISHED = "Its last version before that was used, repaired."


@dataclass(frozen=True, slots=True)
class LlmPlan:
    """A plan, whoever made it.

    Attributes
    ----------
    plan : RemixPlan
        Valid; ``used_fallback`` says whether the offline planner made it.
    notices : tuple[Notice, ...]
        What people should know: why the fallback, what was repaired.
    """

    plan: RemixPlan
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class LlmContext:
    """What a plan is made from and how it is checked.

    Attributes
    ----------
    facts : Mapping of SongId to SongFacts
        Of both songs.
    titles : Mapping of SongId to str
        What people call them; reaches the model quoted and cut short. May be empty.
    limits : Limits, optional
        How long a remix may be.
    bleed : bool
        Whether stems come from a separator.
    seed : int
        Of the plan.
    """

    facts: Mapping[SongId, SongFacts]
    titles: Mapping[SongId, str] = field(default_factory=dict)
    limits: Limits | None = None
    bleed: bool = True
    seed: int = 0


def plan_with_llm(
    prompt: str,
    *,
    context: LlmContext,
    settings: LlmSettings,
    offline: Callable[[], RemixPlan],
    model: Model | None = None,
) -> LlmPlan:
    """Let a language model plan a remix.

    Parameters
    ----------
    prompt : str
        What people ask for, in any language; it reaches the model as quoted data.
    context : LlmContext
        Songs and limits.
    settings : LlmSettings
        Whom to ask, and for how long.
    offline : Callable
        Makes the plan of the offline planner: the fallback, and the judge that says what will be measured.
    model : Model, optional
        A model of pydantic-ai instead of the one in the settings.

    Returns
    -------
    LlmPlan
        The model's plan; or the offline planner's with ``used_fallback`` and a notice that says why.
    """
    spare = offline()
    message = describe(prompt, facts=context.facts, titles=context.titles, clauses=spare.clauses)
    return _ask(message, context=context, settings=settings, spare=spare, model=model)


def refine_with_llm(
    plan: RemixPlan,
    request: str,
    *,
    context: LlmContext,
    settings: LlmSettings,
    offline: Callable[[], RemixPlan],
    model: Model | None = None,
) -> LlmPlan:
    """Let a language model change a plan.

    Parameters
    ----------
    plan : RemixPlan
        The plan as it is.
    request : str
        What should become different.
    context, settings, offline, model
        As in `plan_with_llm`; `offline` refines offline.

    Returns
    -------
    LlmPlan
        As in `plan_with_llm`.
    """
    spare = offline()
    message = describe(request, facts=context.facts, titles=context.titles, clauses=spare.clauses, plan=plan)
    return _ask(message, context=context, settings=settings, spare=spare, model=model)


@dataclass(slots=True)
class _Judge:
    """Turns drafts into valid plans, says what is wrong with them, and keeps the last good one."""

    context: LlmContext
    clauses: Sequence[Clause]
    corrections: int
    best: Validated | None = None
    told: list[str] = field(default_factory=list)

    def __call__(self, draft: Draft) -> str:
        """Return what the model should mend; empty when the draft will do."""
        try:
            plan, told = to_plan(
                draft, facts=self.context.facts, clauses=self.clauses, seed=self.context.seed
            )
            valid = validate(
                plan, facts=self.context.facts, limits=self.context.limits, bleed=self.context.bleed
            )
        except SpecError as error:
            return str(error)
        except ValidationError as error:
            return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        self.best, self.told = valid, told
        wrong = [*told, *(repair.text for repair in valid.repairs)]
        if not wrong or self.corrections <= 0:
            return ""
        self.corrections -= 1
        return "Please mend this and answer with the whole arrangement:\n" + "\n".join(wrong)

    def notices(self) -> tuple[Notice, ...]:
        """Say what was repaired in the plan that is used."""
        return (*(Notice(text, "plan") for text in self.told), *(self.best.notices if self.best else ()))


def _ask(
    message: str,
    *,
    context: LlmContext,
    settings: LlmSettings,
    spare: RemixPlan,
    model: Model | None,
) -> LlmPlan:
    judge = _Judge(context, spare.clauses, settings.corrections)
    failed = ""
    try:
        converse(Question(INSTRUCTIONS, message, judge), settings=settings, model=model)
    except LlmFailureError as failure:
        failed = _sentence(failure, settings)
    if judge.best is None:
        notice = Notice(f"{failed} {INSTEAD}", SUBJECT)
        return LlmPlan(spare.model_copy(update={"used_fallback": True}), (notice,))
    broken_off = (Notice(f"{failed} {UNFINISHED}", SUBJECT),) if failed else ()
    return LlmPlan(judge.best.plan, (*broken_off, *judge.notices()))


def _sentence(failure: LlmFailureError, settings: LlmSettings) -> str:
    return SENTENCES[failure.kind].format(
        who=settings.provider.sentence_name,
        model=settings.model[:60],
        detail=failure.detail,
        budget=settings.budget_s,
    )

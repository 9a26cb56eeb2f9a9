"""The conversation with a language model: tries, timeouts, corrections; one name for each failure.

pydantic-ai and the providers' packages are imported here alone, and only when a model is asked: they take
seconds. Nothing that a server says stands in a failure's text: error pages may repeat keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from stemwright.planning.llm_draft import Draft
from stemwright.planning.llm_settings import LlmProvider, LlmSettings

if TYPE_CHECKING:
    from pydantic_ai.models import Model

__all__ = ["FailureKind", "LlmFailureError", "Question", "converse"]

NO_KEY = "local"  # the SDK insists on a key; servers without one ignore it
GRACE_S = 2.0
BUSY, OVERLOADED = 429, 529


class FailureKind(StrEnum):
    """Why there is no answer."""

    NO_KEY = "no key"
    NO_PACKAGE = "no package"
    KEY_REFUSED = "key refused"
    NO_CREDIT = "no credit"
    UNKNOWN_MODEL = "unknown model"
    BUSY = "busy"
    SERVER = "server fault"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    CUT_OFF = "cut off"
    REJECTED = "rejected"
    NONSENSE = "nonsense"
    BROKEN = "broken"


class LlmFailureError(Exception):
    """A language model gave no answer that can be used.

    Parameters
    ----------
    kind : FailureKind
        Why.
    detail : str
        A status code or a name of a type; never a server's words.
    """

    def __init__(self, kind: FailureKind, detail: str = "") -> None:
        super().__init__(f"{kind} {detail}".strip())
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes
    ----------
    instructions, message : str
        The standing part and the part of this request.
    judge : Callable
        Takes a draft, returns what is wrong with it for the model to mend; empty when it will do.
    """

    instructions: str
    message: str
    judge: Callable[[Draft], str]


def converse(question: Question, *, settings: LlmSettings, model: Model | None = None) -> Draft:
    """Put a question to a language model until its answer will do.

    Parameters
    ----------
    question : Question
        What to ask and how to judge the answer.
    settings : LlmSettings
        Whom to ask, and for how long.
    model : Model, optional
        A model of pydantic-ai instead of the one in the settings.

    Returns
    -------
    Draft
        The first answer that `Question.judge` accepts.

    Raises
    ------
    LlmFailureError
        In every case in which there is none; within ``settings.budget_s`` from the first request on.
    """
    _need_packages(settings, model)
    import anthropic
    import openai
    from pydantic_ai.exceptions import AgentRunError, ModelRetry, UserError

    # what SDKs raise when an answer is no answer at all; a failure has one name whatever its type was
    broken = (AgentRunError, UserError, ModelRetry, openai.OpenAIError, anthropic.AnthropicError)
    plain = (OSError, TimeoutError, RuntimeError, TypeError, ValueError, LookupError, AttributeError)
    try:
        return _run_apart(question, settings, model)
    except LlmFailureError:
        raise
    except (*broken, *plain) as error:
        failure = _named(error)
    raise failure  # out here, so that no traceback drags the server's words along


def _need_packages(settings: LlmSettings, model: Model | None) -> None:
    if any(find_spec(name) is None for name in ("pydantic_ai", "anthropic", "openai")):
        raise LlmFailureError(FailureKind.NO_PACKAGE)
    if model is None and not settings.ready:
        raise LlmFailureError(FailureKind.NO_KEY, settings.provider.key_variable)


def _run_apart(question: Question, settings: LlmSettings, model: Model | None) -> Draft:
    """Run the conversation in a thread of its own: it works inside any event loop, and ends in time."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="llm")
    try:
        future = pool.submit(lambda: asyncio.run(_within_budget(question, settings, model)))
        return future.result(timeout=settings.budget_s + GRACE_S)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _within_budget(question: Question, settings: LlmSettings, model: Model | None) -> Draft:
    async with asyncio.timeout(settings.budget_s):
        return await _conversation(question, settings, model)


async def _conversation(question: Question, settings: LlmSettings, model: Model | None) -> Draft:
    from pydantic_ai import Agent, ModelRetry, ToolOutput

    agent = Agent(
        _patient(model or _model(settings), settings),
        output_type=ToolOutput(Draft, name="arrange"),
        instructions=question.instructions,
        retries={"output": settings.corrections + 1},
        model_settings={"max_tokens": settings.max_tokens},
    )

    @agent.output_validator
    def mend(draft: Draft) -> Draft:
        wrong = question.judge(draft)
        if wrong:
            raise ModelRetry(wrong)
        return draft

    return (await agent.run(question.message)).output


def _model(settings: LlmSettings) -> Model:
    """Build the SDK's client without retries of its own: they would multiply with ours."""
    key = settings.api_key.get_secret_value() if settings.api_key else NO_KEY
    if settings.provider is LlmProvider.ANTHROPIC:
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(api_key=key, base_url=settings.base_url, max_retries=0)
        return AnthropicModel(settings.model, provider=AnthropicProvider(anthropic_client=client))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    server = AsyncOpenAI(api_key=key, base_url=settings.base_url, max_retries=0)
    # local servers know max_tokens, the field that OpenAI itself has replaced
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=settings.base_url is None)
    return OpenAIChatModel(settings.model, provider=OpenAIProvider(openai_client=server), profile=profile)


def _patient(model: Model, settings: LlmSettings) -> Model:
    """Wrap a model: tries and timeouts of its requests are ours, and what can't be used is said at once."""
    from pydantic_ai.exceptions import ModelHTTPError
    from pydantic_ai.models.wrapper import WrapperModel

    class Patient(WrapperModel):
        async def request(self, *args: Any, **kwargs: Any) -> Any:
            for attempt in range(settings.tries):
                patience_s = settings.timeouts_s[min(attempt, len(settings.timeouts_s) - 1)]
                last = attempt + 1 == settings.tries
                pause_s = settings.backoff_s * 2**attempt
                try:
                    async with asyncio.timeout(patience_s):
                        response = await self.wrapped.request(*args, **kwargs)
                except TimeoutError:
                    if attempt + 1 >= len(settings.timeouts_s):
                        raise LlmFailureError(FailureKind.TIMEOUT) from None
                    continue
                except ModelHTTPError as error:
                    if last or not (error.status_code == BUSY or error.status_code >= 500):
                        raise
                    pause_s = getattr(error, "retry_after", None) or pause_s
                else:
                    return _usable(response)
                await asyncio.sleep(pause_s)
            raise LlmFailureError(FailureKind.TIMEOUT)

    return Patient(model)


def _usable(response: Any) -> Any:
    """Stop where asking again would only repeat it: a refusal, an answer cut off at its limit."""
    if response.finish_reason == "content_filter":
        raise LlmFailureError(FailureKind.REFUSED)
    if response.finish_reason == "length":
        raise LlmFailureError(FailureKind.CUT_OFF)
    return response


STATUS = {
    401: FailureKind.KEY_REFUSED,
    402: FailureKind.NO_CREDIT,
    403: FailureKind.KEY_REFUSED,
    404: FailureKind.UNKNOWN_MODEL,
    BUSY: FailureKind.BUSY,
}


def _named(error: BaseException) -> LlmFailureError:
    """Give a failure of the libraries its name."""
    from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, UnexpectedModelBehavior

    if isinstance(error, ModelHTTPError):
        code = error.status_code
        other = FailureKind.SERVER if code >= 500 else FailureKind.REJECTED
        return LlmFailureError(STATUS.get(code, other), str(code))
    if isinstance(error, UnexpectedModelBehavior):
        return LlmFailureError(FailureKind.NONSENSE)
    if isinstance(error, ModelAPIError):
        return LlmFailureError(FailureKind.UNREACHABLE)
    if isinstance(error, TimeoutError):
        return LlmFailureError(FailureKind.TIMEOUT)
    return LlmFailureError(FailureKind.BROKEN, type(error).__name__)

"""Which language model plans, how to reach it, and how long it may take; keys stay out of sight."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from stemwright.errors import SpecError

__all__ = ["LlmProvider", "LlmSettings"]

MODEL_VARIABLE = "STEMWRIGHT_LLM"
OLLAMA_URL = "http://localhost:11434/v1"


class LlmProvider(StrEnum):
    """Whose interface is spoken; ``openai`` is also that of most local servers."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    OLLAMA = "ollama"

    @property
    def sentence_name(self) -> str:
        """Its name in a sentence."""
        return {"anthropic": "Anthropic", "openai": "The OpenAI-compatible server", "ollama": "Ollama"}[self]

    @property
    def default_model(self) -> str:
        """What is asked where nobody named a model; empty where there is no sensible guess."""
        return {"anthropic": "claude-sonnet-5-5", "openai": "gpt-6.1-terra", "ollama": ""}[self]

    @property
    def key_variable(self) -> str:
        """Where its key stands."""
        return "ANTHROPIC_API_KEY" if self is LlmProvider.ANTHROPIC else "OPENAI_API_KEY"

    @property
    def url_variable(self) -> str:
        """Where another address stands."""
        return {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_BASE_URL"}[
            self
        ]


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """How a language model is asked.

    Parameters
    ----------
    provider : LlmProvider
        Whose interface it speaks.
    model : str
        Its name there.
    api_key : SecretStr, optional
        Never shown: its text form is stars.
    base_url : str, optional
        Another server than the provider's own.
    timeouts_s : tuple of float
        Patience for the first and the following tries of one question.
    budget_s : float
        Patience for everything together: tries, waiting, corrections.
    tries : int
        How often one question is put when the server is busy (429) or broken (5xx), or too slow.
    backoff_s : float
        Pause before the second try, doubled for each further one, unless the server names its own.
    corrections : int
        How often the validator's messages go back to the model.
    max_tokens : int
        Room for the answer; one that is cut off is not used.
    """

    provider: LlmProvider = LlmProvider.ANTHROPIC
    model: str = LlmProvider.ANTHROPIC.default_model
    api_key: SecretStr | None = None
    base_url: str | None = None
    timeouts_s: tuple[float, ...] = (15.0, 30.0)
    budget_s: float = 45.0
    tries: int = 3
    backoff_s: float = 0.5
    corrections: int = 1
    max_tokens: int = 8_000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, *, model: str = "") -> LlmSettings:
        """Read ``STEMWRIGHT_LLM`` (``provider:model``) and the providers' own variables.

        Without it Anthropic is asked where its key is set, else the OpenAI-compatible server.

        Parameters
        ----------
        environ : Mapping of str to str, optional
            Instead of the environment.
        model : str, optional
            ``provider:model``, before the variable.

        Raises
        ------
        SpecError
            When ``provider`` is unknown.
        """
        environ = os.environ if environ is None else environ
        named, _, name = (model or environ.get(MODEL_VARIABLE, "")).strip().partition(":")
        provider = _provider(named) if named else _guessed(environ)
        key = environ.get(provider.key_variable, "") if provider is not LlmProvider.OLLAMA else ""
        url = environ.get(provider.url_variable) or (OLLAMA_URL if provider is LlmProvider.OLLAMA else None)
        return cls(
            provider=provider,
            model=name.strip() or provider.default_model,
            api_key=SecretStr(key) if key else None,
            base_url=url,
        )

    @property
    def ready(self) -> bool:
        """Whether there is a model to ask: a key, or a server of one's own that may need none."""
        own_server = self.provider is not LlmProvider.ANTHROPIC and self.base_url is not None
        return bool(self.model) and (self.api_key is not None or own_server)

    @property
    def name(self) -> str:
        """Provider and model, for reports."""
        return f"{self.provider}:{self.model}"


def _provider(word: str) -> LlmProvider:
    if word.lower() not in tuple(LlmProvider):
        raise SpecError(
            f'{MODEL_VARIABLE}: "{word[:40]}" is not a provider.',
            way_out="Write anthropic:MODEL, openai:MODEL (any compatible server) or ollama:MODEL.",
        )
    return LlmProvider(word.lower())


def _guessed(environ: Mapping[str, str]) -> LlmProvider:
    if environ.get("ANTHROPIC_API_KEY"):
        return LlmProvider.ANTHROPIC
    other = environ.get("OPENAI_API_KEY") or environ.get("OPENAI_BASE_URL")
    return LlmProvider.OPENAI if other else LlmProvider.ANTHROPIC

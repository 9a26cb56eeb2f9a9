"""Turn stored events into what clients are told: the text's shape first, the typed event beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stemwright.engine.jobs import JobState, JobStatus, StoredEvent
from stemwright.service.problems import plain

__all__ = ["FINAL_KINDS", "Story", "phase_of", "status_of", "told", "words_of"]

FINAL_KINDS = ("complete", "error", "cancelled")
_PHASES = (
    ("separate", "separating"), ("decode", "analyzing"), ("analyze", "analyzing"),
    ("ask model", "interpreting"), ("plan", "interpreting"), ("tempo and key", "interpreting"),
    ("arrange", "rendering"), ("mix", "rendering"), ("master", "rendering"), ("verify", "rendering"),
    ("deliver", "rendering"),
)  # fmt: skip
_WORDS = {
    "decode": "Reading {}.", "separate": "Taking {} apart into stems.",
    "analyze": "Finding tempo, beats and key of {}.", "ask model": "Asking the language model for a plan.",
    "plan": "Planning the arrangement.", "tempo and key": "Deciding on tempo and key.",
    "match": "Matching {} in tempo and key.", "level": "Matching levels.", "arrange": "Arranging the remix.",
    "mix": "Mixing.", "master": "Mastering.", "verify": "Checking everything.",
    "align": "Bringing {} to length.",
    "source": "Making {}.", "effects": "Processing {}.", "deliver": "Packing.",
}  # fmt: skip


def phase_of(step: str) -> str:
    """Say which of the text's phases a step of a recipe belongs to."""
    return next((phase for start, phase in _PHASES if step.startswith(start)), "processing")


def words_of(step: str) -> str:
    """Say in plain words what a step does."""
    for start, words in _WORDS.items():
        if step == start or step.startswith(f"{start} "):
            about = step.removeprefix(start).strip()
            return words.format(about or "everything")
    return f"{step[:1].upper()}{step[1:]}."


@dataclass
class Story:
    """A session's events as they are told, one after the other; progress only ever grows.

    Attributes
    ----------
    session : str
        Whose story it is.
    """

    session: str
    _weights: dict[str, float] = field(default_factory=dict)
    _fractions: dict[str, float] = field(default_factory=dict)
    _progress: float = 0.0
    _step: str = "queued"
    _detail: str = "Waiting for its turn."
    _plan: dict[str, Any] = field(default_factory=dict)

    def tell(self, event: StoredEvent) -> dict[str, Any]:
        """Add an event; returns its JSON."""
        data = dict(event.data)
        data.pop("key", None)  # of the store: nobody's business
        getattr(self, f"_on_{event.kind}", self._on_other)(data)
        self._progress = max(self._progress, min(float(data.get("progress", self._summed())), 1.0))
        return {
            "step": self._step,
            "detail": plain(self._detail),
            "progress": round(self._progress, 4),
            **self._plan,
            "type": event.kind,
            "number": event.number,
            "data": _plain_values(data),
        }

    def _summed(self) -> float:
        """Weights of what is done; steps that ran again after a crash count once."""
        shares = (weight * self._fractions.get(name, 0.0) for name, weight in self._weights.items())
        return min(sum(shares), 0.999)

    def _on_queued(self, data: Mapping[str, Any]) -> None:
        self._step, ahead = "queued", data.get("ahead", 0)
        self._detail = f"Waiting; {ahead} in front." if ahead else "Waiting for its turn."

    def _on_started(self, _data: Mapping[str, Any]) -> None:
        self._detail = "Starting."

    def _on_step_started(self, data: Mapping[str, Any]) -> None:
        name = str(data["name"])
        self._weights[name] = float(data.get("weight", 0.0))
        self._step, self._detail = phase_of(name), words_of(name)

    def _on_progress(self, data: Mapping[str, Any]) -> None:
        name = str(data["name"])
        self._fractions[name] = max(self._fractions.get(name, 0.0), float(data.get("fraction", 0.0)))
        self._step, self._detail = phase_of(name), words_of(name)

    def _on_step_finished(self, data: Mapping[str, Any]) -> None:
        name = str(data["name"])
        self._fractions[name] = 1.0
        if (
            name not in self._weights
        ):  # it took no time worth telling of, and belongs to the story all the same
            self._step, self._detail = phase_of(name), words_of(name)

    def _on_notice(self, data: Mapping[str, Any]) -> None:
        self._detail = str(data.get("text", self._detail))

    def _on_planned(self, data: Mapping[str, Any]) -> None:
        self._plan = _about_plan(data)
        self._step, self._detail = "interpreting", "The plan stands."

    def _on_taken_over(self, _data: Mapping[str, Any]) -> None:
        self._detail = "Going on after an interruption."

    def _on_complete(self, data: dict[str, Any]) -> None:
        self._step, self._detail, data["progress"] = "complete", "Done.", 1.0
        self._plan |= _about_plan(data)

    def _on_error(self, data: Mapping[str, Any]) -> None:
        self._step, self._detail = "error", str(data.get("message", "It did not work."))

    def _on_cancelled(self, _data: Mapping[str, Any]) -> None:
        self._step, self._detail = "error", "Cancelled."

    def _on_other(self, _data: Mapping[str, Any]) -> None:
        """Tell an event that is newer than this file as it is."""


def _about_plan(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in ("explanation", "warnings", "used_fallback") if name in data}


def _plain_values(value: Any) -> Any:
    """Take folders out of every text, however deep."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {name: _plain_values(inner) for name, inner in value.items()}
    return [_plain_values(inner) for inner in value] if isinstance(value, list) else value


def told(session: str, events: Iterable[StoredEvent]) -> list[dict[str, Any]]:
    """Tell a whole story."""
    story = Story(session)
    return [story.tell(event) for event in events]


def status_of(state: JobState, story: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Say how a session stands, in the text's shape."""
    last = story[-1] if story else {}
    words = {JobStatus.COMPLETE: "complete", JobStatus.ERROR: "error", JobStatus.CANCELLED: "error"}
    done = state.status is JobStatus.COMPLETE
    about = {**_about_plan(last), **_about_plan(state.result)}
    return {
        "status": words.get(state.status, "processing"),
        "progress": 1.0 if done else round(max(state.progress, last.get("progress", 0.0)), 4),
        "detail": plain(last.get("detail") or state.detail),
        "explanation": about.get("explanation", ""),
        "warnings": list(about.get("warnings", [])),
        "used_fallback": bool(about.get("used_fallback", False)),
    }

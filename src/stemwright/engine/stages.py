"""What a job consists of: phases, each in the queue of its role, and durable stages within each.

A phase is one DBOS workflow and one child process; a stage is one durable step of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stemwright.engine.jobs import JobKind

__all__ = ["QUEUES", "RENDER", "SEPARATION", "Phase", "next_phase", "phase_of", "phases_of"]

SEPARATION = "separation"
RENDER = "render"
QUEUES = (SEPARATION, RENDER)
"""Separation takes a GPU or a whole machine for itself; all else takes cores."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Part of a job that one worker does in one go.

    Attributes
    ----------
    name, queue : str
        What it is, and where it waits.
    milestones : Mapping of str to str
        Its durable stages in order, each with the step of the recipe that ends it; the last one ends with the
        phase.
    """

    name: str
    queue: str
    milestones: Mapping[str, str]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the durable stages, in order."""
        return tuple(self.milestones)


END = ""
_SONGS = Phase("songs", SEPARATION, {"song A": "analyze song A", "song B": END})
_RENDERED = Phase(
    "render", RENDER, {"plan": "tempo and key", "match": "level", "arrange": "arrange", "deliver": END}
)
_PRODUCED = Phase("produce", RENDER, {"prepare": "reference", "mix": "mix", "deliver": END})


def phases_of(kind: JobKind) -> tuple[Phase, ...]:
    """Return the phases of a kind of job."""
    if kind in (JobKind.REMIX, JobKind.REFINE, JobKind.RENDER):
        return _SONGS, _RENDERED
    if kind is JobKind.PRODUCE:
        return (_PRODUCED,)
    queue = SEPARATION if kind is JobKind.ANALYZE else RENDER
    return (Phase(kind.value, queue, {kind.value: END}),)


def next_phase(kind: JobKind, name: str) -> Phase | None:
    """Return what comes after a phase."""
    phases = phases_of(kind)
    at = [phase.name for phase in phases].index(name) + 1
    return phases[at] if at < len(phases) else None


def phase_of(kind: JobKind, name: str) -> Phase:
    """Return a phase by its name."""
    return next(phase for phase in phases_of(kind) if phase.name == name)

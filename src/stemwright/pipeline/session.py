"""What the steps of one production share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stemwright.grid import Timeline
from stemwright.pipeline.crew import Job
from stemwright.pipeline.spec import Spec, StemSpec
from stemwright.pipeline.step import Runner
from stemwright.pipeline.together import Next, Several

__all__ = ["COMMON_BARS", "JoinPlace", "Session", "StemAudio", "step_order"]

T = TypeVar("T")

COMMON_BARS = "common bars"
"""Step in which stems that were played together agree on what they repeat."""


@dataclass(frozen=True, slots=True)
class Session:
    """One production on its way: what was asked, who runs the steps, what is allowed.

    Attributes
    ----------
    spec : Spec
        What was asked.
    timeline : Timeline
        The grid, at the exact target length.
    runner : Runner
        Runs and remembers the steps.
    allow_commands : bool
        Whether external generators may run.
    """

    spec: Spec
    timeline: Timeline
    runner: Runner
    allow_commands: bool = False

    def job(self, work: Callable[..., T | Next[T] | Several[Any]], *arguments: Any) -> Job[T]:
        """Make ``work(session, *arguments)`` a job that any hand of the crew can do."""
        return partial(_at_work, work, (self.spec, self.timeline), self.allow_commands, arguments)


def _at_work(
    work: Callable[..., T | Next[T] | Several[Any]],
    asked: tuple[Spec, Timeline],
    allow_commands: bool,
    arguments: tuple[Any, ...],
    runner: Runner,
) -> T | Next[T] | Several[Any]:
    return work(Session(*asked, runner, allow_commands), *arguments)


@dataclass(frozen=True, slots=True)
class JoinPlace:
    """A join that alignment made: its frame, and whether its check says that it can be heard."""

    frame: int
    audible: bool


@dataclass(frozen=True, slots=True)
class StemAudio:
    """A stem at one point of its way.

    Attributes
    ----------
    spec : StemSpec
        What was asked.
    path : Path
        Its audio at the session rate.
    key : str
        Stands for exactly this audio in the keys of later steps.
    midi : Path or None
        The notes it was played from.
    strategy : str
        How it was brought to length.
    joins : tuple[JoinPlace, ...]
        Where it was joined for that.
    """

    spec: StemSpec
    path: Path
    key: str
    midi: Path | None = None
    strategy: str = ""
    joins: tuple[JoinPlace, ...] = ()

    @property
    def name(self) -> str:
        """Name of the stem."""
        return self.spec.name


def step_order(spec: Spec) -> list[str]:
    """Names of all steps in the order of the recipe, whichever runs first."""
    stems = [stem.name for stem in spec.stems]
    made = [f"{step} {name}" for name in stems for step in ("source", "align")]
    made.append(COMMON_BARS)
    return ["timing", "reference", *made, *(f"effects {name}" for name in stems), "mix", "master", "verify"]

"""What a job is: the values that the queue, its workers and the service share; nothing here runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from stemwright.errors import RefusedError

__all__ = [
    "JobKind",
    "JobRequest",
    "JobState",
    "JobStatus",
    "Jobs",
    "Place",
    "QueueFullError",
    "StoredEvent",
]


class JobKind(StrEnum):
    """What can be asked for."""

    REMIX = "remix"
    REFINE = "refine"
    RENDER = "render"
    """A remix again, by a plan that somebody edited."""
    ANALYZE = "analyze"
    PRODUCE = "produce"
    VERIFY = "verify"
    ALIGN = "align"
    MASTER = "master"


class JobStatus(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobStatus.COMPLETE, JobStatus.ERROR, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as asked for; JSON through and through, so that any worker can do it.

    Attributes
    ----------
    kind : JobKind
        What is to be done.
    owner : str
        Who may see it: an unguessable id of a browser or program, never a name.
    files : Mapping of str to str
        Uploaded files by what they are (``"song_a"``, ``"stems_b/drums.wav"``, ``"takes/vocals.wav"``): the
        sha256 under which the store keeps each. Nobody's paths.
    names : Mapping of str to str
        What people called those files; hostile until escaped.
    options : Mapping
        Prompt, spec text, plan, separator, seed, …: what the recipe takes.
    parent : str, optional
        The session that this one refines or renders again.
    """

    kind: JobKind
    owner: str
    files: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One thing that happened, numbered from 1 without a gap within its session.

    Attributes
    ----------
    number : int
        What ``Last-Event-ID`` counts.
    kind : str
        ``"queued"``, ``"started"``, ``"step_started"``, ``"progress"``, ``"step_finished"``, ``"notice"``,
        ``"planned"``, ``"taken_over"``, ``"complete"``, ``"error"``, ``"cancelled"``.
    data : Mapping
        JSON; see docs/service.md.
    """

    number: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands: jobs in front of it, and seconds until it starts, from measured steps."""

    ahead: int
    starts_in_s: float | None


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it is now.

    Attributes
    ----------
    session : str
        Its unguessable id.
    request : JobRequest
        As asked for.
    status : JobStatus
        Where it is.
    progress : float
        0 to 1, by step weights.
    detail : str
        What is being done, in plain words; the error's sentence after an error.
    result : Mapping
        After completion: output names to sha256, plan, report status.
    created_s, changed_s : float
        Unix times.
    place : Place, optional
        While it waits.
    """

    session: str
    request: JobRequest
    status: JobStatus
    progress: float
    detail: str
    result: Mapping[str, Any]
    created_s: float
    changed_s: float
    place: Place | None = None


class QueueFullError(RefusedError):
    """Too many jobs wait.

    Parameters
    ----------
    retry_after_s : int
        When there will be room, roughly.
    """

    def __init__(self, message: str, *, retry_after_s: int, way_out: str = "") -> None:
        super().__init__(message, way_out=way_out)
        self.retry_after_s = retry_after_s


class Jobs(Protocol):
    """The queue, as the service and the command line see it."""

    def submit(self, request: JobRequest) -> str:
        """Queue a job; returns its session id. Raises `RefusedError` when the queue is full."""

    def require_room(self) -> None:
        """Raise `QueueFullError` when no job would be taken on now."""

    def state(self, session: str) -> JobState | None:
        """Return a job as it is now; None for an unknown one."""

    def sessions(self, owner: str) -> list[JobState]:
        """Return the jobs of one owner, the latest first."""

    def events(self, session: str, *, after: int = 0) -> list[StoredEvent]:
        """Return stored events with a number above `after`, in order."""

    def wait(self, session: str, *, after: int, timeout_s: float) -> list[StoredEvent]:
        """Return new events as soon as there are any; an empty list when the time is up."""

    def cancel(self, session: str) -> bool:
        """Stop a job that waits or runs, within 2 s; False when it was over."""

    def release(self, session: str) -> bool:
        """Let go of what a job that came to nothing needed; its story stays. False when it has to wait."""

    def erase(self, session: str, *, keep: frozenset[str] = frozenset()) -> bool:
        """Forget a finished job and its files; False when there is none, or it is not over."""

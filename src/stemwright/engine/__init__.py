"""The durable queue: jobs that survive every crash, done by any number of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stemwright.engine.jobs import (
    JobKind,
    JobRequest,
    Jobs,
    JobState,
    JobStatus,
    Place,
    QueueFullError,
    StoredEvent,
)

if TYPE_CHECKING:
    from stemwright.engine.queue import DurableJobs, QueueSettings, Uploads, open_jobs

__all__ = [
    "DurableJobs",
    "JobKind",
    "JobRequest",
    "JobState",
    "JobStatus",
    "Jobs",
    "Place",
    "QueueFullError",
    "QueueSettings",
    "StoredEvent",
    "Uploads",
    "open_jobs",
]


def __getattr__(name: str) -> Any:
    """Import the queue when somebody opens it: DBOS and SQLAlchemy take half a second."""
    if name in ("DurableJobs", "QueueSettings", "Uploads", "open_jobs"):
        from stemwright.engine import queue

        return getattr(queue, name)
    raise AttributeError(name)

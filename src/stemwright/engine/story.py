"""Turn what child processes tell into the story of a session: nothing twice, and progress never goes back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from stemwright.engine.jobs import StoredEvent
from stemwright.engine.ledger import NewEvent

__all__ = ["Story"]

LEAST_STEP = 0.005
"""Smaller progress is not worth an event."""
ONCE = ("step_finished", "notice", "planned")


class Story:
    """What clients were told of a session so far, and what is new to them.

    Parameters
    ----------
    told : Iterable of StoredEvent
        Stored before: by an earlier phase, or by a worker that was killed.
    progress : float
        How far the job was.
    """

    def __init__(self, told: Iterable[StoredEvent], *, progress: float) -> None:
        self.progress = progress
        self.detail = ""
        self._told = {_about(event.kind, event.data) for event in told if event.kind in ONCE}
        self._finished = {key[1] for key in self._told if key[0] == "step_finished"}
        self._weights: dict[str, float] = {}
        self._done: dict[str, float] = {}

    def take(self, kind: str, data: Mapping[str, Any]) -> list[NewEvent]:
        """Return what is new to clients in one line of a child."""
        name = str(data.get("name", ""))
        if kind == "step_started":
            self._weights[name] = float(data["weight"])
            return self._started(name)
        if kind == "progress":
            return self._moved(name, float(data["fraction"]))
        if kind == "step_finished":
            self._moved(name, 1.0)
            self._finished.add(name)
        return self._once(kind, data) if kind in ONCE else []

    def _started(self, name: str) -> list[NewEvent]:
        if name in self._finished:  # done before a crash, or in an earlier phase
            return []
        self.detail = name
        return [("step_started", {"name": name, "progress": round(self.progress, 4)})]

    def _moved(self, name: str, fraction: float) -> list[NewEvent]:
        self._done[name] = fraction * self._weights.get(name, 0.0)
        progress = min(sum(self._done.values()), 0.999)
        if progress < self.progress + LEAST_STEP:
            return []
        self.progress = progress
        told = {"name": name, "progress": round(progress, 4), "fraction": round(min(fraction, 1.0), 4)}
        return [("progress", told)]

    def _once(self, kind: str, data: Mapping[str, Any]) -> list[NewEvent]:
        about = _about(kind, data)
        if about in self._told:
            return []
        self._told.add(about)
        more = {"progress": round(self.progress, 4)} if kind == "step_finished" else {}
        return [(kind, {**data, **more})]


def _about(kind: str, data: Mapping[str, Any]) -> tuple[str, str]:
    """Return what makes two events the same one: the step, or what was said."""
    if kind == "step_finished":
        return kind, str(data["name"])
    return kind, json.dumps(data, sort_keys=True)

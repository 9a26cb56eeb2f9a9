"""How a plan became what it is: every version with what was asked for it; ``--undo`` goes back one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stemwright.errors import InputError, SpecError
from stemwright.pipeline.remix.session import readable
from stemwright.planning.plan import RemixPlan

__all__ = ["History", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """One plan, and how it came to be.

    Attributes
    ----------
    asked : str
        The prompt, or what was to be changed.
    changes : tuple[str, ...]
        What became different from the version before, in plain words.
    plan : RemixPlan
        Whole.
    """

    asked: str
    changes: tuple[str, ...]
    plan: RemixPlan

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of history.json."""
        return {"asked": self.asked, "changes": list(self.changes), "plan": self.plan.as_dict()}


@dataclass(frozen=True, slots=True)
class History:
    """All versions; the last is what was rendered, and what was taken back is kept beside them.

    Attributes
    ----------
    versions : tuple[Version, ...]
        From the first plan on.
    undone : tuple[Version, ...]
        Taken back, the latest last.
    """

    versions: tuple[Version, ...]
    undone: tuple[Version, ...] = ()

    @classmethod
    def begin(cls, prompt: str, plan: RemixPlan) -> History:
        """Start with the first plan."""
        return cls((Version(readable(prompt), (), plan),))

    @classmethod
    def read(cls, text: str) -> History:
        """Read history.json; raises `SpecError` when it is none."""
        try:
            record = json.loads(text)
            versions, undone = (tuple(map(_version, record[name])) for name in ("versions", "undone"))
        except (ValueError, KeyError, TypeError) as error:
            raise SpecError(
                "history.json can't be read.", way_out="Render the remix again with stemwright remix --plan."
            ) from error
        if not versions:
            raise SpecError("history.json is empty.", way_out="Render the remix again.")
        return cls(versions, undone)

    @property
    def current(self) -> Version:
        """What was rendered last."""
        return self.versions[-1]

    @property
    def prompt(self) -> str:
        """What was asked first."""
        return self.versions[0].asked

    def then(self, asked: str, changes: tuple[str, ...], plan: RemixPlan) -> History:
        """Add a version."""
        return History((*self.versions, Version(readable(asked), changes, plan)), self.undone)

    def back(self) -> History:
        """Go back by one version; raises `InputError` at the first."""
        if len(self.versions) < 2:
            raise InputError("There is nothing to undo: this is the first version of the remix.")
        return History(self.versions[:-1], (*self.undone, self.current))

    def text(self) -> str:
        """Write history.json."""
        kept = {"versions": self.versions, "undone": self.undone}
        return _json({name: [version.as_dict() for version in rows] for name, rows in kept.items()})

    def plan_text(self) -> str:
        """Write plan.json: the current plan, the way people edit it."""
        return _json(self.current.plan.as_dict())


def _version(row: Mapping[str, Any]) -> Version:
    return Version(str(row["asked"]), tuple(map(str, row["changes"])), RemixPlan.from_dict(row["plan"]))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

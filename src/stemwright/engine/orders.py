"""What a child process is told: plain JSON, for nothing but data may cross over to where media is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stemwright.engine.jobs import JobKind, JobRequest

__all__ = ["ChildLimits", "Order", "Site"]

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Site:
    """Where a worker keeps things.

    Attributes
    ----------
    data : Path
        Folder of this machine: uploads, results, work in progress.
    store : Path
        Folder of finished steps.
    store_bytes : int
        How large that may grow.
    bucket : str
        ``s3://…`` where many machines share files and steps; empty for one machine.
    """

    data: Path
    store: Path
    store_bytes: int = 20 * GIB
    bucket: str = ""

    @property
    def blobs(self) -> Path:
        """Folder of uploads and results by their sha256."""
        return self.data / "files"

    @property
    def sessions(self) -> Path:
        """Folder of finished sessions."""
        return self.data / "sessions"

    @property
    def work(self) -> Path:
        """Folder of jobs that run now."""
        return self.data / "work"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"data": str(self.data), "store": str(self.store)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Site:
        """Read what `as_dict` wrote."""
        return cls(**{**record, "data": Path(record["data"]), "store": Path(record["store"])})


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child process may take; it decodes what strangers sent.

    Attributes
    ----------
    memory_bytes : int or None
        Address space; None where a separator maps far more than it uses (PyTorch, CUDA).
    cpu_s, wall_s : float
        Processor time and time on the clock.
    file_bytes : int
        Largest file that it writes.
    silence_s : float
        It ends itself when its parent says nothing for so long: then the parent is frozen or gone.
    """

    memory_bytes: int | None = 6 * GIB
    cpu_s: float = 4 * 3600.0
    wall_s: float = 4 * 3600.0
    file_bytes: int = 32 * GIB
    silence_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Order:
    """One phase of one job.

    Attributes
    ----------
    request : JobRequest
        As asked for.
    phase : str
        Which part of it.
    folder : Path
        Of its own, empty; ``out`` in it holds what came out.
    site : Site
        Where files and steps are.
    log : Path
        What it writes to stderr is added to this file.
    parent_outputs : Mapping of str to str
        Results of the session that this one refines: name to sha256.
    local_paths : bool
        Whether the request may name files of this machine: never for what came over HTTP.
    limits : ChildLimits
        What it may take.
    stays : bool
        Whether the same child may be asked to do the next phase of this job, and waits for that.
    """

    request: JobRequest
    phase: str
    folder: Path
    site: Site
    log: Path
    parent_outputs: Mapping[str, str] = field(default_factory=dict)
    local_paths: bool = False
    limits: ChildLimits = field(default_factory=ChildLimits)
    stays: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"folder": str(self.folder), "log": str(self.log), "site": self.site.as_dict()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Order:
        """Read what `as_dict` wrote."""
        asked = record["request"]
        return cls(
            **{
                **record,
                "request": JobRequest(**{**asked, "kind": JobKind(asked["kind"])}),
                "folder": Path(record["folder"]),
                "log": Path(record["log"]),
                "site": Site.from_dict(record["site"]),
                "limits": ChildLimits(**record["limits"]),
            }
        )

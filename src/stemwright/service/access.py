"""When each session was last asked for; `--expire` counts from there."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stemwright.io.files import atomic_write_text

__all__ = ["Access", "Visit"]

TOUCH_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A session, whose it is, and when it was last asked for (Unix time)."""

    session: str
    owner: str
    last_s: float


class Access:
    """One small file a session; its time of change is the time of the last visit.

    Parameters
    ----------
    data : Path
        The service's folder.
    expire_s : float, optional
        None keeps everything.
    """

    def __init__(self, data: Path, expire_s: float | None) -> None:
        self.expire_s = expire_s
        self._folder = data / "visits"
        self._folder.mkdir(parents=True, exist_ok=True)

    def begin(self, session: str, owner: str) -> None:
        """Remember a new session."""
        atomic_write_text(self._file(session), json.dumps({"session": session, "owner": owner}))

    def visit(self, session: str) -> float | None:
        """Remember that it was asked for; returns when it expires, None for never."""
        file = self._file(session)
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > TOUCH_EVERY_S:
                os.utime(file)
        return self.expires_s(session)

    def expires_s(self, session: str) -> float | None:
        """Return when it expires as Unix time, without counting as a visit."""
        if self.expire_s is None:
            return None
        try:
            return self._file(session).stat().st_mtime + self.expire_s
        except FileNotFoundError:
            return None

    def forget(self, session: str) -> None:
        """Forget a session."""
        self._file(session).unlink(missing_ok=True)

    def all(self) -> Iterator[Visit]:
        """Yield every session that began here."""
        for file in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):
                last_s = file.stat().st_mtime
                yield Visit(**json.loads(file.read_text(encoding="utf-8")), last_s=last_s)

    def _file(self, session: str) -> Path:
        # ids are ours, and still no part of a path
        return self._folder / f"{hashlib.sha256(session.encode()).hexdigest()[:40]}.json"

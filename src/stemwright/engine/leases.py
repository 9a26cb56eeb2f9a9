"""Who lives: every worker counts, every worker watches the others count, and takes over from who stopped.

No clock is compared with another machine's: a worker is dead when its count has not changed for the length of
a lease while the one who watches could see it all the time. Once declared dead it can write nothing any more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from stemwright.engine import tables

__all__ = ["Leases", "Watch"]

BEAT_S = 1.0
LEASE_S = 12.0
BLIND_S = 4.0
"""Who could not look for so long has seen nothing, and starts to watch anew."""


class Leases:
    """The rows of all workers.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def enlist(self, worker: str, slots: Mapping[str, int]) -> None:
        """Write a worker's row; one of the same name that died before is that worker again."""
        rows = tables.workers
        with self._engine.begin() as connection:
            connection.execute(rows.delete().where(rows.c.id == worker))
            connection.execute(rows.insert().values(id=worker, beats=0, dead=False, slots=dict(slots)))

    def beat(self, worker: str) -> bool:
        """Count on; False when this worker was declared dead."""
        rows = tables.workers
        with self._engine.begin() as connection:
            alive = connection.execute(
                rows.update().where(rows.c.id == worker, sa.not_(rows.c.dead)).values(beats=rows.c.beats + 1)
            )
            return bool(alive.rowcount)

    def leave(self, worker: str) -> None:
        """Say that a worker stops: its jobs can be taken over at once."""
        self.declare_dead([worker])

    def beats(self) -> dict[str, int]:
        """Return the count of every worker that was not declared dead."""
        rows = tables.workers.c
        with self._engine.connect().execution_options(read_only=True) as connection:
            found = connection.execute(sa.select(rows.id, rows.beats).where(sa.not_(rows.dead)))
            return {row.id: row.beats for row in found}

    def declare_dead(self, workers: list[str], *, seen: Mapping[str, int] | None = None) -> None:
        """Fence workers off; with `seen` only those whose count is still what was seen."""
        rows = tables.workers
        with self._engine.begin() as connection:
            for worker in workers:
                asked = rows.update().where(rows.c.id == worker)
                if seen is not None:
                    asked = asked.where(rows.c.beats == seen[worker])
                connection.execute(asked.values(dead=True))

    def forget_dead(self, connection: sa.Connection) -> None:
        """Remove the rows of dead workers, once others do their jobs; without a row they stay fenced off."""
        connection.execute(tables.workers.delete().where(tables.workers.c.dead))

    def dead(self) -> list[str]:
        """Return the workers that were declared dead."""
        rows = tables.workers.c
        with self._engine.connect().execution_options(read_only=True) as connection:
            return list(connection.execute(sa.select(rows.id).where(rows.dead)).scalars())


@dataclass(frozen=True, slots=True)
class _Seen:
    beats: int
    since_s: float


class Watch:
    """What one worker sees of the others.

    Parameters
    ----------
    lease_s : float
        Who does not count for so long is dead.
    """

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._seen: dict[str, _Seen] = {}
        self._looked_s = 0.0

    def look(self, beats: Mapping[str, int], *, now_s: float | None = None) -> dict[str, int]:
        """Return the workers that stopped counting, with their last count.

        Parameters
        ----------
        beats : Mapping of str to int
            The counts now.
        now_s : float, optional
            Of a clock of this machine that never goes back; by default the system's.
        """
        now = time.monotonic() if now_s is None else now_s
        if now - self._looked_s > BLIND_S:
            self._seen = {}
        self._looked_s = now
        self._seen = {
            worker: seen
            if (seen := self._seen.get(worker)) is not None and seen.beats == count
            else _Seen(count, now)
            for worker, count in beats.items()
        }
        return {
            worker: seen.beats for worker, seen in self._seen.items() if now - seen.since_s >= self._lease_s
        }

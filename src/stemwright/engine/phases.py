"""One phase of one job on this worker: its child process, its story, its durable stages."""

from __future__ import annotations

import errno
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError

from stemwright.engine.failing import DISK_FULL, OUR_FAULT
from stemwright.engine.files import remove_folder
from stemwright.engine.jobs import JobState
from stemwright.engine.ledger import Claim, FencedError, Ledger, NewEvent
from stemwright.engine.orders import ChildLimits, Order, Site
from stemwright.engine.processes import Child, Nursery
from stemwright.engine.stages import Phase, next_phase
from stemwright.engine.story import Story

__all__ = ["PhaseRun", "SuspendedError", "Workshop", "patiently"]

BUILTIN = "builtin"
MOST_DEATHS = 3
"""A child that was killed so often in one stage is not started again: it would be killed once more."""
TOO_LONG = "This job took longer than a job may take. Try shorter files."
PATIENCE_S = 900.0
RETRY_S = 0.5
FREE_AFTER_S = (0.05, 0.25)
"""When to look for the next job: DBOS writes the end of this one down first."""


class SuspendedError(BaseException):
    """A worker stops in the middle of a job; somebody goes on with it. DBOS records nothing of it."""


class Workshop(Protocol):
    """What a phase needs of its worker."""

    worker: str
    ledger: Ledger
    site: Site
    limits: ChildLimits
    local_paths: bool
    nursery: Nursery
    queues: frozenset[str]

    @property
    def stopping(self) -> threading.Event:
        """Set when the worker leaves, or was declared dead."""

    def hand_over(self, claim: Claim, phase: Phase) -> None:
        """Let the job wait for its next phase."""

    def look_for_work(self) -> None:
        """Look at the queues now."""


def patiently(work: Callable[[], Any], stop: threading.Event) -> Any:
    """Do something with the database; while that is away, wait and do it again."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except DBAPIError as error:
            if not error.connection_invalidated and not _away(error):
                raise
            if time.monotonic() > until:
                raise
        if stop.wait(RETRY_S):
            raise SuspendedError


def _away(error: DBAPIError) -> bool:
    """Whether the database can't be reached or is starting: an OperationalError in every driver."""
    return type(error).__name__ == "OperationalError"


def _limits(limits: ChildLimits, separator: str) -> ChildLimits:
    """Lift the limit of address space for PyTorch: with CUDA it maps far more than it uses."""
    return limits if separator == BUILTIN else replace(limits, memory_bytes=None)


class PhaseRun:
    """Do one phase; the durable steps of its workflow wait for its stages.

    Parameters
    ----------
    workshop : Workshop
        Of this worker.
    state : JobState
        The job as it is.
    phase : Phase
        Which part.
    claim : Claim
        The right to write about it.
    """

    def __init__(self, workshop: Workshop, state: JobState, phase: Phase, claim: Claim) -> None:
        self.claim = claim
        self.phase = phase
        self._workshop = workshop
        self._state = state
        self._story = Story(workshop.ledger.events(claim.session), progress=state.progress)
        self._reached: set[str] = set()
        self._over = False
        self._changed = threading.Condition()
        self._suspended = self._overdue = False
        self._child: Child | None = None
        self._deaths = 0
        self._began = self._since = time.monotonic()
        self._folder = workshop.site.work / f"{claim.session}.{claim.token}"
        self._thread = threading.Thread(target=self._run, name=f"phase-{claim.session[:8]}", daemon=True)
        self._thread.start()

    def wait_for(self, stage: str) -> bool:
        """Wait until a stage is done; False when the job is over for another reason.

        Raises
        ------
        SuspendedError
            When this worker stops first.
        """
        with self._changed:
            self._changed.wait_for(lambda: stage in self._reached or self._over)
        if self._suspended and stage not in self._reached:
            raise SuspendedError
        return stage in self._reached

    @property
    def done(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._over

    @property
    def finished(self) -> bool:
        """Whether all its stages are done."""
        return self._reached.issuperset(self.phase.stages)

    @property
    def suspended(self) -> bool:
        """Whether this worker gave it up in the middle."""
        return self._suspended

    def ping(self) -> None:
        """Tell the child that we live."""
        if self._child is None:
            return
        self._child.ping()
        if time.monotonic() - self._began > self._workshop.limits.wall_s:
            self._overdue = True
            self._child.kill()

    def stop(self, *, suspend: bool = False) -> None:
        """End it at once."""
        self._suspended = self._suspended or suspend
        self._close()
        if self._child is not None:
            self._child.kill()

    def join(self) -> None:
        """Wait until its child is gone."""
        self._thread.join(5.0)

    def _close(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while not self._over:
                self._live()
        except FencedError:
            self._close()
        except SuspendedError:
            self.stop(suspend=True)
        except Exception as error:  # noqa: BLE001 - the last catch of this thread: no job may hang without a word
            self._broke(error)
        finally:
            self._close()
            if not self.finished:
                self._workshop.nursery.drop(self.claim.session)
            if self._child is not None:
                self._child.end()
                self._workshop.nursery.prepare()
            remove_folder(self._folder)
        for pause_s in FREE_AFTER_S:
            if self._workshop.stopping.wait(pause_s):
                return
            self._workshop.look_for_work()

    def _live(self) -> None:
        """Let one child work until it ends."""
        site = self._workshop.site
        remove_folder(self._folder)
        self._folder.mkdir(parents=True)
        log = site.data / "logs" / f"{self.claim.session}.log"
        log.parent.mkdir(exist_ok=True)
        self._child = child = self._workshop.nursery.take(self.claim.session)
        child.give(self._order(log).as_dict())
        if self._over:
            child.kill()
        try:
            for batch in child.batches():
                self._take(batch)
                if self._child is not child:  # it waits for the next phase, and is not ours any more
                    return
                if self._over:
                    break
        finally:
            if self._over and self._child is child:
                child.kill()
        status = child.wait()
        if not self._over:
            self._died(status)

    def _order(self, log: Path) -> Order:
        workshop, request = self._workshop, self._state.request
        parent = workshop.ledger.state(request.parent) if request.parent else None
        return Order(
            request=request,
            phase=self.phase.name,
            folder=self._folder,
            site=workshop.site,
            log=log,
            parent_outputs=dict(parent.result.get("outputs", {})) if parent else {},
            local_paths=workshop.local_paths,
            limits=_limits(workshop.limits, str(request.options.get("separator", BUILTIN))),
            stays=self._goes_on_here(),
        )

    def _goes_on_here(self) -> bool:
        """Whether the next phase may be this worker's too, and the child may wait for it.

        A separator that we did not write may hold a GPU or much memory for as long as its process lives.
        """
        request = self._state.request
        following = next_phase(request.kind, self.phase.name)
        ours = following is not None and following.queue in self._workshop.queues
        return ours and request.options.get("separator", BUILTIN) == BUILTIN

    def _take(self, batch: list[dict[str, Any]]) -> None:
        """Store what is new in some lines, in one transaction, and see which stages they end."""
        new: list[NewEvent] = []
        last: dict[str, Any] | None = None
        for line in batch:
            kind = line.pop("kind")
            if kind in ("result", "error"):
                last = {"kind": kind, **line}
            else:
                new += self._story.take(kind, line)
        if new and not self._over:
            self._write(new)
        self._reach(batch)
        if last is not None and not self._over:
            self._end(last)

    def _write(self, new: list[NewEvent]) -> None:
        story, ledger = self._story, self._workshop.ledger
        self._patiently(lambda: ledger.write(self.claim, new, progress=story.progress, detail=story.detail))

    def _reach(self, batch: list[dict[str, Any]]) -> None:
        done = {str(line.get("name")) for line in batch if "cached" in line}
        for stage, step in self.phase.milestones.items():
            if step and step in done:
                self._stage_done(stage)

    def _stage_done(self, stage: str) -> None:
        if stage in self._reached:
            return
        now = time.monotonic()
        name, seconds = f"{self._state.request.kind}/{stage}", now - self._since
        self._patiently(lambda: self._workshop.ledger.took(name, seconds))
        self._since, self._deaths = now, 0
        with self._changed:
            self._reached.add(stage)
            self._changed.notify_all()

    def _end(self, last: Mapping[str, Any]) -> None:
        if last["kind"] == "error":
            self._fail(last)
            return
        queue, seconds = f"queue {self.phase.queue}", time.monotonic() - self._began
        self._patiently(lambda: self._workshop.ledger.took(queue, seconds))
        following = next_phase(self._state.request.kind, self.phase.name)
        if following is None:
            self._finish(last["result"])
        else:
            self._let_child_wait()
            self._patiently(lambda: self._workshop.hand_over(self.claim, following))
        for stage in self.phase.stages:
            self._stage_done(stage)
        self._close()

    def _let_child_wait(self) -> None:
        """Keep the child for the next phase; before anybody can begin that, and ask for it."""
        child, nursery = self._child, self._workshop.nursery
        if child is not None and self._goes_on_here() and nursery.keep(self.claim.session, child):
            self._child = None

    def _finish(self, result: Mapping[str, Any]) -> None:
        """Publish the result; the folder follows, and is made from the files whenever it is missing."""
        told = {name: result[name] for name in ("explanation", "warnings", "used_fallback") if name in result}
        event = ("complete", {"progress": 1.0, "status": result["status"], **told})
        self._patiently(lambda: self._workshop.ledger.finish(self.claim, result, event=event))

    def _fail(self, last: Mapping[str, Any]) -> None:
        sentence = str(last["message"])
        event = ("error", {"message": sentence, "error": last["error"], "checks": last["checks"]})
        self._patiently(lambda: self._workshop.ledger.fail(self.claim, sentence, event=event))
        self._close()

    def _died(self, status: int) -> None:
        """Let a child that ended without a result be started again, but not for ever."""
        self._deaths += 1
        if self._overdue:
            self._fail({"message": TOO_LONG, "error": "TooLong", "checks": []})
        if self._overdue or self._deaths < MOST_DEATHS:
            return
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        sentence = f"The process of this job ended {how}, {self._deaths} times. It may need too much memory."
        self._fail({"message": sentence, "error": "ChildDied", "checks": []})

    def _broke(self, error: Exception) -> None:
        """End a job through a fault of ours, and leave the whole story in its log."""
        log = self._workshop.site.data / "logs" / f"{self.claim.session}.log"
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(error))
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        message = f"{DISK_FULL} Try again later." if full else OUR_FAULT
        with suppress(FencedError, SuspendedError, DBAPIError):
            self._fail({"message": message, "error": type(error).__name__, "checks": []})

    def _patiently(self, work: Callable[[], Any]) -> None:
        patiently(work, self._workshop.stopping)

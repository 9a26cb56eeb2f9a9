"""A worker: it takes phases from queues, keeps its lease, and watches the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stemwright.engine import tables
from stemwright.engine.durable import Durable
from stemwright.engine.jobs import JobStatus
from stemwright.engine.leases import BEAT_S, Leases, Watch
from stemwright.engine.ledger import FINAL, Claim, FencedError, Ledger, tell
from stemwright.engine.orders import ChildLimits, Site
from stemwright.engine.phases import PhaseRun, SuspendedError, patiently
from stemwright.engine.processes import Nursery
from stemwright.engine.stages import Phase, phase_of
from stemwright.engine.tidy import Tidy

__all__ = ["Worker"]

MOST_TAKEOVERS = 3
IDLE_TRANSACTION_MS = 5_000


class Worker:
    """Do jobs in this process' children.

    Parameters
    ----------
    worker : str
        Its id: on one machine always the same one, else never used twice.
    ledger, durable, site
        Where jobs, workflows and files are.
    slots : Mapping of str to int
        Queues, and how many phases at once in each.
    limits : ChildLimits
        What a child may take.
    local_paths : bool
        Whether jobs may name files of this machine.
    lost : callable
        Called when this worker was declared dead: it must end, and start again under another id.
    """

    def __init__(
        self,
        worker: str,
        *,
        ledger: Ledger,
        durable: Durable,
        site: Site,
        slots: Mapping[str, int],
        limits: ChildLimits,
        local_paths: bool,
        lost: Callable[[], None],
    ) -> None:
        self.worker = worker
        self.ledger = ledger
        self.site = site
        self.limits = limits
        self.local_paths = local_paths
        self.nursery = Nursery()
        self.queues = frozenset(slots)
        self.stopping = threading.Event()
        self._durable = durable
        self._slots = dict(slots)
        self._lost = lost
        # on one machine there is one worker: nobody watches it, and it watches nobody
        self._shared = ledger.engine.dialect.name == "postgresql"
        self._leases = Leases(ledger.engine)
        self._watch = Watch()
        self._tidy = Tidy(site)
        self._runs: dict[tuple[str, str], PhaseRun] = {}
        self._lock = threading.Lock()
        self._pulse = threading.Thread(target=self._keep_alive, name="pulse", daemon=True)
        self._pings = threading.Thread(target=self._ping, name="pings", daemon=True)

    def start(self) -> None:
        """Take work."""
        self._leases.enlist(self.worker, self._slots)
        self._pulse.start()
        self._pings.start()
        self.nursery.prepare()
        self._durable.launch(self, self._slots)

    def close(self) -> None:
        """Leave: children end, jobs stay where they are and somebody goes on with them."""
        self.stopping.set()
        self.nursery.close()
        runs = self._living()
        for run in runs:
            run.stop(suspend=True)
        for run in runs:
            run.join()
        if self._pulse.is_alive():
            self._pulse.join(5.0)
        # without the database the others will see that we stopped counting
        with suppress(DBAPIError):
            for run in runs:
                self.ledger.release(run.claim)
            self._leases.leave(self.worker)

    def do_stage(self, session: str, phase: str, stage: str) -> bool:
        """Wait until a stage is done, in the child that does its phase."""
        run = self._run_of(session, phase)
        return run is not None and run.wait_for(stage)

    def hand_over(self, claim: Claim, phase: Phase) -> None:
        """Let a job wait for its next phase."""
        state = self.ledger.state(claim.session)
        if state is None:
            raise FencedError(claim.session)
        with self.ledger.engine.begin() as connection:
            self.ledger.queue_next(connection, claim, phase)
            self._durable.enqueue(
                connection, session=claim.session, kind=state.request.kind, phase=phase.name
            )
        self.look_for_work()

    def look_for_work(self) -> None:
        """Look at the queues now, and not when their turn comes."""
        self._durable.look()

    def stop(self, session: str) -> None:
        """Stop what runs of a session here."""
        self.nursery.drop(session)
        for run in self._living():
            if run.claim.session == session:
                run.stop()

    def _run_of(self, session: str, phase: str) -> PhaseRun | None:
        """Find the run of a phase, or begin it; None when there is nothing to do any more."""
        with self._lock:
            run = self._runs.get((session, phase))
            if run is not None and not run.suspended and (not run.done or run.finished):
                return run
        if not self._tidy.wait_for_room(self.stopping):
            raise SuspendedError
        try:
            claim = patiently(lambda: self.ledger.begin(session, self.worker, phase), self.stopping)
        except FencedError:
            raise SuspendedError from None
        state = patiently(lambda: self.ledger.state(session), self.stopping)
        if claim is None or state is None:
            return None
        run = PhaseRun(self, state, phase_of(state.request.kind, phase), claim)
        with self._lock:
            self._runs = {key: one for key, one in self._runs.items() if not one.done}
            self._runs[session, phase] = run
        return run

    def _living(self) -> list[PhaseRun]:
        with self._lock:
            return [run for run in self._runs.values() if not run.done]

    def _ping(self) -> None:
        """Tell the children that we live, whatever the database does."""
        while not self.stopping.wait(BEAT_S):
            self.nursery.look()
            for run in self._living():
                run.ping()

    def _keep_alive(self) -> None:
        while not self.stopping.wait(BEAT_S):
            try:
                if self._shared and not self._leases.beat(self.worker):
                    self._end()
                    return
                self._stop_what_is_not_ours()
                if self._shared:
                    self._look_after_others()
                self._tidy.look(busy=bool(self._living()))
            except DBAPIError:  # away for a moment; jobs wait, and go on when it is back
                continue

    def _end(self) -> None:
        """Somebody else does our jobs: let go of everything, at once."""
        self.stopping.set()
        for run in self._living():
            run.stop(suspend=True)
        self._lost()

    def _stop_what_is_not_ours(self) -> None:
        runs = self._living()
        held = self.ledger.held([run.claim for run in runs])
        for run in runs:
            if run.claim.session not in held and not run.done:
                run.stop()
        kept = self.nursery.kept
        if kept is not None and not self.ledger.waits(kept):
            self.nursery.drop(kept)

    def _look_after_others(self) -> None:
        gone = self._watch.look(self._leases.beats())
        gone.pop(self.worker, None)
        if gone:
            self._leases.declare_dead(list(gone), seen=gone)
        if self._left():
            self._take_over()

    def _left(self) -> list[tuple[str, str]]:
        """Find the phases that nobody alive does; who lives is asked last: new ones may just have come."""
        pending = self._durable.pending()
        alive = self._leases.beats()
        return [(one.workflow, one.queue) for one in pending if one.worker not in alive]

    def _take_over(self) -> None:
        """Queue again what dead workers left; one worker at a time does this."""
        with self.ledger.engine.begin() as connection:
            # who freezes in here must not hold the others up
            connection.execute(
                sa.text(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TRANSACTION_MS}")
            )
            if connection.execute(sa.text("SELECT pg_try_advisory_xact_lock(7283950125)")).scalar():
                for workflow, queue in self._left():
                    self._take_over_one(connection, workflow, queue)
                self._leases.forget_dead(connection)

    def _take_over_one(self, connection: sa.Connection, workflow: str, queue: str) -> None:
        session = workflow.partition(":")[0]
        rows = tables.jobs.c
        # one whose worker left in good order was let go before
        died = sa.case((rows.worker.is_(None), 0), else_=1)
        takeovers = connection.execute(
            tables.jobs.update()
            .where(rows.session == session, rows.status.not_in(FINAL))
            .values(takeovers=rows.takeovers + died, token=rows.token + 1, worker=None, waiting=True)
            .returning(rows.takeovers)
        ).scalar()
        if takeovers is not None and takeovers <= MOST_TAKEOVERS:
            tell(connection, session, [("taken_over", {"times": takeovers})])
        elif takeovers is not None:
            sentence = (
                f"This job was begun by {takeovers} workers, and each of them ended in the middle of it."
            )
            self.ledger.close_in(
                connection, session, JobStatus.ERROR, detail=sentence,
                event=("error", {"message": sentence, "error": "TakenOverTooOften", "checks": []}),
            )  # fmt: skip
        self._durable.resume(workflow, queue=queue)

"""DBOS: one workflow a phase, one durable step a stage. The only module that knows it.

Only session ids, names and JSON travel through it; files go by their sha256. Its application version stands
for the shape of these workflows and not for ours: jobs in flight go on after an upgrade.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer

from stemwright.engine.jobs import JobKind
from stemwright.engine.stages import QUEUES, phase_of
from stemwright.engine.tables import is_sqlite

__all__ = ["WORKFLOWS_VERSION", "Alarm", "Durable", "Pending", "PhaseDoer"]

WORKFLOWS_VERSION = "phases-1"
APPLICATION = "stemwright"
POLL_S, POLL_ALONE_S = 0.25, 1.0
"""A look costs two milliseconds, and every queue is looked at, also while a job works. Where all jobs come
and go in one process, its `Alarm` tells when to look: then looks in between are for the rare others."""
END_S = 2
WORKFLOW = "stemwright.phase"


class PhaseDoer(Protocol):
    """Who does the work of this process."""

    def do_stage(self, session: str, phase: str, stage: str) -> bool:
        """Wait until a stage is done; False when the job is over."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A phase that was begun: its workflow, its queue, and who began it."""

    workflow: str
    queue: str
    worker: str


class Alarm:
    """Wakes threads that sleep until they are told to stop: all that the queues of DBOS can be told."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0
        self._heard = threading.local()

    def watch_over(self, stop: threading.Event) -> None:
        """Let whoever sleeps on `stop` be woken by `ring` too."""
        end: Callable[[], None] = stop.set

        def end_and_ring() -> None:
            end()
            self.ring()

        setattr(stop, "set", end_and_ring)  # noqa: B010 - a method of this one event
        setattr(stop, "wait", partial(self._wait, stop))  # noqa: B010

    def ring(self) -> None:
        """Wake all; who was awake does not sleep the next time."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def _wait(self, stop: threading.Event, timeout: float | None = None) -> bool:
        heard = getattr(self._heard, "rings", 0)
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or self._rings != heard, timeout)
            self._heard.rings = self._rings
        return stop.is_set()


class Durable:
    """The durable queue of one process.

    Parameters
    ----------
    url : str
        The database.
    worker : str
        Executor id: never shared by two processes that live.
    """

    doer: PhaseDoer | None = None
    """Of this process: DBOS knows its workflows by name only."""

    def __init__(self, url: str, *, worker: str) -> None:
        self._url = url
        self._worker = worker
        self._launched = False
        self._alarm = Alarm()
        self._client: DBOSClient | None = None

    @property
    def client(self) -> DBOSClient:
        """To enqueue and resume."""
        if self._client is None:
            self._client = DBOSClient(
                system_database_url=self._url,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APPLICATION,
                lazy=True,
            )
        return self._client

    def prepare(self) -> None:
        """Make its tables, for a process that only enqueues."""
        DBOS.migrate(system_database_url=self._url)

    def launch(self, doer: PhaseDoer, limits: dict[str, int]) -> None:
        """Work on queues, each with at most so many phases at once; goes on with what this executor left."""
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._url,
            "application_version": WORKFLOWS_VERSION,
            "executor_id": self._worker,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "use_listen_notify": False,
        }
        # queues that stand there before the launch are looked at at once, later ones after a second
        self.prepare()
        for queue in QUEUES:
            self.client.register_queue(
                queue,
                worker_concurrency=limits.get(queue, 1),
                polling_interval_sec=POLL_ALONE_S if is_sqlite(self._url) else POLL_S,
                on_conflict="always_update" if queue in limits else "never_update",
            )
        Durable.doer = doer
        self._launched = True
        instance = DBOS(config=config)
        DBOS.listen_queues(list(limits))
        DBOS.launch()
        # not of its public interface: without it, queues are only looked at when their time has come
        for stop in getattr(instance, "background_thread_stop_events", ()):
            self._alarm.watch_over(stop)

    def look(self) -> None:
        """Look at the queues now: something was put into one, or there is room for more."""
        self._alarm.ring()

    def enqueue(self, connection: sa.Connection, *, session: str, kind: JobKind, phase: str) -> None:
        """Queue a phase in a transaction of ours: both happen, or neither."""
        self.client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": phase_of(kind, phase).queue,
                "workflow_id": f"{session}:{phase}",
                "app_version": WORKFLOWS_VERSION,
            },
            session,
            str(kind),
            phase,
        )

    def pending(self) -> list[Pending]:
        """Return the phases that somebody began and did not end."""
        found = self.client.list_workflows(status="PENDING", load_input=False, load_output=False)
        return [Pending(one.workflow_id, str(one.queue_name), str(one.executor_id)) for one in found]

    def resume(self, workflow: str, *, queue: str) -> None:
        """Queue a phase again; its finished stages stay finished."""
        self.client.resume_workflow(workflow, queue_name=queue)

    def forget(self, session: str, phases: Sequence[str]) -> None:
        """Remove everything about a job."""
        self.client.delete_workflows([f"{session}:{phase}" for phase in phases])

    def close(self) -> None:
        """Stop taking work; what is not finished stays where it is."""
        if self._launched:
            # a workflow that just ended still writes that down; a closed database would make it wait for ever
            DBOS.destroy(workflow_completion_timeout_sec=END_S)
            Durable.doer = None
        if self._client is not None:
            self._client.destroy()


@DBOS.workflow(name=WORKFLOW)
def phase_workflow(session: str, kind: str, phase: str) -> dict[str, Any]:
    """Do the stages of a phase, one durable step each."""
    done = []
    for stage in phase_of(JobKind(kind), phase).stages:
        if not stage_step(session, phase, stage):
            break
        done.append(stage)
    return {"done": done}


@DBOS.step(name="stemwright.stage")
def stage_step(session: str, phase: str, stage: str) -> bool:
    """Wait until a stage is done."""
    if Durable.doer is None:
        raise RuntimeError("no worker in this process")
    return Durable.doer.do_stage(session, phase, stage)

"""A child process: it does one phase of one job, tells what happens on stdout, and can be killed at any time.

    python -m stemwright.engine.child < order.json

A line of stdin is an order, or empty: then it only says that the parent lives. When there are none for a
while, or stdin ends, the child ends itself: whoever takes the job over goes on from the last finished step. A
child whose order says so waits for the next phase of the same job, and does that without starting anew.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from stemwright.engine.orders import ChildLimits, Order
from stemwright.engine.processes import kill_session

if TYPE_CHECKING:
    from stemwright.engine.recipes import Workplace
    from stemwright.pipeline.events import Event

__all__ = ["main"]

PROGRESS_EVERY_S = 0.2
PIECE_BYTES = 65_536


class Ear:
    """Hear the parent: its orders, and that it lives."""

    def __init__(self) -> None:
        self._rest = b""
        self._orders: SimpleQueue[bytes] = SimpleQueue()

    def first(self) -> Order | None:
        """Wait for the first order, however long that takes; None when the parent left and needs nobody."""
        while self._orders.empty():
            if not self._hear():
                return None
        return self.next()

    def next(self) -> Order:
        """Wait for an order."""
        return Order.from_dict(json.loads(self._orders.get()))

    def watch(self, silence_s: float) -> None:
        """From now on end this process when the parent is gone, or silent for so long."""
        threading.Thread(target=self._listen, args=(silence_s,), name="parent", daemon=True).start()

    def _listen(self, silence_s: float) -> None:
        while select.select([0], [], [], silence_s)[0] and self._hear():
            pass
        kill_session(os.getpid())
        os._exit(1)

    def _hear(self) -> bool:
        piece = os.read(0, PIECE_BYTES)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in filter(None, lines):
            self._orders.put(line)
        return bool(piece)


class Teller:
    """Write lines of JSON to the parent; safe for threads."""

    def __init__(self) -> None:
        self._lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._told_s: dict[str, float] = {}

    def tell(self, kind: str, data: Mapping[str, Any]) -> None:
        """Write one line."""
        line = json.dumps({"kind": kind, **data})
        with self._lock:
            self._lines.write(f"{line}\n")
            self._lines.flush()

    def listen(self, event: Event) -> None:
        """Tell an event of a recipe; progress a few times a second at most."""
        from stemwright.pipeline.events import Announced, NoticeGiven, Progress, StepFinished, StepStarted

        match event:
            case StepStarted(name, weight):
                self.tell("step_started", {"name": name, "weight": weight})
            case Progress(name, fraction):
                now = time.monotonic()
                if now - self._told_s.get(name, 0.0) >= PROGRESS_EVERY_S:
                    self._told_s[name] = now
                    self.tell("progress", {"name": name, "fraction": round(fraction, 4)})
            case StepFinished(name, checks, cached, found, key):
                failed = [check.as_dict() for check in checks if check.failed]
                told = {"name": name, "checks": len(checks), "failed": failed, "cached": cached}
                told |= {what: text for what, text in (("found", found), ("key", key)) if text}
                self.tell("step_finished", told)
            case NoticeGiven(notice) | Announced(notice):
                self.tell("notice", notice.as_dict())


def main() -> None:
    """Do the orders on stdin."""
    gc.disable()  # nothing that modules make is garbage
    recipes = import_module("stemwright.engine.recipes")
    gc.freeze()
    gc.enable()
    ear = Ear()
    order = ear.first()
    if order is None:
        return
    _limit(order.limits)
    ear.watch(order.limits.silence_s)
    teller = Teller()
    workplace = recipes.Workplace(order.site, teller.listen)
    while _did(order, workplace, teller) and order.stays:
        order = ear.next()
    kill_session(os.getpid(), besides=os.getpid())
    os._exit(0)


def _did(order: Order, workplace: Workplace, teller: Teller) -> bool:
    """Do an order and tell what came of it; False for an error."""
    with _printing_to(order.log):
        teller.tell("started", {"pid": os.getpid()})
        kind, data = _done(order, workplace, teller)
        teller.tell(kind, data)
    return kind != "error"


@contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """Let what libraries print go to a log: it must not get between the lines that the parent reads."""
    before = os.dup(2)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    yield  # what raises in here ends the process
    for stream in (1, 2):
        os.dup2(before, stream)
    os.close(before)


def _done(order: Order, workplace: Workplace, teller: Teller) -> tuple[str, Mapping[str, Any]]:
    """Do the order and catch what goes wrong: a sentence for people, without a path of this machine."""
    from stemwright.engine.failing import told_error
    from stemwright.engine.recipes import Kitchen, do_phase

    try:
        return "result", {"result": do_phase(Kitchen(order, workplace, teller.tell))}
    except Exception as error:  # noqa: BLE001 - the last catch of this process: its parent tells people
        return "error", told_error(error, order)


def _limit(limits: ChildLimits) -> None:
    """Bound what damaged or hostile media can make a decoder take."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(limits.cpu_s), int(limits.cpu_s) + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing beyond the limit is an error, not a death
    if limits.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


if __name__ == "__main__":
    main()

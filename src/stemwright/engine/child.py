"""A child process: it does one phase of one job, tells what happens on stdout, and can be killed at any time.

    python -m stemwright.engine.child < order.json

The first line of stdin is the order; every later line says that the parent lives. When there are none for a
while, or stdin ends, the child ends itself: whoever takes the job over goes on from the last finished step.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from stemwright.engine.orders import ChildLimits, Order
from stemwright.engine.processes import kill_session

if TYPE_CHECKING:
    from stemwright.pipeline.events import Event

__all__ = ["main"]

PROGRESS_EVERY_S = 0.2


class Teller:
    """Write lines of JSON to the parent; safe for threads."""

    def __init__(self) -> None:
        self._lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # whatever a library prints must not get between the lines
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
            case StepFinished(name, checks, cached):
                failed = [check.as_dict() for check in checks if check.failed]
                told = {"name": name, "checks": len(checks), "failed": failed, "cached": cached}
                self.tell("step_finished", told)
            case NoticeGiven(notice) | Announced(notice):
                self.tell("notice", notice.as_dict())


def main() -> None:
    """Do the order on stdin."""
    gc.disable()  # nothing that modules make is garbage
    import_module("stemwright.engine.recipes")
    gc.freeze()
    gc.enable()
    line = sys.stdin.readline()
    if not line:  # the parent left and needs nobody
        return
    order = Order.from_dict(json.loads(line))
    with order.log.open("ab") as log:
        os.dup2(log.fileno(), 2)
    teller = Teller()
    _limit(order.limits)
    _watch_parent(order.limits.silence_s)
    teller.tell("started", {"pid": os.getpid()})
    kind, data = _done(order, teller)
    teller.tell(kind, data)
    kill_session(os.getpid(), besides=os.getpid())
    os._exit(0)


def _done(order: Order, teller: Teller) -> tuple[str, Mapping[str, Any]]:
    """Do the order and catch what goes wrong: a sentence for people, without a path of this machine."""
    from stemwright.engine.failing import told_error

    try:
        from stemwright.engine.files import Blobs
        from stemwright.engine.inputs import Inputs
        from stemwright.engine.recipes import Kitchen, do_phase
        from stemwright.engine.sharing import bucket_of, store_of

        blobs = Blobs(order.site.blobs, bucket_of(order.site))
        store = store_of(order.site)
        kitchen = Kitchen(order, Inputs(order, blobs), store, blobs, teller.listen, teller.tell)
        return "result", {"result": do_phase(kitchen)}
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


def _watch_parent(silence_s: float) -> None:
    threading.Thread(target=_end_without_parent, args=(silence_s,), name="parent", daemon=True).start()


def _end_without_parent(silence_s: float) -> None:
    """Read signs of life; without any, end this process and those it started."""
    while select.select([0], [], [], silence_s)[0] and os.read(0, 4096):
        pass
    kill_session(os.getpid())
    os._exit(1)


if __name__ == "__main__":
    main()

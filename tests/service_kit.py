"""A small queue in memory, with the same promises as the engine's; recipes run in a thread."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn

from signals import sine
from stemwright.engine.jobs import JobRequest, JobState, JobStatus, Place, QueueFullError, StoredEvent
from stemwright.errors import InputError
from stemwright.io.writer import write_audio
from stemwright.service.listen import Server
from stemwright.service.main import create_app
from stemwright.service.settings import ServiceSettings

Tell = Callable[[str, Mapping[str, Any]], None]
Recipe = Callable[[JobRequest, Tell, "FolderFiles"], Mapping[str, Any]]
BASE_URL = "http://localhost"


class FolderFiles:
    """Files under their sha256 in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, path: Path, *, sha256: str = "") -> str:
        digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.copyfile(path, self.folder / digest)
        return digest

    def path(self, sha256: str) -> Path:
        if not (self.folder / sha256).is_file():
            raise InputError("gone")
        return self.folder / sha256

    def has(self, sha256: str) -> bool:
        return (self.folder / sha256).is_file()

    def remove(self, sha256: str) -> bool:
        (self.folder / sha256).unlink(missing_ok=True)
        return True

    def sweep(self, *, older_than_s: float) -> int:
        old = [path for path in self.folder.iterdir() if path.stat().st_mtime < time.time() - older_than_s]
        for path in old:
            path.unlink()
        return len(old)


@dataclass
class Job:
    state: JobState
    events: list[StoredEvent] = field(default_factory=list)


class MemoryJobs:
    """See `stemwright.engine.jobs.Jobs`."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.uploads = FolderFiles(folder)
        self.recipe = recipe
        self.most_waiting = 100
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []

    def close(self) -> None:
        """Wait for what still runs: its files go with the test."""
        for thread in self._threads:
            thread.join(10.0)

    def require_room(self) -> None:
        waiting = sum(job.state.status is JobStatus.QUEUED for job in self._jobs.values())
        if waiting >= self.most_waiting:
            raise QueueFullError(f"{waiting} jobs wait already.", retry_after_s=7)

    def submit(self, request: JobRequest, *, run: bool = True) -> str:
        self.require_room()
        session, now = secrets.token_hex(16), time.time()
        with self._lock:
            state = JobState(session, request, JobStatus.QUEUED, 0.0, "", {}, now, now, Place(0, None))
            self._jobs[session] = Job(state)
            self.tell(session, "queued", {})
        if run and self.recipe is not None:
            thread = threading.Thread(target=self._run, args=(session,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return session

    def tell(self, session: str, kind: str, data: Mapping[str, Any]) -> None:
        with self._lock:
            job = self._jobs[session]
            job.events.append(StoredEvent(len(job.events) + 1, kind, dict(data)))

    def change(self, session: str, **values: Any) -> None:
        with self._lock:
            job = self._jobs[session]
            job.state = replace(job.state, changed_s=time.time(), **values)

    def end(self, session: str, status: JobStatus, data: Mapping[str, Any], **values: Any) -> None:
        with self._lock:
            if not self._jobs[session].state.status.final:
                self.change(session, status=status, place=None, **values)
                self.tell(session, str(status), data)

    def _run(self, session: str) -> None:
        self.change(session, status=JobStatus.RUNNING, place=None)
        request = self._jobs[session].state.request
        try:
            result = self.recipe(request, lambda kind, data: self.tell(session, kind, data), self.uploads)
        except InputError as error:
            said = {"error": "InputError", "message": str(error), "checks": []}
            self.end(session, JobStatus.ERROR, said, detail=str(error))
        else:
            self.end(session, JobStatus.COMPLETE, {}, result=result, progress=1.0)

    def state(self, session: str) -> JobState | None:
        with self._lock:
            job = self._jobs.get(session)
            return None if job is None else job.state

    def sessions(self, owner: str) -> list[JobState]:
        with self._lock:
            return [job.state for job in reversed(self._jobs.values()) if job.state.request.owner == owner]

    def events(self, session: str, *, after: int = 0) -> list[StoredEvent]:
        with self._lock:
            return self._jobs[session].events[after:] if session in self._jobs else []

    def wait(self, session: str, *, after: int, timeout_s: float) -> list[StoredEvent]:
        until = time.monotonic() + timeout_s
        while not (found := self.events(session, after=after)) and time.monotonic() < until:
            time.sleep(0.01)
        return found

    def cancel(self, session: str) -> bool:
        with self._lock:
            over = self._jobs[session].state.status.final
            self.end(session, JobStatus.CANCELLED, {})
            return not over

    def release(self, session: str) -> bool:
        with self._lock:
            job = self._jobs.get(session)
            return job is not None and job.state.status in (JobStatus.ERROR, JobStatus.CANCELLED)

    def erase(self, session: str, *, keep: frozenset[str] = frozenset()) -> bool:
        with self._lock:
            job = self._jobs.get(session)
            if job is None or not job.state.status.final:
                return False
            del self._jobs[session]
            return True


STEPS = (("decode song A", 0.1), ("separate song A", 0.4), ("plan", 0.1), ("arrange", 0.2), ("master", 0.2))
PLAN: dict[str, Any] = {
    "schema_version": 1,
    "songs": {"song_a": {"sha256": "a" * 64}, "song_b": {"sha256": "b" * 64}},
    "vocal_source": "song_a",
    "vocal_window": {"start_s": 0.0, "end_s": 60.0},
    "instrumental_window": {"start_s": 0.0, "end_s": 60.0},
    "tempo_source": "song_b",
    "key_source": "none",
    "sections": [
        {
            "label": "main",
            "start_beat": 0,
            "end_beat": 64,
            "stems": {"vocals": {"gain": 1.0, "song": "song_a"}},
        }
    ],
    "explanation": "A sings over B.",
    "warnings": ["No guitar was found."],
}
ABOUT = {"explanation": PLAN["explanation"], "warnings": PLAN["warnings"], "used_fallback": False}
KEY = {"tonic": 9, "mode": "minor"}


def quick(request: JobRequest, tell: Tell, files: FolderFiles) -> Mapping[str, Any]:
    """Pretend to do any job: all its events, and small files of the right names."""
    for name, weight in STEPS:
        tell("step_started", {"name": name, "weight": weight})
        tell("progress", {"name": name, "fraction": 0.5})
        tell("step_finished", {"name": name, "checks": 1, "failed": [], "cached": False})
    tell("planned", ABOUT)
    if request.kind == "analyze":
        song = {"title": "x", "tempo": {"bpm": 120.0}, "key": {"key": KEY, "confidence": 0.9}}
        pair = {"level": "great", "message": "These go together.", "reasons": ["120.0 and 120.0 BPM."]}
        return {"facts": {"song_a": song, "song_b": song, "compatibility": pair}, "outputs": {}}
    report = {"title": "A × B", "status": "passed", "steps": []}
    return {"status": "passed", "outputs": _outputs(files), "report": report, "plan": PLAN, **ABOUT}


def _outputs(files: FolderFiles) -> dict[str, str]:
    folder = files.folder.parent / f"made-{secrets.token_hex(4)}"
    (folder / "stems").mkdir(parents=True)
    for name in ("master.wav", "stems/vocals A.wav"):
        tone = sine(440, 1.0, sample_rate=8_000)
        write_audio(folder / name, [tone.samples], sample_rate=8_000, channels=1, subtype="FLOAT")
    for name in ("master.mp3", "A × B.zip", "report.html", "report.json"):
        (folder / name).write_bytes(f"{name} ".encode() * 500)
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): files.add(path) for path in found}


def form(song: bytes, prompt: str = "A sings over B") -> dict[str, Any]:
    """What the page sends."""
    files = {"song_a": ("a.wav", song), "song_b": ("b.wav", song)}
    return {"files": files, "data": {"prompt": prompt}}


def begin(client: Any, song: bytes, **more: Any) -> str:
    """Start a remix; returns its session."""
    answer = client.post("/api/remix", **form(song), **more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["session_id"])


def finished(client: Any, song: bytes, **more: Any) -> str:
    """Start a remix and wait for it."""
    session = begin(client, song, **more)
    for _ in range(500):
        if client.get(f"/api/remix/{session}/status", **more).json()["status"] != "processing":
            return session
        time.sleep(0.01)
    raise AssertionError("it never finished")


class Live:
    """A service on a real port of this machine, in a thread."""

    def __init__(self, jobs: Any, settings: ServiceSettings) -> None:
        self.app = create_app(jobs, settings)
        self.hub = self.app.state.parts.hub
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=1,
            limit_concurrency=1_000, ws="none", backlog=512,
        )  # fmt: skip
        self._server = Server(config, self.app)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Live:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def events_of(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read a stream as a browser does: each event once its empty line is there."""
    data, ident = "", ""
    for line in lines:
        if line.startswith("data: "):
            data = line[6:]
        elif line.startswith("id: "):
            ident = line[4:]
        elif not line and data:
            yield {**json.loads(data), "id": ident}
            data = ""

"""Event streams: the whole story, in order, nothing twice, whenever a client comes and goes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from service_kit import Live, MemoryJobs, begin, events_of, finished, form, quick
from stemwright.engine.jobs import JobKind, JobRequest, JobStatus, StoredEvent
from stemwright.service.hub import Hub
from stemwright.service.schemas import ProgressEvent
from stemwright.service.settings import ServiceSettings
from stemwright.service.stories import told as told_events

KINDS = ("step_started", "progress", "step_finished", "notice")
SOMETHING = {"name": "plan", "fraction": 0.5, "text": "hm", "weight": 0.1}


class Telling(MemoryJobs):
    """A queue whose only job goes on by one event at each look, or rests."""

    def __init__(self, folder: Path, *, length: int, rests: list[bool]) -> None:
        super().__init__(folder, quick)
        self.session = self.submit(JobRequest(JobKind.REMIX, "me"), run=False)
        self._left = length
        self._rests = rests

    def events(self, session: str, *, after: int = 0) -> list[Any]:
        if self._left and not (self._rests and self._rests.pop()):
            self._left -= 1
            self.tell(session, KINDS[self._left % 4], SOMETHING)
            if not self._left:
                self.end(session, JobStatus.COMPLETE, {}, result={"outputs": {}})
        return super().events(session, after=after)


async def _visit(hub: Hub, session: str, breaks: list[int]) -> list[int]:
    """Follow a session and lose the connection after so many events, again and again."""
    seen: list[int] = []
    for most in [*breaks, 10_000]:
        stream = hub.follow(session, after=seen[-1] if seen else 0)
        count = 0
        async for event in stream:
            seen.append(event["number"])
            count += 1
            if count >= most:
                break
        await stream.aclose()  # type: ignore[attr-defined]
    return seen


@settings(max_examples=40)
@given(
    length=st.integers(1, 30),
    rests=st.lists(st.booleans(), max_size=15),
    first=st.lists(st.integers(1, 8), max_size=6),
    second=st.lists(st.integers(1, 8), max_size=6),
)
def test_two_clients_that_come_and_go_see_everything_once(
    tmp_path_factory: pytest.TempPathFactory,
    length: int,
    rests: list[bool],
    first: list[int],
    second: list[int],
) -> None:
    jobs = Telling(tmp_path_factory.mktemp("hub"), length=length, rests=rests)
    quickly = pytest.MonkeyPatch()
    for name in ("LEAST_S", "FAST_S", "SLOW_S"):
        quickly.setattr(f"stemwright.service.hub.{name}", 0.001)

    async def both() -> list[list[int]]:
        hub = Hub(jobs)
        seen = await asyncio.gather(*(_visit(hub, jobs.session, breaks) for breaks in (first, second)))
        assert hub.streams == 0
        hub.close()
        return list(seen)

    told = asyncio.run(both())
    quickly.undo()

    for seen in told:
        assert seen == list(range(1, length + 3))


@pytest.fixture
def live(jobs: MemoryJobs, settings: ServiceSettings) -> Iterator[Live]:
    with Live(jobs, settings) as live:
        yield live


def test_a_client_that_lost_its_connection_goes_on_behind_the_last_event(live: Live, song: bytes) -> None:
    with httpx.Client(base_url=live.url) as client:
        session = client.post("/api/remix", **form(song)).json()["session_id"]
        url = f"/api/remix/{session}/progress"
        with client.stream("GET", url) as stream:
            events = events_of(stream.iter_lines())
            first = [next(events) for _ in range(5)]
        with client.stream("GET", url, headers={"Last-Event-ID": first[-1]["id"]}) as stream:
            rest = list(events_of(stream.iter_lines()))

    assert [event["number"] for event in first + rest] == list(range(1, len(first + rest) + 1))
    assert rest[-1]["type"] == "complete"


def test_who_saw_the_end_is_told_not_to_come_back(client: TestClient, song: bytes) -> None:
    url = f"/api/remix/{finished(client, song)}/progress"
    last = client.get(url).text.count("data: ")

    assert client.get(url, headers={"Last-Event-ID": str(last)}).status_code == 204
    assert client.get(url, headers={"Last-Event-ID": str(last + 50)}).status_code == 204
    assert client.get(url, headers={"Last-Event-ID": str(last - 1)}).text.count("data: ") == 1
    assert client.get(url, headers={"Last-Event-ID": "nonsense"}).status_code == 422


def test_a_finished_session_ends_its_stream_at_once(client: TestClient, song: bytes) -> None:
    session = finished(client, song)
    began = time.perf_counter()

    text = client.get(f"/api/remix/{session}/progress").text

    assert time.perf_counter() - began < 0.5
    assert '"step": "complete"' in text


def test_the_first_event_is_there_before_the_job_moves(live: Live, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    with httpx.Client(base_url=live.url) as client:
        session = begin(client, song)
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            event = next(events_of(stream.iter_lines()))

    assert (event["step"], event["number"]) == ("queued", 1)


def test_quiet_streams_are_kept_alive(
    live: Live, jobs: MemoryJobs, song: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    jobs.recipe = None  # type: ignore[assignment]
    with httpx.Client(base_url=live.url) as client:
        session = begin(client, song)
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            lines = stream.iter_lines()
            assert any(line.startswith(":") for line, _ in zip(lines, range(20), strict=False))


def test_cancelling_ends_every_stream(live: Live, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    with httpx.Client(base_url=live.url) as client:
        session = begin(client, song)
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            events = events_of(stream.iter_lines())
            next(events)
            client.delete(f"/api/remix/{session}")
            last = list(events)[-1]

    assert (last["step"], last["type"]) == ("error", "cancelled")


def test_erasing_ends_the_stream_of_a_session_that_is_gone(jobs: MemoryJobs, monkeypatch: Any) -> None:
    monkeypatch.setattr("stemwright.service.hub.CHECK_S", 0.1)

    async def follow() -> list[dict[str, Any]]:
        return [event async for event in Hub(jobs).follow("nobody")]

    assert asyncio.run(asyncio.wait_for(follow(), 5)) == []


def test_stopping_the_service_ends_open_streams(
    jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    with Live(jobs, settings) as live, httpx.Client(base_url=live.url) as client:
        session = begin(client, song)
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            events = events_of(stream.iter_lines())
            next(events)
            began = time.perf_counter()
            live.__exit__()
            assert list(events) == []
    assert time.perf_counter() - began < 3.0


def test_waiting_jobs_tell_their_place(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    session = begin(client, song)

    status = client.get(f"/api/remix/{session}/status").json()

    assert (status["status"], status["state"]) == ("processing", "queued")
    assert status["place"] == {"ahead": 0, "starts_in_s": None}


@pytest.mark.slow
def test_two_hundred_streams_at_once_all_see_everything(live: Live, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    with httpx.Client(base_url=live.url) as client:
        sessions = [begin(client, song) for _ in range(20)]
        cookies = client.cookies

    def work(session: str) -> None:
        for number in range(60):
            jobs.tell(session, KINDS[number % 4], SOMETHING)
            time.sleep(0.02)
        jobs.end(session, JobStatus.COMPLETE, {}, result={"outputs": {}})

    async def one(client: httpx.AsyncClient, session: str) -> list[int]:
        async with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            lines = [line async for line in stream.aiter_lines()]
        return [event["number"] for event in events_of(lines)]

    async def all_of_them() -> list[list[int]]:
        limits = httpx.Limits(max_connections=300)
        async with httpx.AsyncClient(base_url=live.url, cookies=cookies, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(one(client, sessions[i % 20]) for i in range(200)))

    workers = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for worker in workers:
        worker.start()
    seen = asyncio.run(all_of_them())

    assert len(seen) == 200
    assert all(numbers == list(range(1, 63)) for numbers in seen)
    assert live.hub.streams == 0


def test_steps_tell_how_far_they_are_and_what_they_found() -> None:
    found = "92.0 BPM, 4/4. A minor."
    failed = [{"name": "peak", "subject": "/var/lib/secret/bass.wav", "measured": 1.0}]
    stored = [
        StoredEvent(1, "step_started", {"name": "analyze song A", "progress": 0.0}),
        StoredEvent(2, "progress", {"name": "analyze song A", "progress": 0.05, "fraction": 0.5}),
        StoredEvent(
            3,
            "step_finished",
            {"name": "analyze song A", "checks": 4, "failed": failed, "found": found, "key": "a" * 64},
        ),
    ]

    told = told_events("session", stored)

    assert told[1]["data"]["fraction"] == 0.5
    assert told[2]["data"]["found"] == found
    # neither a key of the store nor a folder, however deep
    assert "key" not in told[2]["data"]
    assert told[2]["data"]["failed"][0]["subject"] == "bass.wav"
    for event in told:
        ProgressEvent.model_validate(event | {"data": event["data"] | {"failed": None}})

"""What is kept, for how long, and what is counted."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service_kit import BASE_URL, MemoryJobs, begin, finished
from stemwright.service.build import build_parts
from stemwright.service.deps import Parts
from stemwright.service.janitor import clean
from stemwright.service.main import create_app
from stemwright.service.settings import ServiceSettings

HOUR_S = 3600.0


@pytest.fixture
def hosted(client: TestClient, jobs: MemoryJobs, settings: ServiceSettings) -> TestClient:
    app = client.app
    app.state.parts = build_parts(jobs, replace(settings, expire_s=3 * HOUR_S))  # type: ignore[attr-defined]
    return client


def parts(client: TestClient) -> Parts:
    return client.app.state.parts  # type: ignore[attr-defined,no-any-return]


def age(folder: Path, hours: float) -> None:
    then = time.time() - hours * HOUR_S
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def clean_up(client: TestClient) -> list[str]:
    found = parts(client)
    return clean(found.jobs, found.access, found.shelf)


def backdate(jobs: MemoryJobs, session: str, hours: float) -> None:
    job = jobs._jobs[session]
    job.state = replace(job.state, changed_s=time.time() - hours * HOUR_S)


def test_on_ones_own_machine_nothing_expires(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    session = finished(client, song)
    backdate(jobs, session, 1_000)
    age(settings.data, 1_000)

    assert clean_up(client) == []
    assert client.get(f"/api/remix/{session}/status").json()["expires_s"] is None


def test_what_nobody_asked_for_goes(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    session = finished(hosted, song)
    backdate(jobs, session, 4)
    age(settings.data, 4)

    assert clean_up(hosted) == [session]
    assert hosted.get(f"/api/remix/{session}/status").status_code == 404
    assert list((settings.data / "uploads").glob("*/*")) == []


def test_a_visit_counts_again_from_then(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    session = finished(hosted, song)
    backdate(jobs, session, 4)
    age(settings.data, 4)

    shown = hosted.get(f"/api/remix/{session}/status").json()["expires_s"]

    assert shown == pytest.approx(time.time() + 3 * HOUR_S, abs=10)
    assert clean_up(hosted) == []


def test_what_waits_never_goes_nor_what_it_needs(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    session = begin(hosted, song)
    backdate(jobs, session, 100)
    age(settings.data, 100)

    assert clean_up(hosted) == []
    assert hosted.get(f"/api/remix/{session}/status").json()["state"] == "queued"
    assert len(list((settings.data / "uploads").glob("*/*"))) == 1


def test_an_upload_that_nobody_needs_goes(hosted: TestClient, settings: ServiceSettings, song: bytes) -> None:
    digest = hosted.put("/api/uploads/a.wav", content=song).json()["sha256"]
    age(settings.data, 4)
    clean_up(hosted)

    asked = {"song_a": digest, "song_b": digest, "prompt": "swap the drums"}
    assert hosted.post("/api/remix", json=asked).status_code == 422


def test_half_received_files_are_swept_at_start(jobs: MemoryJobs, settings: ServiceSettings) -> None:
    (settings.data / "incoming").mkdir(parents=True)
    (settings.data / "incoming" / "1-2").write_bytes(b"half")

    with TestClient(create_app(jobs, settings), base_url=BASE_URL):
        assert list((settings.data / "incoming").iterdir()) == []


def test_the_secret_is_made_once_and_is_private(jobs: MemoryJobs, settings: ServiceSettings) -> None:
    build_parts(jobs, settings)
    secret = settings.data / "secret"
    before = secret.read_bytes()
    build_parts(jobs, settings)

    assert secret.read_bytes() == before
    assert secret.stat().st_mode & 0o077 == 0


def test_metrics_count(client: TestClient, song: bytes) -> None:
    finished(client, song)
    client.get("/api/remix/nothing/status")

    text = client.get("/metrics").text

    assert 'stemwright_jobs{status="complete"} 1' in text
    assert 'stemwright_jobs_submitted_total{kind="remix"} 1' in text
    assert f"stemwright_uploaded_bytes_total {2 * len(song)}" in text
    assert 'stemwright_answers_total{status="4xx"} 1' in text


def test_drawings_are_kept(client: TestClient, settings: ServiceSettings, song: bytes) -> None:
    session = finished(client, song)
    first = client.get(f"/api/remix/{session}/peaks").json()
    (kept,) = (settings.data / "peaks").iterdir()
    before = kept.stat().st_mtime_ns

    assert client.get(f"/api/remix/{session}/peaks").json() == first
    assert kept.stat().st_mtime_ns == before

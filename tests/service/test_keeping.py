"""What is kept, for how long, and what is counted."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service_kit import BASE_URL, MemoryJobs, begin, finished, quick
from stemwright.errors import InputError
from stemwright.service.build import build_parts
from stemwright.service.deps import Parts
from stemwright.service.janitor import Janitor
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
    return Janitor(found.jobs, found.access, found.shelf, found.settings.failed_s).clean()


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


# what came to nothing


def failing(*_: object) -> Any:
    raise InputError("No beat.")


@pytest.fixture
def failed(hosted: TestClient, jobs: MemoryJobs, song: bytes) -> str:
    jobs.recipe = failing
    return finished(hosted, song)


def uploads(settings: ServiceSettings, jobs: MemoryJobs) -> tuple[int, int]:
    """How many uploads are remembered, and how many files there are."""
    return len(list((settings.data / "uploads").glob("*/*"))), len(list(jobs.uploads.folder.iterdir()))


@pytest.mark.parametrize(("minutes", "kept"), [(10, 1), (16, 0)])
def test_files_of_a_failed_session_go_after_15_minutes_and_its_story_stays(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, failed: str, minutes: int, kept: int
) -> None:
    backdate(jobs, failed, minutes / 60)
    age(settings.data / "uploads", minutes / 60)

    assert clean_up(hosted) == []
    assert uploads(settings, jobs) == (kept, kept)
    status = hosted.get(f"/api/remix/{failed}/status").json()
    assert (status["status"], status["detail"]) == ("error", "No beat.")


def test_a_cancelled_session_leaves_nothing_either(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    session = begin(hosted, song)
    hosted.delete(f"/api/remix/{session}")
    backdate(jobs, session, 0.3)
    age(settings.data / "uploads", 0.3)
    clean_up(hosted)

    assert uploads(settings, jobs) == (0, 0)


def test_results_are_kept_as_long_as_before(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, failed: str, song: bytes
) -> None:
    """The same file is part of a remix that went well: it stays for its refinements."""
    jobs.recipe = quick
    good = finished(hosted, song)
    for session in (failed, good):
        backdate(jobs, session, 1.0)
    age(settings.data, 1.0)
    before = uploads(settings, jobs)

    assert clean_up(hosted) == []
    assert uploads(settings, jobs) == before
    assert hosted.get(f"/api/remix/{good}/audio").status_code == 200


def test_a_song_that_was_asked_for_since_stays(
    hosted: TestClient, jobs: MemoryJobs, settings: ServiceSettings, failed: str, song: bytes
) -> None:
    backdate(jobs, failed, 0.3)
    age(settings.data / "uploads", 0.3)
    hosted.put("/api/uploads/a.wav", content=song)
    clean_up(hosted)

    assert uploads(settings, jobs) == (1, 1)


def test_a_file_that_somebody_else_uploaded_too_stays(
    hosted: TestClient,
    stranger: TestClient,
    jobs: MemoryJobs,
    settings: ServiceSettings,
    failed: str,
    song: bytes,
) -> None:
    stranger.put("/api/uploads/a.wav", content=song)
    age(settings.data / "uploads", 0.3)
    backdate(jobs, failed, 0.3)
    clean_up(hosted)

    assert uploads(settings, jobs) == (1, 1)


def test_while_a_run_uses_the_store_it_is_tried_again(
    hosted: TestClient,
    jobs: MemoryJobs,
    settings: ServiceSettings,
    failed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backdate(jobs, failed, 0.3)
    age(settings.data / "uploads", 0.3)
    with monkeypatch.context() as busy:
        busy.setattr(jobs, "release", lambda _session: False)
        clean_up(hosted)
        assert uploads(settings, jobs) == (1, 1)
    clean_up(hosted)

    assert uploads(settings, jobs) == (0, 0)


def test_on_ones_own_machine_failures_are_kept_too(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    jobs.recipe = failing
    session = finished(client, song)
    backdate(jobs, session, 100)
    age(settings.data, 100)
    clean_up(client)

    assert uploads(settings, jobs) == (1, 1)

"""The text's contract, endpoint by endpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service_kit import MemoryJobs, begin, finished, form
from stemwright.errors import InputError
from stemwright.service.build import build_parts
from stemwright.service.settings import ServiceSettings

TEXT_FIELDS = {"status", "progress", "detail", "explanation", "warnings", "used_fallback"}


def test_health(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}


def test_a_remix_answers_with_nothing_but_a_session(client: TestClient, song: bytes) -> None:
    answer = client.post("/api/remix", **form(song))

    assert answer.status_code == 200
    assert set(answer.json()) == {"session_id"}
    assert len(answer.json()["session_id"]) >= 22


def test_the_queue_gets_both_songs_under_their_names(
    client: TestClient, jobs: MemoryJobs, song: bytes
) -> None:
    state = jobs.state(begin(client, song))

    assert state is not None
    assert state.request.names == {"song_a": "a.wav", "song_b": "b.wav"}
    assert set(state.request.files) == {"song_a", "song_b"}
    assert state.request.options["prompt"] == "A sings over B"


def test_status_has_the_texts_shape(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    status = client.get(f"/api/remix/{session}/status").json()

    assert set(status) >= TEXT_FIELDS
    assert status["status"] == "complete"
    assert status["progress"] == 1.0
    assert status["explanation"] == "A sings over B."
    assert status["warnings"] == ["No guitar was found."]
    assert status["used_fallback"] is False


def test_progress_tells_the_whole_story_in_the_texts_shape(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    answer = client.get(f"/api/remix/{session}/progress")

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert all({"step", "detail", "progress"} <= set(event) for event in events)
    assert events[-1]["step"] == "complete"
    assert events[-1]["progress"] == 1.0
    assert events[-1]["explanation"] == "A sings over B."
    assert [e["progress"] for e in events] == sorted(e["progress"] for e in events)
    assert {"separating", "interpreting", "rendering"} <= {event["step"] for event in events}


def test_audio_has_ranges_and_head(client: TestClient, song: bytes) -> None:
    url = f"/api/remix/{finished(client, song)}/audio"

    whole = client.get(url)
    part = client.get(url, headers={"Range": "bytes=10-19"})
    head = client.head(url)

    assert whole.headers["content-type"] == "audio/mpeg"
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert client.get(url, headers={"Range": "bytes=999999-"}).status_code == 416
    assert client.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code in (200, 304)


def test_analyze_has_the_texts_shape(client: TestClient, song: bytes) -> None:
    answer = client.post("/api/analyze", files=form(song)["files"])

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["song_a"]["bpm"], found["song_a"]["key"], found["song_a"]["scale"]) == (120.0, "A", "minor")
    assert set(found["compatibility"]) == {"level", "message", "detail"}


def test_uploads_can_be_used_again_by_their_digest(client: TestClient, song: bytes) -> None:
    upload = client.put("/api/uploads/my%20song.wav", content=song).json()
    asked = {"song_a": upload["sha256"], "song_b": upload["sha256"], "prompt": "swap the drums"}

    answer = client.post("/api/remix", json=asked)

    assert (upload["name"], upload["container"], upload["channels"]) == ("my song.wav", "WAV", 1)
    assert upload["duration_s"] == 3.0
    assert answer.status_code == 200, answer.text


def test_somebody_elses_upload_is_no_use(client: TestClient, stranger: TestClient, song: bytes) -> None:
    digest = client.put("/api/uploads/a.wav", content=song).json()["sha256"]
    asked = {"song_a": digest, "song_b": digest, "prompt": "swap the drums"}

    assert stranger.post("/api/remix", json=asked).status_code == 422
    assert client.post("/api/remix", json=asked).status_code == 200


@pytest.mark.parametrize("prompt", ["", "abcd", "x" * 1001, "     \n"])
def test_a_prompt_has_a_length(client: TestClient, song: bytes, prompt: str) -> None:
    answer = client.post("/api/remix", **form(song, prompt))

    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)
    assert "prompt" in answer.json()["detail"]


@pytest.mark.parametrize("prompt", ["abcde", "🎸🎸🎸🎸🎸", "x" * 1000])
def test_prompts_at_the_edges_are_taken(client: TestClient, song: bytes, prompt: str) -> None:
    assert client.post("/api/remix", **form(song, prompt)).status_code == 200


def test_what_is_wrong_names_the_song(client: TestClient, song: bytes) -> None:
    broken = {"song_a": ("a.wav", song), "song_b": ("b.wav", b"this is no music at all, just some words")}

    answer = client.post("/api/remix", files=broken, data={"prompt": "swap the drums"})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("song_b")


def test_a_missing_song_is_named(client: TestClient, song: bytes) -> None:
    answer = client.post("/api/remix", files={"song_a": ("a.wav", song)}, data={"prompt": "swap the drums"})

    assert (answer.status_code, "song_b" in answer.json()["detail"]) == (422, True)


def test_a_refinement_is_a_new_session(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    session = finished(client, song)

    answer = client.post(f"/api/remix/{session}/refine", json={"prompt": "drums louder"})
    undone = client.post(f"/api/remix/{session}/refine", json={"undo": True})

    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    assert (state.request.kind, state.request.parent) == ("refine", session)
    assert undone.status_code == 200
    assert client.post(f"/api/remix/{session}/refine", json={}).status_code == 422
    assert (
        client.post(f"/api/remix/{session}/refine", json={"undo": True, "prompt": "and"}).status_code == 422
    )


def test_a_plan_can_be_edited_and_rendered(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    session = finished(client, song)
    plan = client.get(f"/api/remix/{session}/plan").json()
    plan["ducking_db"] = -6.0

    answer = client.put(f"/api/remix/{session}/plan", json=plan)

    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    assert state.request.kind == "render"
    assert state.request.options["plan"]["ducking_db"] == -6.0
    assert client.put(f"/api/remix/{session}/plan", json={"songs": 3}).status_code == 422
    plan["songs"]["song_a"]["sha256"] = "c" * 64
    assert client.put(f"/api/remix/{session}/plan", json=plan).status_code == 422


def test_stems_peaks_report_and_zip(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    stem = client.get(f"/api/remix/{session}/stems/vocals A")
    peaks = client.get(f"/api/remix/{session}/peaks", params={"columns": 100}).json()
    page = client.get(f"/api/remix/{session}/report", headers={"Accept": "text/html"})
    packed = client.get(f"/api/remix/{session}/download")

    assert stem.headers["content-type"] == "audio/wav"
    assert len(peaks["min"]) == len(peaks["max"]) == len(peaks["rms"]) == 100
    assert max(peaks["max"]) == pytest.approx(1.0, abs=0.51)
    assert max(peaks["rms"]) == pytest.approx(max(peaks["max"]) / 2**0.5, rel=0.05)
    assert client.get(f"/api/remix/{session}/report").json()["title"] == "A × B"
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert packed.headers["content-type"] == "application/zip"
    assert "filename*=UTF-8''A%20%C3%97%20B.zip" in packed.headers["content-disposition"]


def test_sessions_are_listed_latest_first(client: TestClient, stranger: TestClient, song: bytes) -> None:
    first, second = finished(client, song), finished(client, song)

    assert [one["session_id"] for one in client.get("/api/sessions").json()["sessions"]] == [second, first]
    assert stranger.get("/api/sessions").json() == {"sessions": []}


def test_delete_erases_what_is_over(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    assert client.delete(f"/api/remix/{session}").json() == {"done": "erased"}
    assert client.get(f"/api/remix/{session}/status").status_code == 404
    assert client.get(f"/api/remix/{session}/audio").status_code == 404
    assert client.get("/api/sessions").json() == {"sessions": []}


def test_delete_cancels_what_waits(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    session = begin(client, song)

    assert client.delete(f"/api/remix/{session}").json() == {"done": "cancelled"}
    assert client.get(f"/api/remix/{session}/status").json()["status"] == "error"


def test_every_session_has_the_same_paths(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    assert client.get(f"/api/sessions/{session}/status").json()["status"] == "complete"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    monkeypatch.setattr("stemwright.service.routes.page.static_folder", lambda: folder)
    return folder


def test_without_a_page_the_root_says_in_one_line_how_to_get_it(client: TestClient, page: Path) -> None:
    answer = client.get("/")

    assert (page / "index.html").exists() is False
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 1
    assert "install" in answer.text


def test_the_page_is_served_with_a_policy_that_lets_its_own_scripts_run(
    client: TestClient, page: Path
) -> None:
    (page / "index.html").write_text("<!doctype html>")
    (page / "assets" / "app-1.js").write_text("1")

    root, script = client.get("/"), client.get("/assets/app-1.js")

    assert root.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in root.headers["content-security-policy"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert client.get("/assets/none.js").status_code == 404


def test_an_analysis_that_takes_too_long_is_408(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    slow = build_parts(jobs, replace(settings, analyze_timeout_s=0.1))
    client.app.state.parts = slow  # type: ignore[attr-defined]
    client.headers.update({"Authorization": "Bearer a-name-of-sixteen"})

    answer = client.post("/api/analyze", files=form(song)["files"])

    assert (answer.status_code, set(answer.json())) == (408, {"detail"})
    later = client.post("/api/analyze", files=form(song)["files"], headers={"Prefer": "respond-async"})
    assert (later.status_code, later.json()) == (202, answer.json())


def test_an_analysis_that_fails_says_why(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    def fail(*_: object) -> Any:
        raise InputError("song_b is silent.")

    jobs.recipe = fail

    answer = client.post("/api/analyze", files=form(song)["files"])

    assert (answer.status_code, answer.json()["detail"]) == (422, "song_b is silent.")

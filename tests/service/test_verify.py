"""A set is checked over HTTP as on the command line: files or a zip, mix, spec, preset."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service_kit import MemoryJobs
from stemwright.engine.jobs import JobKind, JobRequest
from stemwright.verification import PRESETS

SPEC = """
title = "Song"
bpm = 120
subtype = "PCM_24"
[sections]
verse = 8
[[stem]]
name = "bass"
file = "/nowhere/that/is/opened.wav"
[[stem]]
name = "drums"
command = { argv = ["touch", "/tmp/stemwright-was-here"], output = "x.wav" }
effects = [{ type = "vst3", path = "/nowhere/plugin.vst3" }]
"""


def zipped(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.wav", content)
    return out.getvalue()


def request_of(jobs: MemoryJobs, answer: Any) -> JobRequest:
    assert answer.status_code == 200, answer.text
    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    assert state.request.kind is JobKind.VERIFY
    return state.request


def put(client: TestClient, name: str, content: bytes) -> str:
    answer = client.put(f"/api/uploads/{name}", content=content)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sha256"])


def test_presets_say_what_they_check(client: TestClient) -> None:
    found = client.get("/api/presets").json()["presets"]

    assert [one["name"] for one in found] == list(PRESETS)
    assert all(one["title"] and one["rules"] for one in found)
    rules = {rule["name"]: rule for rule in found[0]["rules"]}
    assert rules["sample rate"]["wants"] == "44100 Hz or more"
    assert rules["sample format"]["wants"] == "PCM_24 or FLOAT or PCM_32"
    assert rules["documentation"] == {
        "name": "documentation", "of": "set", "wants": "", "severity": "error", "by_hand": True,
        "why": "Session notes, credits and tempo maps are not audio.",
    }  # fmt: skip
    wants = {rule["wants"] for one in found for rule in one["rules"]}
    assert {"−14 ± 1 LUFS", "−1 dBTP or less", "exactly 4 stems"} <= wants


def test_every_preset_that_is_listed_is_taken(client: TestClient, song: bytes) -> None:
    digest = put(client, "bass.wav", song)
    for one in client.get("/api/presets").json()["presets"]:
        answer = client.post("/api/verify", json={"files": {"bass.wav": digest}, "preset": one["name"]})
        assert answer.status_code == 200


@pytest.mark.parametrize("called", ["set.zip", "set", "s" * 200 + ".zip"])
def test_a_zip_is_a_set(client: TestClient, jobs: MemoryJobs, song: bytes, called: str) -> None:
    digest = put(client, "set.zip", zipped(bass=song))
    request = request_of(jobs, client.post("/api/verify", json={"files": {called: digest}}))

    assert request.files == {called: digest}
    assert request.names[called].endswith(".zip")
    assert len(request.names[called]) < 80 or called != "set"


def test_audio_that_is_called_a_zip_is_not_read_as_one(
    client: TestClient, jobs: MemoryJobs, song: bytes
) -> None:
    request = request_of(jobs, client.post("/api/verify", json={"files": {"a.zip": put(client, "x", song)}}))

    assert request.names == {"a.zip": "a.zip.wav"}


def test_a_form_brings_everything_at_once(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    files = [
        ("files", ("bass.wav", song)), ("files", ("bass.wav", song + b"\0\0")),
        ("files", ("s.zip", zipped(d=song))), ("mix", ("the mix.wav", song)),
        ("spec", ("spec.toml", SPEC.encode())),
    ]  # fmt: skip
    request = request_of(jobs, client.post("/api/verify", files=files, data={"preset": "netflix"}))

    assert set(request.files) == {"bass.wav", "2/bass.wav", "s.zip", "mix"}
    assert request.names["mix"] == "the mix.wav"
    assert request.options == {"preset": "netflix", "spec": SPEC}


def test_a_spec_says_what_to_expect_and_is_neither_opened_nor_run(
    client: TestClient, jobs: MemoryJobs, song: bytes
) -> None:
    files = {"bass.wav": put(client, "bass.wav", song)}
    request = request_of(jobs, client.post("/api/verify", json={"files": files, "spec": SPEC}))
    wrong = client.post("/api/verify", json={"files": files, "spec": "title = 3"})

    assert request.options["spec"] == SPEC
    assert not Path("/tmp/stemwright-was-here").exists()
    assert wrong.status_code == 422
    assert "spec.toml" in wrong.json()["detail"]


@pytest.mark.parametrize(
    "asked",
    [
        {"files": {}}, {"files": {"mix": "DIGEST"}}, {"files": {"../a.wav": "DIGEST"}},
        {"files": {"a.wav": "f" * 64}}, {"files": {"a.wav": "DIGEST"}, "mix": "ZIP"},
        {"files": {"a.wav": "MIDI"}}, {"files": {"a.wav": "DIGEST"}, "presets": "netflix"}, {},
    ],
)  # fmt: skip
def test_what_is_no_set_is_refused(client: TestClient, song: bytes, asked: dict[str, Any]) -> None:
    notes = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0"
    known = {
        "DIGEST": put(client, "a", song),
        "ZIP": put(client, "z", zipped(a=song)),
        "MIDI": put(client, "m", notes),
    }
    files = {name: known.get(digest, digest) for name, digest in asked.get("files", {}).items()}
    body = asked | ({"files": files} if "files" in asked else {})
    if "mix" in body:
        body["mix"] = known[body["mix"]]

    answer = client.post("/api/verify", json=body)

    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_form_without_files_or_with_others_is_refused(client: TestClient, song: bytes) -> None:
    assert client.post("/api/verify", files=[("mix", ("m.wav", song))]).status_code == 422
    assert client.post("/api/verify", files=[("song_a", ("m.wav", song))]).status_code == 422
    odd = client.post("/api/verify", files=[("files", ("m.wav", song))], data={"seed": "1"})
    assert odd.status_code == 422


# single steps


def test_one_file_is_brought_to_a_length(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    digest, other = put(client, "loop.wav", song), put(client, "long.wav", song + b"\0\0")
    asked = {"file": digest, "length": "137.7", "strategy": "loop", "bpm": "120"}
    by_length = client.post("/api/align", json=asked)
    by_file = client.post("/api/align", json={"file": digest, "to": other})

    states = [jobs.state(answer.json()["session_id"]) for answer in (by_length, by_file)]
    requests = [state.request for state in states if state is not None]
    assert [one.kind for one in requests] == [JobKind.ALIGN, JobKind.ALIGN]
    assert (requests[0].options["length"], requests[0].options["strategy"]) == ("137.7", "loop")
    assert requests[1].files == {"source": digest, "to": other}
    for odd in (
        {},
        {"length": "/etc/passwd"},
        {"length": "1", "to": other},
        {"length": "1", "strategy": "x"},
    ):
        assert client.post("/api/align", json={"file": digest, **odd}).status_code == 422


def test_one_file_is_mastered(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    digest = put(client, "mix.wav", song)
    answer = client.post("/api/master", json={"file": digest, "loudness_lufs": -16.0, "format": ".mp3"})

    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    assert state.request.kind is JobKind.MASTER
    assert state.request.options == {
        "loudness_lufs": -16.0, "amount": 0.5, "format": ".mp3", "subtype": "PCM_24",
    }  # fmt: skip
    assert client.post("/api/master", json={"file": digest, "loudness_lufs": 3.0}).status_code == 422
    assert client.post("/api/master", json={"file": "f" * 64}).status_code == 422


def test_the_template_is_a_spec(client: TestClient) -> None:
    text = client.get("/api/produce/template").text

    assert "[[stem]]" in text
    assert client.post("/api/produce/check", json={"spec": text}).status_code == 200

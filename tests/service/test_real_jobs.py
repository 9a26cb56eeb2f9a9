"""The service on the engine's own queue: what goes in over HTTP is what the recipes get."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from engine_scene import finished
from remix_songs import NIGHT, TIDE, write_song
from service_kit import BASE_URL
from signals import sine
from stemwright.engine import DurableJobs, JobState, open_jobs
from stemwright.io.writer import write_audio
from stemwright.service.main import create_app
from stemwright.service.settings import ServiceSettings

SPEC = """
title = "Song"
bpm = 120
sample_rate = 44100
channels = 1
subtype = "PCM_16"
[sections]
all = 4
[[stem]]
name = "bass"
file = "bass.wav"
[[stem]]
name = "strings"
file = "strings.wav"
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DurableJobs]:
    with open_jobs(tmp_path_factory.mktemp("service") / "queue") as opened:
        yield opened


@pytest.fixture
def real(jobs: DurableJobs, tmp_path: Path) -> Iterator[TestClient]:
    settings = ServiceSettings(tmp_path / "data", min_free_bytes=0)
    with TestClient(create_app(jobs, settings), base_url=BASE_URL) as client:
        yield client


def zipped(files: dict[str, Path]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return out.getvalue()


def tone(folder: Path, name: str, hz: float, *, level: float = 1.0) -> Path:
    samples = (sine(hz, 2.0, sample_rate=44_100).samples * level).astype(np.float32)
    path = folder / name
    write_audio(path, [samples], sample_rate=44_100, channels=1, subtype="PCM_24")
    return path


def over(jobs: DurableJobs, answer: Any) -> JobState:
    assert answer.status_code == 200, answer.text
    return finished(jobs, answer.json()["session_id"])


def test_a_zip_is_verified_against_its_spec(real: TestClient, jobs: DurableJobs, tmp_path: Path) -> None:
    set_of = {
        "in/bass.wav": tone(tmp_path, "bass.wav", 110.0),
        "in/keys.wav": tone(tmp_path, "keys.wav", 440.0),
    }
    files = [("files", ("set.zip", zipped(set_of))), ("spec", ("spec.toml", SPEC.encode()))]

    state = over(jobs, real.post("/api/verify", files=files))

    assert state.status == "complete", state.detail
    report = real.get(f"/api/remix/{state.session}/report").json()
    failed = [check for step in report["steps"] for check in step["checks"] if check["passed"] is False]
    said = json.dumps(failed)
    assert "PCM_16" in said
    assert "strings" in said
    assert str(jobs.site.data) not in json.dumps(report)


def test_stems_are_a_song_under_the_name_of_their_zip(
    real: TestClient, jobs: DurableJobs, tmp_path: Path
) -> None:
    night, tide = (write_song(replace(tune, bars=6), tmp_path) for tune in (NIGHT, TIDE))
    assert night.stems is not None
    assert tide.path is not None
    stems = {f"Night/{path.name}": path for path in night.stems.iterdir()}
    files = [("stems_a", ("Night Bus.zip", zipped(stems))), ("song_b", ("Tide.wav", tide.path.read_bytes()))]

    state = over(
        jobs, real.post("/api/remix", files=files, data={"prompt": "vocals of A", "planner": "offline"})
    )

    assert state.status == "complete", state.detail
    assert state.result["report"]["title"].startswith("Night Bus × ")
    separated = next(s for s in state.result["report"]["steps"] if s["name"] == "separate song A")
    assert separated["details"]["separator"] == "given stems"
    told = _story(real, state.session)
    found = {
        event["data"]["name"]: event["data"].get("found", "")
        for event in told
        if event["type"] == "step_finished"
    }
    assert "BPM" in found["analyze song A"]
    assert "phrase" in found["analyze song B"]
    assert "LUFS, true peak" in found["master"]
    assert found["verify"].endswith(".")
    phases = list(dict.fromkeys(event["step"] for event in told))
    order = [phases.index(one) for one in ("interpreting", "processing", "rendering", "complete")]
    assert order == sorted(order)
    moving = [event["data"] for event in told if event["type"] == "progress"]
    assert moving
    assert all(0.0 <= data["fraction"] <= 1.0 and data["name"] for data in moving)
    assert not any("key" in event["data"] for event in told)


def test_a_plan_alone_comes_before_a_remix_by_it(real: TestClient, jobs: DurableJobs, tmp_path: Path) -> None:
    night, tide = (write_song(replace(tune, bars=6), tmp_path) for tune in (NIGHT, TIDE))
    assert night.path is not None
    assert tide.path is not None
    songs = {
        name: real.put(f"/api/uploads/{name}.wav", content=path.read_bytes()).json()["sha256"]
        for name, path in (("song_a", night.path), ("song_b", tide.path))
    }
    asked = songs | {"prompt": "vocals of A", "planner": "offline", "plan_only": True}
    planned = over(jobs, real.post("/api/remix", json=asked))
    assert planned.status == "complete", planned.detail
    assert planned.result["outputs"] == {}
    assert real.get(f"/api/remix/{planned.session}/audio").status_code == 404

    plan = real.get(f"/api/remix/{planned.session}/plan").json()
    plan["ducking_db"] = -5.0
    made = over(jobs, real.post("/api/remix", json=songs | {"plan": plan}))

    assert made.status == "complete", made.detail
    assert made.result["plan"]["ducking_db"] == -5.0
    assert real.get(f"/api/remix/{made.session}/audio").status_code == 200


def _story(client: TestClient, session: str) -> list[dict[str, Any]]:
    text = client.get(f"/api/remix/{session}/progress").text
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


def test_what_a_failed_job_left_behind_goes_and_its_story_stays(
    real: TestClient, jobs: DurableJobs, tmp_path: Path
) -> None:
    files = {}
    for name, level in (("bass.wav", 1.0), ("strings.wav", 0.0)):  # a silent stem ends a production
        content = tone(tmp_path, name, 110.0, level=level).read_bytes()
        files[name] = real.put(f"/api/uploads/{name}", content=content).json()["sha256"]
    state = over(jobs, real.post("/api/produce", json={"spec": SPEC, "files": files}))
    assert state.status == "error"
    steps = list((jobs.site.store / "objects").iterdir())
    keys = {str(event.data["key"]) for event in jobs.events(state.session) if "key" in event.data}
    assert keys & {step.name for step in steps}

    while not jobs.release(state.session):
        time.sleep(0.05)

    left = {step.name for step in (jobs.site.store / "objects").iterdir()}
    assert not keys & left
    assert left == {step.name for step in steps} - keys
    assert jobs.uploads.remove(files["strings.wav"])
    assert _story(real, state.session)[-1]["type"] == "error"


def test_what_a_finished_job_needs_is_not_let_go(real: TestClient, jobs: DurableJobs, tmp_path: Path) -> None:
    digest = real.put("/api/uploads/a.wav", content=tone(tmp_path, "a.wav", 330.0).read_bytes()).json()[
        "sha256"
    ]
    state = over(jobs, real.post("/api/master", json={"file": digest, "loudness_lufs": -20.0}))

    assert state.status == "complete", state.detail
    assert not jobs.release(state.session)
    assert not jobs.uploads.remove(digest)

"""The command, as people start it: refused when it is not safe, ready, at work, gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from signals import sine
from stemwright.io.writer import write_audio

ME = {"Authorization": "Bearer the-test-by-its-own-name"}
COMMAND = [sys.executable, "-m", "stemwright", "serve"]


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    known = {key: value for key, value in os.environ.items() if key != "STEMWRIGHT_TOKEN"}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=known | env, check=False
    )


def test_beyond_loopback_without_a_token_it_does_not_start(tmp_path: Path) -> None:
    done = run("--host", "0.0.0.0", "--data", str(tmp_path / "data"))

    assert done.returncode == 2
    assert "STEMWRIGHT_TOKEN" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_bad_length_of_time_is_bad_usage(tmp_path: Path) -> None:
    done = run("--expire", "soon", "--data", str(tmp_path))

    assert (done.returncode, "3h" in done.stderr) == (2, True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    folder = tmp_path_factory.mktemp("serve")
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--data", str(folder / "data"), "--expire", "3h"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    yield process, line.partition(" listens on ")[2].partition("/ ")[0]
    if process.poll() is None:
        process.kill()
        process.wait()
    process.stderr.close()


@pytest.fixture(scope="module")
def client(server: tuple[subprocess.Popen[str], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[1], headers=ME, timeout=30.0) as client:
        for _ in range(500):
            try:
                client.get("/health")
                break
            except httpx.TransportError:
                time.sleep(0.02)
        yield client


def stem(path: Path, hz: float) -> bytes:
    tone = sine(hz, 2.0, sample_rate=44_100)
    write_audio(path, [tone.samples], sample_rate=44_100, channels=1, subtype="PCM_24")
    return path.read_bytes()


def test_it_answers_only_by_its_name(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 421


def test_a_job_is_done_by_the_real_queue(client: httpx.Client, tmp_path: Path) -> None:
    files = {}
    for name, hz in (("bass.wav", 110.0), ("keys.wav", 440.0)):
        answer = client.put(f"/api/uploads/{name}", content=stem(tmp_path / name, hz))
        files[name] = answer.json()["sha256"]
    session = client.post("/api/verify", json={"files": files}).json()["session_id"]

    with client.stream("GET", f"/api/remix/{session}/progress") as stream:
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]

    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "complete", events[-1]
    status = client.get(f"/api/remix/{session}/status").json()
    report = client.get(f"/api/remix/{session}/report").json()
    assert status["status"] == "complete"
    assert status["expires_s"] == pytest.approx(time.time() + 3 * 3600, abs=60)
    assert report["recipe"] == "verify"
    assert client.delete(f"/api/remix/{session}").json() == {"done": "erased"}


def test_the_queues_own_errors_come_without_folders(client: httpx.Client, tmp_path: Path) -> None:
    digest = client.put("/api/uploads/a.wav", content=stem(tmp_path / "a.wav", 220.0)).json()["sha256"]
    spec = 'title = "x"\nbpm = 120\n[sections]\nverse = 8\n[[stem]]\nname = "bass"\nfile = "a.wav"\n'
    asked = {"spec": spec + '[reference]\nfile = "a.wav"\nmin_duration_s = 100\n', "files": {"a.wav": digest}}
    session = client.post("/api/produce", json=asked).json()["session_id"]
    with client.stream("GET", f"/api/remix/{session}/progress") as stream:
        last = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")][-1]

    assert last["step"] == "error"
    assert "100 s" in last["detail"]
    assert str(tmp_path.parent) not in json.dumps(last)
    assert "/tmp" not in json.dumps(last)


def test_it_leaves_when_it_is_told_to(
    server: tuple[subprocess.Popen[str], str], client: httpx.Client
) -> None:
    client.get("/health")
    server[0].send_signal(signal.SIGTERM)

    assert server[0].wait(20.0) in (0, 130, -signal.SIGTERM)


@pytest.mark.slow
def test_memory_is_flat_while_a_hundred_megabytes_come_in(tmp_path: Path) -> None:
    from bench.service import UPLOAD_GROWTH_MB, serving, upload_growth

    with serving(tmp_path / "data") as running:
        assert upload_growth(running) < UPLOAD_GROWTH_MB

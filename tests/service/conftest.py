"""A service on a queue in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service_kit import BASE_URL, MemoryJobs, quick
from signals import clicks
from stemwright.io.writer import write_audio
from stemwright.service.build import build_parts
from stemwright.service.main import create_app
from stemwright.service.probe import Prober
from stemwright.service.settings import ServiceSettings


class Shared(Prober):
    """One child for all tests: starting one takes longer than most of them."""

    def close(self) -> None:
        """Stay."""


@pytest.fixture(scope="session")
def shared_prober() -> Iterator[Shared]:
    prober = Shared(30.0)
    yield prober
    Prober.close(prober)


@pytest.fixture(autouse=True)
def one_prober(shared_prober: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    def shared(timeout_s: float) -> Shared:
        shared_prober._timeout_s = timeout_s
        return shared_prober

    monkeypatch.setattr("stemwright.service.build.Prober", shared)


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of clicks as WAV."""
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    audio = clicks([0.5, 1.0, 1.5], 3.0, sample_rate=8_000)
    write_audio(path, [audio.samples], sample_rate=8_000, channels=1, subtype="PCM_16")
    return path.read_bytes()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[MemoryJobs]:
    jobs = MemoryJobs(tmp_path / "files", quick)
    yield jobs
    jobs.close()


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(tmp_path / "data", min_free_bytes=0)


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Routes take a while to build; the parts of each test are put into one app."""
    folder = tmp_path_factory.mktemp("app")
    return create_app(MemoryJobs(folder / "files", quick), ServiceSettings(folder / "data"))


@pytest.fixture
def client(jobs: MemoryJobs, settings: ServiceSettings, shared_app: FastAPI) -> Iterator[TestClient]:
    shared_app.state.parts = build_parts(jobs, settings)
    with TestClient(shared_app, base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """Another browser at the same service."""
    return TestClient(client.app, base_url=BASE_URL)

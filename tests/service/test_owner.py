"""Whose sessions they are: with a token, of whoever has it, on any device; without, of each browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from service_kit import BASE_URL, MemoryJobs, finished, form
from stemwright.errors import InputError
from stemwright.service.build import build_parts
from stemwright.service.main import create_app
from stemwright.service.settings import ServiceSettings

ANNA, BEN = "annas-long-secret-0123456789", "bens-long-secret-0123456789"


def at(jobs: MemoryJobs, settings: ServiceSettings, client: TestClient, token: str | None) -> None:
    client.app.state.parts = build_parts(jobs, replace(settings, token=token))  # type: ignore[attr-defined]


@pytest.fixture
def laptop(client: TestClient, jobs: MemoryJobs, settings: ServiceSettings) -> TestClient:
    at(jobs, settings, client, f"{ANNA} {BEN}")
    return client


@pytest.fixture
def phone(laptop: TestClient) -> TestClient:
    return TestClient(laptop.app, base_url=BASE_URL)


def sign_in(browser: TestClient, token: str) -> None:
    assert browser.post("/api/sign-in", json={"token": token}).status_code == 200


def sessions(browser: TestClient, **more: dict[str, str]) -> list[str]:
    return [one["session_id"] for one in browser.get("/api/sessions", **more).json()["sessions"]]  # type: ignore[arg-type]


def test_the_phone_goes_on_where_the_laptop_was(laptop: TestClient, phone: TestClient, song: bytes) -> None:
    sign_in(laptop, ANNA)
    session = finished(laptop, song)
    upload = laptop.put("/api/uploads/a.wav", content=song).json()["sha256"]

    assert phone.get(f"/api/remix/{session}/status").status_code == 401
    sign_in(phone, ANNA)
    assert sessions(phone) == [session]
    assert phone.get(f"/api/remix/{session}/audio").status_code == 200
    assert phone.post(f"/api/remix/{session}/refine", json={"prompt": "drums louder"}).status_code == 200
    again = phone.post("/api/remix", json={"song_a": upload, "song_b": upload, "prompt": "swap drums"})
    assert again.status_code == 200
    assert len(sessions(laptop)) == 3


def test_each_device_has_a_cookie_of_its_own(laptop: TestClient, phone: TestClient) -> None:
    sign_in(laptop, ANNA)
    sign_in(phone, ANNA)

    assert laptop.cookies["stemwright"] != phone.cookies["stemwright"]
    assert ANNA not in laptop.cookies["stemwright"]


def test_a_program_with_the_token_is_the_same_owner(
    laptop: TestClient, phone: TestClient, song: bytes
) -> None:
    sign_in(laptop, ANNA)
    session = finished(laptop, song)

    assert sessions(phone, headers={"Authorization": f"Bearer {ANNA}"}) == [session]
    assert sessions(phone, headers={"Authorization": f"Bearer {BEN}"}) == []


def test_another_token_is_another_owner(laptop: TestClient, phone: TestClient, song: bytes) -> None:
    sign_in(laptop, ANNA)
    session = finished(laptop, song)
    sign_in(phone, BEN)

    assert sessions(phone) == []
    assert phone.get(f"/api/remix/{session}/status").status_code == 404
    assert phone.delete(f"/api/remix/{session}").status_code == 404
    assert phone.post("/api/sign-in", json={"token": f"{ANNA} {BEN}"}).status_code == 401


def test_without_a_token_browsers_stay_strangers(
    client: TestClient, stranger: TestClient, song: bytes
) -> None:
    session = finished(client, song)

    for token in ("", ANNA):
        assert stranger.post("/api/sign-in", json={"token": token}).status_code == 200
        assert sessions(stranger) == []
    assert sessions(client) == [session]


def test_a_cookie_made_without_a_token_is_worth_nothing_once_there_is_one(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    session = finished(client, song)
    at(jobs, settings, client, ANNA)
    assert client.get("/api/sessions").status_code == 401
    sign_in(client, ANNA)

    # who has the token did not make it
    assert client.get(f"/api/remix/{session}/status").status_code == 404


def test_a_token_that_is_taken_away_locks_out_its_devices_and_no_others(
    laptop: TestClient, phone: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    sign_in(laptop, ANNA)
    sign_in(phone, BEN)
    session = finished(phone, song)
    at(jobs, settings, laptop, BEN)

    assert laptop.get("/api/sessions").status_code == 401
    assert sessions(phone) == [session]


def test_signing_out_takes_the_cookie_and_leaves_the_sessions(
    laptop: TestClient, phone: TestClient, song: bytes
) -> None:
    for browser in (laptop, phone):
        sign_in(browser, ANNA)
    session = finished(laptop, song)
    answer = laptop.post("/api/sign-out")

    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert laptop.get("/api/sessions").status_code == 401
    assert sessions(phone) == [session]


def test_where_there_is_no_token_nobody_signs_out(client: TestClient, song: bytes) -> None:
    session = finished(client, song)

    assert client.post("/api/sign-out").status_code == 422
    assert sessions(client) == [session]


@pytest.mark.parametrize("token", ["", "  ", "short", f"{ANNA} short"])
def test_every_token_is_a_secret(jobs: MemoryJobs, settings: ServiceSettings, token: str) -> None:
    with pytest.raises(InputError):
        create_app(jobs, replace(settings, token=token))


def test_any_token_sees_the_metrics(laptop: TestClient) -> None:
    for token in (ANNA, BEN):
        assert laptop.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert laptop.post("/api/remix", **form(b"")).status_code == 401

"""What strangers try, one by one."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service_kit import BASE_URL, MemoryJobs, begin, finished, form
from stemwright.errors import InputError, InternalError, RefusedError
from stemwright.service import probe
from stemwright.service.build import build_parts
from stemwright.service.logs import JsonLines
from stemwright.service.main import create_app
from stemwright.service.problems import ProblemError, plain
from stemwright.service.results import attachment
from stemwright.service.settings import ServiceSettings, parse_expire

TOKEN = "a-long-secret-that-nobody-guesses"
PRIVATE = ("status", "progress", "audio", "plan", "peaks", "report", "download", "stems/vocals A")
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def guarded(client: TestClient, jobs: MemoryJobs, settings: ServiceSettings) -> TestClient:
    client.app.state.parts = build_parts(jobs, replace(settings, token=TOKEN))  # type: ignore[attr-defined]
    return client


# who may listen, and who may ask


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_beyond_loopback_a_token_is_needed(jobs: MemoryJobs, settings: ServiceSettings, host: str) -> None:
    with pytest.raises(RefusedError, match="STEMWRIGHT_TOKEN"):
        create_app(jobs, replace(settings, host=host))
    replace(settings, host=host, token=TOKEN).require_safe()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_loopback_needs_none(settings: ServiceSettings, host: str) -> None:
    replace(settings, host=host).require_safe()


def test_a_short_token_is_no_secret(jobs: MemoryJobs, settings: ServiceSettings) -> None:
    with pytest.raises(InputError, match="16"):
        create_app(jobs, replace(settings, token="short"))


def test_with_a_token_nobody_gets_in_without(guarded: TestClient, song: bytes) -> None:
    for answer in (
        guarded.get("/api/sessions"),
        guarded.post("/api/remix", **form(song)),
        guarded.put("/api/uploads/a.wav", content=song),
        guarded.get("/api/sessions", headers={"Authorization": "Bearer wrong-wrong-wrong-wrong"}),
        guarded.get("/metrics"),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "set-cookie" not in answer.headers


def test_programs_show_the_token(guarded: TestClient, song: bytes) -> None:
    assert guarded.post("/api/remix", headers=BEARER, **form(song)).status_code == 200
    assert "stemwright_jobs" in guarded.get("/metrics", headers=BEARER).text


def test_browsers_sign_in_once(guarded: TestClient) -> None:
    assert guarded.post("/api/sign-in", json={"token": "no"}).status_code == 401
    answer = guarded.post("/api/sign-in", json={"token": TOKEN})

    assert answer.status_code == 200
    assert guarded.get("/api/sessions").status_code == 200
    # metrics are for programs
    assert guarded.get("/metrics").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    cookie = client.get("/api/sessions").headers["set-cookie"]

    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert "set-cookie" not in client.get("/api/sessions").headers


def test_a_cookie_that_was_not_made_here_is_nobody(client: TestClient) -> None:
    client.cookies.set("stemwright", "chosen-by-an-attacker.0000")

    assert "set-cookie" in client.get("/api/sessions").headers


def test_another_token_makes_cookies_invalid(
    guarded: TestClient, jobs: MemoryJobs, settings: ServiceSettings
) -> None:
    guarded.post("/api/sign-in", json={"token": TOKEN})
    other = TestClient(create_app(jobs, replace(settings, token=TOKEN[::-1])), base_url=BASE_URL)
    other.cookies = guarded.cookies

    assert other.get("/api/sessions").status_code == 401


def test_without_a_token_a_program_is_known_by_its_own_text(client: TestClient, song: bytes) -> None:
    mine, other = ({"Authorization": f"Bearer my-own-long-name-{n}"} for n in (1, 2))
    session = client.post("/api/remix", headers=mine, **form(song)).json()["session_id"]

    assert client.get(f"/api/remix/{session}/status", headers=mine).status_code == 200
    assert client.get(f"/api/remix/{session}/status", headers=other).status_code == 404
    assert client.get("/api/sessions", headers={"Authorization": "Bearer short"}).status_code == 401


@pytest.mark.parametrize("what", PRIVATE)
def test_sessions_of_others_are_not_there(
    client: TestClient, stranger: TestClient, song: bytes, what: str
) -> None:
    session = finished(client, song)
    unknown = stranger.get(f"/api/remix/{'0' * 32}/{what}")

    seen = stranger.get(f"/api/remix/{session}/{what}")

    assert (seen.status_code, seen.json()) == (404, unknown.json())


def test_nobody_changes_or_erases_what_is_not_theirs(
    client: TestClient, stranger: TestClient, song: bytes
) -> None:
    session = finished(client, song)

    assert stranger.delete(f"/api/remix/{session}").status_code == 404
    assert stranger.post(f"/api/remix/{session}/refine", json={"undo": True}).status_code == 404
    assert stranger.put(f"/api/remix/{session}/plan", json={}).status_code == 404
    assert client.get(f"/api/remix/{session}/status").status_code == 200


# other sites


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "localhost.evil.example", ""])
def test_names_that_dns_can_point_here_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/sessions", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765", "192.168.1.7:80", "LOCALHOST"])
def test_loopback_and_plain_addresses_are_known(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_a_name_can_be_added(jobs: MemoryJobs, settings: ServiceSettings) -> None:
    named = TestClient(create_app(jobs, replace(settings, names=("music.example",))), base_url=BASE_URL)

    assert named.get("/health", headers={"Host": "music.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(client: TestClient, song: bytes, headers: dict[str, str]) -> None:
    session = finished(client, song)

    assert client.post("/api/remix", headers=headers, **form(song)).status_code == 403
    assert client.delete(f"/api/remix/{session}", headers=headers).status_code == 403
    assert client.get(f"/api/remix/{session}/audio", headers=headers).status_code == 403


def test_our_own_page_is_let_in(client: TestClient, song: bytes) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}

    assert client.post("/api/remix", headers=own, **form(song)).status_code == 200


def test_following_a_link_to_the_page_is_let_in(client: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert client.get("/", headers=link).status_code == 200
    assert "set-cookie" not in client.get("/", headers=link).headers
    # it would come without its strict cookie, be taken for a new browser, and lose its sessions
    assert client.get("/api/sessions", headers=link).status_code == 403


def test_cors_is_closed(client: TestClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answer = client.options("/api/remix", headers=asked)

    assert answer.status_code in (403, 405)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/health", "/api/sessions", "/api/remix/none/audio", "/nowhere"])
def test_every_answer_carries_strict_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


# what is uploaded


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("model.pt", pickle.dumps({"weights": [1, 2, 3]}), "not"),
        ("song.wav", b"#EXTM3U\nhttp://10.0.0.1/secret.ts\n", "playlist"),
        ("song.wav", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "concat"),
        ("song.mp3", b"\x7fELF" + bytes(5000), "program"),
        ("song.mp3", b"\xef\xbb\xbf#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        ("song.flac", b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>', "DASH"),
        ("song.wav", b"v=0\no=- 0 0 IN IP4 10.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n", "SDP"),
        ("song.mp3", b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"#EXTM3U\nhttp://10.0.0.1/a.ts\n", "song.mp3"),
        ("song.wav", b"", "empty"),
        ("song.wav", b"<html><script>alert(1)</script>", "HTML"),
        ("song.wav", b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(16), "song.wav"),
    ],
)
def test_only_audio_comes_in_whatever_it_is_called(
    client: TestClient, name: str, content: bytes, word: str
) -> None:
    answer = client.put(f"/api/uploads/{name}", content=content)

    assert answer.status_code == 422
    assert word in answer.json()["detail"]


def test_a_zip_of_pickles_is_refused(client: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(object))

    assert client.put("/api/uploads/model.ckpt", content=packed.getvalue()).status_code == 422


def test_type_is_asked_of_the_content(client: TestClient, song: bytes) -> None:
    assert client.put("/api/uploads/notes.txt", content=song).json()["container"] == "WAV"


def test_nothing_half_received_is_kept(client: TestClient, settings: ServiceSettings) -> None:
    client.put("/api/uploads/a.wav", content=b"not audio at all")

    assert list((settings.data / "incoming").iterdir()) == []


def small(settings: ServiceSettings, jobs: MemoryJobs, **limits: Any) -> TestClient:
    app = create_app(jobs, replace(settings, **limits))
    return TestClient(app, base_url=BASE_URL)


class Endless:
    """A body that says how long it is, and must not be read."""

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("the body was read")


def test_too_large_is_refused_before_the_body_is_read(settings: ServiceSettings, jobs: MemoryJobs) -> None:
    client = small(settings, jobs, max_upload_bytes=1_000_000, max_song_bytes=1_000_000)
    for method, path, kind in (
        ("PUT", "/api/uploads/a.wav", "audio/wav"),
        ("POST", "/api/remix", "multipart/form-data; boundary=x"),
        ("POST", "/api/analyze", "application/json"),
        ("POST", "/api/produce", "application/json"),
    ):
        headers = {"Content-Length": "999000000", "Content-Type": kind}
        answer = client.request(method, path, content=iter([b"x"]), headers=headers)
        assert answer.status_code == 413, path
        assert set(answer.json()) == {"detail"}


def test_bytes_are_counted_where_no_length_is_told(
    settings: ServiceSettings, jobs: MemoryJobs, song: bytes
) -> None:
    client = small(settings, jobs, max_upload_bytes=40_000, max_song_bytes=40_000)

    assert client.put("/api/uploads/a.wav", content=iter([song] * 5)).status_code == 413
    answer = client.post("/api/remix", **form(song))
    assert (answer.status_code, "a.wav" in answer.json()["detail"]) == (413, True)


def test_duration_and_channels_are_asked_of_the_header(
    settings: ServiceSettings, jobs: MemoryJobs, song: bytes
) -> None:
    with small(settings, jobs, max_upload_s=1.0) as client:
        assert "long" in client.put("/api/uploads/a.wav", content=song).json()["detail"]
    with small(settings, jobs, max_song_s=1.0) as client:
        answer = client.post("/api/remix", **form(song))
        assert (answer.status_code, answer.json()["detail"][:6]) == (422, "song_a")
    lying = bytearray(song)
    at = song.index(b"fmt ") + 10
    lying[at : at + 2] = (200).to_bytes(2, "little")
    with small(settings, jobs) as client:
        assert client.put("/api/uploads/a.wav", content=bytes(lying)).status_code == 422


def test_a_full_disk_is_told_before_anything_is_taken(
    settings: ServiceSettings, jobs: MemoryJobs, song: bytes
) -> None:
    client = small(settings, jobs, min_free_bytes=10**18)

    assert client.put("/api/uploads/a.wav", content=song).status_code == 507
    assert client.post("/api/remix", **form(song)).status_code == 507


def test_a_disk_that_fills_up_on_the_way_is_told(
    client: TestClient, song: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [10**18, -1]
    monkeypatch.setattr("stemwright.service.receive.free_bytes", lambda _folder: left.pop(0))
    monkeypatch.setattr("stemwright.service.receive.CHECK_BYTES", 20_000)

    assert client.put("/api/uploads/a.wav", content=iter([song] * 3)).status_code == 507


def test_a_full_queue_says_when_to_come_back(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    jobs.recipe = None  # type: ignore[assignment]
    jobs.most_waiting = 1
    begin(client, song)

    answer = client.post("/api/remix", **form(song))

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"


def test_a_hanging_header_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "START", "import time; print(flush=True); time.sleep(60)")
    prober = probe.Prober(0.1)
    with pytest.raises(ProblemError, match="header"):
        asyncio.run(prober.ask(tmp_path / "a.wav", "a.wav", max_duration_s=1.0, max_channels=2))
    prober.close()


# specs


SPEC = """
title = "Song"
bpm = 120
[sections]
verse = 8
[[stem]]
name = "bass"
{source}
"""


@pytest.fixture
def uploaded(client: TestClient, song: bytes) -> dict[str, str]:
    return {"takes/bass.wav": client.put("/api/uploads/bass.wav", content=song).json()["sha256"]}


def test_a_spec_may_name_what_was_uploaded(client: TestClient, uploaded: dict[str, str]) -> None:
    spec = SPEC.format(source='file = "takes/bass.wav"')

    assert client.post("/api/produce", json={"spec": spec, "files": uploaded}).status_code == 200


@pytest.mark.parametrize(
    "source",
    [
        'file = "/etc/passwd"',
        'file = "../../etc/passwd"',
        'file = "takes/../takes/bass.wav"',
        'file = "C:\\\\secret.wav"',
        'file = "other.wav"',
        'midi = "/etc/passwd"',
        'midi = { file = "song.mid" }',
        'command = { argv = ["rm", "-rf", "/"] }',
        'command = { argv = ["id"], output = "takes/bass.wav" }',
        'file = "takes/bass.wav"\neffects = [{ type = "vst3", path = "takes/bass.wav" }]',
        'file = "takes/bass.wav"\neffects = [{ type = "convolution", path = "/etc/passwd" }]',
        'file = "takes/bass.wav"\n[master]\nmatch = { file = "/etc/passwd" }',
        'file = "takes/bass.wav"\n[reference]\nfile = "/etc/passwd"',
    ],
)
def test_a_spec_may_name_nothing_else(client: TestClient, uploaded: dict[str, str], source: str) -> None:
    spec = SPEC.format(source=source)

    answer = client.post("/api/produce", json={"spec": spec, "files": uploaded})

    assert answer.status_code == 422, answer.text
    assert "/" not in answer.json()["detail"].replace("and/or", "").replace("takes/", "").replace(
        "../", ""
    ) or ("uploaded" in answer.json()["detail"])


@pytest.mark.parametrize("top", ['soundfont = "/etc/passwd"', 'reference = "/etc/passwd"'])
def test_nor_at_its_top(client: TestClient, uploaded: dict[str, str], top: str) -> None:
    spec = top + SPEC.format(source='file = "takes/bass.wav"')

    assert client.post("/api/produce", json={"spec": spec, "files": uploaded}).status_code == 422


@pytest.mark.parametrize(
    "name", ["../x.wav", "/x.wav", "a//b.wav", "a\\b.wav", "~root", "a/./b", "x\n.wav", "c:x"]
)
def test_names_of_files_stay_inside(client: TestClient, uploaded: dict[str, str], name: str) -> None:
    files = {name: next(iter(uploaded.values()))}

    assert client.post("/api/produce", json={"spec": "x", "files": files}).status_code == 422
    assert client.post("/api/verify", json={"files": files}).status_code == 422


def test_a_set_is_checked(client: TestClient, jobs: MemoryJobs, uploaded: dict[str, str]) -> None:
    answer = client.post("/api/verify", json={"files": {"bass.wav": uploaded["takes/bass.wav"]}})
    unknown = client.post("/api/verify", json={"files": {"bass.wav": "f" * 64}})
    preset = client.post(
        "/api/verify", json={"files": {"bass.wav": uploaded["takes/bass.wav"]}, "preset": "nonsense"}
    )

    assert (answer.status_code, unknown.status_code, preset.status_code) == (200, 422, 422)
    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    assert state.request.kind == "verify"


# hostile words


HOSTILE = '\u202e<script>\r\nSet-Cookie: a=b;\x00"../../x\u2028.wav'


def test_hostile_names_stay_words(client: TestClient, song: bytes) -> None:
    files = {"song_a": (HOSTILE, song), "song_b": ("b.wav", song)}
    session = client.post("/api/remix", files=files, data={"prompt": HOSTILE + " please"}).json()[
        "session_id"
    ]

    status = client.get(f"/api/remix/{session}/status")

    assert status.status_code == 200
    assert status.headers["content-type"] == "application/json"
    assert not any(ord(c) < 32 for c in status.json()["title"])


def test_titles_can_not_break_out_of_headers() -> None:
    for name in (HOSTILE, 'a"; filename=b.exe', "\n\n", "×" * 500, "..", "CON"):
        header = attachment(name)
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2


def test_log_lines_stay_lines() -> None:
    record = logging.LogRecord("stemwright.service", 20, "", 0, "answer", (), None)
    record.fields = {"path": '/x\n{"level":"error"}\x1b[31m\u2028\x7f', "session": "s" * 20}

    line = JsonLines().format(record)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"].startswith("/x")


def test_no_folder_in_any_sentence() -> None:
    assert plain("can't read /home/me/secret/song.wav: gone") == "can't read song.wav: gone"
    assert plain(r"can't read C:\Users\me\song.wav") == "can't read song.wav"
    assert plain("1/2 time, A/B, 44.1/48 kHz and https://example.org/a/b") == (
        "1/2 time, A/B, 44.1/48 kHz and https://example.org/a/b"
    )


def test_the_log_tells_of_each_session(
    client: TestClient, song: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "stemwright.service"):
        session = finished(client, song)
        client.get(f"/api/remix/{session}/audio")

    told = [(record.message, getattr(record, "fields", {})) for record in caplog.records]
    assert ("submitted", {"session": session, "kind": "remix"}) in told
    assert any(fields.get("session") == session and fields.get("status") == 200 for _, fields in told)


class Broken(MemoryJobs):
    def sessions(self, owner: str) -> list[Any]:
        raise InternalError(f"secret at {Path.cwd()}")

    def state(self, session: str) -> Any:
        raise ZeroDivisionError(f"secret at {Path.cwd()}")


def test_our_own_faults_say_an_incident_that_the_log_knows(
    tmp_path: Path, settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(create_app(Broken(tmp_path / "f", None), settings), base_url=BASE_URL)  # type: ignore[arg-type]

    for path in ("/api/sessions", f"/api/remix/{'0' * 32}/status"):
        caplog.clear()
        answer = client.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        incident = answer.json()["detail"].rstrip(".").rpartition(" ")[2]
        assert incident in str([getattr(record, "fields", {}) for record in caplog.records])
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_errors_of_jobs_are_told_without_folders(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    def fail(*_: object) -> Any:
        raise InputError("/var/lib/stemwright/in/song_a/x.wav is damaged.")

    jobs.recipe = fail

    status = client.get(f"/api/remix/{finished(client, song)}/status").json()

    assert (status["status"], status["detail"]) == ("error", "x.wav is damaged.")


def test_the_page_stays_in_its_folder(client: TestClient) -> None:
    for path in (
        "/../settings.py",
        "/%2e%2e/settings.py",
        "/..%2f..%2f..%2fetc/passwd",
        "/a%00b",
        "/" + "x" * 5000,
    ):
        assert client.get(path).status_code in (404, 422)


@pytest.mark.parametrize("text", ["", "3", "h", "-3h", "3 weeks", "0h"])
def test_expire_is_a_length_of_time(text: str) -> None:
    with pytest.raises(InputError):
        parse_expire(text)


def test_expire_is_read() -> None:
    assert [parse_expire(text) for text in ("3h", "90m", "2d", "never", None)] == [
        10800,
        5400,
        172800,
        None,
        None,
    ]

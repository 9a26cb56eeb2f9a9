"""Stems that somebody has already, over HTTP: as several files, or as one zip."""

from __future__ import annotations

import io
import pickle
import stat
import wave
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service_kit import PLAN, MemoryJobs, finished
from stemwright.engine.jobs import JobRequest
from stemwright.service.build import build_parts
from stemwright.service.settings import ServiceSettings
from stemwright.service.stems import own_names

PROMPT = "A sings over B"


def tone(*, seconds: float = 0.2, level: int = 1) -> bytes:
    """A short WAV; each level is another content."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(level.to_bytes(2, "little") * round(seconds * 8_000))
    return out.getvalue()


VOCALS, DRUMS, BASS = (tone(level=level) for level in (1, 2, 3))


def packed(entries: dict[str, bytes], *, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


STEMS = {"My Song/Lead Vox.wav": VOCALS, "My Song/Kit.wav": DRUMS, "My Song/notes.txt": b"hello"}


def send(client: TestClient, files: Iterable[tuple[str, tuple[str, bytes]]], **texts: Any) -> Any:
    return client.post("/api/remix", files=list(files), data={"prompt": PROMPT} | texts)


def request_of(jobs: MemoryJobs, answer: Any) -> JobRequest:
    assert answer.status_code == 200, answer.text
    state = jobs.state(answer.json()["session_id"])
    assert state is not None
    return state.request


def digests(jobs: MemoryJobs, request: JobRequest) -> dict[str, bytes]:
    return {name: jobs.uploads.path(sha256).read_bytes() for name, sha256 in request.files.items()}


def test_several_files_are_the_stems_of_a_song(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    files = [
        ("song_a", ("a.wav", song)),
        ("stems_a", ("vocals.wav", VOCALS)),
        ("stems_a", ("drums.wav", DRUMS)),
    ]
    request = request_of(jobs, send(client, [*files, ("song_b", ("b.wav", song))]))

    assert digests(jobs, request) == {
        "song_a": song, "song_b": song, "stems_a/vocals.wav": VOCALS, "stems_a/drums.wav": DRUMS,
    }  # fmt: skip


def test_stems_alone_are_a_song(client: TestClient, jobs: MemoryJobs) -> None:
    files = [("stems_a", ("vocals.wav", VOCALS)), ("stems_b", ("set.zip", packed(STEMS)))]
    answer = send(client, files)
    request = request_of(jobs, answer)

    assert set(request.files) == {"stems_a/vocals.wav", "stems_b/Lead Vox.wav", "stems_b/Kit.wav"}
    title = client.get(f"/api/remix/{answer.json()['session_id']}/status").json()["title"]
    assert title in ("song A × set", "A × B")  # the report's, once there is one
    assert request.names["stems_b"] == "set"


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_stands_for_what_is_in_it(client: TestClient, jobs: MemoryJobs, song: bytes, how: int) -> None:
    files = [("stems_a", ("My Song.zip", packed(STEMS, how=how))), ("song_b", ("b.wav", song))]
    request = request_of(jobs, send(client, files))

    assert digests(jobs, request) == {
        "stems_a/Lead Vox.wav": VOCALS,
        "stems_a/Kit.wav": DRUMS,
        "song_b": song,
    }
    assert request.names["stems_a"] == "My Song"


@pytest.mark.parametrize("as_zip", [False, True])
def test_stems_may_be_uploaded_before(
    client: TestClient, jobs: MemoryJobs, song: bytes, as_zip: bool
) -> None:
    def put(name: str, content: bytes) -> str:
        answer = client.put(f"/api/uploads/{name}", content=content)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["sha256"])

    loose = {name.rpartition("/")[2]: content for name, content in STEMS.items() if name.endswith(".wav")}
    stems = {"x.zip": put("x.zip", packed(STEMS))} if as_zip else {n: put(n, c) for n, c in loose.items()}
    asked = {"song_a": put("a.wav", song), "stems_b": stems, "prompt": PROMPT}
    request = request_of(jobs, client.post("/api/remix", json=asked))

    assert digests(jobs, request) == {"song_a": song} | {f"stems_b/{n}": c for n, c in loose.items()}


def test_an_analysis_takes_stems_too(client: TestClient, song: bytes) -> None:
    files = [("stems_a", ("vocals.wav", VOCALS)), ("song_b", ("b.wav", song))]

    assert client.post("/api/analyze", files=files).status_code == 200


def test_a_refinement_keeps_the_stems(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    files = [("stems_a", ("vocals.wav", VOCALS)), ("song_b", ("b.wav", song))]
    before = request_of(jobs, answer := send(client, files))
    session = answer.json()["session_id"]
    while client.get(f"/api/remix/{session}/status").json()["status"] == "processing":
        pass

    after = request_of(jobs, client.post(f"/api/remix/{session}/refine", json={"prompt": "drums louder"}))

    assert (after.files, after.names) == (before.files, before.names)


def test_names_tell_files_apart() -> None:
    names = ["a/vox.wav", "b/vox.wav", "VOX.wav", ".drums.flac", "bass", "x/", "keys.mp2"]

    assert own_names(names) == [
        "vox.wav", "vox 2.wav", "VOX 3.wav", "drums.flac", "bass.wav", "x.wav", "keys.mp2.wav",
    ]  # fmt: skip


# what is refused


def zip_with_a_link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("vocals.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def lying_zip() -> bytes:
    """An entry that unpacks to more than it says."""
    whole = bytearray(packed({"vocals.wav": tone(seconds=2.0)}))
    size = len(tone(seconds=2.0)).to_bytes(4, "little")
    short = (len(tone(seconds=2.0)) - 1_000).to_bytes(4, "little")
    return bytes(whole.replace(size, short))


BAD_STEMS: dict[str, tuple[str, bytes, str]] = {
    "a link": ("s.zip", zip_with_a_link(), "link"),
    "a way out": ("s.zip", packed({"../../vocals.wav": VOCALS}), "leave its folder"),
    "a bomb": ("s.zip", packed({"vocals.wav": VOCALS + bytes(3_000_000)}), "unpacks to"),
    "many entries": ("s.zip", packed({f"{n}.txt": b"" for n in range(4_100)} | STEMS), "entries"),
    "nothing to hear": ("s.zip", packed({"readme.txt": b"x"}), "no audio"),
    "a pickle": ("s.zip", packed({"vocals.wav": pickle.dumps([1])}), "vocals.wav"),
    "a playlist": ("s.zip", packed({"vocals.wav": b"#EXTM3U\nhttp://10.0.0.1/a.ts\n"}), "playlist"),
    "a zip in a zip": ("s.zip", packed({"vocals.wav": packed(STEMS)}), "vocals.wav"),
    "a lie about its size": ("s.zip", lying_zip(), "vocals.wav"),
    "a broken zip": ("s.zip", b"PK\x03\x04" + bytes(500), "zip"),
    "notes": ("s.mid", b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0", "no audio"),
    "text": ("vocals.wav", b"just some words", "vocals.wav"),
}


@pytest.mark.parametrize("what", BAD_STEMS)
def test_what_is_no_stem_is_refused_early(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes, what: str
) -> None:
    name, content, word = BAD_STEMS[what]
    answer = send(client, [("stems_a", (name, content)), ("song_b", ("b.wav", song))])

    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert detail.startswith("stems_a: ")
    assert word in detail
    assert str(settings.data) not in detail
    assert not jobs._jobs
    assert list((settings.data / "incoming").iterdir()) == []


def test_a_set_is_either_files_or_one_zip(client: TestClient, song: bytes) -> None:
    files = [
        ("stems_a", ("a.zip", packed(STEMS))),
        ("stems_a", ("x.wav", VOCALS)),
        ("song_b", ("b.wav", song)),
    ]

    assert "one zip" in send(client, files).json()["detail"]


def test_both_songs_are_needed(client: TestClient) -> None:
    answer = send(client, [("stems_a", ("vocals.wav", VOCALS))])

    assert (answer.status_code, "song_b is missing" in answer.json()["detail"]) == (422, True)


def test_stems_are_as_long_as_songs_at_most(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    client.app.state.parts = build_parts(jobs, replace(settings, max_song_s=4.0))  # type: ignore[attr-defined]
    long = tone(seconds=5.0, level=7)
    for files in ([("stems_a", ("v.wav", long))], [("stems_a", ("s.zip", packed({"v.wav": long})))]):
        answer = send(client, [*files, ("song_b", ("b.wav", song))])
        assert (answer.status_code, "long" in answer.json()["detail"]) == (422, True)


def test_stems_of_a_song_are_together_as_large_as_one_upload_at_most(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, song: bytes
) -> None:
    small = replace(settings, max_upload_bytes=len(VOCALS) * 3 // 2)
    client.app.state.parts = build_parts(jobs, small)  # type: ignore[attr-defined]
    two = [("stems_a", ("v.wav", VOCALS)), ("stems_a", ("d.wav", DRUMS)), ("song_b", ("b.wav", song))]
    zipped = [("stems_a", ("s.zip", packed({"v.wav": VOCALS, "d.wav": DRUMS}))), ("song_b", ("b.wav", song))]

    assert send(client, two).status_code == 413
    assert send(client, zipped).status_code == 413
    assert send(client, [two[0], two[2]]).status_code == 200


def test_a_zip_that_would_fill_the_disk_is_refused(
    client: TestClient, jobs: MemoryJobs, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(settings, max_unpacked_bytes=2_000)
    client.app.state.parts = build_parts(jobs, small)  # type: ignore[attr-defined]
    assert client.put("/api/uploads/s.zip", content=packed(STEMS)).status_code == 422
    client.app.state.parts = build_parts(jobs, settings)  # type: ignore[attr-defined]
    monkeypatch.setattr("stemwright.service.receive.free_bytes", lambda _folder: len(VOCALS))
    assert client.put("/api/uploads/s.zip", content=packed(STEMS)).status_code == 507


def test_a_zip_is_no_song_and_no_part_of_a_spec(client: TestClient, song: bytes) -> None:
    upload = client.put("/api/uploads/s.zip", content=packed(STEMS)).json()
    spec = 'title = "x"\nbpm = 120\n[sections]\nverse = 8\n[[stem]]\nname = "bass"\nfile = "a.wav"\n'
    answers = [
        client.post(
            "/api/remix", json={"song_a": upload["sha256"], "song_b": upload["sha256"], "prompt": PROMPT}
        ),
        send(client, [("song_a", ("a.wav", packed(STEMS))), ("song_b", ("b.wav", song))]),
        client.post("/api/produce", json={"spec": spec, "files": {"a.wav": upload["sha256"]}}),
    ]

    assert (upload["container"], upload["holds"]) == ("ZIP", 2)
    assert [answer.status_code for answer in answers] == [422, 422, 422]


def test_somebody_elses_zip_is_no_use(client: TestClient, stranger: TestClient, song: bytes) -> None:
    digest = client.put("/api/uploads/s.zip", content=packed(STEMS)).json()["sha256"]
    own = stranger.put("/api/uploads/b.wav", content=song).json()["sha256"]
    asked = {"stems_a": {"s.zip": digest}, "song_b": own, "prompt": PROMPT}

    assert stranger.post("/api/remix", json=asked).status_code == 422


# what else can be chosen


def test_a_form_takes_every_choice_that_json_takes(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    songs = [("song_a", ("a.wav", song)), ("song_b", ("b.wav", song))]
    request = request_of(jobs, send(client, songs, separator="demucs", planner="offline", seed="7"))

    assert request.options == {
        "prompt": PROMPT, "separator": "demucs", "engine": "builtin", "planner": "offline", "seed": 7,
    }  # fmt: skip
    for odd in ({"separator": "rm -rf"}, {"seed": "many"}, {"engine": "../x"}, {"separatr": "demucs"}):
        answer = send(client, songs, **odd)
        assert answer.status_code == 422
        assert next(iter(odd)) in answer.json()["detail"]
    assert request_of(jobs, send(client, songs, plan_only="true")).options["plan_only"] is True


def test_a_plan_may_take_the_place_of_the_prompt(client: TestClient, jobs: MemoryJobs, song: bytes) -> None:
    session = finished(client, song)
    digest = next(iter(jobs.state(session).request.files.values()))  # type: ignore[union-attr]
    songs = {"song_a": digest, "song_b": digest}
    request = request_of(jobs, client.post("/api/remix", json=songs | {"plan": PLAN}))

    assert request.options["plan"]["vocal_source"] == "song_a"
    assert client.post("/api/remix", json=songs | {"plan": {"songs": 3}}).status_code == 422
    assert client.post("/api/remix", json=songs).status_code == 422


def test_json_is_small_even_where_forms_are_large(client: TestClient) -> None:
    body = iter([b'{"prompt": "', *[b"x" * 1_000_000] * 3, b'"}'])
    answer = client.post("/api/remix", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, "JSON" in answer.json()["detail"]) == (413, True)

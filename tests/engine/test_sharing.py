"""Files and finished steps through a bucket: fetched when missing, kept once, the same on every machine."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemwright.engine import sharing
from stemwright.engine.files import Blobs
from stemwright.engine.orders import Site
from stemwright.engine.sharing import ObjectBucket, SharedStoreSettings, bucket_of, store_of
from stemwright.errors import InputError, StorageError
from stemwright.pipeline.locks import release, try_lock
from stemwright.pipeline.store import LOCK, Store, StoreSettings

KEY = "ab" * 32


class Counting(ObjectBucket):
    """Counts what is fetched."""

    fetched = 0

    def fetch(self, name: str, path: Path) -> bool:
        self.fetched += 1
        return super().fetch(name, path)


def sites(tmp_path: Path) -> tuple[Site, Site]:
    url = f"file://{tmp_path / 'bucket'}"
    one, two = (tmp_path / name for name in ("one", "two"))
    return Site(one, one / "store", bucket=url), Site(two, two / "store", bucket=url)


def test_a_step_done_on_one_machine_is_found_on_another(tmp_path: Path) -> None:
    here, there = map(store_of, sites(tmp_path))
    work = here.workspace()
    (work / "deep").mkdir()
    (work / "deep" / "stem.wav").write_bytes(b"\x00\x01" * 5_000)
    here.keep(KEY, work, {"checks": [], "details": {"n": 1}})

    found = there.find(KEY)

    assert found is not None
    assert found.record == {"checks": [], "details": {"n": 1}}
    assert found.file("deep/stem.wav").read_bytes() == b"\x00\x01" * 5_000
    assert there.find("cd" * 32) is None
    assert Store(StoreSettings(tmp_path / "two" / "store")).find(KEY) is not None, "it lies here from now on"
    assert list((tmp_path / "two" / "store" / "tmp").iterdir()) == []


def test_settings_open_the_same_store_in_a_second_process(tmp_path: Path) -> None:
    settings = store_of(sites(tmp_path)[0]).settings

    assert isinstance(settings, SharedStoreSettings)
    assert type(settings.open()) is type(store_of(sites(tmp_path)[0]))


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'bucket'}"
    sha256, size = Blobs(tmp_path / "one", ObjectBucket(url)).put(io.BytesIO(b"song" * 1000))
    bucket = Counting(url)
    other = Blobs(tmp_path / "two", bucket)

    assert size == 4000
    assert [other.path(sha256).read_bytes() for _ in range(3)] == [b"song" * 1000] * 3
    assert bucket.fetched == 1
    other.remove(sha256)
    with pytest.raises(InputError, match="no longer there"):
        other.path(sha256)


def test_what_is_large_goes_up_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LARGE_BYTES", 1_000)
    bucket = ObjectBucket(f"file://{tmp_path / 'bucket'}")
    content = bytes(range(256)) * 50_000
    (tmp_path / "a").write_bytes(content)
    bucket.put("x", tmp_path / "a")

    assert bucket.fetch("x", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    bucket = bucket_of(sites(tmp_path)[0])
    assert bucket is not None
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(b"second")
    bucket.put("x", tmp_path / "a")
    bucket.put("x", tmp_path / "b")

    assert bucket.fetch("x", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"first"
    assert not bucket.fetch("y", tmp_path / "d")
    bucket.remove("x")
    bucket.remove("x")


def test_a_run_waits_while_another_one_that_ended_trims_the_store(tmp_path: Path) -> None:
    store = Store(StoreSettings(tmp_path))
    handle = try_lock(tmp_path / LOCK)
    assert handle is not None
    began = time.monotonic()
    done = threading.Timer(0.3, release, (tmp_path / LOCK, handle))
    done.start()

    with store.in_use():
        waited_s = time.monotonic() - began
    done.join()

    assert waited_s >= 0.25


SERVER = "moto_server"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that speaks S3, on loopback, with an empty bucket; returns the bucket's URL."""
    program = shutil.which(SERVER, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("no moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as told:
        server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=told, stderr=told)
    settings = {
        "AWS_ENDPOINT": url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret",
    }  # fmt: skip
    try:
        _make_bucket(f"{url}/songs", server, log)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            yield "s3://songs/stemwright"
    finally:
        server.kill()
        server.wait()


def _make_bucket(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until_s = time.monotonic() + 60.0
    while True:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=10):
                return
        except urllib.error.URLError:
            assert time.monotonic() < until_s, log.read_text()
            time.sleep(0.05)


def test_steps_and_files_go_through_s3(s3: str, tmp_path: Path) -> None:
    one, two = (Site(tmp_path / name, tmp_path / name / "store", bucket=f"{s3}/a") for name in ("1", "2"))
    here, there = store_of(one), store_of(two)
    work = here.workspace()
    (work / "stem.wav").write_bytes(b"\x00\x01" * 5_000)
    here.keep(KEY, work, {"checks": [], "details": {"n": 1}})
    sha256, _ = Blobs(one.blobs, bucket_of(one)).put(io.BytesIO(b"song" * 1000))
    other = Blobs(two.blobs, bucket_of(two))

    found = there.find(KEY)

    assert found is not None
    assert found.file("stem.wav").read_bytes() == b"\x00\x01" * 5_000
    assert there.find("cd" * 32) is None
    assert other.path(sha256).read_bytes() == b"song" * 1000
    other.remove(sha256)
    assert not Blobs(tmp_path / "3", bucket_of(two)).has(sha256)


def test_s3_keeps_what_is_there(s3: str, tmp_path: Path) -> None:
    bucket = ObjectBucket(f"{s3}/b")
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(b"second")
    bucket.put("x", tmp_path / "a")
    bucket.put("x", tmp_path / "b")

    assert bucket.fetch("x", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"first"
    assert not bucket.fetch("y", tmp_path / "d")
    bucket.remove("x")
    bucket.remove("x")
    assert not bucket.fetch("x", tmp_path / "e")


def test_two_machines_that_write_the_same_to_s3_at_once_both_go_on(s3: str, tmp_path: Path) -> None:
    class Blind(ObjectBucket):
        """Does not see what is there: so does a machine that looked a moment too early."""

        def _has(self, name: str) -> bool:
            return False

    (tmp_path / "a").write_bytes(b"same")
    for bucket in (Blind(f"{s3}/c"), Blind(f"{s3}/c")):
        bucket.put("x", tmp_path / "a")

    assert ObjectBucket(f"{s3}/c").fetch("x", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"same"


def test_what_is_large_goes_to_s3_in_parts(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LARGE_BYTES", 1_000)
    bucket = ObjectBucket(f"{s3}/d")
    content = bytes(range(256)) * 50_000
    (tmp_path / "a").write_bytes(content)
    bucket.put("x", tmp_path / "a")

    assert bucket.fetch("x", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content


def test_s3_that_is_away_is_said_plainly(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(sharing, "PATIENCE_S", 0.1)
    bucket = ObjectBucket(s3)
    (tmp_path / "a").write_bytes(b"x")

    with pytest.raises(StorageError, match="can't be written"):
        bucket.put("x", tmp_path / "a")
    with pytest.raises(StorageError, match="can't be read"):
        bucket.fetch("x", tmp_path / "b")
    with pytest.raises(StorageError):
        bucket.remove("x")

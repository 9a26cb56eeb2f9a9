"""Files and finished steps through a bucket: fetched when missing, kept once, the same on every machine."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from stemwright.engine import sharing
from stemwright.engine.files import Blobs
from stemwright.engine.orders import Site
from stemwright.engine.sharing import ObjectBucket, SharedStoreSettings, bucket_of, store_of
from stemwright.errors import InputError
from stemwright.pipeline.store import Store, StoreSettings

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

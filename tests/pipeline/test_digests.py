"""Digests that are remembered: right for every file that changed, quick for those that did not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from stemwright.pipeline import digests
from stemwright.pipeline.digests import folder_sha256, remembered_sha256
from stemwright.pipeline.store import Store, StoreSettings

LONG_AGO_S = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreSettings(tmp_path / "store"))


def old(path: Path, content: bytes, *, changed_s: float = LONG_AGO_S) -> Path:
    path.write_bytes(content)
    os.utime(path, (changed_s, changed_s))
    return path


def test_a_file_is_read_once(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old(tmp_path / "a.wav", b"one")
    expected = hashlib.sha256(b"one").hexdigest()
    assert remembered_sha256(path, store) == expected
    monkeypatch.setattr(digests, "sha256_of", lambda _path: pytest.fail("read again"))
    assert remembered_sha256(path, store) == expected


@pytest.mark.parametrize("changed_s", [LONG_AGO_S, LONG_AGO_S + 1])
def test_another_content_is_another_digest(tmp_path: Path, store: Store, changed_s: float) -> None:
    path = old(tmp_path / "a.wav", b"one")
    remembered_sha256(path, store)
    path.unlink()
    other = old(tmp_path / "a.wav", b"longer", changed_s=changed_s)
    assert remembered_sha256(other, store) == hashlib.sha256(b"longer").hexdigest()


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    remembered_sha256(path, store)
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert remembered_sha256(path, store) == hashlib.sha256(b"two").hexdigest()


def test_a_folder_is_its_names_and_contents(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "stems"
    folder.mkdir()
    files = [old(folder / name, name.encode()) for name in ("bass.wav", "drums.wav")]
    first = folder_sha256(folder, files, store)
    assert folder_sha256(folder, reversed(files), store) == first
    assert folder_sha256(folder, files[:1], store) != first
    files[0].rename(folder / "keys.wav")
    assert folder_sha256(folder, [folder / "keys.wav", files[1]], store) != first

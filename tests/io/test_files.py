from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import rng
from stemwright.errors import RefusedError, StorageError
from stemwright.io.files import (
    atomic_write_bytes,
    atomic_write_text,
    copy_file,
    free_bytes,
    part_file,
    safe_name,
    sha256_of,
)

EVIL = [
    "../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "C:\\x", "a/b", "nul", "CON.wav", "lpt1",
    ".hidden", "x\0y", "tab\there", "\u202egnp.exe", "a" * 4_000,
    "", ".", "..", "   ", "?*<>|:", "日" * 300, "e\u0301", "\ud800x",
]  # fmt: skip


@pytest.mark.parametrize("title", EVIL)
def test_evil_titles_become_names_that_stay_in_their_folder(title: str, tmp_path: Path) -> None:
    check_name(safe_name(title))
    path = tmp_path / f"{safe_name(title)}.wav"
    path.write_bytes(b"")
    assert path.resolve().parent == tmp_path.resolve()


@given(st.text())
def test_any_title_becomes_a_name(title: str) -> None:
    check_name(safe_name(title))
    assert safe_name(safe_name(title)) == safe_name(title)


def check_name(name: str) -> None:
    assert name
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>|')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 121
    assert name.split(".", maxsplit=1)[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}


def test_good_titles_stay_as_they_are() -> None:
    for title in ("Night Drive", "Für Elise (Remix)", "夜想曲 No. 2", "A & B's [live]", "99.5%"):
        assert safe_name(title) == title


def test_content_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic_write_text(path, "é\n")
    assert path.read_bytes() == b"\xc3\xa9\n"
    with pytest.raises(RefusedError):
        atomic_write_bytes(path, b"other", overwrite=False)
    with pytest.raises(ZeroDivisionError), part_file(path, overwrite=True) as part:
        part.write_bytes(b"x" * (1 // 0))
    with pytest.raises(StorageError, match="folder does not exist"):
        atomic_write_bytes(tmp_path / "no" / "a", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text(encoding="utf-8") == "é\n"


def test_copies_are_equal_and_refuse_to_overwrite(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(rng().bytes(3_000_000))
    copy_file(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert sha256_of(target) == hashlib.sha256(source.read_bytes()).hexdigest()
    with pytest.raises(RefusedError):
        copy_file(source, target)
    copy_file(source, target, overwrite=True)
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "gone", tmp_path / "c")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_sha256_of_a_known_vector(tmp_path: Path) -> None:
    """FIPS 180-2, appendix B.1."""
    (tmp_path / "abc").write_bytes(b"abc")
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "abc") == wanted


def test_free_space_is_that_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.1)
    assert free_bytes(tmp_path) > 0

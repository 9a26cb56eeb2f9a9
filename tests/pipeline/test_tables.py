from pathlib import Path

import pytest

from stemwright.errors import SpecError, UnreadableError
from stemwright.pipeline.tables import MAX_SPEC_BYTES, Table, nearest, read_toml

TEXT = """\
title = "Night Drive"
bpm = 92.1

[sections]
verse = 8

[[stem]]
name = "bass"
[[stem]]
name = "drums"
gain_db = "loud"
"""


@pytest.fixture
def table(tmp_path: Path) -> Table:
    path = tmp_path / "spec.toml"
    path.write_text(TEXT)
    return read_toml(path)


def test_numbers_are_exact(table: Table) -> None:
    assert str(table.fraction("bpm")) == "921/10"


def test_a_complaint_names_file_line_and_key(table: Table) -> None:
    stem = table.tables("stem")[1]
    with pytest.raises(SpecError, match=r"spec\.toml, line 11, stem\[1\]\.gain_db: 'loud' is not a number"):
        stem.number("gain_db")


def test_unknown_keys_get_the_nearest_known(table: Table) -> None:
    for key in ("title", "sections", "stem"):
        table.raw(key)
    table.raw("bpn", None)
    with pytest.raises(SpecError, match=r"line 2, bpm: this key is not known here\. Did you mean \"bpn\"\?"):
        table.finish()


def test_missing_keys_are_named(table: Table) -> None:
    with pytest.raises(SpecError, match=r"meter: this key is needed"):
        table.raw("meter")


@pytest.mark.parametrize(
    ("toml", "seen"),
    [("x = true", "True is not a number"), ("x = nan", "not a number"), ("x = 99", "99 is outside 0 … 10"),
     ("x = [1]", "not a number"), ("x = 1.5", "1.5 is not a whole number")],
)  # fmt: skip
def test_numbers_that_are_none(tmp_path: Path, toml: str, seen: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(toml)
    with pytest.raises(SpecError, match=seen):
        read_toml(path).integer("x", low=0, high=10)


@pytest.mark.parametrize(
    ("content", "seen"),
    [(b"a = ", "line 1"), (b"a = 1\na = 2", "line 2"), (b"\xff\xfe", "UTF-8"), (b"[" * 4000, "TOML|deeply"),
     (b"#" * (MAX_SPEC_BYTES + 1), "bytes")],
)  # fmt: skip
def test_files_that_are_no_toml(tmp_path: Path, content: bytes, seen: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=seen):
        read_toml(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"can't be read: No such file"):
        read_toml(tmp_path / "no.toml")


def test_nothing_near_lists_what_is_known() -> None:
    assert nearest("zzz", ["loop", "pad"]) == "Known: loop, pad."

import hashlib
import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import noise
from stemwright.audio import iter_blocks
from stemwright.checks import Check, Notice, Report, Severity, Step
from stemwright.delivery import canonical_json, describe_files, write_manifest, write_report_json
from stemwright.errors import InternalError, UnreadableError
from stemwright.io.writer import write_audio


def test_every_kind_of_value_has_one_shape() -> None:
    shapes: dict[str, tuple[object, object]] = {
        "null": (None, None),
        "nan": (math.nan, None),
        "infinite": (-math.inf, None),
        "numpy": (np.float32(0.1), 0.100000001),
        "whole": (np.int64(3), 3),
        "minus": (-0.0, 0.0),
        "flag": (np.array([True])[0], True),
        "exact": (Fraction(1, 3), 0.333333333),
        "decimal": (Decimal("92.5"), 92.5),
        "word": (Severity.ERROR, "error"),
        "path": (Path("a") / "b", "a/b"),
        "array": (np.arange(2), [0, 1]),
        "set": ({"b", "a"}, ["a", "b"]),
        "notice": (Notice("ü", "x"), {"text": "ü", "subject": "x"}),
        "pair": ((1, 2), [1, 2]),
    }
    value = {name: given for name, (given, _) in shapes.items()}
    read = json.loads(canonical_json(value))
    assert read == {name: expected for name, (_, expected) in shapes.items()}
    assert read["flag"] is True
    assert "ü" in canonical_json(value)
    assert "-0.0" not in canonical_json(value)


def test_order_is_kept_and_noise_of_the_machine_is_not() -> None:
    assert canonical_json({"b": 1, "a": 2}) == '{\n  "b": 1,\n  "a": 2\n}\n'
    assert canonical_json(0.1 + 0.2) == canonical_json(0.3)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists))
def test_what_is_written_can_be_read_by_anybody(value: object) -> None:
    written = canonical_json(value)
    written.encode("utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    again = json.loads(written, parse_constant=refuse)
    assert canonical_json(again) == written


def test_bytes_have_no_place() -> None:
    with pytest.raises(InternalError, match="bytes"):
        canonical_json({"a": b"x"})


def deliver(folder: Path) -> list[str]:
    audio = noise(0.5, channels=2)
    (folder / "stems").mkdir(parents=True)
    for name, subtype in (("stems/b.wav", "FLOAT"), ("stems/a.wav", "PCM_24"), ("master.flac", "PCM_16")):
        write_audio(folder / name, iter_blocks(audio), sample_rate=48_000, channels=2, subtype=subtype)
    (folder / "spec.toml").write_text('title = "x"\n')
    return ["stems/b.wav", "spec.toml", "master.flac", "stems/a.wav"]


def test_the_manifest_describes_each_file(tmp_path: Path) -> None:
    names = deliver(tmp_path)
    write_manifest(tmp_path / "manifest.json", describe_files(tmp_path, names))
    files = {entry["path"]: entry for entry in json.loads((tmp_path / "manifest.json").read_text())["files"]}
    assert list(files) == sorted(names)
    for name, entry in files.items():
        content = (tmp_path / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
    assert {name: files[name].get("subtype") for name in names} == {
        "stems/b.wav": "FLOAT", "spec.toml": None, "master.flac": "PCM_16", "stems/a.wav": "PCM_24",
    }  # fmt: skip
    assert files["master.flac"]["frames"] == 24_000
    assert files["master.flac"]["channels"] == 2
    assert files["master.flac"]["sample_rate"] == 48_000
    assert "frames" not in files["spec.toml"]


def test_the_manifest_knows_no_place_and_no_order(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        names = deliver(tmp_path / folder)
        order = names if folder == "one" else names[::-1]
        write_manifest(tmp_path / folder / "manifest.json", describe_files(tmp_path / folder, order))
    one, two = ((tmp_path / folder / "manifest.json").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert str(tmp_path).encode() not in one


def test_audio_that_is_none_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "fake.wav").write_text("no audio")
    with pytest.raises(UnreadableError, match=r"fake\.wav"):
        describe_files(tmp_path, ["fake.wav"])
    assert not (tmp_path / "manifest.json").exists()


def test_report_json_is_the_report(tmp_path: Path) -> None:
    bad = Check.at_most("true peak", "master", math.nan, -1, "dBTP", advice="<b>")
    report = Report("1.0", "produce", "Ünïcode \ud800", (Step("master", (bad,), {"at": Path("x")}),))
    write_report_json(tmp_path / "report.json", report)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read["title"] == "Ünïcode ?"
    assert read["status"] == "failed"
    assert read["steps"][0]["checks"][0]["measured"] is None
    assert read["steps"][0]["checks"][0]["passed"] is False
    assert read["steps"][0]["details"] == {"at": "x"}

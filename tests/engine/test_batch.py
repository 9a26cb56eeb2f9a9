"""Hundreds of jobs from a table: read strictly, gone on with after an interruption, never done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine_scene import SPEC, songs, until
from stemwright.engine.batch import read_manifest
from stemwright.errors import InputError, SpecError

HEAD = "kind,inputs,prompt,options,out\n"


def manifest(folder: Path, *rows: str) -> Path:
    """Write a manifest beside links to small files."""
    folder.mkdir(exist_ok=True)
    stems = songs()[0].with_name("Night-stems")
    for path in (*songs(), stems / "vocals.wav", stems / "bass.wav"):
        (folder / path.name).write_bytes(path.read_bytes())
    takes = folder / "takes"
    takes.mkdir(exist_ok=True)
    for name in ("vocals", "bass"):
        (takes / f"{name}.wav").write_bytes((stems / f"{name}.wav").read_bytes())
    (folder / "spec.toml").write_text(SPEC)
    path = folder / "list.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


def command(path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "stemwright", "batch", str(path), "--json", *options]


def run(path: Path, *options: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        command(path, *options), capture_output=True, text=True, check=False,
        env=os.environ | {"STEMWRIGHT_STORE": str(path.parent / "store")},
    )  # fmt: skip
    assert done.stdout, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return done.returncode, found


ROWS = (
    "master,Night.wav,,,one",
    'align,vocals.wav,,"{""length"": ""4.5""}",two',
    "verify,takes,,,three",
    "produce,spec.toml,,,four",
)


def test_a_batch_does_every_kind_and_nothing_twice(tmp_path: Path) -> None:
    path = manifest(tmp_path / "batch", *ROWS)
    code, found = run(path)
    rows = found["rows"]
    assert isinstance(rows, list)

    assert [row["status"] in ("passed", "warning", "failed") for row in rows] == [True] * 4, rows
    assert code == (1 if found["status"] == "failed" else 0)
    assert (path.parent / "one" / "Night.wav").is_file()
    assert (path.parent / "two" / "vocals.wav").is_file()
    assert (path.parent / "three" / "report.json").is_file()
    assert (path.parent / "four" / "master.wav").is_file()

    _, again = run(path)
    later = again["rows"]
    assert isinstance(later, list)
    assert [row["session"] for row in later] == [row["session"] for row in rows], "nothing was done twice"

    (path.parent / "one" / "Night.wav").write_bytes(b"mine")
    code, third = run(path)
    refused = third["rows"]
    assert isinstance(refused, list)
    assert refused[0]["status"] == "error"
    assert "in the way" in refused[0]["detail"]
    assert code == 1


@pytest.mark.slow
def test_an_interrupted_batch_goes_on(tmp_path: Path) -> None:
    rows = [f'master,Night.wav,,"{{""loudness_lufs"": {-20 + number}}}",out{number}' for number in range(6)]
    path = manifest(tmp_path / "batch", *rows)
    process = subprocess.Popen(
        command(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"STEMWRIGHT_STORE": str(path.parent / "store")},
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stdout is not None
    until("two rows are over", lambda: (process.stderr or sys.stdin).readline().startswith("2 of 6"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    code, found = run(path)

    results = found["rows"]
    assert isinstance(results, list)
    assert code == 0, found
    assert [row["status"] for row in results] == ["passed"] * 6 or found["status"] == "warning"
    assert sorted(out.name for out in path.parent.glob("out*")) == [f"out{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("mix,Night.wav,,,x", 'line 2: kind "mix" is not known'),
        ("master,nothing.wav,,,x", "line 2:"),
        ("master,,,,x", "line 2: inputs is missing"),
        ("master,Night.wav,,{,x", "line 2: options are no JSON"),
        ("master,Night.wav,,[1],x", "no JSON object"),
        ("master,Night.wav,,,x\nmaster,Tide.wav,,,x", "line 3"),
    ],
)
def test_a_manifest_is_checked_before_any_work(tmp_path: Path, row: str, words: str) -> None:
    path = manifest(tmp_path / "batch", row)

    with pytest.raises(SpecError, match=words):
        read_manifest(path)


def test_a_manifest_needs_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("sort,inputs\n")
    with pytest.raises(SpecError, match="columns"):
        read_manifest(path)
    with pytest.raises(InputError):
        read_manifest(tmp_path / "nothing.csv")

"""remix, refine and analyze as people and scripts meet them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remix_songs import NIGHT, TIDE, write_song
from stemwright.cli import app as cli
from stemwright.pipeline.remix import SongRequest, recipe

Songs = tuple[SongRequest, SongRequest]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    folder = tmp_path_factory.mktemp("songs")
    return write_song(NIGHT, folder), write_song(TIDE, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "cores", lambda: 1)
    monkeypatch.setenv("STEMWRIGHT_STORE", str(shared))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def given(songs: Songs) -> list[str]:
    """Both songs with their stems, as arguments."""
    a, b = songs
    return [str(a.path), str(b.path), "--stems-a", str(a.stems), "--stems-b", str(b.stems)]


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command line in this process."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_remix_refine_and_undo(songs: Songs, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(
        "remix", *given(songs), "vocals of A over B", "--planner", "offline", "--strict", capsys=capsys
    )
    assert code == 0, out + err
    assert out.startswith("Song A sings over")
    assert "✓ arrange" in err
    folder = Path("Night × Tide")
    assert f"  listen      {folder / 'master.mp3'}\n" in out
    assert (folder / "master.mp3").is_file()
    code, out, _ = call("refine", str(folder), "bass quieter", "--planner", "offline", capsys=capsys)
    assert code == 0
    assert "note: change: The bass is quieter" in out
    code, out, _ = call("refine", str(folder), "--undo", "--json", capsys=capsys)
    assert code == 0
    document = json.loads(out)
    assert document["folder"] == str(folder)
    assert document["plan"]["explanation"]
    code, out, err = call("refine", str(folder), "--undo", capsys=capsys)
    assert (code, out) == (2, "")
    assert "nothing to undo" in err


def test_a_plan_is_shown_and_nothing_written(
    songs: Songs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(
        "remix",
        *given(songs),
        "start with only the drums",
        "--plan-only",
        "--planner",
        "offline",
        capsys=capsys,
    )
    assert code == 0
    assert "  0:00.0–" in out
    assert "drums" in out.splitlines()[1]
    assert not [path for path in tmp_path.iterdir() if path.name != "config"]
    code, out, _ = call(
        "remix", *given(songs), "", "--plan-only", "--planner", "offline", "--json", capsys=capsys
    )
    plan = json.loads(out)["plan"]
    Path("mine.json").write_text(json.dumps(plan))
    code, out, _ = call("remix", *given(songs), "--plan", "mine.json", "--plan-only", "--json", capsys=capsys)
    assert json.loads(out)["plan"] == plan


def test_a_wrong_plan_is_exit_2_with_its_place(songs: Songs, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.json").write_text('{"sections": 3}')
    code, out, err = call("remix", *given(songs), "--plan", "mine.json", capsys=capsys)
    assert (code, out) == (2, "")
    assert "mine.json: " in err
    code, out, _ = call("remix", *given(songs), "--plan", "mine.json", "--json", capsys=capsys)
    assert json.loads(out)["error"]["exit_code"] == code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["remix"],
        ["remix", "a.wav", "b.wav"],
        ["refine", "."],
        ["refine", ".", "louder"],
        ["refine", ".", "louder", "--undo"],
        ["analyze", "a.wav"],
        ["analyze", "a.wav", "b.wav", "c.wav"],
        ["analyze"],
    ],
)
def test_errors_are_one_document_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(*arguments, "--json", capsys=capsys)
    document = json.loads(out)
    assert code == document["error"]["exit_code"] == 2
    assert document["error"]["message"]
    assert "Traceback" not in err
    code, out, err = call(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert document["error"]["message"].split("\n")[0] in err


def test_one_song_and_two_are_analysed(songs: Songs, capsys: pytest.CaptureFixture[str]) -> None:
    a, _ = songs
    code, out, _ = call("analyze", str(a.path), "--stems-a", str(a.stems), capsys=capsys)
    assert code == 0
    assert out.startswith("Night\n  ")
    assert "120" in out
    code, out, _ = call("analyze", *given(songs), "--json", capsys=capsys)
    document = json.loads(out)
    assert code == 0
    assert document["song_b"]["title"] == "Tide"
    assert document["song_b"]["tempo"]["bpm"] == pytest.approx(111, abs=0.1)
    assert document["compatibility"]["level"] in ("great", "good")


@pytest.mark.parametrize(("typed", "bpm"), [("x2", 240.0), ("/2", 60.0), ("119.9", 120.0)])
def test_a_tempo_is_overridden(
    songs: Songs, capsys: pytest.CaptureFixture[str], typed: str, bpm: float
) -> None:
    a, _ = songs
    code, out, _ = call(
        "analyze", str(a.path), "--stems-a", str(a.stems), "--tempo-a", typed, "--key-a", "C minor",
        "--first-downbeat-a", str(NIGHT.start_s), "--json", capsys=capsys,
    )  # fmt: skip
    song = json.loads(out)["song_a"]
    assert code == 0
    assert song["tempo"]["bpm"] == pytest.approx(bpm, rel=2e-3)
    assert song["camelot"] == "5A"


@pytest.mark.slow
def test_a_real_interrupt_is_130_and_the_next_run_goes_on(songs: Songs, tmp_path: Path) -> None:
    """Control-C in the middle of a process of its own: no half file, and finished steps are found."""
    command = [sys.executable, "-m", "stemwright", "remix", *given(songs), "", "--planner", "offline"]
    command += ["--out", "out", "--json"]
    environment = {**os.environ, "STEMWRIGHT_STORE": str(tmp_path / "store")}
    run = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(Path(tmp_path / "store").glob("objects/*/song.wav")) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert json.loads(out)["error"]["kind"] == "interrupted"
    assert not list(Path("out").rglob("*.wav"))
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert again.returncode == 0, again.stderr
    assert json.loads(Path("out/run.json").read_text())["found_done"]

"""The command line as people and scripts meet it: real processes, exit codes, one document on stdout."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

import stemwright
from signals import noise, sine
from stemwright.cli import app as cli
from stemwright.cli.view import PlainView, RichView
from stemwright.io.reader import read_audio
from stemwright.pipeline.template import template_text

SPEC = """\
title = "Song"
bpm = 120
[sections]
verse = 8
[[stem]]
name = "bass"
score = { chords = "Am F" }
[delivery]
formats = ["wav"]
"""


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMWRIGHT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run the command line in this process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def process(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stemwright", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def write(path: Path, audio: stemwright.Audio, subtype: str = "PCM_24") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, audio.samples.T, audio.sample_rate, subtype=subtype)


def test_produce_and_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    code, out, err = call("produce", "spec.toml", capsys=capsys)
    assert code == 0, err
    assert "master.wav" in out
    assert "✓ source bass" in err
    assert (tmp_path / "Song" / "master.wav").exists()
    code, out, _ = call("verify", "Song", capsys=capsys)
    assert code == 0
    assert "checks passed" in out
    code, out, _ = call("verify", "Song/Song.zip", "--spec", "spec.toml", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["recipe"] == "verify"


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    done = process("produce", "spec.toml", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert list(document) == [
        "version", "recipe", "title", "status", "steps", "notices", "outputs", "folder",
    ]  # fmt: skip
    assert (Path(document["folder"]) / "report.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "seen"),
    [
        (["produce", "no.toml"], 2, "no.toml can't be read"),
        (["produce"], 2, "Missing argument"),
        (["prodce"], 2, "No such command"),
        (["verify", "nothing-here"], 2, "nothing-here"),
        (["verify", "a.wav", "--preset", "netflx"], 2, "netflix"),
        (["align", "a.wav", "b.wav", "--to", "soon"], 2, "neither a file, nor seconds, nor frames"),
        (["align", "a.wav", "b.mp3", "--to", "2"], 2, "must end in .wav, .flac"),
        (["align", "a.wav", "a.wav", "--to", "2"], 2, "exists"),
        (["align", "a.wav", "b.wav", "--to", "2", "--strategy", "lop"], 2, 'Did you mean "loop"'),
        (["align", "a.wav", "b.wav", "--to", "2", "--bpm", "fast"], 2, "is not a tempo"),
        (["align", "a.wav", "b.wav", "--to", "2", "--meter", "3/4"], 2, "says nothing without --bpm"),
        (["master", "a.wav", "b.wav", "--ceiling", "3"], 2, "ceiling"),
        (["master", "a.wav", "b.wav", "--amount", "1"], 2, "says nothing without --match"),
        (["analyze", "a.wav", "a.wav", "a.wav"], 2, "one or two can be analysed"),
        (["analyze", "no.wav"], 2, "does not exist"),
        (["analyze", "a.wav", "--tempo-a", "fast"], 2, "is no tempo"),
        (["analyze", "a.wav", "--key-a", "H"], 2, "is not a key"),
        (["remix", "a.wav", "a.wav"], 2, "at least 8 s"),
        (["remix", "a.wav", "no.wav"], 2, "does not exist"),
        (["remix", "a.wav", "a.wav", "--separator", "spleeter"], 2, "spleeter"),
        (["refine", "."], 2, "Say what to change"),
        (["refine", ".", "louder"], 2, "holds no remix"),
        (["analyze", "--loudness", "text.wav"], 2, "text.wav"),
    ],
)
def test_errors_are_sentences_with_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, seen: str
) -> None:
    write(tmp_path / "a.wav", sine(440, 1.0))
    (tmp_path / "text.wav").write_text("hello, I am not audio")
    got, out, err = call(*arguments, capsys=capsys)
    assert got == code
    assert seen in err
    assert out == ""
    assert "Traceback" not in err
    if code == 2 and "Missing" not in seen and "No such" not in seen and "Say" not in seen:
        got, out, _ = call(*arguments, "--json", capsys=capsys)
        document = json.loads(out)
        assert document["error"]["exit_code"] == got == 2
        assert seen in document["error"]["message"]


def test_a_failed_check_is_exit_1_in_words_and_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = noise(1.0, seed=1), noise(1.0, seed=2)
    spoiled = a.samples.copy()
    spoiled[0, 100] = np.nan
    write(tmp_path / "set/bass.wav", stemwright.Audio(spoiled, 48_000), "FLOAT")
    write(tmp_path / "set/keys.wav", b, "FLOAT")
    code, out, _ = call("verify", "set", capsys=capsys)
    assert code == 1
    assert "✗ error: bass" in out
    code, out, _ = call("verify", "set", "--json", capsys=capsys)
    assert code == 1
    assert json.loads(out)["status"] == "failed"


def test_a_gate_that_fails_a_production_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "ref.wav", sine(440, 1.0))
    gate = 'reference = { file = "ref.wav", min_duration_s = 130 }\n'
    (tmp_path / "spec.toml").write_text(gate + SPEC)
    code, _, err = call("produce", "spec.toml", capsys=capsys)
    assert code == 1
    assert "length is 1 s, asked for ≥ 130 s" in err
    code, out, _ = call("produce", "spec.toml", "--json", capsys=capsys)
    assert code == 1
    document = json.loads(out)
    assert document["status"] == "failed"
    assert document["checks"][0]["name"] == "length"


def test_presets_can_be_listed_and_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call("verify", "--list-presets", capsys=capsys)
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == ["pe-wing", "netflix", "serato", "mixxx-stem", "streaming"]
    write(tmp_path / "set/bass.wav", noise(1.0, sample_rate=44_100))
    code, out, _ = call("verify", "set", "--preset", "netflix", "--json", capsys=capsys)
    assert code == 1
    failed = [
        check for step in json.loads(out)["steps"] for check in step["checks"] if check["passed"] is False
    ]
    assert any("48000" in check["limit"] for check in failed)


def test_strict_turns_warnings_into_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loud = stemwright.Audio((noise(1.0).samples * 20).clip(-1, 1), 48_000)
    write(tmp_path / "set/bass.wav", loud)
    assert call("verify", "set", capsys=capsys)[0] == 0
    assert call("verify", "set", "--strict", capsys=capsys)[0] == 1


def test_align_and_master_single_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.wav", noise(2.0, channels=2))
    code, out, err = call("align", "a.wav", "long.wav", "--to", "7.3", "--strategy", "loop", capsys=capsys)
    assert code == 0, err
    assert read_audio("long.wav").frames == 350_400
    assert "loop" in out
    code, _, _ = call("align", "a.wav", "exact.wav", "--to", "12345f", capsys=capsys)
    assert code == 0
    assert read_audio("exact.wav").frames == 12_345
    code, _, _ = call("align", "a.wav", "same.flac", "--to", "long.wav", "--subtype", "PCM_24", capsys=capsys)
    assert code == 0
    assert read_audio("same.flac").frames == 350_400
    for target in ("m.wav", "m.flac", "m.mp3"):
        code, _, err = call("master", "long.wav", target, "--loudness", "-16", capsys=capsys)
        assert code == 0, err
        peak = stemwright.measure_loudness(target).true_peak_dbtp
        assert peak is not None
        assert peak <= -1.0


def test_master_can_match_another_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.wav", noise(4.0, channels=2, rms=0.02))
    write(tmp_path / "like.wav", noise(4.0, channels=2, rms=0.1, seed=5))
    wanted = stemwright.measure_loudness("like.wav").integrated_lufs
    code, _, err = call("master", "a.wav", "m.wav", "--match", "like.wav", "--amount", "1", capsys=capsys)
    assert code == 0, err
    assert stemwright.measure_loudness("m.wav").integrated_lufs == pytest.approx(wanted, abs=0.2)


def test_loudness_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.wav", sine(997, 5.0, channels=2, peak=10 ** (-20 / 20)))
    _, out, _ = call("analyze", "--loudness", "a.wav", "--json", capsys=capsys)
    (row,) = json.loads(out)["files"]
    assert row["integrated_lufs"] == pytest.approx(-20.0, abs=0.1)
    _, out, _ = call("analyze", "--loudness", "a.wav", capsys=capsys)
    assert "integrated -20.0" in out


def test_init_doctor_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("init", "my/spec.toml", capsys=capsys)[0] == 0
    assert (tmp_path / "my/spec.toml").read_text() == template_text()
    assert call("init", "my/spec.toml", capsys=capsys)[0] == 2
    code, out, _ = call("doctor", "--json", capsys=capsys)
    assert code == 0
    assert {"Python", "SoundFont", "store"} <= {row["name"] for row in json.loads(out)["findings"]}
    code, out, _ = call("cache", "--max-gib", "1.5", "--json", capsys=capsys)
    assert json.loads(out)["max_bytes"] == 1_610_612_736
    assert call("cache", "--clear", capsys=capsys)[0] == 0


def test_doctor_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stemwright.pipeline import doctor

    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "flying")
    code, out, _ = call("doctor", capsys=capsys)
    assert code == 1
    assert "✗ no-such-package: missing. Needed for flying: pip install no-such-package." in out


def test_a_fault_of_ours_is_exit_3_and_says_how_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[object]:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr("stemwright.pipeline.doctor.examine", broken)
    code, _, err = call("doctor", capsys=capsys)
    assert code == 3
    assert "Please report it with the file" in err
    assert "Traceback" not in err
    crash = Path(err.split("with the file ")[1].split(" in the project")[0])
    assert "ZeroDivisionError" in crash.read_text()
    crash.unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_130_leaves_nothing_half_and_can_be_resumed(tmp_path: Path, number: int) -> None:
    spec = template_text().replace("verse = 32", "verse = 400")
    (tmp_path / "spec.toml").write_text(spec)
    command = [sys.executable, "-m", "stemwright", "produce", "spec.toml", "--out", "out", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stdout is not None
        for line in running.stderr:
            if line.startswith("✓ source"):
                break
        time.sleep(0.3)
        running.send_signal(number)
        out, err = running.stdout.read(), running.stderr.read()
        assert running.wait(60) == 130, err
    assert json.loads(out)["error"]["exit_code"] == 130
    assert list((tmp_path / "out").iterdir()) == []
    assert list((tmp_path / "store" / "tmp").iterdir()) == []
    assert list((tmp_path / "store" / "objects").iterdir())


def test_a_killed_run_leaves_nothing_under_a_final_name(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    command = [sys.executable, "-m", "stemwright", "produce", "spec.toml", "--out", "out"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        running.stderr.readline()
        running.kill()
        running.wait(60)
    final = [p for p in (tmp_path / "out").rglob("*") if not any(q.startswith(".") for q in p.parts)]
    assert final == []
    done = process("produce", "spec.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.toml").write_text(SPEC)
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, err = call("produce", "spec.toml", "--out", "locked/out", capsys=capsys)
    assert code == 2
    assert "can't be written" in err


def test_a_full_disk_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from stemwright.io.wave import WaveEncoder

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WaveEncoder, "write", full)
    (tmp_path / "spec.toml").write_text(SPEC)
    code, _, err = call("produce", "spec.toml", "--out", "out", capsys=capsys)
    assert code == 2
    assert "the disk is full" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_live_terminal_shows_the_same_and_reads_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    from stemwright.checks import Check, Notice, Report, Step
    from stemwright.pipeline.events import Progress, StepFinished, StepStarted

    check = Check.at_most("peak", "[bold]stem[/bold]", 2.0, 1.0, "dBTP", advice="Lower it.")
    report = Report("1", "produce", "Song [red]", (Step("mix", (check,)),), (Notice("told"),))
    shown = []
    for view in (PlainView(), RichView()):
        with view.running():
            view.listen(StepStarted("mix", 1.0))
            view.listen(Progress("mix", 0.5))
            view.listen(StepFinished("mix", (check,), cached=False))
        view.report(report)
        shown.append(capsys.readouterr().out)
    for text in shown:
        assert "[bold]stem[/bold]: peak is 2 dBTP, asked for ≤ 1 dBTP." in text
        assert "Song [red]: failed (0 of 1 checks passed)" in text

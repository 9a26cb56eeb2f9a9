"""What README says is what happens: its commands, its spec and its Python, run as they stand."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signals import noise
from stemwright.io.writer import write_audio
from stemwright.pipeline.read_spec import load_spec

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    """Code blocks of README in one language."""
    found = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found


def run(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that README's commands name."""
    path = tmp_path_factory.mktemp("readme")
    loop = noise(2.0, channels=2, rms=0.1)
    write_audio(path / "loop.wav", [loop.samples], sample_rate=48_000, channels=2)
    write_audio(path / "mix.wav", [loop.samples], sample_rate=48_000, channels=2)
    return path


def commands() -> list[list[str]]:
    (text,) = [block for block in blocks("") if "stemwright init" in block]
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith("stemwright")]


def test_the_commands_and_the_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEMWRIGHT_STORE", str(folder / "store"))
    for command in commands():
        if "their-stems.zip" in command:
            shutil.copy(next((folder / "record").glob("*.zip")), folder / "their-stems.zip")
        run([sys.executable, "-m", *command], folder)
    (code,) = blocks("python")
    run([sys.executable, "-c", code], folder)


def test_the_spec_is_one(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    assert [stem.name for stem in load_spec(path).stems] == ["bass", "vocals"]


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README.read_text(encoding="utf-8"))
    missing = [link for link in links if not (README.parent / link).exists()]
    assert missing == []

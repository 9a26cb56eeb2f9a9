"""docs/remix.md is true: its commands and its Python run, and its checks are those that are asked."""

import json
import re
import shlex
from pathlib import Path

import pytest

from media import libsndfile, pyav
from remix_songs import NIGHT, TIDE, song_of, write_song
from stemwright.cli import app as cli

DOCS = Path(__file__).parents[2] / "docs" / "remix.md"
README = DOCS.parents[1] / "README.md"
TEXT = DOCS.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The songs that the page names."""
    path = tmp_path_factory.mktemp("remix")
    write_song(NIGHT, path, name="night")
    write_song(TIDE, path, name="tide")
    return path


def commands() -> list[list[str]]:
    lines = [line for block in re.findall(r"```\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("stemwright")]


def rows(heading: str) -> list[list[str]]:
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = [
        re.findall(r"`([^`]+)`", line.split("|")[1]) for line in part.splitlines() if line.startswith("| `")
    ]
    assert found
    return found


@pytest.fixture(scope="module")
def ran(folder: Path) -> Path:
    """Every command and the Python of the page, run as they stand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("STEMWRIGHT_STORE", str(folder / "store"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        for command in commands():
            with pytest.raises(SystemExit) as ended:
                cli.main(command)
            assert not ended.value.code, command
        (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
        exec(compile(code, "docs/remix.md", "exec"), {})
    return folder


@pytest.mark.slow
def test_every_example_runs(ran: Path) -> None:
    made = {path.parent.name for path in ran.glob("*/master.mp3")}
    assert made == {"night × tide", "first", "second", "third", "fourth", "remix"}
    history = json.loads((ran / "first" / "history.json").read_text())
    assert (len(history["versions"]), len(history["undone"])) == (1, 1)


@pytest.mark.slow
def test_the_files_are_those_that_come_out(ran: Path) -> None:
    named = {name for row in rows("What comes out") for name in row}
    made = {
        path.relative_to(ran / "first").as_posix() for path in (ran / "first").rglob("*") if path.is_file()
    }
    plain = {
        re.sub(r"^stems/.*", "stems/a_vocals.wav", re.sub(r".*\.zip$", "<title>.zip", name)) for name in made
    }
    assert plain == named


@pytest.mark.slow
def test_the_checks_are_those_that_are_asked(ran: Path) -> None:
    """Every check of real runs stands in the table, set check apart; every row is a check in the sources."""
    named = {name for row in rows("What the checks mean") for name in row}
    asked = set()
    for report in ran.glob("*/report.json"):
        for step in json.loads(report.read_text())["steps"]:
            if step["name"] != "verify":
                asked |= {re.sub("^asked: .*", "asked: …", check["name"]) for check in step["checks"]}
    assert asked - named == set()
    sources = "".join(path.read_text() for path in (DOCS.parents[1] / "src").rglob("*.py"))
    for name in named - asked - {"asked: …"}:
        assert f'"{name}"' in sources


@pytest.mark.slow
def test_what_readme_shows_of_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An MP3 and an M4A without stems, taken apart by the builtin separator."""
    libsndfile("MP3", "MPEG_LAYER_III")(tmp_path / "one.mp3", song_of(NIGHT))
    pyav("ipod", "aac")(tmp_path / "two.m4a", song_of(TIDE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEMWRIGHT_STORE", str(tmp_path / "store"))
    (block,) = re.findall(r"```sh\n(stemwright remix.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines():
        with pytest.raises(SystemExit) as ended:
            cli.main(shlex.split(line)[1:])
        assert not ended.value.code, line
    assert (tmp_path / "remix" / "master.mp3").stat().st_size > 100_000


def test_options_are_there() -> None:
    from stemwright.cli.app import app

    known = {option for parameter in app.commands["remix"].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]*", TEXT)) <= known | {"--undo"}


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", TEXT)
    assert [link for link in links if not (DOCS.parent / link).exists()] == []
    assert "docs/remix.md" in README.read_text(encoding="utf-8")

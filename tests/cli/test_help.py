"""What --help says: every command in one line, examples that can be typed, the defaults that hold."""

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from stemwright.cli import app as cli
from stemwright.engine.queue import QueueSettings
from stemwright.mastering.settings import MasterSettings
from stemwright.pipeline.remix import RefineOptions, RemixOptions
from stemwright.pipeline.single import AlignRequest, MasterRequest
from stemwright.service.settings import ServiceSettings

COMMANDS = sorted(cli.app.commands)


def options(name: str) -> list[click.Option]:
    return [one for one in cli.app.commands[name].params if isinstance(one, click.Option)]


def examples(name: str) -> list[list[str]]:
    lines = (cli.app.commands[name].epilog or "").splitlines()
    return [shlex.split(line) for line in lines if line.startswith("  stemwright ")]


def test_the_list_of_commands_has_a_whole_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert [name for name in re.findall(r"^  (\w+) +[A-Z]", shown, re.M) if name in COMMANDS] == list(
        cli.app.commands
    )
    assert "..." not in shown.split("Commands:")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    assert all((option.help or "").strip().endswith((".", ")")) for option in options(name))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "doctor"])
def test_examples_can_be_typed(name: str) -> None:
    found = examples(name)
    assert found
    for program, command, *arguments in found:
        assert (program, command) == ("stemwright", name)
        cli.app.commands[name].make_context(name, arguments)


def words_for(parameter: click.Parameter) -> list[str]:
    return [parameter.opts[0], "1"] if isinstance(parameter, click.Option) else ["1"]


def defaults(settings: Any) -> dict[str, Any]:
    return {
        field.name: field.default
        for field in dataclasses.fields(settings)
        if field.default is not dataclasses.MISSING
    }


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("align", AlignRequest),
        ("master", MasterRequest),
        ("remix", RemixOptions),
        ("analyze", RemixOptions),
        ("refine", RefineOptions),
        ("serve", ServiceSettings),
        ("serve", QueueSettings(Path())),
    ],
)
def test_defaults_are_those_of_the_settings(name: str, settings: Any) -> None:
    """They are typed twice, because importing the settings would cost --help more than half a second."""
    command = cli.app.commands[name]
    needed = [word for one in command.params if one.required for word in words_for(one)]
    typed = command.make_context(name, needed).params
    shared = typed.keys() & defaults(settings).keys()
    assert shared
    assert {key: typed[key] for key in shared} == {key: defaults(settings)[key] for key in shared}


def test_defaults_that_are_shown_in_other_units() -> None:
    shown = {option.name: option for name in ("master", "serve") for option in options(name)}
    assert shown["loudness_lufs"].show_default == f"{MasterSettings().loudness_lufs:g}"
    assert shown["ceiling_dbtp"].show_default == f"{MasterSettings().ceiling_dbtp:g}"
    service = ServiceSettings(Path())
    assert shown["max_song_mb"].default == service.max_song_bytes / 1e6
    assert shown["max_song_minutes"].default == service.max_song_s / 60

"""Options that several commands share, and how the end of a command's help is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = [
    "PATH",
    "engine_option",
    "examples",
    "force_option",
    "json_option",
    "llm_option",
    "model_option",
    "planner_option",
    "separator_option",
    "song_options",
    "strict_option",
]

PATH = click.Path(path_type=Path)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else."
)
force_option = click.option("--force", is_flag=True, help="Replace files that no run of stemwright made.")
strict_option = click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
separator_option = click.option(
    "--separator",
    metavar="NAME",
    default="builtin",
    show_default=True,
    help="builtin, demucs or audio-separator.",
)
model_option = click.option(
    "--model", metavar="NAME", help="Model of the separator: htdemucs, htdemucs_6s, … (default: its own)."
)
engine_option = click.option(
    "--engine",
    metavar="NAME",
    default="builtin",
    show_default=True,
    help="Who tracks the beats: builtin, essentia or a plug-in.",
)
planner_option = click.option(
    "--planner",
    type=click.Choice(("auto", "offline", "llm")),
    default="auto",
    show_default=True,
    help="auto: a language model where a key is set, else offline.",
)
llm_option = click.option("--llm", metavar="NAME", default="", help="provider:model, such as ollama:llama3.")


def song_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what people may know better about each song."""
    for song in ("b", "a"):
        name = song.upper()
        for option in (
            click.option(f"--key-{song}", metavar="KEY", help=f'Key of song {name}: "A minor".'),
            click.option(
                f"--first-downbeat-{song}",
                metavar="SECONDS",
                type=float,
                help=f"Where a bar of song {name} begins.",
            ),
            click.option(f"--tempo-{song}", metavar="BPM", help=f"Tempo of song {name}: 92.5, x2 or /2."),
            click.option(f"--stems-{song}", type=PATH, help=f"Folder with the stems of song {name}."),
        ):
            command = option(command)
    return command


def examples(*lines: str) -> str:
    """Write the end of a command's help: what can be typed as it stands."""
    return "\n".join(("\b", "Examples:", *(f"  stemwright {line}" for line in lines)))

"""`make demo`: make a record from the template spec, then a remix of two songs; say where to listen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.songs import NIGHT, TIDE, SongMaker
from stemwright.cli.app import main

HERE = Path(os.environ.get("STEMWRIGHT_DEMO", "demo-out"))
PROMPT = "vocals of the first song over the beat of the second, drop the drums in the breakdown, 75 seconds"


def ran(*arguments: str) -> None:
    """Run the command line, as people do; its end with an error is the demo's."""
    print(f"\n$ stemwright {' '.join(map(quoted, arguments))}", flush=True)
    try:
        main(list(arguments))
    except SystemExit as ended:
        if ended.code:
            sys.exit(ended.code)


def quoted(argument: str) -> str:
    """Write an argument the way a shell wants it."""
    return f'"{argument}"' if " " in argument else argument


def song(maker: SongMaker) -> Path:
    """Produce one of the two songs, with its stems; returns its folder."""
    folder = HERE / maker.title.lower().replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "song.toml").write_text(maker.spec(rounds=1), encoding="utf-8")
    ran("produce", str(folder / "song.toml"), "--out", str(folder))
    return folder


def run() -> None:
    """Make a record, and a remix of two others that are 8 % apart in tempo and two semitones in key."""
    HERE.mkdir(parents=True, exist_ok=True)
    spec, record, remix = HERE / "spec.toml", HERE / "night-drive", HERE / "remix"
    if not spec.exists():
        ran("init", str(spec))
    ran("produce", str(spec), "--out", str(record))
    ran("verify", str(record))
    one, other = song(NIGHT), song(TIDE)
    masters = str(one / "master.wav"), str(other / "master.wav")
    stems = "--stems-a", str(one / "stems"), "--stems-b", str(other / "stems")
    ran("remix", *masters, PROMPT, *stems, "--planner", "offline", "--out", str(remix))
    print(f"\nListen to {record / 'master.wav'} and {remix / 'master.mp3'};")
    print(f"look at {record / 'report.html'} and {remix / 'report.html'}.")
    print(f"Change {spec} and run `make demo` again, or: .venv/bin/stemwright produce {spec}")
    print(f'Change the remix: .venv/bin/stemwright refine {remix} "drums louder in the main part"')
    print("Open the page: .venv/bin/stemwright serve")
    print('A remix of your own: .venv/bin/stemwright remix ONE.mp3 OTHER.mp3 "what you would like to hear"')


if __name__ == "__main__":
    run()

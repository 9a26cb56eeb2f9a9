"""`make demo`: make a record from the template spec, and say where to listen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stemwright.cli.app import main

HERE = Path(os.environ.get("STEMWRIGHT_DEMO", "demo-out"))


def run() -> None:
    """Write the template spec and produce it, as people do."""
    HERE.mkdir(exist_ok=True)
    steps = (
        ["init", str(HERE / "spec.toml"), "--force"],
        ["produce", str(HERE / "spec.toml"), "--out", str(HERE / "night-drive")],
        ["verify", str(HERE / "night-drive"), "--preset", "pe-wing"],
    )
    for arguments in steps:
        print(f"\n$ stemwright {' '.join(arguments)}", flush=True)
        try:
            main(arguments)
        except SystemExit as ended:
            if ended.code:
                sys.exit(ended.code)
    print(
        f"\nListen to {HERE / 'night-drive' / 'master.wav'}; look at {HERE / 'night-drive' / 'report.html'}."
    )


if __name__ == "__main__":
    run()

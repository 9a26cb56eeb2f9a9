"""`make demo`: make a record from the template spec, and say where to listen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stemwright.cli.app import main

HERE = Path(os.environ.get("STEMWRIGHT_DEMO", "demo-out"))


def run() -> None:
    """Write the template spec, unless it is there already, and produce it, as people do."""
    HERE.mkdir(parents=True, exist_ok=True)
    spec, record = HERE / "spec.toml", HERE / "night-drive"
    steps = [
        ["init", str(spec)],
        ["produce", str(spec), "--out", str(record)],
        ["verify", str(record)],
    ]
    for arguments in steps[1:] if spec.exists() else steps:
        print(f"\n$ stemwright {' '.join(arguments)}", flush=True)
        try:
            main(arguments)
        except SystemExit as ended:
            if ended.code:
                sys.exit(ended.code)
    print(f"\nListen to {record / 'master.wav'}; look at {record / 'report.html'}.")
    print(f"Change {spec} and run `make demo` again, or: .venv/bin/stemwright produce {spec}")


if __name__ == "__main__":
    run()

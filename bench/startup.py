"""How long people wait before anything happens: ``--help``, the import, the demo once installed.

Run with ``python -m bench.startup``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from bench.harness import Row, machine, run_process, show, stemwright

ROUNDS = 7
HELP_S, IMPORT_S, DEMO_S = 0.15, 0.2, 60.0


def rows() -> list[Row]:
    """Median whole-process times, after one run that warms the disk."""
    helped = [stemwright("--help").wall_s for _ in range(ROUNDS + 1)][1:]
    bare = [run_process([sys.executable, "-c", "pass"]).wall_s for _ in range(ROUNDS + 1)][1:]
    importing = [sys.executable, "-c", "import stemwright"]
    imported = [run_process(importing).wall_s for _ in range(ROUNDS + 1)][1:]
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        env = {"STEMWRIGHT_STORE": str(here / "store"), "STEMWRIGHT_DEMO": str(here / "demo")}
        demo = run_process([sys.executable, "-m", "bench.demo"], env=env)
    if demo.exit_code:
        raise SystemExit(demo.output[-3000:])
    help_s = statistics.median(helped)
    import_s = statistics.median(imported) - statistics.median(bare)
    return [
        Row("stemwright --help", f"{help_s:.3f} s", f"< {HELP_S} s", help_s < HELP_S),
        Row(
            "import stemwright, beyond Python's start",
            f"{import_s:.3f} s",
            f"< {IMPORT_S} s",
            import_s < IMPORT_S,
        ),
        Row("the demo, once installed", f"{demo.wall_s:.1f} s", f"< {DEMO_S:.0f} s", demo.wall_s < DEMO_S),
    ]


if __name__ == "__main__":
    print(machine())
    sys.exit(show("Waiting times", rows()))

"""Run every benchmark and write docs/benchmarks.md: ``python -m bench``, or ``make bench``.

Each is also a command of its own; one that misses a limit makes the whole run end with 1.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import long, real_record, reference_job, startup
from bench.harness import Row, machine, run_process

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Every figure here comes from the command under its heading, on the machine named below. Times are of whole
processes; on shared machines the ratios hold, absolute times don't.

Machine: {machine}. Date: {date}.
"""
TABLES: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "Waiting times": ("startup", startup.rows),
    "The reference text's job": ("reference_job", reference_job.rows),
    "Memory and time against duration": ("long", long.rows),
    "A record of real recordings": ("real_record", real_record.rows),
}
PROGRAMS = {
    "Joins of aligned stems": "alignment",
    "Planted faults and false alarms of the set check": "verification",
    "The sampler against FluidSynth": "synth",
}


def table(title: str, name: str, rows: list[Row]) -> str:
    """One section made of rows."""
    body = "\n".join(row.as_markdown() for row in rows)
    head = "| what | measured | limit | reached |\n|---|---|---|---|"
    return f"\n## {title}\n\n`python -m bench.{name}`\n\n{head}\n{body}\n"


def printed(title: str, name: str) -> tuple[str, bool]:
    """One section made of what a benchmark prints."""
    run = run_process([sys.executable, "-m", f"bench.{name}"])
    verdict = "all limits reached" if run.exit_code == 0 else f"**ended with {run.exit_code}**"
    text = f"\n## {title}\n\n`python -m bench.{name}`: {verdict}\n\n```\n{run.output.strip()}\n```\n"
    return text, run.exit_code == 0


def main() -> int:
    """Run everything."""
    parts, good = [HEAD.format(machine=machine(), date=time.strftime("%Y-%m-%d"))], True
    for title, (name, measure) in TABLES.items():
        print(f"bench.{name} …", flush=True)
        rows = measure()
        good = good and all(row.passed is not False for row in rows)
        parts.append(table(title, name, rows))
    for title, name in PROGRAMS.items():
        print(f"bench.{name} …", flush=True)
        text, reached = printed(title, name)
        good = good and reached
        parts.append(text)
    PAGE.write_text("".join(parts), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

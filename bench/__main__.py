"""Run benchmarks and write docs/benchmarks.md: ``python -m bench [NAME …]``; ``make bench`` runs all.

Each is also a command of its own; one that misses a limit makes the whole run end with 1.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import lockstep, long, page, real_record, reference_job, remix, startup
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
    "Two songs of four minutes, a remix of two": ("remix", remix.rows),
    "Downbeats of two songs in one remix (median, 95th percentile)": ("lockstep", lockstep.rows),
    "The page in a browser": ("page", page.rows),
}
PROGRAMS = {
    "Joins of aligned stems": "alignment",
    "Planted faults and false alarms of the set check": "verification",
    "The sampler against FluidSynth": "synth",
    "Tempo, beats and downbeats of real songs": "rhythm",
    "Keys": "harmony",
    "Separation without weights": "separation",
    "Stretching": "stretch",
    "Ducking": "ducking",
    "Prompts against the rendered audio": "prompts",
    "The service": "service",
    "Many machines": "scale",
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


def measured(name: str) -> tuple[str, str, bool]:
    """Title, text and verdict of one benchmark."""
    for title, (own, measure) in TABLES.items():
        if own == name:
            rows = measure()
            return title, table(title, name, rows), all(row.passed is not False for row in rows)
    title = next(title for title, own in PROGRAMS.items() if own == name)
    return title, *printed(title, name)


def known_sections() -> dict[str, str]:
    """The sections of the page as it is, by title."""
    if not PAGE.exists():
        return {}
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: f"\n## {part.rstrip()}\n" for part in parts}


def main(wanted: list[str]) -> int:
    """Run the benchmarks that are named, or all, and renew their sections of the page."""
    names = [name for name, _ in TABLES.values()] + list(PROGRAMS.values())
    good = True
    for name in wanted or names:
        print(f"bench.{name} …", flush=True)
        title, text, reached = measured(name)
        good = good and reached
        sections = known_sections() | {title: text}
        head = HEAD.format(machine=machine(), date=time.strftime("%Y-%m-%d"))
        ordered = [sections[title] for title in (*TABLES, *PROGRAMS) if title in sections]
        PAGE.write_text(head + "".join(ordered), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

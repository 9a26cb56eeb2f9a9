"""What every benchmark shares: whole-process measurements and rows with their limits."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Row",
    "Run",
    "corpus",
    "machine",
    "run_process",
    "seeds",
    "show",
    "stemwright",
    "usual_environment",
]

SHARED = Path(os.environ.get("STEMWRIGHT_SHARED", Path(__file__).parents[2] / "shared"))


@dataclass(frozen=True)
class Row:
    """One figure with its limit."""

    name: str
    measured: str
    limit: str
    passed: bool | None

    def as_markdown(self) -> str:
        """A row of the table in docs/benchmarks.md."""
        verdict = {True: "yes", False: "**no**", None: "–"}[self.passed]
        return f"| {self.name} | {self.measured} | {self.limit} | {verdict} |"


@dataclass(frozen=True)
class Run:
    """A finished process: wall and CPU seconds, peak memory of it and its children in MB, exit status."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    exit_code: int
    output: str


def run_process(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end and measure the whole process, imports and all."""
    started = time.perf_counter()
    with subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=usual_environment() | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        with _Watch(process.pid) as watch:
            output = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - started
    rss_unit = 1 if sys.platform == "darwin" else 1024
    peak_mb = usage.ru_maxrss * rss_unit / 1e6 + watch.children_mb
    return Run(wall_s, usage.ru_utime + usage.ru_stime, peak_mb, process.returncode, output)


def usual_environment() -> dict[str, str]:
    """What people's machines have: Python keeps what it compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


class _Watch:
    """Follow the peak memory of a process's children, where ``/proc`` tells it; a peak is never forgotten."""

    PAUSE_S = 0.02

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks_kb: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    @property
    def children_mb(self) -> float:
        """Sum of the peaks of all children, as if they were reached at once."""
        return sum(self._peaks_kb.values()) * 1024 / 1e6

    def _follow(self) -> None:
        while not self._ended.wait(self.PAUSE_S):
            for child in _text(f"/proc/{self._pid}/task/{self._pid}/children").split():
                lines = _text(f"/proc/{child}/status").splitlines()
                peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
                self._peaks_kb[child] = max(self._peaks_kb.get(child, 0), peak)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def stemwright(*arguments: str, cwd: Path | None = None, store: Path | None = None) -> Run:
    """Run the command line as people do."""
    env = {"STEMWRIGHT_STORE": str(store)} if store else {}
    return run_process([sys.executable, "-m", "stemwright", *arguments], cwd=cwd, env=env)


def corpus(*parts: str) -> Path | None:
    """A file or folder of the shared corpus, where there is one."""
    path = SHARED.joinpath("corpus", *parts)
    return path if path.exists() else None


def seeds(name: str) -> Path | None:
    """A reference text, where there is one."""
    path = SHARED / "seeds" / name
    return path if path.exists() else None


def machine() -> str:
    """Name the machine that the figures belong to."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def show(title: str, rows: Sequence[Row]) -> int:
    """Print the rows; returns the exit status, 1 when a limit was missed."""
    print(f"\n## {title}\n")
    print("| what | measured | limit | reached |\n|---|---|---|---|")
    for row in rows:
        print(row.as_markdown())
    return int(any(row.passed is False for row in rows))

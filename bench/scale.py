"""What a remix costs as a job, and what that means for many: measured here, then simulated.

Two songs of four minutes without stems, as people upload them. The simulation uses the seconds measured here,
and is checked against a real queue of short jobs first.
"""

from __future__ import annotations

import heapq
import math
import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.harness import Row, Run, run_process, show, stemwright
from bench.throwaway_postgres import throwaway_postgres
from stemwright.engine import DurableJobs, JobKind, JobRequest, open_jobs, tables
from stemwright.engine.leases import Leases
from stemwright.engine.ledger import Claim, Ledger
from stemwright.engine.stages import RENDER, SEPARATION, phases_of

PROMPT = "vocals of song A over song B, 2 minutes"
SERVER_MB, FIRST_S, READY_S = 400.0, 0.3, 3.0
JOBS, STREAMS = 50, 200
A_DAY = 1_000_000
HOURS = 0.5
LEAST_ARRIVALS = 2_000
SEED = 7
WRITERS, WRITES = 8, 100
SETTLE_S = 4.0
"""The child that does the job gets ready meanwhile, as it does in a service that has run for a while."""
HOP_S = 0.06
"""Until a place that became free is taken by the next job: the queue looks 50 ms after the end of a job."""


@dataclass(frozen=True)
class Cost:
    """What one remix takes: seconds in each queue, CPU, the largest process, bytes."""

    separation_s: float
    render_s: float
    cpu_s: float
    peak_mb: float
    upload_mb: float
    steps_mb: float
    results_mb: float
    events: int


def wait_for(jobs: DurableJobs, sessions: Sequence[str]) -> None:
    """Wait until all are over; anything but complete ends the benchmark."""
    while len(jobs.ledger.over(sessions)) < len(sessions):
        time.sleep(0.05)
    for session in sessions:
        state = jobs.state(session)
        if state is None or state.status != "complete":
            sys.exit(f"{session}: {state and state.detail}")


def megabytes(folder: Path) -> float:
    """Size of everything in a folder; files with several names count once."""
    seen = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return sum(seen.values()) / 1e6


def cpu_of_all() -> float:
    """CPU seconds of this process, which is the server, and of all its children that ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def cost_of_a_remix(songs: tuple[Path, Path], folder: Path) -> tuple[Cost, float]:
    """Measure one remix through the queue; returns it with its wall seconds."""
    with open_jobs(folder) as jobs:
        digests = {f"song_{letter}": jobs.uploads.add(path) for letter, path in zip("ab", songs, strict=True)}
        names = {f"song_{letter}": path.name for letter, path in zip("ab", songs, strict=True)}
        time.sleep(SETTLE_S)
        before, began = cpu_of_all(), time.perf_counter()
        session = jobs.submit(JobRequest(JobKind.REMIX, "bench", digests, names, {"prompt": PROMPT}))
        wait_for(jobs, [session])
        wall_s = time.perf_counter() - began
        time.sleep(1.0)  # until its child is waited for, and counted
        spent_s = cpu_of_all() - before
        times = jobs.stage_times()
        events = len(jobs.events(session))
        made = jobs.folder(session)
    assert made is not None
    cost = Cost(
        separation_s=times[f"queue {SEPARATION}"][1],
        render_s=times[f"queue {RENDER}"][1],
        cpu_s=spent_s,
        peak_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3,
        upload_mb=sum(path.stat().st_size for path in songs) / 1e6,
        steps_mb=megabytes(folder / "store"),
        results_mb=megabytes(made),
        events=events,
    )
    return cost, wall_s


def many_at_once(song: Path, folder: Path) -> tuple[list[Row], float, float]:
    """Submit many short jobs at once with many listeners; returns rows, seconds in all, and of one job."""
    began = time.perf_counter()
    with open_jobs(folder, slots={RENDER: 1, SEPARATION: 1}) as jobs:
        ready_s = time.perf_counter() - began
        source = jobs.uploads.add(song)
        heads: list[list[int]] = [[] for _ in range(STREAMS)]
        began = time.perf_counter()
        sessions = [jobs.submit(short_job(source, number)) for number in range(JOBS)]
        submitted_s = (time.perf_counter() - began) / JOBS
        first_s = _first_event(jobs, sessions[-1])
        for number, mine in enumerate(heads):
            jobs.bell.listen(sessions[number % JOBS], partial(_hear, mine))
        wait_for(jobs, sessions)
        all_s = time.perf_counter() - began
        time.sleep(0.5)
        whole = sum(
            [event.number for event in jobs.events(session)] == list(range(1, len(jobs.events(session)) + 1))
            for session in sessions
        )
        heard = sum(
            mine == sorted(set(mine)) and mine[-1] == len(jobs.events(sessions[number % JOBS]))
            for number, mine in enumerate(heads)
        )
        mean_s = jobs.stage_times()[f"queue {RENDER}"][1]
    own_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    first = first_s <= FIRST_S
    rows = [
        Row("queue opened, ready for work", f"{ready_s:.2f} s", f"≤ {READY_S:g} s", ready_s <= READY_S),
        Row("submitting one job", f"{submitted_s * 1e3:.1f} ms", "", None),
        Row("first event after submitting", f"{first_s * 1e3:.0f} ms", f"≤ {FIRST_S * 1e3:.0f} ms", first),
        Row(f"{JOBS} jobs at once: stories whole", f"{whole} of {JOBS}", "all", whole == JOBS),
        Row(f"{STREAMS} listeners: heard all in order", f"{heard} of {STREAMS}", "all", heard == STREAMS),
        Row("server process, peak", f"{own_mb:.0f} MB", f"≤ {SERVER_MB:g} MB", own_mb <= SERVER_MB),
        Row("its threads", str(threading.active_count()), "", None),
    ]  # fmt: skip
    return rows, all_s, mean_s


def _hear(mine: list[int], _session: str, head: int) -> None:
    mine.append(head)


def _first_event(jobs: DurableJobs, session: str) -> float:
    began = time.perf_counter()
    jobs.wait(session, after=0, timeout_s=5.0)
    return time.perf_counter() - began


def short_job(source: str, number: int) -> JobRequest:
    """A job of its own: no two have a step in common."""
    options = {"loudness_lufs": -14.0 - number / 100}
    return JobRequest(JobKind.MASTER, f"owner{number}", {"source": source}, {"source": "x.wav"}, options)


@dataclass(frozen=True)
class Waits:
    """What a simulation found: how long jobs waited, and when the last one was done."""

    median_s: float
    worst_5_s: float
    done_s: float


def simulate(
    arrivals_s: Sequence[float],
    phases: Sequence[tuple[int, float]],
    *,
    hop_s: float = HOP_S,
    seed: int = SEED,
) -> Waits:
    """Let jobs go through queues, first come first served.

    Parameters
    ----------
    arrivals_s : Sequence of float
        When jobs come, ascending.
    phases : Sequence of (int, float)
        Slots of each queue, and mean seconds in it; times vary by ±30 %, as songs do.
    hop_s : float
        Until a free slot takes the next job.
    seed : int
        Of the variation.
    """
    chance = random.Random(seed)
    ready = list(arrivals_s)
    spent = [0.0] * len(ready)
    for slots, mean_s in phases:
        free = [0.0] * slots
        order = sorted(range(len(ready)), key=ready.__getitem__)
        for job in order:
            start = max(heapq.heappop(free), ready[job]) + hop_s
            spent[job] += start - ready[job]
            ready[job] = start + mean_s * chance.uniform(0.7, 1.3)
            heapq.heappush(free, ready[job])
    waits = sorted(spent)
    return Waits(waits[len(waits) // 2], waits[int(len(waits) * 0.95)], max(ready))


def plan(cost: Cost, *, a_day: int, busy: float = 0.85) -> tuple[Row, dict[str, int]]:
    """Find how many slots a rate needs: enough for the work, then more until 95 % wait less than that."""
    per_s = a_day / 86_400
    times = {SEPARATION: cost.separation_s, RENDER: cost.render_s}
    slots = {queue: max(1, math.ceil(per_s * mean_s / busy)) for queue, mean_s in times.items()}
    chance, now = random.Random(SEED), 0.0
    arrivals: list[float] = []
    while now < HOURS * 3600 or len(arrivals) < LEAST_ARRIVALS:
        now += chance.expovariate(per_s)
        arrivals.append(now)
    while (waits := _waits(arrivals, slots, times)).worst_5_s > sum(times.values()):
        fullest = max(slots, key=lambda queue: times[queue] / slots[queue])
        slots[fullest] += 1
    text = (
        f"{slots[SEPARATION]} + {slots[RENDER]} slots; waits: median {waits.median_s:.1f} s, "
        f"95 % under {waits.worst_5_s:.1f} s"
    )
    return Row(f"{a_day:,} remixes a day: separation + render", text, "", None), slots


def _waits(arrivals: Sequence[float], slots: Mapping[str, int], times: Mapping[str, float]) -> Waits:
    return simulate(arrivals, [(slots[queue], times[queue]) for queue in (SEPARATION, RENDER)])


def writes_per_s(url: str) -> float:
    """Measure how many transactions with an event each the book of jobs takes, from eight writers at once."""
    engine = tables.open_database(tables.database_url(url))
    tables.make_tables(engine)
    ledger, name = Ledger(engine), os.urandom(4).hex()
    Leases(engine).enlist(name, {})
    phase = phases_of(JobKind.MASTER)[0].name
    claims = []
    for number in range(WRITERS):
        session = f"{name}-{number}"
        with engine.begin() as connection:
            ledger.insert(connection, session, JobRequest(JobKind.MASTER, name))
        claims.append(ledger.begin(session, name, phase))

    def write(claim: Claim | None) -> None:
        for turn in range(WRITES):
            if claim is not None:
                ledger.write(claim, [("progress", {"name": "master", "progress": turn / WRITES})])

    began = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, claims))
    engine.dispose()
    return WRITERS * WRITES / (time.perf_counter() - began)


def _songs(folder: Path) -> tuple[Path, Path]:
    """Make both songs, in another process: this one is the server that is measured."""
    code = (
        "import sys; from pathlib import Path; from bench.songs import *; "
        "[make_song(tune, Path(sys.argv[1]) / name) for name, tune in (('a', NIGHT), ('b', TIDE))]"
    )
    made = run_process([sys.executable, "-c", code, str(folder)])
    if made.exit_code:
        sys.exit(made.output)
    return folder / "a" / "master.wav", folder / "b" / "master.wav"


def _ran(*arguments: str, store: Path) -> Run:
    run = stemwright(*arguments, store=store)
    if run.exit_code:
        sys.exit(run.output)
    return run


def rows() -> list[Row]:
    """Measure, check the simulation, and simulate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _songs(folder)
        short = folder / "short.wav"
        _ran(
            "align",
            str(paths[0]),
            str(short),
            "--to",
            "10",
            "--strategy",
            "truncate",
            store=folder / "direct",
        )
        out = str(folder / "out")
        direct = _ran("remix", *map(str, paths), PROMPT, "--out", out, store=folder / "direct")
        cost, wall_s = cost_of_a_remix(paths, folder / "queue")
        with throwaway_postgres() as postgres:
            urls = {"SQLite": f"sqlite:///{folder}/writes.sqlite", "PostgreSQL": postgres}
            written = [
                Row(f"events written a second, {name}", f"{writes_per_s(url):.0f}", "", None)
                for name, url in urls.items()
                if url is not None
            ]
        many, all_s, mean_s = many_at_once(short, folder / "many")
    predicted = simulate([0.0] * JOBS, [(1, mean_s)])
    error = predicted.done_s / all_s - 1
    sizes = f"{cost.upload_mb:.0f}, {cost.steps_mb:.0f}, {cost.results_mb:.0f} MB"
    close = abs(error) <= 0.15
    measured = [
        Row("once on the command line: wall, CPU", f"{direct.wall_s:.1f} s, {direct.cpu_s:.1f} s", "", None),
        Row("once as a job: wall, CPU", f"{wall_s:.1f} s, {cost.cpu_s:.1f} s", "", None),
        Row("seconds in separation, render", f"{cost.separation_s:.1f}, {cost.render_s:.1f}", "", None),
        Row("largest process of the job", f"{cost.peak_mb:.0f} MB", "", None),
        Row("bytes: uploads, finished steps, results", sizes, "", None),
        Row("events", str(cost.events), "", None),
        *written,
        *many,
        Row(f"simulation of {JOBS} jobs against them", f"{error:+.1%}", "within 15 %", close),
    ]  # fmt: skip
    return [*measured, *(plan(cost, a_day=rate)[0] for rate in (1_000, 10_000, 100_000, A_DAY))]


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(show("Many jobs", rows()))

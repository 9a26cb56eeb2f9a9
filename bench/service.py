"""The service: ready when, first event when, many at once, memory while files come in, overhead.

Run with ``python -m bench.service``. Everything goes over HTTP to ``stemwright serve`` as people start it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np

from bench.harness import Row, corpus, machine, run_process, show, usual_environment
from bench.throwaway_postgres import throwaway_postgres
from stemwright.engine import JobKind, JobRequest, open_jobs
from stemwright.io.writer import write_audio

READY_S, FIRST_EVENT_S, MEMORY_MB, OVERHEAD, UPLOAD_GROWTH_MB = 3.0, 0.3, 400.0, 0.05, 16.0
BATCH, TWO_WORKERS = 20, 0.6
BATCH_SONG_S = 240.0
JOBS, STREAMS, UPLOAD_BYTES = 50, 200, 100_000_000
TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 5
SETTLE_S = 4.0
"""The next job's child gets ready meanwhile, as it does in a service that has run for a while."""
PROMPT = "vocals of A over the drums of B"
ME = {"Authorization": "Bearer bench-by-its-own-long-name"}


@dataclass(frozen=True)
class Server:
    """A running service."""

    process: subprocess.Popen[str]
    url: str
    ready_s: float

    def memory_mb(self, field: str) -> float:
        """``VmHWM`` (highest so far) or ``VmRSS`` of the server process alone."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024 / 1e6

    def forget_peak(self) -> None:
        """Let the highest memory be counted from now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="utf-8")

    def cpu_s(self) -> float:
        """Processor time of the server and of all children that ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    """Start the service on a free port, and stop it."""
    began = time.perf_counter()
    argv = [sys.executable, "-m", "stemwright", "serve", "--port", "0", "--data", str(data)]
    with (data.parent / "server.log").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(argv, stderr=errors, text=True, env=usual_environment())
    url = ""
    while not url:
        assert process.poll() is None, "the service did not start"
        log = (data.parent / "server.log").read_text(encoding="utf-8")
        url = log.partition(" listens on ")[2].partition("/ ")[0]
        time.sleep(0.005)
    while True:
        try:
            httpx.get(f"{url}/health", timeout=10.0)
            break
        except httpx.TransportError:
            time.sleep(0.005)
    try:
        yield Server(process, url, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30.0)


def tone(path: Path, seconds: float, *, hz: float) -> Path:
    """A quiet chord, as stereo WAV."""
    times = np.arange(round(seconds * 44_100)) / 44_100
    line = (0.1 * np.sin(2 * np.pi * hz * times) * (1 + np.sin(2 * np.pi * 2 * times))).astype(np.float32)
    write_audio(path, [np.stack([line, line])], sample_rate=44_100, channels=2, subtype="PCM_16")
    return path


def numbers_of(lines: list[str]) -> tuple[list[int], str]:
    """Numbers of the events of a stream, and what the last one was."""
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    return [event["number"] for event in events], events[-1]["type"] if events else ""


async def stream_of(client: httpx.AsyncClient, session: str) -> tuple[list[int], str]:
    """Follow a session to its end."""
    async with client.stream("GET", f"/api/remix/{session}/progress") as stream:
        return numbers_of([line async for line in stream.aiter_lines()])


def first_event(server: Server, here: Path) -> float:
    """Seconds from the last byte of two songs to the first event."""
    songs = [tone(here / f"{name}.wav", 180.0, hz=hz) for name, hz in (("a", 220.0), ("b", 330.0))]
    with httpx.Client(base_url=server.url, headers=ME, timeout=60.0) as client:
        sent_s = 0.0
        request = client.build_request(
            "POST", "/api/remix", data={"prompt": "swap the drums"},
            files={"song_a": songs[0].open("rb"), "song_b": songs[1].open("rb")},
        )  # fmt: skip
        body = request.stream

        def noted() -> Iterator[bytes]:
            nonlocal sent_s
            yield from body  # type: ignore[misc]
            sent_s = time.perf_counter()

        answer = client.post("/api/remix", content=noted(), headers=dict(request.headers))
        session = answer.raise_for_status().json()["session_id"]
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            next(line for line in stream.iter_lines() if line.startswith("data: "))
            took_s = time.perf_counter() - sent_s
        client.delete(f"/api/remix/{session}")
    return took_s


def upload_growth(server: Server) -> float:
    """MB by which the server grows while 100 MB come in."""
    header = bytearray(tone(Path(tempfile.mkdtemp()) / "x.wav", 0.1, hz=440.0).read_bytes())
    at = header.rindex(b"data") + 4
    piece = bytes(1 << 20)
    count = UPLOAD_BYTES // len(piece)
    header[at : at + 4] = (count * len(piece)).to_bytes(4, "little")
    header[4:8] = (at - 4 + count * len(piece)).to_bytes(4, "little")

    def body() -> Iterator[bytes]:
        yield bytes(header[: at + 4])
        for _ in range(count):
            yield piece

    with httpx.Client(base_url=server.url, headers=ME, timeout=120.0) as client:
        client.put("/api/uploads/warm.wav", content=bytes(header)).raise_for_status()
        server.forget_peak()
        before = server.memory_mb("VmRSS")
        client.put("/api/uploads/long.wav", content=body()).raise_for_status()
    return server.memory_mb("VmHWM") - before


async def _many(server: Server, stems: dict[str, str]) -> tuple[int, int]:
    """Submit jobs at once and follow each by four streams; returns streams that are whole, and jobs done."""
    limits = httpx.Limits(max_connections=STREAMS + 20)
    async with httpx.AsyncClient(base_url=server.url, headers=ME, timeout=600.0, limits=limits) as client:
        asked = [client.post("/api/verify", json={"files": stems}) for _ in range(JOBS)]
        sessions = [answer.json()["session_id"] for answer in await asyncio.gather(*asked)]
        streams = [stream_of(client, sessions[number % JOBS]) for number in range(STREAMS)]
        told = await asyncio.gather(*streams)
        states = (await client.get("/api/sessions")).json()["sessions"]
    whole = sum(numbers == list(range(1, len(numbers) + 1)) and last == "complete" for numbers, last in told)
    return whole, sum(state["state"] == "complete" for state in states if state["session_id"] in sessions)


def many_at_once(server: Server, here: Path) -> list[Row]:
    """50 jobs and 200 streams."""
    with httpx.Client(base_url=server.url, headers=ME) as client:
        stems = {}
        for name, hz in (("bass.wav", 110.0), ("keys.wav", 440.0)):
            content = tone(here / name, 3.0, hz=hz).read_bytes()
            stems[name] = client.put(f"/api/uploads/{name}", content=content).json()["sha256"]
    whole, done = asyncio.run(_many(server, stems))
    peak = server.memory_mb("VmHWM")
    return [
        Row(f"{JOBS} jobs at once: done", str(done), f"{JOBS}", done == JOBS),
        Row(f"{STREAMS} streams: whole, in order, to the end", str(whole), f"{STREAMS}", whole == STREAMS),
        Row("server process, highest memory", f"{peak:.0f} MB", f"< {MEMORY_MB:.0f} MB", peak < MEMORY_MB),
    ]


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock, and of processors, of one remix."""

    wall_s: float
    cpu_s: float


def overhead(here: Path) -> list[Row]:
    """The same remix on the command line and over HTTP, both from nothing, in turns, who begins in turns too.

    Both of one round share what else the machine does just then: the median of their ratios is what counts.
    """
    a, b = corpus("real", "dev_coulton_code_monkey.ogg"), corpus("real", "dev_admiralbob_choice_drumbass.ogg")
    if a is None or b is None:
        return []
    rounds: list[tuple[Spent, Spent]] = []
    for number in range(ROUNDS):
        folder = here / f"round{number}"
        folder.mkdir()
        if number % 2:
            served = _served(folder, a, b)
            line = _on_the_line(folder, a, b)
        else:
            line = _on_the_line(folder, a, b)
            served = _served(folder, a, b)
        rounds.append((line, served))
        shutil.rmtree(folder)
    more = median(served.wall_s / line.wall_s for line, served in rounds) - 1.0
    more_cpu = median(served.cpu_s / line.cpu_s for line, served in rounds) - 1.0
    wall_s, cpu_s = median(line.wall_s for line, _ in rounds), median(line.cpu_s for line, _ in rounds)
    spread = ", ".join(f"{100 * (served.cpu_s / line.cpu_s - 1):+.1f}" for line, served in rounds)
    limit = f"< +{100 * OVERHEAD:.0f} %"
    return [
        Row(
            f"a remix over HTTP, songs sent and all, against the command line: clock, median of {ROUNDS}",
            f"{100 * more:+.1f} % of {wall_s:.1f} s", limit, more < OVERHEAD,
        ),
        Row(
            f"… processor time of the server and all its children ({spread})",
            f"{100 * more_cpu:+.1f} % of {cpu_s:.1f} s", limit, more_cpu < OVERHEAD,
        ),
    ]  # fmt: skip


def _on_the_line(folder: Path, a: Path, b: Path) -> Spent:
    argv = [sys.executable, "-m", "stemwright", "remix", str(a), str(b), PROMPT, "--out", str(folder / "out")]
    run = run_process(argv, env={"STEMWRIGHT_STORE": str(folder / "store")})
    assert run.exit_code == 0, run.output[-2000:]
    return Spent(run.wall_s, run.cpu_s)


def _served(folder: Path, a: Path, b: Path) -> Spent:
    with serving(folder / "data") as server:
        time.sleep(SETTLE_S)
        return _remix_over_http(server, a, b)


def _remix_over_http(server: Server, a: Path, b: Path) -> Spent:
    """Send both songs, and follow the stream to its end."""
    before, began = server.cpu_s(), time.perf_counter()
    with httpx.Client(base_url=server.url, headers=ME, timeout=600.0) as client:
        files: Any = {"song_a": (a.name, a.read_bytes()), "song_b": (b.name, b.read_bytes())}
        session = client.post("/api/remix", data={"prompt": PROMPT}, files=files).json()["session_id"]
        with client.stream("GET", f"/api/remix/{session}/progress") as stream:
            _, last = numbers_of(list(stream.iter_lines()))
    wall_s = time.perf_counter() - began
    assert last == "complete", last
    time.sleep(1.0)  # until the children are waited for, and counted
    return Spent(wall_s, server.cpu_s() - before)


def two_workers(here: Path) -> list[Row]:
    """A batch by one worker, and by two; each has one core for itself and all that it starts."""
    held = sorted(os.sched_getaffinity(0))
    song = tone(here / "batch.wav", BATCH_SONG_S, hz=220.0)
    with throwaway_postgres() as url:
        if url is None or len(held) < 2 or shutil.which("taskset") is None:
            return []
        _batch(here / "warm", url, song, held[:1], number=1)
        alone_s = _batch(here / "one", url, song, held[:1], number=BATCH)
        both_s = _batch(here / "two", url, song, held[:2], number=BATCH)
    share = both_s / alone_s
    return [
        Row(
            f"two workers, one core each, {BATCH} masters of {BATCH_SONG_S:.0f} s, against one such worker",
            f"{share:.2f} of {alone_s:.1f} s", f"< {TWO_WORKERS}", share < TWO_WORKERS,
        )
    ]  # fmt: skip


def _batch(data: Path, url: str, song: Path, on: Sequence[int], *, number: int) -> float:
    """Seconds until a batch is done by one worker a core; no two jobs have a step in common."""
    with open_jobs(data, database=url, slots={}) as jobs, ExitStack() as stack:
        for core in on:
            stack.enter_context(_worker(data, url, core))
        time.sleep(SETTLE_S)
        files = {"source": jobs.uploads.add(song)}
        names = {"source": "song.wav"}
        began = time.perf_counter()
        levels = [{"loudness_lufs": -14.0 - turn / 100} for turn in range(number)]
        sessions = [jobs.submit(JobRequest(JobKind.MASTER, "bench", files, names, one)) for one in levels]
        while len(jobs.ledger.over(sessions)) < number:
            time.sleep(0.05)
        took_s = time.perf_counter() - began
        states = [jobs.state(session) for session in sessions]
        assert all(state is not None and state.status == "complete" for state in states), states
    return took_s


@contextmanager
def _worker(data: Path, url: str, core: int) -> Iterator[None]:
    """``stemwright worker`` on one core, one job at a time."""
    argv = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "stemwright", "worker", "--jobs", "1"]
    log = data / f"worker{core}.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*argv, "--data", str(data), "--database", url],
            stdout=told,
            stderr=told,
            env=usual_environment() | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        while b"Working" not in log.read_bytes():
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30.0)


def rows() -> list[Row]:
    """All figures, in one service."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        with serving(here / "warm") as server:  # the disk is warm then
            pass
        with serving(here / "data") as server:
            first_s = first_event(server, here)
            growth = upload_growth(server)
            found = many_at_once(server, here)
            ready_s = server.ready_s
        found += overhead(here)
        found += two_workers(here)
    return [
        Row("ready", f"{ready_s:.2f} s", f"< {READY_S:.0f} s", ready_s < READY_S),
        Row(
            "first event after the last byte of two songs (64 MB)",
            f"{1000 * first_s:.0f} ms", f"≤ {1000 * FIRST_EVENT_S:.0f} ms", first_s <= FIRST_EVENT_S,
        ),
        Row(
            "memory that 100 MB of upload add", f"{growth:.1f} MB", f"< {UPLOAD_GROWTH_MB:.0f} MB",
            growth < UPLOAD_GROWTH_MB,
        ),
        *found,
    ]  # fmt: skip


if __name__ == "__main__":
    print(machine())
    sys.exit(show("Service", rows()))

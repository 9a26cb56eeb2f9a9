"""What a remix costs: two songs of four minutes with their stems, a remix of two minutes, two cores.

The songs are made on the spot, 8 % apart in tempo and two semitones in key.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.harness import Row, Run, show, stemwright
from bench.songs import NIGHT, TIDE, make_song

ROUNDS = 9
PROMPT = "vocals of song A over song B, 2 minutes"
SECOND = "vocals of song A over song B, 2 minutes, starts with the drums, quieter bass"
SOFTER = "bass a bit quieter, pads louder"
COLD_SHARE, PEAK_MB, SECOND_SHARE, GAINS_S = 0.25, 1_500.0, 0.25, 3.0
R3_SHARE, PLAN_MS, ANALYZE_S = 0.5, 50.0, 5.0


def ran(*arguments: str, store: Path) -> Run:
    """Run the command line; anything but 0 ends the benchmark."""
    run = stemwright(*arguments, store=store)
    if run.exit_code:
        sys.exit(run.output)
    return run


def r3_seconds(stem: Path) -> float:
    """How long stretching one stem alone takes, at this benchmark's ratio and interval."""
    from stemwright.dsp.stretch import stretched
    from stemwright.io.reader import open_audio

    with open_audio(stem) as source:
        frames = source.frames
        started = time.process_time()
        for _ in stretched(source, anchors=((0, 0), (frames, round(frames * 120 / 111))), semitones=-2.0):
            pass
        return time.process_time() - started


def matched_cpu_s(song_a: Path, song_b: Path, folder: Path) -> tuple[float, float]:
    """CPU of a cold run in this process: all of it, and what went into matching tempo and key."""
    from stemwright.pipeline.events import StepFinished, StepStarted
    from stemwright.pipeline.remix import RemixOptions, SongRequest, remix
    from stemwright.pipeline.store import Store, StoreSettings

    begun: dict[str, float] = {}
    spent = 0.0

    def listen(event: object) -> None:
        nonlocal spent
        if isinstance(event, StepStarted) and event.name.startswith("match "):
            begun[event.name] = time.thread_time()
        if isinstance(event, StepFinished) and event.name in begun:
            spent += time.thread_time() - begun.pop(event.name)

    started = time.process_time()
    options = RemixOptions(out=folder / "cpu", planner="offline")
    remix(
        SongRequest(song_a, song_a.parent / "stems"),
        SongRequest(song_b, song_b.parent / "stems"),
        PROMPT,
        options=options,
        listener=listen,
        store=Store(StoreSettings(folder / "cpu-store")),
    )
    return time.process_time() - started, spent


def plan_ms(song_a: Path, song_b: Path) -> tuple[float, float]:
    """Milliseconds of one offline plan, and seconds of one analysis, both warm."""
    from stemwright.analysis import analyze_song
    from stemwright.io.reader import open_audio
    from stemwright.planning.offline import plan_offline
    from stemwright.planning.plan import SongId
    from stemwright.songs import SongStem, VocalFacts

    facts = {}
    for song, path in zip(SongId, (song_a, song_b), strict=True):
        with open_audio(path) as file:
            started = time.perf_counter()
            found = analyze_song(file, sha256="0" * 64)
            analysis_s = time.perf_counter() - started
        facts[song] = replace(found, stems=tuple(SongStem)[:4], vocals=VocalFacts(-3.0))
    plan_offline(PROMPT, facts=facts)
    started = time.perf_counter()
    for _ in range(5):
        plan_offline(SECOND, facts=facts)
    return (time.perf_counter() - started) * 200.0, analysis_s


def rows() -> list[Row]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        song_a, song_b = (make_song(one, folder / one.title, rounds=ROUNDS) for one in (NIGHT, TIDE))
        songs = (
            str(song_a), str(song_b), "--stems-a", str(song_a.parent / "stems"),
            "--stems-b", str(song_b.parent / "stems"), "--planner", "offline",
        )  # fmt: skip
        store, out = folder / "store", folder / "out"
        cold = ran("remix", *songs[:2], PROMPT, *songs[2:], "--out", str(out), store=store)
        report = json.loads((out / "report.json").read_text())
        second = ran("remix", *songs[:2], SECOND, *songs[2:], "--out", str(out), store=store)
        softer = ran("refine", str(out), SOFTER, "--planner", "offline", store=store)
        whole_s, matching_s = matched_cpu_s(song_a, song_b, folder)
        eight_s = 8 * r3_seconds(song_b.parent / "stems" / "vocals.wav")
        planning_ms, analysis_s = plan_ms(song_a, song_b)
    song_s = 480 * 60 / 120
    length_s = next(s for s in report["steps"] if s["name"] == "arrange")["details"]["frames"] / 44_100
    limit_s = COLD_SHARE * song_s
    return [
        Row("length of the remix", f"{length_s:.0f} s", "", None),
        Row("cold", f"{cold.wall_s:.1f} s", f"≤ {limit_s:.0f} s", cold.wall_s <= limit_s),
        Row("peak memory", f"{cold.peak_mb:.0f} MB", f"≤ {PEAK_MB:.0f} MB", cold.peak_mb <= PEAK_MB),
        Row(
            "everything but R3, of what R3 alone takes for eight such stems (CPU)",
            f"{whole_s - matching_s:.1f} s of {eight_s:.1f} s",
            f"≤ {R3_SHARE:g}",
            whole_s - matching_s <= R3_SHARE * eight_s,
        ),
        Row(
            "second prompt, of the first",
            f"{second.wall_s:.1f} s, {second.wall_s / cold.wall_s:.2f}",
            f"≤ {SECOND_SHARE:g}",
            second.wall_s <= SECOND_SHARE * cold.wall_s,
        ),
        Row("gains refined", f"{softer.wall_s:.1f} s", f"≤ {GAINS_S:g} s", softer.wall_s <= GAINS_S),
        Row("a plan, offline", f"{planning_ms:.1f} ms", f"≤ {PLAN_MS:g} ms", planning_ms <= PLAN_MS),
        Row("analysis, warm", f"{analysis_s:.1f} s", f"≤ {ANALYZE_S:g} s", analysis_s <= ANALYZE_S),
    ]


if __name__ == "__main__":
    sys.exit(show("Two songs of four minutes, a remix of two", rows()))

"""The page in a real Chromium: its weight, when it answers, its mixing desk, the memory of its tab.

Run with ``python -m bench.page``. Two songs of four minutes are dropped on a page of ``stemwright serve``;
the desk of their remix has every stem of both, the master and the version before. What it plays is taken from
its worklet, sample by sample (`bench.page_tap`), in real time, and for ten minutes rendered as fast as can be
done: the mixer knows no clock but its own frames, and the same proof is made of both.
"""

from __future__ import annotations

import gzip
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.harness import Row, machine, show
from bench.page_bare import bare_tab
from bench.page_tap import STEP, Ear, Judge, script, tracks_of
from bench.service import serving
from bench.songs import NIGHT, TIDE, SongMaker, make_song
from stemwright.io.reader import open_audio
from stemwright.io.writer import write_audio

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
    "--mute-audio",
]
WEIGHT_KB, READY_S, ANSWER_MS, APART, TAB_MB = 150.0, 1.0, 50.0, 1, 600.0
VISITS = 5
ROUNDS = 9
PRESSED_AT, PRESSED_S = 0.4, 10.0
SONG_MINUTES, TOGETHER_S, STEP_S = 4, 600.0, 4.0
PATIENCE_MS = 600_000
PROMPT = "A sings over the beat of B, with a chorus and a drop, 4 minutes"
PRESSES = {"m": "mute, unmute", "s": "solo, all again", "Arrow": "gain"}

READY = """
window.ready = { painted: 0, busy: 0 };
new PerformanceObserver((list) => list.getEntries().forEach((task) => {
  ready.busy = Math.max(ready.busy, task.startTime + task.duration);
})).observe({ type: 'longtask', buffered: true });
const look = () => {
  if (!document.querySelector('.deck.of-b .drop-target')) requestAnimationFrame(look);
  else requestAnimationFrame(() => setTimeout(() => (ready.painted = performance.now())));
};
look();
"""
QUIET = "() => ready.painted && performance.now() > Math.max(ready.painted, ready.busy) + 500"
READY_AT = """() => Math.max(ready.painted, ready.busy,
  ...performance.getEntriesByType('resource').map((one) => one.responseEnd)) / 1000"""
ALL_STEMS = """async ([session]) => {
  const ask = async (method, url, body) => (await fetch(url, {
    method, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) })).json();
  const plan = await ask('GET', `/api/remix/${session}/plan`);
  for (const section of plan.sections)
    for (const name of Object.keys(section.stems)) section.stems[name] = { song: 'both', gain: 0.7 };
  return (await ask('PUT', `/api/remix/${session}/plan`, plan)).session_id;
}"""


@dataclass
class Tab:
    """A page in a browser of its own, with a profile of its own, and what it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Begin to note what the page complains about."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


def chromium() -> str:
    """Find the system's browser."""
    path = next((one for one in CHROMIUM if Path(one).exists()), None)
    return path or sys.exit("no Chromium")


class Browsers:
    """Starts browsers, each with an empty profile."""

    def __init__(self, playwright: Any, url: str) -> None:
        self._playwright = playwright
        self.url = url
        self.state: Any = None
        self.complaints: list[str] = []

    @contextmanager
    def tab(self, before: str = "") -> Iterator[Tab]:
        """Open one; `before` runs ahead of the page's own code. Who has a session is known by a cookie."""
        browser = self._playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, bypass_csp=bool(before), storage_state=self.state
        )
        if before:
            context.add_init_script(before)
        tab = Tab(context.new_page())
        tab.watch()
        try:
            yield tab
        finally:
            self.complaints += tab.complaints
            browser.close()


def song(maker: SongMaker, folder: Path) -> Path:
    """Make a song of four minutes, as a 16-bit file that the service takes."""
    made = make_song(maker, folder, rounds=9)
    path = folder / f"{maker.title}.wav"
    with open_audio(made) as source:
        frames = SONG_MINUTES * 60 * source.sample_rate
        samples = source.read(0, min(frames, source.frames))
        write_audio(
            path, [samples], sample_rate=source.sample_rate, channels=samples.shape[0], subtype="PCM_16"
        )
    return path


# ── weight and first answer ─────────────────────────────────────────────────────────────────────────────


def weight_kb(url: str) -> tuple[float, float]:
    """KB of everything the page can load: gzipped, and as it is sent."""
    wanted, bodies, sent = ["/"], dict[str, bytes](), 0
    with httpx.Client(base_url=url, headers={"accept-encoding": "gzip"}) as client:
        while wanted:
            name = wanted.pop()
            with client.stream("GET", name) as answer:
                answer.raise_for_status()
                raw = b"".join(answer.iter_raw())
                zipped = answer.headers.get("content-encoding") == "gzip"
            sent += len(raw)
            bodies[name] = gzip.decompress(raw) if zipped else raw
            found = re.findall(rb"/?(assets/[\w.-]+\.\w+)", bodies[name])
            wanted += {f"/{one.decode()}" for one in found} - bodies.keys() - set(wanted)
    return sum(len(gzip.compress(body, 9)) for body in bodies.values()) / 1e3, sent / 1e3


def interactive_s(browsers: Browsers) -> float:
    """Seconds from the navigation until both decks are painted, all is loaded and no long task follows."""
    with browsers.tab(READY) as tab:
        tab.page.goto(browsers.url, wait_until="commit")
        tab.page.wait_for_function(QUIET)
        ready_s = float(tab.page.evaluate(READY_AT))
        tab.page.keyboard.press("Tab")
        assert tab.page.evaluate("document.activeElement.className") == "skip", "it does not answer"
    return ready_s


# ── the session ─────────────────────────────────────────────────────────────────────────────────────────


def remixed(browsers: Browsers, songs: tuple[Path, Path]) -> str:
    """Drop the songs, type, wait; then let every stem of both songs sound. Returns the session."""
    with browsers.tab() as tab:
        page = tab.page
        page.goto(browsers.url)
        for side, path in zip("ab", songs, strict=True):
            page.set_input_files(f".deck.of-{side} input[type=file]", path)
            page.wait_for_selector(f".deck.of-{side} .readouts")
        page.fill("#prompt", PROMPT)
        page.click("text=Make the remix")
        page.wait_for_selector(".instrument .play:enabled")
        session = page.evaluate(ALL_STEMS, [page.url.rpartition("/")[2]])
        page.goto(f"{browsers.url}/#/session/{session}")
        page.wait_for_selector(".instrument .play:enabled")
        browsers.state = page.context.storage_state()
    return str(session)


def at_desk(tab: Tab, browsers: Browsers, session: str) -> None:
    """Open the desk."""
    tab.page.goto(f"{browsers.url}/#/session/{session}")
    tab.page.wait_for_selector(".instrument .play:enabled")


def go_to(tab: Tab, share: float) -> None:
    """Click into the first lane."""
    box = tab.page.locator(".lane").first.bounding_box()
    tab.page.mouse.click(box["x"] + box["width"] * share, box["y"] + 10)


def loop(tab: Tab, section: int) -> None:
    tab.page.click(f".section >> nth={section}")
    tab.page.click("text=Loop it")


# ── the desk ────────────────────────────────────────────────────────────────────────────────────────────


def tapped(tab: Tab, browsers: Browsers, session: str) -> tuple[Ear, int]:
    """Open the desk with an ear at its worklet, and say how many stems it has."""
    at_desk(tab, browsers, session)
    tracks, stems = tracks_of(tab.page, browsers.url, session)
    return Ear(tab.page, Judge(tracks)), stems


def live(browsers: Browsers, session: str) -> tuple[Judge, dict[str, list[float]], float]:
    """Press keys, seek and loop while it plays in real time."""
    with browsers.tab(script()) as tab:
        ear, stems = tapped(tab, browsers, session)
        start, taken = round(PRESSED_AT * ear.judge.tracks[0].shape[1]), dict[str, list[float]]()
        strip = ear.judge.steadiest(start, round(PRESSED_S * ear.rate), among=stems)
        tab.page.keyboard.press("Space")
        for number in range(ROUNDS):
            go_to(tab, PRESSED_AT)
            tab.page.locator(".strip").nth(strip).locator(".strip-name").click()
            ear.until_played(0.5 + 0.007 * number)
            for key, answer_ms in pressed(tab, ear):
                taken.setdefault(key, []).append(answer_ms)
        for number in range(6):
            go_to(tab, 0.13 * number + 0.1)
            ear.until_played(0.7)
        loop(tab, 0)
        ear.until_played(2.0)
        device_ms = 1e3 * tab.page.evaluate("tap.context.baseLatency + tap.context.outputLatency")
    return ear.judge, taken, device_ms


def pressed(tab: Tab, ear: Ear) -> Iterator[tuple[str, float]]:
    """Press mute, solo and an arrow of the gain, twice each; gives the key and ms until it is heard."""
    for key in ("m", "m", "s", "s"):
        yield key, ear.press(key)
    tab.page.locator(".strip.selected input[type=range]").focus()
    for key in ("ArrowDown", "ArrowUp"):
        yield "Arrow", ear.press(key)
    tab.page.evaluate("document.activeElement.blur()")


def ten_minutes(browsers: Browsers, session: str) -> Judge:
    """Play ten minutes as fast as they can be rendered; every few seconds somebody seeks, loops or mutes."""
    with browsers.tab(script(faster_s=TOGETHER_S + STEP_S)) as tab:
        ear, _ = tapped(tab, browsers, session)
        tab.page.keyboard.press("Space")
        tab.page.wait_for_function("() => tap.context !== null")
        for number in range(round(TOGETHER_S / STEP_S)):
            act(tab, number)
            tab.page.evaluate(STEP, STEP_S)
            ear.drain()
            if number % 25 == 24 and tab.page.get_attribute(".play", "aria-label") == "Play":
                tab.page.keyboard.press("Space")
    return ear.judge


def act(tab: Tab, number: int) -> None:
    """What somebody does between two steps; every fourth step nobody does anything."""
    keys = tab.page.keyboard
    if number % 4 == 1:
        go_to(tab, number * 0.381966 % 0.95)
    elif number % 4 == 2:
        keys.press("Shift+ArrowLeft" if number % 8 == 2 else "ArrowRight")
    elif number % 12 == 3:
        loop(tab, number // 12 % 3)
    elif number % 12 == 7:
        keys.press("ArrowDown")
        keys.press("m")


def visited(browsers: Browsers, session: str) -> tuple[float, float, int]:
    """Listen to everything everywhere; MB of the renderer at its highest and at the end, and the tracks."""
    with bare_tab(chromium()) as tab:
        tab.visit(f"{browsers.url}/#/session/{session}", browsers.state["cookies"])
        tab.until("document.querySelector('.play:enabled')")
        tab.click(".play")
        for number in range(30):
            tab.click(".lane", number * 0.381966 % 0.98)
            if number % 6 == 5:
                tab.click(f".takes button:nth-child({number // 6 % 3 + 1})")
            tab.until("!document.querySelector('.waiting')")
            time.sleep(0.7)
        count = tab.run("document.querySelectorAll('.strip, .takes button').length - 1")
        return tab.memory_mb("VmHWM"), tab.memory_mb("VmRSS"), int(count)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────


def _of_answers(taken: dict[str, list[float]]) -> Iterator[Row]:
    for key, words in PRESSES.items():
        values = [value for value in taken.get(key, []) if not math.isnan(value)]
        good = len(values) >= ROUNDS and max(values) < ANSWER_MS
        told = (
            f"{statistics.median(values):.0f} ms, worst of {len(values)}: {max(values):.0f} ms"
            if values
            else "–"
        )
        yield Row(f"{words}: from the key press to other samples", told, f"< {ANSWER_MS:.0f} ms", good)


def _of_judge(words: str, judge: Judge) -> Row:
    share, together = judge.checked / max(judge.blocks, 1), judge.together and not judge.unseen
    minutes = judge.blocks * 128 / 44_100 / 60
    told = (
        f"0 samples in {minutes:.1f} min, {judge.jumps} jumps"
        if judge.together
        else f"off by {judge.error:.2g}"
    )
    return Row(f"{words} ({100 * share:.1f} % of blocks judged)", told, f"≤ {APART} sample", together)


def rows() -> list[Row]:
    """All figures, of one service and one session."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        here = Path(name)
        songs = song(NIGHT, here / "a"), song(TIDE, here / "b")
        with serving(here / "data") as server:
            browsers = Browsers(playwright, server.url)
            zipped_kb, sent_kb = weight_kb(server.url)
            visits = sorted(interactive_s(browsers) for _ in range(VISITS))
            session = remixed(browsers, songs)
            judge, taken, device_ms = live(browsers, session)
            long = ten_minutes(browsers, session)
            highest_mb, end_mb, count = visited(browsers, session)
    ready_s, complaints = statistics.median(visits), browsers.complaints
    return [
        Row(
            f"all that it loads, gzipped ({sent_kb:.0f} kB as it is sent)", f"{zipped_kb:.1f} kB",
            f"< {WEIGHT_KB:.0f} kB", zipped_kb < WEIGHT_KB,
        ),
        Row(
            f"interactive, empty profile, median of {VISITS}", f"{ready_s:.2f} s (worst {visits[-1]:.2f} s)",
            f"< {READY_S:.0f} s", ready_s < READY_S,
        ),
        *_of_answers(taken),
        Row("… then the sound device's own delay, as the browser tells it", f"{device_ms:.0f} ms", "–", None),
        _of_judge("stems apart, play, seek and loop, rendered faster", long),
        _of_judge("… in real time, with keys pressed", judge),
        Row(
            f"the tab's process at its highest (VmHWM), {count} tracks of {SONG_MINUTES} min",
            f"{highest_mb:.0f} MB ({end_mb:.0f} MB at the end)", f"< {TAB_MB:.0f} MB", highest_mb < TAB_MB,
        ),
        Row("errors and warnings on the console", str(len(complaints)), "0", not complaints),
    ]  # fmt: skip


if __name__ == "__main__":
    print(machine())
    began = time.perf_counter()
    status = show("The page in a browser", rows())
    print(f"\n{time.perf_counter() - began:.0f} s")
    sys.exit(status)

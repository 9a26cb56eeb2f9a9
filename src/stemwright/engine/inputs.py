"""Lay out a job's files the way the recipes read them, under names that are safe on any disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from stemwright.analysis import AnalysisOverrides
from stemwright.engine.files import Blobs, link_or_copy
from stemwright.engine.orders import Order
from stemwright.errors import InputError, RefusedError
from stemwright.io.files import atomic_write_text, safe_name
from stemwright.pipeline.folder import RUN, stamp_of
from stemwright.pipeline.read_spec import load_spec
from stemwright.pipeline.remix import SongRequest
from stemwright.pipeline.remix.delivering import HISTORY
from stemwright.pipeline.tables import read_toml
from stemwright.planning.plan import SongId
from stemwright.songs import Key

__all__ = ["Inputs", "paths_in"]

SPEC = "spec.toml"
SONGS = tuple(song.value for song in SongId)


class Inputs:
    """The files of one order on this disk.

    Parameters
    ----------
    order : Order
        What to lay out.
    blobs : Blobs
        Where the files are.
    """

    def __init__(self, order: Order, blobs: Blobs) -> None:
        self.order = order
        self.request = order.request
        self.blobs = blobs
        self.folder = order.folder / "in"
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def options(self) -> dict[str, Any]:
        """What the recipe was asked for."""
        return dict(self.request.options)

    def songs(self) -> dict[SongId, SongRequest]:
        """Lay out both songs, or the one there is."""
        found = {}
        for song in SongId:
            letter = song.value[-1]
            path = self._file(song.value, into=song.value)
            stems = self._files(f"stems_{letter}/")
            if path is not None or stems is not None:
                known = dict(self.options.get("overrides", {})).get(song.value, {})
                found[song] = SongRequest(path, stems, _overrides(known))
        return found

    def both_songs(self) -> dict[SongId, SongRequest]:
        """Lay out two songs; `InputError` when one is missing."""
        songs = self.songs()
        if len(songs) < len(SongId):
            raise InputError("A remix needs two songs.", way_out="Give song_a and song_b, or their stems.")
        return songs

    def plan(self) -> Path | None:
        """Write the plan that somebody made."""
        plan = self.options.get("plan")
        if plan is None:
            return None
        path = self.folder / "plan.json"
        atomic_write_text(path, plan if isinstance(plan, str) else json.dumps(plan))
        return path

    def spec(self) -> Path:
        """Write the spec with the files that it names; what else it names is refused."""
        if self.order.local_paths and "spec_path" in self.options:
            return Path(self.options["spec_path"])
        for name in self.request.files:
            self._place(name, self.folder / _inside(name))
        path = self.folder / SPEC
        atomic_write_text(path, str(self.options.get("spec", "")))
        _refuse_outside(path)
        return path

    def declared(self) -> Path | None:
        """Write the spec that a set is held against: what it names is not looked at."""
        text = self.options.get("spec")
        if text is None:
            return None
        path = self.folder / SPEC
        atomic_write_text(path, str(text))
        return path

    def all_files(self, *, without: tuple[str, ...] = ()) -> list[Path]:
        """Lay out every file under its own name."""
        found = []
        for name in sorted(self.request.files):
            if name not in without:
                # what is checked is told apart by its name: the one that people gave
                called = self.request.names.get(name, name)
                found.append(self._place(name, self.folder / "set" / _inside(called)))
        return found

    def one(self, name: str) -> Path | None:
        """Lay out one file by what it is."""
        return self._file(name, into=name)

    def history_folder(self, inputs: Mapping[str, Any]) -> Path:
        """Make the output folder look like the parent's, as far as a refinement reads it."""
        out = self.order.folder / "out"
        out.mkdir(exist_ok=True)
        self._bring(self.order.parent_outputs, HISTORY, out / HISTORY)
        record = {"inputs": dict(inputs), "outputs": {HISTORY: stamp_of(out / HISTORY)}}
        atomic_write_text(out / RUN, json.dumps(record))
        return out

    def parent_file(self, name: str) -> Path:
        """Fetch one result of the parent."""
        path = self.folder / f"parent-{safe_name(name)}"
        self._bring(self.order.parent_outputs, name, path)
        return path

    def _bring(self, files: Mapping[str, str], name: str, path: Path) -> None:
        if name not in files:
            raise InputError(f"The session before this one has no {name}.", way_out="Make the remix again.")
        if not path.exists():
            link_or_copy(self.blobs.path(files[name]), path)

    def _file(self, name: str, *, into: str) -> Path | None:
        if name not in self.request.files:
            return None
        called = self.request.names.get(name, name)
        return self._place(name, self.folder / _inside(into) / safe_name(PureWindowsPath(called).name))

    def _files(self, prefix: str) -> Path | None:
        """Lay out a folder; it is called as people call it, where they do."""
        names = [name for name in self.request.files if name.startswith(prefix)]
        called = self.request.names.get(prefix.rstrip("/"))
        folder = self.folder / _inside(f"{prefix}{called}" if called else prefix)
        for name in names:
            self._place(name, folder / _inside(name.removeprefix(prefix)))
        return folder if names else None

    def _place(self, name: str, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            link_or_copy(self.blobs.path(self.request.files[name]), path)
        return path


def _overrides(known: Mapping[str, Any]) -> AnalysisOverrides:
    """Read what people know better about a song."""
    given = dict(known)
    key = given.pop("key", None)
    try:
        return AnalysisOverrides(**given, key=Key.parse(key) if key else None)
    except TypeError as error:
        raise InputError(f"What is known of a song can't be read: {sorted(given)}.") from error


def _inside(name: str) -> Path:
    """Turn a name that somebody sent into a path that can't leave its folder."""
    parts = [safe_name(part) for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
    if not parts:
        raise InputError("A file has no name.")
    return Path(*parts)


def _refuse_outside(path: Path) -> None:
    """Refuse a spec that names a path outside of its folder, or a program to run.

    The text is looked at before it is read as a spec: its errors would tell which files exist here.
    """
    for key, text in _texts(read_toml(path).everything()):
        if key in ("title", "artist"):
            continue
        outside = PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts
        windows = PureWindowsPath(text)
        if outside or windows.drive or windows.root or ".." in windows.parts or text.startswith("~"):
            raise RefusedError(
                f'"{text}" ({key}) is not one of the uploaded files.',
                way_out="Upload it, and name it as it was uploaded.",
            )
        if key == "command":
            raise RefusedError("A command can't be run here.", way_out="Upload what it makes as a file.")
    for found in paths_in(load_spec(path)):
        if not found.resolve().is_relative_to(path.parent.resolve()):
            raise RefusedError(f"{found.name} is not one of the uploaded files.", way_out="Upload it.")


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Find every text of a document with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "command":
                yield name, ""
            yield from _texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)


def paths_in(value: Any) -> Iterator[Path]:
    """Find every path in a spec."""
    if isinstance(value, Path):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from paths_in(getattr(value, each.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from paths_in(inner)

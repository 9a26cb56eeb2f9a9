"""A spec that came over HTTP may name uploaded files, and nothing else of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from stemwright.errors import SpecError
from stemwright.pipeline.read_spec import load_spec
from stemwright.pipeline.spec import CommandSource, Spec, StemSpec
from stemwright.pipeline.tables import read_toml
from stemwright.service.names import is_safe_name
from stemwright.service.problems import ProblemError
from stemwright.service.schemas import SpecAnswer, SpecSection, SpecStem

__all__ = ["require_harmless", "require_readable", "told"]

FILE_KEYS = frozenset({"file", "midi", "path", "soundfont", "reference", "match"})


def require_harmless(text: str, files: Collection[str]) -> Spec:
    """Check a spec before it is queued, and return it as it was understood.

    Parameters
    ----------
    text : str
        TOML.
    files : Collection of str
        Names of the uploaded files.

    Raises
    ------
    ProblemError
        422: not a valid spec, a command or plug-in, or a file that was not uploaded.
    """
    unsafe = next((name for name in files if not is_safe_name(name)), None)
    if unsafe is not None:
        raise ProblemError(422, f"{unsafe[:80]!r} is no name for a file: use plain names, and / for folders.")
    with tempfile.TemporaryDirectory(prefix="stemwright-spec-") as name:
        path = _written(text, Path(name))
        # asked first, of what the reader itself sees: reading a spec may open what it names
        for where, found in _named(read_toml(path).everything()):
            _require_uploaded(where, found, files)
        spec = load_spec(path, allow_plugins=False)
        _require_no_programs(spec, Path(name), files)
        return spec


def require_readable(text: str) -> None:
    """Check a spec that only says what a set should be: what it names is neither opened nor run; 422."""
    with tempfile.TemporaryDirectory(prefix="stemwright-spec-") as name:
        load_spec(_written(text, Path(name)), allow_plugins=True)


def _written(text: str, folder: Path) -> Path:
    path = folder / "spec.toml"
    try:
        path.write_text(text, encoding="utf-8")
    except UnicodeEncodeError as error:
        raise ProblemError(422, "spec: this is not UTF-8 text.") from error
    return path


def told(spec: Spec) -> SpecAnswer:
    """Tell a spec as it was understood; sections as asked for, before they are brought to a reference."""
    sections, start_s = [], 0.0
    for one in spec.sections:
        beats, bpm, end_s = float(one.beats), float(one.bpm), start_s + float(one.beats * 60 / one.bpm)
        sections.append(SpecSection(name=one.name, beats=beats, bpm=bpm, start_s=start_s, end_s=end_s))
        start_s = end_s
    stems = [SpecStem(name=stem.name, role=str(stem.role), source=_source(stem)) for stem in spec.stems]
    return SpecAnswer(
        title=spec.title, bpm=float(spec.bpm), meter=str(spec.meter), sections=sections, stems=stems
    )


def _source(stem: StemSpec) -> str:
    return type(stem.source).__name__.removesuffix("Source").lower().replace("drum", "drums")


def _named(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Find every text under a key that names a file, and every command and plug-in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            place = f"{where}.{key}".strip(".")
            if key == "command" or inner == "vst3":
                raise ProblemError(422, f"{place}: commands and plug-ins are not run for others.")
            if key in FILE_KEYS and isinstance(inner, str):
                yield place, inner
            yield from _named(inner, place)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _named(inner, f"{where}[{number}]")


def _require_uploaded(where: str, name: str, files: Collection[str]) -> None:
    if name not in files:
        raise ProblemError(422, f"{where}: {name[:80]!r} was not uploaded.")


def _require_no_programs(spec: Any, folder: Path, files: Collection[str]) -> None:
    """Ask the spec as it was understood, too: what is read is what counts."""
    for found in _parts(spec):
        if isinstance(found, CommandSource):
            raise ProblemError(422, "Commands are not run for others.")
        if isinstance(found, Path) and found != spec.path:
            _require_uploaded("spec", _relative(found, folder), files)


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError as error:
        raise SpecError(f"{path.name} was not uploaded.") from error


def _parts(value: Any) -> Iterator[Any]:
    if is_dataclass(value):
        yield value
        for one in fields(value):
            yield from _parts(getattr(value, one.name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from _parts(inner)
    elif isinstance(value, Path):
        yield value

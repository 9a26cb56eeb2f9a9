"""Read the stems of a spec: name, role, source, alignment, effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from stemwright.align import AlignSettings, Strategy
from stemwright.effects import EffectSettings, parse_effects
from stemwright.errors import SpecError
from stemwright.grid import SectionRequest
from stemwright.pipeline.spec import (
    CommandSource,
    DrumSource,
    FileSource,
    MidiSource,
    ScoreSource,
    Source,
    StemSpec,
)
from stemwright.pipeline.tables import Table
from stemwright.stems import Role, role_of
from stemwright.synth import DrumSettings, ScoreSettings, check_sections

__all__ = ["path_of", "read_stems"]

MAX_STEMS = 256
MAX_NAME = 80


def path_of(table: Table, key: str, folder: Path) -> Path:
    """Read a path, relative to the spec's folder."""
    text: str = table.text(key)
    if not text or "\0" in text:
        raise table.error(key, "this is not the path of a file.")
    return folder / text


def read_stems(
    table: Table, folder: Path, sections: Sequence[SectionRequest], *, allow_plugins: bool
) -> tuple[StemSpec, ...]:
    """Read every ``[[stem]]``; names are unique, and parts name only sections that the song has."""
    tables = table.tables("stem")
    if not tables:
        raise table.error("stem", "there is no stem.", way_out='Write [[stem]] and name = "bass".')
    if len(tables) > MAX_STEMS:
        raise table.error("stem", f"{len(tables)} stems are too many; {MAX_STEMS} are possible.")
    stems: list[StemSpec] = []
    for own in tables:
        stem = _stem(own, folder, allow_plugins=allow_plugins)
        own.finish()
        _require_sections(own, stem, sections)
        if any(stem.name.casefold() == other.name.casefold() for other in stems):
            raise own.error("name", f'there are two stems named "{stem.name}".')
        stems.append(stem)
    return tuple(stems)


def _require_sections(table: Table, stem: StemSpec, sections: Sequence[SectionRequest]) -> None:
    """Complain about a part that names a section that the song does not have."""
    if isinstance(stem.source, ScoreSource | DrumSource):
        kind = "score" if isinstance(stem.source, ScoreSource) else "drums"
        try:
            check_sections(stem.source.settings, [section.name for section in sections], where=kind)
        except SpecError as error:
            raise table.error(kind, error.message, way_out=error.way_out) from error


def _stem(table: Table, folder: Path, *, allow_plugins: bool) -> StemSpec:
    name = _stem_name(table)
    role = Role(table.text("role", str(role_of(name)), choices=[str(role) for role in Role]))
    return StemSpec(
        name=name,
        role=role,
        source=_source(table, folder),
        align=_align(table),
        gain_db=table.number("gain_db", 0.0, low=-120, high=60),
        pan=table.number("pan", 0.0, low=-1, high=1),
        effects=_effects(table, folder, allow_plugins=allow_plugins),
        silent=table.flag("silent", False),  # noqa: FBT003 - a default, as in dict.get
        together=table.text("together", ""),
    )


def _stem_name(table: Table) -> str:
    name: str = table.text("name")
    if (
        not name.strip()
        or len(name) > MAX_NAME
        or any(c in name for c in '/\\:*?"<>|\0')
        or name.startswith(".")
    ):
        raise table.error(
            "name",
            f"{name!r} can't be the name of a file.",
            way_out=f"Use up to {MAX_NAME} letters, digits, spaces, - and _.",
        )
    if not name.isprintable() or name != name.strip():
        raise table.error("name", f"{name!r} has characters that can't be seen.")
    return name


SOURCES = ("file", "midi", "score", "drums", "command")


def _source(table: Table, folder: Path) -> Source:
    given = [key for key in SOURCES if key in table]
    if len(given) != 1:
        seen = "none" if not given else " and ".join(given)
        raise table.error("name", f"a stem needs exactly one of {', '.join(SOURCES)}; it has {seen}.")
    source: Source = _SOURCE_READERS[given[0]](table, folder)
    return source


def _file_source(table: Table, folder: Path) -> FileSource:
    return FileSource(path_of(table, "file", folder))


def _midi_source(table: Table, folder: Path) -> MidiSource:
    if isinstance(table.raw("midi"), str):
        return MidiSource(path_of(table, "midi", folder))
    own = table.table("midi")
    source = MidiSource(path_of(own, "file", folder), own.text("instrument", None))
    own.finish()
    return source


def _score_source(table: Table, _folder: Path) -> ScoreSource:
    return ScoreSource(_settings_of(table, "score", ScoreSettings.parse))


def _drum_source(table: Table, _folder: Path) -> DrumSource:
    return DrumSource(_settings_of(table, "drums", DrumSettings.parse))


def _command_source(table: Table, _folder: Path) -> CommandSource:
    own = table.table("command")
    default = CommandSource(())
    argv = own.raw("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(part, str) for part in argv):
        raise own.error("argv", "this must be a list of texts.", way_out='["my-generator", "{output}"].')
    output = own.text("output", default.output)
    if Path(output).name != output or not output:
        raise own.error("output", f'"{output}" must be a plain file name.')
    timeout_s = own.number("timeout_s", default.timeout_s, low=0.1, high=86_400)
    own.finish()
    return CommandSource(tuple(argv), output, timeout_s)


_SOURCE_READERS: Mapping[str, Any] = {
    "file": _file_source,
    "midi": _midi_source,
    "score": _score_source,
    "drums": _drum_source,
    "command": _command_source,
}


def _settings_of(table: Table, key: str, parse: Any) -> Any:
    own = table.table(key)
    try:
        return parse(_floats(own.everything()), where=own.where)
    except SpecError as error:
        raise SpecError(f"{table.place(key)}: {error.message}", way_out=error.way_out) from error


def _floats(value: Any) -> Any:
    """Turn the exact decimals of the reader into floats, for settings that are not about time."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _floats(item) for key, item in value.items()}
    return [_floats(item) for item in value] if isinstance(value, list) else value


def _align(table: Table) -> AlignSettings:
    names = [str(strategy) for strategy in Strategy]
    if "align" not in table or isinstance(table.raw("align"), str):
        default = AlignSettings()
        return replace(default, strategy=Strategy(table.text("align", str(default.strategy), choices=names)))
    own = table.table("align")
    default = AlignSettings()
    settings = AlignSettings(
        strategy=Strategy(own.text("strategy", str(default.strategy), choices=names)),
        crossfade_s=own.number("crossfade_s", default.crossfade_s, low=0.0005, high=60),
        seamless=own.flag("seamless", default.seamless),
        fade_out_s=own.number("fade_out_s", default.fade_out_s, low=0, high=600),
    )
    own.finish()
    return settings


def _effects(table: Table, folder: Path, *, allow_plugins: bool) -> tuple[EffectSettings, ...]:
    tables = [_floats(own.everything()) for own in table.tables("effects")]
    for own in tables:
        if isinstance(own.get("path"), str):
            own["path"] = str(folder / own["path"])
    try:
        return parse_effects(tables, where="effects", allow_plugins=allow_plugins)
    except SpecError as error:
        raise SpecError(f"{table.place('effects')}: {error.message}", way_out=error.way_out) from error

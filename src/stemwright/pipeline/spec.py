"""The production spec: what `stemwright produce` is asked for, read from TOML and checked before any work.

The spec is plain frozen data; defaults stand in the settings classes of the rooms that use them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from stemwright.align import AlignSettings, Strategy
from stemwright.audio import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from stemwright.effects import EffectSettings, parse_effects
from stemwright.errors import SpecError
from stemwright.grid import MAX_BPM, MIN_BPM, Fill, Meter, SectionRequest
from stemwright.mastering import MasterSettings
from stemwright.mixing.mix import MixSettings
from stemwright.pipeline.tables import Table, nearest, read_toml
from stemwright.stems import Role, role_of
from stemwright.synth import DrumSettings, Key, ScoreSettings, check_sections

__all__ = [
    "CommandSource",
    "DeliverySettings",
    "DrumSource",
    "FileSource",
    "MatchSettings",
    "MidiSource",
    "ReferenceSettings",
    "ScoreSource",
    "Source",
    "Spec",
    "StemSpec",
    "load_spec",
]

MAX_STEMS = 256
MAX_NAME = 80
SUBTYPES = ("FLOAT", "PCM_24", "PCM_16")


@dataclass(frozen=True, slots=True)
class FileSource:
    """A take: any audio file."""

    path: Path


@dataclass(frozen=True, slots=True)
class MidiSource:
    """A MIDI file, played through the SoundFont; `instrument` replaces the file's own program."""

    path: Path
    instrument: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """Chords and a pattern, played through the SoundFont."""

    settings: ScoreSettings


@dataclass(frozen=True, slots=True)
class DrumSource:
    """Drum patterns per section, played through the SoundFont's kit."""

    settings: DrumSettings


@dataclass(frozen=True, slots=True)
class CommandSource:
    """An external generator.

    Parameters
    ----------
    argv : tuple[str, ...]
        Program and arguments; ``{output} {frames} {seconds} {sample_rate} {bpm} {key} {seed} {name}`` are
        filled in.
    output : str
        Name of the audio file it writes, in a folder of its own.
    timeout_s : float
        It is killed after this.
    """

    argv: tuple[str, ...]
    output: str = "stem.wav"
    timeout_s: float = 600.0


Source: TypeAlias = FileSource | MidiSource | ScoreSource | DrumSource | CommandSource


@dataclass(frozen=True, slots=True)
class StemSpec:
    """One stem as asked for."""

    name: str
    role: Role
    source: Source
    align: AlignSettings
    gain_db: float = 0.0
    pan: float = 0.0
    effects: tuple[EffectSettings, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """The file whose exact length is the target, with optional gates."""

    path: Path
    sample_rate: int | None = None
    channels: int | None = None
    min_duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Another record whose loudness and spectrum the master moves towards, by `amount` (0–1)."""

    path: Path
    amount: float = MasterSettings().match_amount


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """Which files of the master are made, beside WAV, and whether the page is drawn."""

    formats: tuple[str, ...] = ("wav", "flac", "mp3")
    report_page: bool = True
    zip: bool = True


FORMATS = ("wav", "flac", "mp3")
MOST_CHANNELS = {"flac": 8, "mp3": 2}


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole production."""

    path: Path
    text: str
    title: str
    artist: str
    bpm: Fraction
    meter: Meter
    key: Key
    sample_rate: int
    channels: int
    subtype: str
    fill: Fill
    seed: int
    sections: tuple[SectionRequest, ...]
    stems: tuple[StemSpec, ...]
    reference: ReferenceSettings | None = None
    soundfont: Path | None = None
    mix: MixSettings = field(default_factory=MixSettings)
    master: MasterSettings = field(default_factory=MasterSettings)
    match: MatchSettings | None = None
    delivery: DeliverySettings = field(default_factory=DeliverySettings)


def load_spec(path: Path | str, *, seed: int | None = None, allow_plugins: bool = False) -> Spec:
    """Read a spec file.

    Parameters
    ----------
    path : Path
        A TOML file; paths in it are relative to its folder.
    seed : int, optional
        Another take: replaces the spec's own seed.
    allow_plugins : bool
        Whether VST3 effects may be named.

    Raises
    ------
    SpecError
        With file, line, key, the value seen and the nearest known word.
    """
    path = Path(path)
    table = read_toml(path)
    spec = _read_spec(table, path, allow_plugins=allow_plugins)
    table.finish()
    return spec if seed is None else replace(spec, seed=seed)


def _read_spec(table: Table, path: Path, *, allow_plugins: bool) -> Spec:
    folder = path.parent
    bpm = table.fraction("bpm", low=MIN_BPM, high=MAX_BPM)
    sample_rate = table.integer("sample_rate", 48_000, low=MIN_SAMPLE_RATE_HZ, high=MAX_SAMPLE_RATE_HZ)
    meter = _parsed(table, "meter", Meter.parse, "4/4")
    channels = table.integer("channels", 2, low=1, high=MAX_CHANNELS)
    settings, match = _master(table.table("master"), folder)
    sections = _sections(table, bpm, meter)
    return Spec(
        path=path,
        text=path.read_text(encoding="utf-8-sig"),
        title=_title(table, "title", path.stem),
        artist=_title(table, "artist", ""),
        bpm=bpm,
        meter=meter,
        key=_parsed(table, "key", Key.parse, "C major"),
        sample_rate=sample_rate,
        channels=channels,
        subtype=table.text("subtype", "FLOAT", choices=SUBTYPES),
        fill=Fill(table.text("fill", str(Fill.REPEAT), choices=[str(f) for f in Fill])),
        seed=table.integer("seed", 0, low=0, high=2**63 - 1),
        sections=sections,
        stems=_stems(table, folder, sections, allow_plugins=allow_plugins),
        reference=_reference(table, folder),
        soundfont=_path(table, "soundfont", folder) if "soundfont" in table else None,
        mix=_mix(table.table("mix")),
        master=settings,
        match=match,
        delivery=_delivery(table.table("delivery"), channels),
    )


def _parsed(table: Table, key: str, parse: Any, default: str) -> Any:
    """Read a text through a parser of a lower room; its complaint gets file and line."""
    text = table.text(key, default)
    try:
        return parse(text)
    except SpecError as error:
        raise table.error(key, error.message, way_out=error.way_out) from error


def _title(table: Table, key: str, default: str) -> str:
    text = " ".join(str(table.text(key, default)).split())
    if len(text) > 200:
        raise table.error(key, f"{len(text)} characters are too many; 200 are possible.")
    return text


def _path(table: Table, key: str, folder: Path) -> Path:
    text: str = table.text(key)
    if not text or "\0" in text:
        raise table.error(key, "this is not the path of a file.")
    return folder / text


def _sections(table: Table, bpm: Fraction, meter: Meter) -> tuple[SectionRequest, ...]:
    if "sections" not in table:
        raise table.error("sections", "this table is missing.", way_out="Write [sections] and verse = 32.")
    sections = table.table("sections")
    requests = []
    for name in sections.keys:
        value = sections.raw(name)
        if isinstance(value, Mapping):
            own = sections.under(name, value)
            beats = _beats(own, "beats", own.raw("beats"), meter)
            request = (name, beats, own.fraction("bpm", bpm, low=MIN_BPM, high=MAX_BPM))
            own.finish()
        else:
            request = (name, _beats(sections, name, value, meter), bpm)
        requests.append(SectionRequest(*request))
    if not requests:
        raise table.error("sections", "there is no section.", way_out="Write, for example, verse = 32.")
    return tuple(requests)


def _beats(table: Table, key: str, value: Any, meter: Meter) -> Fraction:
    """Read ``16`` (beats) or ``"8 bars"``."""
    if isinstance(value, str):
        number, _, unit = value.strip().partition(" ")
        per_unit = {"bars": meter.beats_per_bar, "bar": meter.beats_per_bar, "beats": 1, "beat": 1}.get(unit)
        if per_unit is None or not number.isdigit() or not int(number):
            raise table.error(key, f'"{value}" is not a length.', way_out='Write 16 (beats) or "8 bars".')
        return Fraction(int(number) * per_unit)
    return Fraction(table.fraction(key, low=1 / 64, high=100_000))


def _reference(table: Table, folder: Path) -> ReferenceSettings | None:
    if "reference" not in table:
        return None
    if isinstance(table.raw("reference"), str):
        return ReferenceSettings(_path(table, "reference", folder))
    own = table.table("reference")
    found = ReferenceSettings(
        path=_path(own, "file", folder),
        sample_rate=own.integer("sample_rate", None, low=MIN_SAMPLE_RATE_HZ, high=MAX_SAMPLE_RATE_HZ),
        channels=own.integer("channels", None, low=1, high=MAX_CHANNELS),
        min_duration_s=own.number("min_duration_s", None, low=0),
    )
    own.finish()
    return found


def _stems(
    table: Table, folder: Path, sections: Sequence[SectionRequest], *, allow_plugins: bool
) -> tuple[StemSpec, ...]:
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
    return FileSource(_path(table, "file", folder))


def _midi_source(table: Table, folder: Path) -> MidiSource:
    if isinstance(table.raw("midi"), str):
        return MidiSource(_path(table, "midi", folder))
    own = table.table("midi")
    source = MidiSource(_path(own, "file", folder), own.text("instrument", None))
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


def _mix(table: Table) -> MixSettings:
    settings = MixSettings(table.number("peak_dbfs", MixSettings().peak_dbfs, low=-60, high=0))
    table.finish()
    return settings


def _master(table: Table, folder: Path) -> tuple[MasterSettings, MatchSettings | None]:
    default = MasterSettings()
    settings = MasterSettings(
        loudness_lufs=table.number("loudness_lufs", default.loudness_lufs, low=-60, high=-5),
        ceiling_dbtp=table.number("ceiling_dbtp", default.ceiling_dbtp, low=-20, high=0),
        max_limiting_db=table.number("max_limiting_db", default.max_limiting_db, low=0, high=20),
        fade_in_s=table.number("fade_in_s", default.fade_in_s, low=0, high=600),
        fade_out_s=table.number("fade_out_s", default.fade_out_s, low=0, high=600),
    )
    match = None
    if "match" in table:
        own = table.table("match")
        amount = own.number("amount", MatchSettings(Path()).amount, low=0, high=1)
        match = MatchSettings(_path(own, "file", folder), amount)
        own.finish()
    table.finish()
    return settings, match


def _delivery(table: Table, channels: int) -> DeliverySettings:
    default = DeliverySettings()
    possible = [name for name in default.formats if channels <= MOST_CHANNELS.get(name, MAX_CHANNELS)]
    formats = table.raw("formats", possible)
    if not isinstance(formats, list) or "wav" not in formats:
        raise table.error(
            "formats", f"{formats!r} must be a list with at least wav.", way_out='["wav", "mp3"].'
        )
    for name in formats:
        if name not in FORMATS:
            raise table.error("formats", f"{name!r} is not known here.", way_out=nearest(str(name), FORMATS))
        if name not in possible:
            raise table.error(
                "formats", f"{name} holds at most {MOST_CHANNELS[name]} channels, not {channels}."
            )
    settings = DeliverySettings(
        tuple(name for name in FORMATS if name in formats),
        table.flag("report_page", default.report_page),
        table.flag("zip", default.zip),
    )
    table.finish()
    return settings

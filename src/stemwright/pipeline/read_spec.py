"""Read a production spec from TOML and check all of it before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemwright.audio import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from stemwright.errors import SpecError
from stemwright.grid import MAX_BPM, MIN_BPM, Fill, Meter, SectionRequest
from stemwright.mastering import MasterSettings
from stemwright.mixing.mix import MixSettings
from stemwright.pipeline.read_stems import path_of, read_stems
from stemwright.pipeline.spec import (
    FORMATS,
    MOST_CHANNELS,
    SUBTYPES,
    DeliverySettings,
    MatchSettings,
    ReferenceSettings,
    Spec,
)
from stemwright.pipeline.tables import Table, nearest, read_toml
from stemwright.synth import Key

__all__ = ["load_spec"]


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
        stems=read_stems(table, folder, sections, allow_plugins=allow_plugins),
        reference=_reference(table, folder),
        soundfont=path_of(table, "soundfont", folder) if "soundfont" in table else None,
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
        return ReferenceSettings(path_of(table, "reference", folder))
    own = table.table("reference")
    found = ReferenceSettings(
        path=path_of(own, "file", folder),
        sample_rate=own.integer("sample_rate", None, low=MIN_SAMPLE_RATE_HZ, high=MAX_SAMPLE_RATE_HZ),
        channels=own.integer("channels", None, low=1, high=MAX_CHANNELS),
        min_duration_s=own.number("min_duration_s", None, low=0),
    )
    own.finish()
    return found


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
        match = MatchSettings(path_of(own, "file", folder), amount)
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

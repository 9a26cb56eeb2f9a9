"""Read a plan from JSON for people: every complaint names the place, the value seen and the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from stemwright.checks import Notice
from stemwright.errors import SpecError
from stemwright.planning.plan import (
    KeySource,
    Label,
    PlanSection,
    RemixPlan,
    SongId,
    TempoSource,
    Transition,
    Window,
)
from stemwright.songs import SongStem

__all__ = ["complaints", "mend_raw", "plan_schema", "read_plan"]

MOST_JSON_BYTES = 1_000_000
MOST_COMPLAINTS = 20
EXAMPLE = "plan.json of a run is an example."
WORDS: Mapping[str, type[StrEnum]] = {
    "label": Label,
    "transition_in": Transition,
    "vocal_source": SongId,
    "tempo_source": TempoSource,
    "key_source": KeySource,
}
FIELDS = {
    "": tuple(RemixPlan.model_fields),
    "sections": tuple(PlanSection.model_fields),
    "vocal_window": tuple(Window.model_fields),
    "instrumental_window": tuple(Window.model_fields),
}


def plan_schema() -> dict[str, Any]:
    """Return the JSON schema of plan.json, version 1."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RemixPlan.model_json_schema()}


def read_plan(raw: str | bytes | Mapping[str, Any]) -> RemixPlan:
    """Read plan.json, as text or already parsed.

    Parameters
    ----------
    raw : str, bytes or Mapping
        JSON of a `RemixPlan`, at most 1 MB.

    Raises
    ------
    SpecError
        Names the first place that is wrong (``sections[2].stems.vocals.gain``), the value seen, the way out.
    """
    record = _parsed(raw)
    try:
        return RemixPlan.from_dict(record)
    except ValidationError as error:
        first, *more = complaints(error)
        rest = f" {len(more)} more places are wrong." if more else ""
        raise SpecError(f"{first}{rest}") from error


def complaints(error: ValidationError) -> list[str]:
    """Say what pydantic found, one sentence a place; what goes back to a language model as well."""
    found = error.errors(include_url=False)[:MOST_COMPLAINTS]
    return [_sentence(dict(item)) for item in found]


def _parsed(raw: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(raw, Mapping):
        return raw
    if len(raw) > MOST_JSON_BYTES:
        raise SpecError(f"A plan of {len(raw)} bytes is too long; {MOST_JSON_BYTES} are possible.")
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f"This plan is not JSON: {error}.", way_out="plan.json of a run is an example."
        ) from error
    if not isinstance(record, dict):
        raise SpecError("A plan is a JSON object.", way_out=EXAMPLE)
    return record


def _sentence(item: dict[str, Any]) -> str:
    place = _place(item["loc"])
    known = item.get("ctx", {})
    kind = item["type"]
    if kind == "extra_forbidden":
        return f"{place}: this key is unknown. {_nearest(item['loc'])}".strip()
    if kind == "missing":
        return f"{place} is missing."
    seen = _shown(item["input"])
    if "expected" in known:
        return f"{place} is {seen}. Write {known['expected']}."
    for bound, words in (("ge", "at least"), ("le", "at most"), ("gt", "above"), ("lt", "below")):
        if bound in known:
            return f"{place} is {seen}. It has to be {words} {known[bound]:.12g}."
    return f"{place} is {seen}. {item['msg']}."


def _place(loc: tuple[int | str, ...]) -> str:
    """Write ``sections[2].stems.vocals.gain``."""
    out = ""
    for part in loc:
        if part != "[key]":
            out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out or "plan"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"


def _nearest(loc: tuple[int | str, ...]) -> str:
    """Suggest the field that was probably meant."""
    fields = FIELDS.get(str(loc[0]) if len(loc) > 1 else "", ("gain", "song", "source_beat", "loop_beats"))
    close = get_close_matches(str(loc[-1]), fields, 1)
    return f'Did you mean "{close[0]}"?' if close else ""


def mend_raw(raw: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Notice, ...]]:
    """Repair what a model or a hand often gets wrong before the plan is read (points 6 and 7).

    Unknown keys and stems are dropped, gains are moved into 0 to 1, words are read in any casing; what is
    still wrong is left for `read_plan` to complain about.

    Returns
    -------
    tuple
        The mended record, and every repair in plain words.
    """
    told: list[str] = []
    record = _known(raw, RemixPlan.model_fields, "plan", told)
    sections = record.get("sections")
    if isinstance(sections, list):
        record["sections"] = [_section(item, f"sections[{i}]", told) for i, item in enumerate(sections)]
    _words(record, told)
    return record, tuple(Notice(text, "plan") for text in dict.fromkeys(told))


def _known(raw: Mapping[str, Any], fields: Mapping[str, Any], place: str, told: list[str]) -> dict[str, Any]:
    told += [f"{place}: the unknown key {_shown(key)} is left out." for key in raw if key not in fields]
    return {key: value for key, value in raw.items() if key in fields}


def _section(item: Any, place: str, told: list[str]) -> Any:
    if not isinstance(item, Mapping):
        return item
    section = _known(item, PlanSection.model_fields, place, told)
    _words(section, told)
    stems = section.get("stems")
    if isinstance(stems, Mapping):
        known = {str(stem) for stem in SongStem}
        told += [
            f"{place}: {_shown(name)} is no stem and is left out." for name in stems if name not in known
        ]
        section["stems"] = {
            name: _use(use, f"{place}.stems.{name}", told) for name, use in stems.items() if name in known
        }
    return section


def _use(use: Any, place: str, told: list[str]) -> Any:
    gain = use.get("gain") if isinstance(use, Mapping) else None
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not (gain < 0.0 or gain > 1.0):
        return use
    right = 0.0 if gain < 0.0 else 1.0
    told.append(f"{place}.gain was {gain:g}; it is {right:g} now.")
    return {**use, "gain": right}


def _words(record: dict[str, Any], told: list[str]) -> None:
    """Read words of closed lists in any casing, with spaces for underscores."""
    for key, words in WORDS.items():
        value = record.get(key)
        if not isinstance(value, str) or value in set(words):
            continue
        plain = value.strip().lower().replace(" ", "_").replace("-", "_")
        if plain in set(words):
            record[key] = plain
            told.append(f"{key}: {_shown(value)} is read as {plain}.")

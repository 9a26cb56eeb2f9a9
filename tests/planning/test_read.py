"""Plans from JSON: what is wrong is said with its place, its value and the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.made import plan
from stemwright.errors import SpecError
from stemwright.planning.plan import RemixPlan
from stemwright.planning.read import mend_raw, plan_schema, read_plan

SCHEMA = Path(__file__).parents[2] / "docs" / "plan.schema.v1.json"


def broken(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    record = plan().as_dict()
    place: Any = record
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return record


def test_what_is_written_is_read() -> None:
    assert read_plan(json.dumps(plan().as_dict())) == plan()
    assert read_plan(plan().as_dict()) == plan()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (
            ("sections", 1, "stems", "vocals", "gain"),
            1.7,
            ["sections[1].stems.vocals.gain", "1.7", "at most 1"],
        ),
        (("sections", 2, "label"), "coda", ["sections[2].label", "coda", "outro"]),
        (
            ("sections", 0, "transition_beat"),
            4,
            ["sections[0].transition_beat", "transition_beats"],
        ),
        (("target_bpm",), 5, ["target_bpm", "5", "at least 40"]),
        (("vocal_window", "start_s"), -3, ["vocal_window.start_s", "-3", "at least 0"]),
        (("sections", 0, "stems", "vocls"), {"gain": 1, "song": "song_a"}, ["vocls", "vocals"]),
        (("explanation",), None, ["explanation", "null"]),
    ],
)
def test_complaints(path: tuple[str | int, ...], value: Any, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        read_plan(broken(path, value))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("raw", ["", "[]", "{", "null", "[" * 100_000, "{}", b"\xff\xfe", "x" * 2_000_000])
def test_what_is_no_plan(raw: str | bytes) -> None:
    with pytest.raises(SpecError):
        read_plan(raw)


def test_what_a_model_gets_wrong_is_mended_and_told() -> None:
    raw = broken(("sections", 1, "stems", "vocals", "gain"), 1.7)
    raw["sections"][0]["stems"]["cowbell"] = {"gain": 1, "song": "song_a"}
    raw["sections"][0]["mood"] = "happy"
    raw["tempo_source"] = "Song B"
    mended, told = mend_raw(raw)
    assert read_plan(mended).sections[1].stems == plan().sections[1].stems
    assert len(told) == 4
    assert mend_raw(mended) == (mended, ())


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([*RemixPlan.model_fields, "other"])


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(FIELDS, JSON))
def test_any_json_is_read_or_refused_in_words(fields: dict[str, Any]) -> None:
    mended, _ = mend_raw({**plan().as_dict(), **fields})
    try:
        read_plan(mended)
    except SpecError as error:
        assert len(str(error)) > 10  # noqa: PT017


def test_the_schema_in_the_docs_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == plan_schema()

"""What the page makes of a plan by hand, held against the planner's own laws; what it writes into a spec."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from planning.made import pair, plan
from signals import rng
from stemwright.match.compatibility import compatibility
from stemwright.planning.pace import pace_of
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.planning.playhead import reads_of, sounding, start_beat
from stemwright.planning.validate import validate

WEB = Path(__file__).parents[2] / "web"
CASES = 150
STEPS = 6
FACTS = pair()
FIRST = plan(FACTS)
PACE = pace_of(FIRST, FACTS)
Logic = Callable[..., dict[str, Any]]
Edited = list[tuple[list[list[Any]], dict[str, Any]]]
SPEC = """title = "One"
bpm = 120

[sections]                 # in order
intro = 16
"the verse" = "8 bars"     # comes twice
bridge = { beats = 16, bpm = 92 }
outro = 16.5

[[stem]]
name = "drums"
align = "lop"
"""


@pytest.fixture(scope="module")
def logic(tmp_path_factory: pytest.TempPathFactory) -> Logic:
    """Bundle the page's own modules once; every call runs them in node."""
    node, bundler = shutil.which("node"), WEB / "node_modules" / ".bin" / "rolldown"
    if node is None or not bundler.exists():
        pytest.skip("no node, or no page built here: make page")
    bundle = tmp_path_factory.mktemp("logic") / "logic.mjs"
    entry = Path(__file__).with_name("logic.ts")
    command = [node, str(bundler.resolve()), str(entry), "--file", str(bundle), "--format", "esm"]
    subprocess.run(command, check=True, capture_output=True, cwd=WEB)

    def call(**asked: Any) -> dict[str, Any]:
        text = json.dumps({"cases": [], "specs": [], **asked})
        done = subprocess.run([node, str(bundle)], input=text.encode(), check=True, capture_output=True)
        return dict(json.loads(done.stdout))

    return call


def record() -> dict[str, Any]:
    """As much of a report as the page reads."""
    songs = {
        song.value: {"beat_factor": 1 / PACE.rates[song], "vocals": "keep", "instruments": "keep"}
        for song in SongId
    }
    steps = [
        {"name": f"analyze song {song.value[-1].upper()}", "details": {"facts": FACTS[song].as_dict()}}
        for song in SongId
    ]
    tempo = {"name": "tempo and key", "details": {"target_bpm": PACE.bpm, "songs": songs}}
    return {"steps": [*steps, tempo]}


def case(*steps: list[Any], start: RemixPlan = FIRST) -> dict[str, Any]:
    return {"record": record(), "plan": start.as_dict(), "bpm": PACE.bpm, "steps": list(steps)}


def some_steps(seed: int) -> list[list[Any]]:
    """Steps of every kind; sections are named by number, which may be none."""
    draw = rng(seed)
    kinds: dict[str, Callable[[], list[Any]]] = {
        "move": lambda: [int(draw.integers(4))],
        "duplicate": list,
        "remove": list,
        "insert": list,
        "split": lambda: [int(draw.integers(64))],
        "resize": lambda: [int(draw.integers(1, 90))],
        "border": lambda: [int(draw.integers(-40, 40))],
        "gain": lambda: [float(draw.integers(0, 3)) / 2],
        "source": lambda: [int(draw.integers(2))],
        "transition": lambda: [int(draw.integers(3)), int(draw.integers(1, 40))],
        "cue": lambda: [int(draw.integers(-20, 500)), int(draw.choice([0, 0, 4, 8, 16]))],
    }
    names = draw.choice(list(kinds), STEPS)
    return [[str(name), int(draw.integers(4)), *kinds[str(name)]()] for name in names]


@pytest.fixture(scope="module")
def edited(logic: Logic) -> Edited:
    steps = [some_steps(seed) for seed in range(CASES)]
    return list(zip(steps, logic(cases=[case(*some) for some in steps])["cases"], strict=True))


def test_every_edited_plan_is_valid_as_it_stands(
    edited: Edited,
) -> None:
    for steps, found in edited:
        if found["obstacle"]:
            continue
        sent = RemixPlan.from_dict(found["sent"])
        valid = validate(sent, facts=FACTS).plan

        # only where a song runs out does the planner put in a jump
        assert [s.model_copy(update={"cues": {}}) for s in valid.sections] == [
            s.model_copy(update={"cues": {}}) for s in sent.sections
        ], steps


def test_sections_follow_each_other_on_bars(edited: Edited) -> None:
    for steps, found in edited:
        sections = found["sent"]["sections"]
        borders = [0, *(one["end_beat"] for one in sections)]

        assert [one["start_beat"] for one in sections] == borders[:-1], steps
        assert all(beat % 4 == 0 for beat in borders), steps
        assert all(later - beat >= 4 for beat, later in pairwise(borders)), steps
        assert all(2 * one["transition_beats"] <= one["end_beat"] - one["start_beat"] for one in sections), (
            steps
        )


def test_playheads_run_as_the_planner_says(edited: Edited) -> None:
    for steps, found in edited:
        sent = RemixPlan.from_dict(found["sent"])
        for song in SongId:
            first = start_beat(sent.window_of(song), FACTS[song].grid)
            law = list(reads_of(sent.sections, song, first_beat=first, rate=PACE.rates[song]))
            page = found["after"][-1]["reads"][song.value]

            assert [one["start"] for one in page] == pytest.approx([one.start_beat for one in law]), steps
            assert [one["loop"] for one in page] == [one.loop_beats for one in law], steps


@pytest.mark.parametrize(
    "step",
    [
        ["move", 2, 0],
        ["duplicate", 1],
        ["remove", 0],
        ["insert", 0],
        ["split", 1, 40],
        ["resize", 0, 48],
    ],
    ids=lambda step: step[0],
)
def test_a_new_form_leaves_every_section_what_it_played(logic: Logic, step: list[Any]) -> None:
    before = logic(cases=[case()])["cases"][0]
    (found,) = logic(cases=[case(step)])["cases"]
    sent = RemixPlan.from_dict(found["sent"])
    first = {song: start_beat(FIRST.window_of(song), FACTS[song].grid) for song in SongId}
    places = found["after"][0]["sections"]

    assert before["told"] == []
    assert found["told"], "something was changed"
    for i, (section, place) in enumerate(zip(sent.sections, places, strict=True)):
        if "was" not in place:
            continue
        for song in sounding(section):
            played = first[song] + place["was"]["at"] * PACE.rates[song]
            assert found["after"][0]["reads"][song.value][i]["start"] == pytest.approx(played, abs=0.5)
    assert not any("plays from" in text for text in found["told"])


def test_what_is_told(logic: Logic) -> None:
    (found,) = logic(
        cases=[
            case(
                ["move", 2, 0], ["duplicate", 2], ["gain", 1, 0.0], ["transition", 1, 2, 0], ["cue", 1, 64, 0]
            )
        ]
    )["cases"]

    assert found["told"][:2] == [
        "The outro comes at the start.",
        "The main comes again after the first main.",
    ]
    assert "In the intro, drums are silent." in found["told"]
    assert "The intro comes in with a cut." in found["told"]
    assert any(text.startswith("In the intro, song B plays from 0:30") for text in found["told"])
    assert found["told"][-1].startswith("The remix lasts")


def test_a_wish_that_was_edited_away_is_asked_for_no_longer(logic: Logic) -> None:
    wishes = [
        {"kind": "without", "stem": "drums", "section": "intro", "text": "no drums in the intro"},
        {"kind": "length_at_most_s", "value": 95.0, "text": "a minute and a half"},
        {"kind": "has_section", "section": "outro", "text": "an outro"},
    ]
    silent = FIRST.as_dict() | {"clauses": wishes}
    silent["sections"][0]["stems"]["drums"]["gain"] = 0.0
    start = RemixPlan.from_dict(silent)
    (found,) = logic(cases=[case(["gain", 0, 1.0], ["resize", 1, 400], start=start)])["cases"]
    valid = validate(RemixPlan.from_dict(found["sent"]), facts=FACTS).plan

    assert found["dropped"] == ["“no drums in the intro”", "“a minute and a half”"]
    assert [clause["text"] for clause in found["sent"]["clauses"]] == ["an outro", "the length set by hand"]
    assert valid.sections[-1].end_beat == 32 + 400 + 32


def test_only_what_is_still_rendered_is_shown(logic: Logic) -> None:
    (found,) = logic(cases=[case(["insert", 0], ["move", 3, 0])])["cases"]
    shown = [(one["from"], one["to"], one["at"]) for one in found["pieces"]]

    assert shown == [(160, 192, 0), (0, 32, 32), (32, 160, 96)]


def test_the_pair_is_one_that_can_be_matched() -> None:
    assert compatibility(FACTS[SongId.A], FACTS[SongId.B]).level in ("great", "good", "challenging")


def test_sections_are_changed_in_the_text_of_a_spec(logic: Logic) -> None:
    asked = [
        ["readSections", SPEC, 4],
        ["setBeats", SPEC, 5, 24, 4],
        ["setBpm", SPEC, 4, 100],
        ["setBpm", SPEC, 6, None],
        ["setBeats", SPEC, 6, 32, 4],
        ["moveLine", SPEC, 7, 4],
    ]
    read, longer, own, plain, inside, moved = logic(specs=asked)["specs"]
    tables = [tomllib.loads(text)["sections"] for text in (longer, own, plain, inside, moved)]

    assert [(one["name"], one["beats"], one["bpm"]) for one in read] == [
        ("intro", 16, None), ("the verse", 32, None), ("bridge", 16, 92), ("outro", 16.5, None),
    ]  # fmt: skip
    assert tables[0]["the verse"] == "6 bars"
    assert tables[1]["intro"] == {"beats": 16, "bpm": 100}
    assert tables[2]["bridge"] == 16
    assert tables[3]["bridge"] == {"beats": 32, "bpm": 92}
    assert list(tables[4]) == ["outro", "intro", "the verse", "bridge"]
    assert "# comes twice" in longer, "comments stay"


@pytest.mark.parametrize(
    ("complaint", "line"),
    [
        ('spec.toml, line 6, sections.the verse: "x" is not a length.', 6),
        ("spec.toml is not valid TOML: Expected '=' (at line 3, column 1).", 3),
        ('stem[0].align: "lop" is not known here.', 12),
        ("stem[0].file: 'take.wav' was not uploaded.", 10),
        ("The service is away.", None),
    ],
)
def test_a_complaint_finds_its_line(logic: Logic, complaint: str, line: int | None) -> None:
    assert logic(specs=[["lineOf", SPEC, complaint]])["specs"] == [line]

"""--plan-only and --plan FILE: plans that are shown, edited by hand, repaired or refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from remix_songs import Rendered
from stemwright.errors import SpecError
from stemwright.pipeline.events import Event, StepStarted
from stemwright.pipeline.remix import Remix, RemixOptions, SongRequest, plan_remix, remix
from stemwright.pipeline.store import Store

Edit = Callable[[dict[str, Any]], object]


def test_a_plan_alone_renders_nothing(
    made: Remix, songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    told: list[Event] = []
    out = tmp_path / "out"
    planned = plan_remix(
        *songs, "vocals of song A over song B", options=RemixOptions(out=out, planner="offline"), store=store,
        listener=told.append,
    )  # fmt: skip
    assert planned.plan == made.plan
    assert planned.pairing.target_bpm == pytest.approx(111, abs=0.1)
    assert not out.exists()
    rendered = {"match a_vocals", "level", "arrange", "master", "verify"}
    assert not rendered & {event.name for event in told if isinstance(event, StepStarted)}
    assert planned.report.status == "passed"


def write_plan(made: Remix, path: Path, edit: Edit) -> Path:
    record = copy.deepcopy(made.plan.as_dict())
    edit(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_a_plan_as_it_is_gives_the_same_remix(made: Remix, render: Rendered, tmp_path: Path) -> None:
    """plan.json of a run renders that run again, whatever the prompt says."""
    again = render("something else entirely", plan=made.folder / "plan.json")
    for name in ("master.mp3", "mix.wav", "plan.json", "stems/a_vocals.wav"):
        assert (again.folder / name).read_bytes() == (made.folder / name).read_bytes()
    assert again.report.status == "passed"


def test_a_hand_edited_plan_is_what_is_heard(made: Remix, render: Rendered, tmp_path: Path) -> None:
    """The drums of the main part taken out by hand: silent there, unchanged before."""

    def edit(plan: dict[str, Any]) -> None:
        plan["sections"][2]["stems"]["drums"]["gain"] = 0.0
        plan["sections"][2]["transition_in"] = "cut"

    edited = render(plan=write_plan(made, tmp_path / "plan.json", edit))
    main = made.plan.sections[2]
    start, end = main.start_beat * 60 / 111, main.end_beat * 60 / 111
    before, rate = sf.read(made.folder / "stems/b_drums.wav")
    after, _ = sf.read(edited.folder / "stems/b_drums.wav")
    inside = slice(round((start + 0.05) * rate), round((end - 0.05) * rate))
    assert np.abs(before[inside]).max() > 0.1
    assert np.abs(after[inside]).max() < 1e-4
    outside = slice(0, round((start - 0.05) * rate))
    assert np.abs(after[outside]).max() > 0.1


def of_section(number: int, **fields: object) -> Edit:
    return lambda plan: plan["sections"][number].update(fields)


@pytest.mark.parametrize(
    ("edit", "seen"),
    [
        (
            lambda plan: plan["sections"][0]["stems"]["drums"].update(gain=2),
            "sections[0].stems.drums.gain is 2. It has to be at most 1",
        ),
        (lambda plan: plan.update(volume=3), "volume: this key is unknown"),
        (of_section(1, label="chrous"), 'sections[1].label is "chrous". Write \'intro\''),
        (lambda plan: plan.update(sections=[]), "sections is []"),
        (lambda plan: plan.pop("vocal_source"), "vocal_source is missing"),
        (lambda plan: plan["songs"]["song_a"].update(sha256="0" * 64), "made for another file"),
        (
            lambda plan: [use.update(gain=0) for s in plan["sections"] for use in s["stems"].values()],
            "Nothing sounds in this plan",
        ),
        (lambda plan: plan.update(target_bpm=1e9), "target_bpm is 1000000000.0. It has to be at most 250"),
        (
            lambda plan: plan.update(clauses=[{"kind": "louder", "text": "x"}]),
            'A clause "louder" needs a stem and a value',
        ),
        (lambda plan: plan.update(clauses=[{"kind": "key", "text": "x", "key": "zz"}]), '"zz" is not a key'),
        (lambda plan: plan["sections"][0].update(start_beat=10**12), "It has to be at most 1000000."),
        (lambda plan: plan.update(schema_version=2), "schema_version is 2"),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_refused_with_its_place(
    made: Remix,
    render: Rendered,
    tmp_path: Path,
    edit: Edit,
    seen: str,
) -> None:
    path = write_plan(made, tmp_path / "mine.json", edit)
    with pytest.raises(SpecError) as error:
        render(plan=path)
    assert seen in error.value.message
    assert error.value.way_out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"{oops", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "JSON object"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * 1_000_001, "too long"),
        (None, "can't be read: No such file"),
    ],
)
def test_what_is_no_plan_is_refused_before_any_work(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path, content: bytes | None, seen: str
) -> None:
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_bytes(content)
    told: list[Event] = []
    with pytest.raises(SpecError, match=r"mine\.json") as error:
        remix(*songs, "", options=RemixOptions(plan=path), store=store, listener=told.append)
    assert seen in error.value.message
    assert error.value.way_out
    assert told == []


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (of_section(1, start_beat=2), "lasts only 2 beats"),
        (lambda plan: plan.update(key_source="target", target_key="H dur"), '"H dur" is not a key'),
        (lambda plan: plan.update(tempo_source="target", target_bpm=None), "No target_bpm was given"),
        (lambda plan: plan["sections"][1]["stems"].update(guitars={"gain": 1, "song": "song_a"}), "guitars"),
        (lambda plan: plan.update(vocal_window={"start_s": 2e3, "end_s": 5e3}), "inside the song"),
    ],
)
def test_what_can_be_repaired_is_repaired_and_told(
    made: Remix, songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path, edit: Edit, said: str
) -> None:
    path = write_plan(made, tmp_path / "mine.json", edit)
    planned = plan_remix(*songs, "", options=RemixOptions(plan=path, planner="offline"), store=store)
    assert any(said in notice.text for notice in planned.report.notices)
    assert planned.report.status == "warning"
    assert [check.name for check in planned.report.checks if check.failed] == ["repairs"]

"""Refining a finished remix: what changes is what was asked, and only that is rendered again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from remix_songs import TIDE, song_of, write
from stemwright.errors import InputError
from stemwright.pipeline.remix import RefineOptions, Remix, RemixOptions, SongRequest, refine, remix
from stemwright.pipeline.store import Store
from stemwright.planning.plan import SongId

PROMPT = "vocals of song A over song B"
OFFLINE = RefineOptions(planner="offline")
SONGS = {f"{step} song {s}" for s in "AB" for step in ("decode", "separate", "analyze")}


def history(folder: Path) -> dict[str, list[dict[str, object]]]:
    return dict(json.loads((folder / "history.json").read_text()))


def found_done(folder: Path) -> set[str]:
    return set(json.loads((folder / "run.json").read_text())["found_done"])


def rms_db(path: Path) -> float:
    samples, _ = sf.read(path)
    return float(20 * np.log10(np.sqrt(np.mean(samples**2))))


@pytest.fixture
def copied(made: Remix, tmp_path: Path) -> Path:
    """The finished remix, to be changed."""
    folder = tmp_path / "out"
    shutil.copytree(made.folder, folder)
    return folder


def test_a_gain_is_changed_and_taken_back(copied: Path, made: Remix, store: Store) -> None:
    quiet = refine(copied, "bass quieter", options=OFFLINE, store=store)
    assert found_done(copied) == SONGS | {"match a_vocals", "level"}
    assert quiet.report.status == "passed"
    lowered = rms_db(copied / "stems/b_bass.wav") - rms_db(made.folder / "stems/b_bass.wav")
    others = rms_db(copied / "stems/b_drums.wav") - rms_db(made.folder / "stems/b_drums.wav")
    assert lowered - others < -1.5
    (said,) = [notice.text for notice in quiet.report.notices if notice.subject == "change"]
    assert said.startswith("The bass is quieter")
    versions = history(copied)["versions"]
    assert [version["asked"] for version in versions] == ["vocals of song A over song B", "bass quieter"]
    assert json.loads((copied / "plan.json").read_text()) == versions[-1]["plan"]

    back = refine(copied, "", options=RefineOptions(undo=True, planner="offline"), store=store)
    assert found_done(copied) == SONGS | {"match a_vocals", "level", "arrange", "master", "verify"}
    for name in ("mix.wav", "master.mp3", "plan.json", "stems/b_bass.wav"):
        assert (copied / name).read_bytes() == (made.folder / name).read_bytes()
    assert back.plan == made.plan
    after = history(copied)
    assert (len(after["versions"]), len(after["undone"])) == (1, 1)
    with pytest.raises(InputError, match="nothing to undo"):
        refine(copied, "", options=RefineOptions(undo=True), store=store)


def test_what_is_not_understood_changes_nothing_and_says_so(copied: Path, made: Remix, store: Store) -> None:
    same = refine(copied, "colorless green ideas sleep furiously", options=OFFLINE, store=store)
    assert (copied / "mix.wav").read_bytes() == (made.folder / "mix.wav").read_bytes()
    assert same.report.status == "warning"
    assert any("did not understand" in notice.text for notice in same.report.notices)
    assert [check.name for check in same.report.checks if check.failed] == ["changes"]


def test_a_song_that_moved_is_asked_for_and_found(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    """Song B without stems of its own place: its file moves after the remix was made."""
    path = write(tmp_path / "tide.wav", song_of(TIDE).samples)
    options = RemixOptions(out=tmp_path / "out", planner="offline", report_page=False, pack=False)
    assert songs[1].stems is not None
    remix(songs[0], SongRequest(path, songs[1].stems), PROMPT, options=options, store=store)
    moved = path.rename(tmp_path / "elsewhere.wav")
    with pytest.raises(InputError, match=r"Song B is no longer at .*tide\.wav") as error:
        refine(tmp_path / "out", "louder drums", options=OFFLINE, store=store)
    assert "--song-b" in error.value.way_out
    where = RefineOptions(planner="offline", songs={SongId.B: moved})
    assert refine(tmp_path / "out", "louder drums", options=where, store=store).plan.songs
    assert songs[0].path is not None
    other = RefineOptions(planner="offline", songs={SongId.B: songs[0].path})
    with pytest.raises(InputError):
        refine(tmp_path / "out", "louder drums", options=other, store=store)


@pytest.mark.parametrize("broken", ["missing", "empty", "run.json", "history.json", "no versions", "list"])
def test_a_folder_without_a_remix_is_refused(copied: Path, store: Store, broken: str) -> None:
    folder = copied
    if broken == "missing":
        folder = copied / "nothing"
    elif broken == "empty":
        shutil.rmtree(copied)
        copied.mkdir()
    elif broken == "no versions":
        (copied / "history.json").write_text('{"versions": [], "undone": []}')
    elif broken == "list":
        (copied / "run.json").write_text("[]")
    else:
        (copied / broken).write_text("{not json")
    with pytest.raises(InputError) as error:
        refine(folder, "louder drums", options=OFFLINE, store=store)
    assert error.value.way_out


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record.update(inputs={}),
        lambda record: record["inputs"].update(options={"volume": 1}),
        lambda record: record["inputs"]["songs"].pop("song_a"),
        lambda record: record["inputs"]["songs"]["song_a"].pop("path"),
        lambda record: record.update(inputs="nothing"),
    ],
)
def test_a_damaged_run_file_is_told(copied: Path, store: Store, damage) -> None:  # type: ignore[no-untyped-def]
    record = json.loads((copied / "run.json").read_text())
    damage(record)
    (copied / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError) as error:
        refine(copied, "louder drums", options=OFFLINE, store=store)
    assert error.value.way_out

"""What a remix leaves behind: the layout, the sums, what was done; the same bytes every time."""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from remix_songs import RATE, Rendered
from stemwright.checks import Severity
from stemwright.delivery import describe_file
from stemwright.delivery.canonical import canonical_json
from stemwright.dsp.loudness import measure
from stemwright.errors import RefusedError
from stemwright.io.reader import open_audio
from stemwright.pipeline.events import Event, Progress, StepFinished, StepStarted
from stemwright.pipeline.mix_files import LOUDNESS, loudness_of
from stemwright.pipeline.remix import Remix, RemixOptions, SongRequest, plan_remix, recipe, remix
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.step import Outcome, Result
from stemwright.pipeline.store import Store, StoreSettings
from stemwright.planning.plan import SongId
from stemwright.planning.read import read_plan

NAMES = [
    "Night × Tide.zip", "history.json", "manifest.json", "master.mp3", "master.wav", "mix.wav", "plan.json",
    "report.html", "report.json", "run.json", "stems/a_vocals.wav", "stems/b_bass.wav", "stems/b_drums.wav",
    "stems/b_other.wav",
]  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def found_done(folder: Path) -> list[str]:
    """Steps that the run found done."""
    return list(json.loads((folder / "run.json").read_text())["found_done"])


def samples(path: Path) -> np.ndarray:
    found, rate = sf.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    return np.asarray(found)


def test_the_layout(made: Remix) -> None:
    assert sorted(files_of(made.folder)) == sorted(NAMES)
    assert [label for label, _ in made.highlights] == ["listen", "report"]
    assert all((made.folder / name).is_file() for _, name in made.highlights)
    for name in NAMES:
        if name.endswith(".wav"):
            info = sf.info(made.folder / name)
            assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "FLOAT")


def test_manifest_and_zip_hold_what_is_there(made: Remix) -> None:
    listed = {row["path"]: row for row in json.loads((made.folder / "manifest.json").read_text())["files"]}
    assert set(listed) == set(NAMES) - {"run.json", "manifest.json", "Night × Tide.zip"}
    for name, row in listed.items():
        content = (made.folder / name).read_bytes()
        assert (row["sha256"], row["bytes"]) == (sha256(content).hexdigest(), len(content))
    with zipfile.ZipFile(made.folder / "Night × Tide.zip") as packed:
        assert set(packed.namelist()) == {*listed, "manifest.json"}
        assert packed.testzip() is None
        for name in listed:
            assert packed.read(name) == (made.folder / name).read_bytes()


def test_the_stems_sum_to_the_mix(made: Remix) -> None:
    stems = [samples(path) for path in sorted((made.folder / "stems").glob("*.wav"))]
    mix = samples(made.folder / "mix.wav")
    assert {stem.shape for stem in stems} == {mix.shape}
    left = np.sum(stems, axis=0) - mix
    assert 20 * np.log10(np.sqrt(np.mean(left**2)) + 1e-12) < -90
    assert np.sqrt(np.mean(mix**2)) > 0.02  # nothing sums to nothing


def test_plan_history_and_report_say_the_same(made: Remix) -> None:
    plan = read_plan((made.folder / "plan.json").read_bytes())
    history = History.read((made.folder / "history.json").read_text())
    report = json.loads((made.folder / "report.json").read_text())
    assert plan == history.current.plan == made.plan
    assert history.prompt == "vocals of song A over song B"
    assert [step["name"] for step in report["steps"]] == [
        "decode song A", "separate song A", "analyze song A", "decode song B", "separate song B",
        "analyze song B", "plan", "tempo and key", "match", "match a_vocals", "level", "arrange", "master",
        "verify",
    ]  # fmt: skip
    assert report["outputs"] == [step for step in report["outputs"] if (made.folder / step).exists()]
    assert (report["recipe"], report["title"]) == ("remix", "Night × Tide")
    assert canonical_json(report["steps"][6]["details"]["plan"]) == canonical_json(plan.as_dict())


def test_an_ordinary_remix_passes(made: Remix) -> None:
    """Nothing is cried over where nothing is wrong; what was asked, stands among the checks."""
    assert [check.sentence() for check in made.report.checks if check.failed] == []
    assert made.report.status == "passed"
    asked = [check for check in made.report.checks if check.subject == "prompt"]
    assert asked
    assert all(check.severity is Severity.WARNING for check in asked)


def test_nothing_of_this_machine_is_in_what_is_packed(made: Remix, songs: tuple[SongRequest, ...]) -> None:
    folder = str(songs[0].path and songs[0].path.parent).encode()
    files = files_of(made.folder)
    assert folder in files["run.json"]  # a refinement has to find the songs
    assert [name for name, content in files.items() if folder in content and name != "run.json"] == []


def test_the_same_bytes_from_nothing(
    made: Remix, songs: tuple[SongRequest, SongRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another store and folder, two processes: all files the same but run.json; progress runs to its end."""
    monkeypatch.setattr(recipe, "cores", lambda: 2)
    told: list[Event] = []
    again = remix(
        *songs,
        "vocals of song A over song B",
        options=RemixOptions(out=tmp_path / "elsewhere", planner="offline"),
        store=Store(StoreSettings(tmp_path / "fresh")),
        listener=told.append,
    )
    first, second = files_of(made.folder), files_of(again.folder)
    assert first.pop("run.json") != second.pop("run.json")
    assert [name for name in first if first[name] != second.get(name)] == []
    assert found_done(again.folder) == []
    started = [event.name for event in told if isinstance(event, StepStarted)]
    assert len(started) == len(set(started)) == 11
    assert sum(event.weight for event in told if isinstance(event, StepStarted)) <= 1.0
    for name in started:
        seen = [event.fraction for event in told if isinstance(event, Progress) and event.name == name]
        assert seen == sorted(seen)
        assert all(0.0 <= fraction <= 1.0 for fraction in seen)


def test_nothing_is_done_twice(
    made: Remix, songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    """The second time all steps are found; another prompt stretches, separates and analyses nothing again."""
    options = RemixOptions(out=tmp_path / "out", planner="offline")
    told: list[Event] = []
    same = remix(*songs, "vocals of song A over song B", options=options, store=store, listener=told.append)
    steps = {event.name for event in told if isinstance(event, StepStarted)}
    assert set(found_done(same.folder)) == steps
    assert all(event.cached for event in told if isinstance(event, StepFinished) and event.name in steps)
    quieter = remix(*songs, "vocals of song A over song B, quieter bass", options=options, store=store)
    assert steps - set(found_done(quieter.folder)) == {"arrange", "master", "verify"}


def test_songs_the_other_way_round_are_known_too(
    songs: tuple[SongRequest, SongRequest], store: Store, made: Remix
) -> None:
    """What was found in a song is kept by its content; the report calls it what it is called now."""
    assert made.report.steps[0].name == "decode song A"
    told: list[Event] = []
    options = RemixOptions(planner="offline")
    turned = plan_remix(songs[1], songs[0], "", options=options, store=store, listener=told.append)
    done = {event.name for event in told if isinstance(event, StepFinished) and event.cached}
    assert done == {f"{step} song {s}" for s in "AB" for step in ("decode", "separate", "analyze")}
    for step in turned.report.steps[:6]:
        assert {check.subject for check in step.checks} <= {step.name.split(" ", 1)[1]}
    assert turned.report.title == "Tide × Night"


def test_other_peoples_files_stay(render: Rendered, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "stems").mkdir(parents=True)
    mine = out / "mix.wav"
    mine.write_bytes(b"my only copy")
    with pytest.raises(RefusedError, match="--force"):
        render(report_page=False, pack=False)
    assert mine.read_bytes() == b"my only copy"
    assert sorted(files_of(out)) == ["mix.wav"]
    render(report_page=False, pack=False, force=True)
    assert sorted(path.name for path in out.iterdir()) == [
        "history.json", "manifest.json", "master.mp3", "master.wav", "mix.wav", "plan.json", "report.json",
        "run.json", "stems",
    ]  # fmt: skip
    assert mine.read_bytes() != b"my only copy"


def test_a_shorter_run_takes_its_leftovers_away(render: Rendered) -> None:
    """Stems that the new plan has no more go; a file that somebody else put there stays."""
    first = render("vocals of song A over song B", report_page=False)
    (first.folder / "notes.txt").write_text("mine")
    second = render("instrumental only, no vocals please", report_page=False)
    assert not (second.folder / "stems" / "a_vocals.wav").exists()
    assert (second.folder / "notes.txt").read_text() == "mine"


def test_another_seed_is_another_take(
    made: Remix, songs: tuple[SongRequest, SongRequest], store: Store
) -> None:
    options = RemixOptions(planner="offline", seed=1)
    other = plan_remix(*songs, "vocals of song A over song B", options=options, store=store).plan
    assert other.seed == 1
    assert other.model_copy(update={"seed": 0}) != made.plan
    assert other.vocal_source is made.plan.vocal_source is SongId.A
    assert plan_remix(*songs, "vocals of song A over song B", options=options, store=store).plan == other


def test_what_was_measured_on_the_way_is_what_is_in_the_files(made: Remix, store: Store) -> None:
    """Loudness while arranging, and the manifest's row of the MP3, without reading either again."""
    (kept,) = (path for path in store.settings.folder.glob(f"objects/*/{LOUDNESS}") if _is_of(path, made))
    entry = store.find(kept.parent.name)
    assert entry is not None
    known = loudness_of(Result(entry, Outcome()))
    with open_audio(made.folder / "mix.wav") as mix:
        found = measure(mix)
    assert known.true_peak_dbtp == pytest.approx(found.true_peak_dbtp, abs=1e-4)
    assert known.integrated_lufs == pytest.approx(found.integrated_lufs, abs=1e-4)
    assert known.hop_powers == pytest.approx(found.hop_powers, rel=1e-4)
    rows = {row["path"]: row for row in json.loads((made.folder / "manifest.json").read_text())["files"]}
    for name in ("master.mp3", "master.wav"):
        assert rows[name] == describe_file(made.folder / name, name=name)


def _is_of(path: Path, made: Remix) -> bool:
    return path.with_name("mix.wav").samefile(made.folder / "mix.wav")

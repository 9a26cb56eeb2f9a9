"""Songs that are there in other ways, with titles that bite; runs that are stopped."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import soundfile as sf

from remix_songs import NIGHT, RATE, TIDE, song_of, stems_of, write
from stemwright.errors import InputError
from stemwright.pipeline.events import Event, StepFinished
from stemwright.pipeline.remix import Remix, RemixOptions, SongRequest, examine_songs, remix
from stemwright.pipeline.step import Runner
from stemwright.pipeline.store import Store
from stemwright.planning.plan import SongId

TITLES = {
    "markup": "</title><script>alert('x')</script><img src=x onerror=alert(1)>&amp;",
    "paths": '../../../../etc/passwd\\..\\C:|<>*?"',
    "control": "Ni\x07ght\x1b[31m\u202e\u200bDrive",
    "long": "very " * 1_000 + "long",
    "dots": "...",
    "device": "CON",
    "braces": "{{ title }} ${HOME} $(reboot) `id` %s",
}


def titled(folder: Path, title: str) -> Path:
    """Song A in a FLAC whose tags say `title`."""
    path = folder / "song.flac"
    with sf.SoundFile(path, "w", RATE, 2, subtype="PCM_24") as file:
        file.title = title
        file.write(0.5 * song_of(NIGHT).samples.T)
    return path


def half_stems(folder: Path) -> Path:
    """The stems of song A, as loud as the FLAC."""
    folder.mkdir()
    for name, samples in stems_of(NIGHT).items():
        write(folder / f"{name}.wav", 0.5 * samples)
    return folder


@pytest.mark.parametrize(
    "name", ["markup", *(pytest.param(name, marks=pytest.mark.slow) for name in TITLES if name != "markup")]
)
def test_a_title_escapes_nowhere(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:  # fmt: skip
    """Not into the page, not out of the folder; the default folder is made of it, and stays here."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    song = SongRequest(titled(tmp_path, TITLES[name]), half_stems(tmp_path / "stems"))
    done = remix(song, songs[1], "", options=RemixOptions(planner="offline"), store=store)
    (folder,) = here.iterdir()
    assert folder.resolve() == done.folder.resolve()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "song.flac", "stems"]
    assert len(done.report.title) < 200
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert", "")
    (packed,) = folder.glob("*.zip")
    with zipfile.ZipFile(packed) as archive:
        assert all(".." not in entry and not entry.startswith("/") for entry in archive.namelist())
    assert all(ord(char) >= 32 for char in done.report.title)


@pytest.mark.slow
def test_a_folder_of_stems_is_a_song(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    """Without a file the song is the sum of its stems; remixed with one of which there is only the file."""
    alone = SongRequest(None, songs[0].stems)
    file = SongRequest(songs[1].path)
    options = RemixOptions(out=tmp_path / "out", planner="offline", report_page=False, pack=False)
    done = remix(alone, file, "vocals of song A over song B", options=options, store=store)
    told = {notice.subject: notice.text for notice in done.report.notices if "stems" in notice.text}
    assert told["song A"].startswith("Only its stems were given")
    assert "preview quality" in told["song B"]
    assert done.report.title == "Night-stems × Tide"
    assert done.report.status in ("passed", "warning")
    assert {path.name for path in (done.folder / "stems").iterdir()} == {
        "a_vocals.wav", "b_bass.wav", "b_drums.wav", "b_other.wav",
    }  # fmt: skip


def test_nothing_at_all_is_no_song(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="song A: neither a file nor a folder"):
        remix(SongRequest(None), songs[1], "", options=RemixOptions(out=tmp_path / "out"), store=store)
    with pytest.raises(InputError, match="does not exist"):
        remix(
            SongRequest(tmp_path / "no.wav"),
            songs[1],
            "",
            options=RemixOptions(out=tmp_path / "out"),
            store=store,
        )
    with pytest.raises(InputError, match="does not exist"):
        examine_songs([SongRequest(tmp_path / "no.wav")], store=store)
    for wrong in ([], [songs[0]] * 3):
        with pytest.raises(InputError, match="One song or two"):
            examine_songs(wrong, store=store)


def test_an_interrupt_leaves_nothing_half_and_the_next_run_goes_on(
    songs: tuple[SongRequest, SongRequest],
    store: Store,
    made: Remix,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped in the middle of a step's work: no output, no workspace; what was finished is found."""
    at, prompt = "arrange", "vocals of song A over song B, much quieter drums"
    options = RemixOptions(out=tmp_path / "out", planner="offline", report_page=False, pack=False)
    original, before = Runner.run, list[Event]()

    def interrupting(self: Runner, name: str, **rest: object) -> object:
        if name == at:

            def stopped(into: Path, ticker: object) -> object:
                (into / "half.wav").write_bytes(b"half")
                raise KeyboardInterrupt

            rest["work"] = stopped
        return original(self, name, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "run", interrupting)
    with pytest.raises(KeyboardInterrupt):
        remix(*songs, prompt, options=options, store=store, listener=before.append)
    assert list((tmp_path / "out").iterdir()) == []
    assert list((store.settings.folder / "tmp").iterdir()) == []
    monkeypatch.undo()
    told: list[Event] = []
    done = remix(*songs, prompt, options=options, store=store, listener=told.append)
    cached = {event.name for event in told if isinstance(event, StepFinished) and event.cached}
    finished = {event.name for event in before if isinstance(event, StepFinished)}
    assert cached == finished - {"plan", "tempo and key", "match"}
    assert "match a_vocals" in cached
    assert at not in cached
    assert json.loads((done.folder / "run.json").read_text())["found_done"] == sorted(cached)


def test_a_pair_and_how_it_goes_together(songs: tuple[SongRequest, SongRequest], store: Store) -> None:
    found = examine_songs(songs, store=store)
    assert found.titles == ("Night", "Tide")
    for facts, tune in zip(found.facts, (NIGHT, TIDE), strict=True):
        assert facts.tempo.bpm == pytest.approx(tune.bpm, rel=1e-3)
        assert float(facts.grid.seconds_at(0)) == pytest.approx(tune.start_s, abs=0.005)
        assert facts.duration_s == pytest.approx(tune.seconds, abs=1e-4)
    assert found.compatibility is not None
    assert found.compatibility.level in ("great", "good")
    said = "\n".join(found.lines())
    assert "120" in said
    assert "111" in said
    record = found.as_dict()
    assert json.loads(json.dumps(record))["compatibility"]["level"] == found.compatibility.level
    assert set(record) == {"song_a", "song_b", "compatibility"}
    assert set(examine_songs(songs[:1], store=store).as_dict()) == {"song_a"}
    assert list(SongId) == ["song_a", "song_b"]

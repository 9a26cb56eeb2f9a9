"""Engines are found, loaded and checked; whoever tracks, beats end on their attacks."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from drum_songs import drum_song, steady_beats
from stemwright.analysis import RhythmOverrides, track_rhythm
from stemwright.analysis.engines import BeatEngine, Ticks, engine_names, load_engine
from stemwright.errors import InputError

PLUGIN = """
from stemwright.analysis.engines import Ticks

class Late:
    def track(self, song):
        beats = [0.7 + 0.030 + 0.5 * k for k in range(int((song.frames / song.sample_rate - 1.5) / 0.5))]
        return Ticks(tuple(beats), tuple(beats[1::4]))

class Deaf:
    def track(self, song):
        return Ticks(())

instance = Late()
nothing = 3
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed distribution with entry points, as pip would leave it."""
    (tmp_path / "late_beats.py").write_text(PLUGIN)
    info = tmp_path / "late_beats-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late-beats\nVersion: 1.0\n")
    lines = ("late = late_beats:Late", "deaf = late_beats:Deaf", "made = late_beats:instance")
    broken = ("numb = late_beats:nothing", "gone = late_beats:Missing", "away = not_installed_at_all:Engine")
    (info / "entry_points.txt").write_text("\n".join(("[stemwright.beat_engines]", *lines, *broken)) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("late_beats", None)


@pytest.mark.parametrize("name", ["late", "made"])
@pytest.mark.usefixtures("plugins")
def test_a_plug_in_is_loaded_and_its_lateness_taken_out(name: str) -> None:
    assert isinstance(load_engine(name), BeatEngine)
    beats = steady_beats(120.0, count=64)
    rhythm = track_rhythm(drum_song(beats), engine=name)
    found = np.array(rhythm.grid.times_s)
    assert rhythm.engine == name
    assert rhythm.tempo.bpm == pytest.approx(120.0, rel=1e-4)
    assert abs(np.median(found - beats[np.abs(found[:, np.newaxis] - beats).argmin(axis=1)])) < 0.003
    assert float(rhythm.grid.seconds_at(0)) == pytest.approx(beats[1], abs=0.005)
    assert rhythm.tempo.confidence > 0.5


@pytest.mark.usefixtures("plugins")
def test_overrides_win_over_a_plug_in_too() -> None:
    asked = RhythmOverrides(tempo_factor=0.5, first_downbeat_s=1.7)
    rhythm = track_rhythm(drum_song(steady_beats(120.0, count=64)), engine="late", overrides=asked)
    assert rhythm.engine == "late, overridden"
    assert rhythm.tempo.bpm == pytest.approx(60.0, rel=1e-3)
    assert float(rhythm.grid.seconds_at(0)) == pytest.approx(1.7)


@pytest.mark.usefixtures("plugins")
def test_an_engine_that_hears_nothing_leaves_an_even_grid() -> None:
    rhythm = track_rhythm(drum_song(steady_beats(100.0, count=32)), engine="deaf")
    assert rhythm.tempo.confidence == 0
    assert "No beat was found" in rhythm.notices[0]


@pytest.mark.parametrize(
    ("name", "said"), [("numb", "no method track"), ("gone", "can't be loaded"), ("away", "can't be loaded")]
)
@pytest.mark.usefixtures("plugins")
def test_broken_plug_ins_are_named(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_engine(name)


@pytest.mark.usefixtures("plugins")
def test_plug_ins_are_listed() -> None:
    assert {"builtin", "essentia", "late", "made"} <= set(engine_names())


def test_an_unknown_engine_names_the_group() -> None:
    with pytest.raises(InputError, match=r"beat_this.*stemwright\.beat_engines"):
        load_engine("beat_this")


def test_essentia_names_its_extra_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "essentia", None)
    monkeypatch.setitem(sys.modules, "essentia.standard", None)
    with pytest.raises(InputError, match=r"stemwright\[essentia\]"):
        load_engine("essentia")


def test_essentia_gets_one_channel_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    class Extractor:
        def __call__(self, samples: Any) -> tuple[Any, ...]:
            self.frames = samples.size
            return 120.0, np.arange(0.7, 20.0, 0.5), 3.0, [], []

    extractor = Extractor()
    module = ModuleType("essentia.standard")
    vars(module)["RhythmExtractor2013"] = lambda **_: extractor
    monkeypatch.setitem(sys.modules, "essentia", ModuleType("essentia"))
    monkeypatch.setitem(sys.modules, "essentia.standard", module)
    song = drum_song(steady_beats(120.0, count=40))
    rhythm = track_rhythm(song, engine="essentia")
    assert extractor.frames == 2 * song.frames
    assert rhythm.engine == "essentia"
    assert rhythm.tempo.bpm == pytest.approx(120.0, rel=1e-3)


@pytest.mark.parametrize("times", [(1.0, 0.5), (-1.0, 2.0), (1.0, float("nan"))])
def test_ticks_must_be_rising_seconds(times: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="rising times in seconds"):
        Ticks(times)

"""Three, four and six to the bar, and beats against off-beats, on songs that our own synth plays."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from bench.made_songs import MADE_SONGS, MadeSong, mixed
from bench.rhythm import f_measure

from drum_songs import ROCK, SWING, drum_song, steady_beats
from stemwright.analysis import Rhythm, RhythmOverrides, track_rhythm
from stemwright.audio import Audio
from stemwright.grid import BeatGrid
from stemwright.songs import Groove

BY_NAME = {song.name: song for song in MADE_SONGS}
SIX_EIGHTHS = ("6/8 ballad", "6/8 rock", "6/8 fast jig", "6/8 soul")
QUARTERS = ("3/4 rock", "3/4 waltz, fast", "3/4 ballad", "3/4 piano alone", "3/4 folk")
OFF_BEATS = ("house, off-beat open hats", "disco, off-beat bass and chords", "reggae, skanks and organ",
             "even eighths, no drums", "latin")  # fmt: skip


@lru_cache(maxsize=4)
def played(name: str, take: int = 0) -> tuple[MadeSong, Audio]:
    own = BY_NAME[name]
    other = replace(own, seed=own.seed + 50, bpm=own.bpm * 0.97, chords=(own.chords + 2) % 5, bars=24)
    song = other if take else own
    return song, mixed(song.stems())


def has_bars_of(song: MadeSong, rhythm: Rhythm) -> bool:
    """Whether the tempo, the meter, the beats and the bars are right."""
    assert rhythm.tempo.bpm == pytest.approx(song.bpm, rel=1e-3)
    assert rhythm.grid.beats_per_bar == song.beats_per_bar
    assert f_measure(song.beats_s, rhythm.grid.times_s) > 0.97
    return f_measure(song.downbeats_s, rhythm.grid.downbeats_s) > 0.95


@pytest.mark.parametrize(
    ("beats", "parts", "meter"), [(4, 2, "4/4"), (3, 2, "3/4"), (2, 3, "6/8"), (4, 3, "12/8")]
)
def test_a_grid_names_its_meter(beats: int, parts: int, meter: str) -> None:
    assert str(BeatGrid((0.0, 1.0), 0, beats, parts).meter) == meter


@pytest.mark.parametrize("name", SIX_EIGHTHS)
def test_six_eight_has_two_dotted_beats(name: str) -> None:
    song, audio = played(name)
    rhythm = track_rhythm(audio)
    assert has_bars_of(song, rhythm)
    assert rhythm.grid.parts_per_beat == 3
    assert str(rhythm.grid.meter) == "6/8"
    assert rhythm.groove is Groove.STRAIGHT
    assert rhythm.tempo.alternatives[0][0] == pytest.approx(rhythm.tempo.bpm, rel=1e-6)
    assert sum(share for _, share in rhythm.tempo.alternatives) == pytest.approx(1.0)
    assert np.ptp(np.diff(rhythm.grid.times_s)) < 1e-6


@pytest.mark.parametrize("take", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", QUARTERS)
def test_three_quarters_stay_three(name: str, take: int) -> None:
    song, audio = played(name, take)
    rhythm = track_rhythm(audio)
    assert has_bars_of(song, rhythm)
    assert str(rhythm.grid.meter) == "3/4"


@pytest.mark.parametrize("take", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OFF_BEATS)
def test_heavy_off_beats_do_not_take_the_beat(name: str, take: int) -> None:
    song, audio = played(name, take)
    rhythm = track_rhythm(audio)
    assert has_bars_of(song, rhythm)
    assert str(rhythm.grid.meter) == "4/4"


def test_a_shuffle_is_no_twelve_eight() -> None:
    song, audio = played("shuffle")
    rhythm = track_rhythm(audio)
    assert has_bars_of(song, rhythm)
    assert (str(rhythm.grid.meter), rhythm.groove) == ("4/4", Groove.SWUNG)
    assert str(track_rhythm(drum_song(steady_beats(120.0), SWING)).grid.meter) == "4/4"


def test_beats_whose_thirds_are_all_struck_are_dotted() -> None:
    thirds = {**ROCK, "hat": tuple(place / 3 for place in range(12))}
    grid = track_rhythm(drum_song(steady_beats(84.0), thirds)).grid
    assert grid.bpm == pytest.approx(84.0, rel=1e-3)
    assert grid.parts_per_beat == 3


def test_even_eighths_are_told_and_the_dotted_tempo_decides() -> None:
    song, audio = played("6/8 no drums")
    rhythm = track_rhythm(audio)
    assert str(rhythm.grid.meter) == "3/4"
    assert any("if it is 6/8" in notice and "64.0 bpm" in notice for notice in rhythm.notices)
    told = track_rhythm(audio, overrides=RhythmOverrides(bpm=64.0))
    assert has_bars_of(song, told)
    assert str(told.grid.meter) == "6/8"
    assert not any("6/8" in notice for notice in told.notices)


def test_what_people_say_about_bars_is_not_asked_again() -> None:
    _, audio = played("6/8 rock")
    three = track_rhythm(audio, overrides=RhythmOverrides(beats_per_bar=3))
    assert str(three.grid.meter) == "3/4"
    assert three.grid.bpm == pytest.approx(108.0, rel=1e-3)
    double = track_rhythm(audio, overrides=RhythmOverrides(tempo_factor=2.0))
    assert double.grid.parts_per_beat == 2


def test_beats_and_off_beats_of_equal_weight_lower_the_confidence_and_are_told() -> None:
    """Every half beat is the same chord and stroke, but for a first beat that is barely louder."""
    same = {"kick": tuple(np.arange(0.0, 4.0, 0.5)), "hat": tuple(np.arange(0.0, 4.0, 0.5))}
    even = track_rhythm(drum_song(steady_beats(100.0), same, chords=False))
    assert any("Beats and off-beats" in notice for notice in even.notices)
    clear = track_rhythm(drum_song(steady_beats(100.0), ROCK))
    assert not any("Beats and off-beats" in notice for notice in clear.notices)
    assert even.tempo.confidence < clear.tempo.confidence

"""Tempo, beats, bars and groove of songs whose rhythm is known because the test made them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from drum_songs import HALF_TIME, HOUSE, ROCK, SWING, WALTZ, Array, drifting_beats, drum_song, steady_beats
from signals import clicks, noise, rng, silence, sine
from stemwright.analysis import RhythmOverrides, track_rhythm
from stemwright.audio import Audio, Samples
from stemwright.errors import InputError
from stemwright.songs import Groove

Pattern = Mapping[str, Sequence[float]]


def errors_s(found: Sequence[float], truth: Array) -> Array:
    """Signed distance of each true beat, the outermost apart, from the nearest found one."""
    times, inner = np.array(found), truth[1:-1]
    return np.asarray(times[np.abs(times[:, np.newaxis] - inner).argmin(axis=0)] - inner)


@pytest.mark.parametrize("bpm", [72.3, 84.9, 107.77, 128.0, 150.6, 163.1, 180.0])
def test_tempo_and_beats_of_steady_songs(bpm: float) -> None:
    beats = steady_beats(bpm, count=56)
    rhythm = track_rhythm(drum_song(beats, ROCK))
    assert rhythm.tempo.bpm == pytest.approx(bpm, rel=1e-4)
    assert abs(np.median(errors_s(rhythm.grid.times_s, beats))) < 0.003
    assert np.abs(errors_s(rhythm.grid.times_s, beats)).max() < 0.005
    assert np.abs(np.array(rhythm.grid.downbeats_s)[:, np.newaxis] - beats[::4]).min(axis=0)[1:].max() < 0.005
    assert rhythm.grid.beats_per_bar == 4
    assert rhythm.tempo.drift_percent == pytest.approx(0.0, abs=1e-6)
    assert rhythm.tempo.confidence > 0.4


def test_a_very_slow_song_may_be_counted_double_and_its_own_tempo_is_on_the_list() -> None:
    song = drum_song(steady_beats(60.7, count=48))
    facts = track_rhythm(song).tempo
    assert facts.bpm == pytest.approx(121.4, rel=1e-4)
    assert facts.alternatives[1][0] == pytest.approx(60.7, rel=1e-4)
    told = track_rhythm(song, overrides=RhythmOverrides(bpm=62.0))
    assert told.tempo.bpm == pytest.approx(60.7, rel=1e-4)


def test_a_steady_grid_is_an_exact_line() -> None:
    times = np.array(track_rhythm(drum_song(steady_beats(113.3))).grid.times_s)
    assert np.ptp(np.diff(times)) < 1e-9


def test_clicks_are_not_late() -> None:
    beats = steady_beats(97.0, count=60)
    rhythm = track_rhythm(clicks(beats.tolist(), beats[-1] + 1.0, sample_rate=44_100))
    assert abs(np.median(errors_s(rhythm.grid.times_s, beats))) < 0.003


@pytest.mark.parametrize(("bpm", "depth", "wave"), [(94.0, 0.03, 64), (126.0, 0.02, 80), (140.0, 0.04, 96)])
def test_drifting_songs_are_followed_without_jitter(bpm: float, depth: float, wave: float) -> None:
    beats = drifting_beats(bpm, depth=depth, wave_beats=wave, count=100)
    rhythm = track_rhythm(drum_song(beats, ROCK))
    errors = errors_s(rhythm.grid.times_s, beats)
    assert abs(np.median(errors)) < 0.005
    assert np.percentile(np.abs(errors), 95) < 0.010
    assert rhythm.tempo.drift_percent > 100 * depth / 3
    true_bend, bend = (np.diff(times, 2) for times in (beats, np.array(rhythm.grid.times_s)))
    assert np.abs(bend).max() < np.abs(true_bend).max() + 0.004


def test_a_tempo_that_changes_once_is_followed() -> None:
    beats = np.concatenate(
        [steady_beats(100.0, count=64), steady_beats(108.0, count=64, start_s=0.7 + 64 * 0.6)]
    )
    errors = errors_s(track_rhythm(drum_song(beats, ROCK)).grid.times_s, beats)
    assert np.percentile(np.abs(errors), 90) < 0.015


@pytest.mark.parametrize("bpm", [104.0, 124.0, 132.0])
def test_loud_off_beat_hats_do_not_take_the_beat(bpm: float) -> None:
    beats = steady_beats(bpm, count=64)
    rhythm = track_rhythm(drum_song(beats, HOUSE))
    assert rhythm.tempo.bpm == pytest.approx(bpm, rel=1e-4)
    assert np.abs(errors_s(rhythm.grid.times_s, beats)).max() < 0.008


@pytest.mark.parametrize("pickup", [1, 2, 3])
def test_a_pick_up_has_negative_beats(pickup: int) -> None:
    beats = steady_beats(118.0, count=64)
    grid = track_rhythm(drum_song(beats, ROCK, pickup=pickup)).grid
    assert float(grid.seconds_at(0)) == pytest.approx(beats[pickup], abs=0.006)
    assert grid.first_beat == -pickup


@pytest.mark.parametrize("bpm", [96.0, 132.0, 158.0])
def test_waltzes_have_three_beats_in_a_bar(bpm: float) -> None:
    beats = steady_beats(bpm, count=66)
    grid = track_rhythm(drum_song(beats, WALTZ, beats_per_bar=3)).grid
    assert grid.beats_per_bar == 3
    assert float(grid.seconds_at(0)) == pytest.approx(beats[0], abs=0.006)
    assert grid.bpm == pytest.approx(bpm, rel=1e-3)


@pytest.mark.parametrize(
    ("pattern", "groove"), [(ROCK, "straight"), (SWING, "swung"), (HALF_TIME, "half-time")]
)
def test_groove(pattern: Pattern, groove: str) -> None:
    rhythm = track_rhythm(drum_song(steady_beats(120.0), pattern))
    assert rhythm.groove is Groove(groove)
    assert rhythm.tempo.bpm == pytest.approx(120.0, rel=1e-4)


def test_all_readings_are_told_best_first() -> None:
    facts = track_rhythm(drum_song(steady_beats(118.0))).tempo
    ratios = [bpm / facts.bpm for bpm, _ in facts.alternatives]
    assert ratios[0] == pytest.approx(1.0)
    for factor in (0.5, 2 / 3, 1.5):
        assert min(abs(ratio / factor - 1) for ratio in ratios) < 1e-6
    shares = [share for _, share in facts.alternatives]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0)


def test_half_a_voice_is_not_taken_for_a_beat_but_drums_under_it_are() -> None:
    beats = steady_beats(101.0, count=64)
    drums = drum_song(beats, ROCK, chords=False)
    pad = drum_song(beats, ROCK, drums=False)
    mix = Audio(0.2 * drums.samples + 2.0 * pad.samples, drums.sample_rate)
    rhythm = track_rhythm(mix, drums=drums)
    assert rhythm.tempo.bpm == pytest.approx(101.0, rel=2e-4)
    assert np.abs(errors_s(rhythm.grid.times_s, beats)).max() < 0.006


def beatless() -> Iterator[tuple[str, Audio]]:
    yield "noise", noise(30.0, sample_rate=22_050)
    yield "drone", sine(110.0, 30.0, sample_rate=22_050)
    yield "silence", Audio(silence(30.0, sample_rate=22_050, channels=2), 22_050)
    yield "nothing", Audio(np.zeros((2, 0), np.float32), 44_100)
    yield "speech", Audio(_bursts(40.0), 22_050)
    yield "three seconds", drum_song(steady_beats(120.0, count=5))


def _bursts(duration_s: float) -> Samples:
    """Bursts at random times, like syllables."""
    random = rng(5)
    out = np.zeros(round(duration_s * 22_050))
    for start in np.cumsum(random.exponential(0.28, round(duration_s * 4))):
        at, length = round(start * 22_050), round(random.uniform(0.05, 0.3) * 22_050)
        if at + length < out.size:
            out[at : at + length] += (
                random.uniform(0.1, 0.5) * np.hanning(length) * random.standard_normal(length)
            )
    return out[np.newaxis].astype(np.float32)


@pytest.mark.parametrize(("name", "song"), list(beatless()))
def test_songs_without_a_beat_get_an_even_grid_and_a_notice(name: str, song: Audio) -> None:
    rhythm = track_rhythm(song)
    assert rhythm.tempo.confidence == 0
    assert rhythm.tempo.bpm == 120.0
    assert rhythm.groove is Groove.UNKNOWN
    assert rhythm.grid.bpm == pytest.approx(120.0)
    assert "No beat was found" in rhythm.notices[0]


def test_a_given_tempo_and_downbeat_stand_even_without_a_beat() -> None:
    asked = RhythmOverrides(bpm=87.5, first_downbeat_s=1.25, beats_per_bar=3)
    rhythm = track_rhythm(noise(20.0, sample_rate=22_050), overrides=asked)
    assert rhythm.grid.bpm == pytest.approx(87.5)
    assert float(rhythm.grid.seconds_at(0)) == pytest.approx(1.25)
    assert rhythm.grid.beats_per_bar == 3
    assert rhythm.engine == "builtin, overridden"


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_tempo_factor_wins(factor: float) -> None:
    song = drum_song(steady_beats(112.0))
    plain, asked = track_rhythm(song), track_rhythm(song, overrides=RhythmOverrides(tempo_factor=factor))
    assert asked.tempo.bpm == pytest.approx(plain.tempo.bpm * factor, rel=1e-3)
    assert asked.tempo.alternatives[0][0] == pytest.approx(asked.tempo.bpm)
    assert asked.engine == "builtin, overridden"
    assert plain.engine == "builtin"


def test_a_tempo_draws_the_tracking_to_it_and_the_fit_stays_exact() -> None:
    song = drum_song(steady_beats(112.0))
    assert track_rhythm(song, overrides=RhythmOverrides(bpm=57.0)).tempo.bpm == pytest.approx(56.0, rel=1e-3)
    assert track_rhythm(song, overrides=RhythmOverrides(bpm=220.0)).tempo.bpm == pytest.approx(
        224.0, rel=1e-3
    )


def test_the_first_downbeat_is_exactly_where_somebody_put_it() -> None:
    beats = steady_beats(112.0)
    given = beats[6] + 0.0123
    rhythm = track_rhythm(
        drum_song(beats), overrides=RhythmOverrides(first_downbeat_s=given, beats_per_bar=4)
    )
    assert float(rhythm.grid.seconds_at(0)) == pytest.approx(given, abs=1e-9)
    assert rhythm.grid.first_beat == -6
    assert np.ptp(np.diff(rhythm.grid.times_s)) < 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        {"tempo_factor": 0.0}, {"tempo_factor": 9.0}, {"bpm": 2.0}, {"bpm": float("nan")},
        {"first_downbeat_s": -1.0}, {"beats_per_bar": 0}, {"bpm": 100.0, "tempo_factor": 2.0},
    ],
)  # fmt: skip
def test_overrides_are_checked_at_the_door(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"outside|both|tempo"):
        RhythmOverrides(**wrong)


def test_a_downbeat_behind_the_end_is_refused() -> None:
    with pytest.raises(InputError, match="behind the song's end"):
        track_rhythm(noise(5.0), overrides=RhythmOverrides(first_downbeat_s=50.0))


def test_rate_level_channels_and_polarity_do_not_matter() -> None:
    song = drum_song(steady_beats(109.0, count=48))
    grids = [
        track_rhythm(variant).grid
        for variant in (
            song,
            Audio(song.samples * np.float32(0.01), song.sample_rate),
            Audio(np.concatenate([song.samples, -song.samples]), song.sample_rate),
            Audio(np.repeat(song.samples, 6, axis=0), song.sample_rate),
        )
    ]
    for one, other in itertools.pairwise(grids):
        assert one.first_downbeat == other.first_downbeat
        assert np.abs(np.array(one.times_s) - np.array(other.times_s)).max() < 1e-3


class Chopped:
    """A source that counts how much is asked of it at once."""

    def __init__(self, song: Audio) -> None:
        self.song, self.largest = song, 0
        self.sample_rate, self.channels, self.frames = song.sample_rate, song.channels, song.frames

    def read(self, start: int, frames: int) -> Samples:
        self.largest = max(self.largest, frames)
        return self.song.read(start, frames)


def test_the_song_is_read_block_by_block_and_twice_the_same() -> None:
    song = drum_song(steady_beats(125.0, count=64))
    source = Chopped(song)
    assert track_rhythm(source) == track_rhythm(song)
    assert source.largest <= 131_072 < song.frames


def test_a_short_loop_is_whole_bars() -> None:
    beats = steady_beats(96.0, start_s=0.0, count=17)
    loop = drum_song(beats, ROCK).between(0.0, 16 * 60 / 96.0)
    assert track_rhythm(loop).tempo.bpm == pytest.approx(96.0, rel=1e-3)

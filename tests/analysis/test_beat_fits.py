"""The parts of the beat tracker against closed forms and an independent judge."""

import numpy as np
import pytest

from drum_songs import ROCK, drum_song, steady_beats
from signals import rng
from stemwright.analysis.beats import fit_beats, smooth
from stemwright.analysis.onsets import ATTACK_HZ, FLUX_HZ, view, with_stems
from stemwright.analysis.pulse import Pulse, find_pulse, in_step, onset_envelope
from stemwright.audio import Audio


@pytest.mark.parametrize("wave", [8.0, 32.0])
def test_the_smoother_solves_eilers_equation(wave: float) -> None:
    random = rng(3)
    values, weights = np.cumsum(random.uniform(0.4, 0.6, 60)), random.uniform(0.05, 4.0, 60)
    bend = np.diff(np.eye(60), 2, axis=0)
    system = np.diag(weights) + (wave / (2 * np.pi)) ** 4 * bend.T @ bend
    judged = np.linalg.solve(system, weights * values)
    assert np.abs(smooth(values, weights, wave_beats=wave) - judged).max() < 1e-8


def test_the_smoother_keeps_a_line_and_short_input() -> None:
    line = np.asarray(0.3 + 0.5 * np.arange(40), np.float64)
    assert np.abs(smooth(line, np.ones(40), wave_beats=64.0) - line).max() < 1e-9
    assert smooth(np.array([1.0, 2.0, 4.0]), np.ones(3), wave_beats=8.0).tolist() == [1.0, 2.0, 4.0]


def test_the_line_is_exact_although_expected_beats_are_not() -> None:
    beats = steady_beats(103.7, count=64)
    heard = view(drum_song(beats, ROCK))
    expected = beats + 0.012 + np.linspace(-0.015, 0.015, beats.size)
    fit = fit_beats(heard, expected, steady=True)
    assert fit.steady
    assert np.abs(fit.times_s - beats).max() < 0.003
    assert fit.residual_s < 0.002


def test_a_pulse_goes_on_beyond_its_anchors_and_inverts() -> None:
    pulse = Pulse(np.arange(5.0), np.array([1.0, 1.5, 2.1, 2.5, 3.0]), steady=False)
    counts = np.linspace(-4.0, 9.0, 40)
    assert np.abs(pulse.count(pulse.seconds(counts)) - counts).max() < 1e-9
    assert pulse.period_s == pytest.approx(0.5)


def test_a_share_says_how_much_is_in_step() -> None:
    envelope = np.zeros(4000)
    places = np.round(np.arange(10.0, 3990.0, 43.066)).astype(int)
    envelope[places] = 1.0
    steps = Pulse(np.arange(2.0), 10.0 / FLUX_HZ + np.arange(2.0) * 43.066 / FLUX_HZ, steady=True)
    other = Pulse(np.arange(2.0), np.arange(2.0) * 37.1 / FLUX_HZ, steady=True)
    assert in_step(envelope, steps) > 0.95
    assert in_step(envelope, other) < 0.1


def test_a_named_tempo_bounds_the_search() -> None:
    envelope = onset_envelope(view(drum_song(steady_beats(120.0))))
    assert 60 / find_pulse(envelope, near_period_s=60 / 59.0).period_s == pytest.approx(60.0, rel=2e-3)


def test_a_view_has_the_song_in_time_and_measures_nothing_beyond_it() -> None:
    song = drum_song(steady_beats(120.0, count=16))
    heard = view(song)
    assert heard.low.size == heard.mid.size == heard.high.size == len(heard.levels_db)
    assert heard.low.size == -(-song.frames // 256)
    assert heard.attacks.size == -(-song.frames // 32)
    assert heard.attacks[round(0.7 * ATTACK_HZ) - 2 : round(0.7 * ATTACK_HZ) + 3].max() > 2.0
    assert heard.duration_s == song.duration_s


def test_stems_of_other_lengths_are_heard_where_they_are() -> None:
    song = drum_song(steady_beats(120.0, count=32))
    short = Audio(song.samples[:, : song.frames // 2], song.sample_rate)
    plain, both = view(song), with_stems(view(song), drums=view(short), bass=view(short))
    assert both.low.size == plain.low.size
    assert both.attacks.size == plain.attacks.size
    half = plain.attacks.size // 2 + 50
    assert np.array_equal(both.attacks[half:], plain.attacks[half:])
    assert both.attacks[: half - 100].sum() > 1.5 * plain.attacks[: half - 100].sum()
    silent = Audio(np.zeros((1, 22_050), np.float32), 22_050)
    assert with_stems(plain, drums=view(silent)) is plain

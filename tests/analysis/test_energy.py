"""Energy regions: where they are cut, what they are called, robustness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import clicks, noise, rng, silence, sine
from stemwright.analysis.energy import character_of, energy_regions, label_of, onset_times, region_edges
from stemwright.analysis.features import listen
from stemwright.audio import Audio
from stemwright.grid import BeatGrid
from stemwright.songs import Character


def joined(*parts: Audio) -> Audio:
    return Audio(np.concatenate([part.samples for part in parts], axis=1), parts[0].sample_rate)


def test_loud_and_busy_by_the_table() -> None:
    loud_clicks = clicks([0.25 * n for n in range(32)], 8.0)
    pad, soft = sine(330.0, 8.0), sine(330.0, 8.0, peak=0.02)
    busy = Audio(loud_clicks.samples * 0.2 + soft.samples, 48_000)
    both = Audio(loud_clicks.samples * 0.4 + pad.samples, 48_000)
    regions = energy_regions(listen(joined(both, pad, busy, soft)))
    assert [region.character for region in regions] == [
        Character.RHYTHMIC, Character.SUSTAINED, Character.SPARSE, Character.MODERATE,
    ]  # fmt: skip
    assert [region.label for region in regions] == ["high", "high", "low", "low"]
    assert [region.start_s for region in regions] == [0.0, 8.0, 16.0, 24.0]
    assert max(region.relative_energy for region in regions) == 1.0
    assert max(region.onset_density for region in regions) == 1.0


def test_relative_energy_follows_the_level() -> None:
    loud, soft = noise(16.0, rms=0.2), noise(16.0, rms=0.1, seed=1)
    regions = energy_regions(listen(joined(loud, soft)))
    assert [region.relative_energy for region in regions] == pytest.approx([1, 1, 0.5, 0.5], abs=0.02)
    assert [region.label for region in regions] == ["high", "high", "medium", "medium"]


def test_one_bang_is_not_the_measure() -> None:
    samples = noise(32.0, rms=0.05).samples.copy()
    samples[:, 48_000 * 20 : 48_000 * 20 + 2_400] = 0.9
    regions = energy_regions(listen(Audio(samples, 48_000)))
    assert min(region.relative_energy for region in regions) > 0.7


def test_a_drone_is_not_busy() -> None:
    assert all(region.onset_density < 0.2 for region in energy_regions(listen(sine(220.0, 16.0))))


def test_silence_has_no_energy() -> None:
    regions = energy_regions(listen(Audio(silence(16.0), 48_000)))
    assert [(r.relative_energy, r.onset_density, r.label) for r in regions] == [(0.0, 0.0, "low")] * 2


def test_onsets_are_found_once_each() -> None:
    times = [0.5 + 0.4 * n for n in range(20)]
    t = np.arange(48_000 * 10) / 48_000
    samples, hiss = 0.02 * np.sin(2 * np.pi * 220 * t), 0.3 * rng(2).standard_normal(t.size)
    for time in times:
        since = np.maximum(t - time, 0)
        samples += (t >= time) * 0.4 * np.exp(-since / 0.08) * hiss
    found = onset_times(listen(Audio(samples[None].astype(np.float32), 48_000)))
    found = found[found > 0.2]
    assert found.size == len(times)
    np.testing.assert_allclose(found, times, atol=0.04)


@pytest.mark.parametrize(("value", "label"), [(1, "high"), (0.75, "high"), (0.5, "medium"), (0.25, "low")])
def test_labels_of_the_text(value: float, label: str) -> None:
    assert label_of(value) == label


def test_the_four_characters() -> None:
    assert {character_of(e, d) for e in (0.2, 0.9) for d in (0.2, 0.9)} == set(Character)


@settings(deadline=None)
@given(
    bpm=st.floats(60, 200), duration_s=st.floats(0.1, 400), first=st.floats(0, 3), bar=st.sampled_from([3, 4])
)
def test_borders_stand_on_bar_lines(bpm: float, duration_s: float, first: float, bar: int) -> None:
    grid = BeatGrid.even(bpm, duration_s=duration_s, first_downbeat_s=first, beats_per_bar=bar)
    edges = region_edges(duration_s, grid)
    assert edges[0] == 0.0
    assert edges[-1] == duration_s
    assert np.all(np.diff(edges) > 0)
    beats = grid.beat_at(edges[1:-1]) / bar
    np.testing.assert_allclose(beats, np.round(beats), atol=1e-6)
    if duration_s > 24:
        assert np.diff(edges).max() < 24.0
        assert np.diff(edges).min() >= 4.0


@settings(deadline=None)
@given(duration_s=st.floats(0.01, 4_000))
def test_without_a_beat_all_are_the_same_length(duration_s: float) -> None:
    lengths = np.diff(region_edges(duration_s, None))
    np.testing.assert_allclose(lengths, lengths[0])
    assert lengths.sum() == pytest.approx(duration_s)


def test_nothing_has_no_regions() -> None:
    assert energy_regions(listen(Audio(silence(0.0), 48_000))) == ()

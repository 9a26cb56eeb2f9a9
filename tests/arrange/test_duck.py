"""Ducking: exactly as deep as asked where somebody sings, and nothing anywhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import corpus, noise, rng, sine
from stemwright.arrange.duck import (
    DepthWindows,
    DuckMask,
    duck_mask,
    ducked,
    ducking_depth_db,
    kept_depth_db,
)
from stemwright.audio import Audio, Samples
from stemwright.errors import InputError

RATE = 44_100
ALWAYS = DuckMask(((0, 10 * RATE),), 10 * RATE, RATE)


def rendered(stem: Audio, mask: DuckMask, depth_db: float) -> Samples:
    blocks = [np.empty((stem.channels, 0), np.float32), *ducked(stem, mask=mask, depth_db=depth_db)]
    return np.concatenate(blocks, axis=1)


def level_db(after: Samples, before: Samples) -> float:
    return float(
        10 * np.log10(np.mean(after.astype(np.float64) ** 2) / np.mean(before.astype(np.float64) ** 2))
    )


def phrases(spans_s: list[tuple[float, float]], seconds: float, *, peak: float = 0.2, seed: int = 1) -> Audio:
    """A voice-like buzz that sounds in these spans."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.cos(2 * np.pi * 220 * k * t) / k for k in range(1, 20))
    level = np.zeros(t.size)
    for start, end in spans_s:
        level[(t >= start) & (t < end)] = 1.0
    samples = peak * 0.4 * np.asarray(wave) * level
    return Audio(samples[np.newaxis].astype(np.float32), RATE)


@pytest.mark.parametrize("depth_db", [-12.0, -6.0, -3.5, -1.0, -0.1, 0.0])
@pytest.mark.parametrize("frequency_hz", [420.0, 950.0, 2_300.0])
def test_the_depth_is_what_was_asked(depth_db: float, frequency_hz: float) -> None:
    tone = sine(frequency_hz, 3.0, sample_rate=RATE, channels=2)
    after = rendered(tone, ALWAYS, depth_db)
    middle = slice(RATE, 2 * RATE)
    assert level_db(after[:, middle], tone.samples[:, middle]) == pytest.approx(depth_db, abs=0.3)


@pytest.mark.parametrize("frequency_hz", [40.0, 110.0, 190.0, 6_000.0, 12_000.0])
def test_outside_the_band_nothing_changes(frequency_hz: float) -> None:
    tone = sine(frequency_hz, 3.0, sample_rate=RATE)
    after = rendered(tone, ALWAYS, -12.0)[:, RATE : 2 * RATE]
    change = after - tone.samples[:, RATE : 2 * RATE]
    assert level_db(change + np.float32(1e-12), tone.samples) < -60.0


def test_where_nobody_sings_nothing_changes() -> None:
    backing = noise(8.0, sample_rate=RATE, channels=2)
    mask = duck_mask(phrases([(3.0, 4.0)], 8.0))
    ((start, end),) = mask.spans
    after = rendered(backing, mask, -6.0)
    before_s, behind_s = start - round(0.031 * RATE), end + round(0.151 * RATE)
    assert np.array_equal(after[:, :before_s], backing.samples[:, :before_s])
    assert np.array_equal(after[:, behind_s:], backing.samples[:, behind_s:])
    assert not np.array_equal(after, backing.samples)


def test_it_is_zero_phase() -> None:
    """A click stays where it is, and what is taken from it is symmetrical."""
    samples = np.zeros((1, 60_001), np.float32)
    samples[0, 30_000] = 1.0
    taken = samples - rendered(Audio(samples, RATE), ALWAYS, -12.0)
    assert np.argmax(np.abs(taken)) == 30_000
    assert np.abs(taken - taken[:, ::-1]).max() < 1e-6


@given(frames=st.integers(0, 70_000), start=st.integers(-5_000, 70_000), length=st.integers(1, 40_000))
@settings(max_examples=25, deadline=None)
def test_any_length_and_any_span(frames: int, start: int, length: int) -> None:
    mask = DuckMask(((start, start + length),), 70_000, RATE)
    stem = Audio(rng(2).standard_normal((2, frames)).astype(np.float32), RATE)
    after = rendered(stem, mask, -6.0)
    assert after.shape == stem.samples.shape
    assert np.isfinite(after).all()


@pytest.mark.parametrize("frames", [1, 5_000, 60_000])
def test_the_end_of_a_short_stem_is_ducked_too(frames: int) -> None:
    stem = Audio(rng(5).standard_normal((1, frames)).astype(np.float32), RATE)
    after = rendered(stem, DuckMask(((0, frames),), frames, RATE), -6.0)
    whole = Audio(np.concatenate([stem.samples, np.zeros((1, RATE), np.float32)], axis=1), RATE)
    long = rendered(whole, DuckMask(((0, frames),), frames + RATE, RATE), -6.0)
    assert np.allclose(after[:, frames // 2 :], long[:, frames // 2 : frames], atol=1e-3)


@given(seed=st.integers(0, 50), depth_db=st.floats(-12, 0))
@settings(max_examples=10, deadline=None)
def test_ducking_each_stem_and_summing_equals_ducking_the_sum(seed: int, depth_db: float) -> None:
    mask = duck_mask(phrases([(0.3, 0.8), (1.4, 1.7)], 2.0))
    stems = [noise(2.0, sample_rate=RATE, channels=2, seed=seed + index) for index in range(3)]
    total = Audio(np.sum([stem.samples for stem in stems], axis=0, dtype=np.float32), RATE)
    parts = np.sum([rendered(stem, mask, depth_db) for stem in stems], axis=0)
    assert np.abs(parts - rendered(total, mask, depth_db)).max() < 2e-6
    assert depth_db > -0.01 or not np.array_equal(rendered(total, mask, depth_db), total.samples)


def test_the_mask_is_found_where_somebody_sings() -> None:
    sung = [(1.0, 2.5), (4.0, 4.4), (7.0, 9.0)]
    mask = duck_mask(phrases(sung, 10.0))
    assert len(mask.spans) == 3
    for (start, end), (start_s, end_s) in zip(mask.spans, sung, strict=True):
        assert start_s - 0.06 < start / RATE <= start_s
        assert end_s <= end / RATE < end_s + 0.06
        assert np.all(mask.values(round(start_s * RATE), round((end_s - start_s) * RATE)) == 1.0)
    assert mask.active_share == pytest.approx(0.39, abs=0.03)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8, 1.0])
def test_how_much_is_active_follows_the_voice(share: float) -> None:
    """A fixed percentile would call the same share active each time."""
    mask = duck_mask(phrases([(0.0, 20.0 * share)], 20.0))
    assert mask.active_share == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("bleed_db", [-60.0, -42.0])
def test_what_leaks_into_the_voice_is_not_sung(bleed_db: float) -> None:
    voice = phrases([(2.0, 5.0)], 10.0)
    leak = noise(10.0, sample_rate=RATE, rms=0.1 * 10 ** (bleed_db / 20)).samples
    assert duck_mask(Audio(voice.samples + leak, RATE)).active_share == pytest.approx(0.3, abs=0.02)


def test_rumble_and_clicks_are_not_sung() -> None:
    voice = phrases([(2.0, 5.0)], 10.0)
    rumble = sine(45.0, 10.0, sample_rate=RATE, peak=0.03).samples.copy()
    rumble[0, [6 * RATE, 8 * RATE]] += 0.5
    assert duck_mask(Audio(voice.samples + rumble, RATE)).active_share == pytest.approx(0.3, abs=0.02)


def test_soft_words_after_loud_ones_are_sung() -> None:
    loud, soft = phrases([(0.0, 3.0)], 6.0), phrases([(3.0, 6.0)], 6.0, peak=0.2 * 10 ** (-15 / 20))
    assert duck_mask(Audio(loud.samples + soft.samples, RATE)).active_share > 0.99


@pytest.mark.parametrize("rms", [0.0, 1e-5, 1e-3])
def test_silence_ducks_nothing(rms: float) -> None:
    mask = duck_mask(noise(3.0, sample_rate=RATE, rms=rms))
    backing = noise(3.0, sample_rate=RATE, channels=2)
    assert mask.spans == ()
    assert np.array_equal(rendered(backing, mask, -6.0), backing.samples)
    assert not mask.values(0, 1_000).any()


@pytest.mark.parametrize("frames", [0, 1, 63, 1_000])
def test_the_shortest_voices(frames: int) -> None:
    mask = duck_mask(Audio(np.zeros((2, frames), np.float32), RATE))
    assert mask.spans == ()
    assert mask.active_share == 0.0


def test_the_mask_rises_before_and_falls_behind() -> None:
    mask = DuckMask(((44_096, 88_192),), 200_000, RATE)
    values = mask.values(0, 200_000)
    assert np.all(values[44_096:88_193] == 1.0)
    assert not values[: 44_096 - 1_323 - 64].any()
    assert not values[88_192 + 6_615 + 64 :].any()
    assert values[44_096 - 661] == pytest.approx(0.5, abs=0.02)
    assert values[88_192 + 3_307] == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(values)).max() < 0.002  # no step to be heard
    pieces = np.concatenate([mask.values(start, 1_777) for start in range(0, 177_700, 1_777)])
    assert np.array_equal(pieces, values[: pieces.size])


@pytest.mark.parametrize("depth_db", [-12.0, -6.0, -3.5, -1.0])
def test_the_depth_is_measured_on_the_audio(depth_db: float) -> None:
    mask = duck_mask(phrases([(1.0, 3.0), (5.0, 6.5)], 8.0))
    backing = noise(8.0, sample_rate=RATE, channels=2)
    after = Audio(rendered(backing, mask, depth_db), RATE)
    assert ducking_depth_db(backing, after, mask=mask) == pytest.approx(depth_db, abs=0.05)
    assert ducking_depth_db(backing, backing, mask=mask) == 0.0


def test_there_may_be_no_depth_to_measure() -> None:
    backing = noise(2.0, sample_rate=RATE)
    assert ducking_depth_db(backing, backing, mask=DuckMask((), 88_200, RATE)) is None
    silent = Audio(np.zeros((1, 88_200), np.float32), RATE)
    assert ducking_depth_db(silent, silent, mask=DuckMask(((0, 88_200),), 88_200, RATE)) is None


def test_real_voices_are_ducked_where_they_sing() -> None:
    from stemwright.io.reader import read_audio

    folder = corpus("stems", "dev_se_francium")
    mask = duck_mask(read_audio(folder / "vocals.flac"))
    other = read_audio(folder / "other.flac")
    after = Audio(rendered(other, mask, -3.5), other.sample_rate)
    assert 0.4 < mask.active_share < 0.8
    assert ducking_depth_db(other, after, mask=mask) == pytest.approx(-3.5, abs=0.3)


def test_what_cannot_be_ducked_is_refused() -> None:
    backing = noise(1.0, sample_rate=RATE)
    for depth_db in (1.0, -30.0, float("nan")):
        with pytest.raises(InputError, match="depth"):
            ducked(backing, mask=ALWAYS, depth_db=depth_db)
    with pytest.raises(InputError, match="48000"):
        ducked(noise(1.0), mask=ALWAYS, depth_db=-3.0)


@pytest.mark.parametrize("block", [700, 4_096, 27_734, 10**7])
def test_the_depth_is_the_same_while_the_audio_goes_by(block: int) -> None:
    mask = duck_mask(phrases([(0.5, 2.5), (4.0, 5.0)], 6.0))
    stems = [noise(6.0, sample_rate=RATE, channels=2, seed=seed) for seed in (1, 2)]
    after = np.sum([rendered(stem, mask, -6.0) for stem in stems], axis=0)
    kept = [DepthWindows(mask, channels=2) for _ in range(3)]
    for stream, samples in zip(kept, (*(stem.samples for stem in stems), after), strict=True):
        for start in range(0, samples.shape[1], block):
            stream.feed(samples[:, start : start + block])
    before = Audio(stems[0].samples + stems[1].samples, RATE)
    depth_db = ducking_depth_db(before, Audio(after, RATE), mask=mask)
    assert kept_depth_db(kept[:2], kept[2]) == pytest.approx(depth_db, abs=1e-6)
    assert len(kept[0].windows) > 20
    assert kept_depth_db(kept[:1], kept[0]) == 0.0

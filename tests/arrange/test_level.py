"""Level matching: the gap that was asked for, told limits, and densities that spread on real music."""

from __future__ import annotations

import numpy as np
import pytest

from signals import corpus, noise, rng, sine
from stemwright.arrange.level import LevelSettings, match_levels
from stemwright.audio import Audio, Samples
from stemwright.dsp.loudness import measure
from stemwright.errors import InputError

RATE = 44_100


def band_noise(
    low_hz: float, high_hz: float, *, level: float = 0.1, seconds: float = 12.0, seed: int = 0
) -> Samples:
    """Noise of known RMS in one band."""
    frames = round(seconds * RATE)
    spectrum = np.fft.rfft(rng(seed).standard_normal((2, frames)))
    hertz = np.fft.rfftfreq(frames, 1 / RATE)
    wave = np.fft.irfft(spectrum * ((hertz >= low_hz) & (hertz < high_hz)), frames)
    return np.asarray(wave * level / np.sqrt(np.mean(wave**2)), np.float32)


def audio(samples: Samples) -> Audio:
    return Audio(samples, RATE)


def gained(source: Audio, gain_db: float) -> Audio:
    return Audio((source.samples * 10 ** (gain_db / 20)).astype(np.float32), source.sample_rate)


def test_the_voice_ends_up_where_it_was_meant_to() -> None:
    voice = sine(700.0, 6.0, sample_rate=RATE, peak=0.1, channels=2)
    backing = audio(band_noise(80, 12_000))
    match = match_levels(voice, instrumental=backing)
    after = measure(gained(voice, match.gain_db)).integrated_lufs
    before = measure(backing).integrated_lufs
    assert after is not None
    assert before is not None
    assert match.offset_db is not None
    assert after - before == pytest.approx(match.offset_db, abs=0.01)
    assert match.gap_lu == pytest.approx(match.offset_db, abs=1e-9)
    assert match.notices == ()


def test_density_is_the_share_of_power_in_the_band_of_voices() -> None:
    """Equal parts below, within and above give a third; sub-bass and air beyond 16 kHz don't count."""
    parts = band_noise(90, 190) + band_noise(220, 4_900, seed=1) + band_noise(5_200, 15_500, seed=2)
    voice = noise(3, sample_rate=RATE)
    assert match_levels(voice, instrumental=audio(parts)).density == pytest.approx(1 / 3, abs=0.01)
    subbed = parts + band_noise(30, 70, level=0.3, seed=3) + band_noise(16_500, 21_000, seed=4)
    assert match_levels(voice, instrumental=audio(subbed)).density == pytest.approx(1 / 3, abs=0.01)


def test_density_does_not_depend_on_level_phase_or_rate() -> None:
    middle, low = band_noise(300, 3_000, seed=1), band_noise(90, 180, seed=2)
    voice = noise(3, sample_rate=RATE)
    usual = match_levels(voice, instrumental=audio(middle + low)).density
    assert usual == pytest.approx(0.5, abs=0.03)
    quiet = match_levels(voice, instrumental=audio((middle + low) * np.float32(0.1))).density
    assert quiet == pytest.approx(usual, abs=1e-4)
    wide = (middle + low) * np.array([[1], [-1]], np.float32)
    assert match_levels(voice, instrumental=audio(wide)).density == pytest.approx(usual, abs=0.01)


@pytest.mark.parametrize(("share", "offset_db"), [(0.1, -3.0), (0.6, 0.0), (0.99, 3.0)])
def test_the_offset_follows_the_density(share: float, offset_db: float) -> None:
    backing = band_noise(250, 4_500) * np.sqrt(share) + band_noise(90, 190, seed=1) * np.sqrt(1 - share)
    match = match_levels(noise(3, sample_rate=RATE), instrumental=audio(backing.astype(np.float32)))
    assert match.offset_db == pytest.approx(offset_db, abs=0.6)


@pytest.mark.parametrize(("voice_db", "gain_db"), [(-12.0, 12.0), (22.0, -12.0)])
def test_gains_are_limited_and_that_is_told(voice_db: float, gain_db: float) -> None:
    backing = audio(band_noise(80, 12_000, level=0.05))
    match = match_levels(gained(noise(6, sample_rate=RATE, rms=0.03), voice_db), instrumental=backing)
    assert match.gain_db == gain_db
    assert len(match.notices) == 1
    assert f"{gain_db:+.1f} dB" in match.notices[0]


def test_what_is_near_silence_is_not_matched_and_that_is_told() -> None:
    loud, quiet = noise(3, sample_rate=RATE), noise(3, sample_rate=RATE, rms=0.001)
    nothing = audio(np.zeros((2, 3 * RATE), np.float32))
    for voice, backing, name in (
        (quiet, loud, "The voice"), (loud, quiet, "The instruments"), (nothing, loud, "The voice"),
        (loud, nothing, "The instruments"),
    ):  # fmt: skip
        match = match_levels(voice, instrumental=backing)
        assert match.gain_db == 0.0
        assert match.offset_db is None
        assert len(match.notices) == 1
        assert match.notices[0].startswith(name)
    assert len(match_levels(nothing, instrumental=nothing).notices) == 2
    assert match_levels(nothing, instrumental=nothing).gap_lu is None


@pytest.mark.parametrize("frames", [0, 1, 1_000, 5_000])
def test_the_shortest_are_not_matched(frames: int) -> None:
    short = audio(noise(1, sample_rate=RATE, channels=2).samples[:, :frames])
    assert match_levels(short, instrumental=short).gain_db == 0.0


def test_rests_of_the_voice_do_not_count() -> None:
    tone = sine(700.0, 6.0, sample_rate=RATE, peak=0.1, channels=2)
    rested = audio(np.pad(tone.samples, ((0, 0), (0, 20 * RATE))))
    backing = audio(band_noise(80, 12_000))
    sung, with_rests = (match_levels(voice, instrumental=backing).gain_db for voice in (tone, rested))
    assert with_rests == pytest.approx(sung, abs=0.15)


def test_on_one_timeline_the_instruments_count_under_the_voice() -> None:
    backing = band_noise(80, 12_000, seconds=8)
    backing[:, : 4 * RATE] *= np.float32(0.25)
    voice = np.zeros_like(backing)
    voice[:, : 4 * RATE] = sine(700.0, 4.0, sample_rate=RATE, peak=0.1, channels=2).samples
    apart = match_levels(audio(voice), instrumental=audio(backing))
    together = match_levels(audio(voice), instrumental=audio(backing), one_timeline=True)
    assert apart.gain_db - together.gain_db > 8.0
    backing[:, : 4 * RATE] = 0.0
    alone = match_levels(audio(voice), instrumental=audio(backing), one_timeline=True)
    assert "silent where the voice sings" in alone.notices[0]
    assert alone.gain_db == pytest.approx(match_levels(audio(voice), instrumental=audio(backing)).gain_db)


def test_real_sets_spread_over_the_range() -> None:
    from stemwright.io.reader import read_audio

    offsets = []
    for name in ("dev_se_francium", "dev_se_potassium", "dev_se_sodium", "render/dev_r01", "render/dev_r03"):
        paths = {path.stem: path for path in corpus("stems", *name.split("/")).iterdir()}
        stems = [read_audio(paths[role]) for role in ("drums", "bass", "other")]
        whole = np.zeros((2, max(stem.frames for stem in stems)), np.float32)
        for stem in stems:
            whole[:, : stem.frames] += stem.samples
        match = match_levels(read_audio(paths["vocals"]), instrumental=Audio(whole, stems[0].sample_rate))
        assert match.offset_db is not None
        offsets.append(match.offset_db)
    assert -3.0 < min(offsets) < -1.5
    assert 1.0 < max(offsets) < 3.0
    assert np.diff(np.sort(offsets)).max() < 2.7


def test_empty_ranges_are_refused() -> None:
    voice = noise(1, sample_rate=RATE)
    with pytest.raises(InputError, match="range"):
        match_levels(voice, instrumental=voice, settings=LevelSettings(density=(0.7, 0.5)))

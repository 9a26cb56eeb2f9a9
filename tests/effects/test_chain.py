import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import clicks, noise, sine
from stemwright.audio import Audio, Samples, iter_blocks
from stemwright.dsp.filters import lowpass, zero_phase
from stemwright.effects import CATALOGUE, apply_effects, parse_effects
from stemwright.effects.catalogue import Number
from stemwright.errors import InputError, InternalError
from stemwright.io.writer import write_audio

RATE = 48_000
Table = dict[str, object]

ACTIVE: dict[str, Table] = {
    "lowpass": {"cutoff_hz": 2_000},
    "highpass": {"cutoff_hz": 500},
    "bandpass": {"low_hz": 500, "high_hz": 2_000},
    "lowpass_6db": {"cutoff_hz": 2_000},
    "highpass_6db": {"cutoff_hz": 500},
    "low_shelf": {"gain_db": 6},
    "high_shelf": {"gain_db": -6},
    "peak": {"gain_db": 9, "cutoff_hz": 1_000},
    "ladder": {"cutoff_hz": 1_000, "resonance": 0.3, "mode": "lpf24"},
    "gain": {"gain_db": -6},
    "invert": {},
    "compressor": {"threshold_db": -30, "ratio": 4},
    "noise_gate": {"threshold_db": -15, "ratio": 20},
    "limiter": {"ceiling_db": -25, "true_peak": True},
    "maximizer": {"threshold_db": -20},
    "clipping": {"threshold_db": -25},
    "distortion": {"drive_db": 20},
    "bitcrush": {"bit_depth": 4},
    "resample": {"rate_hz": 8_000},
    "gsm": {},
    "mp3": {"vbr_quality": 9},
    "chorus": {"depth": 0.5},
    "phaser": {"depth": 0.8},
    "delay": {"delay_s": 0.1, "feedback": 0.3},
    "reverb": {"room_size": 0.8, "wet_level": 0.5},
}
"""Every effect, set so that it is heard."""

NEUTRAL: dict[str, Table] = {
    "low_shelf": {},
    "high_shelf": {},
    "peak": {},
    "gain": {"gain_db": 0},
    "compressor": {},
    "noise_gate": {},
    "limiter": {"ceiling_db": 0},
    "clipping": {"threshold_db": 0},
    "chorus": {"mix": 0},
    "phaser": {"mix": 0},
    "delay": {"mix": 0},
    "reverb": {"wet_level": 0, "dry_level": 0.5},  # the library doubles the dry level
}
"""Settings at which an effect must hand on every bit."""

LATENT = ("limiter", "mp3", "gsm", "resample", "lowpass", "chorus", "maximizer")


@pytest.fixture
def response(tmp_path: Path) -> Path:
    """An impulse response: noise that decays within 50 ms."""
    decay = np.exp(-np.arange(2_400) / 500)
    audio = Audio((noise(0.05, seed=9).samples * decay).astype(np.float32), RATE)
    write_audio(tmp_path / "room.wav", iter_blocks(audio), sample_rate=RATE, channels=1)
    return tmp_path / "room.wav"


def run(audio: Audio, *tables: Table, block_frames: int = 10_000) -> Samples:
    blocks = apply_effects(
        iter_blocks(audio, block_frames=block_frames),
        parse_effects(tables, where="effects", allow_plugins=False),
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        frames=audio.frames,
    )
    parts = list(blocks)
    return np.concatenate(parts, axis=1) if parts else np.zeros((audio.channels, 0), np.float32)


def material(channels: int = 2, frames: int = 100_001) -> Audio:
    """Noise that swells and fades, so that gates and compressors have something to do."""
    swell = 0.5 + 0.5 * np.sin(np.arange(frames) / 9_000)
    audio = noise(frames / RATE, channels=channels, seed=11, rms=0.15)
    return Audio((audio.samples * swell).astype(np.float32), RATE)


def test_every_effect_of_the_table_is_tested() -> None:
    assert set(ACTIVE) | {"convolution", "vst3"} == set(CATALOGUE)


@pytest.mark.parametrize("kind", ACTIVE)
def test_it_is_heard_keeps_length_and_repeats(kind: str) -> None:
    audio = material()
    table = {"type": kind, **ACTIVE[kind]}
    once = run(audio, table)
    assert once.shape == audio.samples.shape
    assert once.dtype == np.float32
    assert np.isfinite(once).all()
    np.testing.assert_array_equal(run(audio, table), once)
    change = np.sqrt(np.mean((once - audio.samples) ** 2) / np.mean(audio.samples**2))
    assert change > 0.05


@pytest.mark.parametrize("kind", ACTIVE)
def test_blocks_of_the_caller_never_matter(kind: str) -> None:
    audio = material(frames=70_003)
    table = {"type": kind, **ACTIVE[kind]}
    np.testing.assert_array_equal(run(audio, table, block_frames=977), run(audio, table, block_frames=10**6))


@pytest.mark.parametrize("kind", NEUTRAL)
def test_it_vanishes_at_its_neutral_setting(kind: str) -> None:
    audio = material()
    np.testing.assert_array_equal(run(audio, {"type": kind, **NEUTRAL[kind]}), audio.samples)


def test_inverting_twice_is_nothing() -> None:
    audio = material()
    np.testing.assert_array_equal(run(audio, {"type": "invert"}), -audio.samples)
    np.testing.assert_array_equal(run(audio, {"type": "invert"}, {"type": "invert"}), audio.samples)


def test_no_effect_hands_the_blocks_on() -> None:
    audio = material()
    blocks = list(iter_blocks(audio))
    given = list(apply_effects(blocks, (), sample_rate=RATE, channels=2, frames=audio.frames))
    assert all(a is b for a, b in zip(given, blocks, strict=True))


@pytest.mark.parametrize("kind", LATENT)
@pytest.mark.parametrize("at", [3, 20_000, 65_536])
def test_latency_is_taken_out(kind: str, at: int) -> None:
    click = clicks([at / RATE], 2.0)
    table = {"type": kind, **ACTIVE[kind]} | ({"mix": 0.01} if kind == "chorus" else {})
    assert abs(int(np.abs(run(click, table)[0]).argmax()) - at) <= 3


@settings(max_examples=20, deadline=None)
@given(frames=st.integers(0, 140_000), kind=st.sampled_from(sorted(ACTIVE)), channels=st.integers(1, 3))
def test_frames_out_are_frames_in(frames: int, kind: str, channels: int) -> None:
    audio = Audio(material(channels, 140_000).samples[:, :frames], RATE)
    assert run(audio, {"type": kind, **ACTIVE[kind]}).shape == (channels, frames)


@pytest.mark.parametrize("kind", sorted(set(ACTIVE) - {"limiter"}))
def test_six_channels_are_six_channels_alone(kind: str) -> None:
    audio = material(6, 60_000)
    table = {"type": kind, **ACTIVE[kind]}
    together = run(audio, table)
    for channel in (0, 2, 5):
        alone = run(Audio(audio.samples[channel : channel + 1], RATE), table)
        np.testing.assert_allclose(together[channel], alone[0], atol=1e-6)
    assert np.abs(together[0] - together[5]).max() > 0.01


def test_the_limiter_holds_its_ceiling_on_all_channels_alike() -> None:
    audio = material(2)
    out = run(audio, {"type": "limiter", "ceiling_db": -20})
    assert 20 * np.log10(np.abs(out).max()) <= -20 + 1e-3
    quiet = Audio(np.concatenate([audio.samples[:1], audio.samples[:1] * 0.1]), RATE)
    left, right = run(quiet, {"type": "limiter", "ceiling_db": -20})
    np.testing.assert_allclose(left * 0.1, right, atol=1e-5)


def test_order_counts() -> None:
    audio = material()
    gain: Table = {"type": "gain", "gain_db": 12}
    clip: Table = {"type": "clipping", "threshold_db": -12}
    assert np.abs(run(audio, gain, clip)).max() < 0.3
    assert np.abs(run(audio, clip, gain)).max() > 0.9


def test_gain_is_exact_and_tails_are_cut() -> None:
    tone = sine(1_000, 0.5)
    loud = run(tone, {"type": "gain", "gain_db": 6.0})
    assert np.abs(loud).max() / np.abs(tone.samples).max() == pytest.approx(10 ** (6 / 20), rel=1e-5)
    echoed = run(clicks([0.4], 0.5), {"type": "delay", "delay_s": 0.2, "mix": 1.0})
    assert echoed.shape[1] == 24_000
    assert np.abs(echoed).max() == 0.0


def test_a_delay_is_where_it_was_asked_for() -> None:
    echoed = run(clicks([0.1], 0.5), {"type": "delay", "delay_s": 0.2, "mix": 0.5})[0]
    assert sorted(np.flatnonzero(np.abs(echoed) > 0.2).tolist()) == [4_800, 4_800 + 9_600]


def test_the_spec_of_the_issue(response: Path) -> None:
    audio = material(1)
    low: Table = {"type": "lowpass", "cutoff_hz": 8_000}
    filtered = zero_phase([audio.samples], lowpass(8_000), sample_rate=RATE)
    expected = np.concatenate(list(filtered), axis=1)
    np.testing.assert_array_equal(run(audio, low), expected)
    room: Table = {"type": "reverb", "room_size": 0.4, "wet_level": 0.2}
    wet = run(audio, low, room, {"type": "convolution", "path": str(response)})
    assert wet.shape == audio.samples.shape


def test_convolution_equals_its_definition(response: Path) -> None:
    from stemwright.io.reader import read_audio

    audio = material(2, 90_000)
    table: Table = {"type": "convolution", "path": str(response)}
    taps = read_audio(response).samples[0].astype(np.float64)
    taps /= np.sqrt(np.sum(taps**2))
    expected = np.stack([np.convolve(channel, taps)[:90_000] for channel in audio.samples])
    wet = run(audio, table)
    np.testing.assert_allclose(wet, expected, atol=1e-6)
    np.testing.assert_array_equal(run(audio, table, block_frames=333), wet)
    np.testing.assert_array_equal(run(audio, table | {"mix": 0}), audio.samples)
    level = np.sqrt(np.mean(wet**2) / np.mean(audio.samples**2))
    assert 20 * np.log10(level) == pytest.approx(0, abs=1.5)


def test_impulse_responses_that_cannot_be(response: Path, tmp_path: Path) -> None:
    def refused(path: Path, channels: int = 1) -> str:
        with pytest.raises(InputError) as caught:
            run(material(channels), {"type": "convolution", "path": str(path)})
        return str(caught.value)

    silent, long, wide = (tmp_path / f"{name}.wav" for name in ("silent", "long", "wide"))
    write_audio(silent, [np.zeros((1, 100), np.float32)], sample_rate=RATE, channels=1)
    write_audio(long, [np.ones((1, 31_000), np.float32)], sample_rate=1_000, channels=1)
    write_audio(wide, [np.ones((2, 100), np.float32)], sample_rate=RATE, channels=2)
    assert "silent" in refused(silent)
    assert "31.0 s" in refused(long)
    assert "2 channels, the stem 1" in refused(wide)
    assert "none.wav" in refused(tmp_path / "none.wav")


@pytest.mark.parametrize(
    ("rate", "table", "said"),
    [
        (44_100, {"type": "lowpass", "cutoff_hz": 22_050}, "not below 22050 Hz"),
        (16_000, {"type": "peak", "cutoff_hz": 9_000}, "not below 8000 Hz"),
        (96_000, {"type": "mp3"}, "32000, 44100, 48000 Hz"),
        (48_000, {"type": "bandpass", "low_hz": 900, "high_hz": 300}, "narrower"),
    ],
)
def test_what_a_rate_cannot_hold_is_said_at_once(rate: int, table: Table, said: str) -> None:
    effects = parse_effects([table], where="effects", allow_plugins=False)
    with pytest.raises(InputError, match=said):
        apply_effects([], effects, sample_rate=rate, channels=1, frames=0)


def test_a_plugin_that_is_none(tmp_path: Path) -> None:
    effects = parse_effects(
        [{"type": "vst3", "path": str(tmp_path / "no.vst3")}], where="effects", allow_plugins=True
    )
    with pytest.raises(InputError, match=r"no\.vst3 can't be loaded"):
        apply_effects([], effects, sample_rate=RATE, channels=1, frames=0)


def test_a_stream_of_another_length_is_noticed() -> None:
    with pytest.raises(InternalError, match="promised 11 frames and gave 10"):
        list(apply_effects([np.zeros((1, 10), np.float32)], (), sample_rate=RATE, channels=1, frames=11))


CORNERS = [
    pytest.param(kind, parameter.name, value, id=f"{kind}-{parameter.name}-{value:g}")
    for kind, table in ACTIVE.items()
    for parameter in CATALOGUE[kind].parameters
    if isinstance(parameter, Number)
    for value in (parameter.low, min(parameter.high, 23_999.0 if parameter.below_nyquist else math.inf))
    if kind != "bandpass"
]


@pytest.mark.parametrize(("kind", "name", "value"), CORNERS)
def test_the_ends_of_every_range_stay_finite(kind: str, name: str, value: float) -> None:
    audio = material(frames=30_000)
    out = run(audio, {"type": kind, **ACTIVE[kind]} | {name: value})
    assert out.shape == audio.samples.shape
    assert np.isfinite(out).all()

"""The sampler against closed forms: pitch, time, envelopes, filter, aliasing; and against itself."""

from __future__ import annotations

import tracemalloc
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fontmaker import AT_ONCE, FontPreset, FontSample, FontZone, looped_sine, write_font
from signals import rng
from stemwright.synth.envelope import Envelope
from stemwright.synth.sampler import DRUM_BANK, MAX_VOICES, Sampler, Strike, render
from stemwright.synth.soundfont import SoundFont, load_soundfont
from stemwright.synth.tone import KEPT_FRAMES
from stemwright.units import gain_to_db

Array = npt.NDArray[np.float64]
RATES = (44_100, 48_000, 96_000)
_numbers = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fonts")


def make_font(
    folder: Path, *zones: FontZone, samples: list[FontSample] | None = None, bank: int = 0
) -> SoundFont:
    name = f"{next(_numbers)}.sf2"
    return SoundFont(
        write_font(folder / name, samples or [looped_sine()], {(bank, 0): FontPreset(list(zones))})
    )


def sine_font(folder: Path, *gens: tuple[int, int]) -> SoundFont:
    return make_font(folder, FontZone(0, (*AT_ONCE, *gens)))


def play(font: SoundFont, strikes: list[Strike], frames: int, sample_rate: int = 48_000) -> Array:
    blocks = render(strikes, sample_rate=sample_rate, frames=frames, soundfont=font)
    return np.concatenate(list(blocks), axis=1).astype(np.float64)


def f0_hz(wave: Array, near_hz: float, sample_rate: int) -> float:
    """Frequency of a sine near a guess, from the phase it gains between two windows."""
    half = len(wave) // 2
    window = np.hanning(half)
    n = np.arange(len(wave))
    mixed = wave * np.exp(-2j * np.pi * near_hz * n / sample_rate)
    first, second = (np.sum(window * mixed[at : at + half]) for at in (0, half))
    return float(near_hz + np.angle(second / first) / (2 * np.pi * half / sample_rate))


def cents(measured_hz: float, true_hz: float) -> float:
    return float(1_200 * np.log2(measured_hz / true_hz))


@pytest.mark.parametrize("sample_rate", RATES)
def test_chromatic_scale_is_in_tune_at_every_rate(folder: Path, sample_rate: int) -> None:
    font = sine_font(folder)
    length = sample_rate // 4
    keys = range(33, 106)
    strikes = [Strike(i * length, (i + 1) * length - 200, key, 127) for i, key in enumerate(keys)]
    wave = play(font, strikes, length * len(keys), sample_rate)[0]
    for i, key in enumerate(keys):
        true_hz = 440.0 * 2 ** ((key - 69) / 12)
        steady = wave[i * length + length // 5 : (i + 1) * length - 400]
        assert abs(cents(f0_hz(steady, true_hz * 1.0005, sample_rate), true_hz)) < 0.1, key


def test_default_font_plays_in_tune() -> None:
    font = load_soundfont()
    for key in range(40, 77, 6):
        wave = play(font, [Strike(0, 60_000, key, 100, 73)], 72_000)[0]  # flute: nearly a sine
        spectrum = np.abs(np.fft.rfft(wave[12_000:44_768] * np.hanning(32_768), 2**19))
        true_hz = 440.0 * 2 ** ((key - 69) / 12)
        low, high = (round(true_hz * 2 ** (c / 1_200) * 2**19 / 48_000) for c in (-80, 80))
        peak_hz = (low + int(np.argmax(spectrum[low:high]))) * 48_000 / 2**19
        assert abs(cents(peak_hz, true_hz)) < 20, key  # the recordings' own tuning


@pytest.mark.parametrize("sample_rate", RATES)
def test_onsets_and_ends_stand_on_the_frame(folder: Path, sample_rate: int) -> None:
    click = FontSample(np.concatenate((np.full(40, 0.9), np.zeros(400))), rate=48_000)
    font = make_font(folder, FontZone(0, [(34, -12_000)]), samples=[click])
    starts = [round(s * sample_rate) for s in (0.1, 0.35, 0.3512, 1.0)]
    strikes = [Strike(at, at + 999, 69, 127, channel=i) for i, at in enumerate(starts)]
    wave = np.abs(play(font, strikes, 2 * sample_rate, sample_rate)[0])
    for at in (starts[0], starts[1], starts[3]):
        assert wave[at - 40 : at - 8].max() == 0.0
        assert wave[at : at + 3].max() > 0.3


def test_volume_envelope_follows_its_closed_form(folder: Path) -> None:
    # delay 50 ms, attack 100 ms, hold 50 ms, decay 100 dB in 2 s down to -30 dB, release 100 dB in 1 s
    gens = ((33, -5_186), (34, -3_986), (35, -5_186), (36, 1_200), (37, 300), (38, 0), (54, 1))
    font = make_font(folder, FontZone(0, gens))
    release = 72_000
    wave = play(font, [Strike(0, release, 69, 127)], 120_000)[0]
    level = np.array(
        [gain_to_db(np.sqrt(2 * np.mean(wave[at : at + 1_091] ** 2))) for at in range(0, 119_000, 1_091)]
    )
    t = (np.arange(len(level)) * 1_091 + 545) / 48_000
    full_db = gain_to_db(0.5 * np.sqrt(0.5))  # a centred voice is 3 dB down in each channel

    def at(seconds: float) -> float:
        return float(np.interp(seconds, t, level)) - full_db

    assert wave[:2_300].any() == np.False_
    assert at(0.10) == pytest.approx(gain_to_db(0.5), abs=0.4)
    assert at(0.175) == pytest.approx(0.0, abs=0.1)
    assert at(0.50) == pytest.approx(-100 * 0.30 / 2, abs=0.3)
    assert at(1.20) == pytest.approx(-30.0, abs=0.1)
    assert at(1.70) == pytest.approx(-30.0 - 100 * 0.2, abs=0.4)


def test_envelope_times_follow_the_key() -> None:
    gens = np.zeros(61, np.int32)
    gens[[33, 34, 35, 36, 38]] = -12_000
    gens[36], gens[40] = 0, 100
    low, high = (Envelope.volume(gens, key, 48_000).decay for key in (48, 72))
    assert low / high == pytest.approx(2 ** (24 * 100 / 1_200))


@given(
    times=st.lists(st.integers(-12_000, 1_500), min_size=5, max_size=5),
    sustain=st.integers(0, 1_000), start=st.integers(0, 90_000), length=st.integers(1, 400),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_envelope_is_one_function_of_age(times: list[int], sustain: int, start: int, length: int) -> None:
    gens = np.zeros(61, np.int32)
    gens[[33, 34, 35, 36, 38]] = times
    gens[37] = sustain
    envelope = Envelope.volume(gens, 60, 48_000)
    whole = envelope.amplitude(0, start + length)
    part = envelope.amplitude(start, start + length)
    np.testing.assert_allclose(whole[start:], part, rtol=1e-5, atol=1.1e-5)
    assert 0.0 <= part.min() <= part.max() <= 1.0
    assert envelope.released(start, start + 1, start)[0] == pytest.approx(part[0], rel=1e-4, abs=1.1e-5)


@pytest.mark.parametrize("velocity", [1, 30, 64, 100])
def test_velocity_sets_the_level(folder: Path, velocity: int) -> None:
    font = sine_font(folder)
    loud, soft = (
        np.std(play(font, [Strike(0, 9_000, 69, v)], 8_000)[0][1_000:7_000]) for v in (127, velocity)
    )
    assert 20 * np.log10(soft / loud) == pytest.approx(40 * np.log10(velocity / 127), abs=0.02)


@pytest.mark.parametrize(("pan", "left", "right"), [(-500, 1.0, 0.0), (0, 0.7071, 0.7071), (500, 0.0, 1.0)])
def test_pan_keeps_power(folder: Path, pan: int, left: float, right: float) -> None:
    wave = play(sine_font(folder, (17, pan)), [Strike(0, 9_000, 69, 127)], 8_000)[:, 1_000:7_000]
    np.testing.assert_allclose(np.std(wave, axis=1), np.array([left, right]) * 0.5 / np.sqrt(2), atol=1e-3)


def test_high_notes_do_not_alias(folder: Path) -> None:
    """Noise played four octaves up: what lies above half the rate must not fold back as tones of its own."""
    cycles = 2_500  # 20 kHz at the root: at 16 times the speed it lies far above 24 kHz
    font = make_font(folder, FontZone(0, AT_ONCE), samples=[looped_sine(cycles=cycles)])
    in_band = np.std(play(font, [Strike(0, 9_000, 57, 127)], 8_000)[0][1_000:7_000])
    folded = np.std(play(font, [Strike(0, 9_000, 117, 127)], 8_000)[0][1_000:7_000])
    assert in_band > 0.2
    assert 20 * np.log10(folded / in_band) < -50


def test_interpolation_is_clean(folder: Path) -> None:
    """A sine at an awkward ratio: everything but the sine itself stays 70 dB below it."""
    wave = play(sine_font(folder), [Strike(0, 48_000, 76, 127)], 40_000)[0][4_000:36_768]
    n = np.arange(len(wave))
    hz = f0_hz(wave, 659.0, 48_000)
    basis = np.stack([np.cos(2 * np.pi * hz * n / 48_000), np.sin(2 * np.pi * hz * n / 48_000)])
    rest = wave - np.linalg.lstsq(basis.T, wave, rcond=None)[0] @ basis
    assert 20 * np.log10(np.std(rest) / np.std(wave)) < -70


@pytest.mark.parametrize("cutoff_hz", [500.0, 2_000.0, 6_000.0])
def test_filter_is_3_db_down_at_its_cutoff(folder: Path, cutoff_hz: float) -> None:
    fc = round(6_900 + 1_200 * np.log2(cutoff_hz / 440))
    impulse = FontSample(np.concatenate(([0.0], [0.9], np.zeros(9_000))), rate=48_000, root=60)
    spectra = []
    for gens in ([(34, -12_000)], [(34, -12_000), (8, fc)]):
        font = make_font(folder, FontZone(0, gens), samples=[impulse])
        spectra.append(np.abs(np.fft.rfft(play(font, [Strike(0, 9_000, 60, 127)], 8_192)[0])))
    ratio_db = 20 * np.log10(spectra[1] / spectra[0])
    hz = np.fft.rfftfreq(8_192, 1 / 48_000)
    assert np.interp(cutoff_hz, hz, ratio_db) == pytest.approx(-3.0, abs=0.3)
    assert np.interp(cutoff_hz / 8, hz, ratio_db) == pytest.approx(0.0, abs=0.2)
    if cutoff_hz < 3_000:
        assert np.interp(cutoff_hz * 4, hz, ratio_db) == pytest.approx(-24.0, abs=2.0)


def test_moving_filter_closes_without_steps(folder: Path) -> None:
    """A modulation envelope takes the cutoff down five octaves: no jump beyond the sine's own slope."""
    gens = (*AT_ONCE, (8, 5_000), (11, 6_000), (26, -12_000), (28, 0), (29, 1_000))
    wave = play(make_font(folder, FontZone(0, gens)), [Strike(0, 60_000, 69, 127)], 57_000)[0]
    assert 20 * np.log10(np.std(wave[50_000:56_000]) / np.std(wave[1_000:3_000])) == pytest.approx(-19, abs=2)
    slope = 2 * np.pi * 440 / 48_000 * 0.36
    assert np.abs(np.diff(wave[200:])).max() < 1.1 * slope


def test_a_loop_with_dc_sounds_without_it_and_starts_without_a_step(folder: Path) -> None:
    sine = 0.3 * np.sin(2 * np.pi * np.arange(9_600) / 96)
    lifted = FontSample(sine + np.linspace(0.0, 0.2, 9_600).clip(0, 0.1) * 2, 48_000, (4_800, 9_600), 69)
    wave = play(
        make_font(folder, FontZone(0, AT_ONCE), samples=[lifted]), [Strike(0, 90_000, 69, 127)], 80_000
    )[0]
    assert abs(np.mean(wave[9_600 : 9_600 + 48_000])) < 1e-5
    assert abs(wave[0]) < 1e-3
    assert np.std(wave[20_000:60_000]) > 0.1


def test_vibrato_moves_the_pitch_both_ways(folder: Path) -> None:
    font = sine_font(folder, (6, 50), (24, round(-1_200 * np.log2(8.176 / 5))), (23, -12_000))
    wave = play(font, [Strike(0, 96_000, 69, 127)], 96_000)[0]
    pitches = [cents(f0_hz(wave[at : at + 1_600], 440.0, 48_000), 440.0) for at in range(2_000, 90_000, 400)]
    assert max(pitches) == pytest.approx(50, abs=9)
    assert min(pitches) == pytest.approx(-50, abs=9)


def test_exclusive_class_chokes(folder: Path) -> None:
    font = make_font(
        folder,
        FontZone(0, [*AT_ONCE, (57, 1), (38, 2_400), (43, 0x2E2E)]),
        FontZone(0, [(34, -12_000), (57, 1), (43, 0x2A2A)]),
        bank=DRUM_BANK,
    )
    open_hat = Strike(0, 1_000, 46, 127, bank=DRUM_BANK)
    closed = Strike(24_000, 24_100, 42, 127, bank=DRUM_BANK)
    alone, choked = (play(font, strikes, 60_000)[0] for strikes in ([open_hat], [open_hat, closed]))
    np.testing.assert_array_equal(alone[:24_000], choked[:24_000])
    assert np.abs(alone[40_000:48_000]).max() > 0.02
    assert np.abs(choked[40_000:]).max() == 0.0
    other = Strike(24_000, 24_100, 42, 127, bank=DRUM_BANK, channel=3)
    assert np.abs(play(font, [open_hat, other], 60_000)[0][40_000:48_000]).max() > 0.02


def test_same_key_again_ends_the_earlier_note(folder: Path) -> None:
    font = sine_font(folder, (38, -12_000))
    strikes = [Strike(0, 90_000, 69, 127), Strike(30_000, 60_000, 69, 64)]
    wave = play(font, strikes, 70_000)[0]
    assert np.std(wave[62_000:]) == 0.0
    assert np.std(wave[40_000:50_000]) == pytest.approx(0.25 * (64 / 127) ** 2, rel=0.02)


def test_loop_until_release_plays_on_to_the_end(folder: Path) -> None:
    tail = 0.5 * np.sin(2 * np.pi * np.arange(9_600) / 24)
    body = 0.5 * np.sin(2 * np.pi * np.arange(4_800) / 96)
    sample = FontSample(np.concatenate((body, tail)), 48_000, (0, 4_800), 60)
    font = make_font(folder, FontZone(0, [(34, -12_000), (54, 3), (38, 2_400)]), samples=[sample])
    wave = play(font, [Strike(0, 20_000, 60, 127)], 60_000)[0]
    assert f0_hz(wave[12_000:19_000], 500.0, 48_000) == pytest.approx(500.0, abs=0.5)
    assert f0_hz(wave[25_000:30_000], 2_000.0, 48_000) == pytest.approx(2_000.0, abs=1.0)
    assert np.abs(wave[34_000:]).max() == 0.0


def _busy(seed: int, seconds: float, sample_rate: int = 48_000) -> list[Strike]:
    generator = rng(seed)
    return [
        Strike(int(at), int(at + generator.integers(1_000, 40_000)), int(generator.integers(36, 80)),
               int(generator.integers(30, 127)), int(generator.choice([0, 33, 48, 89])))
        for at in np.sort(generator.uniform(0, seconds * sample_rate, int(8 * seconds)))
    ]  # fmt: skip


def test_a_note_longer_than_what_is_kept_goes_on_without_a_step(folder: Path) -> None:
    """Vibrato carries its phase from what is kept of a tone into what every note renders for itself."""
    vibrato = (*AT_ONCE, (6, 100), (24, -400))
    font = make_font(folder, FontZone(0, vibrato))
    frames = KEPT_FRAMES + 60_000
    wave = play(font, [Strike(0, frames, 69, 127), Strike(900, frames, 69, 127, channel=1)], frames)[0]
    around = wave[KEPT_FRAMES - 3_000 : KEPT_FRAMES + 3_000]
    assert np.std(around) > 0.1
    assert np.abs(np.diff(around, 2)).max() < 1.2 * np.abs(np.diff(wave[100_000:106_000], 2)).max()
    alone = play(font, [Strike(0, frames, 69, 127)], frames)[0]
    late = play(font, [Strike(900, frames, 69, 127)], frames)[0]
    np.testing.assert_allclose(wave[:-600], (alone + late)[:-600], atol=1e-6)


@given(start=st.integers(0, 70_000), length=st.integers(1, 3_000), decay=st.integers(-4_000, 2_000))
@settings(max_examples=40, deadline=None)
def test_kept_shapes_are_the_closed_form(start: int, length: int, decay: int) -> None:
    gens = np.zeros(61, np.int32)
    gens[[33, 34, 35, 36, 37, 38]] = -4_000, -3_000, -4_000, decay, 400, decay
    envelope = Envelope.volume(gens, 60, 48_000)
    kept = envelope.amplitude(start, start + length)
    np.testing.assert_allclose(kept, envelope.computed(start, start + length), rtol=2e-5, atol=1e-7)
    n = np.arange(start, start + length)
    true = 10.0 ** ((envelope.level_db(900) - 100.0 * n / envelope.release) / 20.0)
    released = envelope.released(900 + start, 900 + start + length, 900)
    np.testing.assert_allclose(
        released, true, rtol=2e-5, atol=1e-37
    )  # float32 is coarse below its normal range


@given(block=st.integers(1, 70_000))
@settings(max_examples=8, deadline=None)
def test_block_size_changes_no_sample(block: int) -> None:
    strikes, frames = _busy(3, 1.2), 57_601
    font = load_soundfont()
    whole, cut = (
        list(render(strikes, sample_rate=48_000, frames=frames, soundfont=font, block_frames=size))
        for size in (frames, block)
    )
    assert all(b.shape[1] == block for b in cut[:-1])
    np.testing.assert_array_equal(whole[0], np.concatenate(cut, axis=1))
    assert np.abs(whole[0]).max() > 0.05


def test_renders_are_equal_and_order_of_notes_is_free() -> None:
    strikes = _busy(4, 2.0)
    first, again, turned = (
        play(load_soundfont(), order, 96_000) for order in (strikes, strikes, strikes[::-1])
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, turned)
    assert np.any(first != play(load_soundfont(), _busy(5, 2.0), 96_000))


def test_memory_does_not_grow_with_duration() -> None:
    def peak(seconds: int) -> int:
        strikes = [Strike(i * 24_000, i * 24_000 + 20_000, 40 + i % 30, 90, 33) for i in range(seconds * 2)]
        held = [Strike(0, seconds * 48_000, 60, 80, 89)]
        sampler = Sampler(load_soundfont(), 48_000)
        tracemalloc.start()
        for block in sampler.blocks([*strikes, *held], frames=seconds * 48_000):
            assert block.shape[0] == 2
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(60)  # fills what is kept for all samplers: tones and envelopes, bounded
    assert peak(240) < 1.2 * peak(60) + 2_000_000


def test_the_end_is_faded_and_exact(folder: Path) -> None:
    frames = 50_003
    wave = play(sine_font(folder), [Strike(0, 90_000, 69, 127)], frames)
    assert wave.shape == (2, frames)
    assert np.abs(wave[:, -1]).max() < 1e-6
    assert np.abs(np.diff(wave[0, -600:])).max() < 0.03


def test_voices_are_bounded(folder: Path) -> None:
    font = sine_font(folder)
    strikes = [Strike(i * 10, 90_000, i % 128, 60, channel=i // 128) for i in range(2 * MAX_VOICES)]
    wave = play(font, strikes, 20_000, 8_000)
    assert np.isfinite(wave).all()
    assert np.std(wave) > 0


@pytest.mark.slow
def test_every_sound_of_the_default_font_plays() -> None:
    font = load_soundfont()
    assert len(font.names) > 128
    for bank, program in font.names:
        keys = (36, 42, 49) if bank == DRUM_BANK else (36, 60, 84)
        wave = play(font, [Strike(0, 20_000, key, 100, program, bank) for key in keys], 30_000)
        assert np.isfinite(wave).all()
        assert 0.001 < np.abs(wave).max() < 6.0, (bank, program)

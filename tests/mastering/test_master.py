"""Masters: loudness after limiting, the ceiling first, at most 6 dB, fades, match, silence."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import signal

from signals import clicks, corpus, noise, rng, sine
from stemwright.audio import Audio, collect, iter_blocks
from stemwright.checks import failures
from stemwright.dsp.loudness import Loudness, measure
from stemwright.dsp.match import BANDS_HZ, long_term_spectrum
from stemwright.errors import InputError
from stemwright.io.reader import open_audio
from stemwright.mastering import MasterPlan, MasterSettings, Tape, check_master, plan_master, render_master
from stemwright.units import db_to_gain, gain_to_db

RATE = 48_000
DEFAULT = MasterSettings()


@cache
def programme(seconds: float = 8.0, *, seed: int = 0, rms: float = 0.06) -> Audio:
    """Noise that breathes, up to 20 kHz, with a beat on top: loudness, dynamics and peaks, all seeded."""
    frames = round(seconds * RATE)
    shaped = signal.lfilter([1.0, -0.9], [1.0, -0.995], rng(seed).standard_normal((2, frames)), axis=1)
    time = np.arange(frames) / RATE
    shaped = signal.fftconvolve(shaped, signal.firwin(201, 20_000, fs=RATE)[np.newaxis], "same", axes=1)
    shaped *= rms / shaped.std() * (1.0 + 0.6 * np.sin(2 * np.pi * time / 5.0))
    beat = np.exp(-(time % 0.5) * 30.0) * np.sin(2 * np.pi * 55.0 * (time % 0.5)) * 6.0 * rms
    return Audio((shaped + beat).astype(np.float32), RATE)


def master(
    source: Audio, asked: MasterSettings = DEFAULT, match: Audio | None = None
) -> tuple[MasterPlan, Audio, Loudness]:
    plan = plan_master(source, settings=asked, match=match)
    rendered = collect(render_master(source, plan), source.sample_rate)
    return plan, rendered, measure(rendered)


def independent_dbtp(samples: np.ndarray) -> float:
    taps = signal.firwin(2 * 64 * 16 + 1, 1 / 16, window=("kaiser", 8.6)) * 16
    return max(gain_to_db(float(np.abs(signal.upfirdn(taps, row, 16)).max())) for row in samples)


@pytest.mark.parametrize("target", [-18.0, -13.5, -12.0])
def test_loudness_and_ceiling_after_limiting(target: float) -> None:
    asked = replace(DEFAULT, loudness_lufs=target)
    plan, rendered, measured = master(programme(), asked)
    assert measured.integrated_lufs == pytest.approx(target, abs=0.03)
    assert measured.integrated_lufs == pytest.approx(plan.expected_lufs, abs=1e-6)
    assert independent_dbtp(rendered.samples) <= -1.0
    assert plan.limits == (target > -18.0)
    assert plan.reduction.max_db <= 6.0
    assert not plan.notices
    assert not failures(check_master(measured, settings=asked, plan=plan))


def test_without_limiting_the_master_is_the_mix_times_a_gain() -> None:
    source = programme()
    plan, rendered, measured = master(source, replace(DEFAULT, loudness_lufs=-20.0))
    assert not plan.limits
    assert_array_equal(rendered.samples, source.samples * np.float32(db_to_gain(plan.gain_db)))
    assert measured.integrated_lufs == pytest.approx(-20.0, abs=0.001)


def test_peaky_material_stays_quieter_and_says_so() -> None:
    source = clicks([0.25 * i for i in range(1, 39)], 10.0, channels=2)
    with_bed = Audio(source.samples + noise(10.0, rms=0.02, channels=2).samples, RATE)
    plan, rendered, measured = master(with_bed)
    assert 5.8 < plan.reduction.max_db <= 6.0
    assert measured.integrated_lufs is not None
    missing = -14.0 - measured.integrated_lufs
    assert missing > 1.0
    (notice,) = plan.notices
    assert f"{missing:.1f} LU quieter than asked" in notice.text
    assert independent_dbtp(rendered.samples) <= -1.0
    assert not failures(check_master(measured, settings=DEFAULT, plan=plan))


def test_no_limiting_allowed() -> None:
    plan, rendered, _ = master(programme(), replace(DEFAULT, loudness_lufs=-8.0, max_limiting_db=0.0))
    assert plan.reduction.max_db == 0.0
    assert -1.1 < independent_dbtp(rendered.samples) <= -1.0
    assert len(plan.notices) == 1


@pytest.mark.parametrize("level_dbfs", [-300.0, -90.0, -76.0])
def test_silence_is_not_raised(level_dbfs: float) -> None:
    source = noise(3.0, rms=db_to_gain(level_dbfs) * 0.7, channels=2)
    plan, rendered, measured = master(source)
    assert_array_equal(rendered.samples, source.samples)
    assert "not raised" in plan.notices[0].text
    assert [check.passed for check in check_master(measured, settings=DEFAULT, plan=plan)] == [
        None,
        True,
        True,
    ]


def test_too_short_for_loudness_but_not_for_the_ceiling() -> None:
    source = sine(440.0, 0.2, peak=1.2)
    plan, rendered, _ = master(source)
    assert plan.expected_lufs is None
    assert independent_dbtp(rendered.samples) <= -1.0


def test_fades_come_before_the_loudness() -> None:
    asked = replace(DEFAULT, loudness_lufs=-16.0, fade_in_s=1.0, fade_out_s=6.0)
    source = programme(14.0)
    _, rendered, measured = master(source, asked)
    assert rendered.frames == source.frames
    assert measured.integrated_lufs == pytest.approx(-16.0, abs=0.03)
    assert not rendered.samples[:, 0].any()
    assert not rendered.samples[:, -1].any()
    assert np.abs(rendered.samples[:, -RATE // 4 :]).max() < 0.02
    assert np.abs(rendered.samples[:, 2 * RATE : 7 * RATE]).max() > 0.2


def test_fades_longer_than_the_music() -> None:
    _, rendered, _ = master(programme(2.0), replace(DEFAULT, fade_in_s=30.0, fade_out_s=30.0))
    assert rendered.frames == 2 * RATE
    assert np.isfinite(rendered.samples).all()


def bright(audio: Audio) -> Audio:
    """A record with other weights in the spectrum, made louder and denser."""
    tilted = signal.lfilter([1.0, -0.5], [0.9], audio.samples, axis=1) * 2.0
    return Audio(np.tanh(tilted * 2.0).astype(np.float32) * np.float32(0.7), audio.sample_rate)


def test_match_moves_loudness_and_spectrum() -> None:
    source, record = programme(seed=1), bright(programme(seed=2))
    reference = measure(record).integrated_lufs
    assert reference is not None
    assert reference > -13.0
    asked = replace(DEFAULT, loudness_lufs=-18.0, match_amount=0.5, max_limiting_db=20.0)
    plan, rendered, measured = master(source, asked, record)
    assert plan.target_lufs == pytest.approx((reference - 18.0) / 2.0, abs=1e-3)
    assert measured.integrated_lufs == pytest.approx(plan.target_lufs, abs=0.03)
    assert "aims at" in plan.notices[0].text
    heard = (BANDS_HZ > 60.0) & (BANDS_HZ < 12_000.0)
    before, after, wanted = (
        np.array(long_term_spectrum(a).levels_db)[heard] for a in (source, rendered, record)
    )
    assert np.abs(after - wanted).mean() < 0.7 * np.abs(before - wanted).mean()
    assert rendered.frames == source.frames


def test_match_amount_0_changes_nothing() -> None:
    source, record = programme(4.0), bright(programme(4.0, seed=2))
    _, plain, _ = master(source)
    _, matched, _ = master(source, replace(DEFAULT, match_amount=0.0), record)
    assert_array_equal(matched.samples, plain.samples)


def test_another_ceiling_takes_over_what_was_measured() -> None:
    source = programme()
    asked = replace(DEFAULT, loudness_lufs=-12.5)
    first = plan_master(source, settings=asked)
    lower = replace(asked, ceiling_dbtp=-1.4)
    again = plan_master(source, settings=lower, previous=first)
    fresh = plan_master(source, settings=lower)
    assert again.source is first.source
    assert again.expected_lufs == pytest.approx(-12.5, abs=0.03)
    assert again.gain_db == pytest.approx(fresh.gain_db, abs=0.05)
    rendered = collect(render_master(source, again), RATE)
    assert independent_dbtp(rendered.samples) <= -1.4


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), target=st.floats(-24.0, -7.0), ceiling=st.floats(-6.0, 0.0))
def test_any_wish_ends_under_the_ceiling(seed: int, target: float, ceiling: float) -> None:
    asked = MasterSettings(loudness_lufs=target, ceiling_dbtp=ceiling)
    plan, rendered, measured = master(programme(3.0, seed=seed), asked)
    assert independent_dbtp(rendered.samples) <= ceiling
    assert plan.reduction.max_db <= asked.max_limiting_db
    assert rendered.frames == 3 * RATE
    on_target = measured.integrated_lufs == pytest.approx(target, abs=0.05)
    assert on_target or plan.notices
    assert not failures(check_master(measured, settings=asked, plan=plan))


def test_the_same_on_every_run_and_for_any_source() -> None:
    class Stubborn:
        """A source that gives less than it is asked for is not allowed; one that copies is."""

        def __init__(self, audio: Audio) -> None:
            self.sample_rate, self.channels, self.frames = audio.sample_rate, audio.channels, audio.frames
            self._audio = audio

        def read(self, start: int, frames: int) -> np.ndarray:
            return self._audio.read(start, frames).copy()

    source = programme()
    asked = replace(DEFAULT, loudness_lufs=-12.5)
    _, once, _ = master(source, asked)
    stubborn = Stubborn(source)
    twice = collect(render_master(stubborn, plan_master(stubborn, settings=asked)), RATE)
    assert_array_equal(once.samples, twice.samples)


def test_source_is_never_changed() -> None:
    source = programme()
    before = source.samples.copy()
    master(source, replace(DEFAULT, loudness_lufs=-9.0))
    assert_array_equal(source.samples, before)


def test_checks_see_a_master_that_is_off() -> None:
    source = programme()
    plan, rendered, _ = master(source)
    louder = measure(Audio(rendered.samples * np.float32(1.5), RATE))
    failed = {check.name for check in failures(check_master(louder, settings=DEFAULT, plan=plan))}
    assert failed == {"loudness", "true peak"}
    deep = replace(plan, reduction=replace(plan.reduction, max_db=6.4))
    failed = {check.name for check in failures(check_master(measure(rendered), settings=DEFAULT, plan=deep))}
    assert failed == {"limiting"}


def test_plan_is_json() -> None:
    plan = plan_master(programme(3.0), settings=DEFAULT).as_dict()
    assert plan["settings"]["ceiling_dbtp"] == -1.0
    assert plan["expected_lufs"] == pytest.approx(-14.0, abs=0.03)


@pytest.mark.parametrize("wrong", [{"ceiling_dbtp": 0.5}, {"loudness_lufs": 3.0}, {"fade_in_s": -1.0},
                                   {"max_limiting_db": float("nan")}, {"match_amount": 2.0}])  # fmt: skip
def test_wishes_that_cannot_be_meant(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        MasterSettings(**wrong)


def masters_well(name: str, target: float, seconds: float | None = None) -> None:
    with open_audio(corpus(name)) as file:
        frames = file.frames if seconds is None else round(seconds * file.sample_rate)
        source = Audio(file.read(0, frames), file.sample_rate)
    asked = replace(DEFAULT, loudness_lufs=target)
    plan, rendered, measured = master(source, asked)
    assert rendered.frames == source.frames
    assert measured.true_peak_dbtp is not None
    assert measured.true_peak_dbtp <= -1.0
    assert not failures(check_master(measured, settings=asked, plan=plan)), name
    loud_enough = abs((measured.integrated_lufs or 0.0) - target) <= 0.1
    assert loud_enough or plan.reduction.max_db > 5.9


@pytest.mark.parametrize("target", [-14.0, -9.0])
def test_real_music(target: float) -> None:
    masters_well("stems/dev_se_potassium/mix.ogg", target, 20.0)


@pytest.mark.slow
@pytest.mark.parametrize("target", [-14.0, -9.0])
def test_all_real_music(target: float) -> None:
    names = sorted(p for p in (*corpus("real").glob("*.*3"), *corpus("real").glob("*.ogg")))
    assert len(names) > 10
    for name in names:
        masters_well(f"real/{name.name}", target)


def test_memory_is_streamed() -> None:
    """The renderer hands on blocks, never the whole."""
    source = programme(20.0)
    plan = plan_master(source, settings=replace(DEFAULT, loudness_lufs=-12.5))
    sizes = [block.shape[1] for block in render_master(source, plan)]
    assert sum(sizes) == source.frames
    assert max(sizes) <= max(block.shape[1] for block in iter_blocks(source))


def test_a_tape_holds_what_would_be_rendered(tmp_path: Path) -> None:
    source = programme(8.0)
    tape = Tape(tmp_path / "tape.wav")
    hot = replace(DEFAULT, loudness_lufs=-9.0)
    plan = plan_master(source, settings=hot, tape=tape)
    assert plan.limits
    assert plan.expected is not None
    assert tape.holds(plan)
    again = collect(render_master(source, plan), RATE).samples
    np.testing.assert_array_equal(collect(render_master(source, plan, tape=tape), RATE).samples, again)
    told = measure(Audio(again, RATE), true_peak=False)
    assert told.integrated_lufs == plan.expected.integrated_lufs
    np.testing.assert_array_equal(told.short_term_lufs, plan.expected.short_term_lufs)
    assert not tape.holds(plan_master(source, settings=replace(hot, ceiling_dbtp=-2.0)))


def test_what_is_known_of_the_source_changes_nothing() -> None:
    source = programme(8.0)
    for asked in (DEFAULT, replace(DEFAULT, fade_out_s=4.0)):
        plan = plan_master(source, settings=asked, measured=measure(source))
        assert plan.as_dict() == plan_master(source, settings=asked).as_dict()

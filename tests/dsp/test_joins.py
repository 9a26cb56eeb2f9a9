"""The measure of a join must flag what can be heard and leave alone what can't."""

from __future__ import annotations

import numpy as np
import pytest

from signals import noise, rng, sine
from stemwright.audio import Audio, Samples
from stemwright.dsp.joins import JoinAudibility, measure_character, measure_join

RATE = 48_000
CONTEXT = 7200


def butt(stem: Audio, left: Samples, right: Samples, *, gain: float = 1.0) -> JoinAudibility:
    """Measure `left` cut against `right`, the latter with a gain that the material does not have."""
    return measure_join(
        np.concatenate([left, right * np.float32(gain)], axis=1), outgoing=left, incoming=right,
        overlap_frames=0, share=np.zeros(0, np.float32), character=measure_character(stem),
        sample_rate=RATE, time_s=1.0,
    )  # fmt: skip


def cut(stem: Audio, at: int) -> tuple[Samples, Samples]:
    return stem.samples[:, at - CONTEXT : at], stem.samples[:, at : at + CONTEXT]


def drums() -> Audio:
    generator = rng(3)
    out = generator.standard_normal((1, 8 * RATE)) * 0.001
    for start in range(0, 8 * RATE, RATE // 2):
        hit = np.exp(-np.arange(9600) / 1500) * (generator.standard_normal(9600) * 0.3)
        out[0, start : start + 9600] += hit
    return Audio(out.astype(np.float32), RATE)


@pytest.mark.parametrize(
    "stem",
    [sine(440, 4), noise(4), noise(4, channels=2), drums()],
    ids=["sine", "noise", "stereo noise", "drums"],
)
def test_material_that_simply_goes_on_is_never_flagged(stem: Audio) -> None:
    for at in rng(1).integers(CONTEXT, stem.frames - CONTEXT, 40):
        found = butt(stem, *cut(stem, int(at)))
        assert not found.audible, found
        assert abs(found.level_change_db) < 1e-6


def test_a_drum_on_the_join_is_not_called_a_click() -> None:
    stem = drums()
    assert not butt(stem, *cut(stem, 4 * RATE)).audible


@pytest.mark.parametrize("gain_db", [-2.0, -1.1, 1.1, 2.0])
def test_a_level_change_of_more_than_1_db_is_flagged(gain_db: float) -> None:
    stem = sine(440, 4)
    found = butt(stem, *cut(stem, 2 * RATE), gain=10 ** (gain_db / 20))
    assert found.level_change_db == pytest.approx(gain_db, abs=0.02)
    assert found.audible


@pytest.mark.parametrize("gain_db", [-0.8, 0.8])
def test_a_level_change_of_less_than_1_db_is_measured_but_not_flagged(gain_db: float) -> None:
    stem = noise(4)
    found = butt(stem, *cut(stem, 2 * RATE), gain=10 ** (gain_db / 20))
    assert found.level_change_db == pytest.approx(gain_db, abs=0.02)
    assert not found.audible


@pytest.mark.parametrize("hole_ms", [30, 60])
def test_a_hole_is_flagged(hole_ms: int) -> None:
    stem = noise(4)
    left, right = cut(stem, 2 * RATE)
    holed = right.copy()
    holed[:, : hole_ms * 48] = 0
    found = measure_join(
        np.concatenate([left, holed], axis=1), outgoing=left, incoming=right, overlap_frames=0,
        share=np.zeros(0, np.float32), character=measure_character(stem), sample_rate=RATE, time_s=0.0,
    )  # fmt: skip
    assert found.level_change_db < -3
    assert found.faults[0].startswith("level changes by -")


def test_the_reference_texts_step_is_flagged() -> None:
    """A step of 0.41 at the join against 0.23 in the music."""
    generator = rng(9)
    music = np.cumsum(generator.uniform(-0.23, 0.23, (1, 4 * RATE)), axis=1)
    music -= np.convolve(music[0], np.ones(64) / 64, mode="same")  # keeps the steps, not the wandering
    stem = Audio(music.astype(np.float32), RATE)
    steps = np.abs(np.diff(stem.samples))
    assert 0.22 < np.quantile(steps, 0.999) < 0.26
    left, right = cut(stem, 2 * RATE)
    found = butt(stem, left, right + (left[0, -1] + np.float32(0.41) - right[0, 0]))
    assert found.click_ratio > 1.5
    assert any("click" in fault for fault in found.faults)


def test_a_phase_jump_in_a_sine_is_flagged_by_its_flux() -> None:
    stem = sine(440, 4)
    left, right = cut(stem, 2 * RATE)[0], stem.samples[:, 2 * RATE + 50 : 2 * RATE + 50 + CONTEXT]
    assert butt(stem, left, right).flux_ratio > 1.5


def test_a_jump_from_loud_to_quiet_is_flagged_as_a_step() -> None:
    loud, quiet = sine(440, 2).samples, sine(440, 2, peak=0.05).samples
    swell = np.linspace(1, 0.1, 4 * RATE, dtype=np.float32) * sine(440, 4).samples
    found = butt(Audio(swell, RATE), loud[:, -CONTEXT:], quiet[:, :CONTEXT])
    assert found.level_step_db > 10
    assert abs(found.level_change_db) < 0.1  # each side is what its material is


def test_silence_and_dc_are_not_flagged() -> None:
    for value in (0.0, 0.5):
        stem = Audio(np.full((2, RATE), value, np.float32), RATE)
        assert not butt(stem, *cut(stem, RATE // 2)).audible


def test_character_of_a_long_stem_is_read_in_bounded_pieces() -> None:
    class Counting:
        sample_rate, channels, frames = RATE, 1, 3 * 3600 * RATE
        read_frames = 0

        def read(self, start: int, frames: int) -> Samples:
            self.read_frames += frames
            return np.full((1, frames), 0.1 + (start % 2) * 0.1, np.float32)

    source = Counting()
    measure_character(source)
    assert source.read_frames == 32 * 16_384

"""Whole parts rendered: length, level, room, dynamics; what a listener gets."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fontmaker import AT_ONCE, FontPreset, FontZone, looped_sine, write_font
from signals import rng
from stemwright.audio import Audio, Samples, collect
from stemwright.checks import failures
from stemwright.dsp.loudness import measure
from stemwright.errors import UnreadableError
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role
from stemwright.synth import (
    DrumSettings,
    Key,
    Note,
    Part,
    ScoreSettings,
    check_contrast,
    check_part,
    compose_drums,
    compose_score,
    render_part,
    section_loudness,
)
from stemwright.synth.room import gauged, in_room, room_response
from stemwright.synth.song import TARGETS_LUFS

CHORDS = {"default": "Am F C G", "chorus": "F G Am Am"}
BAND = {
    Role.BASS: "octaves", Role.GUITARS: "strum", Role.KEYS: "comping", Role.PADS: "sustained",
    Role.LEAD: "melody",
}  # fmt: skip


def song(
    meter: str = "4/4", *, bars: int = 4, sample_rate: int = 48_000, frames: int | None = None
) -> Timeline:
    read = Meter.parse(meter)
    beats = Fraction(bars * read.beats_per_bar)
    bpm = 120 if read.beat_unit == 4 else 210
    names = ("intro", "verse", "chorus", "bridge", "chorus", "outro")
    requests = [SectionRequest(n, beats, Fraction(bpm - 25 if n == "bridge" else bpm)) for n in names]
    return build_timeline(requests, meter=read, sample_rate=sample_rate, target_frames=frames)


def band(timeline: Timeline, seed: int = 1) -> list[Part]:
    parts = [compose_drums(DrumSettings(), timeline=timeline, seed=seed)]
    for role, pattern in BAND.items():
        read = ScoreSettings.parse({"pattern": pattern, "chords": CHORDS})
        parts.append(compose_score(read, timeline=timeline, role=role, key=Key.parse("A minor"), seed=seed))
    return parts


def rendered(part: Part, timeline: Timeline, font: Path | None = None) -> Audio:
    return collect(render_part(part, timeline=timeline, soundfont_path=font), timeline.sample_rate)


@pytest.fixture(scope="module")
def stems() -> tuple[Timeline, dict[str, Audio]]:
    timeline = song()
    return timeline, {part.name: rendered(part, timeline) for part in band(timeline)}


def test_stems_have_the_timelines_length_and_do_not_clip(stems: tuple[Timeline, dict[str, Audio]]) -> None:
    timeline, audio = stems
    for stem in audio.values():
        assert (stem.channels, stem.frames) == (2, timeline.frames)
        assert 0.02 < np.abs(stem.samples).max() < 1.0
        assert np.abs(stem.samples[:, -1]).max() < 1e-6


def test_stems_stand_at_the_loudness_of_their_role(stems: tuple[Timeline, dict[str, Audio]]) -> None:
    timeline, audio = stems
    for name, stem in audio.items():
        chorus = [lufs for section, lufs in section_loudness(stem, timeline=timeline) if section == "chorus"]
        assert chorus[0] == pytest.approx(TARGETS_LUFS[Role(name)], abs=3.0), name


def test_choruses_stand_above_verses(stems: tuple[Timeline, dict[str, Audio]]) -> None:
    timeline, audio = stems
    mix = Audio(np.asarray(sum(stem.samples for stem in audio.values()), np.float32), timeline.sample_rate)
    (check,) = check_contrast(section_loudness(mix, timeline=timeline), subject="mix")
    assert check.passed, check.sentence()
    assert check.measured >= 3.0  # type: ignore[operator]
    for name, stem in audio.items():
        (check,) = check_contrast(section_loudness(stem, timeline=timeline), subject=name)
        assert check.passed, check.sentence()


def test_contrast_can_fail_and_is_silent_where_it_has_nothing_to_say() -> None:
    (flat,) = check_contrast([("verse 1", -20.0), ("chorus", -18.0)], subject="mix")
    assert flat.failed
    assert check_contrast([("verse", None), ("chorus", -18.0)], subject="mix") == []
    assert check_contrast([("a", -20.0), ("b", -18.0)], subject="mix") == []


@pytest.mark.parametrize("meter", ["3/4", "6/8", "7/8"])
def test_other_meters_make_music_too(meter: str) -> None:
    timeline = song(meter, bars=3, sample_rate=22_050)
    total = np.zeros((2, timeline.frames), np.float32)
    for part in band(timeline):
        assert not failures(check_part(part, timeline=timeline, subject=part.name))
        total += rendered(part, timeline).samples
    found = section_loudness(Audio(total, 22_050), timeline=timeline)
    (check,) = check_contrast(found, subject="mix")
    assert check.passed, check.sentence()


def test_a_song_cut_in_mid_bar_ends_where_it_should() -> None:
    timeline = song(frames=523_457)
    part = band(timeline)[1]
    audio = rendered(part, timeline)
    assert audio.frames == 523_457
    assert np.abs(np.diff(audio.samples[:, -600:])).max() < 0.05


def test_same_seed_same_samples_other_seed_other_take() -> None:
    timeline = song(bars=1)
    first, again, other = (rendered(band(timeline, seed)[0], timeline).samples for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_block_size_changes_no_sample() -> None:
    timeline = song(bars=1)
    part = band(timeline)[2]
    whole = rendered(part, timeline).samples
    for size in (999, 70_001):
        blocks: list[Samples] = list(render_part(part, timeline=timeline, block_frames=size))
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_tempo_changes_place_notes_on_their_frames(tmp_path: Path) -> None:
    font = write_font(
        tmp_path / "f.sf2", [looped_sine()], {(0, 0): FontPreset([FontZone(0, (*AT_ONCE, (38, -12_000)))])}
    )
    timeline = song(bars=1)
    bars = list(timeline.bar_starts())
    notes = tuple(Note(bar, Fraction(1, 4), 69, 100) for bar in bars)
    part = Part("p", Role.BASS, 0, is_drums=False, notes=notes)
    wave = np.abs(rendered(part, timeline, font).samples[0])
    for frame in timeline.bar_frames():
        assert wave[max(frame - 400, 0) : max(frame - 10, 0)].max(initial=0.0) < 1e-3
        assert wave[frame : frame + 48].max() > 0.05


def test_rates_sound_alike() -> None:
    levels = []
    for sample_rate in (22_050, 48_000, 96_000):
        timeline = song(bars=1, sample_rate=sample_rate)
        levels.append(measure(rendered(band(timeline)[3], timeline), true_peak=False).integrated_lufs)
    assert max(levels) - min(levels) < 0.5  # type: ignore[type-var, operator]


def test_a_silent_part_is_silence_and_its_check_warns() -> None:
    timeline = song(bars=1)
    part = compose_drums(DrumSettings(pattern={"default": "none"}), timeline=timeline, seed=1)
    assert not rendered(part, timeline).samples.any()
    (check,) = check_part(part, timeline=timeline, subject="drums")
    assert check.failed


def test_a_font_without_the_program_is_named(tmp_path: Path) -> None:
    font = write_font(tmp_path / "f.sf2", [looped_sine()], {(0, 0): FontPreset([FontZone()])})
    timeline = song(bars=1)
    with pytest.raises(UnreadableError, match="program 33"):
        list(render_part(band(timeline)[1], timeline=timeline, soundfont_path=font))


@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
def test_room_decays_and_is_wide(sample_rate: int) -> None:
    response = room_response(sample_rate).astype(float)
    np.testing.assert_allclose(gauged(response, sample_rate), 1.0, rtol=0.02)
    early, late = (10 * np.log10(np.sum(response[:, round(t * sample_rate) :] ** 2)) for t in (0.05, 0.30))
    assert 0.4 < 60 * 0.25 / (early - late) < 0.75
    assert abs(np.corrcoef(response)[0, 1]) < 0.1


def test_room_adds_nothing_before_the_sound_and_keeps_the_length() -> None:
    dry = np.zeros((2, 150_001), np.float32)
    dry[:, 70_000] = 0.5
    whole = np.concatenate(list(in_room(iter([dry.copy()]), sample_rate=48_000, send=0.2)), axis=1)
    parts = iter([dry[:, i : i + 777].copy() for i in range(0, 150_001, 777)])
    cut = np.concatenate(list(in_room(parts, sample_rate=48_000, send=0.2)), axis=1)
    assert whole.shape == dry.shape
    np.testing.assert_array_equal(whole, cut)
    assert np.abs(whole[:, :69_999]).max() < 1e-6
    wet = np.concatenate((np.zeros((2, 1)), whole[:, 70_001:] / 0.5), axis=1)
    np.testing.assert_allclose(gauged(wet, 48_000), 0.2, rtol=0.05)


def test_room_is_one_convolution() -> None:
    """Six seconds and a half, beyond one batch of windows, against a single transform of it all."""
    dry = (0.1 * rng(8).standard_normal((2, 455_003))).astype(np.float32)
    wet = np.concatenate(list(in_room(iter([dry.copy()]), sample_rate=48_000, send=0.25)), axis=1) - dry
    spectra = np.fft.rfft(room_response(48_000), 2**19) * np.fft.rfft(dry.mean(axis=0), 2**19)
    true = 0.25 * np.fft.irfft(spectra, 2**19)[:, : dry.shape[1]]
    assert np.abs(wet - true).max() < 1e-5 * np.abs(true).max()


def test_mono_is_the_mean_of_both_sides() -> None:
    timeline = song()
    drums = band(timeline)[0]
    sides = collect(render_part(drums, timeline=timeline), timeline.sample_rate).samples
    (mono,) = collect(render_part(drums, timeline=timeline, channels=1), timeline.sample_rate).samples
    assert np.abs(sides[0] - sides[1]).max() > 0.01  # not mono already
    np.testing.assert_allclose(mono, sides.mean(axis=0), atol=1e-6)

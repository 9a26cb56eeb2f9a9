"""Checks of a rendered remix: each passes on a clean render and tells a planted fault."""

from __future__ import annotations

import numpy as np
import pytest

from remix_plans import plan, section
from signals import rng
from stemwright.arrange.envelopes import Envelope
from stemwright.arrange.onsets import BeatOffset
from stemwright.arrange.playheads import passages
from stemwright.arrange.proofs import balance_checks, beat_checks, seam_checks, section_lufs
from stemwright.arrange.render import ArrangedStem, PlacedStem, Take, arrange_stem
from stemwright.audio import Audio
from stemwright.planning.plan import SongId
from stemwright.songs import SongStem

RATE, BPM, BEAT = 44_100, 120.0, 22_050


def tone(seconds: float = 30.0) -> Audio:
    """A low chord: a jump in it clicks, for it has no attacks of its own."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.4 * np.sin(2 * np.pi * 57.41 * time) + 0.2 * np.sin(2 * np.pi * 131.7 * time)
    return Audio(np.stack([wave, wave]).astype(np.float32), RATE)


def looped(audio: Audio) -> ArrangedStem:
    made = plan(section("drop", 0, 16, {"vocals": 1.0}, cues={"song_a": {"source_beat": 3, "loop_beats": 4}}))
    read = passages(made, SongId.A, first_beat=0, pace=1)
    placed = PlacedStem(SongId.A, SongStem.VOCALS, audio, lambda beat: round(beat * BEAT), read)
    return arrange_stem(placed, made, bpm=BPM)


def test_our_own_seams_do_not_click() -> None:
    [check] = seam_checks([looped(tone())])
    assert check.passed, check.sentence()


def test_a_seam_without_its_crossfade_is_told() -> None:
    stem = looped(tone())
    hard = [
        Take(k * 4 * BEAT, (k + 1) * 4 * BEAT, take.offset, Envelope(1.0))
        for k, take in enumerate(stem.takes)
    ]
    [check] = seam_checks([ArrangedStem(stem.placed, stem.frames, hard, stem.gain, stem.whole)])
    assert check.passed is False
    assert "source_beat" in check.advice


def test_a_stem_without_seams_is_not_asked() -> None:
    made = plan(section("main", 0, 16, {"vocals": 1.0}))
    read = passages(made, SongId.A, first_beat=0, pace=1)
    placed = PlacedStem(SongId.A, SongStem.VOCALS, tone(), lambda beat: round(beat * BEAT), read)
    assert seam_checks([arrange_stem(placed, made, bpm=BPM)]) == []


TWO = plan(section("intro", 0, 8, {"drums": 1.0}), section("verse", 8, 16, {"vocals": 1.0, "drums": 0.5}))


@pytest.mark.parametrize(("voice", "passed"), [(-20.0, True), (-8.0, True), (-27.0, False), (-1.0, False)])
def test_a_voice_must_be_neither_buried_nor_bare(voice: float, passed: bool) -> None:
    [check] = balance_checks(TWO, [None, voice], [-20.0, -20.0])
    assert check.passed is passed
    assert check.subject == "section 2 (verse)"


def test_sections_are_measured_where_they_are() -> None:
    powers = np.concatenate((np.full(40, 1e-3), np.full(40, 1e-2)))
    quiet, loud = section_lufs(TWO, powers, bpm=BPM, sample_rate=RATE)
    assert quiet is not None
    assert loud is not None
    assert loud - quiet == pytest.approx(10.0, abs=1e-6)


@pytest.mark.parametrize(
    ("a_ms", "b_ms", "failed"),
    [(2.0, -3.0, 0), (20.0, 22.0, 2), (-9.0, 9.0, 1), (30.0, 0.0, 2)],
)
def test_songs_that_stand_apart_are_told(a_ms: float, b_ms: float, failed: int) -> None:
    checks = beat_checks({"song A": BeatOffset(a_ms, 40), "song B": BeatOffset(b_ms, 40)})
    assert len(checks) == 3
    assert sum(check.failed for check in checks) == failed


def test_songs_without_attacks_say_nothing() -> None:
    assert len(beat_checks({"song A": BeatOffset(50.0, 3), "song B": BeatOffset(0.0, 40)})) == 1


def test_noise_is_its_own_excuse() -> None:
    """In noise a hard cut is no click: nobody can hear it."""
    random = rng(4)
    noise = Audio((random.standard_normal((2, 30 * RATE)) * 0.1).astype(np.float32), RATE)
    [check] = seam_checks([looped(noise)])
    assert check.passed


def test_a_beat_on_the_seam_is_no_click() -> None:
    """The phrase begins with a hit that is louder than anything else in the stem."""
    samples = tone().samples.copy()
    samples[:, 3 * BEAT : 3 * BEAT + 400] += np.float32(0.5)
    [check] = seam_checks([looped(Audio(samples, RATE))])
    assert check.passed, check.sentence()

"""What is held has no beat, whatever wavers in it or in its separated drums; what is struck keeps its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from drum_songs import drum_song, steady_beats
from signals import noise, rng
from stemwright.analysis import analyze_song, describe, track_rhythm
from stemwright.audio import Audio
from stemwright.io.reader import open_audio
from stemwright.separation.builtin import BuiltinSeparator
from stemwright.songs import SongStem
from stemwright.synth.sampler import Sampler, Strike
from stemwright.synth.soundfont import default_soundfont, load_soundfont

Array = npt.NDArray[np.float64]

RATE, DURATION_S = 44_100, 20.0
CHORDS = ((45, 57, 60, 64), (41, 53, 57, 60), (48, 55, 60, 64), (43, 55, 59, 62))
PIANO, ORGAN, STRINGS, GUITAR, E_PIANO = 0, 16, 48, 24, 4


def stereo(wave: Array) -> Audio:
    return Audio(np.tile(0.5 * wave / np.abs(wave).max(), (2, 1)).astype(np.float32), RATE)


def partials(*hertz: float) -> Array:
    t = np.arange(round(DURATION_S * RATE)) / RATE
    phases = rng(3).uniform(0.0, 6.28, len(hertz) * 5)
    parts = [(hz * k, k) for hz in hertz for k in range(1, 6)]
    waves = (np.sin(2 * np.pi * hz * t + turn) / k for (hz, k), turn in zip(parts, phases, strict=True))
    return np.asarray(sum(waves), np.float64)


def sine(hertz: float) -> Array:
    return np.sin(2 * np.pi * hertz * np.arange(round(DURATION_S * RATE)) / RATE)


def struck(program: int, *, beat_s: float, beats: int) -> Audio:
    """Chords of some beats, one after another."""
    count = int(DURATION_S / (beat_s * beats)) + 1
    strikes = [
        Strike(round(n * beats * beat_s * RATE), round((n + 1) * beats * beat_s * RATE), key, 90, program)
        for n in range(count)
        for key in CHORDS[n % 4]
    ]
    sampler = Sampler(load_soundfont(default_soundfont()), RATE)
    return Audio(np.concatenate(list(sampler.blocks(strikes, frames=round(DURATION_S * RATE))), axis=1), RATE)


def tremolo() -> Array:
    return partials(220.0, 330.0) * (1.0 + 0.3 * sine(5.5))


HELD: Sequence[tuple[str, Callable[[], Audio]]] = (
    ("sine", lambda: stereo(sine(110.0))),
    ("high sine", lambda: stereo(sine(1000.0))),
    ("sine of 14 bits", lambda: stereo(np.round(sine(110.3) * 8000))),
    ("beating twice a second", lambda: stereo(sine(220.0) + sine(222.0))),
    ("chord", lambda: stereo(partials(220.0, 277.2, 329.6))),
    ("detuned chord", lambda: stereo(partials(220.0, 220.6, 277.2, 277.9, 329.6, 330.7))),
    ("tremolo", lambda: stereo(tremolo())),
    ("organ chord", lambda: struck(ORGAN, beat_s=DURATION_S, beats=2)),
    ("string chord", lambda: struck(STRINGS, beat_s=DURATION_S, beats=2)),
    ("noise", lambda: noise(DURATION_S, sample_rate=RATE, channels=2)),
)


USUAL = ("sine", "detuned chord", "tremolo", "organ chord", "noise")
CASES = [
    pytest.param(name, make, id=name, marks=[] if name in USUAL else pytest.mark.slow) for name, make in HELD
]


@pytest.mark.parametrize(("name", "make"), CASES)
def test_held_tones_have_no_beat_alone_or_taken_apart(
    name: str, make: Callable[[], Audio], tmp_path: Path
) -> None:
    song = make()
    assert track_rhythm(song).tempo.confidence == 0.0
    files = BuiltinSeparator().separate(song, into=tmp_path).files
    stems = {stem: open_audio(files[stem]) for stem in SongStem if stem in files}
    try:
        facts = analyze_song(song, sha256="0" * 64, stems=stems)
    finally:
        for file in stems.values():
            file.close()
    assert not facts.has_beat
    assert "without a beat" in describe(facts)
    assert "No beat was found" in facts.notices[0]
    assert ("held" in facts.notices[0]) == (name != "noise" and name != "string chord")


@pytest.mark.parametrize(
    ("program", "bpm", "beats"), [(PIANO, 84.0, 1), (E_PIANO, 96.0, 2), (GUITAR, 96.0, 1), (ORGAN, 100.0, 1)]
)
def test_struck_chords_keep_their_beat(program: int, bpm: float, beats: int) -> None:
    rhythm = track_rhythm(struck(program, beat_s=60.0 / bpm, beats=beats))
    assert rhythm.tempo.bpm == pytest.approx(bpm, rel=1e-3)
    assert rhythm.tempo.confidence > 0.3


def test_soft_drums_under_a_held_chord_keep_the_beat() -> None:
    drums = drum_song(steady_beats(110.0, count=32), chords=False)
    chord = partials(220.0, 277.2)[::2][: drums.frames]
    held = np.zeros_like(drums.samples)
    held[0, : chord.size] = 0.3 * chord / np.abs(chord).max()
    mix = Audio(0.3 * drums.samples + held, drums.sample_rate)
    assert track_rhythm(mix).tempo.bpm == pytest.approx(110.0, rel=1e-3)
    assert track_rhythm(Audio(held, drums.sample_rate)).tempo.confidence == 0.0

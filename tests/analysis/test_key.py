"""The key: progressions of known key, tunings, what has no key, modulation, songs of the corpus."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import chord_song, clicks, corpus, noise, rng, silence, sine
from stemwright.analysis import chroma, features
from stemwright.analysis.essentia_key import essentia_key
from stemwright.analysis.key import PROFILES, detect_key, fit_key, key_of, weighted_score
from stemwright.audio import Audio, Samples, iter_blocks
from stemwright.errors import InputError
from stemwright.io.reader import read_audio
from stemwright.songs import TONICS, Key, Mode

CADENCES = {
    "C major": ("C F G C", "C Am F G", "C F Dm G", "C Em F G C G Am C"),
    "A minor": ("Am Dm E Am", "Am F Dm E", "Am Dm Am E Am F E Am"),
}


def in_key(progression: str, semitones: int) -> str:
    """The same progression that much higher."""

    def moved(chord: str) -> str:
        name = chord.rstrip("m")
        return TONICS[(TONICS.index(name) + semitones) % 12] + chord[len(name) :]

    return " ".join(moved(chord) for chord in progression.split())


@pytest.mark.parametrize("key", CADENCES)
@pytest.mark.parametrize("semitones", range(12))
def test_progressions_in_all_keys(key: str, semitones: int) -> None:
    expected = Key.parse(key).transposed(semitones)
    for progression in CADENCES[key]:
        song = chord_song(in_key(progression, semitones), chord_s=0.8, sample_rate=22_050)
        found = detect_key(song)
        assert found.key == expected, progression
        assert found.confidence > 0.5
        assert not found.modulates


@pytest.mark.parametrize("cents", [-45.0, -20.0, 0.0, 30.0, 45.0])
def test_the_songs_own_tuning_is_the_measure(cents: float) -> None:
    song = features.listen(chord_song("Am Dm E Am", tuning_cents=cents))
    assert chroma.tuning_semitones(song) == pytest.approx(cents / 100.0, abs=0.04)
    assert key_of(song).key == Key.parse("A minor")


def test_drums_do_not_hide_the_key() -> None:
    assert detect_key(chord_song("Dm Gm A Dm " * 2, beat=True)).key == Key.parse("D minor")


def test_harmonics_are_not_taken_for_notes() -> None:
    notes = chroma.notes_of(features.listen(_tones([48] * 4, harmonics=12))).sum(axis=0)
    strongest = int(np.argmax(notes)) + features.LOWEST_NOTE
    assert strongest == 48
    raw = features.listen(_tones([48] * 4, harmonics=12)).partials.sum(axis=0)
    fifth = (67 - features.LOWEST_NOTE) * features.BINS_PER_SEMITONE + 1
    assert raw[fifth] > 0.2 * raw.max()  # the third partial is there …
    assert notes[67 - features.LOWEST_NOTE] < 0.12 * notes.max()  # … and hardly counts


def _tones(notes: list[int], *, note_s: float = 0.5, harmonics: int = 5) -> Audio:
    t = np.arange(round(note_s * 44_100)) / 44_100
    edge = np.minimum(1.0, np.minimum(t / 0.01, (note_s - t) / 0.02))
    waves = [
        sum(np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * k * t) / k for k in range(1, harmonics + 1))
        for note in notes
    ]
    return Audio((0.1 * np.concatenate([edge * wave for wave in waves]))[None].astype(np.float32), 44_100)


def _drum_kit(duration_s: float) -> Audio:
    out = np.zeros(round(duration_s * 44_100))
    t = np.arange(8_820) / 44_100
    kick = np.exp(-t / 0.08) * np.sin(2 * np.pi * (48 * t + 3 * (1 - np.exp(-t / 0.02))))
    snare = np.exp(-t / 0.05) * (0.6 * rng(1).standard_normal(t.size) + 0.4 * np.sin(2 * np.pi * 185 * t))
    for beat in range(int(duration_s / 0.5) - 1):
        start = round(beat * 22_050)
        out[start : start + t.size] += 0.5 * (snare if beat % 2 else kick)
    return Audio(out[None].astype(np.float32), 44_100)


@pytest.mark.parametrize(
    "song",
    [
        noise(10.0, sample_rate=44_100, channels=2),
        noise(4.0, sample_rate=44_100, rms=0.001, seed=3),
        Audio(silence(5.0), 48_000),
        Audio(silence(0.0), 48_000),
        clicks([0.5 * beat for beat in range(20)], 10.0),
        _drum_kit(12.0),
        sine(440.0, 6.0),
        _tones([60] * 12),
        _tones(list(range(48, 72)) * 2, note_s=0.25),
        _tones([60, 62, 64, 66, 68, 70] * 6, note_s=0.25),
        _tones([int(n) for n in rng(5).integers(48, 72, 80)], note_s=0.25),
    ],
    ids=[
        "noise", "faint noise", "silence", "nothing", "clicks", "drums", "sine", "one note", "chromatic",
        "whole tones", "random",
    ],
)  # fmt: skip
def test_what_has_no_key_is_not_believed(song: Audio) -> None:
    assert detect_key(song).confidence <= 0.05


def test_a_new_key_at_the_end_is_told() -> None:
    first, last = "C F G C C F G C", "E A B E E"
    song = detect_key(chord_song(f"{first} {last}", chord_s=2.0, sample_rate=22_050))
    assert (song.key, song.modulates, song.later_key) == (
        Key.parse("C major"),
        True,
        Key.parse("E major"),
    )


def test_going_to_the_relative_key_is_no_modulation() -> None:
    found = detect_key(chord_song("C F G C C F G C Am Dm Am Am Am", chord_s=2.0, sample_rate=22_050))
    assert not found.modulates
    assert found.later_key is None


def test_a_short_song_does_not_modulate() -> None:
    assert not detect_key(chord_song("C F G C E A B E", chord_s=0.5)).modulates


def test_the_profiles_find_themselves() -> None:
    for name, modes in PROFILES.items():
        for mode, profile in zip(Mode, modes, strict=True):
            for tonic in range(12):
                assert fit_key(np.roll(profile, tonic)).key == Key(tonic, mode), name


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=12, max_size=12), st.integers(1, 11), st.floats(0.01, 100))
def test_transposing_the_music_transposes_the_key(pitches: list[float], up: int, gain: float) -> None:
    here, there = fit_key(pitches), fit_key(np.roll(pitches, up) * gain)
    assert 0.0 <= here.confidence <= 1.0
    assert there.fit == pytest.approx(here.fit, abs=1e-6)
    if here.lead > 1e-6:
        assert there.key == here.key.transposed(up)


@settings(max_examples=12, deadline=None)
@given(st.integers(300, 40_000), st.integers(0, 2**32 - 1))
def test_how_it_is_read_changes_nothing(block_frames: int, seed: int) -> None:
    song = noise(0.9, sample_rate=44_100, channels=2, seed=seed % 100)
    with pytest.MonkeyPatch.context() as patch:
        whole = features.listen(song)
        patch.setattr(features, "iter_blocks", lambda source: iter_blocks(source, block_frames=block_frames))
        pieces = features.listen(song)
    for name in ("partials", "sharpness", "bands_db", "flux", "hop_powers"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))
    assert np.ptp(whole.flux) > 0.1


def test_nan_is_refused() -> None:
    samples = silence(1.0)
    samples[0, 100] = np.nan
    with pytest.raises(InputError, match="not a number"):
        detect_key(Audio(samples, 48_000))


def test_the_score_is_mirex() -> None:
    truth = Key.parse("A minor")
    scores = {"A minor": 1.0, "E minor": 0.5, "D minor": 0.5, "C major": 0.3, "A major": 0.2, "B minor": 0.0}
    assert {name: weighted_score(Key.parse(name), truth) for name in scores} == scores


def test_essentia_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "essentia.standard", None)
    with pytest.raises(InputError, match=r"stemwright\[essentia\]"):
        essentia_key(chord_song("C"))


def test_essentia_votes_minute_by_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    answers = iter([("A", "minor", 0.5), ("C", "major", 0.9)])

    def extractor(**_options: object) -> object:
        def extract(samples: Samples) -> tuple[str, str, float]:
            heard.append(samples.size)
            return next(answers)

        return extract

    monkeypatch.setitem(sys.modules, "essentia", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "essentia.standard", SimpleNamespace(KeyExtractor=extractor))
    found = essentia_key(noise(70.0, sample_rate=44_100))
    assert heard == [60 * 44_100, 10 * 44_100]
    assert found.key == Key.parse("A minor")
    assert found.confidence == pytest.approx(0.5 * 60 / 70)


SONGS = {
    "real/dev_coulton_code_monkey.ogg": "E major",
    "real/dev_coulton_not_about_you.mp3": "A major",
    "real/dev_macleod_sugar_plum.ogg": "E minor",
    "stems/dev_se_potassium/mix.ogg": "C major",
    "stems/dev_se_sodium/mix.ogg": "G minor",
    **{f"stems/render/dev_r0{number}/mix.ogg": "" for number in range(1, 6)},
}


def test_songs_of_the_corpus() -> None:
    scores = []
    for name, written in SONGS.items():
        path = corpus(*name.split("/"))
        key = written or json.loads((path.parent / "truth.json").read_text())["key"]
        scores.append(weighted_score(detect_key(read_audio(path)).key, Key.parse(key)))
    assert np.mean(scores) >= 0.9


@pytest.mark.parametrize("song", ["dev_se_potassium", "dev_se_sodium", "render/dev_r01", "render/dev_r05"])
def test_drum_stems_of_the_corpus_have_no_key(song: str) -> None:
    path = corpus("stems", *song.split("/"), "drums.ogg")
    assert detect_key(read_audio(path)).confidence == 0.0

"""The builtin separator: stems that sum, better than the mix, the same however the song is stored or cut."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from separation.made import made_song, read
from signals import corpus, noise, rng, si_sdr_db, silence
from stemwright.audio import Audio, Samples
from stemwright.checks import Notice
from stemwright.errors import InputError
from stemwright.io.reader import read_audio
from stemwright.separation import Quality, Separated, Separator, choose_separator
from stemwright.separation.builtin import BuiltinSeparator
from stemwright.separation.cues import REACH, cues
from stemwright.songs import SongStem

RATE = 44_100
FOUR = ["vocals", "drums", "bass", "other"]


def total(parts: Iterable[Samples]) -> Samples:
    return np.asarray(np.sum(list(parts), axis=0), np.float32)


def separate(song: Audio, folder: Path) -> tuple[Separated, dict[SongStem, Samples]]:
    result = choose_separator("builtin").separate(song, into=folder)
    return result, read(result)


def test_it_is_a_separator_of_preview_quality_and_says_so(tmp_path: Path) -> None:
    separator = choose_separator("builtin")
    announced: list[Notice] = []
    assert isinstance(separator, Separator)
    assert separator.quality is Quality.PREVIEW
    assert separator.key == "builtin 1"
    result = separator.separate(
        noise(1.0, sample_rate=RATE, channels=2), into=tmp_path, announce=announced.append
    )
    assert "preview quality" in announced[0].text
    assert result.notices == tuple(announced)


@pytest.mark.parametrize("frames", [1, 1023, 4096, 3 * RATE, 12 * 1024 * 44 + 5])
def test_stems_sum_to_the_song_and_have_its_frames(tmp_path: Path, frames: int) -> None:
    song = Audio((0.3 * rng(frames).standard_normal((2, frames))).astype(np.float32), RATE)
    result, stems = separate(song, tmp_path)
    assert [str(stem) for stem in stems] == FOUR
    assert result.frames == frames
    total = np.sum(list(stems.values()), axis=0, dtype=np.float64)
    np.testing.assert_allclose(total, song.samples, atol=1e-6)
    assert all(check.passed for check in result.checks)
    assert result.left_over_db < -120


def test_its_stems_are_closer_to_the_truth_than_the_mix_is(tmp_path: Path) -> None:
    truth, mix = made_song(5)
    _, stems = separate(Audio(mix, RATE), tmp_path)
    for stem, least_db in zip(SongStem, (6.0, 6.0, 6.0, 5.0), strict=False):
        gained = si_sdr_db(stems[stem], truth[stem]) - si_sdr_db(mix, truth[stem])
        assert gained > least_db, f"{stem}: {gained:.1f} dB"


def test_mono_songs_are_told_and_still_separated(tmp_path: Path) -> None:
    truth, _ = made_song(6)
    mono = {stem: np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0) for stem, x in truth.items()}
    mix = total(mono.values())
    result, stems = separate(Audio(mix, RATE), tmp_path)
    assert any("mono" in notice.text for notice in result.notices)
    for stem in (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS):
        np.testing.assert_array_equal(stems[stem][0], stems[stem][1])
        assert si_sdr_db(stems[stem], mono[stem]) > si_sdr_db(mix, mono[stem]) + 3.0


def test_stereo_songs_are_not_called_mono(tmp_path: Path) -> None:
    result, _ = separate(noise(2.0, sample_rate=RATE, channels=2), tmp_path)
    assert not any("mono" in notice.text for notice in result.notices)


def test_silence_stays_silent(tmp_path: Path) -> None:
    result, stems = separate(Audio(silence(3.0, sample_rate=RATE, channels=2), RATE), tmp_path)
    assert all(not stem.any() for stem in stems.values())
    assert set(result.levels_db.values()) == {-200.0}


def test_same_in_same_out_and_level_plays_no_part(tmp_path: Path) -> None:
    _, mix = made_song(7, seconds=6.0)
    _, first = separate(Audio(mix, RATE), tmp_path / "1")
    _, again = separate(Audio(mix, RATE), tmp_path / "2")
    _, quiet = separate(Audio(mix * np.float32(0.25), RATE), tmp_path / "3")
    for stem, samples in first.items():
        np.testing.assert_array_equal(samples, again[stem])
        assert np.abs(samples).max() > 0.01
        assert si_sdr_db(quiet[stem], samples) > 40
        assert np.abs(4 * quiet[stem] - samples).max() < 0.01


def test_chunks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mix = made_song(8, seconds=8.0)
    _, whole = separate(Audio(mix, RATE), tmp_path / "1")
    monkeypatch.setattr("stemwright.separation.builtin._CHUNK", 64)
    _, cut = separate(Audio(mix, RATE), tmp_path / "2")
    for stem, samples in whole.items():
        np.testing.assert_allclose(cut[stem], samples, atol=2e-4)


def test_cues_look_no_further_than_they_say() -> None:
    spectra = (rng(1).standard_normal((2, 120, 2049)) + 0j).astype(np.complex64)
    other = spectra.copy()
    other[:, :20] *= 3
    other[:, -20:] = 0
    inner = slice(20 + REACH, -20 - REACH)
    for before, after in zip(cues(spectra), cues(other), strict=True):
        np.testing.assert_allclose(before[inner], after[inner], atol=2e-3)
    assert any(
        np.abs(a[20:30] - b[20:30]).max() > 0.1 for a, b in zip(cues(spectra), cues(other), strict=True)
    )


def test_progress_ends_at_one_and_stopping_leaves_nothing(tmp_path: Path) -> None:
    song = noise(30.0, sample_rate=RATE, channels=2)
    seen: list[float] = []
    BuiltinSeparator().separate(song, into=tmp_path / "whole", watch=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 4

    def stop(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BuiltinSeparator().separate(song, into=tmp_path / "stopped", watch=stop)
    assert list((tmp_path / "stopped").iterdir()) == []
    BuiltinSeparator().separate(song, into=tmp_path / "stopped")  # and the turn was given back


@pytest.mark.parametrize(
    ("song", "words"),
    [
        (noise(0.1, sample_rate=48_000, channels=2), "48000 Hz"),
        (noise(0.1, sample_rate=RATE, channels=1), "1 channel"),
        (Audio(np.zeros((2, 0), np.float32), RATE), "no audio"),
        (Audio(np.full((2, 5000), np.nan, np.float32), RATE), "NaN"),
    ],
)
def test_what_is_no_song_is_refused_in_words(tmp_path: Path, song: Audio, words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose_separator("builtin").separate(song, into=tmp_path / "out")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


class _Endless:
    """Noise of any length that takes no memory."""

    sample_rate = RATE
    channels = 2

    def __init__(self, seconds: float) -> None:
        self.frames = round(seconds * RATE)
        self._loop = noise(4.0, sample_rate=RATE, channels=2).samples

    def read(self, start: int, frames: int) -> Samples:
        index = np.arange(start, min(start + frames, self.frames)) % self._loop.shape[1]
        return self._loop[:, index]


def _peak_mb(seconds: float) -> float:
    """Peak memory of a separation in a process of its own."""
    code = f"from separation.test_builtin import measure; measure({seconds})"
    paths = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


def measure(seconds: float) -> None:
    """Say the peak memory, in MB, on standard output."""
    import tempfile

    from peak_memory import own_peak_mb

    with tempfile.TemporaryDirectory() as folder:
        BuiltinSeparator().separate(_Endless(seconds), into=Path(folder))
    sys.stdout.write(str(own_peak_mb()))


@pytest.mark.slow
def test_memory_does_not_grow_with_duration() -> None:
    short, long = _peak_mb(60), _peak_mb(1200)
    assert long < short * 1.1 + 10
    assert long < 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least_db"),
    [("dev_se_francium", (6, 3, -99, 2)), ("render/dev_r03", (3, 6, 6, 3)), ("render/dev_r05", (3, 5, 4, 1))],
)
def test_real_and_rendered_songs_gain(tmp_path: Path, name: str, least_db: tuple[float, ...]) -> None:
    folder = corpus("stems", *name.split("/"))
    from soxr import resample

    truth = {}
    for stem in FOUR:
        audio = read_audio(next(folder.glob(f"{stem}.*"))).between(10.0, 30.0)
        truth[stem] = np.ascontiguousarray(resample(audio.samples.T, audio.sample_rate, RATE).T)
    mix = total(truth.values())
    _, stems = separate(Audio(mix, RATE), tmp_path)
    for (stem, samples), least in zip(stems.items(), least_db, strict=True):
        if least > -99:
            gained = si_sdr_db(samples, truth[stem]) - si_sdr_db(mix, truth[stem])
            assert gained > least, f"{name} {stem}: {gained:.1f} dB"

"""Stems that people bring: roles, forms, lengths; and whose song they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from soxr import resample

from separation.made import made_song, read
from signals import corpus, noise, rng, si_sdr_db
from stemwright.audio import Audio, Samples
from stemwright.errors import InputError
from stemwright.io.reader import read_audio
from stemwright.io.writer import write_audio
from stemwright.separation import Separated, stems_from_folder
from stemwright.songs import SongStem

RATE = 44_100


def write(folder: Path, stems: dict[str, Samples], *, rate: int = RATE) -> Path:
    folder.mkdir(exist_ok=True)
    for name, samples in stems.items():
        write_audio(folder / name, [samples], sample_rate=rate, channels=samples.shape[0])
    return folder


def named(seed: int = 1, seconds: float = 4.0) -> tuple[dict[str, Samples], Samples]:
    stems, mix = made_song(seed, seconds=seconds)
    return {f"{stem}.wav": samples for stem, samples in stems.items()}, mix


def texts(result: Separated) -> str:
    return " | ".join(notice.text for notice in result.notices)


def test_stems_of_the_song_pass_untouched(tmp_path: Path) -> None:
    stems, mix = named()
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=Audio(mix, RATE))
    assert result.notices == ()
    assert result.left_over_db < -120
    assert all(check.passed for check in result.checks)
    for stem, samples in read(result).items():
        np.testing.assert_allclose(samples, stems[f"{stem}.wav"], atol=1e-6)


def test_without_a_song_it_is_the_sum(tmp_path: Path) -> None:
    stems, mix = named()
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out")
    np.testing.assert_allclose(np.sum(list(read(result).values()), axis=0), mix, atol=1e-6)


def test_roles_by_synonym_and_several_files_of_one_role(tmp_path: Path) -> None:
    part = {
        name: noise(0.5, sample_rate=RATE, channels=2, seed=i).samples for i, name in enumerate("abcdefg")
    }
    files = {
        "lead vox.wav": part["a"], "BVs/x": part["b"], "kick.wav": part["c"], "snare.wav": part["d"],
        "808.wav": part["e"], "strings.wav": part["f"], "piano.wav": part["g"],
    }  # fmt: skip
    files["bv 2.wav"] = files.pop("BVs/x")
    result = stems_from_folder(write(tmp_path / "in", files), into=tmp_path / "out")
    found = read(result)
    assert [str(stem) for stem in found] == ["vocals", "drums", "bass", "other"]
    np.testing.assert_allclose(found[SongStem.VOCALS], part["a"] + part["b"], atol=1e-6)
    np.testing.assert_allclose(found[SongStem.DRUMS], part["c"] + part["d"], atol=1e-6)
    np.testing.assert_allclose(found[SongStem.BASS], part["e"], atol=1e-6)
    np.testing.assert_allclose(found[SongStem.OTHER], part["f"] + part["g"], atol=1e-6)


def test_guitars_and_keys_stay_apart_only_together(tmp_path: Path) -> None:
    stems, _ = named(seconds=1.0)
    files = {**stems, "guitar.wav": stems["other.wav"] * 2, "piano.wav": stems["other.wav"] * 3}
    result = stems_from_folder(write(tmp_path / "in", files), into=tmp_path / "out")
    assert [str(stem) for stem in result.stems] == ["vocals", "drums", "bass", "other", "guitars", "keys"]
    np.testing.assert_allclose(read(result)[SongStem.KEYS], stems["other.wav"] * 3, atol=1e-6)


def test_missing_stems_are_silent_and_told(tmp_path: Path) -> None:
    stems, mix = named()
    del stems["bass.wav"], stems["drums.wav"]
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=Audio(mix, RATE))
    found = read(result)
    assert "no stem for drums, bass" in texts(result)
    assert not found[SongStem.BASS].any()
    np.testing.assert_allclose(np.sum(list(found.values()), axis=0), mix, atol=1e-5)
    assert result.left_over_db > -10
    assert not result.checks[1].passed  # what is left over is much, and that is said


@pytest.mark.parametrize("rate", [8_000, 48_000, 96_000])
def test_other_rates_and_mono_are_converted_and_told(tmp_path: Path, rate: int) -> None:
    t = np.arange(2 * rate) / rate
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[np.newaxis]
    folder = write(tmp_path / "in", {"vocals.wav": tone}, rate=rate)
    result = stems_from_folder(folder, into=tmp_path / "out")
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    found = read(result)[SongStem.VOCALS]
    assert result.frames == 2 * RATE
    assert f"{rate} Hz to 44100 Hz, mono to stereo" in texts(result)
    np.testing.assert_allclose(found[:, 2000:-2000], np.tile(expected[2000:-2000], (2, 1)), atol=1e-3)


def test_short_stems_are_filled_up_and_long_ones_cut(tmp_path: Path) -> None:
    stems, mix = named()
    stems["vocals.wav"] = stems["vocals.wav"][:, : 3 * RATE]
    stems["drums.wav"] = np.pad(stems["drums.wav"], ((0, 0), (0, 777)))
    song = Audio(mix[:, : 4 * RATE], RATE)
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=song)
    assert result.frames == song.frames
    assert "vocals.wav is 44100 frames" in texts(result)
    assert "drums.wav is 777 frames" in texts(result)
    assert not read(result)[SongStem.VOCALS][:, 3 * RATE :].any()
    np.testing.assert_allclose(np.sum(list(read(result).values()), axis=0), song.samples, atol=1e-6)


@pytest.mark.parametrize(("delay", "gain"), [(1105, 1.0), (-1105, 1.0), (0, 2.0), (300, 0.5)])
def test_stems_are_laid_on_the_song_by_one_offset_and_gain(tmp_path: Path, delay: int, gain: float) -> None:
    stems, mix = named()
    song = np.roll(mix, delay, axis=1) * np.float32(gain)
    song[:, : max(delay, 0)] = 0
    if delay < 0:
        song[:, delay:] = 0
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=Audio(song, RATE))
    inner = slice(3000, -3000)
    for stem, samples in read(result).items():
        expected = np.roll(stems[f"{stem}.wav"], delay, axis=1) * gain
        np.testing.assert_allclose(samples[:, inner], expected[:, inner], atol=2e-3)
    assert ("moved" in texts(result)) == (delay != 0)
    assert ("level by" in texts(result)) == (gain != 1.0)


def test_a_true_residual_goes_to_other_and_is_measured(tmp_path: Path) -> None:
    stems, mix = named()
    extra = (0.1 * np.sqrt(np.mean(mix**2)) * rng(3).standard_normal(mix.shape)).astype(np.float32)
    song = Audio(mix + extra, RATE)
    result = stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=song)
    assert result.left_over_db == pytest.approx(-20.0, abs=0.1)
    assert si_sdr_db(read(result)[SongStem.OTHER], stems["other.wav"] + extra) > 60


def test_stems_of_another_song_are_an_error_and_leave_nothing(tmp_path: Path) -> None:
    stems, _ = named(1)
    _, other = named(2)
    with pytest.raises(InputError, match="don't belong to the song"):
        stems_from_folder(write(tmp_path / "in", stems), into=tmp_path / "out", song=Audio(other, RATE))
    del stems["bass.wav"]
    with pytest.raises(InputError, match="don't belong to the song"):
        stems_from_folder(write(tmp_path / "in2", stems), into=tmp_path / "out", song=Audio(other, RATE))
    assert not (tmp_path / "out").exists()


def test_mixes_in_the_folder_are_no_stems(tmp_path: Path) -> None:
    stems, mix = named()
    folder = write(tmp_path / "in", {**stems, "mix.wav": mix, "Master.wav": mix})
    result = stems_from_folder(folder, into=tmp_path / "out", song=Audio(mix, RATE))
    assert "Master.wav, mix.wav" in texts(result)
    assert result.left_over_db < -120


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "No audio file"),
        ({"vocals.wav": np.zeros((2, 900), np.float32)}, "silent"),
        ({"vocals.wav": np.ones((6, 900), np.float32)}, "6 channels"),
    ],
)
def test_folders_that_hold_no_stems(tmp_path: Path, files: dict[str, Samples], words: str) -> None:
    folder = write(tmp_path / "in", files)
    with pytest.raises(InputError, match=words):
        stems_from_folder(folder, into=tmp_path / "out", song=noise(1.0, sample_rate=RATE, channels=2))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        stems_from_folder(tmp_path / "none", into=tmp_path / "out")


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    stems, mix = named(seconds=8.0)

    def stop(fraction: float) -> None:
        if fraction > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stems_from_folder(
            write(tmp_path / "in", stems), into=tmp_path / "out", song=Audio(mix, RATE), watch=stop
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_real_stems_of_different_lengths(tmp_path: Path) -> None:
    result = stems_from_folder(corpus("stems", "dev_mdn_multitrack"), into=tmp_path)
    found = read(result)
    assert "no stem for vocals" in texts(result)
    assert "bassguitar.mp3 is" in texts(result)
    assert {samples.shape[1] for samples in found.values()} == {result.frames}
    assert result.levels_db[SongStem.BASS] > -20


def test_real_stems_lie_on_their_song(tmp_path: Path) -> None:
    folder = corpus("stems", "dev_se_francium")
    mix = read_audio(folder / "mix.flac")
    song = np.ascontiguousarray(resample(mix.samples.T, mix.sample_rate, RATE).T)
    result = stems_from_folder(folder, into=tmp_path, song=Audio(song, RATE))
    assert result.left_over_db < -60
    assert "mix.flac" in texts(result)

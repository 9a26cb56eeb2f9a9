from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from media import MAKERS
from signals import sine
from stemwright.audio import Blocks, Samples
from stemwright.dsp.resample import resampled_frames
from stemwright.errors import InputError, RefusedError
from stemwright.io.decode import decode_to, readable_as_is
from stemwright.io.limits import ReadLimits
from stemwright.io.reader import read_audio
from stemwright.io.writer import write_audio


def put(path: Path, *, sample_rate: int = 44_100, channels: int = 2) -> Path:
    audio = sine(440, 1.0, sample_rate=sample_rate, channels=channels)
    write_audio(path, [audio.samples], sample_rate=sample_rate, channels=channels)
    return path


def test_what_fits_is_passed_on_bit_for_bit(tmp_path: Path) -> None:
    path = put(tmp_path / "a.wav")
    done = decode_to(path, tmp_path / "b.wav", sample_rate=44_100)
    assert done.notices == ()
    assert (done.sample_rate, done.channels, done.frames) == (44_100, 2, 44_100)
    np.testing.assert_array_equal(read_audio(done.path).samples, read_audio(path).samples)


def test_every_change_is_told_in_plain_words(tmp_path: Path) -> None:
    done = decode_to(put(tmp_path / "a.mp3"), tmp_path / "b.wav", sample_rate=48_000, channels=1)
    assert [notice.text for notice in done.notices] == [
        "a.mp3 was resampled from 44100 Hz to 48000 Hz.",
        "a.mp3: stereo became mono: the mean of both channels.",
    ]
    audio = read_audio(done.path)
    assert (audio.frames, audio.channels) == (done.frames, 1)
    assert done.frames == resampled_frames(44_100, from_hz=44_100, to_hz=48_000) == 48_000
    error = audio.samples[0] - sine(440, 1.0).samples[0]
    assert np.abs(error[4_800:-4_800]).max() < 0.003


@pytest.mark.parametrize("name", MAKERS)
def test_any_format_comes_to_the_session(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name, sine(440, 0.5, sample_rate=48_000, channels=2))
    done = decode_to(tmp_path / name, tmp_path / "session.wav", sample_rate=44_100)
    audio = read_audio(done.path)
    assert audio.frames == resampled_frames(done.source.frames, from_hz=48_000, to_hz=44_100)
    assert np.sqrt((audio.samples[:, 4_000:18_000] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_faults_and_streams_of_the_file_are_told(tmp_path: Path) -> None:
    path = put(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:-1_000])
    done = decode_to(path, tmp_path / "b.wav", sample_rate=44_100)
    assert ["before its header says" in notice.text for notice in done.notices] == [True]
    MAKERS["stem.mp4"](tmp_path / "c.mp4", sine(440, 0.5, channels=2))
    done = decode_to(tmp_path / "c.mp4", tmp_path / "d.wav", sample_rate=48_000, stream=1)
    assert [notice.text for notice in done.notices] == ["c.mp4 holds 3 audio streams; stream 1 was taken."]


def test_progress_sees_every_frame(tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(blocks: Blocks, frames: int) -> Iterator[Samples]:
        seen.append(-frames)
        for block in blocks:
            seen.append(block.shape[1])
            yield block

    decode_to(put(tmp_path / "a.wav"), tmp_path / "b.wav", sample_rate=48_000, watch=watch)
    assert sum(seen) == 0
    assert seen[0] == -48_000


def test_nothing_stays_of_what_fails(tmp_path: Path) -> None:
    path = put(tmp_path / "a.wav", channels=3)
    with pytest.raises(InputError, match="3 channels don't become 2"):
        decode_to(path, tmp_path / "b.wav", sample_rate=48_000, channels=2)
    with pytest.raises(RefusedError):
        decode_to(path, tmp_path / "b.wav", sample_rate=48_000, limits=ReadLimits(max_duration_s=0.1))
    with pytest.raises(RefusedError, match="exists already"):
        decode_to(path, path, sample_rate=48_000)
    assert [found.name for found in tmp_path.iterdir()] == ["a.wav"]


def test_only_whole_uncompressed_files_at_the_rate_are_read_where_they_are(tmp_path: Path) -> None:
    wav, mp3 = put(tmp_path / "a.wav"), put(tmp_path / "a.mp3")
    assert readable_as_is(wav, sample_rate=44_100)
    assert not readable_as_is(wav, sample_rate=48_000)
    assert not readable_as_is(mp3, sample_rate=44_100)
    wav.write_bytes(wav.read_bytes()[:-1_000])
    assert not readable_as_is(wav, sample_rate=44_100)

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import MAKERS, libsndfile, ours, pyav
from signals import corpus, noise, rng, sine
from stemwright.audio import Audio, iter_blocks
from stemwright.errors import RefusedError, StemwrightError, StorageError, UnreadableError
from stemwright.io.limits import ReadLimits
from stemwright.io.reader import AudioFile, count_nonfinite, open_audio, read_audio

RATE = 48_000
FRAMES = 40_003  # a prime number: no codec's frame divides it
LOSSLESS_ERROR = {
    "pcm16.wav": 1.5 * 2**-15, "pcm24.wav": 1.5 * 2**-23, "float.wav": 0.0, "pcm8.wav": 2**-7,
    "pcm32.wav": 2**-24, "double.wav": 0.0, "rf64.wav": 2**-23, "w64.w64": 2**-15,
    "aiff.aiff": 2**-23, "caf.caf": 0.0, "au.au": 2**-15, "flac.flac": 1.5 * 2**-23, "alac.m4a": 2**-23,
}  # fmt: skip
GAPLESS = [
    *LOSSLESS_ERROR,
    "alaw.wav",
    "vorbis.ogg",
    "mp3.mp3",
    "aac.m4a",
    "opus.opus",
    "opus.webm",
    "stem.mp4",
]
# these containers do not say how much of the first and last codec frame is padding
PADDED = {
    "aac.mkv": 2_048, "adts.aac": 2_048, "aac.ts": 2_048, "ac3.ac3": 1_792,
    "wma.wma": 4_096, "ima.wav": 2_048, "ms.wav": 2_048,
}  # fmt: skip


def chirp(frames: int = FRAMES, channels: int = 2) -> Audio:
    """A sweep, other in each channel: no lag or swap goes unseen."""
    t = np.arange(frames) / RATE
    waves = [0.4 * np.sin(2 * np.pi * (200 * (c + 1) + 900 * t) * t) for c in range(channels)]
    return Audio(np.array(waves, np.float32), RATE)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for name, make in MAKERS.items():
        make(folder / name, chirp())
    return folder


def lag(found: Audio, truth: Audio, most: int = 2_500) -> int:
    """Frames by which `found` comes late."""
    part = truth.samples[0, 8_000:20_000]
    scores = [found.samples[0, 8_000 + k : 20_000 + k] @ part for k in range(-most, most)]
    return int(np.argmax(scores)) - most


def test_every_format_of_the_table_is_tested() -> None:
    assert set(GAPLESS) | set(PADDED) == set(MAKERS)


@pytest.mark.parametrize("name", GAPLESS)
def test_length_and_position_are_exact(media: Path, name: str) -> None:
    with open_audio(media / name) as file:
        assert (file.frames, file.channels, file.sample_rate) == (FRAMES, 2, RATE)
        audio = Audio(file.read(0, FRAMES), RATE)
        assert file.read(FRAMES, 1).shape == (2, 0)
    assert lag(audio, chirp()) == 0
    for found, truth in zip(audio.samples, chirp().samples, strict=True):  # channels are not swapped
        assert np.corrcoef(found[8_000:20_000], truth[8_000:20_000])[0, 1] > 0.9


@pytest.mark.parametrize(("name", "most"), LOSSLESS_ERROR.items())
def test_lossless_formats_keep_the_samples(media: Path, name: str, most: float) -> None:
    assert np.abs(read_audio(media / name).samples - chirp().samples).max() <= most


@pytest.mark.parametrize(("name", "most"), PADDED.items())
def test_containers_that_do_not_say_are_padded_by_two_codec_frames_at_most(
    media: Path, name: str, most: int
) -> None:
    audio = read_audio(media / name)
    assert abs(audio.frames - FRAMES) <= most
    assert abs(lag(audio, chirp())) <= 2_048


@pytest.mark.parametrize("name", MAKERS)
def test_whole_files_have_nothing_to_be_told(media: Path, name: str) -> None:
    with open_audio(media / name) as file:
        assert not file.info.truncated
        assert file.info.notes == ()
        assert file.info.lossy == (name not in LOSSLESS_ERROR)


@pytest.mark.parametrize("name", MAKERS)
def test_content_decides_not_the_name(media: Path, tmp_path: Path, name: str) -> None:
    disguised = tmp_path / "song.txt"
    disguised.write_bytes((media / name).read_bytes())
    with open_audio(disguised) as found, open_audio(media / name) as truth:
        assert found.info.container == truth.info.container
        assert found.frames == truth.frames


@pytest.mark.parametrize("name", ["pcm24.wav", "flac.flac", "mp3.mp3", "opus.opus", "ima.wav", "aac.m4a"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, FRAMES + 10), frames=st.integers(0, FRAMES + 10))
def test_any_part_is_that_part_of_the_whole(media: Path, name: str, start: int, frames: int) -> None:
    whole = read_audio(media / name).samples
    with open_audio(media / name) as file:
        file.read(17, 1_000)  # leaves the decoder somewhere
        np.testing.assert_array_equal(file.read(start, frames), whole[:, start : start + frames])


@pytest.mark.parametrize("name", ["float.wav", "flac.flac", "mp3.mp3"])
def test_threads_may_share_a_file(media: Path, name: str) -> None:
    whole = read_audio(media / name).samples
    wrong: list[int] = []

    def reader(seed: int) -> None:
        starts = rng(seed).integers(0, FRAMES, 60).tolist()
        wrong.extend(s for s in starts if not np.array_equal(file.read(s, 777), whole[:, s : s + 777]))

    with open_audio(media / name) as file:
        threads = [threading.Thread(target=reader, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_streams_of_a_container_are_listed_and_chosen(media: Path) -> None:
    peaks = []
    for stream in range(3):
        with open_audio(media / "stem.mp4", stream=stream) as file:
            assert [s.codec for s in file.info.streams] == ["AAC"] * 3
            assert file.info.stream == stream
            assert file.frames == FRAMES
            peaks.append(float(np.abs(file.read(8_000, 20_000)).max()))
    np.testing.assert_allclose(peaks, [0.4, 0.2, 0.4 / 3], rtol=0.1)
    with pytest.raises(UnreadableError, match=r"has no audio stream 3; it has 3"):
        open_audio(media / "stem.mp4", stream=3)


def test_ni_stem_file_of_the_corpus() -> None:
    path = corpus("stems", "dev_stem_mp4", "falcon69.stem.mp4")
    streams = [read_audio(path, stream=number) for number in range(5)]
    assert {audio.frames for audio in streams} == {streams[0].frames}
    mix, *stems = (audio.samples for audio in streams)
    assert np.corrcoef(mix[0], np.sum(stems, axis=0)[0])[0, 1] > 0.95


@pytest.mark.parametrize(
    "name", ["concat:a.wav", "%03d.wav", "-x.wav", "pipe:0", "-", "http:x.mp3", "a|b.m4a"]
)
@pytest.mark.parametrize("make", [ours(), pyav("ipod", "aac")], ids=["libsndfile", "ffmpeg"])
def test_names_that_libraries_would_follow_are_just_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path, Audio], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "plain.wav", chirp(9_600))
    Path("plain.wav").rename(name)
    assert read_audio(name).frames == 9_600


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nreal.wav\n",
    "concat": "ffconcat version 1.0\nfile real.wav\n",
    "bare concat": "file 'real.wav'\nfile 'real.wav'\n",
    "PLS": "[playlist]\nFile1=real.wav\nNumberOfEntries=1\n",
    "cue": 'PERFORMER "x"\nFILE "real.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "SMIL": '<smil><body><audio src="real.wav"/></body></smil>',
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "ASX": '<asx version="3.0"><entry><ref href="real.wav"/></entry></asx>',
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "XSPF": '<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"></playlist>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_refused_whatever_they_are_called(tmp_path: Path, kind: str) -> None:
    ours()(tmp_path / "real.wav", chirp(9_600))
    path = tmp_path / "song.wav"
    path.write_text(PLAYLISTS[kind])
    with pytest.raises(RefusedError, match=r"song\.wav is .*points at other files"):
        open_audio(path)


NOT_AUDIO: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"take this to the bridge\n" * 9, "is text, not audio"),
    "utf16": ("hello".encode("utf-16"), "is text"),
    "html": (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
    "json": (b'{"error": "quota"}', "is JSON"),
    "xml": (b"<?xml version='1.0'?><a/>", "is XML"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG image"),
    "elf": (b"\x7fELF" + bytes(99), "a program"),
    "midi": (b"MThd" + bytes(99), "MIDI"),
    "zip": (b"PK\x03\x04" + bytes(99), "ZIP"),
    "zeros": (bytes(5_000), "not audio in a format that is known"),
    "noise": (rng(3).bytes(5_000), "not audio in a format that is known"),
    "tag only": (b"ID3\x04\0\0\x0f\x7f\x7f\x7f" + bytes(99), "a tag of .* bytes and has only"),
}


@pytest.mark.parametrize("kind", NOT_AUDIO)
def test_what_is_not_audio_is_told_in_one_sentence(tmp_path: Path, kind: str) -> None:
    content, said = NOT_AUDIO[kind]
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=said) as caught:
        open_audio(path)
    assert "song.wav" in str(caught.value)
    assert caught.value.way_out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX file kinds")
def test_folders_pipes_devices_and_loops_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere.wav")
    cases = {
        tmp_path: "is a folder", tmp_path / "fifo.wav": "a pipe or device",
        Path("/dev/zero"): "a pipe or device",
        tmp_path / "loop.wav": "can't be opened", tmp_path / "gone.wav": "does not exist",
        tmp_path / "missing.wav": "does not exist", tmp_path / ("x" * 300): "can't be opened",
        Path("nul\0.wav"): "can't be opened",
    }  # fmt: skip
    for path, said in cases.items():
        with pytest.raises(UnreadableError, match=said):
            open_audio(path)


def lying(path: Path, **fields: int) -> Path:
    """A WAV whose format chunk lies: rate, channels, data (size)."""
    ours("PCM_16")(path, chirp(4_800))
    data = bytearray(path.read_bytes())
    fmt, body = data.find(b"fmt ") + 8, data.find(b"data") + 4
    places = {"channels": (fmt + 2, 2), "rate": (fmt + 4, 4), "data": (body, 4)}
    for field, value in fields.items():
        offset, width = places[field]
        data[offset : offset + width] = value.to_bytes(width, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "lie",
    [
        {"rate": 0},
        {"rate": 10_000_000},
        {"rate": 999},
        {"channels": 0},
        {"channels": 65},
        {"channels": 65_535},
    ],
)
def test_impossible_headers_are_refused(tmp_path: Path, lie: dict[str, int]) -> None:
    with pytest.raises(UnreadableError):
        open_audio(lying(tmp_path / "a.wav", **lie))


def test_a_data_size_that_lies_is_told(tmp_path: Path) -> None:
    with open_audio(lying(tmp_path / "a.wav", data=1_000_000)) as file:
        assert file.frames == 4_800
        assert file.info.truncated
        assert "before its header says" in file.info.notes[0]


@pytest.mark.parametrize("unfinished", [0, 0xFFFF_FFFF])
def test_a_recording_that_was_never_finished_is_read(tmp_path: Path, unfinished: int) -> None:
    audio = read_audio(lying(tmp_path / "a.wav", data=unfinished))
    assert audio.frames == 4_800
    assert np.abs(audio.samples - chirp(4_800).samples).max() < 2**-14


CAN_BE_CUT = [
    "pcm16.wav", "float.wav", "aiff.aiff", "caf.caf", "au.au", "rf64.wav", "w64.w64", "flac.flac", "mp3.mp3",
    "opus.webm",
]  # fmt: skip


@pytest.mark.parametrize("name", CAN_BE_CUT)
def test_a_file_that_was_cut_says_so(media: Path, tmp_path: Path, name: str) -> None:
    content = (media / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) * 2 // 3])
    with open_audio(path) as file:
        assert 0 < file.frames < FRAMES
        assert file.info.truncated
        assert file.info.notes
        assert sum(block.shape[1] for block in iter_blocks(file)) == file.frames


def test_an_ogg_without_its_last_page_says_so(tmp_path: Path) -> None:
    ours()(tmp_path / "a.ogg", noise(3.0))
    content = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(content[: content.rfind(b"OggS")])
    with open_audio(tmp_path / "a.ogg") as whole, open_audio(tmp_path / "b.ogg") as cut:
        assert (whole.info.truncated, cut.info.truncated) == (False, True)
        assert cut.frames < whole.frames == 3 * RATE


def test_a_damaged_flac_is_told_where(media: Path, tmp_path: Path) -> None:
    data = bytearray((media / "flac.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    with open_audio(path) as file, pytest.raises(UnreadableError, match=r"a\.flac is damaged at 0:00\."):
        file.read(0, file.frames)


def silent_flac(path: Path, minutes: int) -> Path:
    with sf.SoundFile(path, "w", 8_000, 1, subtype="PCM_16", format="FLAC") as file:
        for _ in range(minutes):
            file.write(np.zeros(480_000, np.int16))
    return path


def test_hours_of_silence_are_refused_by_length_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = silent_flac(tmp_path / "a.flac", 7 * 60)
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(AudioFile, "read", None)
    with pytest.raises(RefusedError, match=r"7:00:00\.0 long; up to 6:00:00\.0"):
        open_audio(path)
    open_audio(path, limits=ReadLimits(max_duration_s=8 * 3_600)).close()


@pytest.mark.parametrize("name", ["mp3.mp3", "vorbis.ogg", "aac.m4a", "opus.webm", "adts.aac"])
def test_limits_hold_for_decoded_formats(media: Path, name: str) -> None:
    with pytest.raises(RefusedError, match="is opened"):
        open_audio(media / name, limits=ReadLimits(max_duration_s=0.5))
    with pytest.raises(RefusedError, match="when decoded"):
        open_audio(media / name, limits=ReadLimits(max_decoded_bytes=200_000))
    with pytest.raises(UnreadableError, match="channels"):
        open_audio(media / name, limits=ReadLimits(max_channels=1))


def test_decoded_audio_leaves_no_file_behind(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_audio(media / "mp3.mp3") as file:
        file.read(0, 10)
        if os.name == "posix":  # nameless while it is open, so a crash leaves nothing either
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_full_temporary_disk_is_told_before_decoding(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(StorageError, match="set TMPDIR"):
        open_audio(media / "aac.m4a")
    open_audio(media / "float.wav").close()  # read in place: needs no room


def test_nan_and_infinity_are_passed_on_and_counted(tmp_path: Path) -> None:
    samples = chirp(5_000).samples.copy()
    samples[0, 100], samples[1, 4_999], samples[1, 7] = np.nan, np.inf, -np.inf
    ours()(tmp_path / "a.wav", Audio(samples, RATE))
    with open_audio(tmp_path / "a.wav") as file:
        np.testing.assert_array_equal(file.read(0, 5_000), samples)
        assert count_nonfinite(file) == 3
    assert count_nonfinite(chirp()) == 0


def test_tags_are_bounded_plain_text(tmp_path: Path) -> None:
    hostile = "<b>\x1b[31m../../etc\u202e\x00passwd\n" + "x" * 5_000
    with sf.SoundFile(tmp_path / "a.flac", "w", RATE, 1, subtype="PCM_16", format="FLAC") as file:
        file.title, file.artist = hostile, "Mötley 日本"
        file.write(np.zeros(4_800))
    with open_audio(tmp_path / "a.flac") as audio:
        tags = dict(audio.info.tags)
    assert tags["artist"] == "Mötley 日本"
    assert tags["title"].startswith("<b>[31m../../etc")  # text: whoever shows it escapes it
    assert len(tags["title"]) <= 500
    assert tags["title"].isprintable()


def test_bits_are_those_of_the_format(media: Path) -> None:
    found = {}
    for name in ("pcm8.wav", "pcm16.wav", "pcm24.wav", "flac.flac", "float.wav", "mp3.mp3"):
        with open_audio(media / name) as file:
            found[name] = file.info.bits
    assert list(found.values()) == [8, 16, 24, 24, 32, None]


def test_junk_before_mpeg_audio_is_passed_over(media: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(rng(5).bytes(4_000) + (media / "mp3.mp3").read_bytes())
    with open_audio(path) as file:
        assert file.info.container == "MP3"
        assert abs(file.frames - FRAMES) <= 2_304


def test_a_change_of_rate_in_the_middle_is_refused(tmp_path: Path) -> None:
    ours()(tmp_path / "a.mp3", noise(0.5, sample_rate=48_000))
    ours()(tmp_path / "b.mp3", noise(0.5, sample_rate=44_100))
    both = (tmp_path / "a.mp3").read_bytes() + (tmp_path / "b.mp3").read_bytes()
    (tmp_path / "c.mp3").write_bytes(both)
    with pytest.raises(UnreadableError, match=r"changes from \d+ Hz, 1 channels to \d+ Hz"):
        open_audio(tmp_path / "c.mp3")


def test_video_without_sound_is_told(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        file.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(UnreadableError, match="holds no audio stream"):
        open_audio(tmp_path / "a.mp4")


def test_an_open_file_can_be_given(media: Path) -> None:
    for name in ("float.wav", "flac.flac", "mp3.mp3"):
        with open_audio("inside.zip/x", file=(media / name).open("rb")) as file:
            np.testing.assert_array_equal(file.read(0, FRAMES), read_audio(media / name).samples)


def test_wav_from_another_writer_reads_the_same(tmp_path: Path) -> None:
    audio = sine(440, 0.2, channels=6)
    libsndfile("WAVEX", "PCM_24")(tmp_path / "a.wav", audio)
    assert np.abs(read_audio(tmp_path / "a.wav").samples - audio.samples).max() <= 2**-23


@pytest.mark.slow
def test_a_long_file_is_opened_and_read_without_growing(tmp_path: Path) -> None:
    import resource

    path = silent_flac(tmp_path / "a.flac", 3 * 60)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_audio(path) as file:
        assert sum(block.shape[1] for block in iter_blocks(file)) == 3 * 3_600 * 8_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_every_refusal_is_an_error_of_ours() -> None:
    assert issubclass(UnreadableError, StemwrightError)
    assert UnreadableError.exit_code == RefusedError.exit_code == StorageError.exit_code == 2

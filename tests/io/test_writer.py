from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

import stemwright.io.wave as wave_encoder
from signals import noise, sine
from stemwright.audio import Samples
from stemwright.errors import InputError, InternalError, RefusedError, StemwrightError, StorageError
from stemwright.io.reader import open_audio, read_audio
from stemwright.io.writer import AudioWriter, write_audio, write_mp3

RATE = 48_000
Wide = npt.NDArray[np.int64]
KINDS = [
    ("a.wav", "FLOAT"), ("a.wav", "PCM_24"), ("a.wav", "PCM_16"), ("a.flac", "PCM_24"), ("a.flac", "PCM_16"),
    ("a.mp3", "FLOAT"), ("a.ogg", "FLOAT"),
]  # fmt: skip


def put(
    path: Path, samples: Samples, *, subtype: str = "FLOAT", cuts: tuple[int, ...] = (), **more: object
) -> Path:
    blocks = np.split(samples, sorted(cuts), axis=1)
    write_audio(
        path, blocks, sample_rate=RATE, channels=len(samples), subtype=subtype, overwrite=True, **more  # type: ignore[arg-type]
    )  # fmt: skip
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def integers(path: Path) -> Wide:
    """Read PCM WAV with Python's own module: nothing of ours, nothing of libsndfile."""
    with wave.open(str(path)) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, width).astype(np.int64)
    values = np.zeros(len(raw), np.int64)
    for byte in range(width):
        values += raw[:, byte] << (8 * byte)
    signed: Wide = (values - ((values >> (8 * width - 1)) << (8 * width))).reshape(-1, channels).T
    return signed


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_24", 24), ("PCM_16", 16)])
def test_full_scale_is_full_scale(tmp_path: Path, subtype: str, bits: int) -> None:
    """A quarter, half and whole of full scale, as integers; int32 written unscaled would be 48 dB down."""
    samples = np.array([[0.25, -0.5, -1.0, 0.0, 2.0 ** (1 - bits)]], np.float32)
    wanted = [2 ** (bits - 3), -(2 ** (bits - 2)), -(2 ** (bits - 1)), 0, 1]
    assert integers(put(tmp_path / "a.wav", samples, subtype=subtype))[0].tolist() == wanted
    found, _ = sf.read(put(tmp_path / "a.flac", samples, subtype=subtype), dtype="int32")
    assert (found >> (32 - bits)).tolist() == wanted


def test_float_is_never_altered(tmp_path: Path) -> None:
    samples = noise(0.1, channels=3).samples.copy()
    samples[0, :5] = [np.nan, np.inf, 7.5, 1e-42, -0.0]
    path = put(tmp_path / "a.wav", samples)
    found, rate = sf.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    assert found.T.tobytes() == samples.tobytes()
    assert read_audio(path).samples.tobytes() == samples.tobytes()


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_24", "PCM_16"])
def test_other_readers_agree(tmp_path: Path, subtype: str, channels: int) -> None:
    import av

    samples = noise(0.05, channels=channels).samples[
        :, :-1
    ]  # an odd number of frames: a pad byte for 24 bit mono
    path = put(tmp_path / "a.wav", samples, subtype=subtype, tags={"title": "Odd"})
    info = sf.info(path)
    assert (info.frames, info.channels, info.subtype) == (samples.shape[1], channels, subtype)
    with av.open(str(path)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) == samples.shape[1]
    np.testing.assert_allclose(read_audio(path).samples, samples, atol=2**-14)
    size = int.from_bytes(path.read_bytes()[4:8], "little")
    assert size == path.stat().st_size - 8
    assert path.stat().st_size % 2 == 0


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(st.integers(-(2**23), 2**23 - 1), min_size=1, max_size=300),
    bits=st.sampled_from([16, 24]),
)
def test_pcm_that_is_read_and_written_again_is_bit_exact(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], bits: int
) -> None:
    folder = tmp_path_factory.mktemp("grid")
    steps = np.array([values], np.int64) >> (24 - bits)
    first = put(folder / "a.wav", (steps / 2 ** (bits - 1)).astype(np.float32), subtype=f"PCM_{bits}")
    np.testing.assert_array_equal(integers(first), steps)
    again = put(folder / "b.wav", read_audio(first).samples, subtype=f"PCM_{bits}")
    assert digest(first) == digest(again)


@pytest.mark.parametrize(("name", "subtype"), KINDS)
def test_same_samples_same_bytes(tmp_path: Path, name: str, subtype: str) -> None:
    samples = noise(0.7, channels=2).samples
    (tmp_path / "other").mkdir()
    tags = {"title": "Überraschung 日本", "artist": "A & B"}
    first = put(tmp_path / name, samples, subtype=subtype, tags=tags)
    again = put(tmp_path / "other" / name, samples, subtype=subtype, tags=tags)
    assert digest(first) == digest(again)
    assert b"PEAK" not in first.read_bytes()[:200]
    with open_audio(first) as file:
        assert {key: dict(file.info.tags)[key] for key in tags} == tags
        assert file.frames == samples.shape[1]


@pytest.mark.parametrize(("name", "subtype"), [kind for kind in KINDS if kind[0] != "a.ogg"])
def test_blocks_do_not_change_the_bytes(tmp_path: Path, name: str, subtype: str) -> None:
    samples = noise(0.7, channels=2).samples
    whole = digest(put(tmp_path / name, samples, subtype=subtype))
    for cuts in ((1,), (8_192, 8_193, 20_000), (33_599,)):
        assert digest(put(tmp_path / name, samples, subtype=subtype, cuts=cuts)) == whole


def test_the_stems_of_a_set_do_not_share_their_dither(tmp_path: Path) -> None:
    samples = sine(100, 1.0, peak=0.01).samples
    errors = [
        integers(put(tmp_path / n, samples, subtype="PCM_16"))[0] / 2**15 - samples[0]
        for n in ("a.wav", "b.wav")
    ]
    assert abs(np.corrcoef(*errors)[0, 1]) < 0.05
    seeded = [put(tmp_path / n, samples, subtype="PCM_16", seed="take 2") for n in ("a.wav", "b.wav")]
    assert digest(seeded[0]) == digest(seeded[1])


def test_dither_is_96_db_down(tmp_path: Path) -> None:
    """TPDF and rounding: Δ²/4, which is −96.3 dBFS at 16 and −144.5 at 24 bits."""
    samples = noise(1.0).samples
    for subtype, level in (("PCM_16", -96.33), ("PCM_24", -144.49)):
        error = (
            integers(put(tmp_path / "a.wav", samples, subtype=subtype)) / 2.0 ** (int(subtype[-2:]) - 1)
            - samples
        )
        assert 10 * np.log10((error**2).mean()) == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize(
    ("name", "subtype", "overs"),
    [("a.wav", "FLOAT", 0), ("a.wav", "PCM_24", 2), ("a.flac", "PCM_16", 2), ("a.mp3", "FLOAT", 2)],
)
def test_overs_are_counted(tmp_path: Path, name: str, subtype: str, overs: int) -> None:
    samples = sine(100, 0.1, peak=0.9).samples.copy()
    samples[0, [100, 3_000]] = [1.2, -1.3]
    with AudioWriter(tmp_path / name, sample_rate=RATE, channels=1, subtype=subtype) as writer:
        writer.write(samples)
    assert writer.overs == overs


@pytest.mark.parametrize(("name", "subtype"), KINDS[1:])
def test_nan_can_not_be_written_as_numbers(tmp_path: Path, name: str, subtype: str) -> None:
    samples = noise(0.1).samples.copy()
    samples[0, 99] = np.nan
    with pytest.raises(InputError, match="NaN"):
        put(tmp_path / name, samples, subtype=subtype)
    assert list(tmp_path.iterdir()) == []


class StopError(Exception):
    pass


def broken(error: BaseException) -> Iterator[Samples]:
    yield noise(1.0, channels=2).samples
    raise error


@pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize(("name", "subtype"), KINDS)
def test_nothing_stays_of_a_file_that_was_not_finished(
    tmp_path: Path, name: str, subtype: str, error: BaseException
) -> None:
    (tmp_path / name).write_bytes(b"what was there")
    with pytest.raises(type(error)):
        write_audio(
            tmp_path / name, broken(error), sample_rate=RATE, channels=2, subtype=subtype, overwrite=True
        )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"what was there"


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"precious")
    with pytest.raises(RefusedError, match="exists already"):
        write_audio(path, [noise(0.1).samples], sample_rate=RATE, channels=1)
    assert path.read_bytes() == b"precious"

    def meanwhile() -> Iterator[Samples]:
        yield noise(0.1).samples
        (tmp_path / "b.wav").write_bytes(b"came meanwhile")

    with pytest.raises(RefusedError):
        write_audio(tmp_path / "b.wav", meanwhile(), sample_rate=RATE, channels=1)
    assert (tmp_path / "b.wav").read_bytes() == b"came meanwhile"


def test_the_final_name_is_free_until_the_end(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav", sample_rate=RATE, channels=1) as writer:
        writer.write(noise(0.1).samples)
        assert not (tmp_path / "a.wav").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_places_that_can_not_be_written_say_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").write_bytes(b"")
    places = {
        tmp_path / "missing" / "a.wav": "folder does not exist",
        tmp_path / "folder.wav": "a folder of that name",
        tmp_path / "file" / "a.wav": "folder is a file", tmp_path / ("x" * 300 + ".wav"): "name is too long",
    }  # fmt: skip
    for path, said in places.items():
        with pytest.raises(StorageError, match=said) as caught:
            put(path, noise(0.1).samples)
        assert caught.value.way_out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.wav"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who can be denied")
def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="may not write"):
        put(tmp_path / "a.wav", noise(0.1).samples)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from stemwright.errors import StorageError
from stemwright.io.writer import write_audio
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 200_000)).astype(np.float32)
kinds = {"a.wav": "FLOAT", "b.wav": "PCM_24", "a.flac": "PCM_24", "a.mp3": "FLOAT", "a.ogg": "FLOAT"}
for name, subtype in kinds.items():
    try:
        write_audio(Path(sys.argv[1], name), [samples], sample_rate=48000, channels=2, subtype=subtype)
    except StorageError as error:
        print(name, error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits file sizes the POSIX way")
def test_a_disk_that_takes_no_more_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.count("can't be written: the file grew beyond") == 5
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_room_is_asked_for_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="MiB and the disk has"):
        AudioWriter(tmp_path / "a.wav", sample_rate=RATE, channels=2, frames=2**55)
    with pytest.raises(InternalError, match="was to get 10 frames and got 4800"):
        put(tmp_path / "a.wav", noise(0.1).samples, frames=10)
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_is_refused_with_the_choices(tmp_path: Path) -> None:
    one = noise(0.1).samples
    wrong: list[tuple[str, dict[str, object], str]] = [
        ("a.xyz", {}, r"\.wav, \.flac"), ("a", {}, "no ending"), ("a.flac", {}, "PCM_24 or PCM_16"),
        ("a.wav", {"subtype": "PCM_U8"}, "FLOAT or PCM_24"), ("a.mp3", {"subtype": "PCM_16"}, "takes FLOAT"),
        ("a.wav", {"tags": {"mood": "x"}}, "no tag 'mood'"), ("a.ogg", {"tags": {"a": ""}}, "no tag 'a'"),
    ]  # fmt: skip
    for name, more, said in wrong:
        with pytest.raises(InputError, match=said):
            put(tmp_path / name, one, **more)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="MP3 can't hold 1 channels at 96000 Hz"):
        write_mp3(tmp_path / "a.mp3", [one], sample_rate=96_000, channels=1)
    with pytest.raises(InputError, match="up to 8 channels"):
        put(tmp_path / "a.flac", noise(0.1, channels=9).samples, subtype="PCM_16")
    for block in (one.T, one.astype(np.float64), np.concatenate((one, one))):
        with pytest.raises(InputError, match="takes float32 blocks of 1 channels"):
            write_audio(tmp_path / "a.wav", [block], sample_rate=RATE, channels=1)  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []


def test_mp3_is_320_and_gapless(tmp_path: Path) -> None:
    import av

    samples = sine(440, 2.0, channels=2).samples
    path = tmp_path / "a.mp3"
    write_mp3(path, [samples], sample_rate=RATE, channels=2, tags={"title": "Å" * 60})
    with av.open(str(path)) as file:
        assert file.streams.audio[0].bit_rate == 320_000
        assert file.metadata["title"] == "Å" * 60  # ID3v1 would cut it at 30 bytes
    found = read_audio(path).samples
    assert found.shape == samples.shape
    assert np.abs(found - samples)[:, 2_000:-2_000].max() < 0.005


def test_ogg_pages_are_whole_after_renumbering(tmp_path: Path) -> None:
    path = put(tmp_path / "a.ogg", noise(3.0, channels=2).samples)
    data = path.read_bytes()
    assert data.count(b"OggS") > 5
    found, _ = sf.read(path)  # libogg checks every page's checksum
    assert len(found) == 3 * RATE
    damaged = bytearray(data)
    damaged[data.rfind(b"OggS") + 22] ^= 1
    (tmp_path / "b.ogg").write_bytes(damaged)
    assert len(sf.read(tmp_path / "b.ogg")[0]) < 3 * RATE


def test_rf64_begins_where_32_bits_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(0.5, channels=2).samples
    small = put(tmp_path / "a.wav", samples)
    monkeypatch.setattr(wave_encoder, "RF64_FROM_BYTES", small.stat().st_size)
    large = put(tmp_path / "b.wav", samples)
    assert (small.read_bytes()[:4], large.read_bytes()[:4]) == (b"RIFF", b"RF64")
    assert sf.info(large).format == "RF64"
    for path in (small, large):
        np.testing.assert_array_equal(read_audio(path).samples, samples)
        with open_audio(path) as file:
            assert not file.info.truncated


@pytest.mark.slow
def test_a_file_beyond_4_gib(tmp_path: Path) -> None:
    import shutil

    if shutil.disk_usage(tmp_path).free < 6 * 2**30:
        pytest.skip("no room for 4 GiB")
    block = noise(10.0, channels=8, sample_rate=96_000).samples
    path = tmp_path / "a.wav"
    with AudioWriter(path, sample_rate=96_000, channels=8) as writer:
        for _ in range(141):
            writer.write(block)
    assert path.stat().st_size > 2**32
    with open_audio(path) as file:
        assert file.info.container == "RF64"
        assert file.frames == 141 * block.shape[1]
        np.testing.assert_array_equal(file.read(140 * block.shape[1], 1_000), block[:, :1_000])
    path.unlink()


def test_all_errors_are_ours() -> None:
    assert issubclass(StorageError, StemwrightError)


@pytest.mark.parametrize("frames", [1, 3_000, 200_001])
@pytest.mark.parametrize("rf64", [False, True])
def test_scaling_in_place_gives_the_bytes_of_scaled_samples(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, rf64: bool
) -> None:
    if rf64:
        monkeypatch.setattr(wave_encoder, "RF64_FROM_BYTES", 0)
    samples, gain = noise(5.0, sample_rate=RATE, channels=2).samples[:, :frames], 0.7
    kept = put(tmp_path / "a.wav", samples, tags={"title": "odd"})
    wave_encoder.scale_float_wave(kept, gain)
    wanted = put(tmp_path / "b.wav", samples * np.float32(gain), tags={"title": "odd"})
    assert kept.read_bytes() == wanted.read_bytes()


@pytest.mark.parametrize("kind", ["PCM_16", "flac", "cut"])
def test_only_float_files_of_ours_are_scaled_in_place(kind: str, tmp_path: Path) -> None:
    samples = noise(0.1, sample_rate=RATE, channels=2).samples
    path = put(tmp_path / ("a.flac" if kind == "flac" else "a.wav"), samples, subtype="PCM_16")
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:20])
    before = path.read_bytes()
    with pytest.raises(InternalError):
        wave_encoder.scale_float_wave(path, 0.5)
    assert path.read_bytes() == before

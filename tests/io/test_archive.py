from __future__ import annotations

import hashlib
import io
import os
import pickle
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from signals import noise, rng
from stemwright.audio import Samples
from stemwright.errors import InputError, RefusedError, StemwrightError, UnreadableError
from stemwright.io.archive import ArchiveLimits, extend_zip, open_archive, write_zip
from stemwright.io.limits import ReadLimits
from stemwright.io.probe import probe_zip
from stemwright.io.writer import write_audio


@pytest.fixture
def stems(tmp_path: Path) -> dict[str, Path]:
    files = {}
    for number, name in enumerate(("stems/bass.wav", "stems/drums.flac", "master.mp3")):
        path = tmp_path / Path(name).name
        subtype = "PCM_24" if path.suffix == ".flac" else "FLOAT"
        write_audio(path, [audio(number)], sample_rate=48_000, channels=2, subtype=subtype)
        files[name] = path
    return files


def audio(seed: int) -> Samples:
    return noise(0.3, channels=2, seed=seed).samples


def test_same_files_same_bytes(tmp_path: Path, stems: dict[str, Path]) -> None:
    first, again = tmp_path / "a.zip", tmp_path / "b.zip"
    size = write_zip(first, stems.items())
    for file in stems.values():
        os.utime(file, (1_000_000, 1_000_000))
        file.chmod(0o600)
    write_zip(again, list(stems.items()))
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()
    assert size == first.stat().st_size
    write_zip(again, reversed(stems.items()), overwrite=True)
    assert first.read_bytes() != again.read_bytes()  # the order is the caller's


def test_other_programs_read_it(tmp_path: Path, stems: dict[str, Path]) -> None:
    write_zip(tmp_path / "a.zip", stems.items())
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == list(stems)
        for info in packed.infolist():
            assert packed.read(info) == stems[info.filename].read_bytes()
            assert (info.compress_type, info.date_time) == (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_audio_is_read_in_place(tmp_path: Path, stems: dict[str, Path], compression: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as packed:
        packed.mkdir("stems")
        for name, file in stems.items():
            packed.write(file, name)
    with open_archive(tmp_path / "a.zip") as archive:
        assert [entry.name for entry in archive.entries] == sorted(stems)
        assert [entry.size for entry in archive.entries] == [stems[n].stat().st_size for n in sorted(stems)]
        for number, name in enumerate(stems):
            with archive.open_audio(name) as opened:
                assert opened.frames == 14_400
                found = opened.read(5_000, 100)
                if number < 2:
                    np.testing.assert_allclose(found, audio(number)[:, 5_000:5_100], atol=2**-22)
        assert archive.read("master.mp3") == stems["master.mp3"].read_bytes()
        with pytest.raises(RefusedError):
            archive.read("master.mp3", max_bytes=100)
        with pytest.raises(UnreadableError, match=r"holds no 'vocals\.wav'"):
            archive.open("vocals.wav")


@pytest.mark.parametrize("name", ["../a.wav", "/etc/a.wav", "a/../../b.wav", "a\\b.wav", "C:a.wav", ""])
def test_names_that_leave_their_folder_are_refused_both_ways(
    tmp_path: Path, stems: dict[str, Path], name: str
) -> None:
    with pytest.raises(InputError, match="would leave its folder"):
        write_zip(tmp_path / "a.zip", [(name, stems["master.mp3"])])
    if name:
        zip_of(tmp_path / "b.zip", **{name: b"x"})
        with pytest.raises(InputError, match="would leave its folder"):
            open_archive(tmp_path / "b.zip")
    assert not (tmp_path / "a.zip").exists()


def test_names_that_stand_twice_are_refused(tmp_path: Path, stems: dict[str, Path]) -> None:
    file = stems["master.mp3"]
    with pytest.raises(InputError, match="twice"):
        write_zip(tmp_path / "a.zip", [("a.wav", file), ("A.WAV", file)])


def zip_of(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name.replace("\\", "/") if os.sep == "\\" else name, content)
    return path


def test_bombs_are_refused_before_unpacking(tmp_path: Path) -> None:
    bomb = zip_of(tmp_path / "a.zip", silence=bytes(50_000_000))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(RefusedError, match="unpacks to 50000000 bytes from"):
        open_archive(bomb)
    fair = zip_of(tmp_path / "b.zip", **{f"{n}.wav": rng(n).bytes(1_000) for n in range(20)})
    with pytest.raises(RefusedError, match="20 entries"):
        open_archive(fair, limits=ArchiveLimits(max_entries=19))
    with pytest.raises(RefusedError, match="20000 bytes"):
        open_archive(fair, limits=ArchiveLimits(max_bytes=19_999))
    open_archive(fair).close()


def test_an_entry_that_unpacks_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", x=bytes(range(256)) * 40)
    data = bytearray(path.read_bytes())
    lie = (1_000).to_bytes(4, "little")
    central = data.rfind(b"PK\x01\x02")
    data[22:26], data[central + 24 : central + 28] = lie, lie
    path.write_bytes(data)
    with open_archive(path) as archive, pytest.raises(UnreadableError, match="'x' is damaged"):
        archive.open("x")


def test_links_and_passwords_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        link = zipfile.ZipInfo("a.wav")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(RefusedError, match="is a link"):
        open_archive(tmp_path / "a.zip")
    path = zip_of(tmp_path / "b.zip", x=b"secret")
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="encrypted"):
        open_archive(path)


def test_what_is_no_zip_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"hello")
    for path in (tmp_path / "a.zip", tmp_path / "missing.zip", tmp_path):
        with pytest.raises(UnreadableError, match="can't be read as a zip"):
            open_archive(path)


def test_damaged_zips_are_refused_or_read(tmp_path: Path, stems: dict[str, Path]) -> None:
    """Flip bytes anywhere: an error of ours or the content, never another exception."""
    good = zip_of(
        tmp_path / "a.zip", **{"a.wav": stems["stems/bass.wav"].read_bytes(), "b.txt": b"text"}
    ).read_bytes()
    outcomes = set()
    for seed in range(300):
        data = bytearray(good)
        ends = np.concatenate((np.arange(60), np.arange(len(data) - 200, len(data))))
        for place in rng(seed).choice(ends, 2):
            data[place] ^= 1 << rng(seed).integers(8)
        (tmp_path / "b.zip").write_bytes(data)
        try:
            with open_archive(tmp_path / "b.zip") as archive:
                for entry in archive.entries:
                    archive.open(entry.name).close()
            outcomes.add("read")
        except StemwrightError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_packing_in_turns_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [(f"stems/{number} é.wav", tmp_path / str(number)) for number in range(5)]
    for number, (_, path) in enumerate(files):
        path.write_bytes(bytes([number]) * (2**20 * number + 7))
    write_zip(tmp_path / "once.zip", files)
    digests = [extend_zip(tmp_path / "turns.zip", turn) for turn in (files[:2], files[2:3], files[3:])]
    assert (tmp_path / "turns.zip").read_bytes() == (tmp_path / "once.zip").read_bytes()
    assert [digest for turn in digests for digest in turn] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for _, path in files
    ]
    with pytest.raises(InputError, match="twice"):
        extend_zip(tmp_path / "turns.zip", files[:1])


# looking in, before anything is taken on


def _wav(*, rate: int = 8_000, seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(seconds * rate)))
    return out.getvalue()


def _packed(path: Path, entries: dict[str, bytes], *, how: int) -> Path:
    with zipfile.ZipFile(path, "w", how) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_looking_in_names_the_audio_and_counts_all_bytes(tmp_path: Path, how: int) -> None:
    entries = {"set/bass.wav": _wav(), "set/readme.txt": b"notes", "set/.hidden.wav": b"x"}
    path = _packed(tmp_path / "a.zip", entries, how=how)

    found = probe_zip(path, name="a.zip")

    assert found.names == ("set/bass.wav",)
    assert found.unpacked_bytes == sum(map(len, entries.values()))


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_looking_in_finds_what_only_says_that_it_is_audio(tmp_path: Path, how: int) -> None:
    path = _packed(tmp_path / "a.zip", {"bass.wav": pickle.dumps({"a": 1})}, how=how)

    with pytest.raises(UnreadableError, match=r"bass\.wav"):
        probe_zip(path, name="b.zip")


def test_looking_in_holds_headers_against_limits(tmp_path: Path) -> None:
    path = _packed(tmp_path / "a.zip", {"bass.wav": _wav(seconds=3.0)}, how=zipfile.ZIP_STORED)

    with pytest.raises(RefusedError, match="long"):
        probe_zip(path, name="a.zip", limits=ReadLimits(max_duration_s=1.0))


def test_a_zip_without_audio_is_called_by_its_own_name(tmp_path: Path) -> None:
    path = _packed(tmp_path / "17-af3", {"a.txt": b"x"}, how=zipfile.ZIP_STORED)

    with pytest.raises(UnreadableError, match=r"^stems\.zip holds no audio"):
        probe_zip(path, name="stems.zip")
    (tmp_path / "17-af3").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UnreadableError, match=r"^stems\.zip can't be read"):
        probe_zip(path, name="stems.zip")

"""Separators by name, what is missing in plain words, and one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signals import noise
from stemwright.errors import InputError
from stemwright.separation import SEPARATORS, choose_separator
from stemwright.separation.protocol import one_at_a_time
from stemwright.separation.torch_tools import model_threads, plain_memory_errors, require_package


@pytest.mark.parametrize("name", ["", "spleeter", "Builtin"])
def test_unknown_names_are_told_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match="builtin, demucs, audio-separator") as caught:
        choose_separator(name)
    assert f'"{name}"' in str(caught.value)
    assert len(SEPARATORS) == 3


def test_builtin_takes_no_model() -> None:
    with pytest.raises(InputError, match="no models"):
        choose_separator("builtin", "htdemucs")


@pytest.mark.parametrize("name", ["demucs", "audio-separator"])
def test_a_missing_package_names_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemwright.separation.torch_tools.find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        choose_separator(name)
    assert f"pip install 'stemwright[{name}]'" in str(caught.value)


def test_audio_separator_needs_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemwright.separation.models.require_package", lambda _: "0.47")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError, match="ffmpeg, which is not on the PATH"):
        choose_separator("audio-separator")


def test_an_installed_package_gives_its_version() -> None:
    assert require_package("numpy")


def test_a_core_is_left_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert model_threads() == threads


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
    ],
)
def test_too_little_memory_is_said_plainly(error: Exception) -> None:
    with pytest.raises(InputError, match="not enough memory") as caught, plain_memory_errors("htdemucs_ft"):
        raise error
    assert "--separator builtin" in caught.value.way_out


def test_other_errors_are_not_taken_for_memory() -> None:
    with pytest.raises(RuntimeError, match="shape"), plain_memory_errors("htdemucs_ft"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied: shape")


@contextmanager
def somebody_else_separates() -> Iterator[threading.Event]:
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with one_at_a_time(lambda _: None):
            begun.set()
            end.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(10)
    try:
        yield end
    finally:
        end.set()
        thread.join()


def test_one_separation_at_a_time_and_waiting_can_be_stopped(tmp_path: Path) -> None:
    asked = 0

    def stop(_: float) -> None:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise KeyboardInterrupt

    song = noise(1.0, sample_rate=44_100, channels=2)
    with somebody_else_separates(), pytest.raises(KeyboardInterrupt):
        choose_separator("builtin").separate(song, into=tmp_path, watch=stop)
    assert list(tmp_path.iterdir()) == []
    result = choose_separator("builtin").separate(song, into=tmp_path)
    assert len(list(tmp_path.iterdir())) == len(result.files) == 4

"""Headers of strangers' files are read in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemwright.io.headers import Header
from stemwright.io.probe import probe
from stemwright.service.probe import Prober
from stemwright.service.probe_worker import answer
from stemwright.service.problems import ProblemError


@pytest.fixture
def file(tmp_path: Path, song: bytes) -> Path:
    path = tmp_path / "x"
    path.write_bytes(song)
    return path


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    prober = Prober(10.0)
    yield prober
    prober.close()


def ask(prober: Prober, path: Path, *, max_s: float = 60.0) -> Header:
    return asyncio.run(prober.ask(path, "x.wav", max_duration_s=max_s, max_channels=2))


def test_a_header_is_read(prober: Prober, file: Path) -> None:
    assert ask(prober, file) == Header("WAV", 8_000, 1, 3.0)


def test_it_says_the_same_as_without_a_process(file: Path) -> None:
    assert probe(file, name="x.wav") == Header("WAV", 8_000, 1, 3.0)


def test_compressed_audio_is_not_decoded_for_it(tmp_path: Path, file: Path, prober: Prober) -> None:
    import av
    import numpy as np

    path = tmp_path / "y"
    with av.open(str(path), "w", format="ogg") as out:
        track = out.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))

    header = ask(prober, path)

    assert (header.container, header.sample_rate) == ("OGG", 48_000)
    assert header.duration_s == pytest.approx(1.0, abs=0.1)


def test_what_is_too_long_is_refused(prober: Prober, file: Path) -> None:
    with pytest.raises(ProblemError, match="long"):
        ask(prober, file, max_s=1.0)


def test_a_child_that_dies_is_an_answer_and_the_next_one_lives(prober: Prober, file: Path) -> None:
    ask(prober, file)
    child = prober._child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    prober._timeout_s = 0.2
    with pytest.raises(ProblemError, match="header"):
        ask(prober, file)
    prober._timeout_s = 10.0

    assert ask(prober, file).sample_rate == 8_000


def test_the_worker_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing that sounds")

    found = answer({"path": str(tmp_path / "x"), "name": "x.wav", "max_duration_s": 9, "max_channels": 2})

    assert "x.wav" in found["refused"]
    assert str(tmp_path) not in found["refused"]

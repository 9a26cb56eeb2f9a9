"""The real loaders of demucs and audio-separator, offline, on tiny networks made here."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from separation.made import read
from signals import noise
from stemwright.audio import Audio
from stemwright.checks import Notice
from stemwright.errors import InputError
from stemwright.separation import choose_separator
from stemwright.separation.protocol import Told
from stemwright.songs import SongStem

RATE = 44_100
SOURCES = ["drums", "bass", "other", "vocals"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def demucs() -> Any:
    return pytest.importorskip("demucs.htdemucs", reason="skipped: no demucs")


@pytest.fixture
def audio_separator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("audio_separator.separator", reason="skipped: no audio-separator")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ffmpeg").write_text("#!/bin/sh\necho ffmpeg version 0\n")
    (tools / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    sys.path.insert(0, str(Path(sys.modules["audio_separator"].__path__[0]) / "separator" / "uvr_lib_v5"))
    yield pytest.importorskip("demucs.htdemucs", reason="skipped: no audio-separator")
    sys.path.pop(0)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def make_bag(module: Any, folder: Path, *, networks: int = 2, sources: list[str] | None = None) -> Path:
    """Write a bag of tiny networks, as demucs stores its own."""
    torch = import_module("torch")
    folder.mkdir(exist_ok=True)
    names = sources or SOURCES
    signatures = []
    for number in range(networks):
        torch.manual_seed(number)
        settings = {
            "sources": names, "channels": 8, "depth": 4, "t_layers": 1, "t_heads": 2, "bottom_channels": 16,
            "samplerate": RATE, "segment": 2,
        }  # fmt: skip
        net = module.HTDemucs(**settings)
        package = {"klass": module.HTDemucs, "args": (), "kwargs": settings, "state": net.state_dict()}
        signature = f"tiny{number:04d}"
        path = folder / f"{signature}.th"
        torch.save(package, path)
        path.rename(folder / f"{signature}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.th")
        signatures.append(signature)
    weights = [
        [float(index % networks == number) for index in range(len(names))] for number in range(networks)
    ]
    (folder / "tiny.yaml").write_text(json.dumps({"models": signatures, "weights": weights}))
    return folder


def song(seconds: float = 5.0) -> Audio:
    return noise(seconds, sample_rate=RATE, channels=2, rms=0.2, seed=4)


@pytest.mark.parametrize("seconds", [0.7, 2.0, 5.0])
def test_demucs_streamed_is_what_demucs_gives_at_once(
    demucs: Any, tmp_path: Path, no_network: None, seconds: float
) -> None:
    torch, api = import_module("torch"), import_module("demucs.api")
    models = make_bag(demucs, tmp_path / "models")
    whole = song(seconds)
    result = choose_separator("demucs", "tiny", models=models).separate(whole, into=tmp_path / "out")
    torch.set_num_threads(1)
    reference = api.Separator("tiny", repo=models, shifts=0, device="cpu")
    _, expected = reference.separate_tensor(torch.from_numpy(np.array(whole.samples)), RATE)
    found = read(result)
    for stem in ("vocals", "drums", "bass"):
        np.testing.assert_allclose(found[SongStem(stem)], expected[stem].numpy(), atol=2e-5)
    total = np.sum(list(found.values()), axis=0)
    np.testing.assert_allclose(total, whole.samples, atol=1e-5)
    left = whole.samples - np.sum([stem.numpy() for stem in expected.values()], axis=0)
    assert result.left_over_db == pytest.approx(
        10 * np.log10(np.mean(left**2) / np.mean(whole.samples**2)), abs=0.05
    )
    assert result.quality == "full"


def test_demucs_is_the_same_every_time_and_its_key_knows_the_model(
    demucs: Any, tmp_path: Path, no_network: None
) -> None:
    models = make_bag(demucs, tmp_path / "models")
    separator = choose_separator("demucs", "tiny", models=models)
    first, again = (read(separator.separate(song(3), into=tmp_path / name)) for name in ("1", "2"))
    for stem, samples in first.items():
        np.testing.assert_array_equal(samples, again[stem])
    other = make_bag(demucs, tmp_path / "other", networks=1)
    assert separator.key.startswith("demucs 4")
    assert separator.key != choose_separator("demucs", "tiny", models=other).key


def test_demucs_with_six_sources(demucs: Any, tmp_path: Path, no_network: None) -> None:
    models = make_bag(demucs, tmp_path / "m", networks=1, sources=[*SOURCES, "guitar", "piano"])
    result = choose_separator("demucs", "tiny", models=models).separate(song(2.5), into=tmp_path / "out")
    assert [str(stem) for stem in result.stems] == ["vocals", "drums", "bass", "other", "guitars", "keys"]


def test_demucs_stops_between_segments_and_leaves_nothing(
    demucs: Any, tmp_path: Path, no_network: None
) -> None:
    torch = import_module("torch")
    models = make_bag(demucs, tmp_path / "models")
    threads = torch.get_num_threads()
    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        choose_separator("demucs", "tiny", models=models).separate(
            song(12), into=tmp_path / "out", watch=stop
        )
    assert seen == sorted(seen)
    assert list((tmp_path / "out").iterdir()) == []
    assert torch.get_num_threads() == threads


def test_demucs_out_of_memory_is_plain(
    demucs: Any, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")

    models = make_bag(demucs, tmp_path / "models")
    monkeypatch.setattr("demucs.apply.apply_model", fail)
    with pytest.raises(InputError, match="not enough memory"):
        choose_separator("demucs", "tiny", models=models).separate(song(2), into=tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_demucs_models_that_are_not_there(demucs: Any, tmp_path: Path, no_network: None) -> None:
    models = make_bag(demucs, tmp_path / "models", networks=1)
    with pytest.raises(InputError, match="not a folder"):
        choose_separator("demucs", "tiny", models=tmp_path / "none")
    with pytest.raises(InputError, match='"huge"'):
        choose_separator("demucs", "huge", models=models).separate(song(1), into=tmp_path / "out")
    broken = next(models.glob("*.th"))
    broken.write_bytes(b"no model")
    with pytest.raises(InputError, match="checksum"):
        choose_separator("demucs", "tiny", models=models).separate(song(1), into=tmp_path / "out")


def test_demucs_announces_its_download_with_the_published_size(
    demucs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface_hub = import_module("huggingface_hub")
    from stemwright.separation.demucs_models import announce_download

    files = [
        SimpleNamespace(rfilename="htdemucs_ft.yaml", size=300),
        SimpleNamespace(rfilename="a.safetensors", size=84_000_000),
        SimpleNamespace(rfilename="b.safetensors", size=86_000_000),
    ]
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: SimpleNamespace(siblings=files))
    told: list[Notice] = []
    announce_download("htdemucs_ft", Told(told.append))
    assert "htdemucs_ft is downloaded once: 170 MB in 2 file(s)" in told[0].text
    assert "adefossez/HTDemucs-ft" in told[0].text


def test_demucs_without_network_says_so(
    demucs: Any, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface_hub, torch = import_module("huggingface_hub"), import_module("torch")

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", offline)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    told: list[Notice] = []
    with pytest.raises(InputError, match="could not be downloaded"):
        choose_separator("demucs").separate(song(1), into=tmp_path / "out", announce=told.append)
    assert "does not state its size" in told[0].text


@pytest.fixture
def served(audio_separator: Any, tmp_path: Path) -> Path:
    """A folder of models as audio-separator keeps it, with one tiny bag under the name of a real one."""
    models = make_bag(audio_separator, tmp_path / "models")
    (models / "tiny.yaml").rename(models / "htdemucs_ft.yaml")
    lists: dict[str, Any] = {
        f"{name}_download_list": {}
        for name in ("vr", "mdx", "mdx_download_vip", "mdx23c", "mdx23c_download_vip", "roformer")
    }
    lists |= {"mdx_download_vip_list": {}, "mdx23c_download_vip_list": {}}
    files = {path.name: f"https://models.invalid/{path.name}" for path in models.iterdir()}
    lists["demucs_download_list"] = {"Demucs v4: htdemucs_ft": files}
    (models / "download_checks.json").write_text(json.dumps(lists))
    return models


def test_audio_separator_stems_sum_and_are_not_rescaled(served: Path, tmp_path: Path) -> None:
    loud = Audio(song(4).samples * np.float32(4), RATE)
    assert np.abs(loud.samples).max() > 1.5
    told: list[Notice] = []
    separator = choose_separator("audio-separator", models=served)
    result = separator.separate(loud, into=tmp_path / "out", announce=told.append)
    np.testing.assert_allclose(np.sum(list(read(result).values()), axis=0), loud.samples, atol=1e-4)
    assert told == []  # everything was there: nothing to download
    quiet = Audio(loud.samples * np.float32(0.1), RATE)
    small = separator.separate(quiet, into=tmp_path / "quiet")
    for stem, samples in read(small).items():
        np.testing.assert_allclose(10 * samples, read(result)[stem], atol=2e-3)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bass.wav", "drums.wav", "other.wav", "vocals.wav",
    ]  # fmt: skip


def test_audio_separator_pieces_lie_where_they_belong(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    separator = choose_separator("audio-separator", models=served)
    whole = read(separator.separate(song(7), into=tmp_path / "whole"))
    monkeypatch.setattr("stemwright.separation.audio_separator.PIECE_FRAMES", 3 * RATE)
    pieces = separator.separate(song(7), into=tmp_path / "pieces")
    for stem, samples in read(pieces).items():
        error = np.mean((samples - whole[stem]) ** 2) / np.mean(whole[stem] ** 2)
        # an untrained network hears where its windows begin; noise that is one frame off would give 2
        assert error < 0.5


def test_audio_separator_stops_at_once_and_leaves_nothing(served: Path, tmp_path: Path) -> None:
    began: list[float] = []

    def stop(_: float) -> None:
        if not began and list((tmp_path / "out").glob(".pieces-*/piece.wav")):
            began.append(time.monotonic())
        if began and time.monotonic() - began[0] > 0.5:  # the worker is in the middle of its piece
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        choose_separator("audio-separator", models=served).separate(
            song(60), into=tmp_path / "out", watch=stop
        )
    assert time.monotonic() - began[0] < 3.0
    assert list((tmp_path / "out").iterdir()) == []


def test_audio_separator_unknown_models_are_told(served: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no_such\.ckpt"):
        choose_separator("audio-separator", "no_such.ckpt", models=served).separate(
            song(1), into=tmp_path / "out"
        )
    assert list((tmp_path / "out").iterdir()) == []

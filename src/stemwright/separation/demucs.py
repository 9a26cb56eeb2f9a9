"""Hybrid Transformer Demucs, by the package ``demucs`` (extra ``demucs``): full quality.

S. Rouard, F. Massa & A. Défossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023. The song is
cut, weighted and added as ``demucs.apply`` does it with ``shifts=0``, but from a stream: memory does not grow
with its length, and it can be stopped between two segments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, ClassVar

import numpy as np

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.errors import InputError
from stemwright.separation.demucs_models import announce_download, fingerprint
from stemwright.separation.models import ModelSeparator, by_stem, stems_of
from stemwright.separation.protocol import (
    CHANNELS,
    SAMPLE_RATE_HZ,
    Announce,
    Separated,
    Tell,
    Told,
    keep_quiet,
    one_at_a_time,
    require_song,
)
from stemwright.separation.sink import StemSink
from stemwright.separation.torch_tools import model_threads, plain_memory_errors
from stemwright.songs import SongStem

__all__ = ["DEFAULT_MODEL", "DemucsSeparator"]

DEFAULT_MODEL = "htdemucs_ft"
OVERLAP = 0.25
"""Share of a segment that the next one covers again; the default of demucs."""


@dataclass(frozen=True)
class DemucsSeparator(ModelSeparator):
    """Takes songs apart with a model of the Demucs family.

    Parameters
    ----------
    model : str
        ``htdemucs_ft`` (four networks, one a stem), ``htdemucs`` (one, four times as fast), ``htdemucs_6s``
        (guitars and keys too), … or one in `models`.
    models : Path, optional
        A folder of models (``<name>.yaml``, ``<signature>-<hash>.th``) instead of those that are downloaded.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ``"mps"``; by default the GPU when there is one.

    Raises
    ------
    InputError
        When the package is missing, or `models` is not a folder.
    """

    package: ClassVar[str] = "demucs"

    model: str = DEFAULT_MODEL
    device: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.models is not None and not self.models.is_dir():
            raise InputError(f"{self.models} is not a folder of models.", way_out="Is the path right?")

    @property
    def key(self) -> str:
        """Name, version and model; of local models their content too."""
        local = "" if self.models is None else f" {fingerprint(self.model, self.models)}"
        return f"{super().key}{local}"

    def separate(
        self, song: AudioSource, *, into: Path, watch: Tell = keep_quiet, announce: Announce = keep_quiet
    ) -> Separated:
        """Take `song` apart; as `stemwright.separation.Separator` says."""
        require_song(song)
        told = Told(announce)
        with one_at_a_time(watch), plain_memory_errors(f"the model {self.model}"), _threads():
            if self.models is None:
                announce_download(self.model, told)
            network = _Network(_load(self.model, self.models), self.device)
            watch(0.0)
            with StemSink(into, stems_of(network.sources), frames=song.frames) as sink:
                sink.fill(_separated(song, network, watch))
        return sink.result(separator=self.key, quality=self.quality, notices=told.notices)


class _Network:
    """A loaded model: its networks, what each counts for, and where it runs."""

    def __init__(self, model: Any, device: str | None) -> None:
        self.networks: list[Any] = list(getattr(model, "models", [model]))
        rows = getattr(model, "weights", [[1.0] * len(model.sources)])
        weights = np.array(rows, np.float32)
        self.weights = weights / weights.sum(axis=0)
        self.sources: list[str] = list(model.sources)
        self.segment_frames = int(min(net.segment for net in self.networks) * model.samplerate)
        self.device = device or _device()
        if (model.samplerate, model.audio_channels) != (SAMPLE_RATE_HZ, CHANNELS):
            raise InputError(
                f"The model works at {model.samplerate} Hz with {model.audio_channels} channel(s); songs are "
                f"taken apart at {SAMPLE_RATE_HZ} Hz stereo.",
                way_out="Choose another model.",
            )
        for net in self.networks:
            net.to(self.device).eval()

    def estimate(self, segment: Samples, watch: Tell, progress: tuple[float, float]) -> Samples:
        """Return all sources of a segment, shaped ``(sources, channels, frames)``."""
        apply_model = import_module("demucs.apply").apply_model
        mix = import_module("torch").from_numpy(segment)[np.newaxis].to(self.device)
        total = np.zeros((len(self.sources), *segment.shape), np.float32)
        start, share = progress
        for number, (net, weights) in enumerate(zip(self.networks, self.weights, strict=True)):
            out = apply_model(net, mix, shifts=0, split=False, device=self.device)[0]
            total += out.cpu().numpy() * weights[:, np.newaxis, np.newaxis]
            watch(start + share * (number + 1) / len(self.networks))
        return total


def _separated(
    song: AudioSource, network: _Network, watch: Tell
) -> Iterator[tuple[Samples, dict[SongStem, Samples]]]:
    """Yield the song and its stems, segment by segment, cross-faded by triangles (``demucs.apply``)."""
    size = network.segment_frames
    stride = int((1 - OVERLAP) * size)
    mean, scale = _statistics(song)
    half = np.arange(1, size // 2 + 1)
    weight = np.concatenate([half, np.arange(size - size // 2, 0, -1)]).astype(np.float32)
    weight /= weight.max()
    held = np.zeros((len(network.sources), CHANNELS, size), np.float32)
    held_weight = np.zeros(size, np.float32)
    for start in range(0, song.frames, stride):
        frames = min(size, song.frames - start)
        lead = (size - frames) // 2
        segment = _normalised(song, start - lead, size, mean, scale)
        done = min(stride, song.frames - start)
        out = network.estimate(segment, watch, (start / song.frames, done / song.frames))
        held[:, :, :frames] += weight[:frames] * out[:, :, lead : lead + frames]
        held_weight[:frames] += weight[:frames]
        ready = held[:, :, :done] / held_weight[:done] * scale + mean
        yield song.read(start, done), by_stem(zip(network.sources, ready.astype(np.float32), strict=True))
        held = _advance(held, stride)
        held_weight = _advance(held_weight, stride)


def _advance(held: Samples, frames: int) -> Samples:
    """Drop what was given and make room for as much."""
    out = np.zeros_like(held)
    out[..., :-frames] = held[..., frames:]
    return out


def _normalised(song: AudioSource, start: int, frames: int, mean: np.float32, scale: np.float32) -> Samples:
    """Read what the model is to see; outside the song it sees exact silence."""
    out = np.zeros((CHANNELS, frames), np.float32)
    first, last = max(start, 0), min(start + frames, song.frames)
    out[:, first - start : last - start] = (song.read(first, last - first) - mean) / scale
    return out


def _statistics(song: AudioSource) -> tuple[np.float32, np.float32]:
    """Mean and standard deviation of the mono sum: what the model was trained to have taken out."""
    total = squares = 0.0
    for block in iter_blocks(song):
        mono = block.mean(axis=0, dtype=np.float64)
        total += float(mono.sum())
        squares += float(np.square(mono).sum())
    mean = total / song.frames
    variance = max(squares - song.frames * mean**2, 0.0) / max(song.frames - 1, 1)
    return np.float32(mean), np.float32(math.sqrt(variance) + 1e-8)


def _load(model: str, models: Path | None) -> Any:
    """Load a model, from the folder `models` or from where demucs keeps them."""
    pretrained = import_module("demucs.pretrained")
    if model.endswith("_q") and find_spec("diffq") is None:
        raise InputError(
            f"The quantised model {model} needs the package diffq (CC BY-NC).",
            way_out="Use htdemucs_ft, or pip install diffq if its licence suits you.",
        )
    try:
        return pretrained.get_model(model, models)
    except pretrained.ModelLoadingError as error:
        raise InputError(
            f'demucs can\'t load the model "{model}": {error}',
            way_out="Try htdemucs_ft, htdemucs or htdemucs_6s.",
        ) from error
    except (OSError, UnpicklingError) as error:
        raise InputError(
            f"The model {model} could not be downloaded or read: {error}",
            way_out="Check the connection, or use --separator builtin.",
        ) from error


def _device() -> str:
    torch = import_module("torch")
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def _threads() -> Iterator[None]:
    """Leave a core free while the model works."""
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(model_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

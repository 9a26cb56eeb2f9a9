"""Models served by the package ``audio-separator`` (extra of that name): Demucs, RoFormers and more.

The package works on whole files, prints, filters warnings and changes the module path, so it runs in a
process of its own (`stemwright.separation.audio_separator_worker`), which can be stopped at any time. A long
song is handed over in pieces that overlap, so that memory does not grow with its length.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from platformdirs import user_cache_path

from stemwright.audio import AudioSource, Samples, iter_blocks, read_padded
from stemwright.errors import InputError
from stemwright.io.reader import read_audio
from stemwright.io.writer import write_audio
from stemwright.separation.models import ModelSeparator, by_stem
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
from stemwright.separation.torch_tools import model_threads
from stemwright.separation.worker import Worker
from stemwright.songs import SongStem
from stemwright.units import SILENCE_DB

__all__ = ["DEFAULT_MODEL", "AudioSeparator"]

DEFAULT_MODEL = "htdemucs_ft.yaml"
PIECE_FRAMES = 60 * SAMPLE_RATE_HZ
CONTEXT_FRAMES = 4 * SAMPLE_RATE_HZ
"""What a piece sees beyond its ends; a quarter of it to either side of each seam is cross-faded."""

HEADROOM_PEAK = 0.25
"""Louder songs are turned down for the model: above a peak of 1.0 the package would rescale each stem."""

_FADE = CONTEXT_FRAMES // 4


@dataclass(frozen=True)
class AudioSeparator(ModelSeparator):
    """Takes songs apart with one of the models that audio-separator knows.

    Parameters
    ----------
    model : str
        File name of a model, as ``audio-separator --list_models`` shows it.
    models : Path, optional
        Folder where models are, and are downloaded to.

    Raises
    ------
    InputError
        When the package or ffmpeg, which it calls, is missing.
    """

    package: ClassVar[str] = "audio-separator"

    model: str = DEFAULT_MODEL

    def __post_init__(self) -> None:
        super().__post_init__()
        if shutil.which("ffmpeg") is None:
            raise InputError(
                "The separator audio-separator calls the program ffmpeg, which is not on the PATH.",
                way_out="Install ffmpeg, or use --separator demucs, which does not need it.",
            )

    def separate(
        self, song: AudioSource, *, into: Path, watch: Tell = keep_quiet, announce: Announce = keep_quiet
    ) -> Separated:
        """Take `song` apart; as `stemwright.separation.Separator` says."""
        require_song(song)
        told = Told(announce)
        into.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(one_at_a_time(watch))
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".pieces-", dir=into)))
            worker = stack.enter_context(self._worker(work))
            worker.wait_until_ready(told, watch)
            sink = stack.enter_context(StemSink(into, self.stems, frames=song.frames))
            sink.fill(_joined(song, worker, work, watch), watch=watch)
        silent = [str(stem) for stem, level in sink.levels_db.items() if level <= SILENCE_DB]
        if silent:
            told(f"The model {self.model} gave nothing for {', '.join(silent)}: silent, or part of other.")
        return sink.result(separator=self.key, quality=self.quality, notices=told.notices)

    def _worker(self, work: Path) -> Worker:
        models = self.models or user_cache_path("stemwright") / "audio-separator"
        return Worker(
            "stemwright.separation.audio_separator_worker",
            {"model": self.model, "models": str(models), "out": str(work), "threads": model_threads()},
            about=self.model,
        )


def _joined(
    song: AudioSource, worker: Worker, work: Path, watch: Tell
) -> Iterator[tuple[Samples, dict[SongStem, Samples]]]:
    """Yield the song and its stems, piece by piece; the pieces cross-fade over their seams."""
    gain = np.float32(_gain(song))
    tails: Mapping[SongStem, Samples] = {}
    for start in range(0, song.frames, PIECE_FRAMES):
        stop = min(start + PIECE_FRAMES, song.frames)
        first = max(start - CONTEXT_FRAMES, 0)
        seen = song.read(first, stop + CONTEXT_FRAMES - first)
        estimates = _separated(seen * gain, worker, work, watch)
        # a seam's fade reaches _FADE frames beyond it: the tail waits for the next piece
        reach = min(stop + _FADE, song.frames) if stop < song.frames else stop
        begin = start - _FADE if start else 0
        given = {stem: part[:, begin - first : reach - first] / gain for stem, part in estimates.items()}
        yield from _faded(song, given, tails, begin, stop)
        tails = {stem: part[:, max(stop - _FADE, begin) - begin :] for stem, part in given.items()}


def _faded(
    song: AudioSource,
    given: Mapping[SongStem, Samples],
    tails: Mapping[SongStem, Samples],
    begin: int,
    stop: int,
) -> Iterator[tuple[Samples, dict[SongStem, Samples]]]:
    """Fade the last piece's tail into this piece; keep back what the next one will fade into."""
    last = stop >= song.frames
    end = stop if last else stop - _FADE
    parts = {}
    for stem, estimate in given.items():
        part = estimate[:, : end - begin].copy()
        if stem in tails:
            length = min(tails[stem].shape[1], part.shape[1])
            rise = ((np.arange(length) + 0.5) / length).astype(np.float32)
            part[:, :length] = rise * part[:, :length] + (1 - rise) * tails[stem][:, :length]
        parts[stem] = part
    yield song.read(begin, end - begin), parts


def _separated(piece: Samples, worker: Worker, work: Path, watch: Tell) -> dict[SongStem, Samples]:
    path = work / "piece.wav"
    write_audio(
        path, [np.ascontiguousarray(piece)], sample_rate=SAMPLE_RATE_HZ, channels=CHANNELS, overwrite=True
    )
    names = worker.ask(str(path), watch)
    return by_stem((source, _taken(work / name, piece.shape[1])) for source, name in names.items())


def _taken(path: Path, frames: int) -> Samples:
    """Read a stem and remove its file; some models give back whole windows, so cut or fill it up."""
    samples = read_padded(read_audio(path), 0, frames)
    path.unlink()
    return samples


def _gain(song: AudioSource) -> float:
    peak = max((float(np.abs(block).max(initial=0.0)) for block in iter_blocks(song)), default=0.0)
    return min(1.0, HEADROOM_PEAK / peak) if peak else 1.0

"""Write audio under its final name only when it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from stemwright.audio import Blocks, Samples, validate_sample_rate
from stemwright.dsp.dither import Integers, Quantiser, seed_from
from stemwright.errors import InputError, InternalError
from stemwright.io.encoders import Encoder, LameEncoder, LibsndfileEncoder, OggEncoder
from stemwright.io.files import part_file, require_room, storage_errors
from stemwright.io.wave import SAMPLE_BYTES, WaveEncoder

__all__ = ["SUBTYPES", "AudioWriter", "write_audio", "write_mp3"]

SUBTYPES = ("FLOAT", "PCM_24", "PCM_16")
_LOSSY = (".mp3", ".ogg")
_SUFFIXES = (".wav", ".flac", *_LOSSY)


class AudioWriter:
    """Write audio block by block; the name appears when ``with`` ends well, and else nothing does.

    WAV becomes RF64 above 4 GiB. FLOAT is written bit for bit. PCM_24 and PCM_16 are quantised by
    `stemwright.dsp.dither.Quantiser`: TPDF dither where bits are dropped, none where the samples are on the
    grid already, nothing clipped without being counted in `overs`. Same samples, same bytes, on every run.

    Parameters
    ----------
    path : Path
        Final name; the suffix picks the container: .wav, .flac, .mp3 (highest constant bit rate) or .ogg.
    sample_rate, channels : int
        Of all blocks.
    subtype : str
        One of `SUBTYPES`; FLAC takes the PCM ones; MP3 and OGG are encoded from float and take only FLOAT.
    overwrite : bool
        Whether a file of that name may be replaced.
    seed : str or None
        Another seed, another dither; by default the file's name, so that the stems of a set, summed, do not
        add up one and the same noise.
    tags : Mapping
        title, artist, album, comment, copyright, date, genre, software, tracknumber.
    frames : int or None
        How many frames will come, where that is known: the disk must have room for them before the first is
        written, and a file of another length is not kept.

    Attributes
    ----------
    frames : int
        Frames given so far.

    Raises
    ------
    InputError
        Unknown suffix, subtype or tag; a block of another shape; NaN where only numbers can be written.
    RefusedError
        The file exists and `overwrite` is False.
    StorageError
        Full or read-only disk, no permission, a folder in the way.
    """

    def __init__(
        self,
        path: Path,
        *,
        sample_rate: int,
        channels: int,
        subtype: str = "FLOAT",
        overwrite: bool = False,
        seed: str | None = None,
        tags: Mapping[str, str] | None = None,
        frames: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self._channels = channels
        self._overs = 0
        self._lossy = self.path.suffix.lower() in _LOSSY
        self._quantiser = _quantiser(self.path, subtype, channels, seed)
        self._expected = frames
        validate_sample_rate(sample_rate)
        if frames is not None and self.path.suffix.lower() == ".wav":
            require_room(self.path, frames * channels * SAMPLE_BYTES[subtype])
        with ExitStack() as stack:
            part = stack.enter_context(part_file(self.path, overwrite=overwrite))
            with storage_errors(self.path):
                self._encoder = _encoder(
                    part,
                    self.path.suffix.lower(),
                    sample_rate=sample_rate,
                    channels=channels,
                    subtype=subtype,
                    tags=tags or {},
                )
            stack.push(self._close_encoder)
            self._stack = stack.pop_all()

    @property
    def overs(self) -> int:
        """Samples beyond full scale that an integer or lossy format could not hold; 0 for FLOAT."""
        return self._quantiser.overs if self._quantiser else self._overs

    def write(self, block: Samples) -> None:
        """Append one block, float32, shaped ``(channels, frames)``."""
        if block.ndim != 2 or block.shape[0] != self._channels or block.dtype != np.float32:
            raise InputError(
                f"{self.path.name} takes float32 blocks of {self._channels} channels; got {block.dtype} "
                f"shaped {block.shape}.",
                way_out="Blocks are shaped (channels, frames): were the axes swapped?",
            )
        if self._lossy:
            self._inspect(block)
        self._put(self._quantiser.push(block) if self._quantiser else block)
        self.frames += block.shape[1]

    def _put(self, samples: Samples | Integers) -> None:
        if samples.shape[1]:
            with storage_errors(self.path):
                self._encoder.write(samples)

    def _inspect(self, block: Samples) -> None:
        peak = float(np.abs(block).max(initial=0.0))
        if not np.isfinite(peak):
            raise InputError(
                f"The audio for {self.path.name} holds NaN or infinite samples after frame {self.frames}.",
                way_out="Find the step that made them.",
            )
        if peak > 1.0:
            self._overs += int(np.count_nonzero(np.abs(block) > 1.0))

    def _finish(self) -> None:
        if self._quantiser:
            self._put(self._quantiser.flush())
        if self._expected is not None and self.frames != self._expected:
            raise InternalError(
                f"{self.path.name} was to get {self._expected} frames and got {self.frames}.",
                way_out="Please report this.",
            )
        with storage_errors(self.path):
            self._encoder.finish()

    def _close_encoder(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._encoder.close()

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def write_audio(
    path: Path,
    blocks: Blocks,
    *,
    sample_rate: int,
    channels: int,
    subtype: str = "FLOAT",
    overwrite: bool = False,
    seed: str | None = None,
    tags: Mapping[str, str] | None = None,
    frames: int | None = None,
) -> int:
    """Write a stream to `path`; returns the number of frames written. Parameters as of `AudioWriter`."""
    with AudioWriter(
        path,
        sample_rate=sample_rate,
        channels=channels,
        subtype=subtype,
        overwrite=overwrite,
        seed=seed,
        tags=tags,
        frames=frames,
    ) as writer:
        for block in blocks:
            writer.write(block)
    return writer.frames


def write_mp3(
    path: Path,
    blocks: Blocks,
    *,
    sample_rate: int,
    channels: int,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> int:
    """Write a stream to `path`, which ends in .mp3, at the highest constant bit rate; returns the frames."""
    return write_audio(
        path, blocks, sample_rate=sample_rate, channels=channels, tags=tags, overwrite=overwrite
    )


def _quantiser(path: Path, subtype: str, channels: int, seed: str | None) -> Quantiser | None:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path.name} has no ending that is written.", way_out=f"Use {', '.join(_SUFFIXES)}."
        )
    possible = {".wav": SUBTYPES, ".flac": ("PCM_24", "PCM_16")}.get(suffix, ("FLOAT",))
    if subtype not in possible:
        raise InputError(
            f"{path.name} can't be written as {subtype}.", way_out=f"{suffix} takes {' or '.join(possible)}."
        )
    if subtype == "FLOAT":
        return None
    seed = path.name if seed is None else seed
    return Quantiser(bits=int(subtype.removeprefix("PCM_")), channels=channels, seed=seed_from(seed))


def _encoder(
    part: Path, suffix: str, *, sample_rate: int, channels: int, subtype: str, tags: Mapping[str, str]
) -> Encoder:
    if suffix == ".wav":
        return WaveEncoder(part, sample_rate=sample_rate, channels=channels, subtype=subtype, tags=tags)
    if suffix == ".flac":
        return LibsndfileEncoder(part, sample_rate=sample_rate, channels=channels, subtype=subtype, tags=tags)
    lossy = LameEncoder if suffix == ".mp3" else OggEncoder
    return lossy(part, sample_rate=sample_rate, channels=channels, tags=tags)

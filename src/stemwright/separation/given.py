"""Stems that people bring, in any folder that `verify` accepts: brought to the song's rate and length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks, rechunk
from stemwright.dsp.resample import resample, resampled_frames, to_channels
from stemwright.errors import InputError
from stemwright.io.reader import AudioFile, open_audio
from stemwright.io.sort_out import is_audio_name, sort_names
from stemwright.separation.protocol import (
    CHANNELS,
    FOUR_STEMS,
    SAMPLE_RATE_HZ,
    SIX_STEMS,
    Announce,
    Quality,
    Separated,
    Tell,
    Told,
    keep_quiet,
    require_song,
)
from stemwright.separation.sink import StemSink
from stemwright.songs import SongStem
from stemwright.stems import Role, role_of
from stemwright.units import db_to_gain, format_duration, gain_to_db, power_to_db

__all__ = ["stems_from_folder"]

FOREIGN_DB = -3.0
"""Half of the song's power is in none of the stems: they belong to another song."""

MASTERED_DB = -10.0
"""Below it, a common gain that differs from one is the mix's or master's, not chance."""

GAIN_TOLERANCE_DB = 0.1
MAX_OFFSET_FRAMES = SAMPLE_RATE_HZ // 2
COMPARED_FRAMES = 60 * SAMPLE_RATE_HZ
_BLOCK_FRAMES = 131_072

_STEM_OF = {
    Role.VOCALS: SongStem.VOCALS,
    Role.DRUMS: SongStem.DRUMS,
    Role.PERCUSSION: SongStem.DRUMS,
    Role.BASS: SongStem.BASS,
    Role.GUITARS: SongStem.GUITARS,
    Role.KEYS: SongStem.KEYS,
}

_LEADING = re.compile("leads?|solo|melody")


@dataclass(frozen=True, slots=True)
class _Fit:
    """How the sum of the given stems lies in the song: shift and scale them, and `left_db` is left over."""

    offset: int = 0
    gain: float = 1.0
    left_db: float = 0.0


_UNMOVED = _Fit()


def stems_from_folder(
    folder: Path,
    *,
    into: Path,
    song: AudioSource | None = None,
    watch: Tell = keep_quiet,
    announce: Announce = keep_quiet,
) -> Separated:
    """Bring the stems in `folder` to the song's form.

    Parameters
    ----------
    folder : Path
        Its audio files, in subfolders too, are stems by their names (`stemwright.stems.role_of`); mixes and
        masters in it are left out. Files of one role are summed. Guitars and keys stay apart only where both
        are there; whatever has no stem of its own is summed into `other`; missing stems are silent, and told.
    into : Path
        Folder for one ``<stem>.wav`` each; nothing appears in it unless everything ends well.
    song : AudioSource, optional
        44.1 kHz stereo. The stems are laid on it (one offset of up to half a second, and one gain, for all of
        them) and what they leave over goes to `other`. Without it the song is the sum of the stems.
    watch : Tell
        Told the fraction done; raises to stop.
    announce : Announce
        Told every notice.

    Returns
    -------
    Separated
        Float WAVs at 44.1 kHz stereo, as many frames as the song; without one, as the longest stem.

    Raises
    ------
    InputError
        No stem in the folder, nothing but silence, more than two channels, or stems of another song.
    UnreadableError
        A file that can't be decoded.
    """
    told = Told(announce)
    with ExitStack() as stack:
        given = _open(folder, stack, told)
        frames = max(_frames_of(file) for files in given.values() for file in files)
        if song is not None:
            frames = require_song(song).frames
        _tell_lengths(given, frames, told)
        fit = _UNMOVED if song is None else _fit(given, song, watch, told)
        stems = SIX_STEMS if {SongStem.GUITARS, SongStem.KEYS} <= set(given) else FOUR_STEMS
        with StemSink(into, stems, frames=frames) as sink:
            sink.fill(_laid(given, song, fit, frames), watch=lambda done: watch(0.5 + 0.5 * done))
    return sink.result(separator="given stems", quality=Quality.FULL, notices=told.notices)


def _open(folder: Path, stack: ExitStack, told: Told) -> dict[SongStem, list[AudioFile]]:
    """Open the folder's stems by what they are."""
    given: dict[SongStem, list[AudioFile]] = {}
    for path in _stem_files(folder, told):
        file = stack.enter_context(open_audio(path))
        given.setdefault(_stem_of(path.stem), []).append(file)
        for note in file.info.notes:
            told(note)
        _tell_conversion(file, told)
    _fold(given)
    missing = [str(stem) for stem in FOUR_STEMS if stem not in given]
    if missing:
        told(f"{folder.name} has no stem for {', '.join(missing)}: silent.")
    return given


def _stem_of(name: str) -> SongStem:
    """Read from a name which stem it is part of; a lead is what leads: ``"Lead Vox"`` is vocals."""
    role = role_of(name)
    if role is Role.LEAD:
        role = role_of(_LEADING.sub(" ", name.lower()))
    return _STEM_OF.get(role, SongStem.OTHER)


def _stem_files(folder: Path, told: Told) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of stems.", way_out="Is the path spelled right?")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    audio = [name for name in names if is_audio_name(name)]
    if not audio:
        raise InputError(f"No audio file in {folder}.", way_out="Put the stems of the song into it.")
    kinds = sort_names(audio)
    left_out = [name for name in audio if name not in kinds.stems]
    if left_out:
        told(f"{', '.join(left_out)}: a mix or master by name, not used as a stem.")
    return [folder / name for name in kinds.stems]


def _tell_conversion(file: AudioFile, told: Told) -> None:
    changes = []
    if file.sample_rate != SAMPLE_RATE_HZ:
        changes.append(f"{file.sample_rate} Hz to {SAMPLE_RATE_HZ} Hz")
    if file.channels == 1:
        changes.append("mono to stereo")
    if file.channels > CHANNELS:
        raise InputError(
            f"{file.info.path.name} has {file.channels} channels; stems are mono or stereo.",
            way_out="Render it to stereo first.",
        )
    if changes:
        told(f"{file.info.path.name} was converted: {', '.join(changes)}.")


def _fold(given: dict[SongStem, list[AudioFile]]) -> None:
    """Sum guitars and keys into `other` unless both are there: half of six stems is four."""
    pair = (SongStem.GUITARS, SongStem.KEYS)
    if not all(stem in given for stem in pair):
        for stem in pair:
            given.setdefault(SongStem.OTHER, []).extend(given.pop(stem, []))
        if not given[SongStem.OTHER]:
            del given[SongStem.OTHER]


def _frames_of(file: AudioFile) -> int:
    """Length after conversion."""
    return resampled_frames(file.frames, from_hz=file.sample_rate, to_hz=SAMPLE_RATE_HZ)


def _tell_lengths(given: Mapping[SongStem, Sequence[AudioFile]], frames: int, told: Told) -> None:
    for file in chain.from_iterable(given.values()):
        missing = frames - _frames_of(file)
        seconds = format_duration(abs(missing) / SAMPLE_RATE_HZ)
        if missing > 0:
            told(f"{file.info.path.name} is {missing} frames ({seconds}) short: filled up with silence.")
        elif missing < 0:
            told(f"{file.info.path.name} is {-missing} frames ({seconds}) longer than the song: cut.")


def _stream(files: Sequence[AudioFile], fit: _Fit, frames: int) -> Iterator[Samples]:
    """Sum files of one stem, converted, shifted and scaled, in blocks that fill `frames` exactly."""
    streams = [_fill(_shift(_converted(file), fit.offset), frames) for file in files]
    gain = np.float32(fit.gain)
    for blocks in zip(*streams, strict=True):
        total = sum(blocks[1:], start=blocks[0])
        yield np.asarray(total * gain, np.float32)


def _converted(file: AudioFile) -> Blocks:
    return to_channels(resample(iter_blocks(file), from_hz=file.sample_rate, to_hz=SAMPLE_RATE_HZ), CHANNELS)


def _shift(blocks: Blocks, offset: int) -> Iterator[Samples]:
    """Delay by `offset` frames of silence, or drop as many where it is negative."""
    if offset > 0:
        yield np.zeros((CHANNELS, offset), np.float32)
    drop = max(-offset, 0)
    for block in blocks:
        if drop < block.shape[1]:
            yield block[:, drop:]
        drop = max(drop - block.shape[1], 0)


def _fill(blocks: Blocks, frames: int) -> Iterator[Samples]:
    """Cut or fill up a stream to `frames`, in equal blocks."""
    position = 0
    silence = (np.zeros((CHANNELS, _BLOCK_FRAMES), np.float32) for _ in range(frames // _BLOCK_FRAMES + 1))
    for block in rechunk(chain(blocks, silence), _BLOCK_FRAMES):
        if position >= frames:
            return
        yield block[:, : frames - position]
        position += block.shape[1]


def _laid(
    given: Mapping[SongStem, Sequence[AudioFile]], song: AudioSource | None, fit: _Fit, frames: int
) -> Iterator[tuple[Samples, dict[SongStem, Samples]]]:
    """Yield the song and its stems, block by block."""
    streams = {stem: _stream(files, fit, frames) for stem, files in given.items()}
    for position, blocks in zip(
        range(0, frames, _BLOCK_FRAMES), zip(*streams.values(), strict=True), strict=True
    ):
        parts = dict(zip(streams, blocks, strict=True))
        if song is None:
            yield np.asarray(sum(blocks[1:], start=blocks[0]), np.float32), parts
        else:
            yield song.read(position, _BLOCK_FRAMES), parts


def _fit(given: Mapping[SongStem, Sequence[AudioFile]], song: AudioSource, watch: Tell, told: Told) -> _Fit:
    """Find offset and gain of the sum in the song; raise when it is another song's."""
    compared = min(song.frames, COMPARED_FRAMES)
    total = _mono(_summed(_laid(given, song, _UNMOVED, compared)), compared)
    offset = _offset(_mono(iter_blocks(song, stop=compared), compared), total)
    fit = _measure(_laid(given, song, _Fit(offset), song.frames), offset, song.frames, watch)
    _require_own(fit, complete=set(FOUR_STEMS) <= set(given) or len(given) > len(FOUR_STEMS))
    gain = fit.gain if fit.left_db < MASTERED_DB else 1.0
    gain_db = gain_to_db(gain)
    if offset:
        told(f"The stems stand {abs(offset)} frames {'before' if offset > 0 else 'behind'} the song: moved.")
    if abs(gain_db) <= GAIN_TOLERANCE_DB:
        return _Fit(offset)
    told(f"The stems were brought to the song's level by {gain_db:+.1f} dB.")
    return _Fit(offset, gain)


def _summed(laid: Iterable[tuple[Samples, Mapping[SongStem, Samples]]]) -> Iterator[Samples]:
    for _, parts in laid:
        blocks = list(parts.values())
        yield np.asarray(sum(blocks[1:], start=blocks[0]), np.float32)


def _mono(blocks: Blocks, frames: int) -> Samples:
    """Gather a stream as one channel."""
    return np.concatenate([block.sum(axis=0) for block in rechunk(blocks)])[:frames]


def _offset(song: Samples, total: Samples) -> int:
    """Frames by which `total` must be delayed to lie best on `song`, by circular cross-correlation."""
    size = 1 << (len(song) + MAX_OFFSET_FRAMES).bit_length()
    # norm="ortho" keeps float32, which a maximum of correlations does not miss: half the time and memory
    product = np.fft.rfft(song, size, norm="ortho") * np.conj(np.fft.rfft(total, size, norm="ortho"))
    lags = np.fft.irfft(product, size, norm="ortho")
    near = np.concatenate([lags[-MAX_OFFSET_FRAMES:], lags[: MAX_OFFSET_FRAMES + 1]])
    best = int(near.argmax()) - MAX_OFFSET_FRAMES
    clearly = near.max() > 1.001 * max(float(lags[0]), 0.0)
    return best if clearly else 0


def _measure(
    laid: Iterable[tuple[Samples, Mapping[SongStem, Samples]]], offset: int, frames: int, watch: Tell
) -> _Fit:
    """Fit one gain by least squares over the whole song."""
    song_power = sum_power = product = 0.0
    done = 0
    for song, parts in laid:
        blocks = list(parts.values())
        total = np.asarray(sum(blocks[1:], start=blocks[0]), np.float64)
        song_power += float(np.square(song, dtype=np.float64).sum())
        sum_power += float(np.square(total).sum())
        product += float((song * total).sum())
        done += song.shape[1]
        watch(0.5 * done / frames)
    if not sum_power:
        raise InputError("The stems are silent.", way_out="Are they the right files?")
    if not song_power:
        raise InputError("The song is silent and its stems are not.", way_out="Are they the right files?")
    left = max(song_power - product**2 / sum_power, 0.0)
    return _Fit(offset, product / sum_power, power_to_db(left / song_power))


def _require_own(fit: _Fit, *, complete: bool) -> None:
    """Raise unless the stems are the song's: all of it, or a plain share of it where a stem is missing."""
    share = not complete and db_to_gain(-6.0) <= fit.gain <= db_to_gain(6.0)
    if fit.left_db > FOREIGN_DB and not share:
        raise InputError(
            f"These stems don't belong to the song: laid on it as well as possible they leave "
            f"{fit.left_db:.1f} dB of it over; {FOREIGN_DB:g} dB is the most.",
            way_out="Was the folder of the other song given, or another version of this one?",
        )

"""The separator that needs no download: soft masks from a dozen cues, streamed. For previews.

Each line of each frame of a spectrogram is shared out between vocals, drums and bass by a softmax over the
cues of `stemwright.separation.cues`, weighted by the curves of `stemwright.separation.curves`; `other` is
what is left. Analysis and synthesis by the same window, the root of a Hann window at a quarter of its length
(D. W. Griffin & J. S. Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP
32(2), 1984).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stemwright.audio import AudioSource, Samples, iter_blocks, read_padded
from stemwright.separation.cues import FFT_FRAMES, HOP_FRAMES, REACH, Plane, Spectra, cues
from stemwright.separation.curves import CURVES_MONO, CURVES_STEREO, KNOTS_HZ
from stemwright.separation.protocol import (
    CHANNELS,
    FOUR_STEMS,
    SAMPLE_RATE_HZ,
    Announce,
    Quality,
    Separated,
    Tell,
    Told,
    keep_quiet,
    one_at_a_time,
    require_song,
)
from stemwright.separation.sink import StemSink
from stemwright.songs import SongStem

__all__ = ["BuiltinSeparator"]

VERSION = 1
"""Counts up when the sound of its stems changes."""

MONO_SIDE = 1e-5
"""A song whose sides hold less than this share of its power (−50 dB) has no width to go by."""

NOTICE = (
    "The stems come from the builtin separator: preview quality, with audible bleed between the stems. "
    "For full quality: pip install 'stemwright[demucs]' and --separator demucs, or bring stems."
)
_MASKED = FOUR_STEMS[:3]
_CHUNK = 512  # frames of synthesis at once: 11.9 s
_OVERLAP = FFT_FRAMES // HOP_FRAMES
_LEAD = FFT_FRAMES - HOP_FRAMES


@dataclass(frozen=True, slots=True)
class BuiltinSeparator:
    """Takes songs apart without a model, in about a twentieth of their length on one core."""

    @property
    def name(self) -> str:
        """What people call it."""
        return "builtin"

    @property
    def key(self) -> str:
        """Name and version."""
        return f"builtin {VERSION}"

    @property
    def quality(self) -> Quality:
        """Previews only."""
        return Quality.PREVIEW

    @property
    def stems(self) -> tuple[SongStem, ...]:
        """Vocals, drums, bass, other."""
        return FOUR_STEMS

    def separate(
        self, song: AudioSource, *, into: Path, watch: Tell = keep_quiet, announce: Announce = keep_quiet
    ) -> Separated:
        """Take `song` apart; as `stemwright.separation.Separator` says. Memory does not grow with length."""
        require_song(song)
        told = Told(announce)
        told(NOTICE)
        with one_at_a_time(watch), StemSink(into, FOUR_STEMS, frames=song.frames) as sink:
            mono = _is_mono(song)
            sink.fill(_separated(song, mono=mono), watch=watch)
        if mono:
            told("The song is mono: the place of the voice in the middle could not help to separate it.")
        return sink.result(separator=self.key, quality=self.quality, notices=told.notices)


def _is_mono(song: AudioSource) -> bool:
    middle = side = 0.0
    for block in iter_blocks(song):
        middle += float(np.square(block[0] + block[1]).sum(dtype=np.float64))
        side += float(np.square(block[0] - block[1]).sum(dtype=np.float64))
    return side <= MONO_SIDE * middle


def _separated(song: AudioSource, *, mono: bool) -> Iterator[tuple[Samples, dict[SongStem, Samples]]]:
    """Yield the song and its masked stems, a chunk at a time."""
    weights = _weights(CURVES_MONO if mono else CURVES_STEREO)
    step = _CHUNK * HOP_FRAMES
    for start in range(0, song.frames, step):
        frames = min(step, song.frames - start)
        spectra = _analyse(song, start)
        shares = _shares(spectra, weights)
        inner = spectra[:, REACH:-REACH]
        block = song.read(start, frames)
        parts = {
            stem: _synthesise(inner * share[REACH:-REACH])[:, :frames]
            for stem, share in zip(_MASKED, shares, strict=True)
        }
        parts[SongStem.OTHER] = block - sum(parts.values(), start=np.float32(0.0))
        yield block, parts


def _window() -> Plane:
    return np.sqrt(np.hanning(FFT_FRAMES + 1)[:-1]).astype(np.float32)


def _analyse(song: AudioSource, start: int) -> Spectra:
    """Transform what the chunk at `start` needs: its own frames and `REACH` to either side."""
    first = start - REACH * HOP_FRAMES - _LEAD
    frames = _CHUNK + _OVERLAP - 1 + 2 * REACH
    samples = read_padded(song, first, (frames - 1) * HOP_FRAMES + FFT_FRAMES)
    pieces = np.lib.stride_tricks.sliding_window_view(samples, FFT_FRAMES, axis=1)[:, ::HOP_FRAMES]
    return np.asarray(np.fft.rfft(pieces * _window(), axis=2), np.complex64)


def _synthesise(spectra: Spectra) -> Samples:
    """Overlap and add; gives ``frames - 3`` hops, those on which four windows stand."""
    pieces = np.fft.irfft(spectra, FFT_FRAMES, axis=2) * (_window() * np.float32(2 / _OVERLAP))
    hops = pieces.reshape(CHANNELS, -1, _OVERLAP, HOP_FRAMES)
    count = hops.shape[1] - _OVERLAP + 1
    out = hops[:, :count, _OVERLAP - 1].astype(np.float32)
    for part in range(_OVERLAP - 1):
        lag = _OVERLAP - 1 - part
        out += hops[:, lag : lag + count, part]
    return out.reshape(CHANNELS, -1)


def _weights(curves: Sequence[Sequence[Sequence[float]]]) -> Plane:
    """Read the curves at every line: shape ``(stems, 1 + cues, lines)``, the offset first."""
    lines_hz = np.maximum(np.fft.rfftfreq(FFT_FRAMES, 1 / SAMPLE_RATE_HZ), 1.0)
    position = np.log(lines_hz), np.log(np.array(KNOTS_HZ))
    rows = [[np.interp(*position, curve) for curve in stem] for stem in curves]
    return np.array(rows, np.float32)


def _shares(spectra: Spectra, weights: Plane) -> list[Plane]:
    """Share each line of each frame out between the masked stems; the rest of one is `other`'s."""
    sums = [np.repeat(stem[:1], spectra.shape[1], axis=0) for stem in weights]
    product = np.empty_like(sums[0])
    for number, cue in zip(range(1, weights.shape[1]), cues(spectra), strict=False):
        for stem, total in zip(weights, sums, strict=True):
            np.add(total, np.multiply(cue, stem[number], out=product), out=total)
    return _softmax(sums)


def _softmax(sums: Sequence[Plane]) -> list[Plane]:
    """Turn sums into shares; one more, of weight ``exp(0)``, stands for what is left."""
    top = np.maximum(np.maximum.reduce(list(sums)), 0)
    powers = [np.exp(total - top) for total in sums]
    whole = np.exp(-top)
    for power in powers:
        whole += power
    return [power / whole for power in powers]

"""The key by essentia's KeyExtractor, where the extra ``essentia`` is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from stemwright.audio import AudioSource, Samples, iter_blocks, rechunk
from stemwright.dsp.resample import resample
from stemwright.errors import InputError
from stemwright.songs import Key, KeyFacts, Mode

__all__ = ["essentia_key"]

RATE_HZ = 44_100
PIECE_S = 60
SILENT = 1e-4
PROFILE = "shaath"


def essentia_key(song: AudioSource) -> KeyFacts:
    """Find the key of a song with essentia, minute by minute.

    Each minute votes with its strength times its length; the confidence is the winner's share of all votes
    times its mean strength, which is essentia's own measure and not calibrated. Modulation is not looked for.

    Raises
    ------
    InputError
        When essentia is not installed; the message names the extra.
    """
    extract = _extractor()
    votes: dict[Key, float] = {}
    seconds = 0.0
    for piece in rechunk(resample(_mono(song), from_hz=song.sample_rate, to_hz=RATE_HZ), PIECE_S * RATE_HZ):
        if piece.shape[1] >= RATE_HZ and np.abs(piece).max() >= SILENT:
            tonic, scale, strength = extract(np.ascontiguousarray(piece[0]))[:3]
            key = Key.parse(f"{tonic} {scale}")
            votes[key] = votes.get(key, 0.0) + max(float(strength), 0.0) * piece.shape[1] / RATE_HZ
            seconds += piece.shape[1] / RATE_HZ
    if not votes:
        return KeyFacts(Key(0, Mode.MAJOR), 0.0)
    best = max(votes, key=lambda key: votes[key])
    return KeyFacts(best, min(votes[best] / seconds, 1.0))


def _extractor() -> Callable[[Samples], tuple[Any, ...]]:
    try:
        standard = import_module("essentia.standard")
    except ImportError as missing:
        raise InputError(
            'The key engine "essentia" is not installed.', way_out="pip install 'stemwright[essentia]'"
        ) from missing
    extractor: Callable[[Samples], tuple[Any, ...]] = standard.KeyExtractor(
        profileType=PROFILE, sampleRate=RATE_HZ
    )
    return extractor


def _mono(song: AudioSource) -> Iterator[Samples]:
    for block in iter_blocks(song):
        yield block.mean(axis=0, keepdims=True, dtype=np.float32)

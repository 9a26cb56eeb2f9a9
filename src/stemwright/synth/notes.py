"""Notes on musical time, and the part that holds them: what composing makes and rendering plays."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stemwright.stems import Role
from stemwright.synth.harmony import ChordSpan

__all__ = ["Note", "Part", "seeded"]


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Parameters
    ----------
    start_beat, beats : Fraction
        Place and length on the grid; ``beats > 0``.
    pitch : int
        MIDI key, 0–127; on a drum part the instrument of the kit.
    velocity : int
        1–127.
    shift_s : float
        Micro-timing added to the grid's time, in seconds.
    channel : int
        0–15; notes of one channel share exclusive classes. On channel 9 pitches are drums.
    program : int or None
        Its own General MIDI program; None plays the part's.
    """

    start_beat: Fraction
    beats: Fraction
    pitch: int
    velocity: int
    shift_s: float = 0.0
    channel: int = 0
    program: int | None = None

    @property
    def end_beat(self) -> Fraction:
        """Where the key is released."""
        return self.start_beat + self.beats


@dataclass(frozen=True, slots=True)
class Part:
    """What one player plays.

    Parameters
    ----------
    name : str
        Name of its track.
    role : Role
        Decides its level and room when it is rendered.
    program : int
        General MIDI program from 0, or the kit's number on a drum part.
    is_drums : bool
        Whether pitches are drums of a kit.
    notes : tuple[Note, ...]
        In order of time.
    chords : tuple[ChordSpan, ...]
        What it plays over, where it was composed over chords.
    composed : bool
        False for a part that somebody else wrote.
    remarks : tuple[str, ...]
        What was done other than people may expect, in plain words.
    """

    name: str
    role: Role
    program: int
    is_drums: bool
    notes: tuple[Note, ...]
    chords: tuple[ChordSpan, ...] = ()
    composed: bool = True
    remarks: tuple[str, ...] = ()


def seeded(seed: int, *words: object) -> np.random.Generator:
    """Make the generator for one purpose: the same seed and words give the same numbers, anywhere."""
    text = "/".join(str(word) for word in words)
    return np.random.default_rng([seed & 0xFFFF_FFFF, seed >> 32 & 0xFFFF_FFFF, zlib.crc32(text.encode())])

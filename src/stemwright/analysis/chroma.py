"""From partials to notes to pitch classes, in tune with the song.

A sounding note brings its harmonics: without care its third partial counts as a fifth that nobody plays, and
its fifth makes minor songs major. So each frame is explained as a sum of harmonic notes (non-negative least
squares: M. Mauch and S. Dixon, *Approximate Note Transcription for the Improved Identification of Difficult
Chords*, ISMIR 2010), by the multiplicative updates of D. Lee and H. S. Seung, *Algorithms for Non-negative
Matrix Factorization*, NIPS 2000, eq. 4.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.analysis.features import BINS_PER_SEMITONE, LOWEST_NOTE, NOTES, SongFeatures

__all__ = ["chroma_of", "notes_of", "tuning_semitones"]

Array: TypeAlias = npt.NDArray[np.float32]

HARMONICS = 12
HARMONIC_DECAY = 0.7
"""Each harmonic of the model is that much weaker than the one below it."""
COMPRESSION = 0.75
"""Exponent on magnitudes: what is loud doesn't decide alone."""
FRAME_COMPRESSION = 0.5
"""A frame counts by its magnitude to this power."""
UPDATES = 20
_FRAMES_AT_ONCE = 32  # products stay below OpenBLAS's threshold for threads: 32 × 78 × 78


def tuning_semitones(features: SongFeatures) -> float:
    """Distance of the song's tuning from A4 = 440 Hz, in semitones from −0.5 to 0.5."""
    return float(np.angle(features.sharpness.sum(dtype=np.complex128)) / (2.0 * np.pi))


def chroma_of(features: SongFeatures) -> Array:
    """Pitch classes of the notes that sound in each frame.

    Returns
    -------
    Array [shape=(frames, 12)]
        C first; a row adds up to the square root of its frame's magnitude, 0 in silence.
    """
    notes = notes_of(features)
    padded = np.zeros((len(notes), 84), np.float32)
    first = LOWEST_NOTE % 12
    padded[:, first : first + NOTES] = notes
    chroma = padded.reshape(-1, 7, 12).sum(axis=1)
    total = chroma.sum(axis=1, keepdims=True)
    weighted: Array = chroma / np.maximum(total, np.float32(1e-9)) ** np.float32(FRAME_COMPRESSION)
    return weighted


def notes_of(features: SongFeatures) -> Array:
    """How strongly each note sounds in each frame.

    Returns
    -------
    Array [shape=(frames, NOTES)]
        Activations of the notes from `LOWEST_NOTE` on, 0 or more, at the song's own tuning.
    """
    spectrum = _semitones(features.partials, tuning_semitones(features)) ** np.float32(COMPRESSION)
    model, gram = _harmonic_notes()
    padded = np.zeros((-(-len(spectrum) // _FRAMES_AT_ONCE) * _FRAMES_AT_ONCE, NOTES), np.float32)
    padded[: len(spectrum)] = spectrum
    stacked = padded.reshape(-1, _FRAMES_AT_ONCE, NOTES)
    target = stacked @ model.T
    notes = np.broadcast_to(stacked.mean(axis=2, keepdims=True), stacked.shape) + np.float32(1e-9)
    for _ in range(UPDATES):
        notes = notes * (target / (notes @ gram + np.float32(1e-9)))
    return notes.reshape(-1, NOTES)[: len(spectrum)]


def _semitones(partials: Array, tuning: float) -> Array:
    """Gather the bins around each semitone of the tuned scale, weighted by cos² of their distance from it."""
    shift = tuning * BINS_PER_SEMITONE
    nearest = round(shift)
    padded = np.pad(partials, ((0, 0), (2, 2)))
    out = np.zeros((len(partials), NOTES), np.float32)
    for step in (-1, 0, 1):
        distance = (nearest + step - shift) / BINS_PER_SEMITONE
        start = 2 + 1 + nearest + step
        weight = np.float32(np.cos(np.pi * min(abs(distance), 0.5)) ** 2)
        out += weight * padded[:, start : start + NOTES * BINS_PER_SEMITONE : BINS_PER_SEMITONE][:, :NOTES]
    return out


@cache
def _harmonic_notes() -> tuple[Array, Array]:
    """Spectra of single notes, of length 1, and their inner products."""
    model = np.zeros((NOTES, NOTES))
    for harmonic in range(1, HARMONICS + 1):
        up = round(12.0 * np.log2(harmonic))
        if up < NOTES:
            model[np.arange(NOTES - up), np.arange(up, NOTES)] += HARMONIC_DECAY ** (harmonic - 1)
    model /= np.linalg.norm(model, axis=1, keepdims=True)
    gram = np.einsum("ik,jk->ij", model, model)
    return model.astype(np.float32), gram.astype(np.float32)

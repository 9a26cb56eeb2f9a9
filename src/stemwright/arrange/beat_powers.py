"""Mean square of every beat: the one measurement that clauses, levels and the page are read from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stemwright.arrange.render import beat_frame
from stemwright.audio import AudioSource, Samples, iter_blocks

__all__ = ["BeatPowers", "beat_powers"]

Array = npt.NDArray[np.float64]


class BeatPowers:
    """Gather the mean square of every beat from a stream.

    Parameters
    ----------
    bpm : float
        Tempo of the remix.
    beats : int
        How many beats it has.
    sample_rate : int
        In Hz.
    """

    def __init__(self, *, bpm: float, beats: int, sample_rate: int) -> None:
        self._borders = np.array(
            [beat_frame(beat, bpm=bpm, sample_rate=sample_rate) for beat in range(beats + 1)]
        )
        self._sums = np.zeros(beats)
        self._position = 0
        self._channels = 1

    def feed(self, block: Samples) -> None:
        """Take the next block."""
        self._channels = block.shape[0]
        start, end = self._position, min(self._position + block.shape[1], int(self._borders[-1]))
        first = int(np.searchsorted(self._borders, start, "right")) - 1
        last = int(np.searchsorted(self._borders, end, "left"))
        for beat in range(first, last):
            low, high = max(self._borders[beat], start) - start, min(self._borders[beat + 1], end) - start
            part = block[:, low:high]
            self._sums[beat] += float(np.einsum("cn,cn->", part, part, dtype=np.float64))
        self._position += block.shape[1]

    @property
    def powers(self) -> Array:
        """Mean square of every beat over all channels [shape=(beats,)]."""
        powers: Array = self._sums / (np.diff(self._borders) * self._channels)
        return powers


def beat_powers(source: AudioSource, *, bpm: float, beats: int) -> Array:
    """Measure a source; see `BeatPowers`."""
    meter = BeatPowers(bpm=bpm, beats=beats, sample_rate=source.sample_rate)
    for block in iter_blocks(source):
        meter.feed(block)
    return meter.powers

"""Cut a stream into windows on a fixed raster, so that no result depends on the caller's block size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stemwright.audio import Samples

__all__ = ["Framer"]


class Framer:
    """Collect blocks of any length into windows that stand on multiples of `frames`.

    Parameters
    ----------
    channels : int
        Of every block.
    frames : int
        Length of a window's body.
    reach : int
        Frames of context on both sides of the body; silence before the start and behind the end.

    Notes
    -----
    A window is a view of the framer's own buffer, shaped ``(channels, reach + frames + reach)``: it is valid
    until the next one is asked for.
    """

    def __init__(self, channels: int, frames: int, *, reach: int = 0) -> None:
        self.frames = frames
        self.reach = reach
        self.total = 0
        self._window = np.zeros((channels, frames + 2 * reach), np.float32)
        self._filled = reach
        self._given = 0

    def push(self, block: Samples) -> Iterator[Samples]:
        """Take one block in; yield each window that is complete."""
        position = 0
        while position < block.shape[1]:
            take = min(self._window.shape[1] - self._filled, block.shape[1] - position)
            self._window[:, self._filled : self._filled + take] = block[:, position : position + take]
            self._filled += take
            self.total += take
            position += take
            if self._filled == self._window.shape[1]:
                yield self._window
                self._advance()

    def flush(self) -> Iterator[Samples]:
        """Yield what is left, filled up with silence; ``total`` says how many frames are real."""
        while self._given < self.total:
            self._window[:, self._filled :] = 0.0
            self._filled = self._window.shape[1]
            yield self._window
            self._advance()

    def _advance(self) -> None:
        overlap = 2 * self.reach
        if overlap:
            self._window[:, :overlap] = self._window[:, -overlap:].copy()
        self._filled = overlap
        self._given += self.frames

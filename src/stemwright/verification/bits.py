"""Effective bit depth: how many bits of a sample ever move."""

from __future__ import annotations

import numpy as np

from stemwright.audio import Samples

__all__ = ["BitMeter"]

MANTISSA_BITS = 24  # of float32, the hidden one included
LARGEST = 2.0**7
"""Beyond this a sample times 2^23 would leave int32."""


class BitMeter:
    """Find the smallest bit depth that holds every sample exactly; stops looking once `enough` are seen.

    Parameters
    ----------
    enough : int
        The file's own bit depth; 25 or more means floating point.
    """

    def __init__(self, enough: int) -> None:
        self._enough = min(enough, MANTISSA_BITS + 1)
        self._moving = 0
        self._bits = 0

    def feed(self, block: Samples) -> None:
        """Take the next block, finite samples."""
        if self._bits >= self._enough or not block.size:
            return
        steps = block * np.float32(2.0 ** (MANTISSA_BITS - 1))
        if float(np.abs(block).max()) >= LARGEST:
            self._bits = MANTISSA_BITS + 1
            return
        whole = steps.astype(np.int32)
        if not np.array_equal(whole, steps):
            self._bits = MANTISSA_BITS + 1
            return
        self._moving |= int(np.bitwise_or.reduce(whole, axis=None))
        if self._moving:
            empty = (self._moving & -self._moving).bit_length() - 1
            self._bits = MANTISSA_BITS - empty

    def result(self) -> int | None:
        """Bits in use; 25 for true floating point, None when nothing but silence was seen."""
        return self._bits or None

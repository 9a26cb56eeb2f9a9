"""Turn float samples into whole numbers of 16 or 24 bits, with TPDF dither where bits are dropped.

Triangular dither of two quantisation steps' width makes the error's mean and variance independent of the
signal: Lipshitz, Wannamaker and Vanderkooy, "Quantization and Dither: A Theoretical Survey", JAES 40 (1992).
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.errors import InputError

__all__ = ["CHUNK_FRAMES", "Integers", "Quantiser", "seed_from"]

CHUNK_FRAMES = 8_192
"""Whether to dither is decided per channel and per chunk of this many frames, counted from frame 0."""

Integers = npt.NDArray[np.int32]
"""int32, shape ``(channels, frames)``, in units of one quantisation step."""

_DRAWS = CHUNK_FRAMES // 2


def seed_from(name: str) -> int:
    """Derive a seed from a name: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")


class Quantiser:
    """Quantise one stream, from its first frame to its last.

    A chunk of a channel that lies exactly on the grid of `bits` (silence too) is passed bit-exact;
    every other chunk gets TPDF dither. The dither of a frame depends on `seed`, channel and position only,
    so the result does not depend on block sizes. As many frames come out of `push` and `flush` as go in.

    Parameters
    ----------
    bits : int
        16 or 24.
    channels : int
        Channels of every block.
    seed : int
        Another seed, another dither; 0 to 2^64 − 1.

    Attributes
    ----------
    overs : int
        Samples beyond full scale (|x| > 1) so far; they were limited to the largest number there is.
        Exactly +1.0 becomes the largest number and is no over.
    """

    def __init__(self, *, bits: int, channels: int, seed: int) -> None:
        self.overs = 0
        self._frames = 0
        self._held: Samples = np.empty((channels, 0), np.float32)
        self._full_scale = 2 ** (bits - 1)
        self._generators = [np.random.Philox(key=[seed, channel]) for channel in range(channels)]

    def push(self, block: Samples) -> Integers:
        """Take the next block; give every frame whose chunk is full, 0 to many.

        Raises
        ------
        InputError
            For NaN or infinite samples, which no integer can hold.
        """
        held = np.concatenate((self._held, block), axis=1) if self._held.size else block
        full = held.shape[1] - held.shape[1] % CHUNK_FRAMES
        self._held = held[:, full:].copy()
        return self._quantise(held[:, :full])

    def flush(self) -> Integers:
        """Give the frames that are still held; the stream has ended."""
        held, self._held = self._held, self._held[:, :0]
        return self._quantise(held)

    def _quantise(self, samples: Samples) -> Integers:
        out = np.empty(samples.shape, np.int32)
        for start in range(0, samples.shape[1], CHUNK_FRAMES):
            chunk = slice(start, start + CHUNK_FRAMES)
            self._require_finite(samples[:, chunk])
            for generator, channel, quantised in zip(self._generators, samples, out, strict=True):
                self._one_channel(generator, channel[chunk], quantised[chunk])
            self._frames += len(out[0, chunk])
        return out

    def _require_finite(self, chunk: Samples) -> None:
        if not np.isfinite(chunk).all():
            raise InputError(
                f"The audio holds NaN or infinite samples after frame {self._frames}; "
                "integer formats can't hold them.",
                way_out="Find the step that made them, or write FLOAT.",
            )

    def _one_channel(
        self, generator: np.random.Philox, samples: npt.NDArray[np.float32], out: Integers
    ) -> None:
        steps = samples * np.float64(self._full_scale)
        whole = np.rint(steps)
        if np.array_equal(whole, steps):
            generator.advance(_DRAWS // 4)  # one count of Philox makes four draws
        else:
            steps += _triangular(generator)[: len(steps)]
            whole = np.rint(steps, out=steps)
        if whole.size and max(whole.max(), -whole.min()) >= self._full_scale:
            self.overs += int(np.count_nonzero(np.abs(samples) > 1.0))
            whole = np.clip(whole, -self._full_scale, self._full_scale - 1)
        out[:] = whole


def _triangular(generator: np.random.Philox) -> npt.NDArray[np.float64]:
    """Draw a chunk of noise, triangular between −1 and 1 step: two uniform 16-bit numbers apart."""
    pairs = generator.random_raw(_DRAWS).astype("<u8", copy=False).view("<u2").reshape(-1, 2)
    noise: npt.NDArray[np.float64] = np.subtract(pairs[:, 0], pairs[:, 1], dtype=np.int32) * 2.0**-16
    return noise

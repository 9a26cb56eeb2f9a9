"""LAME on several cores: pieces of a song encoded side by side, joined where two encoders agree to the byte.

At a constant bit rate and without its bit reservoir every MP3 frame stands alone, and an encoder that begins
in the middle of a song writes the same frames as one that began at its start, once it has heard a little: 10
frames in our trials. So every piece begins `WARM_FRAMES` early, and every join is proved: the frames after it
must be equal in both pieces. Where they are not, the piece is encoded again together with the one before it.
What comes out does not depend on how many cores there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from stemwright.audio import Samples

Packet: TypeAlias = Any
"""``av.Packet``: PyAV is imported when something is encoded."""

__all__ = ["Lame", "StripedLame"]

STRIPE_FRAMES = 588
"""Twelve times the 49 frames after which frame lengths repeat at 44.1 kHz; 15 s there. Of longer pieces
less is heard twice, and they take more memory."""
WARM_FRAMES = 49
PROOF_FRAMES = 2
TAIL_FRAMES = PROOF_FRAMES + 6
"""An encoder looks ahead: its packets come out some frames after what they hold went in."""
WORKERS = 2
IN_HAND = WORKERS + 1
"""One piece waits: whoever is ready first goes on, though the oldest is not done yet."""


@dataclass(frozen=True, slots=True)
class Lame:
    """How LAME is set up.

    Parameters
    ----------
    sample_rate : int
        One that MP3 has.
    layout : str
        ``"mono"`` or ``"stereo"``.
    bit_rate : int
        Constant, in bit/s.
    options : tuple of (str, str)
        For libmp3lame; ``reservoir`` must be off.
    """

    sample_rate: int
    layout: str
    bit_rate: int
    options: tuple[tuple[str, str], ...]

    def open(self) -> Any:
        """Open an encoder."""
        import av

        context = av.CodecContext.create("libmp3lame", "w")
        context.sample_rate, context.layout = self.sample_rate, self.layout
        context.format, context.bit_rate = "fltp", self.bit_rate
        context.options = dict(self.options)
        context.open()
        return context

    def encode(self, samples: Samples, start: int, *, last: bool) -> list[Packet]:
        """Encode a piece whose first sample is sample `start` of the song; all of it if it is the `last`."""
        import av

        context, packets = self.open(), []
        step = 64 * context.frame_size
        for position in range(0, samples.shape[1], step):
            planar = np.ascontiguousarray(samples[:, position : position + step], np.float32)
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self.layout)
            frame.sample_rate, frame.pts = self.sample_rate, start + position
            frame.time_base = Fraction(1, self.sample_rate)
            packets += context.encode(frame)
        if last:
            packets += context.encode(None)
        return packets


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the song: its audio from `WARM_FRAMES` before `first` on, in frames of MP3."""

    samples: Samples
    first: int
    heard_from: int
    last: bool


class StripedLame:
    """Encode a stream in pieces, side by side; packets come out in order.

    Parameters
    ----------
    lame : Lame
        How each encoder is set up.
    channels : int
        Of the stream.
    """

    def __init__(self, lame: Lame, channels: int) -> None:
        self._lame = lame
        self._frame = int(lame.open().frame_size)
        self._held: list[Samples] = []
        self._held_from = self._first = 0
        self._count = 0
        self._channels = channels
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="lame")
        self._running: deque[tuple[_Piece, Future[list[Packet]]]] = deque()
        self._before: tuple[_Piece, list[Packet]] | None = None

    def push(self, samples: Samples) -> Iterator[Packet]:
        """Take the next samples; yields what is ready."""
        self._held.append(np.array(samples, np.float32))
        self._count += samples.shape[1]
        while self._count >= (self._first + STRIPE_FRAMES + TAIL_FRAMES) * self._frame:
            self._submit(self._first + STRIPE_FRAMES + TAIL_FRAMES, last=False)
            while len(self._running) >= IN_HAND:
                yield from self._joined()

    def flush(self) -> Iterator[Packet]:
        """Encode the rest; yields everything that is left."""
        self._submit(None, last=True)
        while self._running:
            yield from self._joined()
        self.close()

    def close(self) -> None:
        """Stop working."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, end: int | None, *, last: bool) -> None:
        """Hand a piece to a free encoder, and keep what the next one has to hear."""
        held = np.concatenate([np.zeros((self._channels, 0), np.float32), *self._held], axis=1)
        stop = held.shape[1] if end is None else end * self._frame - self._held_from * self._frame
        piece = _Piece(held[:, :stop], self._first, self._held_from, last)
        self._running.append((piece, self._pool.submit(self._encode, piece)))
        self._first += STRIPE_FRAMES
        keep_from = max(self._first - WARM_FRAMES, 0)
        self._held = [held[:, (keep_from - self._held_from) * self._frame :].copy()]  # lets go of the rest
        self._held_from = keep_from

    def _encode(self, piece: _Piece) -> list[Packet]:
        """Encode a piece; returns its packets from its first frame on, and some behind its end to compare."""
        packets = self._lame.encode(piece.samples, piece.heard_from * self._frame, last=piece.last)
        return packets[piece.first - piece.heard_from :]

    def _joined(self) -> list[Packet]:
        """Take the oldest piece's packets, proved against those of the piece before it."""
        piece, future = self._running.popleft()
        packets = future.result()
        if self._before is not None and not _agree(self._before[1], packets):
            packets = self._together(self._before[0], piece)
        self._before = (piece, packets)
        return packets if piece.last else packets[:STRIPE_FRAMES]

    def _together(self, before: _Piece, piece: _Piece) -> list[Packet]:
        """Encode a piece by one encoder with the piece before it: what that wrote comes out again."""
        known = (piece.heard_from - before.heard_from) * self._frame
        samples = np.concatenate([before.samples[:, :known], piece.samples], axis=1)
        packets = self._lame.encode(samples, before.heard_from * self._frame, last=piece.last)
        return packets[piece.first - before.heard_from :]


def _agree(before: list[Packet], after: list[Packet]) -> bool:
    """Whether the first frames of a piece are what the encoder of the piece before it would write."""
    proof = before[STRIPE_FRAMES : STRIPE_FRAMES + PROOF_FRAMES]
    return [bytes(packet) for packet in proof] == [bytes(packet) for packet in after[: len(proof)]]

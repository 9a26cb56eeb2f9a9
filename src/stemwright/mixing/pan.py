"""Pan laws: where a stem sits between left and right.

A mono stem is panned by the equal-power law (−3.01 dB in each channel at the centre); a stereo stem is
balanced: the far side is lowered by the same curve, the near side stays as it is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stemwright.audio import Samples
from stemwright.errors import InputError

__all__ = ["pan_matrix", "place"]


def pan_matrix(
    channels_in: int, channels_out: int, *, pan: float = 0.0, gain: float = 1.0
) -> npt.NDArray[np.float32]:
    """Gains from each source channel to each mix channel.

    Parameters
    ----------
    channels_in, channels_out : int
        Of the stem and of the mix.
    pan : float
        −1 (left) to 1 (right); needs a stereo mix.
    gain : float
        Amplitude factor on everything.

    Returns
    -------
    ndarray [shape=(channels_out, channels_in)]
        Multiply from the left.

    Raises
    ------
    InputError
        When the channels can't be brought together, or `pan` can't be done.
    """
    if not -1.0 <= pan <= 1.0:
        raise InputError(f"pan = {pan:g} is outside −1 (left) … 1 (right).")
    if pan and channels_out != 2:
        raise InputError(f"pan = {pan:g} needs a stereo mix; this one has {channels_out} channels.")
    if (channels_in, channels_out) == (1, 2):
        angle = (pan + 1.0) * math.pi / 4.0
        matrix = np.array([[math.cos(angle)], [math.sin(angle)]])
    elif (channels_in, channels_out) == (2, 2):
        matrix = np.diag([_far_side(pan), _far_side(-pan)])
    elif channels_in == channels_out:
        matrix = np.eye(channels_in)
    elif (channels_in, channels_out) == (2, 1):
        matrix = np.array([[0.5, 0.5]])
    else:
        raise InputError(
            f"A stem with {channels_in} channels has no agreed place in a mix with {channels_out}.",
            way_out="Set channels in the spec to the stem's, or bring the stem in as mono or stereo.",
        )
    return (matrix * gain).astype(np.float32)


def _far_side(away: float) -> float:
    """Gain of a stereo channel when the stem is moved `away` from it (0 … 1)."""
    return math.cos(max(away, 0.0) * math.pi / 2.0)


def place(block: Samples, matrix: npt.NDArray[np.float32]) -> Samples:
    """Bring one block of a stem into the mix's channels.

    Channel by channel, so that the result does not depend on how a matrix product is blocked.
    """
    out = np.zeros((matrix.shape[0], block.shape[1]), np.float32)
    for row, gains in enumerate(matrix):
        for channel, gain in enumerate(gains):
            if gain == 1.0 and not gains[:channel].any():
                out[row] = block[channel]
            elif gain:
                out[row] += block[channel] * gain
    return out

"""Windows on a fixed raster: every frame once, its neighbours around it, silence outside."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from signals import noise
from stemwright.audio import Samples
from stemwright.dsp.framing import Framer

SOUND = noise(0.01, channels=2).samples  # 480 frames


def windows(samples: Samples, framer: Framer, cuts: list[int]) -> list[Samples]:
    found = [
        window.copy() for block in np.split(samples, sorted(cuts), axis=1) for window in framer.push(block)
    ]
    return found + [window.copy() for window in framer.flush()]


@given(
    total=st.integers(0, 480), frames=st.integers(1, 100), reach=st.integers(0, 150),
    cuts=st.lists(st.integers(0, 480), max_size=6),
)  # fmt: skip
def test_each_window_is_its_place_in_the_signal(total: int, frames: int, reach: int, cuts: list[int]) -> None:
    framer = Framer(2, frames, reach=reach)
    found = windows(SOUND[:, :total], framer, cuts)
    assert framer.total == total
    assert len(found) == -(-total // frames)
    padded = np.pad(SOUND[:, :total], ((0, 0), (reach, reach + frames)))
    for index, window in enumerate(found):
        np.testing.assert_array_equal(window, padded[:, index * frames :][:, : frames + 2 * reach])

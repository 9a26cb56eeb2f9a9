"""Long songs in pieces: the same frames as in one, and a fade, not a step, where two pieces meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import noise
from stemwright.audio import Audio, Samples
from stemwright.separation import audio_separator
from stemwright.separation.protocol import keep_quiet
from stemwright.songs import SongStem

SONG = noise(1.0, sample_rate=44_100, channels=2)


def joined(song: Audio, separated: Any, *, piece: int, context: int) -> tuple[Samples, Samples]:
    """Give the song and the vocals that come out of pieces of that size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio_separator, "PIECE_FRAMES", piece)
        patch.setattr(audio_separator, "CONTEXT_FRAMES", context)
        patch.setattr(audio_separator, "_FADE", context // 4)
        patch.setattr(audio_separator, "_separated", separated)
        worker: Any = None
        blocks = list(audio_separator._joined(song, worker, Path(), keep_quiet))
    return (
        np.concatenate([block for block, _ in blocks], axis=1),
        np.concatenate([parts[SongStem.VOCALS] for _, parts in blocks], axis=1),
    )


@given(frames=st.integers(1, 9000), piece=st.integers(1000, 4000), context=st.integers(8, 900))
def test_pieces_join_to_what_one_piece_gives(frames: int, piece: int, context: int) -> None:
    song = Audio(SONG.samples[:, :frames], 44_100)

    def half(seen: Samples, *_: object) -> dict[SongStem, Samples]:
        return {SongStem.VOCALS: np.float32(0.5) * seen}

    whole, vocals = joined(song, half, piece=piece, context=context)
    np.testing.assert_array_equal(whole, song.samples)
    np.testing.assert_allclose(vocals, 0.5 * song.samples, atol=1e-6)


def test_pieces_that_disagree_are_faded() -> None:
    calls = 0

    def steps(seen: Samples, *_: object) -> dict[SongStem, Samples]:
        nonlocal calls
        calls += 1
        return {SongStem.VOCALS: np.full(seen.shape, float(calls), np.float32) * np.float32(0.01)}

    silent = Audio(np.zeros((2, 20_000), np.float32), 44_100)
    _, vocals = joined(silent, steps, piece=5000, context=800)
    assert calls == 4
    assert np.abs(np.diff(vocals)).max() < 0.01 / 390
    assert vocals[0, [0, 7000, -1]] == pytest.approx([0.01, 0.02, 0.04])


def test_a_loud_song_is_turned_down_before_the_model_and_up_again() -> None:
    peaks = []

    def copy(seen: Samples, *_: object) -> dict[SongStem, Samples]:
        peaks.append(float(np.abs(seen).max()))
        return {SongStem.VOCALS: seen}

    loud = Audio(SONG.samples * np.float32(10), 44_100)
    _, vocals = joined(loud, copy, piece=50_000, context=800)
    assert peaks == [pytest.approx(audio_separator.HEADROOM_PEAK)]
    np.testing.assert_allclose(vocals, loud.samples, rtol=1e-5, atol=1e-6)

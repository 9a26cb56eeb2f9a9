"""MP3 in pieces: what comes out is what one encoder would have written, to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signals import rng
from stemwright.audio import Samples
from stemwright.io import stripes
from stemwright.io.encoders import LAME_OPTIONS, MP3_RATES_HZ
from stemwright.io.reader import open_audio
from stemwright.io.stripes import STRIPE_FRAMES, TAIL_FRAMES, Lame, StripedLame
from stemwright.io.writer import write_audio

BLOCK = 131_072


def lame(sample_rate: int = 44_100, layout: str = "stereo") -> Lame:
    return Lame(sample_rate, layout, MP3_RATES_HZ[sample_rate], LAME_OPTIONS)


def music(frames: int, *, channels: int = 2, seed: int = 1) -> Samples:
    """Chords, hits and rests: every kind of window that LAME has."""
    random = rng(seed)
    time = np.arange(frames) / 44_100
    wave = sum(np.sin(2 * np.pi * hz * time + random.uniform(0, 6)) for hz in (110.0, 277.2, 659.3, 4_186.0))
    hits = np.zeros(frames)
    for start in range(0, frames, 11_025):
        length = min(4_000, frames - start)
        hits[start : start + length] += random.standard_normal(length) * np.exp(-np.arange(length) / 600)
    wave = 0.1 * np.asarray(wave) + 0.4 * hits
    wave[frames // 3 : frames // 3 + 44_100] = 0.0
    return np.stack([np.roll(wave, 7 * channel) for channel in range(channels)]).astype(np.float32)


def striped(samples: Samples, setup: Lame, block: int = BLOCK) -> list[bytes]:
    encoder = StripedLame(setup, samples.shape[0])
    packets = []
    for start in range(0, samples.shape[1], block):
        packets += [bytes(p) for p in encoder.push(samples[:, start : start + block])]
    return packets + [bytes(p) for p in encoder.flush()]


def by_one(samples: Samples, setup: Lame) -> list[bytes]:
    return [bytes(packet) for packet in setup.encode(samples, 0, last=True)]


@pytest.mark.parametrize(
    ("sample_rate", "layout"), [(44_100, "stereo"), (48_000, "stereo"), (44_100, "mono"), (22_050, "mono")]
)
def test_pieces_are_what_one_encoder_writes(sample_rate: int, layout: str) -> None:
    setup = lame(sample_rate, layout)
    samples = music(2_300 * 576 + 123, channels=2 if layout == "stereo" else 1)
    assert striped(samples, setup) == by_one(samples, setup)


@pytest.mark.parametrize("warm", [0, 49])
def test_a_join_that_can_not_be_proved_is_encoded_again(warm: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a warm-up no two encoders agree, and still the bytes are those of one."""
    monkeypatch.setattr(stripes, "WARM_FRAMES", warm)
    again: list[int] = []
    together = StripedLame._together

    def counted(self: StripedLame, before: Any, piece: Any) -> list[Any]:
        again.append(piece.first)
        return together(self, before, piece)

    monkeypatch.setattr(StripedLame, "_together", counted)
    samples = music(1_300 * 1_152)
    assert striped(samples, lame()) == by_one(samples, lame())
    assert len(again) == ((1_300 - TAIL_FRAMES) // STRIPE_FRAMES if warm == 0 else 0)


@pytest.mark.parametrize("block", [1_000, 4_096, 10**9])
def test_blocks_leave_no_trace(block: int) -> None:
    samples = music(700 * 1_152 + 5)
    assert striped(samples, lame(), block) == striped(samples, lame())


@pytest.mark.parametrize(
    "frames",
    [0, 100, 1_151, (STRIPE_FRAMES + TAIL_FRAMES) * 1_152 - 1, (STRIPE_FRAMES + TAIL_FRAMES) * 1_152],
)
def test_files_decode_to_their_length(frames: int, tmp_path: Path) -> None:
    samples = music(max(frames, 50_000))[:, :frames]
    write_audio(tmp_path / "a.mp3", [samples] if frames else [], sample_rate=44_100, channels=2)
    if frames:
        with open_audio(tmp_path / "a.mp3") as file:
            assert file.frames == frames

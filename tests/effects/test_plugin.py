"""Plug-ins, by a stand-in: what it promises is what pedalboard documents for VST3 plug-ins."""

from typing import Any

import numpy as np
import pytest

from signals import noise
from stemwright.audio import Audio, Samples, iter_blocks
from stemwright.effects import apply_effects, parse_effects
from stemwright.errors import InputError

LATENCY = 1_500


class StandIn:
    """Doubles what comes in, late: the first frames come out with the second block."""

    def __init__(self, path: str) -> None:
        self.is_effect = "synth" not in path
        self.parameters = {"gain_db": None, "mode": None}
        self.gain_db: float = 0.0
        self.held = np.zeros((1, 0), np.float32)
        self.fed = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "mode":
            raise ValueError("mode is one of: a, b")
        super().__setattr__(name, value)

    def process(self, block: Samples, _sample_rate: float, *, reset: bool) -> Samples:
        assert not reset
        if block.shape[0] != 1:
            raise ValueError("mono only")
        held = np.concatenate([self.held, block], axis=1)
        self.fed += block.shape[1]
        keep = min(LATENCY, self.fed)
        self.held = held[:, -keep:]
        return np.asarray(held[:, :-keep] * 10 ** (self.gain_db / 20), np.float32)


def run(audio: Audio, path: str = "double.vst3", **parameters: object) -> Samples:
    table = {"type": "vst3", "path": path, "parameters": parameters}
    effects = parse_effects([table], where="effects", allow_plugins=True)
    blocks = apply_effects(
        iter_blocks(audio, block_frames=7_777), effects,
        sample_rate=48_000, channels=audio.channels, frames=audio.frames,
    )  # fmt: skip
    return np.concatenate(list(blocks), axis=1)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pedalboard.VST3Plugin", StandIn)


@pytest.mark.parametrize("frames", [1, 1_400, 65_536, 70_001])
def test_latency_is_taken_out_and_parameters_are_set(frames: int) -> None:
    audio = Audio(noise(2.0).samples[:, :frames], 48_000)
    np.testing.assert_allclose(run(audio, gain_db=20.0), audio.samples * 10, rtol=1e-5)


def test_what_a_plugin_does_not_know_is_said() -> None:
    with pytest.raises(InputError, match=r'no parameter "gain"\. Known: gain_db, mode\.'):
        run(noise(0.1), gain=3.0)
    with pytest.raises(InputError, match=r"does not take mode = 'c': mode is one of"):
        run(noise(0.1), mode="c")


def test_instruments_and_channels_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="an instrument, no effect"):
        run(noise(0.1), path="synth.vst3")
    with pytest.raises(InputError, match="can't process this stem: mono only"):
        run(noise(0.1, channels=2))

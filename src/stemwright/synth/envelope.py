"""The six-stage envelopes of SF2 2.04 §8.1.2, in closed form: any stretch of frames, without state.

Conventions: times in frames; frame 0 is the note's start. Volume decays and releases linearly in dB, 100 dB
in the stated time; the modulation envelope moves linearly in value, its attack is convex.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from stemwright.synth.soundfont import IntArray, timecents_to_seconds
from stemwright.units import db_to_gain

__all__ = ["RANGE_DB", "Envelope", "FloatArray"]

FloatArray = npt.NDArray[np.float64]
RANGE_DB = 100.0  # what a stated decay or release time falls by
KEPT_FRAMES = 65_536
KEPT_SHAPES = 32
_RATE = math.log(10.0) * RANGE_DB / 20.0


@dataclass(frozen=True, slots=True)
class Envelope:
    """Delay, attack, hold, decay, sustain, release.

    Parameters
    ----------
    delay, attack, hold, decay, release : float
        In frames, ≥ 0.
    sustain : float
        Share of the decay's way that is left, 0–1: 1 stays up, 0 goes down for good.
    """

    delay: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float

    @classmethod
    def volume(cls, gens: IntArray, key: int, sample_rate: int) -> Envelope:
        """Read generators 33–40; sustain in cB below full scale."""
        return cls._read(gens, 33, key, sample_rate)

    @classmethod
    def modulation(cls, gens: IntArray, key: int, sample_rate: int) -> Envelope:
        """Read generators 25–32; sustain in 0.1 % below full scale."""
        return cls._read(gens, 25, key, sample_rate)

    @classmethod
    def _read(cls, gens: IntArray, first: int, key: int, sample_rate: int) -> Envelope:
        delay, attack, hold, decay, sustain, release, key_hold, key_decay = (
            int(value) for value in gens[first : first + 8]
        )
        times = (delay, attack, hold + key_hold * (60 - key), decay + key_decay * (60 - key), release)
        seconds = [0.0 if time <= -12_000 else timecents_to_seconds(min(time, 8_000)) for time in times]
        wait, rise, stay, fall, fade = (second * sample_rate for second in seconds)
        return cls(wait, rise, stay, fall, 1.0 - min(max(sustain, 0), 1_000) / 1_000.0, fade)

    @property
    def decay_start(self) -> float:
        """Frame at which the decay begins."""
        return self.delay + self.attack + self.hold

    def amplitude(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Amplitude of the held note over the frames ``start .. stop``, linear, 0–1; not to be changed."""
        if stop <= KEPT_FRAMES:
            return _held(self)[start:stop]
        return self.computed(start, stop)

    def computed(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Work `amplitude` out anew, from its closed form."""
        if start >= self._sustain_start:
            return np.full(stop - start, self._sustain_gain, np.float32)
        down = _ramp(start - self.decay_start, max(self.decay, 1e-9), stop - start)
        level = np.exp(np.float32(-_RATE) * np.clip(down, 0.0, 1.0 - self.sustain, dtype=np.float32))
        if start < self.delay + self.attack:
            level *= np.clip(_ramp(start - self.delay, max(self.attack, 1e-9), stop - start), 0.0, 1.0)
            level[: max(math.ceil(self.delay) - start, 0)] = 0.0
        return np.asarray(level, np.float32)

    def level_db(self, frame: int) -> float:
        """Level of the held note at `frame`, in dB; `-RANGE_DB` at the least."""
        rise = min(max((frame - self.delay) / max(self.attack, 1e-9), 0.0), 1.0)
        if frame < self.delay or rise <= 0.0:
            return -RANGE_DB
        fall = min(max((frame - self.decay_start) / max(self.decay, 1e-9), 0.0), 1.0 - self.sustain)
        return max(20.0 * math.log10(rise) - RANGE_DB * fall, -RANGE_DB)

    def released(self, start: int, stop: int, at: int) -> npt.NDArray[np.float32]:
        """Amplitude over ``start .. stop`` of a note released at frame `at` ≤ `start`."""
        return np.float32(db_to_gain(self.released_db(start, at))) * self.fade(stop - start)

    def released_db(self, frame: int, at: int) -> float:
        """Level at `frame` of a note released at frame `at` ≤ `frame`, in dB."""
        return self.level_db(at) - RANGE_DB * (frame - at) / max(self.release, 1.0)

    def fade(self, frames: int) -> npt.NDArray[np.float32]:
        """How the amplitude falls over `frames` frames after a release, from 1 on; not to be changed."""
        length = max(self.release, 1.0)
        return _faded(length)[:frames] if frames <= KEPT_FRAMES else _fading(length, frames)

    def fraction(self, n: FloatArray) -> FloatArray:
        """Value of the modulation envelope of a held note, 0–1, at frames `n`; 0 before the note."""
        rise = np.clip((n - self.delay) / max(self.attack, 1e-9), 0.0, 1.0)
        convex = np.clip(1.0 + 40.0 / 96.0 * np.log10(np.maximum(rise, 1e-9)), 0.0, 1.0)
        fall = np.clip((n - self.decay_start) / max(self.decay, 1e-9), 0.0, 1.0)
        return np.where(n < self.delay, 0.0, convex * np.maximum(1.0 - fall, self.sustain))

    @property
    def _sustain_start(self) -> float:
        return self.decay_start + self.decay * (1.0 - self.sustain)

    @property
    def _sustain_gain(self) -> float:
        return math.exp(-_RATE * (1.0 - self.sustain)) if self.sustain > 0.0 else 0.0

    @property
    def silent_from(self) -> float:
        """Frame from which a held note is silent for good; infinite when it sustains."""
        return math.inf if self._sustain_gain > db_to_gain(-RANGE_DB) else self._sustain_start


def _ramp(start: float, length: float, frames: int) -> npt.NDArray[np.float32]:
    """``(start + n) / length`` for ``n`` in ``0 .. frames``; the offset is exact until it is float32."""
    steps = np.arange(frames, dtype=np.float32) * np.float32(1.0 / length)
    return steps + np.float32(start / length)


@lru_cache(maxsize=KEPT_SHAPES)
def _held(envelope: Envelope) -> npt.NDArray[np.float32]:
    """Work out the first `KEPT_FRAMES` of an envelope once for all notes that share it."""
    return _frozen(envelope.computed(0, KEPT_FRAMES))


@lru_cache(maxsize=KEPT_SHAPES)
def _faded(length: float) -> npt.NDArray[np.float32]:
    return _frozen(_fading(length, KEPT_FRAMES))


def _fading(length: float, frames: int) -> npt.NDArray[np.float32]:
    return np.asarray(np.exp(np.float32(-_RATE) * _ramp(0, length, frames)), np.float32)


def _frozen(shape: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Guard a shape that all threads share."""
    shape.flags.writeable = False
    return shape

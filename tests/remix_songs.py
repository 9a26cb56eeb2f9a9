"""Short songs with their stems, made of plain waves: tempo, key, bars and every voice are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from signals import rng
from stemwright.analysis import AnalysisOverrides
from stemwright.audio import Audio, Samples
from stemwright.io.writer import write_audio
from stemwright.pipeline.remix import Remix, SongRequest
from stemwright.songs import Key

Array = npt.NDArray[np.float64]

Rendered = Callable[..., Remix]
"""What the fixture `render` is."""

RATE = 44_100
BEATS_PER_BAR = 4
WANDER_BEATS = 32
PING_HZ = 3_100.0


@dataclass(frozen=True)
class Tune:
    """What a song is made of.

    `chords` are pitch classes of the roots of one-bar chords, minor triads where `minor` says so; the voice
    sings in all bars but the first two and every fourth one after them. `drift` is how far the tempo wanders
    from `bpm`, over and over in 32 beats: 0.02 is 2 %.
    """

    name: str
    bpm: float
    key: str
    chords: tuple[tuple[int, bool], ...]
    bars: int = 11
    start_s: float = 0.5
    seed: int = 1
    drift: float = 0.0

    def at(self, beat: float) -> float:
        """Second of the song at which a beat stands; beat 0 is the first downbeat."""
        wander = self.drift * WANDER_BEATS / (2 * np.pi) * (1 - np.cos(2 * np.pi * beat / WANDER_BEATS))
        return float(self.start_s + self.beat_s * (beat + wander))

    @property
    def downbeats_s(self) -> list[float]:
        """Where its bars begin."""
        return [self.at(BEATS_PER_BAR * bar) for bar in range(self.bars)]

    @property
    def beat_s(self) -> float:
        return 60.0 / self.bpm

    @property
    def seconds(self) -> float:
        return self.at(self.bars * BEATS_PER_BAR) + 0.5

    @property
    def frames(self) -> int:
        return round(self.seconds * RATE)


NIGHT = Tune("Night", 120.0, "A minor", ((9, True), (5, False), (0, False), (7, False)))
TIDE = Tune("Tide", 111.0, "G minor", ((7, True), (3, False), (10, False), (5, False)), start_s=0.8, seed=2)


def stems_of(tune: Tune) -> dict[str, Samples]:
    """Vocals, drums, bass and other, stereo, one length."""
    parts = {"vocals": _vocals(tune), "drums": _drums(tune), "bass": _bass(tune), "other": _chords(tune)}
    return {name: np.stack((wave, wave)).astype(np.float32) for name, wave in parts.items()}


def song_of(tune: Tune) -> Audio:
    """The sum of its stems."""
    return Audio(np.sum(list(stems_of(tune).values()), axis=0, dtype=np.float32), RATE)


def write_song(tune: Tune, folder: Path, *, name: str = "", without: tuple[str, ...] = ()) -> SongRequest:
    """Write ``<name>.wav`` and ``<name>-stems/``; what is left out is in neither."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = {stem: wave for stem, wave in stems_of(tune).items() if stem not in without}
    path, stems_folder = folder / f"{name or tune.name}.wav", folder / f"{name or tune.name}-stems"
    write(path, np.sum(list(stems.values()), axis=0, dtype=np.float32))
    stems_folder.mkdir(exist_ok=True)
    for stem, wave in stems.items():
        write(stems_folder / f"{stem}.wav", wave)
    return SongRequest(path, stems_folder)


def known(tune: Tune) -> AnalysisOverrides:
    """Everything that a person can know better about it."""
    return AnalysisOverrides(bpm=tune.bpm, first_downbeat_s=tune.start_s, key=Key.parse(tune.key))


def write(path: Path, samples: Samples, *, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    """Write a WAV."""
    write_audio(path, [samples], sample_rate=rate, channels=samples.shape[0], subtype=subtype, overwrite=True)
    return path


def _drums(tune: Tune) -> Array:
    """Kick on 1 and 3, snare on 2 and 4, hats on eighths; a short tone of its own on the first beat."""
    out = np.zeros(tune.frames)
    t = np.arange(round(0.25 * RATE)) / RATE
    kick = 0.6 * np.exp(-t / 0.06) * np.sin(2 * np.pi * (50 * t + 3 * (1 - np.exp(-t / 0.02))))
    random = rng(tune.seed)
    snare = 0.25 * np.exp(-t / 0.05) * (random.standard_normal(t.size) + np.sin(2 * np.pi * 190 * t))
    hat = 0.06 * np.exp(-t / 0.015) * np.diff(random.standard_normal(t.size + 1))
    ping = 0.12 * np.exp(-t / 0.05) * np.sin(2 * np.pi * PING_HZ * t)
    for beat in range(tune.bars * BEATS_PER_BAR):
        place = beat % BEATS_PER_BAR
        _add(out, kick if place % 2 == 0 else snare, tune, beat)
        if place == 0:
            _add(out, ping, tune, beat)
        _add(out, hat, tune, beat)
        _add(out, hat, tune, beat + 0.5)
    return out


def _bass(tune: Tune) -> Array:
    out = np.zeros(tune.frames)
    t = np.arange(round(0.9 * tune.beat_s * RATE)) / RATE
    edge = np.minimum(np.minimum(t / 0.004, (t[-1] - t) / 0.03), 1.0)
    for beat in range(tune.bars * BEATS_PER_BAR):
        root, _ = tune.chords[beat // BEATS_PER_BAR % len(tune.chords)]
        hertz = _hertz(36 + root)
        _add(out, 0.2 * edge * _tone(hertz, t, 4), tune, beat)
    return out


def _chords(tune: Tune) -> Array:
    out = np.zeros(tune.frames)
    t = np.arange(round(BEATS_PER_BAR * tune.beat_s * RATE)) / RATE
    edge = np.minimum(np.minimum(t / 0.006, (t[-1] - t) / 0.04), 1.0)
    for bar in range(tune.bars):
        root, minor = tune.chords[bar % len(tune.chords)]
        notes = (root, root + (3 if minor else 4), root + 7)
        wave = sum(_tone(_hertz(60 + note), t, 6) for note in notes)
        _add(out, 0.05 * edge * np.asarray(wave), tune, bar * BEATS_PER_BAR)
    return out


def _vocals(tune: Tune) -> Array:
    """A sung line: harmonics under two formants, with vibrato, a note on every second beat."""
    out = np.zeros(tune.frames)
    t = np.arange(round(1.7 * tune.beat_s * RATE)) / RATE
    edge = np.minimum(np.minimum(t / 0.02, (t[-1] - t) / 0.08), 1.0)
    for bar in range(2, tune.bars):
        if bar % 4 == 1:
            continue
        root, minor = tune.chords[bar % len(tune.chords)]
        for half, step in enumerate((7, 3 if minor else 4)):
            pitch = _hertz(60 + root % 12 + step - 12 * (root > 6))
            phase = 2 * np.pi * pitch * t + 0.6 * np.sin(2 * np.pi * 5.5 * t)
            wave = np.zeros(t.size)
            for harmonic in range(1, 15):
                hertz = pitch * harmonic
                formants = np.exp(-(((hertz - 700) / 250) ** 2)) + 0.6 * np.exp(
                    -(((hertz - 1400) / 300) ** 2)
                )
                wave += (0.1 + formants) * np.sin(harmonic * phase) / np.sqrt(harmonic)
            _add(out, 0.12 * edge * wave, tune, bar * BEATS_PER_BAR + 2 * half)
    return out


def _hertz(note: int) -> float:
    return float(440.0 * 2.0 ** ((note - 69) / 12.0))


def _tone(hertz: float, t: Array, harmonics: int) -> Array:
    return np.asarray(sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, harmonics + 1)))


def _add(out: Array, wave: Array, tune: Tune, beat: float) -> None:
    at = round(tune.at(beat) * RATE)
    part = wave[: max(out.size - at, 0)]
    out[at : at + part.size] += part

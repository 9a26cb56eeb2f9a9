"""Play notes through a SoundFont: voices in, stereo blocks out, at any sample rate.

Memory depends on how many notes sound at once, never on how long the music is: blocks of `GRID_FRAMES` on a
fixed grid are filled voice by voice and then cut to the length that the caller wants, so the samples do not
depend on it. A note's envelope is a closed form of its age; ``tone`` makes the sound below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Samples, rechunk, validate_sample_rate
from stemwright.memory import keep_freed_memory
from stemwright.synth.envelope import RANGE_DB, Envelope
from stemwright.synth.modulators import attenuation_db, played_generators
from stemwright.synth.soundfont import DRUM_BANK, Gen, SoundFont, Zone
from stemwright.synth.tone import FloatSamples, Player, Tone, ToneCache
from stemwright.units import db_to_gain

__all__ = ["DRUM_BANK", "Sampler", "Strike", "faded_end", "render"]

GRID_FRAMES = 65_536
MAX_VOICES = 160
MAX_SOUNDS = 8_192  # kept of each kind, so that a hostile MIDI file can't fill the memory
FLOOR_DB = -80.0
CHOKE_S = 0.012
END_FADE_S = 0.012


@dataclass(frozen=True, slots=True)
class Strike:
    """A key struck and released.

    Parameters
    ----------
    start, release : int
        Frames; ``release > start``.
    key, velocity : int
        0–127, 1–127.
    program, bank : int
        What it plays; `DRUM_BANK` for drum kits.
    channel : int
        Notes of one channel share exclusive classes; the same key struck again ends the earlier note.
    """

    start: int
    release: int
    key: int
    velocity: int
    program: int = 0
    bank: int = 0
    channel: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Sound:
    """What a zone is at one key (and velocity, where it matters): everything but the note's own times."""

    tone: Tone
    number: int
    envelope: Envelope
    pan: tuple[float, float]
    exclusive: int
    velocity: int
    levels_db: dict[int, float] = field(default_factory=dict)
    """How far a note stays below full scale, by velocity."""


@dataclass(slots=True, eq=False)
class _Voice:
    """One zone sounding; frames count from the note's start."""

    strike: Strike
    sound: _Sound
    player: Player
    attenuation_db: float
    release: int
    choke: int | None = None
    end: int = 0

    def __post_init__(self) -> None:
        self.end = self._end()

    def let_go(self, age: int) -> None:
        """Release the key at an age, unless it was before."""
        if age < self.release:
            self.release = age
            self.end = self._end()

    def cut(self, age: int) -> None:
        """Choke the voice at an age, unless it was before."""
        if self.choke is None or age < self.choke:
            self.choke = age
            self.end = self._end()

    def _end(self) -> int:
        """Age from which nothing is heard any more."""
        envelope, tone = self.sound.envelope, self.sound.tone
        level_db = envelope.level_db(self.release) - self.attenuation_db
        ring = max(level_db - FLOOR_DB, 0.0) / RANGE_DB * max(envelope.release, 1.0)
        end = min(self.release + ring, tone.frames, envelope.silent_from)
        return math.ceil(end if self.choke is None else min(end, self.choke + CHOKE_S * tone.sample_rate))

    def shape(self, wave: FloatSamples, start: int, out: FloatSamples) -> None:
        """Write `wave`, which begins at the age `start`, into `out` under the note's envelope and level."""
        stop = start + wave.size
        envelope, gain = self.sound.envelope, db_to_gain(-self.attenuation_db)
        edge = min(max(self.release, start), stop)
        held, rest = out[: edge - start], out[edge - start :]
        if held.size:
            np.multiply(wave[: held.size], envelope.amplitude(start, edge), out=held)
            held *= np.float32(gain)
        if rest.size:
            np.multiply(wave[held.size :], envelope.fade(rest.size), out=rest)
            rest *= np.float32(gain * db_to_gain(envelope.released_db(edge, self.release)))
        if self.choke is not None and stop > self.choke:
            self._choke(out, start, self.choke)

    def _choke(self, out: FloatSamples, start: int, at: int) -> None:
        n = np.arange(max(start, at), start + out.size)
        curve = np.clip(1.0 - (n - at) / (CHOKE_S * self.sound.tone.sample_rate), 0.0, 1.0)
        out[out.size - n.size :] *= curve.astype(np.float32)


class Sampler:
    """A SoundFont at one sample rate.

    Keeps rendered tones, so that rendering again, or the same notes often, is cheap. Not to be shared by
    threads; the `SoundFont` below it may be.

    Parameters
    ----------
    font : SoundFont
        What to play.
    sample_rate : int
        In Hz; pitch and timing do not depend on it.
    """

    def __init__(self, font: SoundFont, sample_rate: int) -> None:
        keep_freed_memory()
        self.font = font
        self.sample_rate = validate_sample_rate(sample_rate)
        self._cache = ToneCache(font)
        self._sounds: dict[tuple[int, int, int, int], _Sound] = {}
        self._zones: dict[tuple[int, int, int, int], tuple[Zone, ...]] = {}
        self._scratch = np.empty(GRID_FRAMES, np.float32)

    def blocks(self, strikes: Sequence[Strike], *, frames: int, channels: int = 2) -> Iterator[Samples]:
        """Render on the fixed grid; the last block is cut at `frames`; mono is the mean of both sides."""
        ordered = sorted(strikes, key=lambda s: (s.start, s.channel, s.key, s.velocity))
        active: list[_Voice] = []
        next_strike = 0
        for start in range(0, frames, GRID_FRAMES):
            stop = min(start + GRID_FRAMES, frames)
            while next_strike < len(ordered) and ordered[next_strike].start < stop:
                self._start(ordered[next_strike], active)
                next_strike += 1
            yield self._mix(active, start, stop, channels)
            active = [voice for voice in active if voice.strike.start + voice.end > stop]

    def _start(self, strike: Strike, active: list[_Voice]) -> None:
        """Start a note's voices; end the ones that it replaces."""
        fresh = [self._voice(zone, strike) for zone in self._matching(strike)]
        classes = {voice.sound.exclusive for voice in fresh} - {0}
        for voice in active:
            if voice.strike.channel != strike.channel or voice.strike.start >= strike.start:
                continue
            if voice.sound.exclusive in classes:
                voice.cut(strike.start - voice.strike.start)
            elif voice.strike.key == strike.key:
                voice.let_go(strike.start - voice.strike.start)
        active.extend(fresh)
        self._steal(active, strike.start)

    def _steal(self, active: list[_Voice], now: int) -> None:
        """Choke the oldest voices beyond `MAX_VOICES`."""
        if len(active) <= MAX_VOICES:
            return
        sounding = [v for v in active if v.choke is None and v.strike.start + v.end > now]
        for voice in sounding[: max(len(sounding) - MAX_VOICES, 0)]:
            voice.cut(max(now - voice.strike.start, 0))

    def _matching(self, strike: Strike) -> tuple[Zone, ...]:
        place = (strike.bank, strike.program, strike.key, strike.velocity)
        if place not in self._zones:
            if len(self._zones) >= MAX_SOUNDS:
                self._zones.clear()
            preset = self.font.preset(strike.bank, strike.program)
            self._zones[place] = tuple(preset.matching(strike.key, strike.velocity))
        return self._zones[place]

    def _voice(self, zone: Zone, strike: Strike) -> _Voice:
        held = max(strike.release - strike.start, 1)
        sound = self._sound(zone, strike.key, strike.velocity, held)
        velocity = sound.velocity or strike.velocity
        if velocity not in sound.levels_db:
            sound.levels_db[velocity] = attenuation_db(zone, strike.key, velocity)
        return _Voice(strike, sound, Player(sound.tone, sound.number), sound.levels_db[velocity], held)

    def _sound(self, zone: Zone, key: int, velocity: int, held: int) -> _Sound:
        """Look up what a zone sounds like, or work it out; only what matters for it is part of the key."""
        place = (
            zone.ident,
            key,
            velocity if zone.modulators or zone.added else 0,
            held if zone.loop_mode == 3 else 0,
        )
        if place not in self._sounds:
            if len(self._sounds) >= MAX_SOUNDS:
                self._sounds.clear()
            self._sounds[place] = self._worked_out(zone, key, velocity, held)
        return self._sounds[place]

    def _worked_out(self, zone: Zone, key: int, velocity: int, held: int) -> _Sound:
        gens = played_generators(zone, key, velocity)
        tone = Tone.of(zone, gens, key, self.sample_rate, held_frames=held)
        angle = (min(max(int(gens[Gen.PAN]), -500), 500) / 1_000.0 + 0.5) * math.pi / 2.0
        return _Sound(
            tone,
            self._cache.number(tone),
            Envelope.volume(gens, key, self.sample_rate),
            (math.cos(angle), math.sin(angle)),
            int(gens[Gen.EXCLUSIVE_CLASS]),
            int(gens[Gen.FIXED_VELOCITY]) if 0 < gens[Gen.FIXED_VELOCITY] <= 127 else 0,
        )

    def _mix(self, active: Sequence[_Voice], start: int, stop: int, channels: int) -> Samples:
        """Add up the voices of each place in the stereo picture, then place them."""
        buses: dict[tuple[float, float], FloatSamples] = {}
        for voice in active:
            origin = voice.strike.start
            first, last = max(start - origin, 0), min(stop - origin, voice.end)
            if first < last:
                mono = self._scratch[: last - first]
                voice.shape(self._cache.read(voice.player, first, last), first, mono)
                if voice.sound.pan not in buses:
                    buses[voice.sound.pan] = np.zeros(stop - start, np.float32)
                buses[voice.sound.pan][origin + first - start : origin + last - start] += mono
        return _placed(buses, stop - start, channels)


def _placed(buses: Mapping[tuple[float, float], FloatSamples], frames: int, channels: int) -> Samples:
    out = np.zeros((channels, frames), np.float32)
    for (left, right), bus in buses.items():
        for channel, gain in enumerate((left, right) if channels == 2 else ((left + right) / 2.0,)):
            out[channel] += np.float32(gain) * bus
    return out


def render(
    strikes: Sequence[Strike],
    *,
    sample_rate: int,
    frames: int,
    soundfont: SoundFont,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[Samples]:
    """Play notes through a SoundFont.

    Parameters
    ----------
    strikes : Sequence[Strike]
        In any order.
    sample_rate : int
        In Hz.
    frames : int
        Exact length of the stream; what still rings at its end is faded over 12 ms.
    soundfont : SoundFont
        What to play.
    block_frames : int
        Length of the blocks; changes no sample.

    Yields
    ------
    Samples [shape=(2, n)]
        In all exactly `frames` frames; not normalised.
    """
    blocks = Sampler(soundfont, sample_rate).blocks(strikes, frames=frames)
    return rechunk(faded_end(blocks, frames=frames, sample_rate=sample_rate), block_frames)


def faded_end(blocks: Iterator[Samples], *, frames: int, sample_rate: int) -> Iterator[Samples]:
    """Fade the last 12 ms of a stream of `frames` frames to zero, so that a cut tail does not click."""
    length = min(round(END_FADE_S * sample_rate), frames)
    place = 0
    for block in blocks:
        stop = place + block.shape[1]
        if stop > frames - length:
            n = np.arange(max(place, frames - length), stop)
            curve = 0.5 + 0.5 * np.cos(np.pi * (n - (frames - length) + 1) / length)
            block[:, block.shape[1] - len(n) :] *= curve.astype(np.float32)
        yield block
        place = stop

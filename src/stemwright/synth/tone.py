"""The sound of a zone at one key before its volume envelope: interpolation, pitch, filter, tremolo.

A tone is rendered in chunks of `CHUNK_FRAMES`, counted from the note's start; the only thing that passes
from one chunk to the next is the phase. So equal notes share their chunks (`ToneCache`), and a chunk never
depends on how the caller reads.

Sources: J. O. Smith, *Digital Audio Resampling* (windowed-sinc interpolation); SF2 2.04 §8.1.2 (LFO,
modulation envelope, filter); R. Bristow-Johnson, *Cookbook formulae for audio EQ biquad filter coefficients*
(low-pass). Deviation: the filter is applied by overlapped short spectra, each with the exact response of
the cookbook's biquad at the cutoff of its centre, because cutoffs move and the recursion can't be vectorised.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from stemwright.synth.envelope import Envelope, FloatArray
from stemwright.synth.soundfont import Gen, IntArray, SoundFont, Zone, cents_to_hz, timecents_to_seconds
from stemwright.units import cents_to_ratio

__all__ = ["FloatSamples", "Player", "Tone", "ToneCache"]

CHUNK_FRAMES = 16_384
CACHE_CHUNKS = 512
CACHED_PER_TONE = 32
KEPT_FRAMES = CACHED_PER_TONE * CHUNK_FRAMES

KERNEL_TAPS = 16
KERNEL_PHASES = 4_096
KERNEL_BETA = 7.0
MAX_TAPS = 96
PASSBAND = 0.94

MIN_RATIO, MAX_RATIO = 1e-4, 64.0
MAX_CENTS = 14_400

FILTER_OPEN_HZ = 18_000.0
_STEP_CENTS = 25

FloatSamples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Oscillator:
    """A triangle LFO (§8.1.2, 21–24): delay in frames, rate in cycles per frame."""

    delay: float
    rate: float

    def __call__(self, n: FloatArray) -> FloatArray:
        """Value in ±1 at frames `n`; rises from 0 after the delay."""
        turns = np.maximum(n - self.delay, 0.0) * self.rate + 0.25
        return 1.0 - 4.0 * np.abs(turns - np.floor(turns) - 0.5)


@dataclass(frozen=True, slots=True)
class Tone:
    """All that decides a tone's waveform; equal tones sound the same.

    Attributes
    ----------
    zone : int
        `Zone.ident` of the sample.
    start, end, loop_start, loop_end : int
        Frames in the sample pool.
    loops : bool
        Whether it loops.
    loop_rounds : int or None
        After so many rounds it plays on to its end; None loops for ever.
    ratio : float
        Sample frames per output frame.
    lfo_pitch, vibrato, envelope_pitch, lfo_volume, lfo_cutoff, envelope_cutoff : int
        Depths in cents, tremolo in cB.
    cutoff_cents, resonance_cb : int
        The low-pass.
    """

    zone: int
    start: int
    end: int
    loop_start: int
    loop_end: int
    loops: bool
    loop_rounds: int | None
    ratio: float
    sample_rate: int
    lfo_pitch: int
    vibrato: int
    envelope_pitch: int
    lfo_volume: int
    lfo_cutoff: int
    envelope_cutoff: int
    cutoff_cents: int
    resonance_cb: int
    lfo: Oscillator
    vibrato_lfo: Oscillator
    envelope: Envelope

    @classmethod
    def of(cls, zone: Zone, gens: IntArray, key: int, sample_rate: int, *, held_frames: int) -> Tone:
        """Build the tone of a zone at a key; `held_frames` matters only to loops that end with the note."""
        pitch_key = int(gens[Gen.FIXED_KEY]) if 0 <= gens[Gen.FIXED_KEY] <= 127 else key
        ratio = zone.rate / sample_rate * cents_to_ratio(_pitch_cents(zone, gens, pitch_key))
        ratio = min(max(ratio, MIN_RATIO), MAX_RATIO)
        loops = zone.loop_mode != 0
        rounds = _rounds(zone, ratio, held_frames) if zone.loop_mode == 3 else None
        return cls(
            zone=zone.ident,
            start=zone.start,
            end=zone.end,
            loop_start=zone.loop_start,
            loop_end=zone.loop_end,
            loops=loops,
            loop_rounds=rounds,
            ratio=ratio,
            sample_rate=sample_rate,
            lfo_pitch=int(gens[Gen.MOD_LFO_TO_PITCH]),
            vibrato=int(gens[Gen.VIB_LFO_TO_PITCH]),
            envelope_pitch=int(gens[Gen.MOD_ENV_TO_PITCH]),
            lfo_volume=int(gens[Gen.MOD_LFO_TO_VOLUME]),
            lfo_cutoff=int(gens[Gen.MOD_LFO_TO_FC]),
            envelope_cutoff=int(gens[Gen.MOD_ENV_TO_FC]),
            cutoff_cents=int(gens[Gen.FILTER_FC]),
            resonance_cb=int(gens[Gen.FILTER_Q]),
            lfo=_oscillator(gens, Gen.MOD_LFO_DELAY, sample_rate),
            vibrato_lfo=_oscillator(gens, Gen.VIB_LFO_DELAY, sample_rate),
            envelope=Envelope.modulation(gens, key, sample_rate),
        )

    @property
    def frames(self) -> float:
        """How long it can sound, in output frames; infinite when it loops."""
        if self.loops and self.loop_rounds is None:
            return math.inf
        depth = abs(self.lfo_pitch) + abs(self.vibrato) + abs(self.envelope_pitch)
        extra = (self.loop_rounds or 0) * (self.loop_end - self.loop_start)
        return (self.end - self.start + extra) / (self.ratio * cents_to_ratio(-depth)) + 1.0

    @property
    def bends(self) -> bool:
        """Whether its pitch moves."""
        return bool(self.lfo_pitch or self.vibrato or self.envelope_pitch)


def _pitch_cents(zone: Zone, gens: IntArray, key: int) -> float:
    scaled = (key - zone.root_key) * int(gens[Gen.SCALE_TUNING])
    whole = scaled + 100 * int(gens[Gen.COARSE_TUNE]) + int(gens[Gen.FINE_TUNE]) + zone.correction_cents
    return min(max(whole, -MAX_CENTS), MAX_CENTS)


def _rounds(zone: Zone, ratio: float, held_frames: int) -> int:
    beyond = zone.start + held_frames * ratio - zone.loop_end
    return max(0, math.floor(beyond / (zone.loop_end - zone.loop_start)) + 1)


def _oscillator(gens: IntArray, delay: Gen, sample_rate: int) -> Oscillator:
    frames = timecents_to_seconds(int(gens[delay])) * sample_rate
    return Oscillator(frames, cents_to_hz(int(gens[delay + 1])) / sample_rate)


@dataclass(slots=True, eq=False)
class _Tape:
    """The beginning of a tone, one chunk after another, and the phase that the next one starts at."""

    wave: FloatSamples = field(default_factory=lambda: np.zeros(0, np.float32))
    chunks: int = 0
    phase: float = 0.0

    def append(self, made: FloatSamples) -> None:
        frames = self.chunks * CHUNK_FRAMES
        if frames == self.wave.size:
            longer = np.empty(max(2 * frames, CHUNK_FRAMES), np.float32)
            longer[:frames] = self.wave
            self.wave = longer
        self.wave[frames : frames + CHUNK_FRAMES] = made
        self.chunks += 1


@dataclass(slots=True, eq=False)
class Player:
    """Where one note stands in its tone, once it is beyond what is kept."""

    tone: Tone
    number: int
    index: int = CACHED_PER_TONE - 1
    chunk: FloatSamples = field(default_factory=lambda: np.zeros(0, np.float32))
    phase: float = 0.0


class ToneCache:
    """Renders tones, and keeps the first seconds of each; one per renderer, not shared by threads."""

    def __init__(self, font: SoundFont) -> None:
        self._font = font
        self._tapes: OrderedDict[int, _Tape] = OrderedDict()
        self._kept_chunks = 0
        self._numbers: dict[Tone, int] = {}

    def number(self, tone: Tone) -> int:
        """Give a tone its number: equal tones have the same."""
        return self._numbers.setdefault(tone, len(self._numbers))

    def read(self, player: Player, first: int, last: int) -> FloatSamples:
        """Read the frames ``first .. last`` of a note, in rising, touching ranges; not to be changed."""
        if last <= KEPT_FRAMES:
            return self._tape(player, last).wave[first:last]
        parts = [self._tape(player, KEPT_FRAMES).wave[first:KEPT_FRAMES]] if first < KEPT_FRAMES else []
        if not player.chunk.size:
            player.phase = self._tape(player, KEPT_FRAMES).phase
        for index in range(max(first // CHUNK_FRAMES, CACHED_PER_TONE), (last - 1) // CHUNK_FRAMES + 1):
            start = index * CHUNK_FRAMES
            parts.append(self._beyond(player, index)[max(first - start, 0) : last - start])
        return np.concatenate(parts)

    def _beyond(self, player: Player, index: int) -> FloatSamples:
        """Render a note's own chunks up to `index`."""
        while player.index < index:
            player.index += 1
            player.chunk, player.phase = _render_chunk(
                self._font, player.tone, player.index * CHUNK_FRAMES, player.phase
            )
        return player.chunk

    def _tape(self, player: Player, frames: int) -> _Tape:
        """Find a tone's tape, rendered as far as `frames`; forget the ones that were not heard for long."""
        tape = self._tapes.setdefault(player.number, _Tape())
        self._tapes.move_to_end(player.number)
        while tape.chunks * CHUNK_FRAMES < frames:
            made, tape.phase = _render_chunk(self._font, player.tone, tape.chunks * CHUNK_FRAMES, tape.phase)
            tape.append(made)
            self._kept_chunks += 1
        while self._kept_chunks > CACHE_CHUNKS:
            self._kept_chunks -= self._tapes.popitem(last=False)[1].chunks
        return tape


def _render_chunk(font: SoundFont, tone: Tone, first: int, phase: float) -> tuple[FloatSamples, float]:
    filtered = _is_filtered(tone)
    before, after = _filter_margins(tone.sample_rate) if filtered else (0, 0)
    before, count = min(before, first), _sounding(tone, first)
    n = np.arange(first - before, first + count + after, dtype=np.float64)
    positions, following = _positions(tone, n, before, before + count, phase)
    wave = _interpolate(font, tone, positions)
    if filtered:
        wave = _sweep(tone, wave, first - before)[before : before + count]
    if tone.lfo_volume:
        swell = 10.0 ** (tone.lfo_volume * tone.lfo(n[before : before + count]) / 200.0)
        wave *= swell.astype(np.float32)
    chunk = np.zeros(CHUNK_FRAMES, np.float32)
    chunk[:count] = wave
    return chunk, following


def _sounding(tone: Tone, first: int) -> int:
    """Frames of the chunk at `first` before a tone that does not loop has ended, in whole hops."""
    hop = _hop(tone.sample_rate)
    hops = min(max(tone.frames - first, 1.0) / hop, CHUNK_FRAMES / hop)
    return min(math.ceil(hops) * hop, CHUNK_FRAMES)


def _positions(
    tone: Tone, n: FloatArray, before: int, following: int, phase: float
) -> tuple[FloatArray, float]:
    """Find the sample positions of the frames `n`, and of ``n[following]``; `phase` is ``n[before]``'s."""
    if not tone.bends:
        return n * tone.ratio, 0.0
    cents = tone.lfo_pitch * tone.lfo(n) + tone.vibrato * tone.vibrato_lfo(n)
    cents += tone.envelope_pitch * tone.envelope.fraction(n)
    steps = np.clip(tone.ratio * np.exp2(cents / 1_200.0), MIN_RATIO, MAX_RATIO)
    travelled = np.concatenate(([0.0], np.cumsum(steps)))
    travelled += phase - travelled[before]
    return travelled[:-1], float(travelled[following])


def _interpolate(font: SoundFont, tone: Tone, positions: FloatArray) -> FloatSamples:
    """Windowed-sinc interpolation of the looped sample at `positions`."""
    kernel = _kernel_for(tone.ratio * cents_to_ratio(max(tone.envelope_pitch, 0)))
    taps = kernel.shape[1]
    base = np.floor(positions).astype(np.int64)
    phases = np.rint((positions - base) * KERNEL_PHASES).astype(np.int64)
    lowest = int(base[0]) - taps // 2 + 1
    unrolled = np.arange(lowest, int(base[-1]) + taps // 2 + 1, dtype=np.int64)
    source = _unrolled(font, tone, unrolled)
    wave = np.einsum("nt,nt->n", _windows(source, base - int(base[0]), taps), kernel.take(phases, axis=0))
    return np.asarray(wave, np.float32)


def _windows(source: FloatSamples, starts: npt.NDArray[np.int64], taps: int) -> FloatSamples:
    """Gather `taps` frames from each start on; as opaque items they are copied at once, not one by one."""
    size = source.itemsize
    items = np.ndarray((source.size - taps + 1,), f"V{taps * size}", source, strides=(size,))
    return items[starts].view(np.float32).reshape(-1, taps)


def _unrolled(font: SoundFont, tone: Tone, indices: npt.NDArray[np.int64]) -> FloatSamples:
    """Sample values at unrolled positions: looped, without the loop's DC, zero outside the sample."""
    places = indices + tone.start
    if tone.loops:
        length = tone.loop_end - tone.loop_start
        rounds = np.maximum((places - tone.loop_start) // length, 0)
        if tone.loop_rounds is not None:
            rounds = np.minimum(rounds, tone.loop_rounds)
        places = places - rounds * length
    inside = (places >= tone.start) & (places < tone.end)
    values = font.read(np.where(inside, places, tone.start))
    if tone.loops:
        lead = np.float32(max(tone.loop_start - tone.start, 1))
        ramp = np.minimum((places - tone.start).astype(np.float32) / lead, np.float32(1.0))
        values -= ramp * np.float32(font.loop_offset(tone.loop_start, tone.loop_end))
    values[~inside] = 0.0
    return values


def _kernel_for(ratio: float) -> FloatSamples:
    """Kernel whose cutoff keeps what is played above its rate from folding back."""
    return _kernel(max(0, math.ceil(6.0 * math.log2(min(ratio, MAX_RATIO)) - 1e-9)))


@lru_cache(maxsize=24)
def _kernel(step: int) -> FloatSamples:
    """Kaiser-windowed sinc, [shape=(KERNEL_PHASES + 1, taps)], for ratios up to ``2 ** (step / 6)``."""
    cutoff = PASSBAND * 2.0 ** (-step / 6.0)
    taps = min(2 * math.ceil(KERNEL_TAPS * 2.0 ** (step / 6.0) / 2.0), MAX_TAPS)
    offsets = np.arange(taps) - (taps // 2 - 1)
    t = offsets[np.newaxis, :] - np.arange(KERNEL_PHASES + 1)[:, np.newaxis] / KERNEL_PHASES
    window = np.i0(KERNEL_BETA * np.sqrt(np.maximum(1.0 - (2.0 * t / taps) ** 2, 0.0)))
    kernel = np.sinc(cutoff * t) * window
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), np.float32)


def _is_filtered(tone: Tone) -> bool:
    swing = min(0, tone.envelope_cutoff) - abs(tone.lfo_cutoff)
    return tone.resonance_cb > 0 or cents_to_hz(tone.cutoff_cents + swing) < _open_hz(tone.sample_rate)


def _open_hz(sample_rate: int) -> float:
    return min(FILTER_OPEN_HZ, 0.45 * sample_rate)


def _hop(sample_rate: int) -> int:
    """Half a filter frame: 10.7 ms at 48 kHz, a power of two at every rate."""
    return int(2 ** round(math.log2(sample_rate / 93.75)))


def _filter_margins(sample_rate: int) -> tuple[int, int]:
    """Frames that a chunk needs before and after itself: the spectra that reach into it."""
    hop = _hop(sample_rate)
    return 5 * hop, hop


def _sweep(tone: Tone, wave: FloatSamples, first: int) -> FloatSamples:
    """Low-pass `wave`, whose first frame is `first`, a multiple of the hop, with a moving cutoff."""
    hop = _hop(tone.sample_rate)
    padded = np.concatenate((np.zeros(hop, np.float32), wave, np.zeros(hop, np.float32)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    centres = first + hop * np.arange(len(windows), dtype=np.float64)
    # norm="ortho" keeps float32: with the usual norm numpy transforms forwards in float64, twice as slow
    spectra = np.fft.rfft(windows * _hann(hop), 4 * hop, norm="ortho") * _responses(tone, centres, hop)
    blocks = np.asarray(np.fft.irfft(spectra, 4 * hop, norm="ortho"), np.float32)
    return _overlap_add(blocks, hop)[hop : hop + len(wave)]


def _overlap_add(blocks: FloatSamples, hop: int) -> FloatSamples:
    count, length = blocks.shape
    parts = length // hop
    out = np.zeros((count + parts - 1, hop), np.float32)
    shaped = blocks.reshape(count, parts, hop)
    for part in range(parts):
        out[part : part + count] += shaped[:, part]
    return out.reshape(-1)


@lru_cache(maxsize=8)
def _hann(hop: int) -> FloatSamples:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)).astype(np.float32)


def _responses(tone: Tone, centres: FloatArray, hop: int) -> npt.NDArray[np.complex64]:
    cents = tone.cutoff_cents + tone.envelope_cutoff * tone.envelope.fraction(centres)
    cents += tone.lfo_cutoff * tone.lfo(centres)
    steps = np.rint(np.clip(cents, 1_500, 13_500) / _STEP_CENTS).astype(int).tolist()
    return np.stack([_response(step, tone.resonance_cb, tone.sample_rate, 4 * hop) for step in steps])


@lru_cache(maxsize=1_024)
def _response(step: int, resonance_cb: int, sample_rate: int, size: int) -> npt.NDArray[np.complex64]:
    """Evaluate the cookbook's low-pass on a spectrum; resonance lowers the level by half of itself."""
    gain = 10.0 ** (-resonance_cb / 400.0)
    cutoff_hz = cents_to_hz(step * _STEP_CENTS)
    if cutoff_hz >= _open_hz(sample_rate) and not resonance_cb:
        return np.full(size // 2 + 1, gain, np.complex64)
    w0 = 2.0 * math.pi * min(cutoff_hz, 0.45 * sample_rate) / sample_rate
    alpha = math.sin(w0) / (2.0 * 10.0 ** ((resonance_cb / 10.0 - 3.01) / 20.0))
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    zeros = (1.0 - math.cos(w0)) / 2.0 * (1.0 + z) ** 2
    poles = (1.0 + alpha) - 2.0 * math.cos(w0) * z + (1.0 - alpha) * z**2
    return np.asarray(gain * zeros / poles, np.complex64)

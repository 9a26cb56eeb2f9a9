"""Clean stem sets made from closed forms, and faults planted into them at their stated smallest size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from signals import rng
from stemwright.audio import Audio, Samples
from stemwright.checks import Check
from stemwright.io.reader import AudioInfo
from stemwright.verification import NamedFile, verify_set

Array = npt.NDArray[np.float64]
STEMS = ("drums", "bass", "keys", "vocals")
ONE_INVERTED = np.array([[1], [-1]], np.float32)
BITS = {"PCM_16": 16, "PCM_24": 24}


@dataclass(frozen=True)
class StemSet:
    """Stems and mix as arrays, with the format that they claim."""

    stems: dict[str, Samples]
    mix: Samples | None
    sample_rate: int = 48_000
    subtype: str = "PCM_24"
    silent: frozenset[str] = frozenset()
    odd_rates: tuple[tuple[str, int], ...] = ()
    odd_subtypes: tuple[tuple[str, str], ...] = ()

    def with_stem(self, name: str, samples: Array | Samples, *, remix: bool = False) -> StemSet:
        """Replace or add one stem; the mix is summed again when `remix`."""
        changed = replace(self, stems=self.stems | {name: samples.astype(np.float32)})
        return changed.remixed() if remix else changed

    def remixed(self) -> StemSet:
        """Sum the mix again."""
        total = np.sum([stem.astype(np.float64) for stem in self.stems.values()], axis=0)
        return replace(self, mix=total.astype(np.float32))

    def files(self) -> tuple[list[NamedFile], NamedFile | None]:
        """Dress the arrays as files."""
        stems = [self._file(name, samples) for name, samples in self.stems.items()]
        return stems, None if self.mix is None else self._file("mix", self.mix)

    def checks(self) -> list[Check]:
        """Verify the set."""
        stems, mix = self.files()
        return verify_set(stems, mix=mix, declared_silent=self.silent)

    def _file(self, name: str, samples: Samples) -> NamedFile:
        rate = dict(self.odd_rates).get(name, self.sample_rate)
        subtype = dict(self.odd_subtypes).get(name, self.subtype)
        file_name = f"{name}.wav"
        info = AudioInfo(
            Path(file_name),
            "WAV",
            subtype,
            rate,
            samples.shape[0],
            samples.shape[1],
            bits=BITS.get(subtype, 32),
        )
        return NamedFile(name, Audio(samples, rate), info, file_name)


def _notes(times: Array, every_s: float, decay_s: float, *, until_s: float) -> Array:
    """Envelope of notes that start softly every so often and decay; ends in silence."""
    since = np.mod(times, every_s)
    envelope = np.minimum(since / 0.004, 1.0) * np.exp(-since / decay_s)
    envelope *= np.clip((every_s - since) / 0.02, 0.0, 1.0)
    fade: Array = np.clip((until_s - times) / 0.3, 0.0, 1.0) * np.clip((times - 0.05) / 0.02, 0.0, 1.0)
    return envelope * fade


def _stereo(mono: Array, side: Array, width: float) -> Array:
    return np.stack((mono + width * side, mono - width * side))


def clean_set(
    *, seed: int = 0, seconds: float = 5.0, sample_rate: int = 48_000, subtype: str = "PCM_24"
) -> StemSet:
    """Four stereo stems that start and end in silence, and their sum."""
    generator = rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    until = seconds - 0.1
    hiss, air, other = generator.standard_normal((3, len(t)))
    beat = _notes(t, 0.5, 0.08, until_s=until)
    pitch = generator.uniform(0.95, 1.05)
    tone = sum(np.sin(2 * np.pi * 220.0 * pitch * k * t + k) / k for k in range(1, 6))
    chord = sum(np.sin(2 * np.pi * f * pitch * t) for f in (261.63, 329.63, 392.0))
    detuned = sum(np.sin(2 * np.pi * f * pitch * 1.003 * t) for f in (261.63, 329.63, 392.0))
    waver = 0.5 + 0.5 * np.sin(2 * np.pi * 0.8 * t)
    strokes = 0.06 * _notes(t, 2.0, 1.0, until_s=until)
    lines = _notes(t, 1.7, 1.2, until_s=until)
    bass = np.sin(2 * np.pi * 55.0 * pitch * t) + 0.3 * np.sin(2 * np.pi * 110.0 * pitch * t)
    stems = {
        "drums": _stereo(0.08 * hiss * beat, 0.08 * air * beat, 0.3),
        "bass": _stereo(0.25 * bass * _notes(t, 1.0, 0.6, until_s=until), np.zeros_like(t), 0.0),
        "keys": _stereo(chord * strokes, detuned * strokes, 0.4),
        "vocals": _stereo((0.08 * tone + 0.004 * other) * waver * lines, air, 0.0),
    }  # fmt: skip
    quantised = {name: quantise(samples, subtype, generator) for name, samples in stems.items()}
    return StemSet(quantised, None, sample_rate, subtype).remixed()


def quantise(samples: Array, subtype: str, generator: np.random.Generator) -> Samples:
    """Bring to a sample format, with triangular dither."""
    if subtype == "FLOAT":
        return samples.astype(np.float32)
    scale = 2.0 ** (BITS[subtype] - 1)
    dither = generator.random(samples.shape) - generator.random(samples.shape)
    return (np.round(samples * scale + dither) / scale).astype(np.float32)


def noise_shaped_dither(frames: int, coefficients: Sequence[float], *, seed: int = 0) -> Samples:
    """What a 16-bit noise-shaping quantiser leaves of silence; two seconds, repeated."""
    generator = rng(seed)
    count = 24_000
    channels = []
    for _ in range(2):
        draws = generator.random(count) - generator.random(count)
        errors = [0.0] * len(coefficients)
        out = np.empty(count)
        for n in range(count):
            wanted = -sum(c * e for c, e in zip(coefficients, errors, strict=True))
            out[n] = round(wanted + draws[n])
            errors = [out[n] - wanted, *errors[:-1]]
        channels.append(out)
    periods = -(-frames // count)
    return (np.tile(np.stack(channels), periods)[:, :frames] / 32768.0).astype(np.float32)


def late(samples: Samples, frames: int) -> Samples:
    """Move later (or earlier, when negative), same length."""
    moved = np.zeros_like(samples)
    if frames > 0:
        moved[:, frames:] = samples[:, :-frames]
    else:
        moved[:, :frames] = samples[:, -frames:]
    return moved


def through_codec(samples: Samples, sample_rate: int, *, bitrate: float) -> Samples:
    """MP3 and back; `bitrate` is soundfile's compression level, 0 (320 kb/s) to 1."""
    buffer = io.BytesIO()
    with sf.SoundFile(
        buffer, "w", sample_rate, samples.shape[0], format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT", compression_level=bitrate,
    ) as file:  # fmt: skip
        file.write(samples.T)
    buffer.seek(0)
    decoded, _ = sf.read(buffer, dtype="float32", always_2d=True)
    return np.ascontiguousarray(decoded.T)


def upsampled(samples: Samples, *, through_hz: int, sample_rate: int) -> Samples:
    """To another rate and back: what is above half of it is gone."""
    low = soxr.resample(samples.T.astype(np.float64), sample_rate, through_hz, quality="HQ")
    back = soxr.resample(low, through_hz, sample_rate, quality="HQ").T
    return np.ascontiguousarray(back[:, : samples.shape[1]]).astype(np.float32)


@dataclass(frozen=True)
class Fault:
    """One fault at its stated smallest size.

    Attributes
    ----------
    name, size : str
        What is planted, and how large.
    check : str
        The check that must fail.
    subject : str
        Of which file or pair; ``""`` for any.
    plant : callable
        Makes a faulty set from a clean one.
    """

    name: str
    size: str
    check: str
    subject: str
    plant: Callable[[StemSet], StemSet]

    def __str__(self) -> str:
        return f"{self.name} ({self.size})".replace(" ", "-")

    def found(self, checks: Iterable[Check]) -> bool:
        """Whether the right check failed for the right file."""
        return any(c.failed and c.name == self.check and self.subject in c.subject for c in checks)


def _edit(
    name: str, change: Callable[[Samples], Array | Samples], *, remix: bool
) -> Callable[[StemSet], StemSet]:
    return lambda clean: clean.with_stem(name, change(clean.stems[name].copy()), remix=remix)


def _format_faults() -> list[Fault]:
    def mono(clean: StemSet) -> StemSet:
        return replace(clean, stems=clean.stems | {"keys": clean.stems["keys"][:1]})

    return [
        Fault("length", "1 frame short", "length", "keys", _edit("keys", lambda x: x[:, :-1], remix=False)),
        Fault("length", "1 frame long", "length", "bass",
              _edit("bass", lambda x: np.pad(x, ((0, 0), (0, 1))), remix=False)),
        Fault("length of the mix", "1 frame short", "length", "mix",
              lambda s: replace(s, mix=None if s.mix is None else s.mix[:, :-1])),
        Fault("sample rate", "one file", "sample rate", "keys",
              lambda s: replace(s, odd_rates=(("keys", 44_000),))),
        Fault("channels", "one file", "channels", "keys", mono),
        Fault("sample format", "one file", "sample format", "keys",
              lambda s: replace(s, odd_subtypes=(("keys", "PCM_32"),))),
    ]  # fmt: skip


def _offset_faults() -> list[Fault]:
    every = [
        Fault(f"start offset of {name}", f"{frames} frames", "start offset", name,
              _edit(name, partial(late, frames=frames), remix=False))
        for name in STEMS for frames in (1, -1, 480, -20_000)
    ]  # fmt: skip
    return [
        *every,
        Fault("start offset of a stem 40 dB down", "1 frame", "start offset", "vocals", _quiet_and_late),
        Fault("start offset of all stems", "1 frame", "start offset", "keys", partial(_all_late, frames=1)),
        Fault("start offset of all stems", "-4800 frames", "start offset", "bass",
              partial(_all_late, frames=-4800)),
    ]  # fmt: skip


def _quiet_and_late(clean: StemSet) -> StemSet:
    quiet = clean.with_stem("vocals", clean.stems["vocals"] * np.float32(0.01), remix=True)
    return quiet.with_stem("vocals", late(quiet.stems["vocals"], 1))


def _all_late(clean: StemSet, frames: int) -> StemSet:
    return replace(clean, stems={name: late(stem, frames) for name, stem in clean.stems.items()})


def _mix_faults() -> list[Fault]:
    def lowered(clean: StemSet) -> StemSet:
        return replace(clean, mix=None if clean.mix is None else clean.mix * np.float32(10 ** (-3 / 20)))

    faults = [
        Fault("mix at another level", "-3 dB", "null against the mix", "", lowered),
        Fault(
            "hole in one stem", "20 ms", "null at its worst moment", "", _edit("vocals", _hole, remix=False)
        ),
    ]
    for name in STEMS:
        faults += [
            Fault(f"level of {name}", "0.11 dB", "level in the mix", name,
                  _edit(name, lambda x: x * np.float32(10 ** (0.11 / 20)), remix=False)),
            Fault(f"{name} missing from the set", "all of it", "null against the mix", "",
                  partial(_without, name=name)),
            Fault(f"{name} missing from the mix", "all of it", "level in the mix", name,
                  partial(_unmixed, name=name)),
            Fault(f"polarity of {name}", "whole", "polarity", name, _edit(name, lambda x: -x, remix=False)),
            Fault(f"polarity of {name}", "one channel", "polarity", name,
                  _edit(name, lambda x: x * ONE_INVERTED, remix=False)),
        ]  # fmt: skip
    return faults


def _without(clean: StemSet, name: str) -> StemSet:
    return replace(clean, stems={k: v for k, v in clean.stems.items() if k != name})


def _unmixed(clean: StemSet, name: str) -> StemSet:
    return replace(clean, mix=_without(clean, name).remixed().mix)


def _hole(samples: Samples) -> Samples:
    loud = int(np.abs(samples[0]).argmax())
    samples[:, loud - 480 : loud + 480] = 0.0
    return samples


def _level_faults() -> list[Fault]:
    def over(samples: Samples) -> Array:
        n = np.arange(9_600)
        burst = 10 ** (0.1 / 20) * np.sin(np.pi / 2 * n + np.pi / 4) * np.hanning(9_600) ** 0.5
        return np.concatenate(
            (samples[:, :24_000], samples[:, 24_000:33_600] * 0 + burst, samples[:, 33_600:]), axis=1
        )

    def tops(samples: Samples) -> Samples:
        peak = int(np.abs(samples[0]).argmax())
        samples[0, peak - 1 : peak + 2] = 1.0
        return samples

    def clip(samples: Samples) -> Samples:
        limit = 0.9 * float(np.abs(samples).max())
        return np.clip(samples, -limit, limit)

    def bad(value: float) -> Callable[[Samples], Samples]:
        def put(samples: Samples) -> Samples:
            samples[1, 100_003] = value
            return samples

        return put

    return [
        Fault("DC", "0.0015 of full scale", "DC offset", "keys",
              _edit("keys", lambda x: x + np.float32(0.0015), remix=True)),
        Fault("NaN", "1 sample", "finite samples", "keys", _edit("keys", bad(np.nan), remix=False)),
        Fault("infinity", "1 sample", "finite samples", "bass", _edit("bass", bad(np.inf), remix=False)),
        Fault("clipping at full scale", "3 samples", "clipping", "keys", _edit("keys", tops, remix=True)),
        *(Fault(f"clipping of {name} below full scale", "0.9 of its peak", "clipping", name,
                _edit(name, clip, remix=True)) for name in ("bass", "keys", "vocals")),
        Fault("true peak", "+0.1 dBTP", "true peak", "keys", _edit("keys", over, remix=True)),
        Fault("silence", "digital", "not silent", "keys", _edit("keys", lambda x: x * 0, remix=True)),
        Fault("silence", "-101 dBFS", "not silent", "keys",
              _edit("keys", lambda x: x / np.abs(x).max() * np.float32(10 ** (-101 / 20)), remix=True)),
    ]  # fmt: skip


def _dither_faults() -> list[Fault]:
    def flat(clean: StemSet) -> StemSet:
        draws = rng(5)
        empty = np.zeros_like(clean.stems["keys"], dtype=np.float64)
        return clean.with_stem("keys", quantise(empty, "PCM_16", draws), remix=True)

    def shaped(coefficients: Sequence[float]) -> Callable[[StemSet], StemSet]:
        return lambda s: s.with_stem(
            "keys", noise_shaped_dither(s.stems["keys"].shape[1], coefficients), remix=True
        )

    lipshitz = (-2.033, 2.165, -1.959, 1.590, -0.6149)
    return [
        Fault("nothing but dither", "16 bits, flat", "not silent", "keys", flat),
        Fault("nothing but dither", "16 bits, shaped 2nd order", "not silent", "keys", shaped((-2.0, 1.0))),
        Fault("nothing but dither", "16 bits, shaped 5 taps", "not silent", "keys", shaped(lipshitz)),
    ]


def _duplicate_faults() -> list[Fault]:
    def copy(gain: float, error_db: float | None = None) -> Callable[[StemSet], StemSet]:
        def plant(clean: StemSet) -> StemSet:
            again = clean.stems["keys"] * np.float32(gain)
            if error_db is not None:
                rms = float(np.sqrt(np.mean(again**2)))
                again = again + rng(9).standard_normal(again.shape) * rms * 10 ** (error_db / 20)
            return clean.with_stem("pads", again, remix=True)

        return plant

    return [
        Fault("duplicate", "identical", "duplicates", "keys", copy(1.0)),
        Fault("duplicate", "at -12 dB", "duplicates", "keys", copy(0.25)),
        Fault("duplicate", "inverted", "duplicates", "keys", copy(-1.0)),
        Fault("duplicate", "alike to -41 dB", "duplicates", "keys", copy(0.7, -41.0)),
    ]


def _quality_faults() -> list[Fault]:
    def antiphase(samples: Samples) -> Array:
        mid, side = samples.mean(axis=0), (samples[0] - samples[1]) / 2
        noise = rng(3).standard_normal(mid.shape) * np.sqrt(np.mean(mid**2))
        return np.stack((mid + side, -mid + side + 0.7 * noise * (np.abs(mid) > 1e-4)))

    def sixteen(samples: Samples) -> Array:
        return np.round(samples * 32768.0) / 32768.0

    def as_float(clean: StemSet) -> StemSet:
        stems = {name: np.round(stem * 32768.0) / 32768.0 for name, stem in clean.stems.items()}
        floats = {name: stem.astype(np.float32) for name, stem in stems.items()}
        return replace(clean, stems=floats, subtype="FLOAT").remixed()

    def resampled(through_hz: int) -> Callable[[StemSet], StemSet]:
        return lambda s: s.with_stem(
            "drums", upsampled(s.stems["drums"], through_hz=through_hz, sample_rate=s.sample_rate), remix=True
        )

    def lossy(bitrate: float) -> Callable[[StemSet], StemSet]:
        return lambda s: s.with_stem(
            "drums", through_codec(s.stems["drums"], s.sample_rate, bitrate=bitrate), remix=True
        )

    return [
        Fault("antiphase", "one channel inverted", "mono compatibility", "bass",
              _edit("bass", lambda x: x * ONE_INVERTED, remix=True)),
        Fault("antiphase", "correlation below -0.5", "mono compatibility", "keys",
              _edit("keys", antiphase, remix=True)),
        Fault("fake 24 bits", "16 in 24", "effective bit depth", "keys", _edit("keys", sixteen, remix=True)),
        Fault("fake float", "16 in 32", "effective bit depth", "keys", as_float),
        Fault("upsampled", "from 44.1 kHz", "bandwidth", "drums", resampled(44_100)),
        Fault("upsampled", "from 32 kHz", "bandwidth", "drums", resampled(32_000)),
        Fault("lossy source", "MP3, 320 kb/s", "bandwidth", "drums", lossy(0.0)),
        Fault("lossy source", "MP3, about 128 kb/s", "bandwidth", "drums", lossy(0.7)),
    ]  # fmt: skip


def _end_faults() -> list[Fault]:
    def cut_end(samples: Samples) -> Samples:
        return _sustained(samples, end=0.0101)

    def cut_early(samples: Samples) -> Samples:
        held = _sustained(samples, end=0.0101)
        held[:, -4_800:] = 0.0
        held[:, -4_801] = 0.0101
        return held

    def start(samples: Samples) -> Samples:
        samples[:, :1_000] += np.float32(0.0301) * np.exp(-np.arange(1_000) / 100).astype(np.float32)
        return samples

    def click(samples: Samples) -> Samples:
        return with_click(samples, frame=126_000)

    return [
        Fault("tail cut at the end of the file", "0.0101", "tail", "vocals",
              _edit("vocals", cut_end, remix=True)),
        Fault("tail cut before silence", "0.0101", "tail", "vocals", _edit("vocals", cut_early, remix=True)),
        Fault("start inside a sound", "0.0301", "start", "keys", _edit("keys", start, remix=True)),
        *(Fault(f"click in {name}", "8.1 × the local 99.9th percentile", "clicks", name,
                _edit(name, click, remix=True)) for name in STEMS),
    ]  # fmt: skip


def _sustained(samples: Samples, *, end: float) -> Samples:
    tone = end * np.sin(2 * np.pi * 200 * np.arange(-9_599, 1) / 48_000 + np.pi / 2)
    samples[:, -9_600:] = (tone * np.minimum(np.arange(9_600) / 2_000, 1)).astype(np.float32)
    return samples


def with_click(samples: Samples, *, frame: int) -> Samples:
    """Move one sample so that the step is 8.1 times what is usual around it, and 0.0101 at least."""
    steps = np.abs(np.diff(samples[0, frame - 2_060 : frame + 2_061]))
    size = max(8.1 * float(np.sort(steps)[-3]), 0.0101)
    samples[0, frame] = samples[0, frame - 1] + np.copysign(size, samples[0, frame] - samples[0, frame - 1])
    return samples


FAULTS: tuple[Fault, ...] = (
    *_format_faults(),
    *_offset_faults(),
    *_mix_faults(),
    *_level_faults(),
    *_dither_faults(),
    *_duplicate_faults(),
    *_quality_faults(),
    *_end_faults(),
)

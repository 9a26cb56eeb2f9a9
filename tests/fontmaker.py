"""SoundFonts made on the spot, whose every number is known."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Gens = Sequence[tuple[int, int]]
Mods = Sequence[tuple[int, int, int, int, int]]


@dataclass(frozen=True)
class FontSample:
    """One sample: float values in ±1 and what its header says."""

    values: npt.NDArray[np.float64]
    rate: int = 48_000
    loop: tuple[int, int] = (0, 0)
    root: int = 69
    cents: int = 0


@dataclass(frozen=True)
class FontZone:
    """One zone of an instrument; `sample` None makes it global."""

    sample: int | None = 0
    gens: Gens = ()
    mods: Mods = ()


@dataclass(frozen=True)
class FontPreset:
    """One preset with an instrument of its own."""

    zones: Sequence[FontZone]
    gens: Gens = ()
    mods: Mods = ()
    global_gens: Gens = ()
    extra: Mapping[str, int] = field(default_factory=dict)


def ranged(low: int, high: int) -> int:
    """A key or velocity range as a generator's amount."""
    return struct.unpack("<h", struct.pack("<BB", low, high))[0]  # type: ignore[no-any-return]


def _chunk(ident: bytes, body: bytes) -> bytes:
    return ident + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _listed(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


class _Level:
    """Bags, generators and modulators of one level."""

    def __init__(self) -> None:
        self.bags, self.gens, self.mods = b"", b"", b""
        self.count = 0

    def zone(self, gens: Gens, mods: Mods) -> None:
        self.bags += struct.pack("<HH", len(self.gens) // 4, len(self.mods) // 10)
        self.gens += b"".join(struct.pack("<Hh", *gen) for gen in gens)
        self.mods += b"".join(struct.pack("<HHhHH", *mod) for mod in mods)
        self.count += 1

    def chunks(self, letter: bytes) -> list[bytes]:
        self.zone([(0, 0)], [(0, 0, 0, 0, 0)])
        bodies = {b"bag": self.bags, b"mod": self.mods, b"gen": self.gens}
        return [_chunk(letter + kind, body) for kind, body in bodies.items()]


def font_bytes(
    samples: Sequence[FontSample],
    presets: Mapping[tuple[int, int], FontPreset],
    *,
    bits: int = 16,
    version: int = 2,
) -> bytes:
    """The bytes of a SoundFont."""
    pool, low, headers = b"", b"", b""
    place = 0
    for number, sample in enumerate(samples):
        whole = np.round(np.clip(sample.values, -1.0, 1.0) * (2**23 - 1)).astype(np.int64)
        padded = np.concatenate((whole, np.zeros(46, np.int64)))
        high = (padded >> 8).astype("<i2")
        pool += high.tobytes()
        low += (padded & 0xFF).astype(np.uint8).tobytes()
        loop = [place + edge for edge in sample.loop]
        headers += struct.pack(
            "<20sIIIIIBbHH", f"s{number}".encode(), place, place + len(whole), *loop,
            sample.rate, sample.root, sample.cents, 0, 1,
        )  # fmt: skip
        place += len(padded)
    headers += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    outer, inner = _Level(), _Level()
    phdr, inst = b"", b""
    for number, ((bank, program), preset) in enumerate(presets.items()):
        phdr += struct.pack("<20sHHHIII", f"p{bank}/{program}".encode(), program, bank, outer.count, 0, 0, 0)
        inst += struct.pack("<20sH", f"i{number}".encode(), inner.count)
        if preset.global_gens:
            outer.zone(preset.global_gens, ())
        outer.zone([*preset.gens, (41, number)], preset.mods)
        for zone in preset.zones:
            last = [] if zone.sample is None else [(53, zone.sample)]
            inner.zone([*zone.gens, *last], zone.mods)
    phdr += struct.pack("<20sHHHIII", b"EOP", 0, 0, outer.count, 0, 0, 0)
    inst += struct.pack("<20sH", b"EOI", inner.count)
    info = _listed(b"INFO", _chunk(b"ifil", struct.pack("<HH", version, 4)))
    data = _listed(b"sdta", _chunk(b"smpl", pool), *([_chunk(b"sm24", low)] if bits == 24 else []))
    tables = _listed(
        b"pdta", _chunk(b"phdr", phdr), *outer.chunks(b"p"), _chunk(b"inst", inst), *inner.chunks(b"i"),
        _chunk(b"shdr", headers),
    )  # fmt: skip
    body = b"sfbk" + info + data + tables
    return b"RIFF" + struct.pack("<I", len(body)) + body


def write_font(
    path: Path,
    samples: Sequence[FontSample],
    presets: Mapping[tuple[int, int], FontPreset],
    *,
    bits: int = 16,
) -> Path:
    """Write a SoundFont and return its path."""
    path.write_bytes(font_bytes(samples, presets, bits=bits))
    return path


def looped_sine(
    *, rate: int = 48_000, cycles: int = 55, seconds: float = 0.125, peak: float = 0.5
) -> FontSample:
    """A sine of a whole number of cycles that loops over all of itself; A4 (440 Hz) by default."""
    frames = round(rate * seconds)
    values = peak * np.sin(2 * np.pi * cycles * np.arange(frames) / frames)
    return FontSample(values, rate, (0, frames), 69)


AT_ONCE = ((34, -12_000), (54, 1), (17, 0))
"""Generators: no attack, looped, centred."""

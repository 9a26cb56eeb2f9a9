"""What key and velocity do to a zone's generators: the modulators of SF2 2.04 §8.2–8.4.

Velocity and key are the only controllers that a note brings along; the others (wheel, pressure, volume,
pan, sends) rest where they do nothing. Velocity opens no filter: see ``docs/decisions/soundfont.md``.
"""

from __future__ import annotations

import math

from stemwright.synth.soundfont import GENERATORS, Gen, IntArray, Modulator, Zone

__all__ = ["attenuation_db", "played_generators"]

EMU_FACTOR = 0.4
"""Initial attenuation counts 0.4 of what §8.1.2 says, as on the hardware that fonts were made for."""

_NONE, _VELOCITY, _KEY = 0, 2, 3
VELOCITY_TO_ATTENUATION = Modulator(0x0502, Gen.ATTENUATION, 960, 0)
VELOCITY_TO_FILTER = (0x0102, int(Gen.FILTER_FC), 0)
_MAX_ATTENUATION_CB = 1_440.0


def attenuation_db(zone: Zone, key: int, velocity: int) -> float:
    """How far a note stays below full scale, in dB: initial attenuation and modulators."""
    own = [mod for mod in zone.modulators if mod.dest == Gen.ATTENUATION]
    if VELOCITY_TO_ATTENUATION.identity not in {mod.identity for mod in own}:
        own.append(VELOCITY_TO_ATTENUATION)
    own += [mod for mod in zone.added if mod.dest == Gen.ATTENUATION]
    moved_cb = sum(_contribution(mod, key, velocity) for mod in own)
    whole_cb = EMU_FACTOR * float(zone.gens[Gen.ATTENUATION]) + moved_cb
    return min(max(whole_cb, 0.0), _MAX_ATTENUATION_CB) / 10.0


def played_generators(zone: Zone, key: int, velocity: int) -> IntArray:
    """Apply all modulators but attenuation's to the zone's generators."""
    mods = [
        mod
        for mod in (*zone.modulators, *zone.added)
        if mod.dest < GENERATORS and mod.dest != Gen.ATTENUATION and mod.identity != VELOCITY_TO_FILTER
    ]
    if not mods:
        return zone.gens
    gens = zone.gens.copy()
    for mod in mods:
        gens[mod.dest] += round(_contribution(mod, key, velocity))
    return gens


def _contribution(mod: Modulator, key: int, velocity: int) -> float:
    """Amount times both sources (§9.5.1); 0 when a source is no property of the note."""
    first = _source_value(mod.source, key, velocity, absent=0.0)
    second = _source_value(mod.scale, key, velocity, absent=1.0)
    return mod.amount * first * second


def _source_value(source: int, key: int, velocity: int, *, absent: float) -> float:
    """Map a controller through its curve (§8.2.1–8.2.4)."""
    index, is_midi_controller = source & 0x7F, bool(source & 0x80)
    if index == _NONE and not is_midi_controller:
        return absent
    if is_midi_controller or index not in (_VELOCITY, _KEY):
        return 0.0
    x = (velocity if index == _VELOCITY else key) / 127.0
    if source & 0x0100:
        x = 1.0 - x
    if source & 0x0200:
        return math.copysign(_curve(abs(2.0 * x - 1.0), source >> 10), 2.0 * x - 1.0)
    return _curve(x, source >> 10)


def _curve(x: float, kind: int) -> float:
    if kind == 1:
        return concave(x)
    if kind == 2:
        return 1.0 - concave(1.0 - x)
    return float(x >= 0.5) if kind == 3 else x


def concave(x: float) -> float:
    """Apply the concave curve of §8.2.2: ``-20/96 * log10((1 - x) ** 2)``, at most 1."""
    return min(-40.0 / 96.0 * math.log10(1.0 - x), 1.0) if x < 1.0 else 1.0

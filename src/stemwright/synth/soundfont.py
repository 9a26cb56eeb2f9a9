"""SoundFont 2 files: read the RIFF, resolve presets into playable zones, refuse what is broken.

Goal: everything a sampler needs to play a note, as plain numbers, from a file that nobody vouches for.
Source: *SoundFont Technical Specification* 2.04 (2006): file structure §5–7, generators §8.1, modulators
§8.2–8.4, precedence of instrument (absolute) and preset (relative) values §9.4.
Where practice differs from the text (attenuation, velocity to filter) see ``docs/decisions/soundfont.md``.
"""

from __future__ import annotations

import difflib
import importlib.util
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from stemwright.errors import UnreadableError

__all__ = [
    "DRUM_BANK",
    "GENERATORS",
    "Gen",
    "IntArray",
    "Modulator",
    "Preset",
    "SoundFont",
    "Zone",
    "cents_to_hz",
    "default_soundfont",
    "load_soundfont",
    "timecents_to_seconds",
]

MAX_FILE_BYTES = 4 * 2**30
MAX_PRESET_ZONES = 20_000
MAX_RECORDS = 4_000_000
DRUM_BANK = 128

IntArray = npt.NDArray[np.int32]
Ranges = tuple[tuple[int, int], tuple[int, int]]


class Gen(IntEnum):
    """The generators that are played, by their numbers in §8.1.2."""

    START_OFFSET = 0
    END_OFFSET = 1
    LOOP_START_OFFSET = 2
    LOOP_END_OFFSET = 3
    START_COARSE = 4
    MOD_LFO_TO_PITCH = 5
    VIB_LFO_TO_PITCH = 6
    MOD_ENV_TO_PITCH = 7
    FILTER_FC = 8
    FILTER_Q = 9
    MOD_LFO_TO_FC = 10
    MOD_ENV_TO_FC = 11
    END_COARSE = 12
    MOD_LFO_TO_VOLUME = 13
    PAN = 17
    MOD_LFO_DELAY = 21
    MOD_LFO_RATE = 22
    VIB_LFO_DELAY = 23
    VIB_LFO_RATE = 24
    MOD_ENV_DELAY = 25
    VOL_ENV_DELAY = 33
    INSTRUMENT = 41
    KEY_RANGE = 43
    VELOCITY_RANGE = 44
    LOOP_START_COARSE = 45
    FIXED_KEY = 46
    FIXED_VELOCITY = 47
    ATTENUATION = 48
    LOOP_END_COARSE = 50
    COARSE_TUNE = 51
    FINE_TUNE = 52
    SAMPLE = 53
    SAMPLE_MODES = 54
    SCALE_TUNING = 56
    EXCLUSIVE_CLASS = 57
    ROOT_KEY = 58


GENERATORS = 61
_TIMES = (21, 23, 25, 26, 27, 28, 30, 33, 34, 35, 36, 38)
_DEFAULTS: IntArray = np.zeros(GENERATORS, np.int32)
_DEFAULTS[list(_TIMES)] = -12_000
_DEFAULTS[[8, 46, 47, 56, 58]] = 13_500, -1, -1, 100, -1
_LIMITS: Mapping[int, tuple[int, int]] = {
    5: (-12_000, 12_000), 6: (-12_000, 12_000), 7: (-12_000, 12_000), 8: (1_500, 13_500), 9: (0, 960),
    10: (-12_000, 12_000), 11: (-12_000, 12_000), 13: (-960, 960), 17: (-500, 500),
    21: (-12_000, 5_000), 22: (-16_000, 4_500), 23: (-12_000, 5_000), 24: (-16_000, 4_500),
    25: (-12_000, 5_000), 26: (-12_000, 8_000), 27: (-12_000, 5_000), 28: (-12_000, 8_000),
    29: (0, 1_000), 30: (-12_000, 8_000), 31: (-1_200, 1_200), 32: (-1_200, 1_200),
    33: (-12_000, 5_000), 34: (-12_000, 8_000), 35: (-12_000, 5_000), 36: (-12_000, 8_000),
    37: (0, 1_440), 38: (-12_000, 8_000), 39: (-1_200, 1_200), 40: (-1_200, 1_200),
    48: (0, 1_440), 51: (-120, 120), 52: (-99, 99), 56: (0, 1_200),
}  # fmt: skip
"""Ranges of §8.1.3; a sum of instrument and preset beyond them is brought back."""
_RANGES = (Gen.KEY_RANGE, Gen.VELOCITY_RANGE)
_NOT_IN_PRESETS = (0, 1, 2, 3, 4, 12, 45, 46, 47, 50, 54, 57, 58)
"""Generators that belong to the instrument's level alone (§8.5)."""

_HEADER = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("_", "<u4", 3)])
_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_GEN = np.dtype([("oper", "<u2"), ("amount", "<i2")])
_MOD = np.dtype([("source", "<u2"), ("dest", "<u2"), ("amount", "<i2"), ("scale", "<u2"), ("form", "<u2")])
_INST = np.dtype([("name", "S20"), ("bag", "<u2")])
_SAMPLE = np.dtype(
    [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"),
     ("rate", "<u4"), ("key", "u1"), ("cents", "i1"), ("link", "<u2"), ("kind", "<u2")]
)  # fmt: skip
_TABLES = {
    b"phdr": _HEADER, b"pbag": _BAG, b"pmod": _MOD, b"pgen": _GEN,
    b"inst": _INST, b"ibag": _BAG, b"imod": _MOD, b"igen": _GEN, b"shdr": _SAMPLE,
}  # fmt: skip
Records = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class Modulator:
    """A connection from a controller to a generator (§8.2); `scale` is its second source."""

    source: int
    dest: int
    amount: int
    scale: int

    @property
    def identity(self) -> tuple[int, int, int]:
        """What makes two modulators the same one (§9.5)."""
        return self.source, self.dest, self.scale


@dataclass(frozen=True, eq=False)
class Zone:
    """One sample as one preset plays it: generators of both levels already summed.

    Attributes
    ----------
    ident : int
        Distinct for each zone of a SoundFont, in order; stands for it in caches.
    keys, velocities : tuple[int, int]
        Inclusive ranges in which it sounds.
    gens : IntArray [shape=(61,)]
        Generator values in the units of §8.1.2.
    start, end, loop_start, loop_end : int
        Frames in the sample pool, ends exclusive; ``start <= loop_start < loop_end <= end`` when it loops.
    rate : int
        The sample's own rate in Hz.
    root_key : int
        MIDI key at which it sounds as recorded.
    correction_cents : int
        Added to the pitch.
    modulators, added : tuple[Modulator, ...]
        The instrument's own, which replace the default ones, and the preset's, which add to them (§9.5).
    """

    ident: int
    keys: tuple[int, int]
    velocities: tuple[int, int]
    gens: IntArray
    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    root_key: int
    correction_cents: int
    modulators: tuple[Modulator, ...] = ()
    added: tuple[Modulator, ...] = ()

    def sounds(self, key: int, velocity: int) -> bool:
        """Whether this zone answers to a key struck with a velocity."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    @property
    def loop_mode(self) -> int:
        """0 plays once, 1 loops for ever, 3 loops until the key is released."""
        mode = int(self.gens[Gen.SAMPLE_MODES]) & 3
        return mode if mode in (1, 3) and self.loop_end - self.loop_start >= 2 else 0


@dataclass(frozen=True)
class Preset:
    """A playable sound: its name and zones."""

    name: str
    bank: int
    program: int
    zones: tuple[Zone, ...]

    def matching(self, key: int, velocity: int) -> Iterator[Zone]:
        """Zones that answer to a key struck with a velocity."""
        return (zone for zone in self.zones if zone.sounds(key, velocity))


class SoundFont:
    """A parsed SoundFont 2 file; samples stay on disk until they are played.

    Parameters
    ----------
    path : Path
        The file; read-only, mapped into memory.

    Raises
    ------
    UnreadableError
        When it is missing, not a SoundFont 2, compressed (SF3), or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = _map(path)
        chunks = _chunks(content, path.name)
        self._tables = {key: _records(chunks, key, kind, path.name) for key, kind in _TABLES.items()}
        pool = chunks[b"smpl"]
        self._samples = pool[: pool.size // 2 * 2].view("<i2")
        self._low_bits = _low_bits(chunks, self._samples.size)
        self._presets: dict[tuple[int, int], Preset] = {}
        self._offsets: dict[tuple[int, int], float] = {}
        self._index = self._index_presets()

    @property
    def pool_frames(self) -> int:
        """Number of frames in the sample pool."""
        return int(self._samples.size)

    @cached_property
    def names(self) -> Mapping[tuple[int, int], str]:
        """Names of all presets by ``(bank, program)``."""
        headers = self._tables[b"phdr"]
        return MappingProxyType({key: _text(headers["name"][i]) for key, i in self._index.items()})

    def preset(self, bank: int, program: int) -> Preset:
        """Find the preset that a bank and program play.

        Falls back as players do: drums to kit 0, a variation bank to bank 0, then to the first of the kind.
        """
        wanted = [(bank, program), (DRUM_BANK, 0)] if bank == DRUM_BANK else [(bank, program), (0, program)]
        key = next((key for key in wanted if key in self._index), None)
        if key is None:
            kind = "drum kit" if bank == DRUM_BANK else "program"
            raise UnreadableError(
                f"{self.path.name} has no {kind} {program} (bank {bank}); it has {len(self._index)} presets.",
                way_out="Use a General MIDI SoundFont, or an instrument that this one has.",
            )
        if key not in self._presets:
            self._presets[key] = self._resolve(key)
        return self._presets[key]

    def read(self, indices: slice | IntArray | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Read frames of the sample pool as float32 in ±1, 24 bit where the file has them."""
        high = self._samples[indices].astype(np.float32)
        if self._low_bits is not None:
            high += self._low_bits[indices].astype(np.float32) / 256.0
        return high / np.float32(32_768.0)

    def loop_offset(self, start: int, end: int) -> float:
        """Measure the constant part of a loop, in ±1: a sound that stands still on it would carry DC."""
        if (start, end) not in self._offsets:
            self._offsets[start, end] = float(np.mean(self.read(slice(start, end)), dtype=np.float64))
        return self._offsets[start, end]

    def _index_presets(self) -> dict[tuple[int, int], int]:
        headers = self._tables[b"phdr"]
        rows = range(len(headers) - 1)
        return {(int(headers["bank"][i]), int(headers["program"][i])): i for i in reversed(rows)}

    def _resolve(self, key: tuple[int, int]) -> Preset:
        row = self._index[key]
        zones: list[Zone] = []
        for zone in self._zones(b"p", row):
            if zone.target is None:
                continue
            for inner in self._zones(b"i", self._checked(zone.target, b"inst")):
                if inner.target is None or (ranges := _overlap(zone.ranges, inner.ranges)) is None:
                    continue
                zones.append(self._playable(row * MAX_PRESET_ZONES + len(zones), zone, inner, ranges))
                if len(zones) > MAX_PRESET_ZONES:
                    raise UnreadableError(
                        f"{self.path.name}: preset {key} has over {MAX_PRESET_ZONES} zones."
                    )
        name = _text(self._tables[b"phdr"]["name"][row])
        return Preset(name, *key, tuple(zone for zone in zones if zone.end - zone.start >= 2))

    def _zones(self, level: bytes, row: int) -> Iterator[_RawZone]:
        """Zones of a preset (``b"p"``) or instrument (``b"i"``), the global one folded into the others."""
        headers = self._tables[b"phdr" if level == b"p" else b"inst"]
        bags, gens, mods = (self._tables[level + kind] for kind in (b"bag", b"gen", b"mod"))
        first, last = int(headers["bag"][row]), int(headers["bag"][row + 1])
        self._ordered(first, last, len(bags) - 1)
        shared = _RawZone.empty(level)
        for bag in range(first, last):
            g0, g1 = int(bags["gen"][bag]), int(bags["gen"][bag + 1])
            m0, m1 = int(bags["mod"][bag]), int(bags["mod"][bag + 1])
            self._ordered(g0, g1, len(gens))
            self._ordered(m0, m1, len(mods))
            zone = shared.extended(gens[g0:g1], mods[m0:m1], level)
            if zone.target is None and bag == first:
                shared = zone
            yield zone

    def _ordered(self, first: int, last: int, limit: int) -> None:
        if not 0 <= first <= last <= limit:
            raise UnreadableError(
                f"{self.path.name} is not a valid SoundFont: its tables point outside the file "
                f"({first}–{last} of {limit}).",
                way_out="Download it again, or use another SoundFont.",
            )

    def _checked(self, index: int, table: bytes) -> int:
        limit = len(self._tables[table]) - 1
        if not 0 <= index < limit:
            self._ordered(index, index + 1, limit)
        return index

    def _playable(self, ident: int, outer: _RawZone, inner: _RawZone, ranges: Ranges) -> Zone:
        """Sum both levels (§9.4) and find the sample."""
        gens = inner.gens.copy()
        relative = outer.gens.copy()
        relative[[*_NOT_IN_PRESETS, Gen.INSTRUMENT, Gen.KEY_RANGE, Gen.VELOCITY_RANGE, Gen.SAMPLE]] = 0
        gens += relative
        for gen, (low, high) in _LIMITS.items():
            gens[gen] = min(max(int(gens[gen]), low), high)
        sample = self._tables[b"shdr"][self._checked(inner.target or 0, b"shdr")]
        if int(sample["kind"]) & 0x8000:
            raise UnreadableError(f"{self.path.name} keeps its samples in a ROM, not in the file.")
        start, end, loop_start, loop_end = self._place(gens, sample)
        return Zone(
            ident, *ranges, gens, start, end, loop_start, loop_end,
            rate=_rate(int(sample["rate"])), root_key=_root_key(gens, int(sample["key"])),
            correction_cents=int(sample["cents"]), modulators=inner.modulators, added=outer.modulators,
        )  # fmt: skip

    def _place(self, gens: IntArray, sample: np.void) -> tuple[int, int, int, int]:
        """Bring start, end and loop into the pool and into order."""
        limit = self.pool_frames

        def moved(base: str, fine: Gen, coarse: Gen) -> int:
            return int(sample[base]) + int(gens[fine]) + 32_768 * int(gens[coarse])

        start = min(max(moved("start", Gen.START_OFFSET, Gen.START_COARSE), 0), limit)
        end = min(max(moved("end", Gen.END_OFFSET, Gen.END_COARSE), start), limit)
        loop_start = moved("loop_start", Gen.LOOP_START_OFFSET, Gen.LOOP_START_COARSE)
        loop_end = moved("loop_end", Gen.LOOP_END_OFFSET, Gen.LOOP_END_COARSE)
        loop_start = min(max(loop_start, start), end)
        loop_end = min(max(loop_end, loop_start), end)
        return start, end, loop_start, loop_end


@dataclass(frozen=True)
class _RawZone:
    """A zone of one level as the file has it."""

    gens: IntArray
    ranges: Ranges
    target: int | None
    modulators: tuple[Modulator, ...]

    @classmethod
    def empty(cls, level: bytes) -> _RawZone:
        gens = _DEFAULTS.copy() if level == b"i" else np.zeros(GENERATORS, np.int32)
        return cls(gens, ((0, 127), (0, 127)), None, ())

    def extended(self, gens: Records, mods: Records, level: bytes) -> _RawZone:
        """Put a zone's own generators above the global zone's."""
        values, target = self.gens.copy(), None
        ranges: dict[int, tuple[int, int]] = dict(zip(_RANGES, self.ranges, strict=True))
        last = Gen.SAMPLE if level == b"i" else Gen.INSTRUMENT
        for oper, amount in zip(gens["oper"].tolist(), gens["amount"].tolist(), strict=True):
            if oper in ranges:
                ranges[oper] = (amount & 0xFF, (amount >> 8) & 0xFF)
            elif oper == last:
                target = amount & 0xFFFF
                break
            elif oper < GENERATORS:
                values[oper] = amount
        own = tuple(_modulators(mods))
        replaced = {mod.identity for mod in own}
        kept = tuple(mod for mod in self.modulators if mod.identity not in replaced)
        return _RawZone(values, (ranges[Gen.KEY_RANGE], ranges[Gen.VELOCITY_RANGE]), target, kept + own)


def _modulators(records: Records) -> Iterator[Modulator]:
    for row in records.tolist():
        source, dest, amount, scale, _form = row
        if source or dest:
            yield Modulator(source, dest, amount, scale)


def _overlap(outer: Ranges, inner: Ranges) -> Ranges | None:
    keys = max(outer[0][0], inner[0][0]), min(outer[0][1], inner[0][1])
    velocities = max(outer[1][0], inner[1][0]), min(outer[1][1], inner[1][1])
    return (keys, velocities) if keys[0] <= keys[1] and velocities[0] <= velocities[1] else None


def _rate(rate: int) -> int:
    """Sample rates of 400–192,000 Hz are believed; anything else plays at 44,100 Hz (§7.10)."""
    return rate if 400 <= rate <= 192_000 else 44_100


def _root_key(gens: IntArray, original: int) -> int:
    if 0 <= gens[Gen.ROOT_KEY] <= 127:
        return int(gens[Gen.ROOT_KEY])
    return original if original <= 127 else 60


def _map(path: Path) -> npt.NDArray[np.uint8]:
    """Map the file, or say in one sentence why not."""
    try:
        size = path.stat().st_size
        if not path.is_file() or not 12 <= size <= MAX_FILE_BYTES:
            raise UnreadableError(
                f"{path.name} is not a SoundFont: it is no file of 12 bytes to {MAX_FILE_BYTES >> 30} GiB."
            )
        return np.memmap(path, np.uint8, "r")
    except OSError as error:
        raise UnreadableError(f"The SoundFont {path} can't be read: {error.strerror}.") from error


def _chunks(content: npt.NDArray[np.uint8], name: str) -> dict[bytes, npt.NDArray[np.uint8]]:
    """Find all inner chunks of the three LISTs (§5.1)."""
    if content[:4].tobytes() != b"RIFF" or content[8:12].tobytes() != b"sfbk":
        raise UnreadableError(
            f"{name} is not a SoundFont 2 file.",
            way_out="A SoundFont ends in .sf2 and starts with RIFF … sfbk.",
        )
    found: dict[bytes, npt.NDArray[np.uint8]] = {}
    for ident, body in _walk(content[12:]):
        if ident == b"LIST" and body.size >= 4:
            found.update(_walk(body[4:]))
    _refuse_other_formats(found, name)
    return found


def _walk(content: npt.NDArray[np.uint8]) -> Iterator[tuple[bytes, npt.NDArray[np.uint8]]]:
    place = 0
    for _ in range(64):
        if place + 8 > content.size:
            return
        size = int.from_bytes(content[place + 4 : place + 8].tobytes(), "little")
        yield content[place : place + 4].tobytes(), content[place + 8 : place + 8 + size]
        place += 8 + size + (size & 1)


def _refuse_other_formats(found: Mapping[bytes, npt.NDArray[np.uint8]], name: str) -> None:
    version = found.get(b"ifil", np.zeros(0, np.uint8))
    if version.size >= 2 and int.from_bytes(version[:2].tobytes(), "little") != 2:
        raise UnreadableError(
            f"{name} is a SoundFont of version {int(version[0])}; only version 2 (.sf2) can be played.",
            way_out="Convert it to .sf2 with Polyphone or sf3convert.",
        )
    missing = [key.decode() for key in (*_TABLES, b"smpl") if key not in found]
    if missing:
        raise UnreadableError(
            f"{name} is not a whole SoundFont: {', '.join(missing)} missing.",
            way_out="It may be cut short: download it again.",
        )
    if found[b"smpl"][:4].tobytes() == b"OggS":
        raise UnreadableError(
            f"{name} holds compressed samples (SF3).",
            way_out="Convert it to .sf2 with Polyphone or sf3convert.",
        )


def _records(
    chunks: Mapping[bytes, npt.NDArray[np.uint8]], key: bytes, kind: np.dtype[np.void], name: str
) -> Records:
    body = chunks[key]
    least = 2 if key in (b"phdr", b"inst", b"shdr") else 1
    count = body.size // kind.itemsize
    if body.size % kind.itemsize or not least <= count <= MAX_RECORDS:
        raise UnreadableError(
            f"{name} is not a valid SoundFont: its {key.decode()} table has {body.size} bytes, "
            f"not {least} to {MAX_RECORDS} records of {kind.itemsize}.",
            way_out="It may be cut short: download it again.",
        )
    return np.frombuffer(body.tobytes(), kind)


def _low_bits(chunks: Mapping[bytes, npt.NDArray[np.uint8]], frames: int) -> npt.NDArray[np.uint8] | None:
    """Find the 8 lower bits of 24-bit samples (§5.2); ignored, as the text asks, at a wrong length."""
    low = chunks.get(b"sm24")
    return low[:frames] if low is not None and low.size in (frames, frames + 1) and frames else None


def _text(raw: bytes) -> str:
    text = raw.split(b"\0")[0].decode("latin-1")
    return "".join(c for c in text if c.isprintable()).strip()


def timecents_to_seconds(timecents: float) -> float:
    """Turn absolute timecents into seconds, ``2 ** (timecents / 1200)`` (§8.1.2)."""
    return float(2.0 ** (timecents / 1_200.0))


def cents_to_hz(cents: float) -> float:
    """Turn absolute cents into Hz: 8.176 Hz is MIDI key 0 (§8.1.2)."""
    return 440.0 * math.exp2((cents - 6_900.0) / 1_200.0)


def default_soundfont() -> Path:
    """Find the General MIDI SoundFont that pretty_midi carries, without importing it.

    Raises
    ------
    UnreadableError
        When the installation lacks it.
    """
    found = importlib.util.find_spec("pretty_midi")
    places = list(found.submodule_search_locations or []) if found else []
    paths = [Path(place) / "TimGM6mb.sf2" for place in places]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise UnreadableError(
            "The General MIDI SoundFont TimGM6mb.sf2 is not installed.",
            way_out='Install pretty_midi, or name your own with soundfont = "path/to/file.sf2".',
        )
    return path


def load_soundfont(path: Path | str | None = None) -> SoundFont:
    """Load a SoundFont once per process; None is the default one.

    Raises
    ------
    UnreadableError
        As `SoundFont`.
    """
    found = default_soundfont() if path is None else Path(path)
    try:
        status = found.stat()
    except OSError as error:
        near = difflib.get_close_matches(found.name, _siblings(found), n=1)
        hint = f'Did you mean "{near[0]}"?' if near else "Check the path."
        raise UnreadableError(
            f"The SoundFont {found} can't be read: {error.strerror}.", way_out=hint
        ) from error
    return _load(found.resolve(), status.st_mtime_ns, status.st_size)


def _siblings(path: Path) -> list[str]:
    return [other.name for other in path.parent.glob("*.sf2")] if path.parent.is_dir() else []


@lru_cache(maxsize=4)
def _load(path: Path, _changed: int, _size: int) -> SoundFont:
    return SoundFont(path)

"""Who tracks the beats: our own tracker, essentia where it is installed, or any plug-in.

A plug-in is an entry point of the group ``stemwright.beat_engines``: an object, or a callable without
arguments that makes one, with the method of `BeatEngine`. ``beat_this`` is meant to come that way, since it
fetches its weights from the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.dsp.resample import resample
from stemwright.errors import InputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BUILTIN", "ENTRY_POINTS", "BeatEngine", "Ticks", "engine_names", "load_engine", "require_engine"]

BUILTIN = "builtin"
ENTRY_POINTS = "stemwright.beat_engines"
ESSENTIA_HZ = 44_100


@dataclass(frozen=True, slots=True)
class Ticks:
    """What an engine heard.

    Parameters
    ----------
    times_s : tuple of float
        Beats in seconds, rising; empty when it found none.
    downbeats_s : tuple of float
        Those of them that begin a bar, where the engine says so.

    Raises
    ------
    InputError
        When times don't rise, or are negative.
    """

    times_s: tuple[float, ...]
    downbeats_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, times in (("beats", self.times_s), ("downbeats", self.downbeats_s)):
            if times and (times[0] < 0 or not np.all(np.diff(times) > 0) or not np.isfinite(times).all()):
                raise InputError(
                    f"The beat engine's {name} must be rising times in seconds; they begin {times[:3]}.",
                    way_out="Did the plug-in answer in frames or milliseconds?",
                )


@runtime_checkable
class BeatEngine(Protocol):
    """Anything that can say where the beats of a song are."""

    def track(self, song: AudioSource) -> Ticks:
        """Find the beats of a song."""


class Essentia:
    """Essentia's RhythmExtractor2013, method multifeature (extra ``essentia``)."""

    def __init__(self) -> None:
        try:
            standard = import_module("essentia.standard")
        except ImportError as missing:
            raise InputError(
                'The beat engine "essentia" is not installed.', way_out="pip install 'stemwright[essentia]'"
            ) from missing
        self._extract: Callable[[Samples], tuple[Any, ...]] = standard.RhythmExtractor2013(
            method="multifeature"
        )

    def track(self, song: AudioSource) -> Ticks:
        """Find the beats of a song; essentia wants all of it at once, as one channel at 44.1 kHz."""
        blocks = resample(_mono(song), from_hz=song.sample_rate, to_hz=ESSENTIA_HZ)
        samples = np.concatenate([np.zeros(0, np.float32), *(block[0] for block in blocks)])
        times = self._extract(samples)[1]
        return Ticks(tuple(float(time) for time in times))


def _mono(song: AudioSource) -> Iterator[Samples]:
    for block in iter_blocks(song):
        yield block.mean(axis=0, keepdims=True, dtype=np.float32)


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def engine_names() -> tuple[str, ...]:
    """Names that `load_engine` knows here; whether essentia is installed shows when it is loaded."""
    return (BUILTIN, "essentia", *sorted(_plugins()))


def require_engine(name: str) -> None:
    """Raise `InputError` where an engine is unknown or not installed; before any work is done for it."""
    if name != BUILTIN:
        load_engine(name)


def load_engine(name: str) -> BeatEngine:
    """Load an engine by name.

    Raises
    ------
    InputError
        When it is unknown or not installed, or is no engine; the message names the extra or the group.
    """
    if name == "essentia":
        return Essentia()
    point = _plugins().get(name)
    if point is None:
        raise InputError(
            f'There is no beat engine "{name}"; known are {", ".join(engine_names())}.',
            way_out=f'Install a plug-in that offers it as an entry point of the group "{ENTRY_POINTS}".',
        )
    return _made(point)


def _made(point: EntryPoint) -> BeatEngine:
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f'The beat engine "{point.name}" can\'t be loaded: {error}.',
            way_out=f"Reinstall the plug-in ({point.value}).",
        ) from error
    engine = found() if callable(found) else found
    if not isinstance(engine, BeatEngine):
        raise InputError(
            f'The beat engine "{point.name}" ({point.value}) has no method track(song).',
            way_out="Its entry point must name an object with it, or something that makes one.",
        )
    return engine

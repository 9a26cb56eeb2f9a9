"""What every way of taking a song apart promises: the protocol, its result, and one separation at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from stemwright.audio import AudioSource
from stemwright.checks import Check, Notice
from stemwright.errors import InputError
from stemwright.songs import SongStem

__all__ = [
    "CHANNELS",
    "FOUR_STEMS",
    "SAMPLE_RATE_HZ",
    "SIX_STEMS",
    "Announce",
    "Quality",
    "Separated",
    "Separator",
    "Tell",
    "Told",
    "keep_quiet",
    "one_at_a_time",
    "require_song",
]

SAMPLE_RATE_HZ = 44_100
CHANNELS = 2
FOUR_STEMS = (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS, SongStem.OTHER)
SIX_STEMS = (*FOUR_STEMS, SongStem.GUITARS, SongStem.KEYS)

Tell: TypeAlias = Callable[[float], None]
"""Takes the fraction done, 0 to 1; whatever it raises stops the separation, which leaves nothing behind."""

Announce: TypeAlias = Callable[[Notice], None]
"""Takes what people should know *before* it happens: a download and its size."""

_WAIT_S = 0.1
_turn = threading.Lock()


class Quality(StrEnum):
    """What a separation is good for."""

    PREVIEW = "preview"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Separated:
    """A song in stems, each a float WAV at 44.1 kHz stereo with exactly as many frames as the song.

    Attributes
    ----------
    files : Mapping[SongStem, Path]
        In the order of `FOUR_STEMS` or `SIX_STEMS`; a stem that does not sound has a silent file.
    frames : int
        Of every file.
    separator : str
        The separator's `key`.
    quality : Quality
        Of its separator; given stems are ``full``.
    left_over_db : float
        Level of what no stem had claimed, relative to the song; it was added to `other`. −200: nothing.
    levels_db : Mapping[SongStem, float]
        Mean square of each stem relative to the song's; −200 for a silent one.
    checks, notices
        What was asked of the result, and what people should know.
    """

    files: Mapping[SongStem, Path]
    frames: int
    separator: str
    quality: Quality
    left_over_db: float
    levels_db: Mapping[SongStem, float]
    checks: tuple[Check, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def stems(self) -> tuple[SongStem, ...]:
        """The stems in order."""
        return tuple(self.files)

    @property
    def details(self) -> dict[str, Any]:
        """What stands in report.json beside the checks."""
        return {
            "separator": self.separator,
            "quality": str(self.quality),
            "left_over_db": round(self.left_over_db, 2),
            "levels_db": {str(stem): round(level, 2) for stem, level in self.levels_db.items()},
        }


@runtime_checkable
class Separator(Protocol):
    """Takes a song apart.

    Attributes
    ----------
    name : str
        ``"builtin"``, ``"demucs"``, ``"audio-separator"``.
    key : str
        Name, version and model: whatever changes the result changes it, so it goes into the step's key.
    quality : Quality
        ``preview`` or ``full``.
    stems : tuple[SongStem, ...]
        What it yields.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def key(self) -> str:
        """Name, version and model."""

    @property
    def quality(self) -> Quality:
        """What its result is good for."""

    @property
    def stems(self) -> tuple[SongStem, ...]:
        """What it yields."""

    def separate(
        self, song: AudioSource, *, into: Path, watch: Tell = ..., announce: Announce = ...
    ) -> Separated:
        """Take `song` apart.

        Parameters
        ----------
        song : AudioSource
            44.1 kHz stereo.
        into : Path
            Folder for one ``<stem>.wav`` each; nothing appears in it unless everything ends well.
        watch : Tell
            Told the fraction done, often enough to stop within seconds; raises to stop.
        announce : Announce
            Told what people should know before it happens.

        Returns
        -------
        Separated
            Stems whose sum is the song; also carries all notices.

        Raises
        ------
        InputError
            A song of another rate or layout, without a frame or with samples that are no numbers; a missing
            package, program or model; too little memory.
        """


@dataclass(slots=True)
class Told:
    """Notices that are announced at once and kept for the report."""

    announce: Announce
    notices: list[Notice] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        """Announce `text`."""
        notice = Notice(text, "separation")
        self.notices.append(notice)
        self.announce(notice)


def keep_quiet(_: object) -> None:
    """Tell nobody."""


def require_song(song: AudioSource) -> AudioSource:
    """Return `song` if it is 44.1 kHz stereo and has a frame, else raise `InputError`."""
    if song.sample_rate != SAMPLE_RATE_HZ or song.channels != CHANNELS:
        raise InputError(
            f"Songs are taken apart at {SAMPLE_RATE_HZ} Hz stereo; got {song.sample_rate} Hz, "
            f"{song.channels} channel(s).",
            way_out="Convert it first (stemwright.dsp.resample).",
        )
    if not song.frames:
        raise InputError("The song has no audio.", way_out="Is it the right file?")
    return song


@contextmanager
def one_at_a_time(watch: Tell) -> Iterator[None]:
    """Wait until no other separation runs in this process; `watch` can end the waiting."""
    while not _turn.acquire(timeout=_WAIT_S):
        watch(0.0)
    try:
        watch(0.0)
        yield
    finally:
        _turn.release()

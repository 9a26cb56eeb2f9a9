"""What a plan asks of matching, as a small value of its own: planning stands above this room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stemwright.errors import SpecError
from stemwright.songs import Key, SongStem

__all__ = ["SONG_A", "SONG_B", "MatchRequest", "PlanLike", "other_song"]

SONG_A, SONG_B = "song_a", "song_b"
SONGS = (SONG_A, SONG_B)
VOICE, INSTRUMENTS = "voice", "instruments"


def other_song(song: str) -> str:
    """Return the song that this is not."""
    return SONG_B if song == SONG_A else SONG_A


class UseLike(Protocol):
    """How a stem is used."""

    @property
    def songs(self) -> Sequence[str]:
        """The songs whose stem sounds."""


class SectionLike(Protocol):
    """The stems of a section."""

    @property
    def stems(self) -> Mapping[SongStem, UseLike]:
        """How each is used."""


class PlanLike(Protocol):
    """The fields of a plan that matching reads."""

    @property
    def vocal_source(self) -> str:
        """Whose voice leads."""

    @property
    def tempo_source(self) -> str | None:
        """Who sets the tempo."""

    @property
    def target_bpm(self) -> float | None:
        """The tempo asked for."""

    @property
    def key_source(self) -> str | None:
        """Who sets the key."""

    @property
    def target_key(self) -> str | None:
        """The key asked for."""

    @property
    def transpose_semitones(self) -> int:
        """On top of the match."""

    @property
    def both_voices(self) -> bool:
        """Whether both songs sing."""


@dataclass(frozen=True, slots=True)
class MatchRequest:
    """What is wanted of tempo and key.

    Parameters
    ----------
    vocal_source : str
        ``"song_a"`` or ``"song_b"``: whose voice leads. The other is the instrumental song.
    tempo_source : str, optional
        ``"song_a"``, ``"song_b"``, ``"average"`` or ``"target"``; the instrumental song when left out.
    target_bpm : float, optional
        Needed with ``"target"``, > 0.
    key_source : str, optional
        ``"song_a"``, ``"song_b"``, ``"target"`` or ``"none"``; the instrumental song when left out.
    target_key : str, optional
        ``"A minor"``; needed with ``"target"``.
    transpose_semitones : int
        Moves both songs together after they were matched.
    both_voices : bool
        Whether the instrumental song sings too: then the narrower cap of voices holds for it as well.
    both_instruments : bool
        Whether instruments of the singer's song are heard too: then it is told what happens to them.

    Raises
    ------
    SpecError
        For an unknown word, or a target without its value.
    """

    vocal_source: str = SONG_A
    tempo_source: str | None = None
    target_bpm: float | None = None
    key_source: str | None = None
    target_key: str | None = None
    transpose_semitones: int = 0
    both_voices: bool = False
    both_instruments: bool = False

    def __post_init__(self) -> None:
        _one_of("vocal_source", self.vocal_source, SONGS)
        _one_of("tempo_source", self.tempo_source, (*SONGS, "average", "target", None))
        _one_of("key_source", self.key_source, (*SONGS, "target", "none", None))
        if self.tempo_source == "target" and not (self.target_bpm and self.target_bpm > 0):
            raise SpecError('tempo_source "target" needs target_bpm.', way_out="Write target_bpm = 120.")
        if self.key_source == "target" and not self.target_key:
            raise SpecError('key_source "target" needs target_key.', way_out='Write target_key = "A minor".')
        if self.target_key:
            Key.parse(self.target_key)

    @classmethod
    def of(cls, plan: PlanLike) -> MatchRequest:
        """Read the fields of a plan; its sections, where it has any, say whose stems are heard."""
        heard = _heard(getattr(plan, "sections", ()))
        return cls(
            vocal_source=plan.vocal_source,
            tempo_source=plan.tempo_source,
            target_bpm=plan.target_bpm,
            key_source=plan.key_source,
            target_key=plan.target_key,
            transpose_semitones=plan.transpose_semitones,
            both_voices=plan.both_voices or (VOICE, other_song(plan.vocal_source)) in heard,
            both_instruments=(INSTRUMENTS, str(plan.vocal_source)) in heard,
        )

    @property
    def instrumental(self) -> str:
        """The song whose instruments carry the remix."""
        return other_song(self.vocal_source)


def _heard(sections: Iterable[SectionLike]) -> set[tuple[str, str]]:
    """Whose voice and whose instruments sound anywhere: pairs of part and song."""
    return {
        (VOICE if stem == SongStem.VOCALS else INSTRUMENTS, str(song))
        for section in sections
        for stem, use in section.stems.items()
        for song in use.songs
    }


def _one_of(name: str, value: str | None, words: tuple[str | None, ...]) -> None:
    if value not in words:
        known = ", ".join(f'"{word}"' for word in words if word)
        raise SpecError(f'{name}: "{value}" is unknown.', way_out=f"Write one of {known}.")

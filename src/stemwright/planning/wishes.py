"""What a prompt asks for, one wish at a time, before anything is arranged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from stemwright.planning.plan import Label, SongId
from stemwright.songs import SongStem

__all__ = ["Want", "Wish", "Wishes"]


class Want(StrEnum):
    """Kinds of wishes."""

    FROM = "from"
    BOTH = "both"
    DUET = "duet"
    ALTERNATE = "alternate"
    HAND_OFF = "hand-off"
    SWAP_STEM = "swap stem"
    SWAP_VOICES = "swap voices"
    WITHOUT = "without"
    ONLY = "only"
    PRESENT = "present"
    LOUDER = "louder"
    QUIETER = "quieter"
    SECTION = "section"
    NO_SECTION = "no section"
    LAST_SECTION = "last section"
    START = "start"
    END = "end"
    LENGTH = "length"
    SHORT = "short"
    LONG = "long"
    SECTION_LENGTH = "section length"
    SECTION_SHORTER = "section shorter"
    SECTION_LONGER = "section longer"
    TEMPO = "tempo"
    TEMPO_FROM = "tempo from"
    TEMPO_AVERAGE = "tempo average"
    FASTER = "faster"
    SLOWER = "slower"
    HALF_TIME = "half-time"
    KEY = "key"
    KEY_FROM = "key from"
    KEY_KEPT = "key kept"
    TRANSPOSE = "transpose"
    MOOD = "mood"
    TIME = "time"
    ENTER_AT = "enter at"
    LOOP = "loop"
    DROP_BEFORE = "drop before"
    EARLIER = "earlier"
    LATER = "later"
    FADE_OUT = "fade out"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish.

    Attributes
    ----------
    want : Want
        What kind.
    text : str
        The words of the prompt.
    stems : tuple[SongStem, ...]
        Which stems; for `SECTION` and others none.
    song : SongId or None
        Whose; the first of two for a hand-off.
    section : Label or None
        Where, or which section.
    value, until : float or None
        A number: seconds, bpm, semitones, beats, or an amount (1 = as usual); and the end of a range.
    word : str
        A key, a mood, or what can't be done.
    """

    want: Want
    text: str
    stems: tuple[SongStem, ...] = ()
    song: SongId | None = None
    section: Label | None = None
    value: float | None = None
    until: float | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Everything that was understood, in the order of the prompt, and what was not.

    Attributes
    ----------
    all : tuple[Wish, ...]
        In the order in which they stand in the prompt.
    not_understood : tuple[str, ...]
        Quoted passages.
    language : str
        Of the prompt.
    foreign : bool
        Whether that language is not read.
    empty : bool
        Whether there was nothing to read at all.
    hidden : bool
        Whether the prompt held terminal sequences or invisible letters, which are not read.
    """

    all: tuple[Wish, ...]
    not_understood: tuple[str, ...] = ()
    language: str = "English"
    foreign: bool = False
    empty: bool = False
    hidden: bool = False

    def __iter__(self) -> Iterator[Wish]:
        return iter(self.all)

    def of(self, *wants: Want) -> list[Wish]:
        """Select wishes of some kinds, in order."""
        return [wish for wish in self.all if wish.want in wants]

    def last(self, *wants: Want) -> Wish | None:
        """Return the last wish of some kinds: what is said later holds."""
        found = self.of(*wants)
        return found[-1] if found else None

    def without(self, dropped: Iterable[Wish]) -> Wishes:
        """Return the wishes less some."""
        gone = set(dropped)
        kept = tuple(wish for wish in self.all if wish not in gone)
        return replace(self, all=kept)

"""The grammar of prompts: patterns over words of the vocabulary, each with the wishes it makes.

A pattern is written with names in capitals for classes of words; rules are tried in order, and what one has
read is gone for those after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stemwright.planning.plan import Label, SongId
from stemwright.planning.vocabulary import SECTIONS, STEMS
from stemwright.planning.wishes import Want, Wish
from stemwright.songs import SongStem

__all__ = ["Found", "Rule", "amount_of", "compiled", "number", "section_of", "songs_in", "stems_in"]

_CLASSES: Mapping[str, str] = {
    "STEMS": r"(?P<stems>STEM(?:(?: , STEM)*(?: ,)? (?:and|or) STEM)*)",
    "STEM2": r"(?P<stems2>STEM(?:(?: , STEM)*(?: ,)? (?:and|or) STEM)*)",
    "STEM": r"(?:" + "|".join(STEMS) + r")",
    "SONG2": r"(?P<song2>song_a|song_b|song_other)",
    "SONGS": r"(?P<song>song_a|song_b|song_other|both)",
    "SONG": r"(?P<song>song_a|song_b|song_other)",
    "SECTION2": r"(?P<section2>" + "|".join((*SECTIONS, "hook")) + r")",
    "SECTION": r"(?P<section>" + "|".join((*SECTIONS, "hook")) + r")",
    "ALSO": r"(?P<also>" + "|".join(SECTIONS) + r")",
    "NUMBER": r"(?P<number>\d+(?:[.,]\d+)?)",
    "TIME2": r"(?P<time2>\d{1,3}:\d\d)",
    "TIME": r"(?P<time>\d{1,3}:\d\d)",
    "AMOUNT": r"(?P<amount>much|bit)",
    "INSIDE": (
        r"(?: (?:in|on|for|from|at|through|throughout|until|till) "
        r"(?P<which>last |second )?SECTION(?:(?: and| ,| or) ALSO)?)?"
    ),
    "BEFOREHAND": (
        r"(?:(?:(?:in|on|for|through) )?SECTION2(?: (?:with|where|has|have|is|be|should|there|are|,|:))* )?"
    ),
}
_ORDER = tuple(name for name in _CLASSES if name not in ("BEFOREHAND", "INSIDE"))
_SONGS = {"song_a": SongId.A, "song_b": SongId.B}
_GROUPS = {
    "backing": (SongStem.DRUMS, SongStem.BASS, SongStem.OTHER),
    "rhythm": (SongStem.DRUMS, SongStem.BASS),
}
_AMOUNTS = {"bit": 0.5, "much": 2.0}


@dataclass(frozen=True, slots=True)
class Found:
    """What a pattern matched: the words of the grammar by name, and the prompt's own words."""

    groups: Mapping[str, str | None]
    text: str

    def get(self, name: str) -> str:
        """Return what stands in a class, or ``""``."""
        return self.groups.get(name) or ""

    def wish(self, want: Want, **fields: object) -> Wish:
        """Make a wish out of the prompt's own words."""
        return Wish(want, self.text, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what it means."""

    pattern: re.Pattern[str]
    make: Callable[[Found], list[Wish]]


def compiled(*rules: tuple[str, Callable[[Found], list[Wish]]]) -> tuple[Rule, ...]:
    """Compile patterns written with classes of words."""
    return tuple(
        Rule(re.compile(rf"(?<!\S)(?:{_expanded(way)})(?!\S)"), make)
        for pattern, make in rules
        for way in _ways(pattern)
    )


def _ways(pattern: str) -> list[str]:
    """Split a pattern at its outermost bars: the same class may stand once in each way."""
    ways, depth = [""], 0
    for char in pattern:
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            ways.append("")
        else:
            ways[-1] += char
    return ways


def _expanded(pattern: str) -> str:
    pattern = pattern.replace("BEFOREHAND ", _CLASSES["BEFOREHAND"]).replace(" INSIDE", _CLASSES["INSIDE"])
    for name in _ORDER:
        pattern = re.sub(rf"\b{name}\b", _CLASSES[name].replace("\\", r"\\"), pattern)
    seen: set[str] = set()

    def once(match: re.Match[str]) -> str:
        """Name a group where it stands first."""
        first = match[1] not in seen
        seen.add(match[1])
        return match[0] if first else "(?:"

    named_once = re.sub(r"\(\?P<(\w+)>", once, pattern)
    # Bounded fillers keep the time linear, whatever is typed.
    return named_once.replace(")*", "){0,6}")


def stems_in(text: str) -> tuple[SongStem, ...]:
    """Return the stems of a list of words, ``backing`` and ``rhythm`` opened up."""
    found: dict[SongStem, None] = {}
    for word in text.split():
        if word in _GROUPS:
            found |= dict.fromkeys(_GROUPS[word])
        elif word in STEMS:
            found[SongStem(word)] = None
    return tuple(found)


def songs_in(found: Found, name: str = "song") -> SongId | None:
    """Return the song of a class; None for both, the other one, or none."""
    return _SONGS.get(found.get(name))


def section_of(found: Found, *names: str) -> Label | None:
    """Return the section of the first class that matched; the hook is the chorus."""
    text = next((found.get(name) for name in (*names, "section", "section2") if found.get(name)), "")
    return None if not text else Label.CHORUS if text == "hook" else Label(text)


def number(found: Found, name: str = "number") -> float:
    """Return a number, or a time in seconds."""
    text = found.get(name).replace(",", ".")
    if ":" in text:
        minutes, seconds = text.split(":")
        return int(minutes) * 60.0 + int(seconds)
    return float(text)


def amount_of(found: Found) -> float:
    """How much: half for ``a bit``, twice for ``much``."""
    return _AMOUNTS.get(found.get("amount"), 1.0)

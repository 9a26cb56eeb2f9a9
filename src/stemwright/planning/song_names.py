"""Which song is meant: first, second, 1, 2, A, B, the former, the latter, or a title."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stemwright.planning.plan import SongId
from stemwright.planning.vocabulary import DROPPED, NEUTRAL, SYNONYMS

if TYPE_CHECKING:
    from stemwright.planning.words import Word

__all__ = ["name_songs"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SONG = _set("song songs track tracks tune tunes record file number lied stück")
_ORDINAL = {
    "first": SongId.A, "1st": SongId.A, "former": SongId.A, "1": SongId.A, "one": SongId.A,
    "second": SongId.B, "2nd": SongId.B, "latter": SongId.B, "2": SongId.B, "two": SongId.B,
}  # fmt: skip
_CLEAR = _set("former latter 1st 2nd")
_LETTERS = {"a": SongId.A, "b": SongId.B}
_THIRD = _set("third 3rd fourth 4th 3 c")
_LINKS = _set("from of by with over and vs versus under then + & on to for use in off")
_SINGING = _set(
    "vocals vocal voice drums beat bass melody music instrumental singing sings vox over on vs then and + "
    "& 's"
)
_NOT_AFTER = _set("seconds second minutes minute bars beats bpm semitones times half")


def name_songs(words: Sequence[Word], raw: str, titles: Mapping[SongId, str]) -> list[Word]:
    """Put ``song_a``, ``song_b`` or ``both`` for the words that name songs."""
    out = _titled(words, titles)
    shouted = raw.isupper()
    result: list[Word] = []
    index = 0
    while index < len(out):
        length, name = _name_at(out, index, raw, shouted)
        if length:
            result.append(_joined(out[index : index + length], name))
            index += length
        else:
            result.append(out[index])
            index += 1
    return result


def _joined(words: Sequence[Word], text: str) -> Word:
    return type(words[0])(text, words[0].start, words[-1].end)


def _name_at(words: Sequence[Word], index: int, raw: str, shouted: bool) -> tuple[int, str]:
    """Read a name of a song here: its length in words and which; (0, "") for none."""
    text = words[index].text
    after = [word.text for word in words[index + 1 : index + 4]]
    following = after[0] if after else ""
    if text == "both":
        return (2 if following in _SONG else 1), "both"
    if text in _SONG and following in (*_ORDINAL, *_LETTERS) and not _is_unit(after[1:2]):
        return 2, str(_ORDINAL.get(following) or _LETTERS[following])
    if (text in _SONG and following in _THIRD) or (text in _THIRD and following in _SONG):
        return 2, "song_c"
    if text in _ORDINAL:
        return _ordinal(text, following, words[index - 1].text if index else "")
    if text in _LETTERS and _is_letter(words, index, raw, shouted):
        return 1, str(_LETTERS[text])
    if text == "other" and following in (*_SONG, "one"):
        return 2, "song_other"
    return 0, ""


def _is_unit(words: Sequence[str]) -> bool:
    return bool(words) and words[0] in _NOT_AFTER


def _ordinal(text: str, following: str, before: str) -> tuple[int, str]:
    """``first song``, ``the former``, ``vocals of the first``, ``one``'s drums; never ``first chorus``."""
    counted = text in ("one", "two", "1", "2")
    if (following in _SONG and not counted) or (following == "one" and text in ("first", "second")):
        return 2, str(_ORDINAL[text])
    alone = (
        following in ("", "'s", ",", ".", "and", "over", "on", "with", "then", "for") or following in _SINGING
    )
    if text in _CLEAR and (alone or text in ("former", "latter")):
        return 1, str(_ORDINAL[text])
    if text in ("first", "second") and alone and (before == "the" or before in _LINKS):
        return 1, str(_ORDINAL[text])
    if text in ("1", "2") and alone and before in ("from", "of"):
        return 1, str(_ORDINAL[text])
    return 0, ""


def _is_letter(words: Sequence[Word], index: int, raw: str, shouted: bool) -> bool:
    """Whether a single a or b is a song and not an article or a key."""
    word = words[index]
    before = words[index - 1].text if index else ""
    following = words[index + 1].text if index + 1 < len(words) else ""
    if following == "'s" or word.text == "b":
        return True
    upper = raw[word.start].isupper() and not shouted
    opens = not before or before in (".", "!", "?", "\n")
    if upper and not opens:
        return True
    if following in ("", ".", ",", "\n", "!", "?", ")"):
        return before in _LINKS
    if before in ("from", "of", "by") and following in _LINKS | {"but", "then"}:
        return True
    mates = following in ("+", "&", "/", "vs", "over", "and") and any(
        w.text == "b" for w in words[index + 2 : index + 4]
    )
    return mates or (upper and following in ("vocals", "drums", "sings", "over"))


def _titled(words: Sequence[Word], titles: Mapping[SongId, str]) -> list[Word]:
    """Put songs for their titles; parts of a title count alone where they are no words of remixing."""
    out = list(words)
    named = [title.casefold() for title in titles.values()]
    for song, title in titles.items():
        if named.count(title.casefold()) > 1:
            continue
        for part in _parts(title):
            out = _replaced(out, part, str(song))
    return out


def _parts(title: str) -> list[tuple[str, ...]]:
    """Give the title and what stands around its dashes, longest first."""
    pieces = {title, *re.split(r"\s[-–—|]\s|\(|\)", title)}
    parts = {tuple(re.findall(r"[^\W_]+", piece.casefold())) for piece in pieces}
    usual = DROPPED | NEUTRAL | frozenset(SYNONYMS)
    telling = [part for part in parts if _tells(part, usual)]
    return sorted(telling, key=lambda part: (-len(part), part))


def _tells(part: tuple[str, ...], usual: frozenset[str]) -> bool:
    """Whether a part of a title can't be mistaken for something else that people ask for."""
    if len(part) == 1:
        return len(part[0]) > 2 and part[0] not in usual
    return not all(word in SYNONYMS or word in DROPPED for word in part)


def _replaced(words: Sequence[Word], part: tuple[str, ...], name: str) -> list[Word]:
    out: list[Word] = []
    index = 0
    while index < len(words):
        if part and tuple(word.text for word in words[index : index + len(part)]) == part:
            out.append(_joined(words[index : index + len(part)], name))
            index += len(part)
        else:
            out.append(words[index])
            index += 1
    return out

"""From what people type to words of the grammar: casing, contractions, numbers, languages, typos, songs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from stemwright.planning.cleaning import clean_prompt, hides
from stemwright.planning.key_names import name_keys
from stemwright.planning.languages import LANGUAGES, NOT_LATIN, language_of, translated
from stemwright.planning.plan import SongId
from stemwright.planning.song_names import name_songs
from stemwright.planning.vocabulary import (
    CONTRACTIONS,
    DROPPED,
    NEUTRAL,
    NUMBERS,
    PHRASES,
    SYNONYMS,
    UNITS,
)

__all__ = ["MOST_CHARACTERS", "Prompt", "Word", "read_prompt"]

MOST_CHARACTERS = 20_000
_TOKEN = re.compile(
    r"\d{1,3}:\d{2}(?!\d)|\d+(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)?|[^\W\d_]+(?:['’´`][^\W\d_]+)*|['’]s\b|w/o?"
    r"|[#♯♭&+%]|(?<!\S)[-−–](?=\d)|[.,;!?()\n:]"
)
_STOPS = {".": ".", ";": ".", "!": ".", "?": ".", "\n": ".", ",": ",", ":": ",", "(": ",", ")": ","}
_ELIDED = re.compile(r"^(?:l|d|qu|j|n|s|c|m|t)['’](.+)$")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_REAL = _set(
    "base beet beets beast beasts bess brass drug drugs dream dreams drama word words world wordless "
    "verso versus voyage shower shirt slot lower slower flower flowers power tower closer older order "
    "under border boarder lauder chore chores choir cheers core corner bride bread break brake build "
    "guild built child mild wild other mother father brother outer short shirt sort shore longer along "
    "lone lung long look hook cook book book tempo temple template key keys hey they play place pace face "
    "space peace race rate late wait weight bars cars stars ears years mars bats boats seats heats meats "
    "beat best test rest west east last first list fast past cast mute cute mate note vote vocal local "
    "focal start smart stars state stay star end and ended lend send bend spend band bands land hand "
    "hands sand mind kind find wind start story faster master after plaster water later latter matter "
    "hater hard card yard heart hear here heard head dead read lead load road chill child skill still "
    "will calm palm claim house horse mouse trap trip tape type rock lock jazz pop top stop shop drop "
    "crop dropped drops shops steps only lonely on one once silly with wish width without white which "
    "witch minor miner major mayor bigger bitter better letter volume column instruments instrument happy "
    "ending bending lending sending singer finger single signal simple sample apple swing string strong "
    "alter alternative alternate sleep night light right might sight sign sing song sings long"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the grammar and where in the prompt it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as the grammar reads it.

    Attributes
    ----------
    raw : str
        As seen (`clean_prompt`), cut to `MOST_CHARACTERS`; quotes come from it.
    words : tuple[Word, ...]
        Words of the grammar; ``"."`` and ``","`` are words too.
    language : str
        ``"English"``, ``"German"``, …
    foreign : bool
        Whether it is in a language or script that is not read at all.
    hidden : bool
        Whether terminal sequences or invisible letters stood in it.
    """

    raw: str
    words: tuple[Word, ...]
    language: str
    foreign: bool
    hidden: bool = False

    def quoted(self, start: int, end: int) -> str:
        """Return what was typed, shortened for a sentence."""
        text = " ".join(self.raw[start:end].split())
        return text if len(text) <= 60 else text[:57].rstrip() + "…"


def read_prompt(prompt: str, *, titles: Mapping[SongId, str] | None = None) -> Prompt:
    """Turn a prompt into words of the grammar.

    Parameters
    ----------
    prompt : str
        Anything at all.
    titles : Mapping of SongId to str, optional
        Titles of the songs, which a prompt may then name.
    """
    raw = clean_prompt(prompt[:MOST_CHARACTERS])
    words = name_keys(_contracted(_tokens(raw)), raw)
    language = language_of([word.text for word in words])
    words = [replace(word, text=translated(word.text, language)) for word in _elided(words, language)]
    words = name_songs(words, raw, titles or {})
    words = _numbers(words)
    if language in ("English", *LANGUAGES):
        words = [replace(word, text=_corrected(word.text)) for word in words]
    words = _phrases(words)
    foreign = language not in ("English", *LANGUAGES) or _foreign(raw)
    return Prompt(raw, tuple(_plain(words)), language, foreign, hides(prompt[:MOST_CHARACTERS]))


def _tokens(raw: str) -> list[Word]:
    """Cut the text into words; places are those of the text."""
    lowered = "".join(low if len(low := char.casefold()) == 1 else char for char in raw)
    found = (Word(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(lowered))
    return [replace(word, text=re.sub("[’´`]", "'", word.text)) for word in found]


def _contracted(words: Iterable[Word]) -> list[Word]:
    out: list[Word] = []
    for word in words:
        text = CONTRACTIONS.get(word.text, word.text)
        if text == word.text and text.endswith("'s") and len(text) > 2:
            text = text[:-2] + " 's"
        out += [Word(part, word.start, word.end) for part in text.split(" ")]
    return out


def _elided(words: Sequence[Word], language: str) -> list[Word]:
    """Cut l'intro and d'A into two words."""
    if language != "French":
        return list(words)
    return [
        replace(word, text=match[1] if (match := _ELIDED.match(word.text)) else word.text) for word in words
    ]


def _foreign(raw: str) -> bool:
    letters = [char for char in raw if char.isalpha()]
    return bool(letters) and 2 * sum(bool(NOT_LATIN.match(char)) for char in letters) > len(letters)


def _numbers(words: Sequence[Word]) -> list[Word]:
    """Write numbers in words as digits: ``a hundred and twenty bpm``, ``one and a half minutes``."""
    out: list[Word] = []
    index = 0
    while index < len(words):
        length, value = _number_at(words, index)
        if length and _counts(words, index, length, value):
            out.append(Word(f"{value:g}", words[index].start, words[index + length - 1].end))
            index += length
        else:
            out.append(words[index])
            index += 1
    return out


def _counts(words: Sequence[Word], index: int, length: int, value: float) -> bool:
    """Whether a number word means a number: always above one, else before a unit."""
    following = words[index + length].text if index + length < len(words) else ""
    return value > 1 or following in UNITS - {"and", "second"}


def _number_at(words: Sequence[Word], index: int) -> tuple[int, float]:
    """Read the number that begins here; (0, 0) where there is none."""
    texts = [word.text for word in words[index : index + 6]]
    if texts[:2] == ["half", "a"] and texts[2:3] == ["minute"]:
        return 2, 0.5
    if texts[:2] == ["a", "minute"]:
        return 1, 1.0
    length, value = _sum(["one" if texts[:2] == ["a", "hundred"] else texts[0], *texts[1:]])
    rest = texts[length:]
    if length and rest[:3] == ["and", "a", "half"]:
        return length + 3, value + 0.5
    return length, value


def _sum(texts: Sequence[str]) -> tuple[int, float]:
    """Add up number words: the number of words and their sum."""
    total, length, last = 0, 0, 0
    for text in texts:
        value = NUMBERS.get(text, 0)
        if text == "hundred" and 0 < total < 10:
            total, last = total * 100, 100
        elif value and (not length or last == 100 or (last >= 20 and value < 10)):
            total, last = total + value, value
        elif not (text == "and" and last == 100):
            break
        length += 1
    return length, float(total)


_KNOWN = frozenset(SYNONYMS) | NEUTRAL | DROPPED | frozenset(NUMBERS) | UNITS | _REAL
_NO_TARGETS = _set("tonality backing minus remove hits epic tape keep want need take place pull")
_TARGETS = tuple(
    sorted(word for word in SYNONYMS if len(word) >= 4 and word.isalpha() and word not in _NO_TARGETS)
)


@lru_cache(maxsize=4096)
def _corrected(word: str) -> str:
    """Read a slip of the keyboard as the word that was meant: one slip up to 7 letters, two beyond."""
    if len(word) < 4 or not word.isalpha() or word in _KNOWN or word.startswith("song_"):
        return word
    most = 1 if len(word) < 8 else 2
    scored = [
        (_slips(word, target, most), target) for target in _TARGETS if abs(len(target) - len(word)) <= most
    ]
    best = min((slips for slips, _ in scored), default=most + 1)
    meant = {SYNONYMS[target] for slips, target in scored if slips == best}
    return meant.pop() if best <= most and len(meant) == 1 else word


def _slips(word: str, target: str, most: int) -> int:
    """Count slips (a letter too many, too few, wrong, two swapped); gives up above `most`."""
    before: list[int] = []
    row = list(range(len(target) + 1))
    for i, letter in enumerate(word, 1):
        now = [i]
        for j, other in enumerate(target, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == target[j - 2] and word[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, row = row, now
    return row[-1]


_LONGEST = max(len(phrase.split()) for phrase in PHRASES)
_BY_WORDS = {tuple(phrase.split()): meaning for phrase, meaning in PHRASES.items()}


def _phrases(words: Sequence[Word]) -> list[Word]:
    """Read several words as one, the longest first; single words by the table."""
    out: list[Word] = []
    index = 0
    while index < len(words):
        for length in range(min(_LONGEST, len(words) - index), 1, -1):
            meaning = _BY_WORDS.get(tuple(word.text for word in words[index : index + length]))
            if meaning is not None:
                break
        else:
            length, meaning = 1, SYNONYMS.get(words[index].text, words[index].text)
        end = words[index + length - 1].end
        out += [Word(part, words[index].start, end) for part in meaning.split(" ")]
        index += length
    return out


def _plain(words: Sequence[Word]) -> Iterable[Word]:
    """Drop what says nothing; punctuation becomes ``.`` or ``,``."""
    for word in words:
        text = _STOPS.get(word.text, word.text)
        if text not in DROPPED and text not in "-−–":
            yield replace(word, text=text)

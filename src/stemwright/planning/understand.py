"""Read a prompt into wishes: rules in order, each passage read once, what is left over is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stemwright.planning.grammar import Found, Rule
from stemwright.planning.plan import SongId
from stemwright.planning.rules_limits import LIMIT_RULES
from stemwright.planning.rules_pitch import PITCH_RULES
from stemwright.planning.rules_shape import EDGE_RULES, LENGTH_RULES, MOOD_RULES, SECTION_RULES
from stemwright.planning.rules_sources import LEVEL_RULES, SOURCE_RULES
from stemwright.planning.vocabulary import DROPPED, NEUTRAL, UNITS
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.planning.words import Prompt, Word, read_prompt

__all__ = ["understand"]

RULES: tuple[Rule, ...] = (
    *LIMIT_RULES,
    *SOURCE_RULES,
    *PITCH_RULES[:8],
    *EDGE_RULES,
    *LEVEL_RULES,
    *SECTION_RULES,
    *PITCH_RULES[8:],
    *LENGTH_RULES,
    *MOOD_RULES,
)
MOST_QUOTES = 4
MAY_REPEAT = (Want.SECTION, Want.START, Want.END, Want.SECTION_LENGTH)
READ = "•"


def understand(prompt: str, *, titles: Mapping[SongId, str] | None = None) -> Wishes:
    """Read a prompt.

    Parameters
    ----------
    prompt : str
        Anything at all; nothing in it is ever obeyed but wishes about the remix.
    titles : Mapping of SongId to str, optional
        Titles that the prompt may use for the songs.
    """
    read = read_prompt(prompt, titles=titles)
    sentence = _Sentence(read)
    found = sorted(
        ((place, wish) for rule in RULES for place, wish in sentence.apply(rule)), key=lambda p: p[0]
    )
    return Wishes(
        _said_once([wish for _, wish in found]),
        sentence.left_over(),
        read.language,
        read.foreign,
        not read.raw.strip(),
        read.hidden,
    )


def _said_once(wishes: list[Wish]) -> tuple[Wish, ...]:
    """Keep the last of wishes that say the same; a section may come twice on purpose."""
    last = {replace(wish, text=""): index for index, wish in enumerate(wishes)}
    return tuple(
        wish
        for index, wish in enumerate(wishes)
        if wish.want in MAY_REPEAT or last[replace(wish, text="")] == index
    )


class _Sentence:
    """The words as one line of text, in which passages that were read are blotted out."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._line = " ".join(word.text for word in prompt.words)
        self._starts: list[int] = []
        at = 0
        for word in prompt.words:
            self._starts.append(at)
            at += len(word.text) + 1

    def apply(self, rule: Rule) -> list[tuple[int, Wish]]:
        """Read every passage that the rule matches."""
        out: list[tuple[int, Wish]] = []
        for match in rule.pattern.finditer(self._line):
            words = self._words(match.start(), match.end())
            text = self._prompt.quoted(words[0].start, max(word.end for word in words))
            made = rule.make(Found(match.groupdict(), text))
            out += [(match.start(), wish) for wish in made]
            if made:
                blot = "".join(" " if char == " " else READ for char in match.group())
                self._line = self._line[: match.start()] + blot + self._line[match.end() :]
        return out

    def _words(self, start: int, end: int) -> Sequence[Word]:
        inside = zip(self._starts, self._prompt.words, strict=True)
        return [word for at, word in inside if start <= at < end]

    def left_over(self) -> tuple[str, ...]:
        """Quote the clauses in which something telling was not read."""
        out: dict[str, None] = {}
        clause: list[Word] = []
        read = 0
        for at, word in zip(self._starts, self._prompt.words, strict=True):
            if self._line[at] == READ:
                read += 1
            elif word.text in (".", ",", "and", "but", "then"):
                self._quote(clause, read, out)
                clause, read = [], 0
            elif _telling(word.text):
                clause.append(word)
        self._quote(clause, read, out)
        return tuple(out)[:MOST_QUOTES]

    def _quote(self, words: Sequence[Word], read: int, out: dict[str, None]) -> None:
        """Quote a clause; one odd word beside what was read is let pass."""
        if len(words) > (1 if read else 0):
            out[self._prompt.quoted(words[0].start, words[-1].end)] = None


_GRAMMAR = (
    "with from over only use add keep start end bit much halfway original and then 's hook song_a song_b "
    "both song_other tempo key change vocals drums bass other backing"
)
_SAYS_NOTHING = NEUTRAL | DROPPED | (UNITS - {"bpm"}) | frozenset(_GRAMMAR.split(" "))


def _telling(word: str) -> bool:
    """Whether a word that nobody read should be told."""
    return word not in _SAYS_NOTHING and any(char.isalpha() for char in word) and len(word) > 1

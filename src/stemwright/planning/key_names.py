"""Keys in a prompt: ``A minor``, ``F sharp``, ``Bb major``, ``Am``, ``the key of E``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stemwright.planning.words import Word

__all__ = ["KEY_MARK", "name_keys"]

KEY_MARK = "key:"
_MODES = {
    "minor": "minor", "min": "minor", "moll": "minor", "menor": "minor", "mineur": "minor",
    "major": "major", "maj": "major", "dur": "major", "mayor": "major", "majeur": "major",
}  # fmt: skip
_SIGNS = {"#": "#", "♯": "#", "sharp": "#", "♭": "b", "flat": "b"}
_SHORT = {f"{letter}{sign}" for letter in "abcdefg" for sign in ("b",)}
_BEFORE = ("key", "of", "in", "to", "into")


def name_keys(words: Sequence[Word], raw: str) -> list[Word]:
    """Put ``key:A_minor`` for the words that name a key."""
    out: list[Word] = []
    index = 0
    while index < len(words):
        length, name = _key_at(words, index, raw)
        if length:
            found = words[index : index + length]
            out.append(type(found[0])(f"{KEY_MARK}{name.replace(' ', '_')}", found[0].start, found[-1].end))
        else:
            out.append(words[index])
        index += max(length, 1)
    return out


def _key_at(words: Sequence[Word], index: int, raw: str) -> tuple[int, str]:
    """Read a key here: its length in words and its name; (0, "") for none."""
    text = words[index].text
    after = [word.text for word in words[index + 1 : index + 3]]
    before = words[index - 1].text if index else ""
    letter, length = text[:1].upper(), 1
    if len(text) == 2 and text[1] == "m" and letter in "ABCDEFG" and before in _BEFORE:
        return (1, f"{letter} minor") if raw[words[index].start].isupper() else (0, "")
    if letter not in "ABCDEFG" or not (len(text) == 1 or text in _SHORT):
        return 0, ""
    tonic = letter + text[1:]
    if after and after[0] in _SIGNS:
        tonic, length, after = tonic + _SIGNS[after[0]], 2, after[1:]
    if after and (after[0] in _MODES or (after[0] == "m" and length == 2)):
        return length + 1, f"{tonic} {_MODES.get(after[0], 'minor')}"
    named = before == "of" and index > 1 and words[index - 2].text == "key"
    sure = (
        length == 2 or named or (before == "in" and letter not in "AB" and raw[words[index].start].isupper())
    )
    return (length, f"{tonic} major") if sure and not (len(text) == 2 and not named) else (0, "")

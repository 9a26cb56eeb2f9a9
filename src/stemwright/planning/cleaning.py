"""What people see of a prompt: terminal sequences and invisible characters taken out, once, before reading.

Sequences are those of ECMA-48 (5th edition, sections 5.3, 5.4 and 8.3.89: CSI, control strings, escapes);
invisible is what Unicode calls format (Cf: zero width, direction marks, tags) or control (Cc).
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean_prompt", "hides"]

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d\x9e\x9f])(?:[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c))?"
    r"|\x1b[ -/]*[0-~]?"
)
_TAGS = re.compile("[\U000e0000-\U000e007f]")
"""Letters that nobody sees: Unicode's tags."""
_JOINER = "\u034f"
"""The combining grapheme joiner is a mark by its category, and as invisible as the rest."""


def clean_prompt(prompt: str) -> str:
    """Return what a reader sees of a prompt, in Unicode normal form KC.

    Parameters
    ----------
    prompt : str
        Anything at all.

    Returns
    -------
    str
        Without terminal sequences (an unfinished one loses its introducer) and without invisible characters;
        other controls, separators of lines and halves of characters are spaces. Cleaning twice changes
        nothing.
    """
    visible = unicodedata.normalize("NFKC", _SEQUENCES.sub("", prompt))
    return "".join(_seen(char) for char in visible)


def hides(prompt: str) -> bool:
    """Whether terminal sequences or invisible letters stand in a prompt: what people should be told."""
    return bool(_SEQUENCES.search(prompt) or _TAGS.search(prompt))


def _seen(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or char == _JOINER:
        return ""
    return " " if category in ("Cc", "Cs", "Zl", "Zp") and char != "\n" else char

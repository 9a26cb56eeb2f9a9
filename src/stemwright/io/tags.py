"""Titles and other tags as plain text: bounded, without control characters; hostile until escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

__all__ = ["clean_tags", "clean_text"]

MAX_TAGS = 32
MAX_KEY_CHARACTERS = 64
MAX_TAG_CHARACTERS = 500


def clean_text(text: str, *, max_characters: int = MAX_TAG_CHARACTERS) -> str:
    """Drop control, format and surrogate characters, fold white space, cut at `max_characters`."""
    folded = " ".join(text[: 4 * max_characters].split())
    kept = "".join(
        char for char in folded if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return kept[:max_characters]


def clean_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the non-empty tags, sorted by key, as `clean_text`."""
    pairs = (
        (clean_text(key.lower(), max_characters=MAX_KEY_CHARACTERS), clean_text(value))
        for key, value in tags.items()
    )
    return tuple(sorted({key: value for key, value in pairs if key and value}.items())[:MAX_TAGS])

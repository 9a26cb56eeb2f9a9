"""Markup that can't be broken by what people write into titles, names and tags."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Mapping

__all__ = ["Markup", "element", "escape", "join", "text", "void"]

_VISIBLE = "\ufffd"
_KEPT = {"\n": " ", "\t": " ", "\r": " "}
_HIDDEN = {"Cc", "Cs", "Co", "Zl", "Zp"}
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


class Markup(str):
    """Text that is markup already; everything else gets escaped."""

    __slots__ = ()


def escape(value: object) -> str:
    """Escape for elements and attributes; control and direction characters become visible as �."""
    shown = str(value)
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(_safe(character) for character in shown)
    return html.escape(shown, quote=True)


def _safe(character: str) -> str:
    if character in _KEPT:
        return _KEPT[character]
    bad = character in _DIRECTION or unicodedata.category(character) in _HIDDEN
    return _VISIBLE if bad else character


def text(value: object) -> Markup:
    """Words of somebody else: escaped, and with a writing direction of their own."""
    return Markup(f"<bdi>{escape(value)}</bdi>")


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """Build ``<name …>content</name>``; ``class_`` is class, ``aria_label`` aria-label; None is left out."""
    return Markup(f"<{name}{_attributes(attributes)}>{join(content)}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """Build an element that has no content: ``<img …>``."""
    return Markup(f"<{name}{_attributes(attributes)}>")


def _attributes(attributes: Mapping[str, object]) -> str:
    return "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )


def join(parts: Iterable[object]) -> Markup:
    """Put parts behind each other; what is not `Markup` is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))

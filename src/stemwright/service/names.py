"""Names that people give their files: plain words here, never a way out of a folder."""

from __future__ import annotations

import re

__all__ = ["is_safe_name"]

_UNSAFE = re.compile(r"(^|/)\.{1,2}(/|$)|^/|//|/$|[\\:\x00-\x1f\x7f]|^~")


def is_safe_name(name: str) -> bool:
    """Whether a name stays inside any folder, on any system."""
    return _UNSAFE.search(name) is None

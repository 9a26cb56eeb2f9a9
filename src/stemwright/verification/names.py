"""File names that sort, say what they are, and survive every disk."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from stemwright.checks import Check, Severity

__all__ = ["is_sortable", "name_checks", "name_faults"]

WARNING = Severity.WARNING
ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
MAX_BYTES = 200
SAYING_NOTHING = frozenset(
    {
        "audio", "bounce", "bounced", "bus", "channel", "clip", "copy", "export", "exported", "file", "final",
        "left", "master", "mix", "mono", "new", "region", "render", "rendered", "right", "st", "stem",
        "stems", "stereo", "take", "track", "untitled", "wav",
    }
)  # fmt: skip
"""Words that tell nothing about what is heard."""

NUMBER = re.compile(r"^\d+")


def name_faults(name: str) -> list[str]:
    """Say what other systems would not accept in a file name."""
    stem = PurePosixPath(name).stem
    faults = []
    found = sorted(set(ILLEGAL.findall(name)))
    if found:
        faults.append(f"characters {' '.join(repr(char)[1:-1] for char in found)}")
    if name != name.strip() or stem != stem.strip() or name.endswith("."):
        faults.append("a space or dot at an end")
    if stem.casefold() in RESERVED:
        faults.append("a name that Windows keeps for itself")
    if len(name.encode("utf-8", "replace")) > MAX_BYTES:
        faults.append(f"more than {MAX_BYTES} bytes")
    if any(unicodedata.category(char) in ("Cf", "Cs", "Co") for char in name):
        faults.append("invisible characters")
    return faults


def is_sortable(names: Sequence[str]) -> bool:
    """Whether numbers in front of names sort as they count: all have as many digits, or none has one."""
    numbers = [match.group() if (match := NUMBER.match(name)) else "" for name in names]
    numbered = [number for number in numbers if number]
    by_text = sorted(numbered)
    return by_text == sorted(numbered, key=int) and len({len(number) for number in numbered}) <= 1


def name_checks(names: Sequence[str]) -> list[Check]:
    """Ask that names are legal everywhere, different everywhere, sortable, and tell what is inside.

    Parameters
    ----------
    names : Sequence[str]
        File names with suffix, without folders.
    """
    bad = [f"{name!r} has {', '.join(faults)}" for name in names if (faults := name_faults(name))]
    keys = Counter(unicodedata.normalize("NFC", PurePosixPath(name).stem).casefold() for name in names)
    twice = [key for key, count in keys.items() if count > 1]
    mute = [name for name in names if not _says_something(name)]
    return [
        Check.equal("legal names", "names", len(bad), 0, "illegal", severity=WARNING,
                    advice=f"{'; '.join(bad[:3])}: rename before you send them."),
        Check.equal("different names", "names", len(twice), 0, "alike",
                    advice=f"Case and suffix don't tell files apart everywhere: {', '.join(twice[:3])}."),
        Check("sortable names", "names", is_sortable(names), "", "numbers with equal digits",
              passed=is_sortable(names), severity=WARNING,
              advice="Number them 01, 02, … 10: 1, 2, … 10 sorts 10 before 2."),
        Check.equal("names that say what they are", "names", len(mute), 0, "that say nothing",
                    severity=WARNING, advice=f"Name the instrument: {', '.join(mute[:3])}."),
    ]  # fmt: skip


def _says_something(name: str) -> bool:
    text = unicodedata.normalize("NFC", PurePosixPath(name).stem).casefold()
    words = re.findall(r"[^\W\d_]+", text)
    return any(len(word) > 1 and word not in SAYING_NOTHING for word in words) or "808" in text

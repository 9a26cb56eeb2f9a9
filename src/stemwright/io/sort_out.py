"""Which file of a folder is a stem, which is the mix, and which is a finished master."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from stemwright.stems import Role, role_of

__all__ = ["AUDIO_SUFFIXES", "Kind", "Sorted", "is_audio_name", "kind_of", "sort_names"]

AUDIO_SUFFIXES = frozenset(
    {
        ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".ape", ".au", ".bwf", ".caf", ".flac", ".m4a",
        ".mka", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".rf64", ".tta", ".w64", ".wav", ".wave", ".webm",
        ".wma", ".wv",
    }
)  # fmt: skip

MIX_WORDS = frozenset(
    {
        "bounce",
        "fullmix",
        "mix",
        "mixdown",
        "premix",
        "ref",
        "reference",
        "roughmix",
        "twotrack",
        "unmastered",
    }
)
MASTER_WORDS = frozenset({"master", "mastered", "mastering"})


class Kind(StrEnum):
    """What a file is, by its name."""

    STEM = "stem"
    MIX = "mix"
    MASTER = "master"


@dataclass(frozen=True, slots=True)
class Sorted:
    """Names taken for what they are.

    Attributes
    ----------
    stems : tuple[str, ...]
        In the order given.
    mix : str or None
        What the stems are held against.
    others : tuple[str, ...]
        Further mixes and masters: no part of the set.
    """

    stems: tuple[str, ...]
    mix: str | None
    others: tuple[str, ...]


def is_audio_name(name: str) -> bool:
    """Whether a file found in a folder or zip is looked at; hidden and resource files are not."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in AUDIO_SUFFIXES and not hidden


def kind_of(name: str) -> Kind:
    """Read from a file's name what it is; an instrument in the name makes it a stem."""
    stem = PurePosixPath(name).stem.lower()
    words = set(re.findall(r"[a-z]+", stem))
    if role_of(stem) is not Role.OTHER:
        return Kind.STEM
    if words & MASTER_WORDS:
        return Kind.MASTER
    return Kind.MIX if words & MIX_WORDS else Kind.STEM


def sort_names(names: Sequence[str], *, mix: str | None = None) -> Sorted:
    """Tell stems, mix and other files apart.

    Parameters
    ----------
    names : Sequence[str]
        Paths with ``/``; folders don't count, but a plain mix wins over a master.
    mix : str, optional
        The one that was named as the mix.
    """
    kinds = {name: kind_of(name) for name in names}
    candidates = [n for kind in (Kind.MIX, Kind.MASTER) for n in names if kinds[n] is kind]
    chosen = mix if mix is not None else next(iter(candidates), None)
    stems = tuple(n for n in names if kinds[n] is Kind.STEM and n != chosen)
    if not stems:
        stems, chosen = tuple(names), None
    taken = {*stems, chosen}
    return Sorted(stems, chosen, tuple(name for name in names if name not in taken))

"""Stem roles, and the set of stems that shares one rate and one length or can't be built."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stemwright.audio import AudioSource
from stemwright.errors import InputError

__all__ = ["SYNONYMS", "Role", "StemSet", "role_of"]


class Role(StrEnum):
    """What a stem does in the music; decides defaults, never correctness."""

    VOCALS = "vocals"
    DRUMS = "drums"
    BASS = "bass"
    GUITARS = "guitars"
    KEYS = "keys"
    SYNTHS = "synths"
    PADS = "pads"
    STRINGS = "strings"
    BRASS = "brass"
    LEAD = "lead"
    PERCUSSION = "percussion"
    FX = "fx"
    OTHER = "other"


SYNONYMS: Mapping[str, Role] = {
    "vocal": Role.VOCALS, "vox": Role.VOCALS, "voice": Role.VOCALS, "voc": Role.VOCALS,
    "acapella": Role.VOCALS, "choir": Role.VOCALS, "bv": Role.VOCALS, "bgv": Role.VOCALS,
    "drum": Role.DRUMS, "beat": Role.DRUMS, "kit": Role.DRUMS, "kick": Role.DRUMS, "snare": Role.DRUMS,
    "hats": Role.DRUMS, "bassguitar": Role.BASS, "sub": Role.BASS, "808": Role.BASS,
    "guitar": Role.GUITARS, "gtr": Role.GUITARS, "rhythmguitar": Role.GUITARS, "leadguitar": Role.GUITARS,
    "piano": Role.KEYS, "key": Role.KEYS, "organ": Role.KEYS, "clav": Role.KEYS, "rhodes": Role.KEYS,
    "synth": Role.SYNTHS, "pad": Role.PADS, "string": Role.STRINGS, "violins": Role.STRINGS,
    "horns": Role.BRASS, "horn": Role.BRASS, "trumpet": Role.BRASS, "sax": Role.BRASS,
    "bridge": Role.LEAD, "melody": Role.LEAD, "solo": Role.LEAD, "leads": Role.LEAD,
    "perc": Role.PERCUSSION, "shaker": Role.PERCUSSION, "effects": Role.FX, "sfx": Role.FX,
    "others": Role.OTHER, "rest": Role.OTHER, "instrumental": Role.OTHER, "music": Role.OTHER,
}  # fmt: skip
"""Words that people put into file names, beside the roles' own names."""


def role_of(name: str) -> Role:
    """Read a role out of a stem's or file's name; `Role.OTHER` when no word of it is known.

    The words of the name count, never its folder: ``"02 - Bass Guitar_48k.wav"`` is bass.
    """
    words = re.findall(r"808|[a-z]+", name.lower())
    pairs = ["".join(pair) for pair in itertools.pairwise(words)]
    known = {str(role): role for role in Role} | dict(SYNONYMS)
    return next((known[word] for word in (*pairs, *words) if word in known), Role.OTHER)


@dataclass(frozen=True)
class StemSet:
    """Stems on one timeline.

    Parameters
    ----------
    stems : Mapping[str, AudioSource]
        By name, in order.

    Raises
    ------
    InputError
        When there is no stem, or rate, channels or length differ by as little as one frame.
    """

    stems: Mapping[str, AudioSource]

    def __post_init__(self) -> None:
        if not self.stems:
            raise InputError("A stem set needs at least one stem; got none.")
        for what, unit in (("sample_rate", "Hz"), ("channels", "channels"), ("frames", "frames")):
            seen = {name: getattr(stem, what) for name, stem in self.stems.items()}
            if len(set(seen.values())) > 1:
                listed = ", ".join(f"{name} {value}" for name, value in seen.items())
                raise InputError(
                    f"The stems of a set must agree in {what.replace('_', ' ')} ({unit}): {listed}.",
                    way_out="Align them first: `stemwright align`.",
                )

    @property
    def sample_rate(self) -> int:
        """Rate of all stems, in Hz."""
        return self._first.sample_rate

    @property
    def channels(self) -> int:
        """Channels of every stem."""
        return self._first.channels

    @property
    def frames(self) -> int:
        """Length of every stem, in frames."""
        return self._first.frames

    @property
    def _first(self) -> AudioSource:
        return next(iter(self.stems.values()))

    def __iter__(self) -> Iterator[tuple[str, AudioSource]]:
        return iter(self.stems.items())

    def __len__(self) -> int:
        return len(self.stems)

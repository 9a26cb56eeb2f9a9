"""What the separators that run a trained model share: their names, and which stem a model's source is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stemwright.audio import Samples
from stemwright.separation.protocol import FOUR_STEMS, SIX_STEMS, Quality
from stemwright.separation.torch_tools import require_package
from stemwright.songs import SongStem

__all__ = ["ModelSeparator", "by_stem", "stems_of"]

_STEM_OF = {
    "vocals": SongStem.VOCALS,
    "drums": SongStem.DRUMS,
    "bass": SongStem.BASS,
    "other": SongStem.OTHER,
    "guitar": SongStem.GUITARS,
    "piano": SongStem.KEYS,
    "instrumental": SongStem.OTHER,
}


@dataclass(frozen=True)
class ModelSeparator:
    """One model of a package that has many; what is left to do is to separate.

    Parameters
    ----------
    model : str
        Which one.
    models : Path, optional
        Folder where models are.

    Raises
    ------
    InputError
        When the package is missing.
    """

    package: ClassVar[str]
    """Name of the package, of the extra that brings it, and of the separator."""

    model: str
    models: Path | None = None

    def __post_init__(self) -> None:
        require_package(self.package)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.package

    @property
    def key(self) -> str:
        """Name, version and model."""
        return f"{self.package} {require_package(self.package)} {self.model}"

    @property
    def quality(self) -> Quality:
        """As good as its model."""
        return Quality.FULL

    @property
    def stems(self) -> tuple[SongStem, ...]:
        """Six for ``htdemucs_6s``, else four, of which a model may leave some silent."""
        return SIX_STEMS if "_6s" in self.model else FOUR_STEMS


def stems_of(sources: Iterable[str]) -> tuple[SongStem, ...]:
    """List what is written for a model with these sources: six stems where it knows guitars or keys."""
    known = {_STEM_OF.get(source.lower(), SongStem.OTHER) for source in sources}
    return SIX_STEMS if known - set(FOUR_STEMS) else FOUR_STEMS


def by_stem(estimates: Iterable[tuple[str, Samples]]) -> dict[SongStem, Samples]:
    """Name a model's estimates by stem; one that no stem is named after is left over, and goes to `other`.

    Parameters
    ----------
    estimates : Iterable[tuple[str, Samples]]
        Source and samples; of two that are the same stem the first one counts.
    """
    found: dict[SongStem, Samples] = {}
    for source, samples in estimates:
        if source.lower() in _STEM_OF:
            found.setdefault(_STEM_OF[source.lower()], samples)
    return found

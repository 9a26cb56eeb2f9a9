"""What a set was declared to be: from a spec, a preset, or whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Expectations"]


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the files of a set should be; None asks only that they agree.

    Parameters
    ----------
    sample_rate : int, optional
        In Hz.
    channels : int, optional
        Of every file.
    subtype : str, optional
        Of every stem: ``"PCM_24"``, ``"FLOAT"``, …
    frames : int, optional
        Length of every file.
    null_dbfs : float, optional
        Largest RMS of mix minus stems; a residual above it is an error, whatever explains it.
    stems : tuple[str, ...]
        Names that have to be there.
    silent : frozenset[str]
        Names that may be silent.
    """

    sample_rate: int | None = None
    channels: int | None = None
    subtype: str | None = None
    frames: int | None = None
    null_dbfs: float | None = None
    stems: tuple[str, ...] = ()
    silent: frozenset[str] = frozenset()

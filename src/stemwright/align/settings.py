"""How a stem is brought to length: what may be asked, and every default of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stemwright.errors import SpecError

__all__ = ["AlignSettings", "Strategy"]


class Strategy(StrEnum):
    """How a stem reaches the target.

    ``auto`` chooses by role, gap and content; ``pad`` adds silence; ``loop`` repeats a stretch; ``crossfade``
    goes on with well-matching earlier material; ``truncate`` cuts.
    """

    AUTO = "auto"
    PAD = "pad"
    LOOP = "loop"
    CROSSFADE = "crossfade"
    TRUNCATE = "truncate"


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """What may be asked of an alignment.

    Parameters
    ----------
    strategy : Strategy
        A stem longer than its target is always truncated, whatever is asked to extend it.
    crossfade_s : float, optional
        Length of every join in seconds, > 0; by default it is fitted to the material: up to 25 ms for loops,
        up to 2 s for sustained material.
    seamless : bool
        False joins with 2 ms only, enough not to click.
    fade_out_s : float
        Fade at the target of a stem that is cut there, in seconds, ≥ 0.
    """

    strategy: Strategy = Strategy.AUTO
    crossfade_s: float | None = None
    seamless: bool = True
    fade_out_s: float = 0.030

    def __post_init__(self) -> None:
        if self.crossfade_s is not None and not 0 < self.crossfade_s <= 600:
            raise SpecError(
                f"align: a crossfade of {self.crossfade_s:g} s is not possible.",
                way_out="crossfade_s is in seconds, above 0 and up to 600; leave it out to have it fitted.",
            )
        if not 0 <= self.fade_out_s <= 600:
            raise SpecError(
                f"align: a fade of {self.fade_out_s:g} s is not possible.",
                way_out="fade_out_s is in seconds, from 0 (a bare cut) to 600.",
            )

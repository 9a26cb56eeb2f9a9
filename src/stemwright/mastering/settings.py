"""What is asked of a master, and what was planned for it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from stemwright.checks import Notice
from stemwright.dsp.limiter import Reduction
from stemwright.dsp.loudness import Loudness
from stemwright.dsp.match import EqCurve
from stemwright.errors import InputError

__all__ = ["MasterPlan", "MasterSettings"]


@dataclass(frozen=True, slots=True)
class MasterSettings:
    """What is asked of a master.

    Parameters
    ----------
    loudness_lufs : float
        Integrated loudness to reach.
    ceiling_dbtp : float
        True peak that is never exceeded, ≤ 0; it wins over the loudness.
    max_limiting_db : float
        Deepest gain reduction of the limiter, ≥ 0; it wins over the loudness too.
    fade_in_s, fade_out_s : float
        Applied before the loudness is set.
    loudness_tolerance_lu : float
        How far the loudness may be off.
    match_amount : float
        How far to go towards the loudness and spectrum of another record, 0 to 1, where one is given.

    Raises
    ------
    InputError
        When a value can't be meant.
    """

    loudness_lufs: float = -14.0
    ceiling_dbtp: float = -1.0
    max_limiting_db: float = 6.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loudness_tolerance_lu: float = 0.1
    match_amount: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (
            ("loudness_lufs", -70.0, 0.0),
            ("ceiling_dbtp", -60.0, 0.0),
            ("max_limiting_db", 0.0, 40.0),
            ("fade_in_s", 0.0, math.inf),
            ("fade_out_s", 0.0, math.inf),
            ("loudness_tolerance_lu", 0.0, 10.0),
            ("match_amount", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"{name} = {value:g} is outside {low:g} to {high:g}.")


@dataclass(frozen=True, slots=True)
class MasterPlan:
    """What `render_master` will do.

    Attributes
    ----------
    settings : MasterSettings
        What was asked.
    target_lufs : float
        The loudness aimed at: that of the settings, moved towards the matched record's.
    gain_db : float
        Gain before the limiter.
    limits : bool
        Whether the limiter runs at all.
    expected_lufs : float or None
        Loudness that the master will have; None when it has none.
    reduction : Reduction
        What the limiter does.
    source : Loudness
        Measured after fades and match, before the gain.
    curve : EqCurve
        Equaliser of the match; flat without one.
    match_lufs : float or None
        Loudness of the record that was matched.
    expected : Loudness or None
        Measured of the limited stream, without true peak; None where nothing is limited.
    notices : tuple[Notice, ...]
        What is other than asked.
    """

    settings: MasterSettings
    target_lufs: float
    gain_db: float
    limits: bool
    expected_lufs: float | None
    reduction: Reduction
    source: Loudness
    curve: EqCurve
    match_lufs: float | None = None
    expected: Loudness | None = None
    notices: tuple[Notice, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that stands in report.json."""
        return {
            "settings": asdict(self.settings),
            "target_lufs": self.target_lufs,
            "gain_db": self.gain_db,
            "expected_lufs": self.expected_lufs,
            "limiting": asdict(self.reduction),
            "source_lufs": self.source.integrated_lufs,
            "source_true_peak_dbtp": self.source.true_peak_dbtp,
            "match_lufs": self.match_lufs,
            "match_gains_db": None if self.curve.is_flat else [round(g, 3) for g in self.curve.gains_db],
        }

"""What a residual means: level, polarity, offset, a missing stem, or a mix that was mastered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from stemwright.units import gain_to_db
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts
from stemwright.verification.named import NamedFile
from stemwright.verification.offsets import OffsetFinder
from stemwright.verification.relation import Fit, Relation, common_gain, fit_gains

__all__ = ["Diagnosis", "Verdict", "diagnose"]

SAME_DB = 0.3
"""Stems whose best gains lie this close to unity are in the mix as delivered, whatever else is."""
SPREAD_DB = 0.05
"""Gains this close to each other are one gain."""
CREST_LOSS_DB = 1.5
"""A limiter takes more than this from the crest of a sum; something added takes less."""
EXPLAINED = 0.5
"""Stems that explain less than this share of the mix belong to another song or version."""
NULLED_DB = -50.0
"""Residual re the mix after the best gains at which the stems are all there is in it."""

SHIFT_SHARE = 0.25
"""A shift by a frame leaves the energy of a stem's differences; other residuals may hide so much of it."""


class Verdict(Enum):
    """How stems and mix belong together."""

    NULLS = "the stems sum to the mix"
    SCALED = "the mix is the stems at another level"
    BALANCE = "the mix has another balance than the stems"
    MASTERED = "the mix was processed after summing (mastered)"
    MORE = "the mix holds something that no stem has"
    OTHER = "the stems don't make up the mix"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Stems against the mix.

    Attributes
    ----------
    verdict : Verdict
        In one word.
    residual_dbfs : float
        RMS of mix minus stems, as delivered.
    worst_dbfs, worst_frame : float and int
        The loudest 4096 frames of that, and where they start.
    late : tuple[int, ...]
        Frames by which each stem starts late.
    fit : Fit
        Best gains, every stem put in its place.
    """

    verdict: Verdict
    residual_dbfs: float
    worst_dbfs: float
    worst_frame: int
    late: tuple[int, ...]
    fit: Fit

    def relative_gain_db(self, stem: int) -> float:
        """Level of a stem in the mix over its level alone, the gain that most stems share taken out."""
        common = common_gain(self.fit.gains)
        return gain_to_db(self.fit.gains[stem] / common) if common else gain_to_db(0.0)


def diagnose(
    stems: Sequence[NamedFile],
    mix: NamedFile,
    *,
    facts: Sequence[StemFacts],
    relation: Relation,
    limits: Limits,
) -> Diagnosis:
    """Say what the residual means.

    Parameters
    ----------
    stems, mix : NamedFile
        Of one sample rate and compatible channels.
    facts : Sequence[StemFacts]
        Of the stems and, last, of the mix.
    relation : Relation
        Of all of them.
    limits : Limits
        What counts as nulled.
    """
    late = tuple([0] * len(stems))
    placed = relation
    suspects = _suspects(facts[:-1], relation)
    if suspects:
        finder = OffsetFinder(
            stems, mix, channels=relation.gram.shape[0], activity=[f.activity for f in facts[:-1]]
        )
        late = finder.find(suspects)
        placed = finder.relation(late) if any(late) else relation
    fit = fit_gains(placed)
    verdict = _verdict(placed, fit, facts, limits)
    return Diagnosis(verdict, relation.residual_dbfs, relation.worst_dbfs, relation.worst_frame, late, fit)


def _suspects(facts: Sequence[StemFacts], relation: Relation) -> list[int]:
    """Stems that may be out of place: one frame's shift of a stem leaves the energy of its difference."""
    residual = float(relation.total[-1, -1])
    return [i for i, f in enumerate(facts) if 0.0 < SHIFT_SHARE * f.levels.difference_energy <= residual]


def _verdict(relation: Relation, fit: Fit, facts: Sequence[StemFacts], limits: Limits) -> Verdict:
    mix = facts[-1].levels
    nulled = max(limits.null_dbfs, mix.rms_dbfs + NULLED_DB)
    gains = _sounding(fit, facts, limits)
    if relation.residual_dbfs <= limits.null_dbfs and _within(gains, 1.0, limits.level_db):
        return Verdict.NULLS
    if fit.single_dbfs <= nulled and _within(gains, common_gain(gains), SPREAD_DB):
        return Verdict.SCALED
    if min(fit.stems_dbfs, fit.channels_dbfs) <= nulled:
        return Verdict.BALANCE
    unity = _within(gains, 1.0, SAME_DB)
    if fit.explained < EXPLAINED:
        return Verdict.MORE if unity else Verdict.OTHER
    crest_loss = (
        gain_to_db(relation.sum_peak) - gain_to_db(_sum_rms(relation)) - (mix.peak_dbfs - mix.rms_dbfs)
    )
    if unity and crest_loss < CREST_LOSS_DB:
        return Verdict.MORE
    return Verdict.MASTERED


def _sounding(fit: Fit, facts: Sequence[StemFacts], limits: Limits) -> list[float]:
    return [
        gain
        for gain, fact in zip(fit.gains, facts, strict=False)
        if fact.levels.rms_dbfs > limits.level_floor_dbfs
    ]


def _within(gains: Sequence[float], common: float, limit_db: float) -> bool:
    """Whether all gains are the common one."""
    return common > 0.0 and all(g > 0.0 and abs(gain_to_db(g / common)) <= limit_db for g in gains)


def _sum_rms(relation: Relation) -> float:
    return float(np.sqrt(relation.total[:-1, :-1].sum() / relation.samples))

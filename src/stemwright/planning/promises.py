"""Whether a plan keeps a clause, as far as a plan can tell; the rendered stems have the last word."""

from __future__ import annotations

from stemwright.planning.plan import Clause, ClauseKind, PlanSection, RemixPlan, StemUse
from stemwright.songs import SongStem

__all__ = ["kept_by_plan"]


def kept_by_plan(clause: Clause, plan: RemixPlan) -> bool:
    """Return False where the plan itself breaks a clause; tempo, key and length are left to measurement."""
    sections = [s for s in plan.sections if clause.section in (None, s.label)]
    stem = SongStem.VOCALS if clause.kind is ClauseKind.VOCALS_FROM else clause.stem
    uses = [section.stems[stem] for section in sections if stem in section.stems] if stem else []
    match clause.kind:
        case ClauseKind.WITHOUT:
            return not any(use.gain for use in uses)
        case ClauseKind.ONLY:
            return any(use.gain for use in uses) and all(_alone(s, stem) for s in sections)
        case ClauseKind.PRESENT:
            return any(use.gain and clause.song in (None, *use.songs) for use in uses)
        case ClauseKind.STEM_FROM | ClauseKind.VOCALS_FROM:
            return all(use.songs in ((), (clause.song,)) for use in uses)
        case ClauseKind.LOUDER | ClauseKind.QUIETER:
            return _level(clause, uses, sections)
        case ClauseKind.HAS_SECTION:
            return bool(sections)
        case ClauseKind.STARTS_WITH | ClauseKind.ENDS_WITH:
            edge = plan.sections[0 if clause.kind is ClauseKind.STARTS_WITH else -1]
            return clause.section in (None, edge.label) and (stem is None or _alone(edge, stem))
    return True


def _alone(section: PlanSection, stem: SongStem | None) -> bool:
    return not any(use.gain for other, use in section.stems.items() if other is not stem)


def _level(clause: Clause, uses: list[StemUse], sections: list[PlanSection]) -> bool:
    """Compare the mean gain where the stem sounds with what it would have been."""
    heard = [(use.gain, section.beats) for use, section in zip(uses, sections, strict=True) if use.gain]
    if not heard or clause.value is None:
        return clause.kind is ClauseKind.QUIETER
    mean = sum(gain * beats for gain, beats in heard) / sum(beats for _, beats in heard)
    return mean > clause.value if clause.kind is ClauseKind.LOUDER else mean < clause.value

"""What is asked of a rendered remix beside the prompt's clauses: seams, balance, shared beats."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from stemwright.arrange.onsets import BeatOffset
from stemwright.arrange.render import ArrangedStem, Take, beat_frame, seams
from stemwright.audio import Samples
from stemwright.checks import Check, Severity
from stemwright.dsp.joins import CLICK_LIMIT, measure_character
from stemwright.dsp.loudness import HOP_S, integrated_lufs
from stemwright.planning.plan import RemixPlan
from stemwright.units import seconds_to_frames

__all__ = ["balance_checks", "beat_checks", "seam_checks", "section_lufs"]

SEAM_BEFORE_S, SEAM_AFTER_S = 0.004, 0.020
FLOOR_DIFFERENCE = 1e-4
BURIED_DB, BARE_DB = -6.0, 18.0
"""A voice this far under, or above, what sounds with it is told."""
FAINT_LUFS = -50.0
APART_MS = 15.0
LEAST_BEATS = 8

Array = npt.NDArray[np.float64]


def seam_checks(stems: Iterable[ArrangedStem]) -> list[Check]:
    """Ask every stem that jumps or loops for its loudest click at a seam, against its own attacks."""
    checks = []
    for stem in stems:
        pairs = seams(stem)
        if not pairs:
            continue
        own = measure_character(stem).difference
        worst = max(_click(stem, before, after, own) for before, after in pairs)
        checks.append(
            Check.at_most(
                "click at a seam", stem.name, worst, CLICK_LIMIT,
                severity=Severity.WARNING,
                advice="A loop or jump can be heard; another source_beat may be kinder.",
            )
        )  # fmt: skip
    return checks


def _click(stem: ArrangedStem, before: Take, after: Take, own: float) -> float:
    """Largest first difference around a seam, over what both sides do there by themselves, and the stem."""
    rate, frame = stem.sample_rate, after.start
    early, late = (seconds_to_frames(s, rate) for s in (SEAM_BEFORE_S, SEAM_AFTER_S))
    start, frames = max(frame - early, 0), early + late
    sides = [_steepest(_alone(stem, take, start, frames)) for take in (before, after)]
    return _steepest(stem.read(start, frames)) / max(own, *sides, FLOOR_DIFFERENCE)


def _alone(stem: ArrangedStem, take: Take, start: int, frames: int) -> Samples:
    """Read what a seam would be if nothing changed there: one side's material at the stem's gain."""
    gain = stem.gain.over(start, frames).max(initial=0.0) * stem.placed.gain
    return stem.placed.audio.read(max(start + take.offset, 0), frames) * np.float32(gain)


def _steepest(block: Samples) -> float:
    return float(np.abs(np.diff(block, axis=1)).max(initial=0.0))


def section_lufs(plan: RemixPlan, hop_powers: Array, *, bpm: float, sample_rate: int) -> list[float | None]:
    """Integrated loudness of every section, to the nearest 100 ms; None where nothing is heard."""
    hop = HOP_S * sample_rate
    borders = [
        round(beat_frame(beat, bpm=bpm, sample_rate=sample_rate) / hop)
        for beat in (*(s.start_beat for s in plan.sections), plan.sections[-1].end_beat)
    ]
    return [integrated_lufs(hop_powers[start:end]) for start, end in itertools.pairwise(borders)]


def balance_checks(
    plan: RemixPlan, voices: Sequence[float | None], backing: Sequence[float | None]
) -> list[Check]:
    """Ask in every section with a voice that it is neither buried nor bare of what sounds with it."""
    checks = []
    for index, (section, voice, rest) in enumerate(zip(plan.sections, voices, backing, strict=True), 1):
        if voice is None or rest is None or min(voice, rest) < FAINT_LUFS:
            continue
        name, gap = f"section {index} ({section.label})", voice - rest
        low = Check.at_least(
            "voice over backing", name, gap, BURIED_DB, "LU",
            severity=Severity.WARNING, advice="The voice is buried; say \"vocals louder\".",
        )  # fmt: skip
        high = Check.at_most(
            "voice over backing", name, gap, BARE_DB, "LU",
            severity=Severity.WARNING, advice="The backing is hardly heard under the voice.",
        )  # fmt: skip
        checks.append(high if gap > BARE_DB else low)
    return checks


def beat_checks(offsets: Mapping[str, BeatOffset]) -> list[Check]:
    """Ask how far the attacks of each song stand from the beats, and the two songs from each other."""
    heard = {name: found for name, found in offsets.items() if found.beats >= LEAST_BEATS}
    checks = [
        Check.at_most(
            "attacks off the beat", name, abs(found.median_ms), APART_MS, "ms",
            severity=Severity.WARNING,
            advice="Tracked early or late, or played that way: --first-downbeat moves it.",
        )
        for name, found in heard.items()
    ]  # fmt: skip
    if len(heard) == 2:
        one, other = (found.median_ms for found in heard.values())
        checks.append(
            Check.at_most(
                "beats of both songs apart", "mix", abs(one - other), APART_MS, "ms",
                severity=Severity.WARNING, advice="The songs do not lock; check tempo and first downbeat.",
            )
        )  # fmt: skip
    return checks

"""The check of a whole set: every file alone, all of them together, and all against the mix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stemwright.checks import Check, Step
from stemwright.errors import InputError
from stemwright.verification.diagnosis import diagnose
from stemwright.verification.expectations import Expectations
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts
from stemwright.verification.named import NamedFile
from stemwright.verification.names import name_checks
from stemwright.verification.presets import Preset, preset_checks
from stemwright.verification.set_rules import (
    duplicate_checks,
    format_checks,
    member_checks,
    mix_checks,
    unrelated_checks,
)
from stemwright.verification.stem_rules import Context, content_checks
from stemwright.verification.survey import THREADS, Survey, survey

__all__ = ["SetReport", "Watch", "examine_set", "verify_set"]

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SetReport:
    """All that was asked of a set.

    Attributes
    ----------
    steps : tuple[Step, ...]
        The set, then each file with its own checks and measurements.
    """

    steps: tuple[Step, ...]

    @property
    def checks(self) -> list[Check]:
        """All checks, in order."""
        return [check for step in self.steps for check in step.checks]


def verify_set(
    stems: Sequence[NamedFile],
    *,
    mix: NamedFile | None = None,
    declared_silent: Collection[str] = (),
    preset: Preset | None = None,
    expected: Expectations | None = None,
    limits: Limits | None = None,
    watch: Watch | None = None,
    threads: int = THREADS,
) -> list[Check]:
    """Check a set of stems; see `examine_set` for the parameters."""
    report = examine_set(
        stems, mix=mix, declared_silent=declared_silent, preset=preset, expected=expected, limits=limits,
        watch=watch, threads=threads,
    )  # fmt: skip
    return report.checks


def examine_set(
    stems: Sequence[NamedFile],
    *,
    mix: NamedFile | None = None,
    declared_silent: Collection[str] = (),
    preset: Preset | None = None,
    expected: Expectations | None = None,
    limits: Limits | None = None,
    watch: Watch | None = None,
    threads: int = THREADS,
) -> SetReport:
    """Check a set of stems in one pass over all files; memory does not grow with their length.

    Parameters
    ----------
    stems : Sequence[NamedFile]
        At least one.
    mix : NamedFile, optional
        What they should sum to; without it those questions read *not checked*.
    declared_silent : Collection[str]
        Names of stems that may be silent.
    preset : Preset, optional
        Delivery rules to be asked as well.
    expected : Expectations, optional
        What the set was declared to be.
    limits : Limits, optional
        What counts as a fault.
    watch : callable, optional
        Told frames done and frames to do.
    threads : int
        So many files are measured at once; 1 where other work goes on beside this.

    Raises
    ------
    InputError
        Without stems, or when two have one name.
    UnreadableError
        When a file is damaged.
    """
    _require_names(stems)
    expected = expected or Expectations()
    limits = _limits(limits or Limits(), expected)
    silent = set(declared_silent) | expected.silent
    found = survey(stems, mix, limits=limits, watch=watch, threads=threads)
    contexts = _contexts(stems, mix, found.facts, silent, limits)
    together = [
        *format_checks(stems, mix, expected),
        *member_checks(stems, expected),
        *_names(stems),
        *duplicate_checks(stems, found.relation, limits, silent),
        *_against_mix(stems, mix, found, expected, limits),
    ]
    steps = [Step("set", tuple(together), {"stems": len(stems), "mix": mix.name if mix else None})]
    if preset is not None:
        steps.append(Step(f"preset {preset.name}", tuple(preset_checks(preset, stems, mix, found)), {}))
    files = [*stems, mix] if mix is not None else stems
    steps += [
        _file_step(file, facts, context)
        for file, facts, context in zip(files, found.facts, contexts, strict=True)
    ]
    return SetReport(tuple(steps))


def _require_names(stems: Sequence[NamedFile]) -> None:
    if not stems:
        raise InputError("A set needs at least one stem; got none.")
    twice = [name for name, count in Counter(stem.name for stem in stems).items() if count > 1]
    if twice:
        raise InputError(
            f"Two stems of the set are named {twice[0]!r}.", way_out="Give them different names."
        )


def _limits(limits: Limits, expected: Expectations) -> Limits:
    return limits if expected.null_dbfs is None else replace(limits, null_dbfs=expected.null_dbfs)


def _names(stems: Iterable[NamedFile]) -> list[Check]:
    names = [stem.file_name for stem in stems if stem.file_name]
    return name_checks(names) if names else []


def _contexts(
    stems: Sequence[NamedFile],
    mix: NamedFile | None,
    facts: Sequence[StemFacts],
    silent: Collection[str],
    limits: Limits,
) -> list[Context]:
    files = [*stems, mix] if mix is not None else list(stems)
    lossy = any(file.info is not None and file.info.lossy for file in files)
    excerpt = is_excerpt(facts, limits)
    return [
        Context(
            file.name, file.info, declared_silent=file.name in silent, excerpt=excerpt, lossy=lossy,
            limits=limits,
        )
        for file in files
    ]  # fmt: skip


def is_excerpt(facts: Sequence[StemFacts], limits: Limits) -> bool:
    """Whether the music both begins and ends in full sound, as an excerpt or a loop does."""
    return all(
        max(getattr(fact.ends, edge) for fact in facts) > limits.level_dbfs
        for edge in ("head_dbfs", "tail_dbfs")
    )


def _against_mix(
    stems: Sequence[NamedFile],
    mix: NamedFile | None,
    found: Survey,
    expected: Expectations,
    limits: Limits,
) -> list[Check]:
    if mix is None:
        return unrelated_checks(stems, "There is no mix: name it with --mix.")
    if found.relation is None:
        return unrelated_checks(stems, "Sample rates or channels of stems and mix differ.")
    if not found.relation.frames:
        return unrelated_checks(stems, "The files have no frame in common.")
    diagnosis = diagnose(stems, mix, facts=found.facts, relation=found.relation, limits=limits)
    return mix_checks(
        stems, mix, diagnosis, facts=found.facts, limits=limits, strict=expected.null_dbfs is not None
    )


def _file_step(file: NamedFile, facts: StemFacts, context: Context) -> Step:
    return Step(file.name, tuple(content_checks(facts, context)), _details(file, facts))


def _details(file: NamedFile, facts: StemFacts) -> dict[str, Any]:
    details: dict[str, Any] = {
        "frames": facts.frames,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "peak_dbfs": round(facts.levels.peak_dbfs, 2),
        "rms_dbfs": round(facts.levels.rms_dbfs, 2),
        "first_sound_frame": facts.ends.first_frame,
        "last_sound_frame": facts.ends.last_frame,
    }
    if file.info is not None:
        details |= {"container": file.info.container, "subtype": file.info.subtype}
    return details

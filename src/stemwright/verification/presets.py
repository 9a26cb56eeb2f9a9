"""Delivery presets: rules as data (``presets.toml``), asked of a set that was surveyed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

from stemwright.audio import AudioSource
from stemwright.checks import Check, Measured, Severity
from stemwright.errors import SpecError
from stemwright.verification.meter import StemFacts
from stemwright.verification.named import NamedFile
from stemwright.verification.survey import Survey

__all__ = ["PRESETS", "Preset", "Rule", "find_preset", "preset_checks"]

MIX, STEMS, SET = "mix", "stems", "set"
LOUDEST_SAMPLE_DBFS = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a preset.

    Attributes
    ----------
    ask : str
        Which question.
    of : str
        ``"stems"``, ``"mix"`` or ``"set"`` (both).
    limits : Mapping[str, Any]
        ``one_of``, ``equals``, ``at_most``, ``at_least``, ``target`` with ``tolerance``,
        ``pattern``, ``name``.
    severity : Severity
        What a failure means.
    why : str
        Why the receiver asks for it.
    """

    ask: str
    of: str
    limits: Mapping[str, Any]
    severity: Severity
    why: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Delivery rules of one receiver."""

    name: str
    title: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class _Member:
    """A file with what was measured of it."""

    file: NamedFile
    facts: StemFacts


@dataclass(frozen=True, slots=True)
class _Case:
    """A set that a preset is asked of."""

    stems: tuple[_Member, ...]
    mix: _Member | None

    def members(self, of: str) -> tuple[_Member, ...]:
        """Select what a rule is about."""
        mix = (self.mix,) if self.mix is not None else ()
        return {STEMS: self.stems, MIX: mix, SET: (*self.stems, *mix)}[of]


Question: TypeAlias = Callable[[Rule, _Case], list[Check]]


def _load() -> dict[str, Preset]:
    text = files("stemwright.verification").joinpath("presets.toml").read_text(encoding="utf-8")
    return {name: _preset(name, table) for name, table in tomllib.loads(text).items()}


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    return Preset(name, table["title"], tuple(_rule(row) for row in table["rules"]))


def _rule(row: Mapping[str, Any]) -> Rule:
    known = ("ask", "of", "severity", "why")
    limits = {key: value for key, value in row.items() if key not in known}
    return Rule(row["ask"], row.get("of", SET), limits, Severity(row.get("severity", "error")), row["why"])


PRESETS: Mapping[str, Preset] = _load()


def find_preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    SpecError
        When there is none of that name.
    """
    if name not in PRESETS:
        raise SpecError(f"There is no preset {name!r}.", way_out=f"There are {', '.join(PRESETS)}.")
    return PRESETS[name]


def preset_checks(
    preset: Preset, stems: Sequence[NamedFile], mix: NamedFile | None, found: Survey
) -> list[Check]:
    """Ask every rule of a preset; what can't be measured reads *not checked*."""
    members = [_Member(file, facts) for file, facts in zip(stems, found.facts, strict=False)]
    case = _Case(tuple(members), _Member(mix, found.facts[-1]) if mix is not None else None)
    return [check for rule in preset.rules for check in _asked(rule, case)]


def _asked(rule: Rule, case: _Case) -> list[Check]:
    if rule.of == MIX and case.mix is None:
        why = "There is no mix: name it with --mix."
        return [Check.not_checked(rule.ask, MIX, rule.why, why, severity=rule.severity)]
    return QUESTIONS[rule.ask](rule, case)


def _bounded(rule: Rule, subject: str, value: Measured, unit: str = "") -> Check:
    """Hold one value against the rule's `one_of`, `equals`, `at_least` or `at_most`."""
    limits, severity = rule.limits, rule.severity
    if value is None:
        return Check.not_checked(rule.ask, subject, rule.why, "It is no file.", severity=severity)
    if "one_of" in limits:
        allowed = " or ".join(str(item) for item in limits["one_of"])
        passed = value in limits["one_of"]
        asked = f"{allowed} {unit}".strip()
        return Check(rule.ask, subject, value, unit, asked, passed=passed, severity=severity, advice=rule.why)
    if "equals" in limits:
        return Check.equal(
            rule.ask, subject, value, limits["equals"], unit, severity=severity, advice=rule.why
        )
    number = float(value)
    if "at_least" in limits:
        return Check.at_least(
            rule.ask, subject, number, limits["at_least"], unit, severity=severity, advice=rule.why
        )
    return Check.at_most(
        rule.ask, subject, number, limits["at_most"], unit, severity=severity, advice=rule.why
    )


def _each(value: Callable[[NamedFile], Measured], unit: str = "") -> Question:
    """Make a question that holds one value of every file against the rule's bounds."""

    def ask(rule: Rule, case: _Case) -> list[Check]:
        return [_bounded(rule, m.file.name, value(m.file), unit) for m in case.members(rule.of)]

    return ask


def _all_alike(value: Callable[[AudioSource], int], unit: str) -> Question:
    """Make a question that asks for one value in all files."""

    def ask(rule: Rule, case: _Case) -> list[Check]:
        seen = {member.file.name: value(member.file.source) for member in case.members(rule.of)}
        listed = ", ".join(f"{name} {number}" for name, number in seen.items())
        return [
            Check.equal(
                rule.ask, "all files", len(set(seen.values())), 1, f"different ({unit})",
                severity=rule.severity, advice=f"{rule.why} {listed}.",
            )
        ]  # fmt: skip

    return ask


def _container(file: NamedFile) -> Measured:
    return None if file.info is None else file.info.container


def _subtype(file: NamedFile) -> Measured:
    return None if file.info is None else file.info.subtype


def _count(rule: Rule, case: _Case) -> list[Check]:
    return [_bounded(rule, "set", len(case.stems), "stems")]


def _mix_present(rule: Rule, case: _Case) -> list[Check]:
    mixes = int(case.mix is not None)
    advice = f"{rule.why} Name it: --mix."
    return [Check.equal(rule.ask, "set", mixes, 1, "mix", severity=rule.severity, advice=advice)]


def _lossless(rule: Rule, case: _Case) -> list[Check]:
    checks = []
    for member in case.members(rule.of):
        info = member.file.info
        if info is None:
            checks.append(Check.not_checked(rule.ask, member.file.name, rule.why, "It is no file."))
        else:
            checks.append(
                Check(
                    rule.ask, member.file.name, info.subtype, "", "a lossless format",
                    passed=not info.lossy, severity=rule.severity, advice=rule.why,
                )
            )  # fmt: skip
    return checks


def _unclipped(rule: Rule, case: _Case) -> list[Check]:
    checks = []
    for member in case.members(rule.of):
        levels, runs = member.facts.levels, member.facts.clipping.runs
        checks.append(
            Check(
                rule.ask, member.file.name, levels.peak_dbfs, "dBFS",
                f"≤ {LOUDEST_SAMPLE_DBFS:g} dBFS without flat tops",
                passed=levels.peak_dbfs <= LOUDEST_SAMPLE_DBFS and not runs, severity=rule.severity,
                advice=f"{rule.why} Flat tops: {runs}.",
            )
        )  # fmt: skip
    return checks


def _names(rule: Rule, case: _Case) -> list[Check]:
    pattern = re.compile(rule.limits["pattern"])
    names = [m.file.file_name for m in case.members(rule.of) if m.file.file_name]
    if not names:
        return [Check.not_checked(rule.ask, rule.of, rule.why, "These are no files.")]
    odd = [name for name in names if not pattern.match(name)]
    return [
        Check.equal(
            rule.ask, rule.of, len(odd), 0, "other names", severity=rule.severity,
            advice=f"{rule.why} {', '.join(odd[:3])}",
        )
    ]  # fmt: skip


def _true_peak(rule: Rule, case: _Case) -> list[Check]:
    from stemwright.dsp.true_peak import true_peak_dbtp

    return [
        _bounded(rule, member.file.name, true_peak_dbtp(member.file.source), "dBTP")
        for member in case.members(rule.of)
    ]


def _loudness(rule: Rule, case: _Case) -> list[Check]:
    from stemwright.dsp.loudness import measure

    checks = []
    for member in case.members(rule.of):
        found = measure(member.file.source, true_peak=False).integrated_lufs
        target, tolerance = rule.limits["target"], rule.limits["tolerance"]
        if found is None:
            why = "It is too short or too quiet to have a loudness."
            checks.append(Check.not_checked(rule.ask, member.file.name, f"{target:g} LUFS", why))
            continue
        checks.append(
            Check.within(
                rule.ask, member.file.name, found, target, tolerance, "LUFS",
                severity=rule.severity, advice=rule.why,
            )
        )  # fmt: skip
    return checks


def _by_hand(rule: Rule, _case: _Case) -> list[Check]:
    return [Check.not_checked(rule.limits["name"], "set", "by hand", rule.why)]


QUESTIONS: Mapping[str, Question] = {
    "container": _each(_container),
    "sample format": _each(_subtype),
    "sample rate": _each(lambda file: file.source.sample_rate, "Hz"),
    "channels": _each(lambda file: file.source.channels),
    "one length": _all_alike(lambda source: source.frames, "frames"),
    "one rate": _all_alike(lambda source: source.sample_rate, "Hz"),
    "stem count": _count,
    "mix present": _mix_present,
    "lossless": _lossless,
    "unclipped": _unclipped,
    "name pattern": _names,
    "true peak": _true_peak,
    "loudness": _loudness,
    "by hand": _by_hand,
}
"""What a rule can ask."""

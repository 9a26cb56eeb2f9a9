"""From what was measured of a set to its checks: format, mix, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from stemwright.checks import Check, Measured, Severity
from stemwright.units import SILENCE_DB, format_duration, gain_to_db, power_to_db
from stemwright.verification.diagnosis import Diagnosis, Verdict
from stemwright.verification.expectations import Expectations
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts
from stemwright.verification.named import NamedFile
from stemwright.verification.relation import Relation

__all__ = ["duplicate_checks", "format_checks", "member_checks", "mix_checks", "unrelated_checks"]

ERROR, WARNING = Severity.ERROR, Severity.WARNING
STEMS = "stems"
NULL, LEVEL, POLARITY, OFFSET = "null against the mix", "level in the mix", "polarity", "start offset"
AS_IN_MIX = "as in the mix"
INVERTED = -0.3
"""Gain below which a stem is upside down, not just hard to find."""
ABSENT = 0.05
LOSSY_EXPLAINED = 0.95
"""A lossy codec's noise stands 13 dB and more below its signal."""


def format_checks(stems: Sequence[NamedFile], mix: NamedFile | None, expected: Expectations) -> list[Check]:
    """Ask that all files have one rate, length, channel count and sample format."""
    files = [*stems, mix] if mix is not None else list(stems)
    rates = {file.name: file.source.sample_rate for file in files}
    lengths = {file.name: file.source.frames for file in files}
    channels = {file.name: file.source.channels for file in files}
    subtypes = {file.name: file.info.subtype for file in stems if file.info is not None}
    checks = [
        *_same("sample rate", rates, expected.sample_rate, "Hz", "Convert it from the original session."),
        *_same("length", lengths, expected.frames, "frames", "Align it: `stemwright align`."),
        *_same("channels", channels, expected.channels, "", "Export every stem with the same channels."),
    ]
    if not subtypes:
        return [*checks, Check.not_checked("sample format", STEMS, "the same", "These are no files.")]
    return checks + _same("sample format", subtypes, expected.subtype, "", "Export all stems in one format.")


def member_checks(stems: Sequence[NamedFile], expected: Expectations) -> list[Check]:
    """Ask that the stems which the spec names are all there."""
    if not expected.stems:
        return []
    missing = [name for name in expected.stems if name not in {file.name for file in stems}]
    advice = f"Missing: {', '.join(missing)}."
    return [Check.equal("stems of the spec", STEMS, len(missing), 0, "missing", advice=advice)]


def _same(name: str, seen: Mapping[str, Measured], expected: Measured, unit: str, advice: str) -> list[Check]:
    """Ask for one value everywhere: the expected one, else the most usual."""
    wanted = Counter(seen.values()).most_common(1)[0][0] if expected is None else expected
    odd = {who: value for who, value in seen.items() if value != wanted}
    if not odd:
        return [Check.equal(name, "all files", wanted, wanted, unit)]
    return [
        Check.equal(name, who, value, wanted, unit, advice=_difference(value, wanted, unit) + advice)
        for who, value in odd.items()
    ]


def _difference(value: Measured, wanted: Measured, unit: str) -> str:
    if unit != "frames" or not isinstance(value, int) or not isinstance(wanted, int):
        return ""
    return f"It is {abs(value - wanted)} frames too {'long' if value > wanted else 'short'}. "


def unrelated_checks(stems: Sequence[NamedFile], why: str) -> list[Check]:
    """State that nothing could be held against a mix, and why."""
    asked = {NULL: "nulls", LEVEL: "as delivered", POLARITY: "not inverted", OFFSET: "0 frames"}
    return [Check.not_checked(name, f"{len(stems)} {STEMS}", limit, why) for name, limit in asked.items()]


def mix_checks(
    stems: Sequence[NamedFile],
    mix: NamedFile,
    found: Diagnosis,
    *,
    facts: Sequence[StemFacts],
    limits: Limits,
    strict: bool = False,
) -> list[Check]:
    """Ask whether the stems, as delivered, are the mix; `strict` makes every residual an error."""
    checks = _null_checks(stems, mix, found, limits, strict=strict)
    for index, stem in enumerate(stems):
        checks += _place_in_mix(index, stem, found, facts[index], limits)
    return checks


def _null_checks(
    stems: Sequence[NamedFile], mix: NamedFile, found: Diagnosis, limits: Limits, *, strict: bool
) -> list[Check]:
    lossy = [f.name for f in (*stems, mix) if f.info is not None and f.info.lossy]
    gentle = bool(lossy) or found.verdict in (Verdict.SCALED, Verdict.MASTERED)
    severity = WARNING if gentle and not strict else ERROR
    advice = _explain(stems, found)
    if lossy and found.fit.explained > LOSSY_EXPLAINED:
        advice = f"Lossy coding alone leaves about as much; lossy files never null: {', '.join(lossy[:3])}."
    rate = mix.source.sample_rate
    seconds = format_duration(found.worst_frame / rate)
    at = f"The loudest difference is at {seconds} (frame {found.worst_frame})."
    return [
        Check.at_most(
            NULL, "stems − mix", found.residual_dbfs, limits.null_dbfs, "dBFS",
            severity=severity, advice=advice,
        ),
        Check.at_most(
            "null at its worst moment", "stems − mix", found.worst_dbfs, limits.null_dbfs, "dBFS",
            severity=severity, advice=f"{at} {advice}",
        ),
    ]  # fmt: skip


def _explain(stems: Sequence[NamedFile], found: Diagnosis) -> str:
    """Say in plain words what the residual means and what to do."""
    moved = [stem.name for stem, late in zip(stems, found.late, strict=True) if late]
    if found.verdict is Verdict.NULLS:
        rest = "Otherwise the stems sum to the mix." if moved else "A part of one file was changed."
    else:
        rest = _meaning(stems, found)
    return f"Out of place: {', '.join(moved)}. {rest}" if moved else rest


def _meaning(stems: Sequence[NamedFile], found: Diagnosis) -> str:
    """Say what is the matter with a set that does not null, wherever its stems start."""
    fit = found.fit
    left = f"{max(fit.stems_dbfs, SILENCE_DB):.0f} dBFS"
    match found.verdict:
        case Verdict.SCALED:
            return (
                f"The mix is the stems {gain_to_db(fit.single_gain):+.2f} dB; after that gain "
                f"{fit.single_dbfs:.0f} dBFS are left. Export mix and stems through the same master fader, "
                "or tell whoever gets them."
            )
        case Verdict.BALANCE:
            pairs = zip(stems, fit.gains, strict=True)
            odd = "; ".join(f"{stem.name} {_balance(gain)}" for stem, gain in pairs if abs(gain - 1) > 0.01)
            return f"{odd}. With those gains {left} are left. Export stems and mix from one session state."
        case Verdict.MASTERED:
            return (
                "The mix was processed after summing (mastered), so it can't null; after the best gains "
                f"{left} are left. Deliver the unmastered mix too."
            )
        case Verdict.MORE:
            return f"The mix holds something at {left} that no stem has: a stem is missing, or was changed."
    share = f"{100 * fit.explained:.0f} %"
    return f"The stems explain only {share} of the mix: is it the same song and version?"


def _balance(gain: float) -> str:
    if abs(gain) < ABSENT:
        return "is missing from the mix"
    if gain < 0.0:
        return f"is inverted, at {gain_to_db(gain):+.1f} dB"
    level = gain_to_db(gain)
    return f"is {abs(level):.1f} dB {'quieter' if level > 0 else 'louder'} in the stems"


def _place_in_mix(
    index: int, stem: NamedFile, found: Diagnosis, facts: StemFacts, limits: Limits
) -> list[Check]:
    """Ask for start, polarity and level of one stem in the mix."""
    offset = _offset(stem.name, found.late[index], facts)
    if facts.levels.rms_dbfs <= limits.level_floor_dbfs:
        why = "It is too quiet to be found in the mix."
        unknown = (Check.not_checked(asked, stem.name, AS_IN_MIX, why) for asked in (POLARITY, LEVEL))
        return [offset, *unknown]
    gains = (found.fit.gains[index], *(gains[index] for gains in found.fit.channel_gains))
    inverted = found.verdict is not Verdict.OTHER and min(gains) < INVERTED
    polarity = Check(
        POLARITY, stem.name, "inverted" if inverted else "right", "", AS_IN_MIX, passed=not inverted,
        advice=_inverted_advice(gains),
    )  # fmt: skip
    return [offset, polarity, _level(index, stem.name, found, limits, inverted=inverted)]


def _offset(name: str, late: int, facts: StemFacts) -> Check:
    advice = (
        f"It starts {abs(late)} frames ({abs(late) / facts.sample_rate * 1000:.2f} ms) "
        f"{'late' if late > 0 else 'early'}: export every stem from the same start, without latency."
    )
    return Check.equal(OFFSET, name, late, 0, "frames", advice=advice)


def _level(index: int, name: str, found: Diagnosis, limits: Limits, *, inverted: bool) -> Check:
    if found.verdict in (Verdict.MASTERED, Verdict.OTHER, Verdict.MORE):
        why = f"No level can be told: {found.verdict.value}."
        return Check.not_checked(LEVEL, name, f"0 ± {limits.level_db:g} dB", why)
    advice = (
        f"{name} {_balance(found.fit.gains[index])}. Export it again from the state the mix was made from."
    )
    level = 0.0 if inverted else found.relative_gain_db(index)
    return Check.within(LEVEL, name, level, 0.0, limits.level_db, "dB", advice=advice)


def _inverted_advice(gains: Sequence[float]) -> str:
    channels = [str(number) for number, gain in enumerate(gains[1:], 1) if gain < INVERTED]
    whole = len(channels) == len(gains) - 1
    what = "All of it is" if whole else f"Channel {', '.join(channels)} is"
    return f"{what} upside down: flip the polarity, and look for a swapped cable or plug-in."


def duplicate_checks(
    stems: Sequence[NamedFile], relation: Relation | None, limits: Limits, silent: Collection[str]
) -> list[Check]:
    """Ask that no stem is another one again, at any gain or polarity."""
    if relation is None:
        why = "Rates or channels differ."
        return [Check.not_checked("duplicates", STEMS, "all different", why)]
    gram = relation.total[: len(stems), : len(stems)]
    pairs = [(i, j) for i, j in _pairs(gram, limits) if not {stems[i].name, stems[j].name} & set(silent)]
    if not pairs:
        return [Check.equal("duplicates", STEMS, 0, 0, "pairs")]
    return [_duplicate(stems[i].name, stems[j].name, gram, i, j) for i, j in pairs]


def _pairs(gram: np.ndarray[tuple[int, ...], np.dtype[np.float64]], limits: Limits) -> list[tuple[int, int]]:
    """Stems of which one leaves less than `duplicate_db` of the other, after its best gain."""
    energy = np.diag(gram)
    heard = np.outer(energy, energy)
    alike = np.divide(gram**2, heard, out=np.zeros_like(gram), where=heard > 0.0)
    same = np.triu(alike >= 1.0 - 10.0 ** (limits.duplicate_db / 10.0), 1)
    return [(int(i), int(j)) for i, j in np.argwhere(same)]


def _duplicate(
    first: str, second: str, gram: np.ndarray[tuple[int, ...], np.dtype[np.float64]], i: int, j: int
) -> Check:
    gain_db = power_to_db(gram[j, j] / gram[i, i])
    how = f"{second} is {first} at {gain_db:+.1f} dB{', inverted' if gram[i, j] < 0 else ''}"
    return Check(
        "duplicates", f"{first} + {second}", "the same", "", "all different", passed=False,
        advice=f"{how}: one of them was exported twice.",
    )  # fmt: skip

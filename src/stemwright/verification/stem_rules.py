"""From what was measured of one file to its checks."""

from __future__ import annotations

from dataclasses import dataclass

from stemwright.checks import Check, Severity
from stemwright.io.reader import AudioInfo
from stemwright.units import format_duration
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts

__all__ = ["Context", "arrival_checks", "content_checks"]

FLOATING_POINT = 25
WARNING = Severity.WARNING
DEFAULT_LIMITS = Limits()
SOURCES_HZ = (22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)


@dataclass(frozen=True, slots=True)
class Context:
    """What has to be known beside the file itself.

    Attributes
    ----------
    subject : str
        Name in reports.
    info : AudioInfo or None
        What the file says of itself.
    declared_silent : bool
        It may be silent.
    excerpt : bool
        The whole set begins and ends in full sound, so cut ends belong to it.
    lossy : bool
        A file of the set is in a lossy format, so that a codec's edge tells nothing new.
    limits : Limits
        What counts as a fault.
    """

    subject: str
    info: AudioInfo | None = None
    declared_silent: bool = False
    excerpt: bool = False
    lossy: bool = False
    limits: Limits = DEFAULT_LIMITS


def arrival_checks(facts: StemFacts, context: Context) -> list[Check]:
    """Ask what must hold for a file to be usable at all."""
    return [_finite(facts, context), *_whole(context), _sounding(facts, context), _clipped(facts, context)]


def content_checks(facts: StemFacts, context: Context) -> list[Check]:
    """Ask everything of one file; the arrival checks come first."""
    return [
        *arrival_checks(facts, context),
        _true_peak(facts, context),
        _dc(facts, context),
        _mono(facts, context),
        _bits(facts, context),
        _bandwidth(facts, context),
        _start(facts, context),
        _end(facts, context),
        _clicks(facts, context),
    ]


def _at(frame: int, facts: StemFacts) -> str:
    return f"{format_duration(frame / facts.sample_rate)} (frame {frame})"


def _finite(facts: StemFacts, context: Context) -> Check:
    where = "" if facts.first_nonfinite is None else f" The first is at {_at(facts.first_nonfinite, facts)}."
    advice = f"A plug-in or export wrote NaN or infinite samples.{where} Render this file again."
    return Check.equal("finite samples", context.subject, facts.nonfinite, 0, "not finite", advice=advice)


def _whole(context: Context) -> list[Check]:
    info = context.info
    if info is None:
        return []
    advice = f"{' '.join(info.notes)} Export or copy it again."
    state = "cut short" if info.truncated else "whole"
    return [Check.equal("complete file", context.subject, state, "whole", advice=advice.strip())]


def _sounding(facts: StemFacts, context: Context) -> Check:
    limits, levels = context.limits, facts.levels
    noise = is_noise(facts, limits)
    if context.declared_silent:
        return Check("not silent", context.subject, levels.peak_dbfs, "dBFS", "declared silent", passed=True)
    silent = levels.peak_dbfs < limits.silent_dbfs
    advice = (
        f"Nothing but noise at {levels.rms_dbfs:.0f} dBFS RMS, as dither leaves it: was the track muted?"
        if noise
        else "The file is silent: was the track muted, or the wrong region exported?"
    )
    asked = f"≥ {limits.silent_dbfs:g} dBFS and more than dither"
    return Check(
        "not silent", context.subject, levels.peak_dbfs, "dBFS", asked, passed=not (silent or noise),
        advice=f"{advice} Declare it silent if that is meant.",
    )  # fmt: skip


def is_noise(facts: StemFacts, limits: Limits) -> bool:
    """Whether a file holds steady low-level noise and nothing else, shaped or not."""
    levels = facts.levels
    return (
        levels.peak_dbfs < limits.noise_peak_dbfs
        and levels.spread_db < limits.noise_spread_db
        and levels.peak_dbfs - levels.rms_dbfs > limits.noise_crest_db
    )


def _clipped(facts: StemFacts, context: Context) -> Check:
    clipping = facts.clipping
    advice = (
        f"Flat tops at {clipping.level:.3f} of full scale, first at {_at(clipping.first_frame, facts)}: "
        "lower the track and export again; if it was recorded so, leave a note."
    )
    return Check.equal(
        "clipping", context.subject, clipping.runs, 0, "flat tops", severity=WARNING, advice=advice
    )


def _true_peak(facts: StemFacts, context: Context) -> Check:
    advice = "It clips when converted to whole numbers, played or encoded: lower it."
    return Check.at_most(
        "true peak", context.subject, facts.true_peak_dbtp, context.limits.true_peak_dbtp, "dBTP",
        severity=WARNING, advice=advice,
    )  # fmt: skip


def _dc(facts: StemFacts, context: Context) -> Check:
    worst = max((abs(value) for value in facts.levels.mean), default=0.0)
    # a partial cycle at 40 Hz leaves at most 0.011 × RMS / seconds of mean: no offset
    partial = 0.011 * 10.0 ** (facts.levels.rms_dbfs / 20.0) * facts.sample_rate / max(facts.frames, 1)
    return Check.at_most(
        "DC offset", context.subject, worst, round(context.limits.dc + partial, 6), "of full scale",
        severity=WARNING, advice="Remove it with a high-pass below 20 Hz.",
    )  # fmt: skip


def _mono(facts: StemFacts, context: Context) -> Check:
    correlation = facts.levels.correlation
    if correlation is None:
        why = "One channel is silent, or the file isn't stereo."
        return Check.not_checked("mono compatibility", context.subject, "stereo with two channels", why)
    inverted = " One channel is inverted." if correlation < -0.9 else ""
    return Check.at_least(
        "mono compatibility", context.subject, correlation, context.limits.mono_correlation, "correlation",
        severity=WARNING,
        advice=f"Most of it cancels when played in mono.{inverted} Check polarity and stereo wideners.",
    )  # fmt: skip


def _bits(facts: StemFacts, context: Context) -> Check:
    name, info = "effective bit depth", context.info
    asked = "as declared"
    if info is None or info.bits is None:
        why = "This format has no fixed bit depth." if info is not None else "Nothing declares a bit depth."
        return Check.not_checked(name, context.subject, asked, why)
    if facts.bits is None:
        return Check.not_checked(name, context.subject, asked, "The file is silent.")
    declared = min(info.bits, FLOATING_POINT) if "PCM" not in info.subtype else min(info.bits, 24)
    passed = declared - facts.bits < context.limits.bits_missing
    advice = (
        f"The low bits never move: {facts.bits}-bit audio in a {info.subtype} file. "
        "Export at full depth from the session."
    )
    said = f"> {declared - context.limits.bits_missing}"
    return Check(
        name, context.subject, facts.bits, "bits", f"{said} bits", passed=passed, severity=WARNING,
        advice=advice,
    )  # fmt: skip


def _bandwidth(facts: StemFacts, context: Context) -> Check:
    edge, limits = facts.edge, context.limits
    asked = f"no edge of {limits.edge_drop_db:g} dB above {limits.edge_lowest_hz / 1000:g} kHz"
    if context.lossy:
        why = "A lossy format in the set has such an edge by itself."
        return Check.not_checked("bandwidth", context.subject, asked, why)
    passed = edge.drop_db < limits.edge_drop_db
    return Check(
        "bandwidth", context.subject, edge.drop_db, "dB", asked, passed=passed, severity=WARNING,
        advice=_edge_advice(facts),
    )  # fmt: skip


def _edge_advice(facts: StemFacts) -> str:
    edge_hz = facts.edge.frequency_hz
    rates = [r for r in SOURCES_HZ if r < facts.sample_rate and 0.88 * r / 2 <= edge_hz <= 1.01 * r / 2]
    likely = [f"resampled from {rate / 1000:g} kHz" for rate in rates[:1]]
    if 14_500 <= edge_hz <= 20_800:
        likely.append("decoded from MP3, AAC or another lossy format")
    return (
        f"The spectrum ends at {edge_hz / 1000:.1f} kHz in one steep step, as of audio "
        f"{' or '.join(likely) or 'that was resampled'}. Export from the original session."
    )


def _start(facts: StemFacts, context: Context) -> Check:
    step = facts.ends.start_step
    return Check(
        "start", context.subject, step, "step", f"≤ {context.limits.start_step:g} of full scale",
        passed=step <= context.limits.start_step or context.excerpt, severity=WARNING,
        advice=f"It starts inside a sound, at {_at(max(facts.ends.first_frame, 0), facts)}: "
        "export from before its first note, or fade in.",
    )  # fmt: skip


def _end(facts: StemFacts, context: Context) -> Check:
    ends, limits = facts.ends, context.limits
    cut = ends.end_step >= limits.end_step and ends.end_share >= limits.end_share
    return Check(
        "tail", context.subject, ends.end_step, "step", f"< {limits.end_step:g} of full scale",
        passed=not cut or context.excerpt, severity=WARNING,
        advice=f"Its tail is cut at {_at(max(ends.last_frame, 0), facts)}: export until it has decayed, "
        "or fade.",
    )  # fmt: skip


def _clicks(facts: StemFacts, context: Context) -> Check:
    clicks = facts.clicks
    return Check.equal(
        "clicks", context.subject, clicks.count, 0, "clicks", severity=WARNING,
        advice=f"A step of {clicks.step:.3f}, {clicks.ratio:.0f} times what is usual around it, at "
        f"{_at(clicks.frame, facts)}: a bad edit, a dropout or a digital error.",
    )  # fmt: skip

"""Ask of a part, and of what was rendered, whether it is music: measured, never guessed."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from stemwright.audio import AudioSource, iter_blocks
from stemwright.checks import Check, Severity
from stemwright.dsp.loudness import LoudnessMeter
from stemwright.grid import Timeline
from stemwright.stems import Role
from stemwright.synth.drums import FILL_DRUMS
from stemwright.synth.groove import bars_of, plain_name, pulses_of
from stemwright.synth.notes import Part

__all__ = ["check_contrast", "check_part", "chord_tone_share", "section_loudness"]

BASS_CHORD_TONES = 0.8
VELOCITY_SPREAD = 2.0
FILL_STROKES = 3
CONTRAST_LU = 3.0
ENOUGH_NOTES = 16  # fewer have no spread to speak of


def check_part(part: Part, *, timeline: Timeline, subject: str) -> list[Check]:
    """Check a part before it is played.

    Parameters
    ----------
    part : Part
        What was composed, or read from a file; the latter is only asked whether it has notes.
    timeline : Timeline
        The song.
    subject : str
        Name of the stem in the checks.

    Returns
    -------
    list[Check]
        Notes; for composed parts also chord tones of a bass, moving velocity, downbeats on the grid, and
        a drum fill before every section change.
    """
    checks = [
        Check.at_least(
            "notes", subject, len(part.notes), 1, severity=Severity.WARNING,
            advice="Every section is a rest for this part: look at its chords and pattern.",
        )
    ]  # fmt: skip
    if not part.composed or not part.notes:
        return checks
    if part.role is Role.BASS and part.chords:
        advice = "Choose another pattern for the bass."
        share = 100.0 * chord_tone_share(part)
        checks.append(
            Check.at_least("chord tones", subject, share, 100.0 * BASS_CHORD_TONES, "%", advice=advice)
        )
    if len(part.notes) >= ENOUGH_NOTES:
        spread = float(np.std([note.velocity for note in part.notes]))
        checks.append(
            Check.at_least("velocity spread", subject, spread, VELOCITY_SPREAD, severity=Severity.WARNING,
                           advice="Raise humanize.")
        )  # fmt: skip
    checks.append(_on_grid(part, timeline, subject))
    return checks + (_fills(part, timeline, subject) if part.is_drums else [])


def chord_tone_share(part: Part) -> float:
    """Share of the notes that are tones of the chord they stand on, 0–1."""
    hits = 0
    place = 0
    for note in part.notes:
        while place + 1 < len(part.chords) and part.chords[place].end <= note.start_beat:
            place += 1
        chord = part.chords[place].chord
        hits += chord is not None and note.pitch in chord
    return hits / len(part.notes)


def _on_grid(part: Part, timeline: Timeline, subject: str) -> Check:
    """Look at the earliest note on each bar line: the others may be strummed after it."""
    bars = set(timeline.bar_starts())
    earliest: dict[Fraction, float] = {}
    for note in part.notes:
        if note.start_beat in bars:
            earliest[note.start_beat] = min(earliest.get(note.start_beat, math.inf), abs(note.shift_s))
    worst_ms = 1_000.0 * max(earliest.values(), default=0.0)
    return Check.at_most("downbeat off the grid", subject, worst_ms, 1.0, "ms")


def _fills(part: Part, timeline: Timeline, subject: str) -> list[Check]:
    """Count the section changes that a fill leads into, where drums play before the change."""
    asked = played = 0
    pulse = Fraction(pulses_of(timeline.meter)[-1])
    notes = sorted(part.notes, key=lambda note: note.start_beat)
    starts = [note.start_beat for note in notes]
    for bar in bars_of(timeline):
        if bar.following is None or bar.beats < pulse:
            continue
        first, fill, last = (bisect_left(starts, at) for at in (bar.start, bar.end - 2 * pulse, bar.end))
        strokes = [note for note in notes[max(first, fill) : last] if note.pitch in FILL_DRUMS]
        asked += last > first
        played += last > first and len(strokes) >= FILL_STROKES
    return [Check.equal("fills before section changes", subject, played, asked)]


def section_loudness(source: AudioSource, *, timeline: Timeline) -> list[tuple[str, float | None]]:
    """Measure each section of a rendered stem or mix: its name and LUFS, None where it is silent."""
    found: list[tuple[str, float | None]] = []
    for section in timeline.sections:
        meter = LoudnessMeter(source.sample_rate, source.channels, true_peak=False)
        for block in iter_blocks(source, start=section.start_frame, stop=section.end_frame):
            meter.feed(block)
        found.append((section.name, meter.result().integrated_lufs))
    return found


def check_contrast(
    loudness: Sequence[tuple[str, float | None]], *, subject: str, severity: Severity = Severity.WARNING
) -> list[Check]:
    """Ask that choruses stand at least 3 LU above verses.

    Parameters
    ----------
    loudness : Sequence[tuple[str, float or None]]
        As `section_loudness` gives it.
    subject : str
        What was measured.
    severity : Severity
        What a failure means.

    Returns
    -------
    list[Check]
        Empty when the song has no verse or no chorus that sounds.
    """
    means = _means(loudness)
    if "verse" not in means or "chorus" not in means:
        return []
    return [
        Check.at_least(
            "chorus above verse", subject, means["chorus"] - means["verse"], CONTRAST_LU, "LU",
            severity=severity,
            advice="Let fewer parts play in the verse, or set a driving pattern for the chorus.",
        )
    ]  # fmt: skip


def _means(loudness: Sequence[tuple[str, float | None]]) -> Mapping[str, float]:
    """Mean power of all sections of one kind, in LUFS."""
    powers: dict[str, list[float]] = {}
    for name, lufs in loudness:
        if lufs is not None:
            powers.setdefault(plain_name(name), []).append(10.0 ** (lufs / 10.0))
    return {name: 10.0 * math.log10(sum(values) / len(values)) for name, values in powers.items()}

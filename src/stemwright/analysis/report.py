"""What analysis found, for people: checks in the one vocabulary, and plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from stemwright.analysis.analyze import CLEAR_KEY, FAINT_DB
from stemwright.checks import Check, Severity
from stemwright.songs import Groove, SongFacts
from stemwright.units import SILENCE_DB, format_duration

__all__ = ["checks_of", "describe"]

MAX_RESIDUAL_MS = 20.0
MIN_TEMPO_CONFIDENCE = 0.3
MATCHABLE_LUFS = -40.0
VOICE_WORDS = ((-3.0, "very prominent"), (-9.0, "prominent"), (-15.0, "moderate"), (FAINT_DB, "faint"))
STEADY_PERCENT = 0.5
SURE = ((0.7, "sure"), (0.4, "likely"), (MIN_TEMPO_CONFIDENCE, "not sure"))
"""What a confidence is called, from which on; less is a guess."""


def checks_of(facts: SongFacts) -> tuple[Check, ...]:
    """Ask of a song whether a remix can rely on what was found; every failure is a warning.

    Returns
    -------
    tuple[Check, ...]
        Tempo, grid residual, key and loudness, of the subject ``"song"``.
    """
    return (_tempo_check(facts), _residual_check(facts), _key_check(facts), _level_check(facts))


def _tempo_check(facts: SongFacts) -> Check:
    advice = "Listen to the beat, and give the tempo if it is wrong."
    return Check.at_least(
        "tempo confidence", "song", facts.tempo.confidence, MIN_TEMPO_CONFIDENCE,
        severity=Severity.WARNING, advice=advice if facts.has_beat else "Give the tempo if there is a beat.",
    )  # fmt: skip


def _residual_check(facts: SongFacts) -> Check:
    if not facts.has_beat:
        limit = f"≤ {MAX_RESIDUAL_MS:g} ms"
        return Check.not_checked("grid residual", "song", limit, "No beat was found.")
    return Check.at_most(
        "grid residual", "song", facts.tempo.residual_ms, MAX_RESIDUAL_MS, "ms",
        severity=Severity.WARNING, advice="The beats are loose: matching them can sound loose, too.",
    )  # fmt: skip


def _key_check(facts: SongFacts) -> Check:
    if facts.key.modulates:
        return Check.equal(
            "changes of key", "song", 1, 0,
            severity=Severity.WARNING, advice="A song that changes its key is not matched by key.",
        )  # fmt: skip
    return Check.at_least(
        "key confidence", "song", facts.key.confidence, CLEAR_KEY,
        severity=Severity.WARNING, advice="Give the key if you know it; else it is not matched.",
    )  # fmt: skip


def _level_check(facts: SongFacts) -> Check:
    return Check.at_least(
        "loudness", "song", facts.loudness_lufs, MATCHABLE_LUFS, "LUFS",
        severity=Severity.WARNING, advice="What is this quiet is not matched in level.",
    )  # fmt: skip


def describe(facts: SongFacts) -> list[str]:
    """Say what is in a song, one line each: length, rhythm, key, voice, energy, form, notices."""
    return [*_sentences(facts), *facts.notices]


def _sentences(facts: SongFacts) -> Iterator[str]:
    loud = "silent" if facts.loudness_lufs <= SILENCE_DB else f"{facts.loudness_lufs:.1f} LUFS"
    yield f"{format_duration(facts.duration_s)}, {loud}"
    yield _rhythm(facts)
    yield _key(facts)
    if facts.vocals.prominence_db > SILENCE_DB:
        yield _voice(facts)
    if facts.energy:
        yield _energy(facts)
    if facts.sections:
        size = facts.grid.beats_per_bar
        named = (f"{part.label} {(part.end_beat - part.start_beat) // size}" for part in facts.sections)
        yield f"form in bars: {', '.join(named)}"


def _rhythm(facts: SongFacts) -> str:
    if not facts.has_beat:
        return "without a beat"
    tempo, grid = facts.tempo, facts.grid
    steady = tempo.drift_percent < STEADY_PERCENT
    speed = f"{tempo.bpm:.1f} bpm, steady" if steady else f"about {tempo.bpm:.0f} bpm"
    moves = "" if steady else f", the tempo moves by up to {tempo.drift_percent:.1f} %"
    dotted = f" in {grid.beats_per_bar} dotted beats" if grid.parts_per_beat == 3 else ""
    groove = "" if facts.groove is Groove.UNKNOWN else f", {facts.groove}"
    return f"{speed}{moves}, {grid.meter}{dotted}{groove}{_sure(tempo.confidence)}"


def _sure(confidence: float) -> str:
    word = next((word for least, word in SURE if confidence >= least), "a guess")
    return f" ({word}, {confidence:.2f})"


def _key(facts: SongFacts) -> str:
    key = facts.key
    if key.confidence <= 0.0:
        return "no clear key"
    name = f"{key.key} ({key.key.camelot})"
    if key.modulates and key.later_key is not None:
        same = key.later_key == key.key
        name += " at the end, not from the start" if same else f", at the end {key.later_key}"
    return name + _sure(key.confidence)


def _voice(facts: SongFacts) -> str:
    level = facts.vocals.prominence_db
    word = next((word for least, word in VOICE_WORDS if level >= least), "hardly there")
    sung_s = sum(span.end_s - span.start_s for span in facts.vocals.spans)
    share = 100.0 * sung_s / max(facts.duration_s, 1e-9)
    return f"voice {word} ({level:+.1f} dB), sings {share:.0f} % of the time"


def _energy(facts: SongFacts) -> str:
    """Say how much of the song has which character, and where it is loudest."""
    shares: dict[str, float] = {}
    for region in facts.energy:
        shares[region.character] = shares.get(region.character, 0.0) + region.end_s - region.start_s
    total = sum(shares.values())
    named = sorted(shares.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{name} {100.0 * seconds / total:.0f} %" for name, seconds in named)
    loudest = max(facts.energy, key=lambda region: region.relative_energy)
    return f"energy: {listed}; loudest from {format_duration(loudest.start_s)}"

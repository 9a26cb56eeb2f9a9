"""How easily two songs go together, in plain words: a description, never a verdict."""

from __future__ import annotations

from stemwright.match.keys import fifths_distance, full_shift, nearest_compatible_shift
from stemwright.match.pairing import Compatibility, Level
from stemwright.match.request import SONG_A, SONG_B
from stemwright.match.settings import MatchSettings
from stemwright.match.tempo import (
    COUNTED,
    ReconciledTempo,
    change_percent,
    gap_percent,
    reconcile_bpm,
    song_name,
)
from stemwright.songs import SongFacts

__all__ = ["compatibility"]

ORDER = (Level.GREAT, Level.GOOD, Level.CHALLENGING, Level.TOUGH)
MESSAGES = {
    Level.GREAT: "These two lie close together in tempo and key: they should lock without being bent much.",
    Level.GOOD: "These two go together with some adjustment, most of which will pass unnoticed.",
    Level.CHALLENGING: "These two are some way apart: the remix will work, and the adjustment may be heard.",
    Level.TOUGH: "These two are far apart: expect a bold remix, with voices over sparse passages or clearly "
    "changed in speed.",
}


def compatibility(a: SongFacts, b: SongFacts, *, settings: MatchSettings | None = None) -> Compatibility:
    """Describe how easily two songs go together.

    Great: tempos under 10 % apart and keys the same or a fifth apart. Good: up to 20 %, or a shift of at
    most three semitones. Challenging: up to 35 %. Tough: more, or more than five semitones. The gap is that
    of the tempos as they are counted in the easier direction, with the price of the reading. A song without
    a beat or a reliable key makes the pair challenging at least.

    Parameters
    ----------
    a, b : SongFacts
        The songs; their order changes nothing but the names in the reasons.
    settings : MatchSettings, optional
        Gates of confidence.

    Returns
    -------
    Compatibility
        Level, message without numbers, reasons with numbers.
    """
    settings = settings or MatchSettings()
    tempo, tempo_reasons = _tempo(a, b, settings)
    key, key_reasons = _key(a, b, settings)
    level = max(tempo, key, key=ORDER.index)
    return Compatibility(level, MESSAGES[level], (*tempo_reasons, *key_reasons))


def _tempo(a: SongFacts, b: SongFacts, settings: MatchSettings) -> tuple[Level, list[str]]:
    unsure = [song_name(song) for song, facts in ((SONG_A, a), (SONG_B, b)) if not facts.has_beat]
    if unsure:
        return Level.CHALLENGING, [
            f"No beat was found in {' or '.join(unsure)}, so nothing can be locked to it."
        ]
    readings = [reconcile_bpm(a, b, anchor=anchor, settings=settings) for anchor in (SONG_B, SONG_A)]
    read = min(readings, key=lambda one: round(one.cost_percent, 6))  # the easier direction
    cost = round(read.cost_percent, 6)
    level = ORDER[sum(cost >= limit for limit in (10.0, 20.0)) + (cost > 35.0)]
    return level, _tempo_reasons(a, b, read)


def _tempo_reasons(a: SongFacts, b: SongFacts, read: ReconciledTempo) -> list[str]:
    over_b, over_a = change_percent(read.bpm_a, read.bpm_b), change_percent(read.bpm_b, read.bpm_a)
    reasons = [
        f"Tempo: {a.tempo.bpm:.1f} and {b.tempo.bpm:.1f} bpm, {read.gap_percent:.0f} % apart"
        + (" as they are counted." if read.penalty_percent else "."),
        f"Voice of song A over song B: {over_b:+.0f} % in speed; the other way round: {over_a:+.0f} %.",
    ]
    for song, factor in ((SONG_A, read.factor_a), (SONG_B, read.factor_b)):
        if factor != 1.0:
            feel = "it may feel frantic or slow" if factor in (0.5, 2.0) else "bars do not line up"
            reasons.append(f"S{song_name(song)[1:]} is counted at {COUNTED[factor]}: {feel}.")
    apart = gap_percent(a.tempo.bpm, b.tempo.bpm)
    if read.penalty_percent and apart > 35.0:
        reasons.append(f"Counted as they are, the tempos would be {apart:.0f} % apart.")
    return reasons


def _key(a: SongFacts, b: SongFacts, settings: MatchSettings) -> tuple[Level, list[str]]:
    for song, facts in ((SONG_A, a), (SONG_B, b)):
        if facts.key.modulates:
            return Level.CHALLENGING, [
                f"S{song_name(song)[1:]} changes key on its way: keys are not matched."
            ]
        if facts.key.confidence < settings.half_confidence:
            return Level.CHALLENGING, [f"The key of {song_name(song)} is not certain: keys are not matched."]
    key, other = a.key.key, b.key.key
    names = f"Key: {key} ({key.camelot}) and {other} ({other.camelot})"
    if fifths_distance(key, other) <= 1:
        return Level.GREAT, [f"{names} go together as they are."]
    apart, needed = abs(full_shift(key, other)), abs(nearest_compatible_shift(key, other))
    reason = f"{names} are {_semitones(apart)} apart; {_semitones(needed)} would make them go together."
    return ORDER[1 + (apart > 3) + (apart > 5)], [reason]


def _semitones(count: int) -> str:
    return f"{count} semitone{'' if count == 1 else 's'}"

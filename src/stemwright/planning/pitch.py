"""Tempo and key of a remix out of wishes: fields of the plan, clauses, and what had to be left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stemwright.errors import InputError
from stemwright.match.request import MatchRequest
from stemwright.planning.edits import clause
from stemwright.planning.pace import Pace, pace_of
from stemwright.planning.plan import Clause, ClauseKind, KeySource, SongId, TempoSource
from stemwright.planning.rules_material import named
from stemwright.planning.styles import MOODS
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import Groove, Key, SongFacts, SongStem

__all__ = ["Pitch", "pitch_of"]

SLOWEST_BPM, FASTEST_BPM = 40.0, 250.0
FASTER_PERCENT = 8.0
MOST_TRANSPOSE = 5
TEMPO_WANTS = (Want.TEMPO, Want.TEMPO_FROM, Want.TEMPO_AVERAGE, Want.FASTER, Want.SLOWER)
KEY_WANTS = (Want.KEY, Want.KEY_FROM, Want.KEY_KEPT)


@dataclass(slots=True)
class Pitch:
    """Fields of the plan about tempo and key.

    Attributes
    ----------
    fields : dict
        ``tempo_source``, ``target_bpm``, ``key_source``, ``target_key``, ``transpose_semitones``.
    pace : Pace
        What they come to.
    drums_from : SongId or None
        Whose drums play half-time, where that was asked for.
    followed : Wish or None
        That a song's tempo be taken: what that comes to is known when key and voices are.
    clauses, warnings
        What will be measured, and what could not be done.
    """

    fields: dict[str, object]
    pace: Pace
    drums_from: SongId | None = None
    followed: Wish | None = None
    clauses: list[Clause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def pitch_of(
    wishes: Wishes,
    facts: Mapping[SongId, SongFacts],
    *,
    lead: SongId,
    both_voices: bool,
    mood: str | None = None,
    usual: MatchRequest | None = None,
) -> Pitch:
    """Decide tempo and key.

    Parameters
    ----------
    wishes : Wishes
        Of the prompt.
    facts : Mapping of SongId to SongFacts
        Of both songs.
    lead : SongId
        Whose voice leads: the other song gives tempo and key unless asked otherwise.
    both_voices : bool
        Whether both sing.
    mood : str, optional
        May change the tempo a little.
    usual : MatchRequest, optional
        What holds already, in a refinement.
    """
    usual = usual or MatchRequest(
        vocal_source=lead.value,
        tempo_source=lead.other.value,
        key_source=lead.other.value,
        both_voices=both_voices,
    )
    fields: dict[str, object] = {
        name: getattr(usual, name)
        for name in ("tempo_source", "target_bpm", "key_source", "target_key", "transpose_semitones")
    }
    pitch = Pitch(fields, pace_of(usual, facts))
    _tempo(pitch, wishes, mood)
    _key(pitch, wishes)
    _half_time(pitch, wishes, facts)
    request = MatchRequest(vocal_source=lead.value, both_voices=both_voices, **pitch.fields)  # type: ignore[arg-type]
    pitch.pace = pace_of(request, facts)
    if pitch.followed is not None:
        bpm = round(pitch.pace.bpm, 3)
        pitch.clauses.insert(0, clause(ClauseKind.TEMPO_BPM, pitch.followed, value=bpm))
    pitch.fields["tempo_source"] = TempoSource(str(pitch.fields["tempo_source"]))
    pitch.fields["key_source"] = KeySource(str(pitch.fields["key_source"]))
    return pitch


def _tempo(pitch: Pitch, wishes: Wishes, mood: str | None) -> None:
    asked = wishes.of(*TEMPO_WANTS)
    if not asked:
        faster = MOODS[mood].faster if mood else 1.0
        if faster != 1.0:
            _set_bpm(pitch, pitch.pace.bpm * faster)
        return
    wish = asked[-1]
    if len({one.want for one in asked}) > 1:
        pitch.warnings.append(f'You named several tempos; the last one holds: "{wish.text}".')
    usual = pitch.pace.bpm
    if wish.want is Want.TEMPO:
        _set_bpm(pitch, wish.value or usual, wish)
    elif wish.want is Want.TEMPO_AVERAGE:
        pitch.fields |= {"tempo_source": "average", "target_bpm": None}
    elif wish.want is Want.TEMPO_FROM:
        if wish.song is not None:
            pitch.fields |= {"tempo_source": wish.song.value, "target_bpm": None}
            pitch.followed = wish
    else:
        percent = (wish.value or 1.0) if wish.word == "percent" else FASTER_PERCENT * (wish.value or 1.0)
        up = wish.want is Want.FASTER
        _set_bpm(pitch, usual * (1 + percent / 100 if up else max(1 - percent / 100, 0.05)))
        kind = ClauseKind.FASTER_THAN_BPM if up else ClauseKind.SLOWER_THAN_BPM
        pitch.clauses.append(clause(kind, wish, value=round(usual, 3)))


def _set_bpm(pitch: Pitch, bpm: float, wish: Wish | None = None) -> None:
    """Set a tempo as a number; told where no remix can have it."""
    inside = min(max(bpm, SLOWEST_BPM), FASTEST_BPM)
    if inside != bpm and wish is not None:
        pitch.warnings.append(
            f'"{wish.text}": a remix can run at {SLOWEST_BPM:g} to {FASTEST_BPM:g} bpm; it takes {inside:g}.'
        )
    pitch.fields |= {"tempo_source": "target", "target_bpm": round(inside, 3)}
    if wish is not None:
        pitch.clauses.append(clause(ClauseKind.TEMPO_BPM, wish, value=round(inside, 3)))


def _key(pitch: Pitch, wishes: Wishes) -> None:
    asked = wishes.of(*KEY_WANTS)
    moved = wishes.last(Want.TRANSPOSE)
    wish = asked[-1] if asked else None
    if wish is not None and (len({one.want for one in asked}) > 1):
        pitch.warnings.append(f'You named several keys; the last one holds: "{wish.text}".')
    if wish is not None:
        _set_key(pitch, wish)
    if moved is None:
        return
    if wish is not None and wish.want is Want.KEY_KEPT:
        pitch.warnings.append(f'"{moved.text}" and "{wish.text}" contradict each other; the key is kept.')
        return
    steps = moved.value or 0.0
    if abs(steps) > MOST_TRANSPOSE or steps != int(steps):
        pitch.warnings.append(
            f'"{moved.text}": at most {MOST_TRANSPOSE} semitones are possible; nothing is transposed.'
        )
        return
    pitch.fields["transpose_semitones"] = int(steps)


def _set_key(pitch: Pitch, wish: Wish) -> None:
    if wish.want is Want.KEY_KEPT:
        pitch.fields |= {"key_source": "none", "target_key": None, "transpose_semitones": 0}
        pitch.clauses.append(clause(ClauseKind.KEY_KEPT, wish))
    elif wish.want is Want.KEY_FROM and wish.song is not None:
        pitch.fields |= {"key_source": wish.song.value, "target_key": None}
        pitch.clauses.append(clause(ClauseKind.KEY_KEPT, wish, song=wish.song))
    elif wish.want is Want.KEY:
        try:
            key = str(Key.parse(wish.word))
        except InputError:
            pitch.warnings.append(f'"{wish.text}" is no key that I know.')
            return
        pitch.fields |= {"key_source": "target", "target_key": key}
        pitch.clauses.append(clause(ClauseKind.KEY, wish, key=key))


def _half_time(pitch: Pitch, wishes: Wishes, facts: Mapping[SongId, SongFacts]) -> None:
    wish = wishes.last(Want.HALF_TIME)
    if wish is None:
        return
    able = [
        song
        for song in SongId
        if facts[song].groove is Groove.HALF_TIME and SongStem.DRUMS in facts[song].stems
    ]
    if able and "double" not in wish.text.lower():
        pitch.drums_from = able[0]
        pitch.clauses.append(clause(ClauseKind.STEM_FROM, wish, stem=SongStem.DRUMS, song=able[0]))
        pitch.warnings.append(f"The half-time drums are those of {named(able[0])}.")
        return
    pitch.warnings.append(
        f'"{wish.text}": drums can\'t be played anew at another pulse, and neither song has such a groove; '
        "the beat stays as it is."
    )

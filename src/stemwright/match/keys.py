"""Key of a remix: how far each song is moved in pitch so that they sound together.

Keys are compared by their relative majors. Two keys go together when these are the same or a fifth apart
(distance 0 or 1 on the circle of fifths). A song is moved the shorter way round to the other's key; where
that is beyond the cap it is never cut short, which would end in a wrong key, but moved to the nearest key
that goes together with the target. Of the intervals ``d``, ``d + 5`` and ``d + 7`` (mod 12) one always lies
within two semitones of 0, so two semitones always suffice.

Where the keys are heard with middling confidence the full shift is too much to stake on them. Half of it is
no way out: 1 of 2, 2 of 4 and 3 of 6 semitones all end in a key that does not go with the target. The
honest half measure is the smallest shift that makes the two go together, two semitones at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from stemwright.match.pairing import KeyShift
from stemwright.match.request import SONG_A, SONG_B, MatchRequest, other_song
from stemwright.match.settings import MatchSettings
from stemwright.match.tempo import song_name
from stemwright.songs import Key, KeyFacts, SongFacts

__all__ = [
    "KeyDecision",
    "compatible_shifts",
    "decide_keys",
    "fifths_distance",
    "full_shift",
    "keys_compatible",
    "nearest_compatible_shift",
]

SUFFICES = 2
"""Semitones within which a compatible key always lies."""

Shifts: TypeAlias = tuple[int, int]
"""Semitones of song A and song B, before the transposition."""


def fifths_distance(key: Key, other: Key) -> int:
    """Count the steps between two keys' relative majors on the circle of fifths, 0 to 6; symmetric."""
    steps = (key.relative_major - other.relative_major) * 7 % 12
    return min(steps, 12 - steps)


def keys_compatible(key: Key, other: Key) -> bool:
    """Whether two keys go together as they are: same notes, or a fifth apart."""
    return fifths_distance(key, other) <= 1


def full_shift(source: Key, target: Key) -> int:
    """Semitones from one key to the other by the shorter way, −5 to 6; relative keys are 0 apart."""
    interval = (target.relative_major - source.relative_major) % 12
    return interval if interval <= 6 else interval - 12


def compatible_shifts(source: Key, target: Key) -> tuple[int, ...]:
    """All shifts of −5 to 6 semitones that bring `source` together with `target`, smallest first.

    Of two equal ones the downward comes first: a voice moved up gives itself away sooner.
    """
    fitting = [step for step in range(-5, 7) if keys_compatible(source.transposed(step), target)]
    return tuple(sorted(fitting, key=lambda step: (abs(step), step)))


def nearest_compatible_shift(source: Key, target: Key) -> int:
    """Return the smallest shift that brings `source` together with `target`; −2 to 2."""
    return compatible_shifts(source, target)[0]


@dataclass(frozen=True, slots=True)
class KeyDecision:
    """How far the songs are moved in pitch.

    Attributes
    ----------
    shifts : Mapping of str to KeyShift
        By song, transposition included.
    transpose_semitones : int
        What is left of the transposition asked for.
    notices, warnings : tuple[str, ...]
        In plain words.
    """

    shifts: Mapping[str, KeyShift]
    transpose_semitones: int
    notices: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Decider:
    """One decision in the making."""

    request: MatchRequest
    facts: Mapping[str, KeyFacts]
    settings: MatchSettings
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def cap(self, song: str) -> int:
        """Return the largest shift of a song, by what is used of it."""
        sings = song == self.request.vocal_source or self.request.both_voices
        return self.settings.voice_cap_semitones if sings else self.settings.instrument_cap_semitones

    def wishes(self) -> list[Shifts]:
        """List pairs of shifts that would do, best first."""
        source = self.request.key_source or self.request.instrumental
        if source == "none":
            self.reasons = dict.fromkeys(self.facts, "Its key is kept, as asked.")
            return [(0, 0)]
        if source == "target":
            return self._towards(Key.parse(self.request.target_key or ""))
        return self._one_to_the_other(other_song(source), source)

    def _one_to_the_other(self, mover: str, anchor: str) -> list[Shifts]:
        self.reasons[anchor] = "It sets the key."
        doubt = self._doubt((mover, anchor))
        key, target = self.facts[mover].key, self.facts[anchor].key
        if doubt:
            self.reasons[mover] = doubt
            self.warnings.append(f"Keys are not matched: {_lower(doubt)}")
            return [(0, 0)]
        if keys_compatible(key, target):
            self.reasons[mover] = f"{key} goes together with {target} as it is."
            return [self._pair(mover, step) for step in _small(compatible_shifts(key, target))]
        trust = min(self.facts[song].confidence for song in (mover, anchor))
        steps = self._steps(key, target, trust, most=SUFFICES)
        if trust < self.settings.full_confidence:
            self.notices.append(
                f"The keys are only moderately certain, so {song_name(mover)} is moved no further than it "
                "takes to sound together with the other."
            )
        return [self._pair(mover, step) for step in steps]

    def _steps(self, key: Key, target: Key, trust: float, *, most: int) -> Sequence[int]:
        """Put the full shift first where the keys can be trusted; then the small ones."""
        near = _small(compatible_shifts(key, target), most)
        if trust < self.settings.full_confidence:
            return near
        full = full_shift(key, target)
        return (full, *(step for step in near if step != full))

    @staticmethod
    def _pair(mover: str, step: int) -> Shifts:
        return (step, 0) if mover == SONG_A else (0, step)

    def _doubt(self, songs: Iterable[str]) -> str:
        """Say why a key can't be relied on; empty when it can."""
        for song in songs:
            facts = self.facts[song]
            if facts.modulates:
                later = f" to {facts.later_key}" if facts.later_key else ""
                return f"Song {song_name(song)[-1]} changes key{later} on its way."
            if facts.confidence < self.settings.half_confidence:
                return f"The key of {song_name(song)} is not certain enough."
        return ""

    def _towards(self, target: Key) -> list[Shifts]:
        """Bring each song to a key from outside; both must go together with it and with each other."""
        sure = [self._sure(song, target) for song in (SONG_A, SONG_B)]
        small = self._fitting(target, sure, most=SUFFICES)
        # two small moves may end a fifth above and a fifth below: then one of them has to go further
        return small or self._fitting(target, sure, most=6)

    def _fitting(self, target: Key, sure: Sequence[bool], *, most: int) -> list[Shifts]:
        """List pairs of shifts towards a key, best first."""
        options = [
            self._steps(facts.key, target, facts.confidence, most=most) if known else (0,)
            for facts, known in zip(self.facts.values(), sure, strict=True)
        ]
        keys = [self.facts[song].key for song in (SONG_A, SONG_B)]

        def landed(pair: Shifts) -> tuple[Key, Key]:
            return keys[0].transposed(pair[0]), keys[1].transposed(pair[1])

        def rank(pair: Shifts) -> tuple[int, int, Shifts]:
            order = options[0].index(pair[0]) + options[1].index(pair[1])
            return order, abs(pair[0]) + abs(pair[1]), pair

        fitting = [
            pair
            for pair in product(options[0], options[1])
            if not all(sure) or keys_compatible(*landed(pair))
        ]
        return sorted(fitting, key=rank)

    def _sure(self, song: str, target: Key) -> bool:
        doubt = self._doubt([song])
        if doubt:
            self.reasons[song] = doubt
            self.warnings.append(f"Song {song_name(song)[-1]} is not brought to {target}: {_lower(doubt)}")
        return not doubt

    def place(self, wishes: Sequence[Shifts]) -> tuple[Shifts, int]:
        """Find the first wish that stays within the caps, with as much of the transposition as they leave."""
        asked = self.request.transpose_semitones
        toward_zero = -1 if asked > 0 else 1
        for transpose in range(asked, toward_zero, toward_zero):
            for pair in wishes:
                if all(abs(step + transpose) <= self.cap(song) for song, step in _by_song(pair)):
                    return pair, transpose
        return (0, 0), 0

    def shift(self, song: str, step: int, transpose: int) -> KeyShift:
        """Word one song's shift."""
        key = self.facts[song].key
        lands = key.transposed(step + transpose)
        reason = self.reasons.get(song, "")
        if step:
            there, goal = key.transposed(step), self._goal(song)
            end = "" if there == goal else f", which goes together with {goal}"
            reason = f"Moved {step:+d} semitone{'s' if abs(step) > 1 else ''} to {there}{end}."
        reason = reason or f"{key} goes together with {self._goal(song)} as it is."
        if transpose:
            reason += f" Both songs are then moved by {transpose:+d}."
        return KeyShift(step + transpose, lands, reason)

    def _goal(self, song: str) -> Key:
        if self.request.key_source == "target":
            return Key.parse(self.request.target_key or "")
        return self.facts[other_song(song)].key

    def tell(self, pair: Shifts, wishes: Sequence[Shifts], transpose: int) -> None:
        """Say where something else than the first wish was done."""
        if transpose != self.request.transpose_semitones:
            self.warnings.append(
                f"Transposed by {transpose:+d} instead of {self.request.transpose_semitones:+d} semitones: "
                f"a voice is moved by {self.settings.voice_cap_semitones} at most, instruments by "
                f"{self.settings.instrument_cap_semitones}."
            )
        for (song, step), (_, wished) in zip(_by_song(pair), _by_song(wishes[0]), strict=True):
            if step != wished:
                self.notices.append(
                    f"{abs(wished)} semitones would be too far for {song_name(song)}; it is moved "
                    f"{step:+d}, to {self.facts[song].key.transposed(step)}, which goes together with "
                    f"{self._goal(song)}."
                )


def _small(steps: Sequence[int], most: int = SUFFICES) -> Sequence[int]:
    return [step for step in steps if abs(step) <= most]


def _by_song(pair: Shifts) -> tuple[tuple[str, int], tuple[str, int]]:
    return (SONG_A, pair[0]), (SONG_B, pair[1])


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def decide_keys(
    request: MatchRequest, a: SongFacts, b: SongFacts, *, settings: MatchSettings | None = None
) -> KeyDecision:
    """Choose how far each song is moved in pitch.

    Parameters
    ----------
    request : MatchRequest
        What is wanted.
    a, b : SongFacts
        The songs. Confidence ≥ .55: the full shift; .40–.55: the smallest shift that makes them go together;
        below, or where a song modulates: none, and it is said.
    settings : MatchSettings, optional
        Gates and caps.

    Returns
    -------
    KeyDecision
        Shifts within ±4 semitones for a song that sings, ±5 for one whose instruments are used, the
        transposition included; where that leaves too little room the transposition is made smaller for both.
    """
    decider = _Decider(request, {SONG_A: a.key, SONG_B: b.key}, settings or MatchSettings())
    wishes = decider.wishes()
    pair, transpose = decider.place(wishes)
    decider.tell(pair, wishes, transpose)
    shifts = {song: decider.shift(song, step, transpose) for song, step in _by_song(pair)}
    return KeyDecision(shifts, transpose, tuple(decider.notices), tuple(decider.warnings))

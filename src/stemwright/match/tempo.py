"""Tempo of a remix: how each song's beats are counted, the tempo both meet at, what is stretched.

The gap of two tempos is ``max / min − 1`` in per cent, the same both ways; the change of one song is
``target / own − 1``, with a sign, because voices bear being sped up better than being slowed down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from stemwright.errors import InputError
from stemwright.match.beat_maps import fitted_bpm, is_steady
from stemwright.match.pairing import TempoAction
from stemwright.match.request import SONG_A, SONG_B, MatchRequest, other_song
from stemwright.match.settings import FACTORS, MatchSettings, TempoLimits
from stemwright.songs import SongFacts

__all__ = [
    "ReconciledTempo",
    "TempoDecision",
    "change_percent",
    "decide_tempo",
    "gap_percent",
    "reconcile_bpm",
    "song_name",
]

OCTAVES = (0.5, 2.0)
COUNTED = {0.5: "half its tempo", 2.0: "double its tempo", 1.5: "3/2 of its tempo", 2 / 3: "2/3 of its tempo"}


def song_name(song: str) -> str:
    """Say which song, the way people read it: ``"song A"``."""
    return "song A" if song == SONG_A else "song B"


def gap_percent(bpm: float, other_bpm: float) -> float:
    """Distance of two tempos in per cent of the slower one; symmetric, ≥ 0."""
    return 100.0 * (max(bpm, other_bpm) / min(bpm, other_bpm) - 1.0)


def change_percent(source_bpm: float, target_bpm: float) -> float:
    """How much faster (+) or slower (−) a song gets, in per cent of its own tempo."""
    return 100.0 * (target_bpm / source_bpm - 1.0)


@dataclass(frozen=True, slots=True)
class ReconciledTempo:
    """How two tempos are read so that they meet.

    Attributes
    ----------
    factor_a, factor_b : float
        1, ½, 2, 3/2 or 2/3.
    bpm_a, bpm_b : float
        Tempos so read: tracked tempo times factor.
    penalty_percent : float
        What the readings cost.
    """

    factor_a: float
    factor_b: float
    bpm_a: float
    bpm_b: float
    penalty_percent: float

    @property
    def gap_percent(self) -> float:
        """Distance of the tempos so read, in per cent."""
        return gap_percent(self.bpm_a, self.bpm_b)

    @property
    def cost_percent(self) -> float:
        """Gap and penalties together: what the choice minimises."""
        return self.gap_percent + self.penalty_percent


def reconcile_bpm(
    a: SongFacts | float,
    b: SongFacts | float,
    *,
    anchor: str | None = None,
    settings: MatchSettings | None = None,
) -> ReconciledTempo:
    """Read two tempos so that they lie closest.

    Each is read as tracked, at ½, 2, 3/2 and 2/3 (penalties: `FACTORS`); readings outside 70–180 bpm are left
    out unless a song has no other; the pair with the smallest gap plus penalties wins. Ties go to the pair
    with fewer changed songs, then to the one that leaves `b` as tracked.

    Parameters
    ----------
    a, b : SongFacts or float
        The songs, or their tempos in bpm, > 0; nothing is changed in them.
    anchor : str, optional
        ``"song_a"`` or ``"song_b"``: the song that sets the tempo. It is counted as tracked where that lies
        in range, and at half or double its tempo otherwise; so nobody's 118 bpm become 177. The other is
        then counted at 3/2 or 2/3, where bars don't line up, only if its voice bears none of 1, ½ and 2,
        whatever range they lie in.
    settings : MatchSettings, optional
        The range of tempos.

    Returns
    -------
    ReconciledTempo
        Factors and tempos.

    Raises
    ------
    InputError
        For a tempo that is not above 0.
    """
    settings = settings or MatchSettings()
    bpm_a, bpm_b = _bpm_of(a), _bpm_of(b)

    def cost(pair: tuple[float, float]) -> tuple[float, int, bool, float]:
        read = _read(bpm_a, bpm_b, pair)
        changed = sum(factor != 1.0 for factor in pair)
        return round(read.cost_percent, 6), changed, pair[1] != 1.0, pair[0]

    readings_a = _readings(bpm_a, settings, leads=anchor == SONG_A)
    readings_b = _readings(bpm_b, settings, leads=anchor == SONG_B)
    pairs = tuple(product(readings_a, readings_b))
    if anchor is None:
        return _read(bpm_a, bpm_b, min(pairs, key=cost))
    octaves = (1.0, *OCTAVES)
    beyond = tuple(product(readings_a, octaves) if anchor == SONG_A else product(octaves, readings_b))
    locking = [
        [pair for pair in some if _locks(_read(bpm_a, bpm_b, pair), anchor, settings)]
        for some in (pairs, beyond)
    ]
    return _read(bpm_a, bpm_b, min(locking[0] or locking[1] or pairs, key=cost))


def _locks(read: ReconciledTempo, anchor: str, settings: MatchSettings) -> bool:
    """Whether the bars of both songs line up at a change of speed that a voice bears."""
    if not {read.factor_a, read.factor_b} <= {1.0, *OCTAVES}:
        return False
    own, target = (read.bpm_b, read.bpm_a) if anchor == SONG_A else (read.bpm_a, read.bpm_b)
    return settings.voices.allow(change_percent(own, target))


def _read(bpm_a: float, bpm_b: float, pair: tuple[float, float]) -> ReconciledTempo:
    first, second = pair
    return ReconciledTempo(first, second, bpm_a * first, bpm_b * second, FACTORS[first] + FACTORS[second])


def _bpm_of(song: SongFacts | float) -> float:
    """Tempo by the grid that audio is stretched along, not by a rounded number beside it."""
    bpm = fitted_bpm(song.grid) if isinstance(song, SongFacts) else float(song)
    if not bpm > 0.0:
        raise InputError(f"{bpm:g} bpm is not a tempo.")
    return bpm


def _readings(bpm: float, settings: MatchSettings, *, leads: bool) -> tuple[float, ...]:
    inside = tuple(f for f in FACTORS if settings.lowest_bpm <= bpm * f <= settings.highest_bpm)
    if leads:
        inside = (1.0,) if 1.0 in inside else tuple(f for f in inside if f in OCTAVES)
    return inside or (1.0,)


@dataclass(frozen=True, slots=True)
class TempoDecision:
    """The tempo of a remix and how each song gets there.

    Attributes
    ----------
    target_bpm : float
        Of the remix.
    factors : Mapping of str to float
        By song: beats of the remix per tracked beat.
    voices, instruments : Mapping of str to TempoAction
        By song.
    notices, warnings : tuple[str, ...]
        In plain words.
    """

    target_bpm: float
    factors: Mapping[str, float]
    voices: Mapping[str, TempoAction]
    instruments: Mapping[str, TempoAction]
    notices: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Decider:
    """One decision in the making: the songs, and what there is to say."""

    request: MatchRequest
    facts: Mapping[str, SongFacts]
    settings: MatchSettings
    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def target(self) -> tuple[float, dict[str, float]]:
        """Find the tempo and how beats are counted."""
        if self.request.tempo_source == "target":
            return self._asked_bpm(float(self.request.target_bpm or 0.0))
        leader = self._leader()
        if not self.facts[other_song(leader)].has_beat:
            return self._alone(leader)
        read = self._reconciled(leader)
        bpms = {SONG_A: read.bpm_a, SONG_B: read.bpm_b}
        factors = {SONG_A: read.factor_a, SONG_B: read.factor_b}
        if self.request.tempo_source == "average" and self._averaged(read):
            return (read.bpm_a + read.bpm_b) / 2.0, factors
        return self._bearable(bpms, leader), factors

    def _leader(self) -> str:
        """Choose the song that sets the tempo: the one asked for, if it has a beat at all."""
        asked = self.request.tempo_source
        leader = asked if asked in (SONG_A, SONG_B) else self.request.instrumental
        other = other_song(leader)
        if not self.facts[leader].has_beat and self.facts[other].has_beat:
            self.warnings.append(
                f"No beat was found in {song_name(leader)}, so the remix takes the tempo of "
                f"{song_name(other)}."
            )
            return other
        if not self.facts[leader].has_beat:
            self.warnings.append("No beat was found in either song, so they are not brought to one tempo.")
        return leader

    def _alone(self, leader: str) -> tuple[float, dict[str, float]]:
        """Take the tempo of the only song that has one (or pretends to)."""
        return _bpm_of(self.facts[leader]), {SONG_A: 1.0, SONG_B: 1.0}

    def _reconciled(self, leader: str) -> ReconciledTempo:
        return reconcile_bpm(self.facts[SONG_A], self.facts[SONG_B], anchor=leader, settings=self.settings)

    def _averaged(self, read: ReconciledTempo) -> bool:
        if round(read.gap_percent, 6) < self.settings.average_below_percent:
            return True
        self.warnings.append(
            f"The tempos lie {read.gap_percent:.0f} % apart; a tempo in between would bend both too far, so "
            f"the remix keeps that of {song_name(self.request.instrumental)}."
        )
        return False

    def _bearable(self, bpms: Mapping[str, float], leader: str) -> float:
        """Keep the instruments' own tempo where the one asked for would break them."""
        carrier = self.request.instrumental
        change = change_percent(bpms[carrier], bpms[leader])
        if self.settings.instruments.allow(change):
            return bpms[leader]
        self.warnings.append(
            f"At the tempo of {song_name(leader)} the instruments of {song_name(carrier)} would run "
            f"{_speed(change)} and break up, so the remix keeps their own tempo, {bpms[carrier]:.1f} bpm."
        )
        return bpms[carrier]

    def _asked_bpm(self, asked: float) -> tuple[float, dict[str, float]]:
        """Take a tempo given as a number, or the nearest one that the instruments bear."""
        factors = {song: self._factor_for(song, asked) for song in self.facts}
        carrier, limits = self.request.instrumental, self.settings.instruments
        if not self.facts[carrier].has_beat:
            return asked, factors
        own = _bpm_of(self.facts[carrier]) * factors[carrier]
        lowest, highest = own * (1 - limits.most_down_percent / 100), own * (1 + limits.most_up_percent / 100)
        target = min(max(asked, lowest), highest)
        if target != asked:
            self.warnings.append(
                f"{asked:g} bpm is too far from the {own:.1f} bpm of {song_name(carrier)}'s instruments; "
                f"{target:.1f} bpm is as near as they bear."
            )
        return target, factors

    def _factor_for(self, song: str, target_bpm: float) -> float:
        bpm = _bpm_of(self.facts[song])
        if not self.facts[song].has_beat:
            return 1.0
        whole = [
            f for f in (1.0, *OCTAVES) if self.settings.voices.allow(change_percent(bpm * f, target_bpm))
        ]
        return min(
            whole or FACTORS,
            key=lambda f: (round(gap_percent(bpm * f, target_bpm) + FACTORS[f], 6), f != 1.0, f),
        )

    def actions(self, song: str, target_bpm: float, factor: float) -> tuple[TempoAction, TempoAction]:
        """Say what happens to a song's voice and to its instruments, and tell it."""
        facts = self.facts[song]
        self._tell_factor(song, factor)
        own = _bpm_of(facts) * factor
        change = change_percent(own, target_bpm)
        if abs(change) < 1e-9 and (not facts.has_beat or is_steady(facts.grid, self.settings.steady_s)):
            return TempoAction.KEEP, TempoAction.KEEP
        if not facts.has_beat:
            self.warnings.append(
                f"No beat was found in {song_name(song)}: it plays at its own speed, unlocked from the beat."
            )
            return TempoAction.FREE, TempoAction.FREE
        leads = song == self.request.vocal_source
        sings = leads or self.request.both_voices
        voice = self._action(song, "voice", change, self.settings.voices, told=sings)
        plays = not leads or self.request.both_instruments
        return voice, self._action(song, "instruments", change, self.settings.instruments, told=plays)

    def _action(self, song: str, what: str, change: float, limits: TempoLimits, *, told: bool) -> TempoAction:
        if not limits.allow(change):
            if told:
                self.warnings.append(
                    f"{_opening(song)}'s {what} would have to be {_speed(change)}, which is too far: no "
                    "stretching, but phrases at their own speed, over sparse passages."
                )
            return TempoAction.FREE
        if told and limits.strong(change):
            self.warnings.append(
                f"{_opening(song)}'s {what}: {_speed(change)}, to stay on the beat; that will be heard."
            )
        elif told and not limits.silent(change):
            self.notices.append(f"{_opening(song)}'s {what}: {_speed(change)}, to stay on the beat.")
        return TempoAction.STRETCH

    def _tell_factor(self, song: str, factor: float) -> None:
        if factor in OCTAVES:
            self.notices.append(
                f"{_opening(song)} is counted at {COUNTED[factor]}: on the beat, but it may feel "
                f"{'frantic' if factor == 0.5 else 'slow'} against the other."
            )
        elif factor != 1.0:
            self.warnings.append(
                f"{_opening(song)} is counted at {COUNTED[factor]}: three beats against two, so "
                "its bars do not line up with those of the remix."
            )


def _opening(song: str) -> str:
    return "S" + song_name(song)[1:]


def _speed(change: float) -> str:
    return f"{abs(change):.0f} % {'faster' if change > 0 else 'slower'}"


def decide_tempo(
    request: MatchRequest, a: SongFacts, b: SongFacts, *, settings: MatchSettings | None = None
) -> TempoDecision:
    """Choose the tempo of a remix and what is stretched.

    The tempo is the instrumental song's unless asked otherwise: another song's tempo is taken where the
    instruments bear it, the average under 15 % only, a number as near as the instruments bear. Voices may be
    sped up by 45 % and slowed by 35 %; a stem beyond its limits plays free. Below 10 % nothing is said.

    Parameters
    ----------
    request : MatchRequest
        What is wanted.
    a, b : SongFacts
        The songs; one without a beat never sets the tempo of one that has a beat.
    settings : MatchSettings, optional
        The limits.

    Returns
    -------
    TempoDecision
        See there.
    """
    facts = {SONG_A: a, SONG_B: b}
    decider = _Decider(request, facts, settings or MatchSettings())
    target_bpm, factors = decider.target()
    actions = {song: decider.actions(song, target_bpm, factors[song]) for song in facts}
    return TempoDecision(
        target_bpm,
        factors,
        {song: pair[0] for song, pair in actions.items()},
        {song: pair[1] for song, pair in actions.items()},
        tuple(decider.notices),
        tuple(decider.warnings),
    )

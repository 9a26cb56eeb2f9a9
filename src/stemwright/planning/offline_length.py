"""How long a remix is: as asked, else about a minute and a half, in bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stemwright.planning.edits import clause
from stemwright.planning.form import LONG_S, SHORT_S, USUAL_S
from stemwright.planning.pace import Pace
from stemwright.planning.plan import Clause, ClauseKind, SongId
from stemwright.planning.rules_form import Limits
from stemwright.planning.rules_material import bounds, clock
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import SongFacts

__all__ = ["Length", "length_of"]

LEAST_BARS = 8
SHORTEST_S = 20.0


@dataclass(frozen=True, slots=True)
class Length:
    """How long, and what is promised about it.

    Attributes
    ----------
    beats, bar : int
        Length of the whole, in whole bars, and of a bar.
    short : bool
        Whether a short one was asked for.
    clauses, warnings
        What will be measured, and what could not be done.
    """

    beats: int
    bar: int
    short: bool
    clauses: tuple[Clause, ...]
    warnings: tuple[str, ...]


def length_of(
    wishes: Wishes, *, pace: Pace, bar: int, facts: Mapping[SongId, SongFacts], limits: Limits
) -> Length:
    """Decide the length; without a wish no longer than the material of the longer song."""
    wish = wishes.last(Want.LENGTH, Want.SHORT, Want.LONG)
    if wish is None:
        beats = min(_bars(USUAL_S, pace, bar), _material(facts, pace, bar))
        least = _bars(limits.shortest_s, pace, bar, up=True)
        return Length(max(beats, least), bar, short=False, clauses=(), warnings=())
    if wish.want is not Want.LENGTH:
        short = wish.want is Want.SHORT
        seconds = SHORT_S if short else LONG_S
        kind = ClauseKind.LENGTH_AT_MOST_S if short else ClauseKind.LENGTH_AT_LEAST_S
        limit = 60.0 if short else 120.0
        return Length(_bars(seconds, pace, bar), bar, short, (clause(kind, wish, value=limit),), ())
    return _asked(wish, pace, bar, limits)


def _asked(wish: Wish, pace: Pace, bar: int, limits: Limits) -> Length:
    """Take a length as a number: a bar and 2 % around it are promised."""
    asked = wish.value or USUAL_S
    seconds = pace.seconds(asked * bar) if wish.word == "bars" else asked
    inside = min(max(seconds, SHORTEST_S), limits.longest_named_s)
    warnings: tuple[str, ...] = ()
    if inside != seconds:
        span = f"{clock(SHORTEST_S)} to {clock(limits.longest_named_s)}"
        warnings = (f'"{wish.text}": a remix can last {span}; this one lasts {clock(inside)}.',)
    wanted = inside * {"most": 0.9, "least": 1.1}.get(wish.word, 1.0)
    beats = max(_bars(wanted, pace, bar), 2 * bar)
    slack = max(pace.seconds(bar), 0.02 * inside)
    clauses = []
    if wish.word != "most":
        clauses.append(
            clause(
                ClauseKind.LENGTH_AT_LEAST_S, wish, value=round(inside - slack * (wish.word != "least"), 2)
            )
        )
    if wish.word != "least":
        clauses.append(
            clause(ClauseKind.LENGTH_AT_MOST_S, wish, value=round(inside + slack * (wish.word != "most"), 2))
        )
    return Length(beats, bar, seconds < 60.0, tuple(clauses), warnings)


def _bars(seconds: float, pace: Pace, bar: int, *, up: bool = False) -> int:
    """Beats in about that many seconds: whole groups of four bars for long ones, bars for short ones."""
    beats = pace.beats(seconds)
    if up:
        return int(-(-beats // bar)) * bar
    return max(round(beats / bar), LEAST_BARS) * bar


def _material(facts: Mapping[SongId, SongFacts], pace: Pace, bar: int) -> int:
    """Beats of the remix that the longer song fills."""
    lengths = []
    for song, known in facts.items():
        low, high = bounds(known)
        lengths.append((high - low) / pace.rates[song])
    return max(int(max(lengths) // bar), LEAST_BARS) * bar

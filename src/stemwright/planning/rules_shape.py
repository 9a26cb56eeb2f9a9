"""What prompts say about form, length and mood."""

from __future__ import annotations

from collections.abc import Callable

from stemwright.planning.grammar import (
    Found,
    Rule,
    amount_of,
    compiled,
    number,
    section_of,
    songs_in,
    stems_in,
)
from stemwright.planning.plan import Label
from stemwright.planning.wishes import Want, Wish

__all__ = ["EDGE_RULES", "LENGTH_RULES", "MOOD_RULES", "SECTION_RULES"]

SHRINK = ("less", "shorter", "shorten", "trim", "cut")
UNIT_S = {"seconds": 1.0, "minutes": 60.0}
_MOST = ("at most", "under", "less", "max", "without longer", "no longer")
_LEAST = ("at least", "minimum", "longer", "over", "more")
SHADES = dict.fromkeys(_MOST, "most") | dict.fromkeys(_LEAST, "least")
"""Words before a length; the first that is found counts."""


def _edge(want: Want) -> Callable[[Found], list[Wish]]:
    def make(found: Found) -> list[Wish]:
        section, stems = section_of(found), stems_in(found.get("stems"))
        return [found.wish(want, stems=stems, section=section, song=songs_in(found), word=found.get("mood"))]

    return make


def _sections(want: Want) -> Callable[[Found], list[Wish]]:
    return lambda found: [found.wish(want, section=section_of(found))]


def _more_than_one(found: Found) -> list[Wish]:
    return [found.wish(Want.LAST_SECTION, section=section_of(found))]


def _length(found: Found) -> list[Wish]:
    seconds = number(found, "time") if found.get("time") else number(found) * UNIT_S[found.get("unit")]
    if found.get("plus"):
        seconds += float(found.get("plus"))
    shade = next((kind for words, kind in SHADES.items() if words in found.get("shade")), "")
    return [found.wish(Want.LENGTH, value=seconds, word=shade)]


def _bars(found: Found) -> list[Wish]:
    return [found.wish(Want.LENGTH, value=number(found), word=found.get("unit"))]


def _section_length(found: Found) -> list[Wish]:
    unit = found.get("unit")
    if found.get("more"):
        want = Want.SECTION_SHORTER if found.get("more") in SHRINK else Want.SECTION_LONGER
        return [found.wish(want, section=section_of(found), value=number(found), word=unit)]
    return [found.wish(Want.SECTION_LENGTH, section=section_of(found), value=number(found), word=unit)]


def _resized(want: Want) -> Callable[[Found], list[Wish]]:
    return lambda found: [found.wish(want, section=section_of(found), value=amount_of(found))]


def _mood(found: Found) -> list[Wish]:
    return [found.wish(Want.MOOD, word=found.get("mood") or found.get("genre"), section=section_of(found))]


def _just(want: Want) -> Callable[[Found], list[Wish]]:
    return lambda found: [found.wish(want, value=amount_of(found))]


def _drop_out(found: Found) -> list[Wish]:
    return [found.wish(Want.SECTION, section=Label.BREAKDOWN)]


MOODS = r"(?P<mood>chill|ambient|acoustic|lofi|hard|club)"
GENRES = (
    r"(?P<genre>trap|hiphop|dnb|dubstep|reggae|reggaeton|jazz|jazzy|rock|punk|metal|funk|funky|disco|country|"
    r"classical|orchestral|latin|synthwave|garage|soul|blues|gospel|bossa|salsa|phonk|drill|hyperpop|afrobeat|"
    r"amapiano|jungle|grime|pop|folk|swing|retro|80s|90s)"
)
TO = r"(?:(?:from|off|out|up|it|us|me|everything|all|things|by|with|on|at|in|to|into) )*"

EDGE_RULES: tuple[Rule, ...] = compiled(
    (rf"(?:it |remix |song |track )?start {TO}(?:only )?(?:STEMS) (?:from )?SONG", _edge(Want.START)),
    (rf"(?:it |remix |song |track )?start {TO}SONG 's (?:only )?STEMS", _edge(Want.START)),
    (rf"start {TO}(?:only )?STEMS(?: only)?", _edge(Want.START)),
    (rf"start {TO}(?:long |short )?SECTION", _edge(Want.START)),
    (rf"start {TO}SONG", _edge(Want.START)),
    (r"STEMS (?:only )?(?:comes? )?(?:first|to start|at beginning|start)", _edge(Want.START)),
    (rf"end {TO}(?:only )?STEMS(?: only)?", _edge(Want.END)),
    (rf"end {TO}(?:long |short |last )?SECTION", _edge(Want.END)),
    (rf"end {TO}SONG", _edge(Want.END)),
    (r"SECTION (?:be |is |comes? |should |at )*(?:last|at end|end)", _edge(Want.END)),
    (
        (r"(?:outro )?(?:slower |bit )*(?:end (?:in |with |on )?)?fadeout(?: (?:in |at "
        r")?(?:outro|end))?"),
        _just(Want.FADE_OUT),
    ),
)  # fmt: skip

SECTION_RULES: tuple[Rule, ...] = compiled(
    (
        (r"(?P<more>extend|lengthen|longer|shorten|trim|shorter|cut) SECTION from "
        r"NUMBER (?P<unit>bars|beats|backing|beats_unit)"),
        _section_length,
    ),
    (r"(?:SECTION) (?:twice|2 times|again)", _more_than_one),
    (
        (r"NUMBER (?P<unit>bars|beats|backing|beats_unit) (?P<more>more|less|longer|shorter)(?: from| "
        r"in| for)? SECTION"),
        _section_length,
    ),
    (
        r"SECTION NUMBER (?P<unit>bars|beats|backing|beats_unit) (?P<more>more|less|longer|shorter)",
        _section_length,
    ),
    (
        (r"(?:make )?SECTION (?:be |to |should |is |of |from |for |last |long |, )*NUMBER "
        r"(?P<unit>bars|beats|backing|seconds)(?: long)?"),
        _section_length,
    ),
    (r"NUMBER (?P<unit>bars|beats|backing|seconds)(?: long)?(?: from| for)? SECTION", _section_length),
    (r"(?:make )?(?:AMOUNT )?(?:shorter|short) SECTION", _resized(Want.SECTION_SHORTER)),
    (r"(?:make )?(?:AMOUNT )?(?:longer|long|more) SECTION", _resized(Want.SECTION_LONGER)),
    (
        r"(?:make |keep )?SECTION (?:be |is |to |should )*(?:AMOUNT )?(?:shorter|short)",
        _resized(Want.SECTION_SHORTER),
    ),
    (
        r"(?:make |keep )?SECTION (?:be |is |to |should )*(?:AMOUNT )?(?:longer|long)",
        _resized(Want.SECTION_LONGER),
    ),
    (r"(?:extend|stretch) SECTION", _resized(Want.SECTION_LONGER)),
    (r"(?:shorten|trim) SECTION", _resized(Want.SECTION_SHORTER)),
    (r"(?:without|cut|not|drop) (?:use )?(?:with )?SECTION", _sections(Want.NO_SECTION)),
    (r"(?:last|second|2 ) ?SECTION", _more_than_one),
    (r"(?:everything|all) (?:drop|falls?|cuts?) out", _drop_out),
    (r"(?:with |add |use |into |to |have )?SECTION", _sections(Want.SECTION)),
)  # fmt: skip

LENGTH_RULES: tuple[Rule, ...] = compiled(
    (r"not (?:make |be |have |let )?(?:it )?(?:be )?long(?:er)?", _just(Want.SHORT)),
    (r"not (?:make |be |have |let )?(?:it )?(?:be )?short(?:er)?", _just(Want.LONG)),
    (
        (r"(?:(?P<shade>at most|under|over|at least|less than|no longer than|without longer "
        r"than|longer than|more than|max|maximum|minimum) )?NUMBER (?P<unit>minutes) (?:and "
        r")?(?P<plus>\d+)(?: seconds)?(?: long| length| total)?"),
        _length,
    ),
    (
        (r"(?:(?P<shade>at most|under|over|at least|less than|no longer than|without longer "
        r"than|longer than|more than|max|maximum|minimum) )?NUMBER (?P<unit>seconds|minutes)(?: long| "
        r"length| total| in length| max)?"),
        _length,
    ),
    (
        (r"(?:length|long|total|duration|make it|keep it|remix) (?:from |be |is |at |in |for |about "
        r"|around |: )*TIME(?: minutes| long| total)?"),
        _length,
    ),
    (r"TIME (?:minutes |in |total )?(?:long|length|minutes|total|remix|version|duration)", _length),
    (r"NUMBER (?P<unit>bars)(?: long| total| in total)?", _bars),
    (r"(?:AMOUNT )?(?:short|shorter)(?: version| remix| one)?", _just(Want.SHORT)),
    (r"(?:AMOUNT )?(?:long|longer)(?: version| remix| one)?", _just(Want.LONG)),
)  # fmt: skip

MOOD_RULES: tuple[Rule, ...] = compiled(
    (rf"(?:AMOUNT )?(?:more )?{MOODS}(?: mood| feel| vibe| style| version| set| mix)?", _mood),
    (rf"(?:AMOUNT )?(?:more )?{GENRES}", _mood),
)

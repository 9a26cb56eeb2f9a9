"""What prompts say about whose stems sound: sources, hand-offs, levels, presence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
from stemwright.planning.plan import Label, SongId
from stemwright.planning.wishes import Want, Wish
from stemwright.songs import SongStem

__all__ = ["LEVEL_RULES", "SOURCE_RULES"]

BACKING = stems_in("backing")
VOICE = (SongStem.VOCALS,)


def _from(found: Found) -> list[Wish]:
    """``vocals and bass from song A``; from both means both."""
    stems = stems_in(found.get("stems"))
    if found.get("song") == "both":
        return [found.wish(Want.BOTH, stems=stems, section=section_of(found))]
    return [found.wish(Want.FROM, stems=stems, song=songs_in(found), section=section_of(found))]


def _from_two(found: Found) -> list[Wish]:
    first = found.wish(Want.FROM, stems=stems_in(found.get("stems")), song=songs_in(found))
    return [first, found.wish(Want.FROM, stems=stems_in(found.get("stems2")), song=songs_in(found, "song2"))]


def _over(found: Found) -> list[Wish]:
    """Read ``A over B``: the voice of one over the instruments of the other."""
    below = songs_in(found, "song2")
    stems = stems_in(found.get("stems")) or VOICE
    backing = stems_in(found.get("stems2")) or BACKING
    above = songs_in(found) or (below.other if below else None)
    out = [found.wish(Want.FROM, stems=stems, song=above)] if above else []
    return [*out, *([found.wish(Want.FROM, stems=backing, song=below)] if below else [])]


def _under(found: Found) -> list[Wish]:
    below = songs_in(found)
    above = songs_in(found, "song2")
    out = [found.wish(Want.FROM, stems=stems_in(found.get("stems")) or BACKING, song=below)] if below else []
    return [
        *out,
        *([found.wish(Want.FROM, stems=stems_in(found.get("stems2")) or VOICE, song=above)] if above else []),
    ]


def _not_from(found: Found) -> list[Wish]:
    """``no vocals from song B``: then they come from song A."""
    song = songs_in(found)
    return [found.wish(Want.FROM, stems=stems_in(found.get("stems")), song=song.other)] if song else []


def _duet(found: Found) -> list[Wish]:
    return [found.wish(Want.DUET, stems=VOICE)]


def _alternate(found: Found) -> list[Wish]:
    return [found.wish(Want.ALTERNATE, stems=VOICE, song=songs_in(found))]


def _hand_off(found: Found) -> list[Wish]:
    first = songs_in(found) or SongId.A
    return [found.wish(Want.HAND_OFF, stems=stems_in(found.get("stems")) or VOICE, song=first)]


def _swap(found: Found) -> list[Wish]:
    stems = stems_in(found.get("stems"))
    if stems == VOICE and not found.get("halfway"):
        return [found.wish(Want.SWAP_VOICES, stems=VOICE)]
    if stems == VOICE:
        return [found.wish(Want.HAND_OFF, stems=VOICE)]
    return [found.wish(Want.SWAP_STEM, stems=stems, section=section_of(found))]


def _swap_songs(found: Found) -> list[Wish]:
    return [found.wish(Want.SWAP_VOICES, stems=VOICE)]


def _with(want: Want) -> Callable[[Found], list[Wish]]:
    def make(found: Found) -> list[Wish]:
        stems, which = stems_in(found.get("stems")), found.get("which").strip()
        first = found.wish(want, stems=stems, section=section_of(found), value=amount_of(found), word=which)
        also = found.get("also")
        return [first, replace(first, section=Label(also))] if also else [first]

    return make


def _quiet(found: Found) -> list[Wish]:
    return [found.wish(Want.QUIETER, stems=BACKING, section=Label.INTRO, value=1.0)]


def _harder(found: Found) -> list[Wish]:
    """Give a section more drums and bass."""
    return [found.wish(Want.LOUDER, stems=stems_in("rhythm"), section=section_of(found), value=1.0)]


def _voice_of_section(found: Found) -> list[Wish]:
    return [found.wish(Want.FROM, stems=VOICE, song=songs_in(found), section=section_of(found))]


def _not_quieter(found: Found) -> list[Wish]:
    """Read "don't make the drums too loud" (quieter) and "not quieter" (as loud as they are)."""
    return _with(Want.QUIETER if "too" in found.text.casefold() else Want.PRESENT)(found)


def _drop_before(found: Found) -> list[Wish]:
    stems = stems_in(found.get("stems")) or BACKING
    which = "last" if found.get("last") else ""
    if found.get("all") and not which and not found.get("short"):
        which = "all"
    return [found.wish(Want.DROP_BEFORE, stems=stems, section=section_of(found), word=which)]


def _time(found: Found) -> list[Wish]:
    until = number(found, "time2") if found.get("time2") else None
    song, stems = songs_in(found), stems_in(found.get("stems"))
    return [
        found.wish(
            Want.TIME,
            stems=stems,
            song=song,
            section=section_of(found),
            value=number(found, "time"),
            until=until,
        )
    ]


def _enter(found: Found) -> list[Wish]:
    stems = stems_in(found.get("stems"))
    at = number(found, "time") if found.get("time") else number(found)
    return [found.wish(Want.ENTER_AT, stems=stems, section=section_of(found), value=at)]


def _loop(found: Found) -> list[Wish]:
    return [found.wish(Want.LOOP, stems=stems_in(found.get("stems")), song=songs_in(found))]


def _earlier(found: Found) -> list[Wish]:
    want = Want.LATER if found.get("late") else Want.EARLIER
    return [
        found.wish(
            want, stems=stems_in(found.get("stems")), section=section_of(found), value=amount_of(found)
        )
    ]


USE = r"(?:(?:use|add|give|make|have|let|get|only) (?:me |us )?)?"
RANGE = (
    r"(?:from |at |between |around |starting at |start at |start |use )*TIME"
    r"(?: (?:to|until|till|and|through) TIME2)?"
)

SOURCE_RULES: tuple[Rule, ...] = compiled(
    # timestamps
    (
        (rf"{USE}(?:STEMS )?(?:from )?(?:part |bit |section |piece |moment |place )?(?:that )?(?:is "
        rf"|comes |start |starts )?{RANGE} (?:(?:from|in|into) )?SONG(?: STEMS)?"),
        _time,
    ),
    (rf"{USE}SONG (?:'s )?(?:STEMS )?{RANGE}", _time),
    (
        (r"(?:start |use |take |begin )?STEMS (?:to |should |have to )?(?:come |enter |start |add "
        r")?(?:in )?(?:at|after) (?:TIME|NUMBER seconds)(?: in)?"),
        _enter,
    ),
    (
        (r"SECTION (?:hit |come |comes |in |start |land |should |to )*(?:at|after) (?:TIME|NUMBER "
        r"seconds)"),
        _enter,
    ),
    (rf"(?:start |use |take )*STEMS (?:start )?{RANGE}", _time),
    # hand-offs
    (
        (r"SONG 's vocals (?:first )?(?:,? ?(?:and )?then|into|to|and after that|before) (?:with "
        r")?SONG2(?: 's)?(?: vocals)?"),
        _hand_off,
    ),
    (
        (r"vocals from SONG (?:first )?(?:,? ?(?:and )?then|into|before) (?:to )?(?:with )?(?:vocals "
        r")?(?:from )?SONG2(?: 's)?(?: vocals)?"),
        _hand_off,
    ),
    (r"SONG (?:vocals )?(?:first )?(?:,? ?(?:and )?then|,? hands over to) SONG2(?: vocals)?", _hand_off),
    (
        (r"(?:use )?(?:both )?vocals (?:to )?alternate(?: (?:between|with|from))?(?: "
        r"(?:both|songs?|SONG and SONG2))?"),
        _alternate,
    ),
    (
        (r"alternate (?:between )?(?:both |two |2 )?(?:with )?vocals?(?: (?:from|between) (?:both|SONG "
        r"and SONG2))?"),
        _alternate,
    ),
    (
        (r"(?:both |song_a and song_b )?(?:vocals )?(?:should )?alternate (?:between )?(?:both|SONG "
        r"and SONG2|verse|chorus)?(?: vocals)?"),
        _alternate,
    ),
    (
        (r"(?:both|song_a and song_b|song_b and song_a)(?: songs| 's)?(?: vocals| sing| from them)? "
        r"(?:at )?together"),
        _duet,
    ),
    (r"(?:both|two|2) vocals (?:both )?(?:singing )?(?:vocals )?together", _duet),
    (r"vocals (?:from )?both (?:vocals )?(?:songs )?(?:vocals )?(?:together|at once)", _duet),
    (r"(?:as |in )?vocals together|both vocals at once", _duet),
    (
        (r"(?:swap|switch) STEMS (?:(?:over|around|from song_[ab] to song_[ab]) "
        r")?(?P<halfway>halfway|after half|later|at SECTION|in SECTION|for SECTION)(?: through)?"),
        _swap,
    ),
    (r"(?P<halfway>halfway)(?: through)? ,?(?: use| then| we)* swap (?:to )?(?:other )?STEMS", _swap),
    (r"swap STEMS", _swap),
    (r"swap (?:song_a and song_b|both|songs|them|song_other|roles?)", _swap_songs),
    (r"other (?:way|round) (?:round|around)", _swap_songs),
    # before a section
    (
        (r"(?:(?P<all>without)|drop|cut|add) STEMS (?:out )?(?:(?P<short>right) "
        r"|(?P<short>just) |for (?:bar|moment|\d+ bars?|beat) "
        r")?before (?:(?P<last>last) )?SECTION"),
        _drop_before,
    ),
    (r"(?:silence|everything stops?|stop|pause) (?:right )?before (?:(?P<last>last) )?SECTION", _drop_before),
    # sources
    (r"SECTION from SONG (?:and )?(?:use )?(?:it |them )?over (?:SECTION2 from )?SONG2", _over),
    (r"(?:use )?SECTION (?:vocals )?(?:from|with|use|by) SONG", _voice_of_section),
    (r"(?:without|drop|cut|not) STEMS (?:from|in) SONG", _not_from),
    (r"(?:without|drop|cut|not) SONG (?:'s )?STEMS", _not_from),
    (r"only STEMS from SONGS", _from),
    (r"only SONG (?:'s )?STEMS", _from),
    (r"(?:SONG (?:'s )?)?STEMS (?:from SONG )?over SONG2(?: (?:'s )?STEM2)?", _over),
    (r"STEMS (?:from )?(?:song_a |song_b )?over STEM2 from SONG2", _over),
    (
        (
            r"(?:use )?SONG (?:'s )?STEMS (?:with|on|to|and|under|while|,)(?: use)? SONG2(?: 's| "
            r"use| add| for)? STEM2"
        ),
        _from_two,
    ),
    (r"SONG (?:to |should )?(?:vocals )?(?:goes )?(?:over|on) (?:of )?SONG2", _over),
    (r"(?:SONG (?:'s )?)(?:STEMS )?under SONG2(?: (?:'s )?STEM2)?", _under),
    (
        (r"STEMS (?:(?:come|coming|taken|be|is|are|should|to|only|just) )*(?:from|in|with|use) (?:both "
        r")?SONGS(?: songs)? INSIDE"),
        _from,
    ),
    (r"SONGS (?:'s |for |gives |provides |has |on |as )?STEMS(?: only)? INSIDE", _from),
    (r"(?:use|with) SONG (?:for|as|on) STEMS INSIDE", _from),
    (r"STEMS SONGS", _from),
)  # fmt: skip

LEVEL_RULES: tuple[Rule, ...] = compiled(
    (r"not (?:make |have |let |use )?STEMS (?:be )?louder INSIDE", _with(Want.QUIETER)),
    (r"not (?:make |have |let |use )?STEMS (?:be )?quieter INSIDE", _not_quieter),
    (r"SECTION (?:hit |be |is |should |much )*(?:more )?(?:harder|hard|louder)", _harder),
    (r"(?:much |more )*(?:harder|hard|louder) (?:in )?SECTION", _harder),
    (r"start (?:it |off )?(?:quieter|chill|slower|slowly|small)", _quiet),
    (r"BEFOREHAND only STEMS INSIDE", _with(Want.ONLY)),
    (r"BEFOREHAND STEMS only INSIDE", _with(Want.ONLY)),
    (r"BEFOREHAND (?:without|drop|cut|not) (?:use )?(?:add )?STEMS INSIDE", _with(Want.WITHOUT)),
    (r"STEMS (?P<section>intro|outro|breakdown|bridge)", _with(Want.ONLY)),
    (
        (r"STEMS (?:should |be |is |are |go |goes |drop |cut |to "
        r")*(?:without|out|off|silent|away|gone) INSIDE"),
        _with(Want.WITHOUT),
    ),
    (r"(?:cut|drop|take|pull) STEMS(?: out)? INSIDE", _with(Want.WITHOUT)),
    (
        (r"(?:use |start )?(?:add )?STEMS (?:come |comes |to |should |start |enter )*(?:in )?(?:AMOUNT "
        r")?(?:earlier|(?P<late>later)) INSIDE"),
        _earlier,
    ),
    (r"(?:earlier|(?P<late>later)) STEMS", _earlier),
    (
        (r"BEFOREHAND (?:make |turn |use |push |have |give )*(?:AMOUNT )?(?:more "
        r")?(?:louder|more|up|hard|higher) (?:on )?STEMS(?: (?:up|louder))? INSIDE"),
        _with(Want.LOUDER),
    ),
    (
        (r"BEFOREHAND (?:make |turn |use |push |have |bring |add |let )*STEMS (?:to |be |is |are "
        r"|should |them |it |more )*(?:AMOUNT )?(?:more )?(?:louder|up|harder|hard|higher) INSIDE"),
        _with(Want.LOUDER),
    ),
    (
        (r"BEFOREHAND (?:make |turn |use |have |give )*(?:AMOUNT )?(?:quieter|less|down|chill) STEMS "
        r"INSIDE"),
        _with(Want.QUIETER),
    ),
    (
        (r"BEFOREHAND (?:make |turn |use |have |bring |pull |keep |let |add )*STEMS (?:to |be |is |are "
        r"|should |not |them |it |more )*(?:AMOUNT )?(?:more )?(?:quieter|less|down|chill) INSIDE"),
        _with(Want.QUIETER),
    ),
    (r"(?:loop|cut up) (?:song_[ab] 's |from |vocals )*(?:hook|chorus|STEMS)(?: from SONG)?", _loop),
    (r"(?:with |add |use |have |keep )(?:only )?STEMS(?: throughout| whole time)?", _with(Want.PRESENT)),
)  # fmt: skip

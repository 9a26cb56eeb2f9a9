"""What prompts say about tempo and key."""

from __future__ import annotations

from collections.abc import Callable

from stemwright.planning.grammar import Found, Rule, amount_of, compiled, number, songs_in
from stemwright.planning.key_names import KEY_MARK
from stemwright.planning.wishes import Want, Wish

__all__ = ["PITCH_RULES"]

SCALE = {
    "semitones": 1.0,
    "octave": 12.0,
    "octaves": 12.0,
    "tone": 2.0,
    "tones": 2.0,
    "steps": 1.0,
    "step": 1.0,
}


def _just(want: Want) -> Callable[[Found], list[Wish]]:
    return lambda found: [found.wish(want, song=songs_in(found), value=amount_of(found))]


def _bpm(found: Found) -> list[Wish]:
    return [found.wish(Want.TEMPO, value=number(found))]


def _percent(found: Found) -> list[Wish]:
    want = Want.SLOWER if found.get("down") else Want.FASTER
    return [found.wish(want, value=number(found), word="percent")]


def _key(found: Found) -> list[Wish]:
    return [found.wish(Want.KEY, word=found.get("key").removeprefix(KEY_MARK).replace("_", " "))]


def _transpose(found: Found) -> list[Wish]:
    steps = number(found) if found.get("number") else 1.0
    sign = -1.0 if found.get("down") else 1.0
    return [found.wish(Want.TRANSPOSE, value=sign * steps * SCALE.get(found.get("unit"), 1.0))]


KEYS = rf"(?P<key>{KEY_MARK}[A-G][#b]?_(?:major|minor))"
UNIT = r"(?P<unit>semitones|octaves?|tones?|steps?)"
DOWN = r"(?P<down>down|lower|quieter|-)"
IT = r"(?:(?:make|turn|use|add|keep|speed|do|not|it|everything|all|songs|both|key|pitch|tempo|to|be|go) )*"
IN = r"(?:(?:in|at|to|into|with|on|use|by|from) )?"

PITCH_RULES: tuple[Rule, ...] = compiled(
    # tempo
    (r"not (?:make |be |have |let |speed )?(?:it )?(?:be |up )?(?:faster|fast)", _just(Want.TEMPO_FROM)),
    (r"not (?:make |be |have |let )?(?:it )?(?:be )?slower", _just(Want.TEMPO_FROM)),
    (rf"{IN}(?:tempo )?(?:around |about |set |from |at |to )*NUMBER bpm(?: tempo)?", _bpm),
    (r"bpm (?:from |at |to |be |: |= )*NUMBER|tempo (?:from |at |to |be |set |: |= )*NUMBER", _bpm),
    (
        (r"(?:AMOUNT )?(?:faster|up|speed)(?: it)?(?: up)? (?:from |by |tempo )*NUMBER percent|NUMBER "
        r"percent faster"),
        _percent,
    ),
    (r"(?P<down>slower|down) (?:from |by |tempo )*NUMBER percent|NUMBER percent (?P<down>slower)", _percent),
    (
        (rf"{IN}(?:(?:same|original|keep|match|use|tempo|bpm|from|at|in|to|it) )*SONG (?:'s "
        rf")?(?:original )?(?:tempo|bpm)"),
        _just(Want.TEMPO_FROM),
    ),
    (
        (r"(?:(?:keep|match|same|use|original|at|in) )*(?:tempo|bpm) (?:from|in|at|to|like|with|on) "
        r"SONG"),
        _just(Want.TEMPO_FROM),
    ),
    (r"(?:meet in middle|average tempo|tempo (?:in )?between|tempo halfway)", _just(Want.TEMPO_AVERAGE)),
    (r"(?:keep|original|not change|not) (?:original )?(?:tempo|bpm)", _just(Want.TEMPO_FROM)),
    (r"(?:drums )?(?:in )?(?:halftime|doubletime)(?: feel| drums| beat)?", _just(Want.HALF_TIME)),
    (rf"{IT}(?:AMOUNT )?(?:more )?(?:faster|fast)(?: tempo| pace)?(?: AMOUNT)?", _just(Want.FASTER)),
    (rf"{IT}(?:AMOUNT )?(?:more )?slower(?: tempo| pace)?", _just(Want.SLOWER)),
    (r"faster bit", _just(Want.FASTER)),
    # key
    (
        (rf"(?:(?:transpose|change|shift|pitch|put|make|play|use|move|it|everything|all|both|songs|to|"
        rf"in|into|key|from|of) "
        rf")*{KEYS}"),
        _key,
    ),
    (
        (rf"(?:transpose |it |everything |all |songs |key |shift |both |go "
        rf")*(?:up|louder|higher|raise)(?: from)?(?: key)? (?:NUMBER )?{UNIT}"),
        _transpose,
    ),
    (
        (rf"(?:transpose |it |everything |all |songs |key |shift |both |go )*{DOWN}(?: from)?(?: key)? "
        rf"(?:NUMBER )?{UNIT}"),
        _transpose,
    ),
    (rf"(?:NUMBER )?{UNIT} (?:up|higher|louder)", _transpose),
    (rf"(?:NUMBER )?{UNIT} {DOWN}", _transpose),
    (rf"(?:transpose|\+) (?:it |everything |from |up )*NUMBER(?: {UNIT})?", _transpose),
    (
        (r"(?:not |without )?(?:keep|without|change|original|transpose|not)(?: change)? (?:original "
        r"|both )?(?:key|keys|pitch|transpose)(?: (?:change|from|in) ?(?:SONGS)?)?"),
        _just(Want.KEY_KEPT),
    ),
    (
        r"(?:in )?original (?:key|keys|transpose)|not transpose|without transpose|key keep",
        _just(Want.KEY_KEPT),
    ),
    (
        rf"{IN}(?:(?:keep|match|use|same|to|key|from|in) )*SONG (?:'s )?(?:original )?key",
        _just(Want.KEY_FROM),
    ),
    (rf"{IN}(?:(?:keep|match|use|same|change) )*key (?:from|in|to|at|with) SONG", _just(Want.KEY_FROM)),
)  # fmt: skip

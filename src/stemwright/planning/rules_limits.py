"""What people ask for that a remix of stems can't give: each with the plain words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stemwright.planning.grammar import Found, Rule, compiled
from stemwright.planning.wishes import Want, Wish

__all__ = ["LIMIT_RULES"]

INSTRUMENTS = (
    "guitars|keys|trumpet|trumpets|sax|saxophone|violin|violins|cello|flute|harmonica|accordion|banjo|ukulele|"
    "harp|horn|trombone|clarinet|choir|strings|orchestra|marimba|bells|whistle|synth"
)
EFFECTS = (
    "reverb|echo|delay|autotune|distortion|distorted|filter|filtered|sidechain|sidechained|scratch|scratches|"
    "scratching|reverse|reversed|backwards|chorus effect|flanger|phaser|vocoder|stutter|chop|chopped|glitch|"
    "glitchy|bitcrush|vinyl|crackle|tape|panning|pan|8d|3d|compressor|compression|eq|equalizer|robot|screwed|"
    "nightcore|chipmunk|crowd noise|applause|sirens|airhorn|airhorns|sound effects|samples|sfx"
)
WORDS: Mapping[str, str] = {
    "solo": "I can't hear a {what} by itself: only voice, drums, bass and the rest can be told apart",
    "instrument": "I can't add a {what}: only what is in the two songs can sound",
    "effect": "I can't do {what}: stems are placed, levelled, stretched and transposed, without effects",
    "words": "I can't hear words, so {what} can't be found; say where it is, as in \"1:20 of song A\"",
    "third": "There are only two songs, A and B; {what} was left out",
    "loudness": "How loud the whole is belongs to mastering, not to the plan; {what} was left out",
}


def _cannot(kind: str) -> Callable[[Found], list[Wish]]:
    def make(found: Found) -> list[Wish]:
        what = found.get("what") or found.text
        words = {"guitars": "guitar", "keys": "piano"}.get(what, what)
        said = WORDS[kind].format(what=f'"{found.text}"' if kind in ("words", "third", "loudness") else words)
        return [found.wish(Want.CANNOT, word=f"{said}.")]

    return make


LIMIT_RULES: tuple[Rule, ...] = compiled(
    (
        (rf"(?:with |use |add |have |over )*(?P<what>(?:{INSTRUMENTS}|other) "
        rf"(?:solo|only|riff|lick|note))(?: (?:from |in |of |at |around )*TIME)?"),
        _cannot("solo"),
    ),
    (r"(?:with |use |add |have )*only (?:from |in |at |around )*TIME", _cannot("solo")),
    (rf"(?:add|with) (?P<what>{INSTRUMENTS})", _cannot("instrument")),
    (
        (rf"(?:with |add |use |put |lots from |much |more |bit )*(?P<what>{EFFECTS})(?: (?:on|to|in) "
        rf"(?:STEMS|it|everything))?"),
        _cannot("effect"),
    ),
    (
        (r"(?:where|when|line|part|bit|moment) (?:where |when )?(?:he|she|they|vocals) "
        r"(?:vocals|say|says|goes|scream|screams|shout|shouts)"),
        _cannot("words"),
    ),
    (r"(?:from |in |with |of )?song_c(?: 's)?(?: STEMS)?", _cannot("third")),
    (
        (r"(?:make )?(?:it |everything |all |whole |remix )+(?:as )?(?:louder|quieter|harder)(?: as "
        r"possible)?"),
        _cannot("loudness"),
    ),
)  # fmt: skip

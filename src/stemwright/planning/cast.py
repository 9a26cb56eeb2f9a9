"""Who sings and who plays: from wishes about sources to one song per stem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stemwright.planning.plan import SongId
from stemwright.planning.rules_form import upper
from stemwright.planning.rules_material import known_stems, named
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import SongFacts, SongStem

__all__ = ["Cast", "Singing", "cast_of"]

FAINT_DB = -20.0
VOICE = SongStem.VOCALS


class Singing(StrEnum):
    """How the voices share a remix."""

    ONE = "one"
    ALTERNATE = "alternate"
    HAND_OFF = "hand-off"
    TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class Cast:
    """Which song each stem comes from.

    Attributes
    ----------
    lead : SongId
        Whose voice leads (first).
    singing : Singing
        How the voices share the remix.
    songs : Mapping of SongStem to str
        ``"song_a"``, ``"song_b"`` or ``"both"``, for every stem.
    warnings : tuple[str, ...]
        What could not be done.
    """

    lead: SongId
    singing: Singing
    songs: Mapping[SongStem, str]
    warnings: tuple[str, ...]


def cast_of(wishes: Wishes, facts: Mapping[SongId, SongFacts]) -> Cast:
    """Decide who sings and who plays."""
    warnings: list[str] = []
    singing = _singing(wishes, warnings)
    lead = _lead(wishes, facts, singing, warnings)
    stems = known_stems(facts)
    plays = _player(lead, facts, warnings)
    songs: dict[SongStem, str] = dict.fromkeys(stems, plays.value)
    for wish in sorted(wishes.of(Want.FROM, Want.BOTH), key=lambda wish: -len(wish.stems)):
        if wish.section is None and (wish.song is not None or wish.want is Want.BOTH):
            source = "both" if wish.want is Want.BOTH else str(wish.song)
            songs |= {stem: source for stem in _finer(wish.stems, stems) if stem is not VOICE}
    _let_both_be_heard(songs, lead, asked=_asked_lead(wishes), plays=plays)
    songs[VOICE] = "both" if singing is Singing.TOGETHER else lead.value
    return Cast(lead, singing, {stem: songs[stem] for stem in stems}, tuple(warnings))


def _let_both_be_heard(
    songs: dict[SongStem, str], lead: SongId, *, asked: SongId | None, plays: SongId
) -> None:
    """Where the voice asked for is missing and the other song's sings, the instruments change sides, too."""
    swapped = asked is not None and asked is not lead
    if swapped and all(source == lead.value for stem, source in songs.items() if stem is not VOICE):
        songs |= dict.fromkeys(songs, plays.value)


def _player(lead: SongId, facts: Mapping[SongId, SongFacts], warnings: list[str]) -> SongId:
    """Return the song whose instruments carry the remix: the other one, where it has any."""
    if set(facts[lead.other].stems) - {VOICE} or not set(facts[lead].stems) - {VOICE}:
        return lead.other
    warnings.append(f"{upper(named(lead.other))} has no instruments; those of {named(lead)} play.")
    return lead


def _finer(stems: tuple[SongStem, ...], known: tuple[SongStem, ...]) -> tuple[SongStem, ...]:
    """Guitars and keys go with the rest; without them the rest is meant where they are."""
    found = [stem if stem in known else SongStem.OTHER for stem in stems]
    if SongStem.OTHER in stems:
        found += [stem for stem in (SongStem.GUITARS, SongStem.KEYS) if stem in known]
    return tuple(dict.fromkeys(found))


def _singing(wishes: Wishes, warnings: list[str]) -> Singing:
    last = wishes.last(Want.DUET, Want.ALTERNATE, Want.HAND_OFF)
    if last is not None:
        kinds = {
            Want.DUET: Singing.TOGETHER,
            Want.ALTERNATE: Singing.ALTERNATE,
            Want.HAND_OFF: Singing.HAND_OFF,
        }
        return kinds[last.want]
    voices = [
        wish for wish in wishes.of(Want.FROM, Want.BOTH) if VOICE in wish.stems and wish.section is None
    ]
    both = [wish for wish in voices if wish.want is Want.BOTH]
    if both or {wish.song for wish in voices} >= set(SongId):
        text = (both or voices)[-1].text
        warnings.append(
            f'"{text}": two lead voices at once would get in each other\'s way, so they take turns; write '
            '"both singing together" for a duet.'
        )
        return Singing.ALTERNATE
    return Singing.ONE


def _lead(wishes: Wishes, facts: Mapping[SongId, SongFacts], singing: Singing, warnings: list[str]) -> SongId:
    """Choose the leading voice: asked for, left over by the instruments, or the more prominent."""
    asked = _asked_lead(wishes)
    prominent = max(SongId, key=lambda song: (_has_voice(facts[song]), facts[song].vocals.prominence_db))
    if asked is None:
        return prominent
    if VOICE not in facts[asked].stems and VOICE in facts[asked.other].stems:
        warnings.append(
            f"{upper(named(asked))} has no voice that could be heard; that of {named(asked.other)} sings."
        )
        return asked.other
    if not _has_voice(facts[asked]) and singing is Singing.ONE:
        warnings.append(f"The voice of {named(asked)} is very faint in the song.")
    return asked


def _has_voice(facts: SongFacts) -> bool:
    return VOICE in facts.stems and facts.vocals.prominence_db >= FAINT_DB


def _asked_lead(wishes: Wishes) -> SongId | None:
    order = wishes.last(Want.HAND_OFF, Want.ALTERNATE)
    if order is not None and order.song is not None:
        return order.song
    sources = [wish for wish in wishes.of(Want.FROM, Want.START) if wish.song is not None]
    voices = [wish for wish in sources if VOICE in wish.stems]
    general = [wish for wish in voices if wish.section is None and wish.want is Want.FROM]
    if general or voices:
        return _first_or_last(general or voices)
    full = [wish for wish in sources if len(wish.stems) >= 3]
    return full[-1].song.other if full and full[-1].song else None


def _first_or_last(voices: list[Wish]) -> SongId | None:
    """Two singers: the first named leads; the same said twice: the last holds."""
    return voices[0].song if {wish.song for wish in voices} >= set(SongId) else voices[-1].song

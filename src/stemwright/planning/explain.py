"""Two or three plain sentences about a plan, for the person who asked."""

from __future__ import annotations

from collections.abc import Mapping

from stemwright.planning.pace import pace_of
from stemwright.planning.plan import KeySource, RemixPlan, SongId
from stemwright.planning.rules_form import upper
from stemwright.planning.rules_material import clock, named
from stemwright.planning.wishes import Want, Wishes
from stemwright.songs import SongFacts, SongStem

__all__ = ["explanation", "listed"]

WORDS = {SongStem.OTHER: "other instruments", SongStem.KEYS: "keys", SongStem.GUITARS: "guitars"}
VOICE = SongStem.VOCALS


def listed(words: list[str]) -> str:
    """Write ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def explanation(plan: RemixPlan, facts: Mapping[SongId, SongFacts], wishes: Wishes | None = None) -> str:
    """Explain who plays, the form with length and tempo, and what was heard in the prompt."""
    sentences = [_players(plan), _form(plan, facts)]
    if wishes is not None and wishes.all:
        texts = list(dict.fromkeys(wish.text for wish in wishes if wish.want is not Want.CANNOT))
        if texts:
            quoted = listed([f'"{text}"' for text in texts[:5]])
            sentences.append(f"This follows from {quoted}{' and more' if len(texts) > 5 else ''}.")
    return " ".join(sentences)


def _players(plan: RemixPlan) -> str:
    sources: dict[str, list[str]] = {}
    for stem in plan.sections[0].stems:
        songs = [str(song) for section in plan.sections for song in section.stems[stem].songs]
        whose = " and ".join(named(SongId(song)) for song in sorted(set(songs)))
        if stem is not VOICE and whose:
            sources.setdefault(whose, []).append(WORDS.get(stem, str(stem)))
    played = listed([f"the {listed(stems)} of {whose}" for whose, stems in sources.items()])
    singers = list(dict.fromkeys(song for s in plan.sections for song in s.stems[VOICE].songs))
    if not singers:
        return f"Without voices: {played}." if played else "Nobody sings."
    sings = f"{upper(listed([named(song) for song in singers]))} {'sing' if len(singers) > 1 else 'sings'}"
    how = " together" if plan.both_voices and len(singers) > 1 else " in turn" if len(singers) > 1 else ""
    return f"{sings}{how} over {played}." if played else f"{sings}{how} alone."


def _form(plan: RemixPlan, facts: Mapping[SongId, SongFacts]) -> str:
    pace = pace_of(plan, facts)
    labels = [str(section.label) for section in plan.sections]
    runs = [label for index, label in enumerate(labels) if index == 0 or labels[index - 1] != label]
    length = clock(pace.seconds(plan.sections[-1].end_beat))
    keys = {
        KeySource.NONE: "both keys are kept",
        KeySource.TARGET: f"the key is {plan.target_key}",
        KeySource.SONG_A: "the key is that of song A",
        KeySource.SONG_B: "the key is that of song B",
    }
    moved = f", moved by {plan.transpose_semitones:+d} semitones" if plan.transpose_semitones else ""
    return f"The form is {', '.join(runs)}: {length} at {pace.bpm:.4g} bpm; {keys[plan.key_source]}{moved}."

"""What changed between two plans, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from stemwright.planning.explain import WORDS, listed
from stemwright.planning.plan import KeySource, PlanSection, RemixPlan, SongId, TempoSource
from stemwright.planning.rules_form import upper
from stemwright.planning.rules_material import clock, named
from stemwright.songs import SongStem

__all__ = ["diff_plans"]

LEAST_MOVE_S = 0.5
PLURAL = (SongStem.VOCALS, SongStem.DRUMS, SongStem.OTHER, SongStem.GUITARS, SongStem.KEYS)
Pair = tuple[PlanSection, PlanSection]
Matched = tuple[list[Pair], list[PlanSection], list[PlanSection]]


def diff_plans(old: RemixPlan, new: RemixPlan) -> tuple[str, ...]:
    """Say what is other in a plan: one sentence a change, the most important first."""
    pairs, gone, added = _matched(old.sections, new.sections)
    return (
        *_whole(old, new),
        *(f"The {section.label} of {section.beats} beats is gone." for section in gone),
        *(f"A new {one.label} of {one.beats} beats starts at beat {one.start_beat}." for one in added),
        *_lengths(pairs),
        *_sources(pairs),
        *_levels(pairs),
        *_entries(pairs),
        *_windows(old, new),
    )


def _matched(old: Sequence[PlanSection], new: Sequence[PlanSection]) -> Matched:
    """Pair sections that are the same ones: by label, in order."""
    matcher = SequenceMatcher(None, [s.label for s in old], [s.label for s in new], autojunk=False)
    pairs: list[Pair] = []
    for block in matcher.get_matching_blocks():
        pairs += zip(old[block.a : block.a + block.size], new[block.b : block.b + block.size], strict=True)
    before, after = {id(a) for a, _ in pairs}, {id(b) for _, b in pairs}
    return pairs, [s for s in old if id(s) not in before], [s for s in new if id(s) not in after]


def _whole(old: RemixPlan, new: RemixPlan) -> list[str]:
    out = []
    if old.vocal_source is not new.vocal_source:
        out.append(f"{upper(named(new.vocal_source))} sings instead of {named(old.vocal_source)}.")
    if (old.tempo_source, old.target_bpm) != (new.tempo_source, new.target_bpm):
        out.append(f"The tempo is {_tempo(new)} instead of {_tempo(old)}.")
    if (old.key_source, old.target_key) != (new.key_source, new.target_key):
        out.append(f"The key is {_key(new)} instead of {_key(old)}.")
    if old.transpose_semitones != new.transpose_semitones:
        before, after = old.transpose_semitones, new.transpose_semitones
        out.append(f"Everything is moved by {after:+d} semitones instead of {before:+d}.")
    if old.both_voices != new.both_voices:
        out.append("Both voices may sing at once." if new.both_voices else "One voice sings at a time.")
    if old.ducking_db != new.ducking_db:
        depths = f"{new.ducking_db:g} dB instead of {old.ducking_db:g} dB"
        out.append(f"The instruments step back by {depths} under the voice.")
    if old.vocal_level_db != new.vocal_level_db:
        more = new.vocal_level_db - old.vocal_level_db
        out.append(f"The voice is {abs(more):g} dB {'louder' if more > 0 else 'quieter'}.")
    return out


def _tempo(plan: RemixPlan) -> str:
    if plan.tempo_source is TempoSource.TARGET:
        return f"{plan.target_bpm:g} bpm"
    if plan.tempo_source is TempoSource.AVERAGE:
        return "in between"
    return f"that of {named(SongId(plan.tempo_source.value))}"


def _key(plan: RemixPlan) -> str:
    if plan.key_source is KeySource.TARGET:
        return str(plan.target_key)
    if plan.key_source is KeySource.NONE:
        return "each song's own"
    return f"that of {named(SongId(plan.key_source.value))}"


def _lengths(pairs: Sequence[Pair]) -> list[str]:
    out = []
    for old, new in pairs:
        more = new.beats - old.beats
        if more:
            how = f"{abs(more)} beats {'longer' if more > 0 else 'shorter'}"
            out.append(f"The {new.label} is {how}: {new.beats} instead of {old.beats}.")
    return out


def _sources(pairs: Sequence[Pair]) -> list[str]:
    """Stems that come from somewhere else, sections with the same change in one sentence."""
    found: dict[tuple[SongStem, str], list[str]] = {}
    for old, new in pairs:
        for stem, use in new.stems.items():
            before = old.stems.get(stem)
            if before is not None and before.song != use.song and use.gain:
                found.setdefault((stem, use.song), []).append(str(new.label))
    return [
        f"In {_places(places)} {_stem(stem)} come{'' if stem in PLURAL else 's'} from "
        f"{'both songs' if song == 'both' else named(SongId(song))}."
        for (stem, song), places in found.items()
    ]


def _levels(pairs: Sequence[Pair]) -> list[str]:
    found: dict[tuple[SongStem, str], list[str]] = {}
    for old, new in pairs:
        for stem, use in new.stems.items():
            before = old.stems[stem].gain if stem in old.stems else 0.0
            if before != use.gain:
                found.setdefault((stem, _change(before, use.gain)), []).append(str(new.label))
    return [
        f"{upper(_stem(stem))} {'are' if stem in PLURAL else 'is'} {change} in {_places(places)}."
        for (stem, change), places in found.items()
    ]


def _change(old: float, new: float) -> str:
    if not new:
        return "silent now"
    if not old:
        return "heard now"
    return "louder" if new > old else "quieter"


def _entries(pairs: Sequence[Pair]) -> list[str]:
    out = []
    for old, new in pairs:
        for song in SongId:
            cue = new.cues.get(song)
            if cue != old.cues.get(song) and cue is not None:
                how = f"repeats {cue.loop_beats} beats from" if cue.loop_beats else "is taken from"
                out.append(f"In the {new.label} {named(song)} {how} its beat {cue.source_beat}.")
        if (old.transition_in, old.transition_beats) != (new.transition_in, new.transition_beats):
            beats = f" over {new.transition_beats} beats" if new.transition_beats else ""
            out.append(f"The {new.label} comes in with a {new.transition_in}{beats}.")
    return out


def _windows(old: RemixPlan, new: RemixPlan) -> list[str]:
    out = []
    for song in SongId:
        before, after = old.window_of(song), new.window_of(song)
        if abs(before.start_s - after.start_s) > LEAST_MOVE_S:
            places = f"{clock(after.start_s)} instead of {clock(before.start_s)}"
            out.append(f"{upper(named(song))} is used from {places}.")
    return out


def _stem(stem: SongStem) -> str:
    return f"the {WORDS.get(stem, str(stem))}"


def _places(labels: Sequence[str]) -> str:
    return listed([f"the {label}" for label in dict.fromkeys(labels)])

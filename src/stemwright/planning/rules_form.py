"""Rules about the form: points 1 to 5, 9 and 10 of the validator, and the length of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stemwright.planning.pace import Pace
from stemwright.planning.plan import ClauseKind, Label, PlanSection, RemixPlan, StemUse
from stemwright.songs import SongStem

__all__ = [
    "SHORTEST_SECTION_BEATS",
    "Limits",
    "close_gaps",
    "end_on_bar",
    "fit_length",
    "limits_of",
    "merge_short",
    "remove_overlaps",
    "said",
    "shorten_transitions",
    "sort_sections",
    "split_single",
    "upper",
]

SHORTEST_SECTION_BEATS = 4
NAMES_A_LENGTH = (ClauseKind.LENGTH_AT_LEAST_S, ClauseKind.LENGTH_AT_MOST_S)
Sections = list[PlanSection]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a remix may be, in seconds.

    Attributes
    ----------
    shortest_s, longest_s : float
        When nobody asked for a length.
    shortest_named_s, longest_named_s : float
        When the plan's clauses name one.
    """

    shortest_s: float = 30.0
    longest_s: float = 180.0
    shortest_named_s: float = 5.0
    longest_named_s: float = 900.0


def limits_of(plan: RemixPlan, limits: Limits) -> tuple[float, float]:
    """Choose the limits: wider ones where the prompt named a length."""
    if any(clause.kind in NAMES_A_LENGTH for clause in plan.clauses):
        return limits.shortest_named_s, limits.longest_named_s
    return limits.shortest_s, limits.longest_s


def said(section: PlanSection) -> str:
    """Name a section in a sentence."""
    return f"the {section.label} at beat {section.start_beat}"


def upper(words: str) -> str:
    """Begin with a capital letter."""
    return words[:1].upper() + words[1:]


def moved(section: PlanSection, start: int, end: int) -> PlanSection:
    """Return the section at another place."""
    return section.model_copy(update={"start_beat": start, "end_beat": end})


def laid(sections: Iterable[tuple[PlanSection, int]]) -> Sections:
    """Lay sections of given lengths one after another from beat 0."""
    out: Sections = []
    beat = 0
    for section, beats in sections:
        out.append(moved(section, beat, beat + beats))
        beat += beats
    return out


def sort_sections(sections: Sequence[PlanSection]) -> tuple[Sections, list[str]]:
    """Point 1: by start beat, and from beat 0 on."""
    ordered = sorted(sections, key=lambda section: section.start_beat)
    told = [] if ordered == list(sections) else ["The sections were put in order of their start."]
    first = ordered[0].start_beat
    if first:
        told.append(f"The form began at beat {first}; it begins at beat 0 now.")
        ordered = [moved(s, s.start_beat - first, s.end_beat - first) for s in ordered]
    return ordered, told


def remove_overlaps(sections: Sequence[PlanSection]) -> tuple[Sections, list[str]]:
    """Point 2: the earlier one is cut short; one without any length is left out."""
    out: Sections = []
    told = []
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        end = section.end_beat if following is None else min(section.end_beat, following.start_beat)
        if end <= section.start_beat:
            told.append(f"{upper(said(section))} has no length and is left out.")
            continue
        if end < section.end_beat:
            told.append(f"{upper(said(section))} ends at beat {end}, where the next one begins.")
        out.append(moved(section, section.start_beat, end))
    return out, told


def close_gaps(sections: Sequence[PlanSection]) -> tuple[Sections, list[str]]:
    """Point 3: a gap is closed by extending the section before it."""
    out: Sections = []
    told = []
    for section in sections:
        if out and out[-1].end_beat < section.start_beat:
            gap = section.start_beat - out[-1].end_beat
            told.append(f"{upper(said(out[-1]))} is {gap} beats longer, to close a gap.")
            out[-1] = moved(out[-1], out[-1].start_beat, section.start_beat)
        out.append(section)
    return out, told


def merge_short(sections: Sequence[PlanSection]) -> tuple[Sections, list[str]]:
    """Point 4: a section of less than four beats goes to the one before it; at the start, to the next."""
    out: Sections = []
    told = []
    start = 0
    for section in sections:
        if section.beats >= SHORTEST_SECTION_BEATS or len(sections) == 1:
            out.append(moved(section, start, section.end_beat))
        else:
            told.append(f"{upper(said(section))} lasts only {section.beats} beats; a neighbour takes them.")
            if out:
                out[-1] = moved(out[-1], out[-1].start_beat, section.end_beat)
        start = section.end_beat if out else 0
    return out or [moved(sections[-1], 0, sections[-1].end_beat)], told


def shorten_transitions(sections: Sequence[PlanSection]) -> tuple[Sections, list[str]]:
    """Point 5: a transition takes at most half of its section."""
    out: Sections = []
    told = []
    for section in sections:
        most = section.beats // 2
        if section.transition_beats > most:
            told.append(
                f"The {section.transition_in} into {said(section)} takes {most} beats, half of it, "
                f"instead of {section.transition_beats}."
            )
            section = section.model_copy(update={"transition_beats": most})  # noqa: PLW2901
        out.append(section)
    return out, told


def split_single(sections: Sequence[PlanSection], bar: int) -> tuple[Sections, list[str]]:
    """Point 9: a single section becomes an instrumental intro and a main part."""
    if len(sections) != 1:
        return list(sections), []
    (whole,) = sections
    shortest = max(bar, SHORTEST_SECTION_BEATS)
    intro_beats = max(shortest, whole.beats // 8 // bar * bar)
    stems = dict(whole.stems)
    if SongStem.VOCALS in stems:
        stems[SongStem.VOCALS] = StemUse(gain=0.0, song=stems[SongStem.VOCALS].song)
    intro = whole.model_copy(update={"label": Label.INTRO, "stems": stems})
    label = Label.MAIN if whole.label is Label.INTRO else whole.label
    main = whole.model_copy(update={"label": label, "cues": {}})
    out = laid([(intro, intro_beats), (main, max(whole.beats - intro_beats, shortest))])
    return out, ["A single section is no form; it begins with an instrumental intro now."]


def end_on_bar(sections: Sequence[PlanSection], bar: int) -> tuple[Sections, list[str]]:
    """Point 10: the end falls on a bar, the nearest one that leaves the last section long enough."""
    last = sections[-1]
    over = last.end_beat % bar
    if not over:
        return list(sections), []
    down = over * 2 < bar and last.beats - over >= SHORTEST_SECTION_BEATS
    end = last.end_beat + (-over if down else bar - over)
    told = f"The end was moved from beat {last.end_beat} to the bar line at beat {end}."
    return [*sections[:-1], moved(last, last.start_beat, end)], [told]


def fit_length(
    sections: Sequence[PlanSection], *, pace: Pace, bar: int, limits_s: tuple[float, float]
) -> tuple[Sections, list[str]]:
    """Bring the whole to an allowed length: its longest sections give or take bars."""
    total = sections[-1].end_beat
    shortest = math.ceil(pace.beats(limits_s[0]) / bar - 1e-9) * bar
    longest = max(int(pace.beats(limits_s[1]) + 1e-6) // bar * bar, 2 * max(bar, SHORTEST_SECTION_BEATS))
    if total < shortest:
        return _longer(sections, shortest - total, pace)
    if total > longest:
        return _shorter(sections, longest, pace, bar)
    return list(sections), []


def _longer(sections: Sequence[PlanSection], missing: int, pace: Pace) -> tuple[Sections, list[str]]:
    longest = max(range(len(sections)), key=lambda index: sections[index].beats)
    told = (
        f"The form lasted only {pace.seconds(sections[-1].end_beat):.0f} s; {said(sections[longest])} "
        f"is {missing} beats longer."
    )
    return laid((s, s.beats + missing * (i == longest)) for i, s in enumerate(sections)), [told]


def _shorter(
    sections: Sequence[PlanSection], longest: int, pace: Pace, bar: int
) -> tuple[Sections, list[str]]:
    """Take bars from the sections that have most; cut off the end where that is not enough."""
    keep = max(longest // max(2 * bar, SHORTEST_SECTION_BEATS), 2)
    before, after = pace.seconds(sections[-1].end_beat), pace.seconds(longest)
    told = [f"The form lasted {before:.0f} s; it was shortened to {after:.0f} s."]
    if len(sections) > keep:
        told.append(f"{len(sections) - keep} sections at the end were left out.")
    kept = list(sections[:keep])
    beats = [section.beats for section in kept]
    floor = max(2 * bar, SHORTEST_SECTION_BEATS)
    for index in sorted(range(len(kept)), key=lambda i: -beats[i]):
        excess = sum(beats) - longest
        spare = max(beats[index] - floor, 0)
        beats[index] -= min(spare, max(excess, 0))
    return laid(zip(kept, beats, strict=True)), told

"""From wishes to a form: which sections in which order, and how long each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stemwright.planning.pace import Pace
from stemwright.planning.plan import Label
from stemwright.planning.styles import FORMS, GENRE_MOODS, LOUDS, MOODS, WEIGHTS, Form
from stemwright.planning.wishes import Want, Wish, Wishes

__all__ = [
    "PLACED",
    "Shape",
    "asked_beats",
    "lengths_of",
    "mood_of",
    "place_of",
    "shape_of",
    "wanted_sections",
]

USUAL_S, SHORT_S, LONG_S = 90.0, 45.0, 150.0
QUICK_BELOW_BEATS = 48
OWN_FORM = 3
PLACED = (Want.SECTION, Want.LAST_SECTION, Want.SECTION_LENGTH, Want.SECTION_SHORTER, Want.SECTION_LONGER,
          Want.DROP_BEFORE, Want.ENTER_AT, Want.WITHOUT, Want.ONLY, Want.LOUDER, Want.QUIETER, Want.PRESENT,
          Want.EARLIER, Want.LATER, Want.FROM, Want.START, Want.END)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Sections in order with their shares."""

    form: Form
    own: bool
    """Whether the prompt spelled it out."""


def mood_of(wishes: Wishes) -> str | None:
    """Return the last mood of the prompt, styles included."""
    wish = wishes.last(Want.MOOD)
    return None if wish is None else GENRE_MOODS.get(wish.word, wish.word if wish.word in MOODS else None)


def wanted_sections(wishes: Wishes) -> list[Label]:
    """Sections that the prompt names, in its order, each once; those it refuses left out."""
    refused = {wish.section for wish in wishes.of(Want.NO_SECTION)}
    named = [wish.section for wish in wishes.of(*PLACED) if wish.section is not None]
    return [label for label in dict.fromkeys(named) if label not in refused]


def shape_of(wishes: Wishes, *, base: str, beats: int) -> Shape:
    """Choose the sections: those that the prompt lists, or a form with what it names put in."""
    listed = _listed(wishes)
    if len(set(listed)) >= OWN_FORM:
        form = [(label, WEIGHTS[label]) for label in listed]
        own = True
    else:
        form = list(FORMS["quick" if beats < QUICK_BELOW_BEATS and base == "usual" else base])
        own = False
    refused = {wish.section for wish in wishes.of(Want.NO_SECTION)}
    form = [entry for entry in form if entry[0] not in refused]
    for label in wanted_sections(wishes):
        form = _with(form, label)
    for wish in wishes.of(Want.LAST_SECTION, Want.DROP_BEFORE):
        form = _again(form, wish)
    return Shape(tuple(_edges(form or [(Label.MAIN, 1.0)], wishes)), own)


def _listed(wishes: Wishes) -> list[Label]:
    """Sections in the order in which the prompt lists them."""
    found = [wish.section for wish in wishes.of(Want.SECTION, Want.START, Want.END, Want.SECTION_LENGTH)]
    named = [label for label in found if label is not None]
    return [label for i, label in enumerate(named) if i == 0 or named[i - 1] is not label]


def _with(form: list[tuple[Label, float]], label: Label) -> list[tuple[Label, float]]:
    """Put a section in where it belongs, unless it is there."""
    labels = [entry[0] for entry in form]
    if label in labels:
        return form
    share = WEIGHTS[label] * sum(share for _, share in form) / max(sum(WEIGHTS[known] for known in labels), 1)
    if label is Label.CHORUS and Label.MAIN in labels:
        return [(Label.CHORUS if known is Label.MAIN else known, part) for known, part in form]
    at = place_of(labels, label)
    return [*form[:at], (label, share), *form[at:]]


def place_of(labels: Sequence[Label], label: Label) -> int:
    """Find where a section usually stands."""
    loud = [index for index, known in enumerate(labels) if known in LOUDS]
    outro = labels.index(Label.OUTRO) if Label.OUTRO in labels else len(labels)
    intro = 1 if labels[:1] == [Label.INTRO] else 0
    places = {
        Label.INTRO: 0,
        Label.VERSE: intro,
        Label.BUILD: loud[0] if loud else outro,
        Label.OUTRO: len(labels),
        Label.BREAKDOWN: loud[-1] + (len(loud) == 1) if loud else outro,
        Label.BRIDGE: loud[-1] + (len(loud) == 1) if loud else outro,
        Label.MAIN: intro,
    }
    return places.get(label, outro)


def _again(form: list[tuple[Label, float]], wish: Wish) -> list[tuple[Label, float]]:
    """Bring a section a second time where its last one is meant."""
    label = wish.section
    if label is None or (wish.want is Want.DROP_BEFORE and wish.word != "last"):
        return form
    places = [index for index, (known, _) in enumerate(form) if known is label]
    if len(places) != 1:
        return form
    share = form[places[0]][1] / 2
    out = [(known, share if known is label else part) for known, part in form]
    outro = next((index for index, (known, _) in enumerate(out) if known is Label.OUTRO), len(out))
    between = (
        []
        if outro - places[0] > 1
        else [(Label.BUILD if wish.want is Want.DROP_BEFORE else Label.BREAKDOWN, share / 2)]
    )
    return [*out[:outro], *between, (label, share), *out[outro:]]


def _edges(form: list[tuple[Label, float]], wishes: Wishes) -> list[tuple[Label, float]]:
    """Let the form start and end with the sections that were asked for."""
    start, end = wishes.last(Want.START), wishes.last(Want.END)
    if start is not None and start.section is not None:
        form = _from(form, start.section)
    if end is not None and end.section is not None:
        form = [(known, share) for known, share in reversed(_from(form[::-1], end.section))]
    return form


def _from(form: list[tuple[Label, float]], label: Label) -> list[tuple[Label, float]]:
    """Begin with a section: what stands there as intro or outro goes, another one comes in front."""
    edge = (Label.INTRO, Label.OUTRO)
    if form[0][0] is label:
        return form
    kept = form[1:] if form[0][0] in edge else form
    if kept and kept[0][0] is label:
        return kept
    same = [entry for entry in kept if entry[0] is label]
    share = same[0][1] / 2 if same and label not in edge else WEIGHTS[label] * 1.0
    rest = [(known, share if known is label else part) for known, part in kept]
    return [(label, share), *[entry for entry in rest if not (entry[0] is label and label in edge)]]


def lengths_of(
    shape: Shape, wishes: Wishes, *, beats: int, bar: int, pace: Pace, caps: Mapping[Label, int]
) -> list[int]:
    """Share out the beats: asked lengths first, the rest by shares, all in bars.

    Parameters
    ----------
    shape : Shape
        The sections.
    wishes : Wishes
        Lengths of sections.
    beats : int
        Of the whole, a multiple of `bar`.
    bar : int
        Beats in a bar.
    pace : Pace
        For lengths in seconds.
    caps : Mapping of Label to int
        Longest lengths of sections whose length nobody asked for.
    """
    usual = _shared(shape.form, {}, beats, bar)
    fixed: dict[int, int] = {}
    for index, (label, _) in enumerate(shape.form):
        asked = asked_beats(label, usual[index], wishes, bar, pace)
        if asked is not None:
            fixed[index] = max(round(asked / bar), 1) * bar
        elif label in caps and usual[index] > caps[label]:
            fixed[index] = max(caps[label] // bar, 1) * bar
    _entries(shape.form, wishes, usual, fixed, bar, pace)
    return _shared(shape.form, fixed, beats, bar)


def asked_beats(label: Label, usual: int, wishes: Wishes, bar: int, pace: Pace) -> float | None:
    """Return the length of a section that the prompt asks for, in beats."""
    asked: float | None = None
    for wish in wishes.of(Want.SECTION_LENGTH, Want.SECTION_SHORTER, Want.SECTION_LONGER):
        if wish.section is not label or wish.value is None:
            continue
        per_unit = {"bars": float(bar), "seconds": pace.beats(1.0)}.get(wish.word, 1.0)
        if wish.want is Want.SECTION_LENGTH:
            asked = wish.value * per_unit
        elif wish.word:
            sign = -1 if wish.want is Want.SECTION_SHORTER else 1
            asked = (usual if asked is None else asked) + sign * wish.value * per_unit
        else:
            factor = 1 + wish.value * (0.75 if wish.want is Want.SECTION_LONGER else -0.45)
            asked = (usual if asked is None else asked) * max(factor, 0.2)
    return asked


def _entries(
    form: Form, wishes: Wishes, usual: Sequence[int], fixed: dict[int, int], bar: int, pace: Pace
) -> None:
    """Let something begin at a time of the remix: what stands before it is scaled."""
    for wish in wishes.of(Want.ENTER_AT):
        target = max(round(pace.beats(wish.value or 0.0) / bar), 1) * bar
        label = wish.section
        at = next((i for i, (known, _) in enumerate(form) if known is label), None) if label else 1
        if not at:
            continue
        before = sum(fixed.get(index, usual[index]) for index in range(at))
        left = target
        for index in range(at):
            share = round(fixed.get(index, usual[index]) / before * target / bar) * bar
            fixed[index] = max(left if index == at - 1 else min(share, left - bar * (at - 1 - index)), bar)
            left -= fixed[index]


def _shared(form: Form, fixed: Mapping[int, int], beats: int, bar: int) -> list[int]:
    """Share beats out by weights, in whole units, at least one bar each; the longest takes what is over."""
    unit = 2 * bar if beats >= 16 * bar else bar
    free = [index for index in range(len(form)) if index not in fixed]
    rest = beats - sum(fixed.values())
    weight = sum(form[index][1] for index in free)
    out = [fixed.get(index, 0) for index in range(len(form))]
    for index in free:
        out[index] = max(round(rest * form[index][1] / weight / unit) * unit, unit)
    if free:
        longest = max(free, key=lambda index: out[index])
        out[longest] = max(out[longest] + beats - sum(out), unit)
    return out

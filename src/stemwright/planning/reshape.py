"""Change the form of a plan: sections come, go, move, get longer or shorter."""

from __future__ import annotations

from stemwright.planning.draft import Part, new_part, total_beats
from stemwright.planning.edits import Bench
from stemwright.planning.form import asked_beats, place_of
from stemwright.planning.pace import Pace
from stemwright.planning.plan import ClauseKind, Label
from stemwright.planning.styles import MOODS, WEIGHTS
from stemwright.planning.wishes import Want, Wish, Wishes

__all__ = ["reshape"]

EDGES = (Label.INTRO, Label.OUTRO)
NEW_BARS = 4


def reshape(bench: Bench, wishes: Wishes, pace: Pace) -> None:
    """Carry out wishes about the form; changes the parts of the bench."""
    for wish in wishes.of(Want.NO_SECTION):
        _remove(bench, wish)
    for wish in wishes.of(Want.SECTION, Want.LAST_SECTION):
        _insert(bench, wish)
    for wish in wishes.of(Want.START, Want.END):
        _edge(bench, wish)
    _resize(bench, wishes, pace)
    _whole(bench, wishes, pace)
    for wish in wishes.of(Want.MOOD):
        _mood(bench, wish)


def _remove(bench: Bench, wish: Wish) -> None:
    kept = [part for part in bench.parts if part.label is not wish.section]
    if len(kept) == len(bench.parts):
        bench.warnings.append(f'"{wish.text}": there is no {wish.section} in this form.')
    elif len(kept) < 2:
        bench.warnings.append(f'"{wish.text}": too little would be left of the form.')
    else:
        bench.parts = kept


def _insert(bench: Bench, wish: Wish) -> None:
    """Put a section in where it belongs; one that is there stays as it is."""
    label = wish.section
    labels = [part.label for part in bench.parts]
    if label is None or (label in labels and wish.want is Want.SECTION):
        return
    at = place_of(labels, label)
    near = bench.parts[min(at, len(bench.parts) - 1)]
    beats = round(NEW_BARS * max(WEIGHTS[label], 1)) * bench.bar
    bench.parts.insert(at, new_part(label, beats, near.songs))
    bench.promise(ClauseKind.HAS_SECTION, wish, section=label)


def _edge(bench: Bench, wish: Wish) -> None:
    """Start or end with a section: an intro or outro in the way goes, the section comes in front or last."""
    label = wish.section
    if label is None:
        return
    start = wish.want is Want.START
    here = 0 if start else -1
    if bench.parts[here].label is label:
        return
    if bench.parts[here].label in EDGES and label not in EDGES and len(bench.parts) > 2:
        bench.parts.pop(here)
    if bench.parts[here].label is label:
        return
    same = [part for part in bench.parts if part.label is label]
    part = _copy(same[-1]) if same else new_part(label, 2 * NEW_BARS * bench.bar, bench.parts[here].songs)
    bench.parts.insert(0 if start else len(bench.parts), part)


def _copy(part: Part) -> Part:
    copied = part.copy()
    copied.cues = dict(part.cues)
    return copied


def _resize(bench: Bench, wishes: Wishes, pace: Pace) -> None:
    for label in dict.fromkeys(
        wish.section for wish in wishes.of(Want.SECTION_LENGTH, Want.SECTION_SHORTER, Want.SECTION_LONGER)
    ):
        found = [part for part in bench.parts if part.label is label]
        if not found and label is not None:
            bench.warnings.append(f"There is no {label} in this form.")
        for part in found[:1] if len(found) > 1 and label not in EDGES else found:
            asked = asked_beats(part.label, part.beats, wishes, bench.bar, pace)
            if asked is not None:
                wanted = max(round(asked / bench.bar), 1) * bench.bar
                same = wanted == part.beats
                part.beats = max(wanted - bench.bar * same, bench.bar) if asked < part.beats else wanted


def _whole(bench: Bench, wishes: Wishes, pace: Pace) -> None:
    """Make the whole longer or shorter, every part by the same factor."""
    wish = wishes.last(Want.LENGTH, Want.SHORT, Want.LONG)
    if wish is None:
        return
    total = total_beats(bench.parts)
    amount = wish.value or 1.0
    if wish.want is Want.LENGTH:
        target = amount * bench.bar if wish.word == "bars" else pace.beats(amount)
        slack = max(pace.seconds(2 * bench.bar), 0.02 * pace.seconds(target))
        seconds = pace.seconds(target)
        bench.promise(ClauseKind.LENGTH_AT_LEAST_S, wish, value=round(seconds - slack, 2))
        bench.promise(ClauseKind.LENGTH_AT_MOST_S, wish, value=round(seconds + slack, 2))
    else:
        target = total * (1 + 0.4 * amount if wish.want is Want.LONG else max(1 - 0.3 * amount, 0.3))
    target = max(round(target / bench.bar), 2) * bench.bar
    for part in bench.parts:
        part.beats = max(round(part.beats * target / total / bench.bar), 1) * bench.bar
    longest = max(bench.parts, key=lambda part: part.beats)
    longest.beats = max(longest.beats + target - total_beats(bench.parts), bench.bar)


def _mood(bench: Bench, wish: Wish) -> None:
    """Lean the levels towards a mood; the form stays."""
    mood = MOODS.get(wish.word)
    if mood is None:
        return
    for part in bench.where(wish):
        for stem in part.gains:
            part.gains[stem] = round(min(part.gains[stem] * mood.scale.get(stem, 1.0), 1.0), 3)

"""Wishes about stems, carried out on parts: sources, levels, presence, hand-offs, entries.

Each leaves its clause. The offline planner applies them to a fresh form, refinement to the parts of a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from stemwright.planning.draft import Part, mean_gain, new_part, split_at, total_beats
from stemwright.planning.plan import Clause, ClauseKind, Label, SongId, Transition
from stemwright.planning.styles import look_of
from stemwright.planning.wishes import Want, Wish
from stemwright.songs import SongStem

__all__ = ["Bench", "clause", "gains_only"]

VOICE = SongStem.VOCALS
STEP = 0.35
"""How much a usual "louder" adds; half for "a bit", twice for "much"."""
LEAST_RISE = 0.03
ALONE = 0.9
HAND_OFF_BEATS = 2
LEVELS = (Want.LOUDER, Want.QUIETER)
KNOWN_GAIN = 0.5


def clause(kind: ClauseKind, wish: Wish, **fields: object) -> Clause:
    """Make a measurable clause out of a wish."""
    return Clause.model_validate({"kind": kind, "text": wish.text, **fields})


def gains_only(wishes: Iterable[Wish]) -> bool:
    """Whether wishes change nothing but levels."""
    return all(wish.want in LEVELS for wish in wishes)


@dataclass(slots=True)
class Bench:
    """Parts being worked on, with what is promised and what could not be done."""

    parts: list[Part]
    bar: int
    lead: SongId
    clauses: list[Clause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def stems(self) -> tuple[SongStem, ...]:
        """Stems of every part."""
        return tuple(self.parts[0].gains)

    def where(self, wish: Wish) -> list[Part]:
        """Parts that a wish is about; a section that is not there is told."""
        if wish.section is None:
            return list(self.parts)
        found = [part for part in self.parts if part.label is wish.section]
        if not found:
            self.warnings.append(f'"{wish.text}": there is no {wish.section} in this form.')
        return found[-1:] if wish.word == "last" else found

    def named(self, wish: Wish) -> list[SongStem]:
        """Stems of a wish that can be told apart here; others fall back on the rest, which is told."""
        out: dict[SongStem, None] = {}
        for stem in wish.stems:
            if stem in self.stems:
                out[stem] = None
            else:
                out[SongStem.OTHER] = None
                name = {"guitars": "guitar", "keys": "piano"}.get(str(stem), str(stem))
                self.warnings.append(
                    f"The {name} can't be told apart from the other instruments: all follow your wish."
                )
        if SongStem.OTHER in wish.stems:
            out |= dict.fromkeys(stem for stem in (SongStem.GUITARS, SongStem.KEYS) if stem in self.stems)
        return list(out)

    def promise(self, kind: ClauseKind, wish: Wish, **fields: object) -> None:
        """Record what will be measured."""
        made = clause(kind, wish, **fields)
        if made not in self.clauses:
            self.clauses.append(made)

    def apply(self, wish: Wish) -> None:
        """Carry out one wish."""
        action = _ACTIONS.get(wish.want)
        if action is not None:
            action(self, wish)


def _level(bench: Bench, wish: Wish) -> None:
    up = wish.want is Want.LOUDER
    parts = bench.where(wish)
    for stem in bench.named(wish):
        before = mean_gain(parts, stem)
        _scale(parts, stem, 1 + STEP * (wish.value or 1.0) if up else 1 - STEP * min(wish.value or 1.0, 2.0))
        if up and parts and mean_gain(parts, stem) < before + LEAST_RISE and before:
            _step_back(parts, stem, wish)
            bench.warnings.append(
                f'"{wish.text}": the {stem} was at full level already; everything else stepped back instead.'
            )
        elif before or not up:
            kind = ClauseKind.LOUDER if up else ClauseKind.QUIETER
            if before:
                bench.promise(kind, wish, stem=stem, section=wish.section, value=round(before, 3))
        elif parts:
            bench.promise(ClauseKind.PRESENT, wish, stem=stem, section=wish.section)


def _scale(parts: Sequence[Part], stem: SongStem, factor: float) -> None:
    """Scale a stem where it sounds; where it never does and should be louder, let it in."""
    heard = [part for part in parts if part.sounding(stem)]
    for part in heard:
        part.gains[stem] = round(min(max(part.gains[stem] * factor, 0.05), 1.0), 3)
    if not heard and factor > 1:
        for part in parts:
            part.gains[stem] = KNOWN_GAIN


def _step_back(parts: Sequence[Part], stem: SongStem, wish: Wish) -> None:
    for part in parts:
        for other in part.gains:
            if other is not stem and other not in wish.stems:
                part.gains[other] = round(part.gains[other] * (1 - STEP * 0.8), 3)


def _without(bench: Bench, wish: Wish) -> None:
    parts = bench.where(wish)
    for stem in bench.named(wish):
        for part in parts:
            part.gains[stem] = 0.0
        if parts:
            bench.promise(ClauseKind.WITHOUT, wish, stem=stem, section=wish.section)


def _only(bench: Bench, wish: Wish) -> None:
    parts = bench.where(wish)
    stems = bench.named(wish)
    _alone(parts, stems)
    if not parts:
        return
    if len(stems) == 1:
        bench.promise(ClauseKind.ONLY, wish, stem=stems[0], section=wish.section)
        return
    for stem in bench.stems:
        kind = ClauseKind.PRESENT if stem in stems else ClauseKind.WITHOUT
        bench.promise(kind, wish, stem=stem, section=wish.section)


def _alone(parts: Iterable[Part], stems: Sequence[SongStem]) -> None:
    for part in parts:
        for stem in part.gains:
            part.gains[stem] = max(part.gains[stem], ALONE) if stem in stems else 0.0


def _present(bench: Bench, wish: Wish) -> None:
    parts = bench.where(wish)
    for stem in bench.named(wish):
        if parts and not any(part.sounding(stem) for part in parts):
            for part in parts:
                part.gains[stem] = look_of(part.label).gain(stem) or KNOWN_GAIN
        bench.promise(ClauseKind.PRESENT, wish, stem=stem, section=wish.section)


def _from(bench: Bench, wish: Wish) -> None:
    """Take a stem of one section from a song; whole songs were cast before."""
    if wish.section is None or wish.song is None:
        return
    for stem in bench.named(wish):
        for part in bench.where(wish):
            part.songs[stem] = wish.song.value
            part.gains[stem] = part.gains[stem] or look_of(part.label).gain(stem) or KNOWN_GAIN
        bench.promise(ClauseKind.PRESENT, wish, stem=stem, section=wish.section, song=wish.song)


def _edge(bench: Bench, wish: Wish) -> None:
    """Start or end with a stem alone, a section, or a song's stems."""
    start = wish.want is Want.START
    kind = ClauseKind.STARTS_WITH if start else ClauseKind.ENDS_WITH
    if wish.section is not None:
        bench.promise(kind, wish, section=wish.section)
        return
    part = _edge_part(bench, start=start, voice=VOICE in wish.stems)
    stems = bench.named(wish)
    if stems:
        _alone([part], stems)
    for stem in stems or bench.stems:
        if wish.song is not None:
            part.songs[stem] = wish.song.value
    if len(stems) == 1:
        bench.promise(kind, wish, stem=stems[0], song=wish.song)
    elif part.label in (Label.INTRO, Label.OUTRO):
        for stem in stems:
            bench.promise(ClauseKind.PRESENT, wish, stem=stem, section=part.label)


def _edge_part(bench: Bench, *, start: bool, voice: bool) -> Part:
    """Return the first or last part; one that stands for the whole is cut, so that its edge alone changes."""
    label = Label.INTRO if start else Label.OUTRO
    part = bench.parts[0] if start else bench.parts[-1]
    if part.label is label or part.beats <= 4 * bench.bar:
        return part
    beats = 4 * bench.bar if not voice else 2 * bench.bar
    at = beats if start else total_beats(bench.parts) - beats
    index = split_at(bench.parts, at)
    edge = bench.parts[0] if start else bench.parts[index]
    edge.label = label
    return edge


def _hand_off(bench: Bench, wish: Wish) -> None:
    """One singer, then the other: the second takes over halfway through what is sung."""
    first = wish.song or bench.lead
    sung = _sung_beats(bench.parts)
    half = round(len(sung) / 2 / bench.bar) * bench.bar
    if half and half < len(sung):
        split_at(bench.parts, sung[half])
    done = 0
    for part in bench.parts:
        if part.sounding(VOICE):
            part.songs[VOICE] = (first if done < half or not half else first.other).value
            if done >= half > done - part.beats and part.transition is Transition.CUT:
                part.transition, part.transition_beats = Transition.CROSSFADE, HAND_OFF_BEATS
            done += part.beats
    _promise_voices(bench, wish)


def _alternate(bench: Bench, wish: Wish) -> None:
    """Cut what is sung into phrases of at most eight bars and pass them from one singer to the other."""
    turn = 8 * bench.bar
    sung = _sung_beats(bench.parts)
    turn = turn if len(sung) >= 4 * turn else max(len(sung) // 4 // (2 * bench.bar) * 2, 1) * bench.bar
    for at in sung[turn::turn]:
        split_at(bench.parts, at)
    singer = (wish.song or bench.lead).other
    for part in bench.parts:
        if part.sounding(VOICE):
            singer = singer.other
            part.songs[VOICE] = singer.value
            if part.transition is Transition.CUT:
                part.transition, part.transition_beats = Transition.CROSSFADE, HAND_OFF_BEATS
    _promise_voices(bench, wish)


def _sung_beats(parts: Sequence[Part]) -> list[int]:
    """Every beat at which somebody sings."""
    out: list[int] = []
    at = 0
    for part in parts:
        out += range(at, at + part.beats) if part.sounding(VOICE) else ()
        at += part.beats
    return out


def _promise_voices(bench: Bench, wish: Wish) -> None:
    for song in SongId:
        bench.promise(ClauseKind.PRESENT, wish, stem=VOICE, song=song)


def _swap_stem(bench: Bench, wish: Wish) -> None:
    """Halfway, or from a section on, a stem comes from the other song."""
    starts = _starts(bench.parts)
    label = wish.section
    at = next((start for part, start in zip(bench.parts, starts, strict=True) if part.label is label), None)
    half = round(total_beats(bench.parts) / 2 / bench.bar) * bench.bar
    index = split_at(bench.parts, at or half)
    for stem in bench.named(wish):
        for part in bench.parts[index:]:
            if part.songs[stem] != "both":
                part.songs[stem] = SongId(part.songs[stem]).other.value
        for song in SongId:
            bench.promise(ClauseKind.PRESENT, wish, stem=stem, song=song)


def _starts(parts: Sequence[Part]) -> list[int]:
    return [sum(part.beats for part in parts[:index]) for index in range(len(parts))]


def _drop_before(bench: Bench, wish: Wish) -> None:
    """Take stems out of the last bars before a section; the section then comes in with a cut."""
    places = [index for index, part in enumerate(bench.parts) if part.label is wish.section and index]
    if not places:
        bench.warnings.append(f'"{wish.text}": nothing comes before the {wish.section}.')
        return
    if wish.word == "all":
        for part, stem in product(bench.parts[: places[0]], bench.named(wish)):
            part.gains[stem] = 0.0
        return
    index = places[-1]
    before = bench.parts[index - 1]
    beats = min(2 * bench.bar, before.beats // 2 // bench.bar * bench.bar or before.beats)
    bench.parts[index].transition, bench.parts[index].transition_beats = Transition.CUT, 0
    if beats < before.beats:
        split_at(bench.parts, sum(part.beats for part in bench.parts[:index]) - beats)
        before = bench.parts[index]
    for stem in bench.named(wish):
        before.gains[stem] = 0.0
    if not any(before.gains.values()):
        before.gains[SongStem.OTHER] = 0.3


def _move_entry(bench: Bench, wish: Wish) -> None:
    """Bring a stem in earlier or later: the parts before its entry give beats or take them."""
    for stem in bench.named(wish):
        entry = next((i for i, part in enumerate(bench.parts) if part.sounding(stem)), 0)
        later = wish.want is Want.LATER
        if not entry:
            if not later:
                bench.warnings.append(f'"{wish.text}": the {stem} start with the first beat already.')
            else:
                _silent_start(bench, stem)
            continue
        before = bench.parts[entry - 1]
        step = max(round(before.beats * 0.5 * min(wish.value or 1.0, 1.6) / bench.bar), 1) * bench.bar
        step = min(step, before.beats - bench.bar) if not later else step
        if step <= 0:
            if (entry == 1 and before.label is not Label.INTRO) or entry > 1:
                before.gains[stem] = look_of(before.label).gain(stem) or KNOWN_GAIN
            else:
                bench.warnings.append(f'"{wish.text}": the {stem} come in after one bar already.')
            continue
        before.beats += step if later else -step
        following = bench.parts[entry]
        following.beats = max(following.beats + (-step if later else step), bench.bar)


def _silent_start(bench: Bench, stem: SongStem) -> None:
    first = bench.parts[0]
    if first.beats > bench.bar:
        split_at(bench.parts, max(first.beats // 2 // bench.bar, 1) * bench.bar)
    bench.parts[0].gains[stem] = 0.0
    if not any(bench.parts[0].gains.values()):
        bench.parts[0].gains[SongStem.OTHER] = KNOWN_GAIN


def _fade_out(bench: Bench, wish: Wish) -> None:
    """End with an outro in which everything goes down."""
    if bench.parts[-1].label is not Label.OUTRO:
        last = bench.parts[-1]
        bench.parts.append(new_part(Label.OUTRO, 4 * bench.bar, last.songs))
    last = bench.parts[-1]
    last.transition, last.transition_beats = Transition.CROSSFADE, last.beats // 2
    for stem in last.gains:
        last.gains[stem] = round(last.gains[stem] * 0.7, 3)
    bench.promise(ClauseKind.HAS_SECTION, wish, section=Label.OUTRO)


_ACTIONS: Mapping[Want, Callable[[Bench, Wish], None]] = {
    Want.LOUDER: _level,
    Want.QUIETER: _level,
    Want.WITHOUT: _without,
    Want.ONLY: _only,
    Want.PRESENT: _present,
    Want.FROM: _from,
    Want.START: _edge,
    Want.END: _edge,
    Want.HAND_OFF: _hand_off,
    Want.ALTERNATE: _alternate,
    Want.SWAP_STEM: _swap_stem,
    Want.DROP_BEFORE: _drop_before,
    Want.EARLIER: _move_entry,
    Want.LATER: _move_entry,
    Want.FADE_OUT: _fade_out,
}

"""Compose a part: chords per section and a pattern become notes on the timeline.

What is promised, and tested: at least 80 % of a bass's notes are chord tones; no note reaches into a
section's end or a rest; velocity follows the section's energy and the metre; a bar's first beat stays on the
grid; the same seed gives the same part, another seed another take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from stemwright.errors import SpecError
from stemwright.grid import Section, Timeline
from stemwright.stems import Role
from stemwright.synth.gm import DEFAULT_PROGRAMS
from stemwright.synth.groove import Bar, Hand, bars_of, lookup, swung
from stemwright.synth.harmony import Chord, ChordSpan, Key, parse_progression
from stemwright.synth.melody import Motif, line_pitch, line_start, make_motif, melody_figures
from stemwright.synth.notes import Note, Part, seeded
from stemwright.synth.patterns import (
    BASS,
    CHORDAL,
    DEFAULT_PATTERNS,
    MELODIC,
    Figure,
    Shape,
    known_patterns,
    shape_of,
)  # fmt: skip
from stemwright.synth.settings import SILENT, ScoreSettings
from stemwright.synth.voicing import Range, bass_root, guitar_shape, lead_voices, power_chord, range_of

__all__ = ["compose_score", "section_spans"]

STRUM_S = 0.007
SHORTEST = Fraction(1, 32)


@dataclass(frozen=True, slots=True)
class _Task:
    """What one part is made from."""

    settings: ScoreSettings
    timeline: Timeline
    role: Role
    key: Key
    seed: int

    @property
    def where(self) -> Range:
        home = range_of(self.role)
        up = 12 * self.settings.octave
        return Range(max(home.low + up, 0), min(home.high + up, 124), home.voices)


def compose_score(
    settings: ScoreSettings, *, timeline: Timeline, role: Role, key: Key, seed: int, name: str = ""
) -> Part:
    """Write the part of one player.

    Parameters
    ----------
    settings : ScoreSettings
        Instrument, pattern and chords by section.
    timeline : Timeline
        Sections, meter and tempo.
    role : Role
        Decides range, voicing and the defaults.
    key : Key
        For lines, and for chords where none are given.
    seed : int
        Another seed is another take.
    name : str
        Of the track; the role by default.

    Returns
    -------
    Part
        Notes in order of time, all within the song.

    Raises
    ------
    SpecError
        For a pattern that the role can't play, or chords that don't fill their bars.
    """
    task = _Task(settings, timeline, role, key, seed)
    bars = bars_of(timeline)
    hand = Hand(seeded(seed, "hand", role, name), humanize=settings.humanize)
    notes: list[Note] = []
    chords: list[ChordSpan] = []
    for number, section in enumerate(timeline.sections):
        own = [bar for bar in bars if bar.section is section]
        spans = section_spans(
            settings, section=section, timeline=timeline, key=key, where=f"section {number + 1}"
        )
        if own and spans:
            notes.extend(_section_notes(task, section, own, spans, hand))
            chords.extend(spans)
    program = DEFAULT_PROGRAMS[role] if settings.instrument is None else settings.instrument
    notes.sort(key=lambda note: (note.start_beat, note.pitch))
    return Part(
        name or str(role), role, program, is_drums=False, notes=tuple(_untangled(notes)), chords=tuple(chords)
    )


def section_spans(
    settings: ScoreSettings, *, section: Section, timeline: Timeline, key: Key, where: str
) -> list[ChordSpan]:
    """Chords of one section; without any for it, a progression of the key."""
    text = lookup(settings.chords, section.name)
    pattern = lookup(settings.pattern, section.name)
    if (text is not None and text.strip() in SILENT) or (pattern is not None and pattern in SILENT):
        return []
    try:
        progression = key.progression if text is None else parse_progression(text, meter=timeline.meter)
    except SpecError as error:
        raise SpecError(
            f'{where} ("{section.name}"), chords: {error.message}', way_out=error.way_out
        ) from error
    laid = progression.spans(start=section.start_beat, beats=section.beats, meter=timeline.meter)
    return [span for span in laid if span.chord is not None]


def _section_notes(
    task: _Task, section: Section, bars: Sequence[Bar], spans: Sequence[ChordSpan], hand: Hand
) -> Iterator[Note]:
    pattern = lookup(task.settings.pattern, section.name) or DEFAULT_PATTERNS.get(task.role, "sustained")
    if pattern not in known_patterns(task.role):
        raise SpecError(
            f'The {task.role} part can\'t play the pattern "{pattern}" in section "{section.name}".',
            way_out=f"Known: {', '.join(sorted(known_patterns(task.role)))}.",
        )
    if task.role is Role.BASS:
        return _bass_notes(task, pattern, bars, spans, hand)
    if pattern in MELODIC:
        return _line_notes(task, pattern, bars, spans, hand)
    return _chord_notes(task, pattern, bars, spans, hand)


def _at(spans: Sequence[ChordSpan], beat: Fraction) -> ChordSpan | None:
    return next((span for span in spans if span.start <= beat < span.end), None)


def _next_chord(spans: Sequence[ChordSpan], span: ChordSpan) -> Chord | None:
    place = spans.index(span) + 1
    return spans[place].chord if place < len(spans) else spans[0].chord


def _final(bar: Bar, spans: Sequence[ChordSpan]) -> list[Figure]:
    """Hold one chord through the last bar."""
    return [Figure(bar.start, spans[-1].end - bar.start, 0.6, ("all",), 1)]


def _bass_notes(
    task: _Task, pattern: str, bars: Sequence[Bar], spans: Sequence[ChordSpan], hand: Hand
) -> Iterator[Note]:
    root: int | None = None
    for bar in bars:
        figures = _final(bar, spans) if bar.final else BASS[pattern](bar, spans)
        for figure in figures:
            span = _at(spans, figure.at)
            if span is None or span.chord is None:
                continue
            root = bass_root(span.chord, root, task.where)
            pitch = _bass_pitch(figure.tones[0], span.chord, root, _next_chord(spans, span), task.where)
            yield from _struck(task, figure, bar, span, [pitch], hand)


def _bass_pitch(tone: str, chord: Chord, root: int, following: Chord | None, where: Range) -> int:
    upper = {tone: (tone - chord.bass) % 12 for tone in chord.pitch_classes}.values()
    if tone == "octave":
        return root + 12
    if tone in ("fifth", "third"):
        wanted = (6, 7, 8) if tone == "fifth" else (3, 4, 2, 5)
        step = next((interval for interval in wanted if interval in upper), 12)
        return root + step if tone == "third" or root + step <= where.high else root + step - 12
    if tone == "approach" and following is not None:
        target = bass_root(following, root, where)
        return target - 1 if target > root else target + 1
    return root


def _chord_notes(
    task: _Task, pattern: str, bars: Sequence[Bar], spans: Sequence[ChordSpan], hand: Hand
) -> Iterator[Note]:
    held = _voicings(task, shape_of(pattern, task.role), spans)
    for bar in bars:
        figures = _final(bar, spans) if bar.final else CHORDAL[pattern](bar, spans)
        for figure in figures:
            span = _at(spans, figure.at)
            if span is not None:
                yield from _struck(task, figure, bar, span, _chosen(figure, held[span.start]), hand)


def _voicings(task: _Task, shape: Shape, spans: Sequence[ChordSpan]) -> dict[Fraction, tuple[int, ...]]:
    """Find a voicing for every chord of a section, each led from the one before."""
    up = 12 * task.settings.octave
    found: dict[Fraction, tuple[int, ...]] = {}
    before: tuple[int, ...] = ()
    for span in spans:
        if span.chord is None:
            continue
        if shape is Shape.CLOSE:
            before = lead_voices(span.chord, before, task.where)
        else:
            made = guitar_shape(span.chord) if shape is Shape.GUITAR else power_chord(span.chord)
            before = tuple(min(max(pitch + up, 0), 127) for pitch in made)
        found[span.start] = before
    return found


def _chosen(figure: Figure, voicing: Sequence[int]) -> list[int]:
    """Pitches of a figure, in the order in which they are struck."""
    tone = figure.tones[0]
    if tone.isdigit():
        octave, index = divmod(int(tone), len(voicing))
        chosen = [voicing[index] + 12 * octave]
    elif tone == "low":
        chosen = list(voicing[:1])
    else:
        chosen = list(voicing[len(voicing) // 3 :] if tone == "high" else voicing)
    return chosen[::-1] if figure.strum < 0 else chosen


def _line_notes(
    task: _Task, pattern: str, bars: Sequence[Bar], spans: Sequence[ChordSpan], hand: Hand
) -> Iterator[Note]:
    motifs = _motifs(task, pattern, bars[0])
    pitch = line_start(spans, task.where)
    for bar in bars:
        moves = [(figure, 0) for figure in _final(bar, spans)] if bar.final else melody_figures(bar, motifs)
        for figure, move in moves:
            span = _at(spans, figure.at)
            if span is None or span.chord is None:
                continue
            strong = any(figure.at == pulse.start for pulse in bar.pulses) or figure.beats >= 1
            pitch = line_pitch(pitch, move, span.chord, task.key, task.where, strong=strong)
            yield from _struck(task, figure, bar, span, [pitch], hand)


def _motifs(task: _Task, pattern: str, bar: Bar) -> tuple[Motif, Motif]:
    rng = seeded(task.seed, "motif", task.role, bar.section.name.lower())
    return make_motif(rng, pattern, bar.pulses[0].count)


def _struck(
    task: _Task, figure: Figure, bar: Bar, span: ChordSpan, pitches: Sequence[int], hand: Hand
) -> Iterator[Note]:
    """Turn a figure into notes: swung, cut at the chord's end, humanised, strummed."""
    pulse = next(p for p in reversed(bar.pulses) if p.start <= figure.at)
    start = swung(figure.at, pulse, swing=task.settings.exact_swing)
    length = min(figure.beats, span.end - start)
    if length < SHORTEST:
        return
    shift = hand.shift_s(figure.at, bar)
    spread = STRUM_S * (0.6 if bar.energy >= 0.9 else 1.0) if figure.strum else 0.0
    for order, pitch in enumerate(pitches):
        velocity = hand.velocity(bar.energy, figure.accent - 0.06 * order)
        yield Note(start, length, min(max(pitch, 0), 127), velocity, round(shift + order * spread, 6))


def _untangled(notes: Sequence[Note]) -> Iterator[Note]:
    """End a note where the same key is struck again; drop what is struck twice at once."""
    following: dict[int, Note] = {}
    kept: list[Note] = []
    for note in reversed(notes):
        later = following.get(note.pitch)
        if later is not None and later.start_beat <= note.start_beat:
            continue
        gap = note.beats if later is None else later.start_beat - note.start_beat
        cut = note if gap >= note.beats else replace(note, beats=gap)
        following[note.pitch] = cut
        kept.append(cut)
    return reversed(kept)

"""Did the remix do what the prompt asked? Every clause of the plan, measured on the rendered stems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from stemwright.checks import Check, Severity
from stemwright.errors import InternalError
from stemwright.planning.plan import Clause, ClauseKind, PlanSection, RemixPlan, SongId, Transition
from stemwright.songs import Key, SongStem
from stemwright.units import SILENCE_DB, power_to_db

__all__ = ["ArrangedLevels", "check_clauses"]

SOUNDS_DBFS = -60.0
"""A beat at or above this is heard."""
SILENT_DBFS = -80.0
"""A beat below this is silent."""
EDGE_BEATS = 4
"""What "starts with" and "ends with" look at."""
GAIN_STEP = 1.02
"""A gain counts as changed from 2 % on."""
TEMPO_TOLERANCE_BPM = 0.05

Array = npt.NDArray[np.float64]
Measure = Callable[["ArrangedLevels", Clause], Check]


@dataclass(frozen=True)
class ArrangedLevels:
    """What was measured on the rendered stems.

    Attributes
    ----------
    plan : RemixPlan
        What they were rendered from.
    powers : Mapping
        Mean square of every beat of every stem as arranged [shape=(beats,)].
    unity : Mapping
        The same, had every section's gain been 1.
    frames, sample_rate : int
        Of the remix.
    keys : Mapping
        In which key each song's tonal stems are heard.
    semitones : Mapping
        How far they were moved.
    """

    plan: RemixPlan
    powers: Mapping[tuple[SongId, SongStem], Array]
    unity: Mapping[tuple[SongId, SongStem], Array]
    frames: int
    sample_rate: int
    keys: Mapping[SongId, Key]
    semitones: Mapping[SongId, float]

    @cached_property
    def beats(self) -> int:
        """Length of the remix in beats."""
        return self.plan.sections[-1].end_beat

    @property
    def duration_s(self) -> float:
        """Length of the remix in seconds."""
        return self.frames / self.sample_rate

    @property
    def bpm(self) -> float:
        """Tempo as rendered: beats over time."""
        return self.beats * 60.0 / self.duration_s

    def sections(self, clause: Clause) -> Sequence[PlanSection]:
        """Sections that a clause is about: those of its label, or all."""
        return [s for s in self.plan.sections if clause.section in (None, s.label)]

    def settled(self, sections: Sequence[PlanSection]) -> npt.NDArray[np.bool_]:
        """Mark the beats of sections behind their transitions [shape=(beats,)]."""
        marked = np.zeros(self.beats, bool)
        for section in sections:
            change = 0 if section.transition_in is Transition.CUT else section.transition_beats
            begin = section.start_beat + (0 if section.start_beat == 0 else change)
            marked[begin : section.end_beat] = True
        return marked

    def power_of(self, stem: SongStem, song: SongId | None = None) -> Array:
        """Mean square of a stem in every beat, of one song or of both together."""
        found = [p for (owner, name), p in self.powers.items() if name is stem and song in (None, owner)]
        return np.sum(found, axis=0) if found else np.zeros(self.beats)

    def power_of_others(self, stem: SongStem) -> Array:
        """Mean square of everything else in every beat."""
        found = [power for (_, name), power in self.powers.items() if name is not stem]
        return np.sum(found, axis=0) if found else np.zeros(self.beats)

    def highest_dbfs(self, power: Array, marked: npt.NDArray[np.bool_]) -> float:
        """Loudest marked beat, in dBFS."""
        return power_to_db(float(power[marked].max())) if marked.any() else SILENCE_DB

    def mean_gain(self, stem: SongStem, marked: npt.NDArray[np.bool_]) -> float:
        """Gain at which a stem is heard: as arranged over what it would be at 1, where it sounds."""
        arranged = self.power_of(stem)
        found = [p for (_, name), p in self.unity.items() if name is stem]
        whole = np.sum(found, axis=0) if found else np.zeros(self.beats)
        heard = marked & (arranged >= 10 ** (SOUNDS_DBFS / 10))
        return float(np.sqrt(arranged[heard].sum() / whole[heard].sum())) if heard.any() else 0.0


def check_clauses(levels: ArrangedLevels) -> list[Check]:
    """Measure every clause of the plan; an unmet one is a warning in plain words."""
    return [MEASURES[clause.kind](levels, clause) for clause in levels.plan.clauses]


def _check(clause: Clause, passed: bool, measured: float | str, unit: str, limit: str) -> Check:
    advice = "" if passed else f'The prompt asked for "{clause.text}": the remix does not do that.'
    return Check(f"asked: {clause.text}", "prompt", measured, unit, limit, passed, Severity.WARNING, advice)


def _stem(clause: Clause) -> SongStem:
    if clause.stem is None:
        raise InternalError(f'A clause "{clause.kind}" needs a stem and has none.')
    return clause.stem


def _song(clause: Clause) -> SongId:
    if clause.song is None:
        raise InternalError(f'A clause "{clause.kind}" needs a song and has none.')
    return clause.song


def _value(clause: Clause) -> float:
    if clause.value is None:
        raise InternalError(f'A clause "{clause.kind}" needs a value and has none.')
    return clause.value


def _silent(clause: Clause, dbfs: float) -> Check:
    return _check(clause, dbfs < SILENT_DBFS, dbfs, "dBFS", f"< {SILENT_DBFS:g} dBFS")


def _heard(clause: Clause, dbfs: float) -> Check:
    return _check(clause, dbfs >= SOUNDS_DBFS, dbfs, "dBFS", f"≥ {SOUNDS_DBFS:g} dBFS")


def _from_song(levels: ArrangedLevels, clause: Clause, stem: SongStem) -> Check:
    """Ask that the other song's stem is silent and this one's is heard."""
    marked = levels.settled(levels.sections(clause))
    song = _song(clause)
    wrong = levels.highest_dbfs(levels.power_of(stem, song.other), marked)
    right = levels.highest_dbfs(levels.power_of(stem, song), marked)
    return _silent(clause, wrong) if wrong >= SILENT_DBFS else _heard(clause, right)


def _vocals_from(levels: ArrangedLevels, clause: Clause) -> Check:
    return _from_song(levels, clause, SongStem.VOCALS)


def _stem_from(levels: ArrangedLevels, clause: Clause) -> Check:
    return _from_song(levels, clause, _stem(clause))


def _without(levels: ArrangedLevels, clause: Clause) -> Check:
    marked = levels.settled(levels.sections(clause))
    return _silent(clause, levels.highest_dbfs(levels.power_of(_stem(clause)), marked))


def _only(levels: ArrangedLevels, clause: Clause) -> Check:
    marked = levels.settled(levels.sections(clause))
    others = levels.highest_dbfs(levels.power_of_others(_stem(clause)), marked)
    own = levels.highest_dbfs(levels.power_of(_stem(clause)), marked)
    return _silent(clause, others) if others >= SILENT_DBFS else _heard(clause, own)


def _present(levels: ArrangedLevels, clause: Clause) -> Check:
    marked = levels.settled(levels.sections(clause))
    return _heard(clause, levels.highest_dbfs(levels.power_of(_stem(clause), clause.song), marked))


def _louder(levels: ArrangedLevels, clause: Clause) -> Check:
    gain, before = _gain(levels, clause), _value(clause)
    return _check(clause, gain > before * GAIN_STEP, gain, "", f"> {before:.2f} (gain without it)")


def _quieter(levels: ArrangedLevels, clause: Clause) -> Check:
    gain, before = _gain(levels, clause), _value(clause)
    return _check(clause, gain < before / GAIN_STEP, gain, "", f"< {before:.2f} (gain without it)")


def _gain(levels: ArrangedLevels, clause: Clause) -> float:
    return levels.mean_gain(_stem(clause), levels.settled(levels.sections(clause)))


def _has_section(levels: ArrangedLevels, clause: Clause) -> Check:
    sections = [s for s in levels.plan.sections if s.label is clause.section]
    total = np.sum(list(levels.powers.values()), axis=0)
    loudest = levels.highest_dbfs(total, levels.settled(sections))
    return _check(clause, bool(sections), loudest if sections else "none", "dBFS", "a section that sounds")


def _starts_with(levels: ArrangedLevels, clause: Clause) -> Check:
    return _edge(levels, clause, levels.plan.sections[0], slice(0, EDGE_BEATS))


def _ends_with(levels: ArrangedLevels, clause: Clause) -> Check:
    last = levels.plan.sections[-1]
    begin = max(levels.beats - 2 * EDGE_BEATS, last.start_beat + last.transition_beats)
    return _edge(levels, clause, last, slice(min(begin, levels.beats - 1), levels.beats))


def _edge(levels: ArrangedLevels, clause: Clause, section: PlanSection, beats: slice) -> Check:
    if clause.stem is None:
        return _check(clause, section.label is clause.section, str(section.label), "", f"{clause.section}")
    marked = np.zeros(levels.beats, bool)
    marked[beats] = True
    others = levels.highest_dbfs(levels.power_of_others(clause.stem), marked)
    own = levels.highest_dbfs(levels.power_of(clause.stem), marked)
    return _silent(clause, others) if others >= SILENT_DBFS else _heard(clause, own)


def _at_least(levels: ArrangedLevels, clause: Clause) -> Check:
    limit = _value(clause)
    return _check(clause, levels.duration_s >= limit, levels.duration_s, "s", f"≥ {limit:g} s")


def _at_most(levels: ArrangedLevels, clause: Clause) -> Check:
    limit = _value(clause)
    return _check(clause, levels.duration_s <= limit, levels.duration_s, "s", f"≤ {limit:g} s")


def _tempo(levels: ArrangedLevels, clause: Clause) -> Check:
    wanted = _value(clause)
    passed = abs(levels.bpm - wanted) <= TEMPO_TOLERANCE_BPM
    return _check(clause, passed, levels.bpm, "bpm", f"{wanted:g} ± {TEMPO_TOLERANCE_BPM:g} bpm")


def _faster(levels: ArrangedLevels, clause: Clause) -> Check:
    return _check(clause, levels.bpm > _value(clause), levels.bpm, "bpm", f"> {_value(clause):.2f} bpm")


def _slower(levels: ArrangedLevels, clause: Clause) -> Check:
    return _check(clause, levels.bpm < _value(clause), levels.bpm, "bpm", f"< {_value(clause):.2f} bpm")


def _key(levels: ArrangedLevels, clause: Clause) -> Check:
    wanted = Key.parse(clause.key or "")
    heard = [levels.keys[song] for song in _tonal_songs(levels)]
    passed = all(key.relative_major == wanted.relative_major for key in heard)
    return _check(clause, passed, ", ".join(map(str, heard)) or "none", "", str(wanted))


def _key_kept(levels: ArrangedLevels, clause: Clause) -> Check:
    songs = [song for song in _tonal_songs(levels) if clause.song in (None, song)]
    moved = max((abs(levels.semitones[song]) for song in songs), default=0.0)
    return _check(clause, moved == 0.0, moved, "semitones", "0 semitones")


def _tonal_songs(levels: ArrangedLevels) -> list[SongId]:
    """Songs of which more than the drums is heard."""
    heard = {
        song
        for (song, stem), power in levels.powers.items()
        if stem is not SongStem.DRUMS and float(power.max(initial=0.0)) >= 10 ** (SOUNDS_DBFS / 10)
    }
    return sorted(heard)


MEASURES: Mapping[ClauseKind, Measure] = {
    ClauseKind.VOCALS_FROM: _vocals_from,
    ClauseKind.STEM_FROM: _stem_from,
    ClauseKind.WITHOUT: _without,
    ClauseKind.ONLY: _only,
    ClauseKind.PRESENT: _present,
    ClauseKind.LOUDER: _louder,
    ClauseKind.QUIETER: _quieter,
    ClauseKind.HAS_SECTION: _has_section,
    ClauseKind.STARTS_WITH: _starts_with,
    ClauseKind.ENDS_WITH: _ends_with,
    ClauseKind.LENGTH_AT_LEAST_S: _at_least,
    ClauseKind.LENGTH_AT_MOST_S: _at_most,
    ClauseKind.TEMPO_BPM: _tempo,
    ClauseKind.FASTER_THAN_BPM: _faster,
    ClauseKind.SLOWER_THAN_BPM: _slower,
    ClauseKind.KEY: _key,
    ClauseKind.KEY_KEPT: _key_kept,
}

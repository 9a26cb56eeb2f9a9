"""The rhythm of a song: tempo, beats, bars and groove, in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemwright.analysis.beats import Fit, fit_beats
from stemwright.analysis.downbeats import Bars, find_bars
from stemwright.analysis.engines import BUILTIN, BeatEngine, Ticks, load_engine
from stemwright.analysis.groove import find_groove
from stemwright.analysis.meter import Recount, recount
from stemwright.analysis.onsets import FLUX_HZ, Array, SongView, view, with_stems
from stemwright.analysis.overrides import RhythmOverrides
from stemwright.analysis.pulse import Pulse, find_pulse, in_step, loop_pulses, onset_envelope
from stemwright.analysis.rhythm_notices import CLOSE_READINGS, UNSURE_PHASE, about_bars, about_tempo
from stemwright.analysis.tempo import Reading, Registers, read_tempi, read_tempo, registers
from stemwright.audio import AudioSource
from stemwright.errors import InputError
from stemwright.grid import BeatGrid
from stemwright.songs import Groove, TempoFacts

__all__ = ["FALLBACK_BPM", "Rhythm", "track_rhythm"]

FALLBACK_BPM = 120.0
SHORTEST_S, FEWEST_BEATS = 4.0, 6
CHANCE_SHARE, CHANCE_SHARE_1S, SURE_SHARE, LEAST_SURENESS = 0.32, 1.5, 0.75, 0.05
"""Onsets in step with the best pulse: of noise and speech (of a short clip, divided by √s), and of music."""
HELD_DB, STRUCK_DB = 3.0, 5.0
"""A song whose levels never rise faster than the first is held: whatever wavers in it is no beat."""
LOOP_S, LOOP_BONUS, LOOP_SHARE = 12.0, 1.1, 0.45
"""A clip shorter than this is often a loop of whole bars; what that is worth, in nepers; what it needs."""
SAME_TEMPO = 0.01
HALF_SURE = 0.75
"""What the confidence is worth where beats and off-beats are nearly as heavy."""
LATE_S = 0.008
"""How much earlier a centred flux sees an attack than it comes."""
DRIFT_BEATS = 16
QUIET_DB = -50.0
EDGE_S = 0.03


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was found.

    Attributes
    ----------
    grid : BeatGrid
        The beats: one straight line for a steady song, a smooth curve for one that drifts.
    tempo : TempoFacts
        Its tempo and the other readings; ``confidence`` is 0 when no beat was found.
    groove : Groove
        How the drums divide the beat.
    engine : str
        Who tracked: ``"builtin"``, ``"essentia"``, a plug-in's name; ``", overridden"`` is added where
        somebody knew better.
    notices : tuple[str, ...]
        What people should know.
    """

    grid: BeatGrid
    tempo: TempoFacts
    groove: Groove
    engine: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Beats:
    """Beats on their way to the grid."""

    fit: Fit
    readings: tuple[Reading, ...]
    confidence: float
    downbeats_s: tuple[float, ...] = ()
    whole: bool = False


def track_rhythm(
    song: AudioSource,
    *,
    drums: AudioSource | None = None,
    bass: AudioSource | None = None,
    overrides: RhythmOverrides | None = None,
    engine: str = BUILTIN,
) -> Rhythm:
    """Find tempo, beats, bars and groove of a song.

    Parameters
    ----------
    song : AudioSource
        The mix: any rate, length and number of channels. It is read once, block by block.
    drums, bass : AudioSource, optional
        Stems of the same song with the same start: they are heard beside it.
    overrides : RhythmOverrides, optional
        What somebody knows better; it wins.
    engine : str
        ``"builtin"``, ``"essentia"``, or the name of a plug-in (see `engines`). Whoever finds the beats,
        they are moved to their attacks and smoothed here.

    Returns
    -------
    Rhythm
        Always with a usable grid; without a beat it is even, at 120 bpm, with confidence 0 and a notice.

    Raises
    ------
    InputError
        When the engine is not there, or an override does not fit the song.
    """
    asked = overrides or RhythmOverrides()
    tracker = None if engine == BUILTIN else load_engine(engine)
    heard = with_stems(
        view(song), drums=None if drums is None else view(drums), bass=None if bass is None else view(bass)
    )
    if asked.first_downbeat_s is not None and asked.first_downbeat_s >= max(heard.duration_s, 1e-9):
        raise InputError(
            f"A first downbeat at {asked.first_downbeat_s:g} s is behind the song's end "
            f"({heard.duration_s:.1f} s)."
        )
    name = f"{engine}, overridden" if asked.any else engine
    found = _beats(heard, song, tracker, asked)
    return replace(_even(heard, asked) if found is None else _assembled(heard, found, asked), engine=name)


def _beats(
    heard: SongView, song: AudioSource, tracker: BeatEngine | None, asked: RhythmOverrides
) -> _Beats | None:
    if heard.silent or heard.duration_s < SHORTEST_S:
        return None
    if tracker is None:
        return _tracked(heard, asked)
    return _given(heard, tracker.track(song), asked)


def _tracked(heard: SongView, asked: RhythmOverrides) -> _Beats | None:
    """Our own tracker."""
    envelope = onset_envelope(heard)
    if not envelope.any():
        return None
    near_s = None if asked.bpm is None else 60.0 / asked.bpm
    pulse = find_pulse(envelope, near_period_s=near_s)
    curves = registers(heard)
    sureness = _sureness(pulse.share, heard.duration_s)
    if near_s is None and heard.duration_s < LOOP_S:
        pulse, sureness = _or_loop(heard, curves, pulse, sureness)
    sureness *= _struck(heard)
    if sureness < LEAST_SURENESS:
        return None
    readings = _readings(curves, pulse, heard.duration_s, asked)
    expected = _expected(pulse, readings[0], heard.duration_s)
    fit = _fitted(heard, expected, steady=pulse.steady, whole=pulse.whole)
    return _Beats(fit, readings, sureness * _margin(readings), whole=pulse.whole)


def _fitted(heard: SongView, expected_s: Array, *, steady: bool, whole: bool) -> Fit:
    """Fit beats; those of a loop keep their period, only their place is asked."""
    fit = fit_beats(heard, expected_s, steady=steady)
    if not whole:
        return fit
    return replace(fit, times_s=expected_s + float(np.median(fit.times_s - expected_s)), steady=True)


def _or_loop(heard: SongView, curves: Registers, pulse: Pulse, sureness: float) -> tuple[Pulse, float]:
    """Prefer the tempo by which a short clip is a whole number of bars, where onsets bear it out."""
    duration_s = heard.duration_s
    free = read_tempi(curves, pulse, duration_s=duration_s)[0]
    loops = [
        (read_tempo(curves, loop, factor=1.0, duration_s=duration_s).score + LOOP_BONUS, loop)
        for loop in loop_pulses(onset_envelope(heard), duration_s=duration_s)
        if loop.share > LOOP_SHARE
    ]
    score, loop = max(loops, key=lambda found: found[0], default=(-math.inf, pulse))
    same = abs(math.log(loop.period_s * free.bpm / 60.0)) < SAME_TEMPO
    if sureness and (same or score <= free.score):
        return pulse, sureness
    return loop, min((loop.share - LOOP_SHARE) / (SURE_SHARE - LOOP_SHARE), 1.0)


def _readings(
    curves: Registers, pulse: Pulse, duration_s: float, asked: RhythmOverrides
) -> tuple[Reading, ...]:
    """All readings, the chosen one first."""
    readings = read_tempi(curves, pulse, duration_s=duration_s)
    factor = 1.0 if asked.bpm is not None else None
    if asked.tempo_factor is not None:
        factor = readings[0].factor / asked.tempo_factor
    if factor is None:
        return readings
    wanted = read_tempo(curves, pulse, factor=factor, duration_s=duration_s)
    return (wanted, *(other for other in readings if abs(other.factor / factor - 1) > 1e-6))


def _expected(pulse: Pulse, reading: Reading, duration_s: float) -> Array:
    """Place a reading's beats, one beyond either end of the song."""
    first, last = pulse.count(np.array([0.0, duration_s])) / reading.factor - reading.phase
    numbers = np.arange(math.ceil(first) - 1, math.floor(last) + 2)
    return pulse.seconds((numbers + reading.phase) * reading.factor) + LATE_S


def _margin(readings: Sequence[Reading]) -> float:
    """1 for a reading without rivals, ½ for one that is as good as another."""
    lead = readings[0].score - readings[1].score if len(readings) > 1 else 1.0
    return 0.5 + 0.5 * min(max(lead, 0.0), 1.0)


def _given(heard: SongView, ticks: Ticks, asked: RhythmOverrides) -> _Beats | None:
    """Beats of another engine, put on their attacks."""
    times = np.array([time for time in ticks.times_s if time <= heard.duration_s])
    if asked.tempo_factor is not None or asked.bpm is not None:
        times = _recounted(times, asked)
    if times.size < FEWEST_BEATS:
        return None
    pulse = Pulse(np.arange(times.size, dtype=np.float64), times, steady=False)
    sureness = _struck(heard) * _sureness(in_step(onset_envelope(heard), pulse), heard.duration_s)
    fit = fit_beats(heard, times, steady=False)
    return _Beats(fit, (Reading(1.0, 0.0, 60.0 / pulse.period_s, 0.0),), sureness, ticks.downbeats_s)


def _sureness(share: float, duration_s: float) -> float:
    """Say how far the onsets in step exceed what chance gives, 0 to 1."""
    chance = max(CHANCE_SHARE, CHANCE_SHARE_1S / math.sqrt(duration_s))
    return min(max((share - chance) / (SURE_SHARE - chance), 0.0), 1.0) if chance < SURE_SHARE else 0.0


def _struck(heard: SongView) -> float:
    """Say whether anything in a song strikes, 0 to 1: what only wavers has periods, but no beat."""
    return min(max((heard.strike_db - HELD_DB) / (STRUCK_DB - HELD_DB), 0.0), 1.0)


def _recounted(times: Array, asked: RhythmOverrides) -> Array:
    """Count an engine's beats faster or slower."""
    if times.size < 2:
        return times
    factor = asked.tempo_factor
    if factor is None and asked.bpm is not None:
        own = 60.0 / float(np.median(np.diff(times)))
        factor = min(
            (1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0),
            key=lambda part: abs(math.log(own * part / (asked.bpm or own))),
        )
    places = np.arange(0.0, times.size - 1 + 1e-9, 1.0 / (factor or 1.0))
    return np.asarray(np.interp(places, np.arange(times.size), times))


def _assembled(heard: SongView, found: _Beats, asked: RhythmOverrides) -> Rhythm:
    curves = registers(heard)
    fit, bars = _barred(heard, curves, found, asked)
    counted = _counted(heard, curves, replace(found, fit=fit), bars, asked)
    found, fit, bars = _recounted_beats(found, fit, counted)
    times, first = _cropped(heard, fit.times_s, bars)
    if times.size < FEWEST_BEATS:
        return _even(heard, asked)
    times, first = _moved(times, first, asked.first_downbeat_s)
    grid = BeatGrid(tuple(times.tolist()), first, bars.beats_per_bar, counted.parts_per_beat)
    groove = find_groove(heard, curves, grid)
    facts = _facts(fit, found, bars)
    return Rhythm(grid, facts, groove, "", _notices(found, facts, counted, asked))


def _counted(
    heard: SongView, curves: Registers, found: _Beats, bars: Bars, asked: RhythmOverrides
) -> Recount:
    """Ask whether the beats are dotted, unless somebody said how bars are counted."""
    times = found.fit.times_s
    if found.whole or found.downbeats_s or asked.beats_per_bar is not None:
        return Recount(times, bars)
    decided = asked.bpm is not None or asked.tempo_factor is not None
    return recount(heard, curves, times, bars, keep_tempo=decided)


def _recounted_beats(found: _Beats, fit: Fit, counted: Recount) -> tuple[_Beats, Fit, Bars]:
    """Put beats that are counted otherwise, and their tempo, in the place of those that were found."""
    if counted.step == 1.0:
        return found, fit, counted.bars
    best = found.readings[0]
    # What the eighths said decides between the two, so they are no rivals.
    score = best.score + 2 * CLOSE_READINGS
    dotted = replace(best, factor=best.factor * counted.step, bpm=best.bpm / counted.step, score=score)
    others = (other for other in found.readings if abs(other.bpm / dotted.bpm - 1.0) > SAME_TEMPO)
    return (
        replace(found, readings=(dotted, *others)),
        replace(fit, times_s=counted.beats_s),
        counted.bars,
    )


def _barred(heard: SongView, curves: Registers, found: _Beats, asked: RhythmOverrides) -> tuple[Fit, Bars]:
    """Find the bars; where they say that the beats stood on the off-beats, fit again half a beat later."""
    fit = found.fit
    if found.downbeats_s and asked.beats_per_bar is None:
        return fit, _bars_of(fit.times_s, found.downbeats_s)
    bars = find_bars(heard, curves, fit.times_s, beats_per_bar=asked.beats_per_bar)
    if bars.half_beats_late:
        between = (fit.times_s[:-1] + fit.times_s[1:]) / 2
        fit = _fitted(heard, between, steady=fit.steady, whole=found.whole)
    return fit, bars


def _bars_of(times: Array, downbeats_s: tuple[float, ...]) -> Bars:
    """Bars of an engine that found downbeats: the commonest length, and the phase that most of them share."""
    numbers = np.abs(times[:, np.newaxis] - np.array(downbeats_s)).argmin(axis=0)
    lengths = np.diff(numbers)
    meter = int(np.bincount(lengths[lengths > 0]).argmax()) if np.any(lengths > 0) else 4
    phase = int(np.bincount(numbers % meter, minlength=meter).argmax())
    return Bars(0, phase, meter, 1.0)


def _cropped(heard: SongView, times: Array, bars: Bars) -> tuple[Array, int]:
    """Keep the beats within the sounding part of the song; number of the first downbeat among them.

    A first beat that is heard with the song's first sample may have been placed a little before it.
    """
    loud = np.nonzero(heard.loudness_db > np.percentile(heard.loudness_db, 95) + QUIET_DB)[0]
    start, stop = loud[0] / FLUX_HZ - 2 * EDGE_S, loud[-1] / FLUX_HZ + EDGE_S
    kept = np.nonzero((times >= max(start, -EDGE_S)) & (times <= min(stop, heard.duration_s)))[0]
    if not kept.size:
        return times[:0], 0
    first = int((bars.first - kept[0]) % bars.beats_per_bar)
    inside = times[kept]
    inside[0] = max(inside[0], 0.0)
    return inside, min(first, inside.size - 1)


def _moved(times: Array, first: int, first_downbeat_s: float | None) -> tuple[Array, int]:
    """Put beat 0 where somebody said it is."""
    if first_downbeat_s is None:
        return times, first
    ends = (2 * times[0] - times[1], 2 * times[-1] - times[-2])
    whole = np.concatenate((ends[:1], times, ends[1:]))
    nearest = int(np.abs(whole - first_downbeat_s).argmin())
    moved = whole + (first_downbeat_s - whole[nearest])
    start = next(place for place in range(min(nearest, 1), moved.size) if moved[place] >= 0.0)
    return moved[start : max(moved.size - 1, nearest + 1)], nearest - start


def _facts(fit: Fit, found: _Beats, bars: Bars) -> TempoFacts:
    times = fit.times_s
    bpm = 60.0 * (times.size - 1) / float(times[-1] - times[0])
    scale = bpm / found.readings[0].bpm
    weights = np.exp([reading.score - found.readings[0].score for reading in found.readings])
    alternatives = tuple(
        (reading.bpm * scale, float(weight / weights.sum()))
        for reading, weight in zip(found.readings, weights, strict=True)
    )
    sure = found.confidence * (HALF_SURE if bars.apart < UNSURE_PHASE else 1.0)
    return TempoFacts(bpm, sure, alternatives, _drift_percent(times, bpm), fit.residual_s * 1e3)


def _notices(found: _Beats, facts: TempoFacts, counted: Recount, asked: RhythmOverrides) -> tuple[str, ...]:
    decided = asked.bpm is not None or asked.tempo_factor is not None
    given = asked.first_downbeat_s is not None
    return (
        *about_tempo(found.readings, facts, asked_bpm=asked.bpm, decided=decided),
        *about_bars(counted, bpm=facts.bpm, downbeat_given=given),
    )


def _drift_percent(times: Array, bpm: float) -> float:
    span = min(DRIFT_BEATS, times.size - 1)
    local = 60.0 * span / (times[span:] - times[:-span])
    return float(np.abs(local / bpm - 1.0).max() * 100.0)


def _even(heard: SongView, asked: RhythmOverrides) -> Rhythm:
    """Lay the grid of a song without a beat."""
    bpm = asked.bpm or FALLBACK_BPM * (asked.tempo_factor or 1.0)
    grid = BeatGrid.even(
        bpm,
        duration_s=heard.duration_s,
        first_downbeat_s=asked.first_downbeat_s or 0.0,
        beats_per_bar=asked.beats_per_bar or 4,
    )
    notice = f"No beat was found: {_why_none(heard)}. An even grid of {bpm:g} bpm stands in for one."
    return Rhythm(grid, TempoFacts(bpm, 0.0), Groove.UNKNOWN, "", (notice,))


def _why_none(heard: SongView) -> str:
    if heard.silent:
        return "it is silent"
    if heard.duration_s < SHORTEST_S:
        return "it is too short"
    held = _struck(heard) == 0.0
    return "its tones are held, nothing strikes" if held else "nothing in it keeps a steady time"

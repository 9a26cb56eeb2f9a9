"""Tempo, beats and downbeats against the corpus: ``python -m bench.rhythm``; ends with 1 below a bar.

Scores follow mir_eval (`beat.f_measure` after `beat.trim_beats`: ±70 ms, the first 5 s left out) and the
usual tempo accuracies (4 %; Acc2 forgives 2, ½, 3 and ⅓). Rubato piano is left out; where only a tempo is
stated, half and double count as right, as the corpus asks. A second table is of songs that our own synth
plays in many meters and styles, each in two takes; the weights were set on the first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.harness import Row, corpus, show
from bench.made_songs import MADE_SONGS, MadeSong, mixed
from stemwright.analysis.rhythm import Rhythm, track_rhythm
from stemwright.audio import Audio
from stemwright.io.reader import read_audio

Array = npt.NDArray[np.float64]

WINDOW_S, TRIM_S, TEMPO_TOLERANCE = 0.07, 5.0, 0.04
STEMS = ("vocals", "drums", "bass", "other")


def f_measure(reference_s: Sequence[float], estimate_s: Sequence[float]) -> float:
    """F-measure of beats within ±70 ms, each matched once; both are cut at 5 s first (mir_eval)."""
    reference, estimate = (
        sorted(time for time in times if time >= TRIM_S) for times in (reference_s, estimate_s)
    )
    if not reference or not estimate:
        return 0.0
    hits = matched(reference, estimate)
    precision, recall = hits / len(estimate), hits / len(reference)
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def matched(reference: Sequence[float], estimate: Sequence[float]) -> int:
    """Size of the largest matching; on a line the first possible partner is always a best one."""
    hits = ours = theirs = 0
    while ours < len(estimate) and theirs < len(reference):
        gap = estimate[ours] - reference[theirs]
        if abs(gap) <= WINDOW_S:
            hits += 1
        ours += gap <= WINDOW_S
        theirs += gap >= -WINDOW_S
    return hits


def right_tempo(bpm: float, truth_bpm: float, factors: Sequence[float]) -> bool:
    """Whether a tempo is within 4 % of the truth times one of the factors."""
    return any(abs(bpm / (truth_bpm * factor) - 1) <= TEMPO_TOLERANCE for factor in factors)


@dataclass(frozen=True)
class Song:
    """A song of the corpus with its truth."""

    name: str
    files: tuple[Path, ...]
    truth: dict[str, Any]

    def stem(self, name: str) -> Audio | None:
        """Decode one stem, where it has stems."""
        found = [file for file in self.files if file.stem == name]
        return read_audio(found[0]) if found else None

    def mix(self) -> Audio:
        """Decode the song: the sum of its files."""
        parts = [read_audio(file) for file in self.files]
        total = np.zeros((max(p.channels for p in parts), max(p.frames for p in parts)), np.float32)
        for part in parts:
            total[:, : part.frames] += part.samples
        return Audio(total, parts[0].sample_rate)


def songs() -> Iterator[Song]:
    """All songs with a known tempo or beats, rubato piano apart."""
    root = corpus()
    if root is None:
        return
    for truth in sorted(root.glob("real/*.truth.json")):
        name = truth.name.removesuffix(".truth.json")
        if "_asap_" not in name:
            files = [file for file in truth.parent.glob(f"{name}.*") if file.suffix != ".json"]
            yield Song(name, tuple(files), json.loads(truth.read_text()))
    for truth in [*sorted(root.glob("stems/*/truth.json")), *sorted(root.glob("stems/render/*/truth.json"))]:
        yield Song(truth.parent.name, _files(truth.parent), json.loads(truth.read_text()))


def _files(folder: Path) -> tuple[Path, ...]:
    """The files that sum to a song: its stems, unless there are none."""
    stems = [file for name in STEMS for file in folder.glob(f"{name}.*")]
    return tuple(
        stems or sorted(file for file in folder.iterdir() if file.suffix in (".ogg", ".mp3", ".flac"))
    )


@dataclass(frozen=True)
class Score:
    """One song's figures; None where the truth does not say."""

    name: str
    bpm: float
    acc1: bool | None
    acc2: bool | None
    beat_f: float | None
    downbeat_f: float | None
    median_ms: float | None
    p95_ms: float | None
    rhythm: Rhythm
    cpu_s: float

    def line(self) -> str:
        """Write the row of the printed table."""
        cells = [
            _cell(value)
            for value in (self.acc1, self.acc2, self.beat_f, self.downbeat_f, self.median_ms, self.p95_ms)
        ]
        facts = self.rhythm.tempo
        return (
            f"{self.name[:30]:<30} {self.bpm:>8.3f} {' '.join(cells)} {facts.confidence:>5.2f} "
            f"{facts.drift_percent:>5.2f} {facts.residual_ms:>5.1f} {self.rhythm.groove:<9} "
            f"{self.cpu_s:>5.2f}"
        )


HEADER = (
    f"{'song':<30} {'bpm':>8} {'Acc1':>6} {'Acc2':>6} {'beatF':>6} {'downF':>6} {'med ms':>6} {'p95 ms':>6} "
    f"{'conf':>5} {'drift':>5} {'resid':>5} {'groove':<9} {'cpu s':>5}"
)


def _cell(value: float | bool | None) -> str:
    if value is None:
        return f"{'–':>6}"
    return f"{'yes' if value else 'NO':>6}" if isinstance(value, bool) else f"{value:>6.2f}"


def score(song: Song, *, with_stems: bool) -> Score:
    """Track one song and compare."""
    mix = song.mix()
    drums, bass = (song.stem(name) if with_stems else None for name in ("drums", "bass"))
    began = time.process_time()
    rhythm = track_rhythm(mix, drums=drums, bass=bass)
    cpu_s = time.process_time() - began
    beats, downbeats = song.truth.get("beats"), song.truth.get("downbeats")
    errors = errors_ms(beats, rhythm.grid.times_s) if beats else None
    acc1, acc2 = _tempo_verdict(song, rhythm.tempo.bpm)
    return Score(
        song.name, rhythm.tempo.bpm, acc1, acc2,
        f_measure(beats, rhythm.grid.times_s) if beats else None,
        f_measure(downbeats, rhythm.grid.downbeats_s) if downbeats else None,
        None if errors is None else float(np.median(errors)),
        None if errors is None else float(np.percentile(np.abs(errors), 95)),
        rhythm, cpu_s,
    )  # fmt: skip


def _tempo_verdict(song: Song, bpm: float) -> tuple[bool | None, bool | None]:
    truth = song.truth.get("tempo_bpm")
    if truth is None:
        return None, None
    own = (1.0,) if "beats" in song.truth else (1.0, 2.0, 0.5)
    return right_tempo(bpm, truth, own), right_tempo(bpm, truth, (1, 2, 1 / 2, 3, 1 / 3))


def errors_ms(beats_s: Sequence[float], estimate_s: Sequence[float]) -> Array:
    """Signed distances of the estimated beats from the true beats that they stand for."""
    truth, found = np.array(beats_s), np.array(estimate_s)
    inside = found[(found > truth[0] - WINDOW_S) & (found < truth[-1] + WINDOW_S)]
    return np.asarray((inside - truth[np.abs(inside[:, np.newaxis] - truth).argmin(axis=1)]) * 1e3)


def _mean(values: Sequence[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def rows(*, with_stems: bool = False, told: bool = False) -> list[Row]:
    """Score the corpus against the bars."""
    scores = []
    for song in songs():
        scores.append(score(song, with_stems=with_stems))
        if told:
            print(scores[-1].line(), flush=True)
    if not scores:
        return []
    renders = [one for one in scores if one.name.startswith("dev_r0")]
    bias = max(abs(one.median_ms or 0.0) for one in renders)
    means = [
        ("tempo, Acc1", _mean([one.acc1 for one in scores]), 0.90),
        ("tempo, Acc2", _mean([one.acc2 for one in scores]), 1.00),
        ("beats, F", _mean([one.beat_f for one in scores]), 0.88),
        ("downbeats, F", _mean([one.downbeat_f for one in scores]), 0.75),
    ]
    found = [
        Row(name, f"{value:.3f}", f"≥ {limit:.2f}", value >= limit - 1e-9) for name, value, limit in means
    ]
    found.append(Row("beats of the renders, worst median error", f"{bias:.1f} ms", "< 5 ms", bias < 5))
    return found


@dataclass(frozen=True)
class MadeScore:
    """Figures of a song that we made; `compound` says whether it is in 6/8 or 12/8."""

    compound: bool
    tempo: bool
    meter: bool
    turned: bool
    beat_f: float
    downbeat_f: float


def score_made(song: MadeSong, *, told: bool = False) -> MadeScore:
    """Track a made song; 12/8 counted as two bars of 6/8 has the right meter."""
    rhythm = track_rhythm(mixed(song.stems()))
    grid, beats = rhythm.grid, song.beats_s
    half = [beat + 30.0 / song.bpm for beat in beats]
    parts = 3 if song.meter.endswith("/8") else 2
    bars = (song.beats_per_bar, 2) if parts == 3 else (song.beats_per_bar,)
    found = MadeScore(
        parts == 3, right_tempo(rhythm.tempo.bpm, song.bpm, (1.0,)),
        grid.beats_per_bar in bars and grid.parts_per_beat == parts,
        f_measure(half, grid.times_s) > 0.9,
        f_measure(beats, grid.times_s), f_measure(song.downbeats_s, grid.downbeats_s),
    )  # fmt: skip
    if told:
        print(
            f"{song.name:<32} {song.meter:>5} {song.bpm:>6.1f}  {grid.meter!s:>5} {rhythm.tempo.bpm:>7.2f}  "
            f"{found.beat_f:.2f} {found.downbeat_f:.2f} {rhythm.tempo.confidence:.2f} {rhythm.groove}"
        )
    return found


def other_take(song: MadeSong) -> MadeSong:
    """Return another tempo, progression, length and hand."""
    return replace(
        song, seed=song.seed + 200, bpm=round(song.bpm * 1.08, 1), chords=(song.chords + 3) % 5, bars=24,
        lead_in_s=0.34,
    )  # fmt: skip


MADE_BARS = (0.85, 0.95, 0.93, 0.8)
"""Tempo, meter and beats of songs in quarters; tempo of songs in eighths."""


def made_rows(*, told: bool = False) -> list[Row]:
    """Score songs that we made, in quarters and in 6/8."""
    found = []
    for take, change in (("first take", None), ("other take", other_take)):
        songs_ = [song if change is None else change(song) for song in MADE_SONGS]
        scores = [score_made(song, told=told) for song in songs_]
        quarters = [one for one in scores if not one.compound]
        eighths = [one for one in scores if one.compound]
        values = (
            ("3/4 and 4/4: tempo, Acc1", _mean([one.tempo for one in quarters])),
            ("3/4 and 4/4: meter", _mean([one.meter for one in quarters])),
            ("3/4 and 4/4: beats, F", _mean([one.beat_f for one in quarters])),
            ("6/8 and 12/8: tempo of the dotted beat, Acc1", _mean([one.tempo for one in eighths])),
        )
        found += [
            Row(f"{take}, {name}", f"{value:.3f}", f"≥ {limit:.2f}", value >= limit - 1e-9)
            for (name, value), limit in zip(values, MADE_BARS, strict=True)
        ]
        turned = sum(one.turned for one in scores)
        found.append(Row(f"{take}, counted on the off-beats", f"{turned} songs", "0", turned == 0))
        found.append(
            Row(f"{take}, 6/8 and 12/8: meter", f"{_mean([o.meter for o in eighths]):.3f}", "–", None)
        )
        found.append(Row(f"{take}, downbeats, F", f"{_mean([o.downbeat_f for o in scores]):.3f}", "–", None))
    return found


def main() -> int:
    """Print the tables: the corpus from the mix alone, with drum and bass stems; songs that we made."""
    status = 0
    for with_stems in (False, True):
        print(HEADER)
        title = "Rhythm, drums and bass given" if with_stems else "Rhythm from the mix alone"
        status |= show(title, rows(with_stems=with_stems, told=True))
    status |= show("Rhythm of songs that we made", made_rows(told=True))
    return status


if __name__ == "__main__":
    sys.exit(main())

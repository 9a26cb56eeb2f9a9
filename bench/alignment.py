"""Alignment: materials × gaps × strategies; no join may change a level by more than 1 dB or flag a click.

python -m bench.alignment            # the table; exit code 1 if a bar is missed
python -m bench.alignment --speed    # time and memory as well
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stemwright.align import (
    AlignmentPlan,
    AlignSettings,
    Strategy,
    measure_joins,
    plan_alignment,
    render_alignment,
)
from stemwright.audio import Audio, AudioSource, Samples, collect
from stemwright.dsp.joins import CLICK_LIMIT, FLUX_LIMIT, LEVEL_LIMIT_DB
from stemwright.stems import Role, role_of

Array = npt.NDArray[np.float64]

SAMPLE_RATE = 48_000
SECONDS = 8.0
BEAT_S = 0.5
GAPS: Mapping[str, Callable[[int], int]] = {
    "1 frame": lambda _: 1,
    "0.3 s": lambda _: round(0.3 * SAMPLE_RATE),
    "1 ×": lambda frames: frames,
    "19 ×": lambda frames: 19 * frames,
}
ASKED = (Strategy.AUTO, Strategy.LOOP, Strategy.CROSSFADE)


@dataclass(frozen=True)
class Material:
    """A named stem, its role, and its bar lines if it stands on a grid."""

    name: str
    audio: AudioSource
    role: Role = Role.OTHER
    bar_s: float | None = None
    only_auto: bool = False
    """Nothing in it ever comes again: a loop that is forced on it can be heard, and is told."""

    def bar_frames(self, target: int) -> list[int] | None:
        """Bar lines up to `target`."""
        if self.bar_s is None:
            return None
        count = int(target / (self.bar_s * self.audio.sample_rate)) + 1
        return [round(bar * self.bar_s * self.audio.sample_rate) for bar in range(count)]


@dataclass(frozen=True)
class Row:
    """One cell of the table."""

    material: str
    gap: str
    asked: str
    done: str
    joins: int
    level_db: float
    step_db: float
    flux: float
    click: float
    length_error: int

    @property
    def missed(self) -> bool:
        """Whether any bar is missed."""
        return (
            self.length_error != 0
            or abs(self.level_db) > LEVEL_LIMIT_DB
            or self.step_db > LEVEL_LIMIT_DB
            or self.flux > FLUX_LIMIT
            or self.click > CLICK_LIMIT
        )

    def line(self) -> str:
        """Write the row of the printed table."""
        flag = "  MISSED" if self.missed else ""
        return (
            f"{self.material:<24} {self.gap:<8} {self.asked:<10} {self.done:<10} {self.joins:>5} "
            f"{self.level_db:>+7.2f} {self.step_db:>6.2f} {self.flux:>6.2f} {self.click:>6.2f} "
            f"{self.length_error:>3}{flag}"
        )


HEADER = (
    f"{'material':<24} {'gap':<8} {'asked':<10} {'done':<10} {'joins':>5} {'level':>7} {'step':>6} "
    f"{'flux':>6} {'click':>6} {'len':>3}"
)


def _time(seconds: float = SECONDS) -> Array:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _audio(*channels: Array) -> Audio:
    return Audio(np.stack(channels).astype(np.float32), SAMPLE_RATE)


def _tone(t: Array, hz: float, harmonics: int = 1, tilt: float = 1.0, phase: float = 0.0) -> Array:
    waves = [np.sin(2 * np.pi * hz * k * t + phase * k) / k**tilt for k in range(1, harmonics + 1)]
    return np.asarray(np.sum(waves, axis=0))


def _notes(hertz: Sequence[float], note_s: float, decay_s: float, harmonics: int, seconds: float) -> Array:
    """Play notes one after another, each with a 3 ms attack and an exponential decay."""
    out = np.zeros(_time(seconds).size)
    ring = _time(min(6 * decay_s, seconds))
    envelope = np.minimum(ring / 0.003, 1.0) * np.exp(-ring / decay_s)
    for index in range(int(seconds / note_s)):
        start = round(index * note_s * SAMPLE_RATE)
        stop = min(start + ring.size, out.size)
        out[start:stop] += (envelope * _tone(ring, hertz[index % len(hertz)], harmonics))[: stop - start]
    return out


def _hits(pattern: Mapping[float, Array], beats: int, seconds: float) -> Array:
    """Lay sounds at their beats of a pattern that repeats after `beats` beats."""
    out = np.zeros(_time(seconds).size + SAMPLE_RATE)
    for round_ in range(int(np.ceil(seconds / BEAT_S / beats))):
        for beat, sound in pattern.items():
            start = round((round_ * beats + beat) * BEAT_S * SAMPLE_RATE)
            if start < out.size - sound.size:
                out[start : start + sound.size] += sound
    return out[: _time(seconds).size]


def _drums(seconds: float, *, human_seed: int | None = None) -> Audio:
    rng = np.random.default_rng(7)
    t = _time(0.25)
    kick = 0.8 * np.exp(-t / 0.06) * np.sin(2 * np.pi * (45 * t + 4 * (1 - np.exp(-t / 0.02))))
    snare = np.exp(-t / 0.05) * (0.25 * rng.standard_normal(t.size) + 0.3 * np.sin(2 * np.pi * 190 * t))
    hat = 0.12 * np.exp(-t / 0.015) * rng.standard_normal(t.size)
    pattern = {0.0: kick, 1.0: snare, 2.0: kick, 2.5: kick, 3.0: snare}
    loop = _hits(pattern, 4, seconds) + _hits({0.0: hat, 0.5: 0.6 * hat}, 1, seconds)
    if human_seed is not None:
        human = np.random.default_rng(human_seed)
        loop += 0.02 * human.standard_normal(loop.size) * np.abs(_hits({0.0: np.exp(-t / 0.1)}, 1, seconds))
    return _audio(0.9 * loop / np.abs(loop).max())


def _formants(seconds: float, seed: int) -> Array:
    """Sing vowels over a glottal buzz with vibrato: three resonances on a harmonic series, with breaths."""
    rng = np.random.default_rng(seed)
    t = _time(seconds)
    out = np.zeros(t.size)
    vowels = [(700, 1200, 2600), (300, 2200, 3000), (450, 800, 2400), (500, 1700, 2500)]
    start = 0.0
    while start < seconds - 0.5:
        length = min(rng.uniform(0.4, 1.3), seconds - start)
        span = slice(round(start * SAMPLE_RATE), round((start + length) * SAMPLE_RATE))
        local = t[span] - start
        hz = 220 * 2 ** (rng.integers(0, 8) / 12)
        phase = 2 * np.pi * hz * local - 0.6 * np.cos(2 * np.pi * 5.5 * local)
        formant = vowels[int(rng.integers(0, 4))]
        note = np.zeros(local.size)
        for k in range(1, 20):
            gain = sum(1 / (1 + ((k * hz - f) / 120) ** 2) for f in formant) / k**0.5
            note += gain * np.sin(k * phase)
        edge = np.clip(np.minimum(local / 0.04, (length - local) / 0.06), 0, 1)
        out[span] += 0.25 * note * edge
        start += length + rng.choice([0.0, 0.05, 0.4])
    return np.asarray(out)


def _speech(seconds: float) -> Array:
    """Bursts of shaped noise and buzz with pauses, like speech close to a microphone."""
    rng = np.random.default_rng(11)
    t = _time(seconds)
    level = np.zeros(t.size)
    at = 0.0
    while at < seconds:
        length = rng.uniform(0.08, 0.35)
        span = slice(round(at * SAMPLE_RATE), min(round((at + length) * SAMPLE_RATE), t.size))
        if span.start < t.size:
            level[span] = rng.uniform(0.2, 1.0) * np.hanning(span.stop - span.start)
        at += length + rng.choice([0.02, 0.1, 0.5], p=[0.5, 0.35, 0.15])
    buzz = _tone(t, 118.0, 30, 0.8)
    hiss = np.diff(rng.standard_normal(t.size + 1))
    return np.asarray(0.3 * level * (0.5 * buzz + 0.2 * hiss))


def _pad(seconds: float, detune: float) -> Array:
    t = _time(seconds)
    return np.asarray(sum(
        0.08 * _tone(t, hz * 2 ** (cents * detune / 1200), 6, 1.3, phase=hz)
        for hz in (220.0, 261.63, 329.63, 440.0) for cents in (-6, 0, 7)
    ))  # fmt: skip


def _chords(seconds: float) -> Array:
    """Play four chords of a bar each, with soft edges."""
    t = _time(seconds)
    out = np.zeros(t.size)
    for bar in range(int(seconds / 2.0)):
        hertz = ((220, 261.6, 329.6), (174.6, 220, 261.6), (261.6, 329.6, 392), (196, 246.9, 293.7))[bar % 4]
        inside = np.clip(np.minimum((t - 2 * bar) / 0.08, (2 * bar + 2.02 - t) / 0.08), 0, 1)
        out += inside * sum(0.12 * _tone(t, hz, 5, 1.2) for hz in hertz)
    return out


def _piano() -> Array:
    """Strike one low chord and let it ring out: nothing in it ever comes again."""
    t = _time()
    strings = sum(
        _tone(t, hz, 10, 1.1) * np.exp(-t * (0.5 + hz / 600)) for hz in (98.0, 146.83, 196.0, 246.94)
    )
    return np.asarray(0.15 * strings * np.minimum(t / 0.004, 1.0))


def _clicks(seconds: float) -> Audio:
    out = np.zeros(_time(seconds).size)
    out[:: round(BEAT_S * SAMPLE_RATE)] = 0.9
    return _audio(out)


def synthetic_materials() -> Iterator[Material]:
    """Materials of known truth, made on the spot."""
    t = _time()
    rng = np.random.default_rng(3)
    scale = [220.0, 261.63, 329.63, 392.0, 440.0, 392.0, 329.63, 261.63]
    bass = [55.0, 55.0, 110.0, 55.0, 43.65, 43.65, 87.31, 43.65]
    yield Material("sine", _audio(0.6 * _tone(t, 440.0, phase=0.3)))
    yield Material("chord pad", _audio(_pad(SECONDS, 0.0)), Role.PADS)
    yield Material("chord pad, detuned", _audio(_pad(SECONDS, 1.0)), Role.PADS)
    yield Material("stereo wide pad", _audio(_pad(SECONDS, 0.7), _pad(SECONDS, -1.3)), Role.PADS)
    yield Material("chords on bars", _audio(_chords(SECONDS + 0.7)), Role.KEYS, 2.0)
    yield Material("plucked arpeggio", _audio(0.4 * _notes(scale, 0.25, 0.25, 8, SECONDS)), Role.GUITARS)
    yield Material("arpeggio on bars", _audio(0.4 * _notes(scale, 0.25, 0.25, 8, SECONDS)), Role.GUITARS, 2.0)
    yield Material("drum loop", _drums(SECONDS), Role.DRUMS)
    yield Material("drums on bars", _drums(SECONDS), Role.DRUMS, 2.0)
    yield Material("drums, cut in a bar", _drums(SECONDS - 0.77, human_seed=1), Role.DRUMS, 2.0)
    yield Material("bass line", _audio(0.5 * _notes(bass, 0.25, 0.4, 5, SECONDS)), Role.BASS)
    yield Material("bass on bars", _audio(0.5 * _notes(bass, 0.25, 0.4, 5, SECONDS)), Role.BASS, 2.0)
    yield Material("white noise", _audio(0.1 * rng.standard_normal(t.size)), Role.FX)
    yield Material("vocal phrase", _audio(_formants(SECONDS, 5)), Role.VOCALS)
    yield Material("speech bursts", _audio(_speech(SECONDS)), Role.VOCALS)
    yield Material("decaying piano", _audio(_piano()), Role.KEYS, only_auto=True)
    yield Material("AM tremolo", _audio(0.5 * _tone(t, 330.0, 4) * (0.6 + 0.4 * np.sin(2 * np.pi * 5.3 * t))))
    yield Material("click track", _clicks(SECONDS), Role.PERCUSSION)
    yield Material("click track on bars", _clicks(SECONDS), Role.PERCUSSION, 2.0)


def corpus_materials() -> Iterator[Material]:
    """Real loops and stems, where there are any."""
    root = Path(os.environ.get("STEMWRIGHT_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    from stemwright.io.reader import read_audio

    for path in sorted(root.glob("real/loops/*.flac")):
        yield Material(path.stem.removeprefix("dev_"), read_audio(path), role_of(path.stem))
    for path in sorted(root.glob("stems/dev_se_francium/*.flac")):
        whole = read_audio(path)
        yield Material(f"francium {path.stem}", whole.between(0, 12), role_of(path.stem))
        yield Material(f"francium {path.stem}, late", whole.between(9.3, 27.1), role_of(path.stem))
    for path in sorted(root.glob("stems/dev_se_potassium/[!m]*.ogg")):
        yield Material(f"potassium {path.stem}", read_audio(path).between(0, 30), role_of(path.stem))


def align(material: Material, target: int, strategy: Strategy) -> tuple[AlignmentPlan, Audio]:
    plan = plan_alignment(
        material.audio, target_frames=target, settings=AlignSettings(strategy), role=material.role,
        bar_frames=material.bar_frames(target),
    )  # fmt: skip
    return plan, collect(render_alignment(material.audio, plan=plan), material.audio.sample_rate)


def measure(material: Material, gap: str, strategy: Strategy) -> Row:
    """Align and measure one cell; the worst join counts."""
    target = material.audio.frames + GAPS[gap](material.audio.frames)
    plan, aligned = align(material, target, strategy)
    joins = measure_joins(aligned, source=material.audio, plan=plan)
    level, step, flux, click = (
        max((getattr(join, name) for join in joins), key=abs, default=0.0)
        for name in ("level_change_db", "level_step_db", "flux_ratio", "click_ratio")
    )
    return Row(
        material.name, gap, str(strategy), plan.strategy, len(joins), level, step, flux, click,
        aligned.frames - target,
    )  # fmt: skip


def table(
    materials: Iterable[Material], *, gaps: Sequence[str] = tuple(GAPS), asked: Sequence[Strategy] = ASKED
) -> Iterator[Row]:
    """Measure every cell."""
    for material in materials:
        for gap in gaps:
            for strategy in asked[:1] if material.only_auto else asked:
                yield measure(material, gap, strategy)


def _speed() -> None:
    """Time and memory of planning, rendering and measuring."""
    for seconds, target_s, channels in ((100.0, 137.7, 1), (30.0, 137.7, 1), (1200.0, 1800.0, 2)):
        rng = np.random.default_rng(1)
        samples = 0.1 * rng.standard_normal((channels, round(seconds * SAMPLE_RATE)), dtype=np.float32)
        for strategy in (Strategy.LOOP, Strategy.CROSSFADE):
            source, target = Audio(samples, SAMPLE_RATE), round(target_s * SAMPLE_RATE)
            began = time.perf_counter()
            plan = plan_alignment(source, target_frames=target, settings=AlignSettings(strategy))
            planned = time.perf_counter()
            rendered = np.empty((channels, target), np.float32)
            _fill(rendered, render_alignment(source, plan=plan))
            copied = time.perf_counter()
            measure_joins(Audio(rendered, SAMPLE_RATE), source=source, plan=plan)
            done = time.perf_counter()
            print(
                f"{seconds:g} s → {target_s:g} s, {channels} ch, {strategy}: plan {planned - began:.3f} s, "
                f"render {copied - planned:.3f} s, measure {done - copied:.3f} s"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, arrays included")


def _fill(target: Samples, blocks: Iterable[Samples]) -> None:
    position = 0
    for block in blocks:
        target[:, position : position + block.shape[1]] = block
        position += block.shape[1]


def main() -> int:
    """Print the table; 1 if a bar is missed."""
    print(HEADER)
    rows = []
    for row in table((*synthetic_materials(), *corpus_materials())):
        rows.append(row)
        print(row.line(), flush=True)
    missed = sum(row.missed for row in rows)
    print(f"{len(rows)} cells, {sum(row.joins for row in rows)} joins, {missed} cells over a bar")
    if "--speed" in sys.argv:
        _speed()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

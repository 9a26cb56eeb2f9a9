"""Stretching: onsets on the map for five minutes, pitch, stems against their song, speed.

python -m bench.stretch            # the table; exit code 1 if a bar is missed
python -m bench.stretch --short    # one minute instead of five
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from bench.harness import Row, corpus, show
from stemwright.audio import Audio, Samples
from stemwright.dsp.stretch import Engine, stretch, stretch_along, stretched
from stemwright.dsp.time_map import TimeMap
from stemwright.memory import keep_freed_memory
from stemwright.units import semitones_to_ratio

Array = npt.NDArray[np.float64]

SAMPLE_RATE = 44_100
ONSET_LIMIT_MS = 3.0
CENTS_LIMIT = 2.0
OVERHEAD_LIMIT = 0.05
CASES = ((0.8, 4.0), (0.8, -4.0), (0.93, 0.0), (1.0, 2.0), (1.07, -4.0), (1.25, 4.0))


def _hits(seconds: float) -> tuple[Samples, Array]:
    """Strike noise twice a second; say the frames at which it begins."""
    burst = 0.3 * np.exp(-np.arange(2_000) / 300) * np.random.default_rng(0).standard_normal(2_000)
    burst[0] = 0.6
    frames = (np.arange(0.25, seconds - 0.1, 0.5) * SAMPLE_RATE).round()
    samples = np.zeros((1, round(seconds * SAMPLE_RATE)), np.float32)
    for frame in frames.astype(int):
        samples[:, frame : frame + 2_000] += burst.astype(np.float32)[: samples.shape[1] - frame]
    return samples, frames


def _wandering(seconds: float, ratio: float) -> list[tuple[float, float]]:
    """Lay a map whose tempo wanders by ±5 % over 23 s, with an anchor per half second."""
    beats = np.arange(0.0, seconds + 0.5, 0.5)
    local = ratio * (1 + 0.05 * np.sin(2 * np.pi * beats / 23.0))
    output = np.concatenate([[0.0], np.cumsum(0.5 * local[:-1])])
    return [(float(a), float(b)) for a, b in zip(beats * SAMPLE_RATE, output * SAMPLE_RATE, strict=True)]


def _late_ms(samples: Samples, expected: Array) -> Array:
    level = np.abs(samples[0])
    errors = []
    for frame in expected:
        start = max(0, round(frame) - 4_410)
        near = level[start : round(frame) + 4_410]
        errors.append((start + np.argmax(near > 0.35 * near.max()) - frame) / SAMPLE_RATE * 1_000)
    return np.array(errors)


def _onsets(engine: Engine, seconds: float) -> Iterator[Row]:
    samples, frames = _hits(seconds)
    for ratio, semitones in CASES:
        anchors = _wandering(seconds, ratio)
        output = stretch_along(
            samples, sample_rate=SAMPLE_RATE, anchors=anchors, semitones=semitones, engine=engine
        )
        late = _late_ms(output, TimeMap.through(anchors).outputs_at(frames))
        worst, drift = float(np.abs(late).max()), float(late[-50:].mean() - late[:50].mean())
        yield Row(
            f"{engine}: onsets, {seconds:g} s of wandering map, mean ratio {ratio}, {semitones:+g} semitones",
            f"median {np.median(late):+.2f}, worst {worst:.2f}, drift {drift:+.2f} ms",
            f"≤ {ONSET_LIMIT_MS:g} ms",
            worst <= ONSET_LIMIT_MS,
        )


def _cents_off(samples: Samples, frequency_hz: float) -> float:
    """Measure a sine's distance from a frequency by the phase that it gains from window to window."""
    wave, frames = samples[0].astype(np.float64), 8_192
    shifted = np.exp(-2j * np.pi * frequency_hz / SAMPLE_RATE * np.arange(wave.size)) * wave
    starts = np.arange(SAMPLE_RATE // 2, wave.size - frames - SAMPLE_RATE // 2, 1_024)
    window = np.hanning(frames)
    phases = np.unwrap(np.angle([np.sum(shifted[start : start + frames] * window) for start in starts]))
    slope = float(np.polyfit(starts, phases, 1)[0])
    return float(1_200 * np.log2(1 + slope * SAMPLE_RATE / (2 * np.pi * frequency_hz)))


def _pitch(engine: Engine) -> Iterator[Row]:
    t = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    worst = 0.0
    for hertz in (110.0, 440.0, 1_760.0):
        tone = np.asarray(0.5 * np.sin(2 * np.pi * hertz * t), np.float32)[np.newaxis]
        for ratio, semitones in CASES:
            output = stretch(
                tone, sample_rate=SAMPLE_RATE, time_ratio=ratio, semitones=semitones, engine=engine
            )
            worst = max(worst, abs(_cents_off(output, hertz * semitones_to_ratio(semitones))))
    yield Row(
        f"{engine}: pitch of sines", f"worst {worst:.2f} cents", f"≤ {CENTS_LIMIT:g}", worst <= CENTS_LIMIT
    )


def _sums() -> Iterator[Row]:
    """Stretch the stems of a real song and the song: level, onsets and waveform of the sum."""
    from stemwright.io.reader import read_audio

    folder = corpus("stems", "dev_se_francium")
    if folder is None:
        return
    stems = [
        read_audio(folder / f"{name}.flac").between(4, 16) for name in ("vocals", "drums", "bass", "other")
    ]
    rate = stems[0].sample_rate
    song = np.asarray(np.sum([stem.samples for stem in stems], axis=0), np.float32)
    for ratio, semitones in ((1.06, 0.0), (0.92, 2.0)):
        asked = partial(stretch, sample_rate=rate, time_ratio=ratio, semitones=semitones)
        whole = asked(song)
        parts = np.asarray(np.sum([asked(stem.samples) for stem in stems], axis=0), np.float32)
        level_db, residual_db = (
            10 * float(np.log10(np.mean(np.square(x)) / np.mean(np.square(whole))))
            for x in (parts, parts - whole)
        )
        apart_ms = _apart_ms(parts, whole, rate)
        yield Row(
            f"sum of stretched stems against the stretched song, ratio {ratio}, {semitones:+g} semitones",
            f"level {level_db:+.2f} dB, onsets {apart_ms:+.2f} ms apart, difference {residual_db:+.1f} dB",
            "≤ 1 ms, ≤ 0.5 dB",
            abs(apart_ms) <= 1.0 and abs(level_db) <= 0.5,
        )


def _apart_ms(one: Samples, other: Samples, rate: int) -> float:
    """Find the lag at which the rises of two envelopes match best."""
    step = 12
    rises = []
    for samples in (one, other):
        count = samples.shape[1] // step * step
        level = np.abs(samples[:, :count]).max(axis=0).reshape(-1, step).max(axis=1)
        rises.append(np.maximum(np.diff(level), 0.0)[50:-50])
    lags = range(-40, 41)
    scores = [float(np.dot(rises[0], np.roll(rises[1], lag))) for lag in lags]
    return 1_000 * lags[int(np.argmax(scores))] * step / rate


def _cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of this thread for one call."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def _bare(samples: Samples, ratio: float) -> None:
    """Run R3 alone over an array, in blocks of 1,024, with nothing steered."""
    from pylibrb import Option, RubberBandStretcher

    options = (
        Option.PROCESS_REALTIME | Option.ENGINE_FINER | Option.THREADING_NEVER | Option.CHANNELS_TOGETHER
    )
    stretcher = RubberBandStretcher(SAMPLE_RATE, 2, options, ratio, 1.0)
    for start in range(0, samples.shape[1], 1_024):
        stretcher.process(samples[:, start : start + 1_024])
        stretcher.retrieve(stretcher.available())


def _speed() -> Iterator[Row]:
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 30 * SAMPLE_RATE), dtype=np.float32)
    audio, end = Audio(samples, SAMPLE_RATE), samples.shape[1]
    ours, bare = [], []
    for _ in range(3):
        ours.append(_cpu_s(lambda: [x.shape for x in stretched(audio, anchors=[(0, 0), (end, 1.07 * end)])]))
        bare.append(_cpu_s(lambda: _bare(samples, 1.07)))
    overhead = min(ours) / min(bare) - 1
    yield Row(
        "30 s of stereo, ratio 1.07, CPU time, against R3 alone",
        f"{min(ours):.2f} s ({30 / min(ours):.0f} × real time), {overhead:+.1%}",
        f"≤ {OVERHEAD_LIMIT:.0%} more",
        overhead <= OVERHEAD_LIMIT,
    )
    yield _threads(samples[:, : 10 * SAMPLE_RATE])


def _threads(samples: Samples) -> Row:
    """Two threads against one after the other; only telling where two cores are free."""

    def run(_: int) -> Samples:
        return stretch(samples, sample_rate=SAMPLE_RATE, time_ratio=1.07)

    began = time.perf_counter()
    for index in range(2):
        run(index)
    alone_s = time.perf_counter() - began
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    together_s = time.perf_counter() - began
    return Row(
        "two threads",
        f"{alone_s / together_s:.2f} × as fast as one after the other",
        "told: 2 on two free cores",
        None,
    )


def main() -> int:
    """Print the table; 1 if a bar is missed."""
    keep_freed_memory()
    seconds = 60.0 if "--short" in sys.argv else 300.0
    rows = [row for engine in Engine for row in (*_onsets(engine, seconds), *_pitch(engine))]
    return show("Stretching", [*rows, *_sums(), *_speed()])


if __name__ == "__main__":
    sys.exit(main())

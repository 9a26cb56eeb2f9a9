"""Change tempo and pitch in one pass of Rubber Band's R3 engine, held on a time map by a closed loop.

R3 moves in whole hops: it takes about 256 frames, lays them down about 256 × ratio frames further on, and
rounds both, so where only the ratio is set its output runs off (measured: 6–10 ms after 20 s). Here each hop
is fed by itself, the frames that came out are counted, and the next ratio is chosen so that the output meets
the map again: the error stays at a hop's rounding for hours. See docs/decisions/time-stretch.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Audio, AudioSource, Blocks, Samples, rechunk
from stemwright.dsp.stretch_middle import CONTEXT_FRAMES, Feed, Middle, next_ratio
from stemwright.dsp.stretch_pieces import in_pieces
from stemwright.dsp.time_map import TimeMap, require_ratio
from stemwright.errors import InputError
from stemwright.units import semitones_to_ratio

if TYPE_CHECKING:
    from pylibrb import RubberBandStretcher

__all__ = [
    "MAX_SEMITONES",
    "Engine",
    "engine_notice",
    "stretch",
    "stretch_along",
    "stretch_engine",
    "stretched",
    "stretched_frames",
]

MAX_SEMITONES = 24.0
MIN_RATE_HZ, MAX_RATE_HZ, MAX_CHANNELS = 8_000, 192_000, 32


class Engine(StrEnum):
    """Who runs R3; both keep the map, the lengths and the pitch."""

    PYLIBRB = "pylibrb"
    """Streams; the usual one."""
    PEDALBOARD = "pedalboard"
    """Works in pieces of two minutes: where pylibrb has no wheel (Linux on arm64)."""

    @property
    def keeps_formants(self) -> bool:
        """Whether `keep_formants` can be asked for together with a pitch shift."""
        return self is Engine.PYLIBRB


def stretch_engine() -> Engine:
    """Say which engine is used here when none is asked for."""
    return Engine.PYLIBRB if find_spec("pylibrb") else Engine.PEDALBOARD


def engine_notice(engine: Engine) -> str | None:
    """Say in plain words what is different with this engine; None with the usual one."""
    if engine is Engine.PYLIBRB:
        return None
    return (
        "pylibrb is not installed: pedalboard stretched in pieces of two minutes that are crossfaded, which "
        "takes more memory and can be heard on held notes at the joins; formants can't be kept."
    )


def stretched_frames(frames: int, *, time_ratio: float) -> int:
    """Length after stretching: ``round(frames * time_ratio)``."""
    return round(frames * time_ratio)


def stretch(
    samples: Samples,
    *,
    sample_rate: int,
    time_ratio: float,
    semitones: float = 0.0,
    keep_formants: bool = False,
    engine: Engine | None = None,
) -> Samples:
    """Change length and pitch of samples in memory.

    Parameters
    ----------
    samples : Samples [shape=(channels, frames)]
        Any length, none included.
    sample_rate : int
        8,000 to 192,000 Hz.
    time_ratio : float
        Output length over input length, 0.25 to 4: 1.25 is slower.
    semitones : float
        Pitch shift, −24 to 24.
    keep_formants : bool
        Keep the spectral envelope where it is: for voices only, it takes level from anything else.
    engine : Engine, optional
        Who does it; `stretch_engine` when none is named.

    Returns
    -------
    Samples [shape=(channels, round(frames * time_ratio))]
        The very same samples when nothing is asked for.

    Raises
    ------
    InputError
        Outside these ranges, or when a sample is not a number.
    """
    require_ratio(time_ratio)
    length = stretched_frames(samples.shape[1], time_ratio=time_ratio)
    if not length:
        _require_fit(sample_rate, samples.shape[0], semitones)
        return samples[:, :0]
    # Beyond the last frame the map goes on at the asked ratio, so the rounded length moves nothing.
    anchors = ((0.0, 0.0), (length / time_ratio, float(length)))
    return stretch_along(
        samples,
        sample_rate=sample_rate,
        anchors=anchors,
        semitones=semitones,
        keep_formants=keep_formants,
        engine=engine,
    )


def stretch_along(
    samples: Samples,
    *,
    sample_rate: int,
    anchors: Sequence[tuple[float, float]],
    semitones: float = 0.0,
    keep_formants: bool = False,
    engine: Engine | None = None,
) -> Samples:
    """Move samples in memory along a time map; see `stretched`.

    Returns
    -------
    Samples [shape=(channels, round(last output frame) - round(first output frame))]
        One array.
    """
    source = Audio(samples, sample_rate)
    blocks = stretched(
        source, anchors=anchors, semitones=semitones, keep_formants=keep_formants, engine=engine
    )
    return np.concatenate([np.empty((source.channels, 0), np.float32), *blocks], axis=1)


def stretched(
    source: AudioSource,
    *,
    anchors: Sequence[tuple[float, float]],
    semitones: float = 0.0,
    keep_formants: bool = False,
    engine: Engine | None = None,
) -> Iterator[Samples]:
    """Stream a source along a time map.

    Parameters
    ----------
    source : AudioSource
        Read once, from a little before the first anchor to a little behind the last: what lies there is the
        context that keeps the edges clean, so a window of a song sounds as it does within the song.
    anchors : sequence of (float, float)
        Rising pairs (input frame, output frame), straight in between; see `TimeMap`. Input frames outside the
        source are silence.
    semitones : float
        Pitch shift, −24 to 24; all stems of a song but its drums get the same.
    keep_formants : bool
        Keep the spectral envelope where it is: for voices only.
    engine : Engine, optional
        Who does it; `stretch_engine` when none is named, and `engine_notice` says what that means.

    Yields
    ------
    Samples
        ``round(last output frame) - round(first output frame)`` frames in all. Where neither time nor pitch
        changes they are the source's own, bit for bit.

    Raises
    ------
    InputError
        When the map doesn't rise or is too steep, for rates and shifts outside their range, or when a
        sample is not a number.
    """
    _require_fit(source.sample_rate, source.channels, semitones)
    clock = TimeMap.through(anchors)
    if clock.is_unity and not semitones:
        return _copied(source, clock)
    run = _hops if (engine or stretch_engine()) is Engine.PYLIBRB else in_pieces
    return rechunk(
        _only(run(source, clock, semitones, keep_formants=keep_formants), clock.frames), BLOCK_FRAMES
    )


def _require_fit(sample_rate: int, channels: int, semitones: float) -> None:
    if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ or channels > MAX_CHANNELS:
        raise InputError(
            f"{channels} channels at {sample_rate} Hz can't be stretched: up to {MAX_CHANNELS} channels and "
            f"{MIN_RATE_HZ}–{MAX_RATE_HZ} Hz are possible.",
            way_out="Resample first.",
        )
    if not abs(semitones) <= MAX_SEMITONES:
        raise InputError(
            f"A pitch shift of {semitones:g} semitones is outside ±{MAX_SEMITONES:g}.",
            way_out="An octave is 12 semitones.",
        )


def _copied(source: AudioSource, clock: TimeMap) -> Iterator[Samples]:
    """Pass the source on; a map that moves it by part of a frame moves it to the nearest one."""
    feed = Feed(source, round(clock.anchors[0][0]), block_frames=BLOCK_FRAMES)
    for position in range(0, clock.frames, BLOCK_FRAMES):
        yield feed.take(min(BLOCK_FRAMES, clock.frames - position))


def _only(blocks: Blocks, frames: int) -> Iterator[Samples]:
    """Give the first `frames` frames, and ask for no block more."""
    given = 0
    for block in blocks:
        if block.shape[1]:
            yield block[:, : frames - given]
        given += block.shape[1]
        if given >= frames:
            return


def _hops(source: AudioSource, clock: TimeMap, semitones: float, *, keep_formants: bool) -> Iterator[Samples]:
    """Run R3 hop by hop along the map, without end; the first frame is the map's first."""
    start = round(clock.anchors[0][0]) - CONTEXT_FRAMES
    stretcher = _stretcher(source, clock, semitones, keep_formants=keep_formants)
    half = max(stretcher.get_preferred_start_pad(), stretcher.get_start_delay())
    middle = Middle.of(half, time_ratio=clock.mean_ratio, pitch_scale=stretcher.pitch_scale)
    laid = round(clock.output_at(start + middle.taken) - middle.given)
    feed = Feed(source, start, block_frames=BLOCK_FRAMES)
    while True:
        stretcher.process(feed.take(max(stretcher.get_samples_required(), 1)))
        count = stretcher.available()
        if not count:
            continue
        yield stretcher.retrieve(count)[:, max(clock.first_frame - laid, 0) :]
        stretcher.time_ratio = next_ratio(clock, feed.position - middle.to_come, laid + middle.given)
        laid += count


def _stretcher(
    source: AudioSource, clock: TimeMap, semitones: float, *, keep_formants: bool
) -> RubberBandStretcher:
    from pylibrb import Option, RubberBandStretcher

    options = Option.PROCESS_REALTIME | Option.ENGINE_FINER | Option.THREADING_NEVER
    options |= Option.PitchHighQuality  # type: ignore[attr-defined]  # named otherwise in pylibrb's stub
    if source.channels == 2:
        options |= Option.CHANNELS_TOGETHER  # left and right stay in phase: the middle stays in the middle
    if keep_formants:
        options |= Option.FORMANT_PRESERVED
    stretcher = RubberBandStretcher(
        source.sample_rate, source.channels, options, clock.ratios[0], semitones_to_ratio(semitones)
    )
    stretcher.set_max_process_size(CONTEXT_FRAMES)
    return stretcher

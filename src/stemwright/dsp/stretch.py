"""Change tempo and pitch in one pass of Rubber Band's R3 engine, held on a time map by a closed loop.

R3 moves in whole hops: it takes about 256 frames, lays them down about 256 × ratio frames further on, and
rounds both, so where only the ratio is set its output runs off (measured: 6–10 ms after 20 s). Here each hop
is fed by itself, the frames that came out are counted, and the next ratio is chosen so that the output meets
the map again: the error stays at a hop's rounding for hours. See docs/decisions/time-stretch.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Audio, AudioSource, Blocks, Samples, rechunk
from stemwright.dsp.time_map import TimeMap
from stemwright.errors import InputError
from stemwright.units import semitones_to_ratio

if TYPE_CHECKING:
    from pylibrb import RubberBandStretcher

__all__ = ["MAX_SEMITONES", "stretch", "stretch_along", "stretched", "stretched_frames"]

MAX_SEMITONES = 24.0
MIN_RATE_HZ, MAX_RATE_HZ, MAX_CHANNELS = 8_000, 192_000, 32

CONTEXT_FRAMES = 8_192
"""What is played before the first output frame, to be thrown away: two windows of R3."""

_CATCH_UP_FRAMES = 2_048  # an error is made good over this many input frames: half a window, below hearing
_RESAMPLER_FRAMES = 48  # what R3's own resampler, there only when pitch moves, holds back and doesn't tell
_ONSET_LEAD = 0.08  # R3 lays an attack down this far before the middle of a hop, in half windows (measured)


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

    Returns
    -------
    Samples [shape=(channels, round(frames * time_ratio))]
        The very same samples when nothing is asked for.

    Raises
    ------
    InputError
        Outside these ranges, or when a sample is not a number.
    """
    frames = samples.shape[1]
    length = stretched_frames(frames, time_ratio=time_ratio)
    if not length:
        _require_fit(sample_rate, samples.shape[0], semitones)
        return samples[:, :0]
    # Beyond the last frame the map goes on at the asked ratio, so the rounded length moves nothing.
    anchors = ((0.0, 0.0), (length / time_ratio, float(length)))
    return stretch_along(
        samples, sample_rate=sample_rate, anchors=anchors, semitones=semitones, keep_formants=keep_formants
    )


def stretch_along(
    samples: Samples,
    *,
    sample_rate: int,
    anchors: Sequence[tuple[float, float]],
    semitones: float = 0.0,
    keep_formants: bool = False,
) -> Samples:
    """Move samples in memory along a time map; see `stretched`.

    Returns
    -------
    Samples [shape=(channels, round(last output frame) - round(first output frame))]
        One array.
    """
    source = Audio(samples, sample_rate)
    blocks = stretched(source, anchors=anchors, semitones=semitones, keep_formants=keep_formants)
    return np.concatenate([np.empty((source.channels, 0), np.float32), *blocks], axis=1)


def stretched(
    source: AudioSource,
    *,
    anchors: Sequence[tuple[float, float]],
    semitones: float = 0.0,
    keep_formants: bool = False,
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
    hops = _hops(source, clock, semitones, keep_formants=keep_formants)
    return rechunk(_only(hops, clock.frames), BLOCK_FRAMES)


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
    feed = _Feed(source, round(clock.anchors[0][0]))
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
    middle = _Middle.of(stretcher)
    laid = round(clock.output_at(start + middle.taken) - middle.given)
    feed = _Feed(source, start)
    while True:
        stretcher.process(feed.take(max(stretcher.get_samples_required(), 1)))
        count = stretcher.available()
        if not count:
            continue
        yield stretcher.retrieve(count)[:, max(clock.first_frame - laid, 0) :]
        stretcher.time_ratio = _next_ratio(clock, feed.position - middle.to_come, laid + middle.given)
        laid += count


def _next_ratio(clock: TimeMap, taken: float, laid: float) -> float:
    """Head for where the map will be, from where the output is; never far from what the map asks for."""
    ratio = (clock.output_at(taken + _CATCH_UP_FRAMES) - laid) / _CATCH_UP_FRAMES
    return min(max(ratio, 0.9 * min(clock.ratios)), 1.1 * max(clock.ratios))


@dataclass(frozen=True, slots=True)
class _Middle:
    """Where in a hop the attack is that R3 keeps in place: what is fed there comes out there.

    Attributes
    ----------
    taken, to_come : float
        Input frames of the window before it and behind it.
    given : float
        Output frames before it, counted from where the hop is laid down.
    """

    taken: float
    to_come: float
    given: float

    @classmethod
    def of(cls, stretcher: RubberBandStretcher) -> _Middle:
        """Ask a stretcher whose ratios are set."""
        pad, delay = stretcher.get_preferred_start_pad(), stretcher.get_start_delay()
        held = _RESAMPLER_FRAMES if stretcher.pitch_scale != 1.0 else 0
        lead_in, lead_out = _ONSET_LEAD * pad, _ONSET_LEAD * delay
        return cls(pad + lead_in, pad - lead_in, delay + lead_out + held)


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


class _Feed:
    """Read a source piece by piece from any position; silence before its start and behind its end."""

    def __init__(self, source: AudioSource, position: int) -> None:
        self.position = position
        self._source = source
        self._held = np.empty((source.channels, 0), np.float32)

    def take(self, frames: int) -> Samples:
        """Give the next frames, exactly as many as asked for."""
        while self._held.shape[1] < frames:
            self._held = np.concatenate([self._held, self._read(self.position + self._held.shape[1])], axis=1)
        taken, self._held = self._held[:, :frames], self._held[:, frames:]
        self.position += frames
        return taken

    def _read(self, position: int) -> Samples:
        silent = -position if position < 0 else BLOCK_FRAMES
        if not 0 <= position < self._source.frames:
            return np.zeros((self._source.channels, silent), np.float32)
        block = self._source.read(position, BLOCK_FRAMES)
        if not np.isfinite(block).all():
            raise InputError("The audio has samples that are not a number or infinite.")
        return block

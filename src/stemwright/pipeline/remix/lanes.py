"""One lane of a remix: rendered to its file, ducked where it is no voice, and measured on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stemwright.arrange.beat_powers import BeatPowers
from stemwright.arrange.duck import DepthWindows, DuckMask, ducked
from stemwright.arrange.proofs import seam_checks
from stemwright.arrange.render import ArrangedStem, arrange_stem
from stemwright.audio import Samples, iter_blocks
from stemwright.checks import Check
from stemwright.io.reader import open_audio
from stemwright.io.writer import AudioWriter
from stemwright.pipeline.events import Ticker, ignore
from stemwright.pipeline.mix_files import stem_file
from stemwright.pipeline.remix.form import CHANNELS, SAMPLE_RATE_HZ
from stemwright.pipeline.remix.placing import Lane
from stemwright.pipeline.step import Runner
from stemwright.planning.plan import RemixPlan

__all__ = ["LaneFound", "LaneOrder", "render_lane"]


@dataclass(frozen=True, slots=True)
class LaneOrder:
    """What is to be rendered.

    Attributes
    ----------
    lane : Lane
        Matched.
    gain : float
        Of its level match, linear.
    plan, bpm
        Of the remix.
    mask : DuckMask or None
        Where it is ducked; None for a voice.
    into : Path
        Folder in which it gets its file.
    """

    lane: Lane
    gain: float
    plan: RemixPlan
    bpm: float
    mask: DuckMask | None
    into: Path


@dataclass(frozen=True, slots=True)
class LaneFound:
    """What was measured.

    Attributes
    ----------
    powers : Array [shape=(beats,)]
        Mean square of every beat, before ducking.
    windows : DepthWindows or None
        What the depth of ducking is measured from, before it; None for a voice.
    peak : float
        Highest magnitude of a sample as written.
    seams : list of Check
        Whether its jumps and loops can be heard.
    """

    powers: npt.NDArray[np.float64]
    windows: DepthWindows | None
    peak: float
    seams: list[Check]


def render_lane(runner: Runner, *, order: LaneOrder) -> LaneFound:
    """Write the file of a lane; a job for any hand."""
    ticker = Ticker("arrange", ignore, runner.cancelled)
    with open_audio(order.lane.audio) as file:
        stem = arrange_stem(order.lane.placed(file, order.gain), order.plan, bpm=order.bpm)
        tapped = _Tapped(stem, order)
        blocks = ticker.watch(_stream(tapped, order), stem.frames)
        peak = _write(order.into / stem_file(order.lane.name), blocks, stem.frames)
        return LaneFound(tapped.beats.powers, tapped.windows, peak, seam_checks([stem]))


class _Tapped:
    """A stem that is measured, before it is ducked, while somebody reads it from its start on."""

    def __init__(self, stem: ArrangedStem, order: LaneOrder) -> None:
        beats = order.plan.sections[-1].end_beat
        self._stem = stem
        self._heard = 0
        self.beats = BeatPowers(bpm=order.bpm, beats=beats, sample_rate=SAMPLE_RATE_HZ)
        self.windows = None if order.mask is None else DepthWindows(order.mask, channels=CHANNELS)
        self.sample_rate, self.channels, self.frames = stem.sample_rate, stem.channels, stem.frames

    def read(self, start: int, frames: int) -> Samples:
        """Read as the stem does; what was read before is not measured again."""
        block = self._stem.read(start, frames)
        fresh = block[:, max(self._heard - max(start, 0), 0) :]
        self.beats.feed(fresh)
        if self.windows is not None:
            self.windows.feed(fresh)
        self._heard += fresh.shape[1]
        return block


def _stream(tapped: _Tapped, order: LaneOrder) -> Iterator[Samples]:
    if order.mask is None:
        return iter_blocks(tapped)
    return ducked(tapped, mask=order.mask, depth_db=order.plan.ducking_db)


def _write(path: Path, blocks: Iterator[Samples], frames: int) -> float:
    peak = 0.0
    with AudioWriter(path, sample_rate=SAMPLE_RATE_HZ, channels=CHANNELS, frames=frames) as writer:
        for block in blocks:
            writer.write(block)
            peak = max(peak, float(block.max()), -float(block.min()))
    return peak

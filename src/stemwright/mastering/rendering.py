"""The chain of a master: fades, match, gain, limiter; streamed, as long as its source to the frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks
from stemwright.dsp.fades import fade_blocks
from stemwright.dsp.limiter import Limiter, LimiterSettings
from stemwright.dsp.match import EqCurve, apply_curve
from stemwright.io.reader import open_audio
from stemwright.io.writer import AudioWriter
from stemwright.mastering.settings import MasterPlan, MasterSettings
from stemwright.units import db_to_gain, seconds_to_frames

__all__ = ["Tape", "amplify", "limiter_for", "prepare", "render_master"]


class Tape:
    """Keep the last limited stream on disk, so that what was planned is not limited again to be rendered.

    Parameters
    ----------
    path : Path
        A file of ours, replaced by every recording; whoever made the tape removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: tuple[float, MasterSettings] | None = None

    def record(
        self, blocks: Blocks, *, source: AudioSource, gain_db: float, settings: MasterSettings
    ) -> Iterator[Samples]:
        """Hand a stream of `source` at a gain on, and keep it."""
        self._held = None
        with AudioWriter(
            self._path, sample_rate=source.sample_rate, channels=source.channels, overwrite=True
        ) as writer:
            for block in blocks:
                writer.write(block)
                yield block
        self._held = (gain_db, settings)

    def holds(self, plan: MasterPlan) -> bool:
        """Whether the recording is what `plan` would render, bit for bit."""
        return plan.limits and self._held == (plan.gain_db, plan.settings)

    def play(self) -> Iterator[Samples]:
        """Stream the recording."""
        with open_audio(self._path) as file:
            yield from iter_blocks(file)


def render_master(source: AudioSource, plan: MasterPlan, *, tape: Tape | None = None) -> Iterator[Samples]:
    """Render the master as planned.

    Parameters
    ----------
    source : AudioSource
        The one that was planned.
    plan : MasterPlan
        From `plan_master`.
    tape : Tape, optional
        What planning recorded: the same samples for less work.

    Yields
    ------
    Samples
        Together exactly ``source.frames`` frames; the same on every run.
    """
    if tape is not None and tape.holds(plan):
        return tape.play()
    louder = amplify(prepare(source, plan.settings, plan.curve), plan.gain_db)
    return limiter_for(source, plan.settings).stream(louder) if plan.limits else louder


def prepare(source: AudioSource, settings: MasterSettings, curve: EqCurve) -> Iterator[Samples]:
    """Fade and equalise: everything that comes before the loudness is set."""
    rate = source.sample_rate
    faded = fade_blocks(
        iter_blocks(source),
        total_frames=source.frames,
        fade_in_frames=min(seconds_to_frames(settings.fade_in_s, rate), source.frames),
        fade_out_frames=min(seconds_to_frames(settings.fade_out_s, rate), source.frames),
    )
    return apply_curve(faded, curve, sample_rate=rate)


def amplify(blocks: Blocks, gain_db: float) -> Iterator[Samples]:
    """Multiply a stream by a gain; 0 dB passes the very same samples on."""
    gain = np.float32(db_to_gain(gain_db))
    for block in blocks:
        yield block * gain if gain_db else block


def limiter_for(source: AudioSource, settings: MasterSettings) -> Limiter:
    """Build the limiter of a master."""
    own = LimiterSettings(ceiling_dbtp=settings.ceiling_dbtp)
    return Limiter(source.sample_rate, source.channels, settings=own)

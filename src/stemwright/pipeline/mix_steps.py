"""Step 7 of the text: the mix as the sum of the delivered stems, and the master of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.audio import AudioSource, Samples
from stemwright.checks import Check
from stemwright.dsp.dither import Quantiser, seed_from
from stemwright.dsp.loudness import Loudness, LoudnessMeter, integrated_lufs
from stemwright.grid import Section
from stemwright.io.reader import open_audio
from stemwright.io.writer import AudioWriter
from stemwright.mixing.mix import MixPlan, Rendered, Track, plan_mix, render_mix
from stemwright.pipeline.background import InBackground
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import LOUDNESS, MIX, keep_loudness, stem_file
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.step import Outcome, Result

__all__ = ["mix_stems"]

PLAN_SHARE = 0.3
HELD_BLOCKS = 2
BITS = {"PCM_16": 16, "PCM_24": 24}


def mix_stems(session: Session, stems: Sequence[StemAudio]) -> Result:
    """Render every stem at its gain and place, and the sum of exactly what was written."""
    spec = session.spec

    def work(folder: Path, ticker: Ticker) -> Outcome:
        (folder / "stems").mkdir()
        with ExitStack() as files:
            tracks = [_track(stem, files.enter_context(open_audio(stem.path))) for stem in stems]
            plan = plan_mix(tracks, channels=spec.channels, settings=spec.mix)
            ticker.tell(PLAN_SHARE)
            meter = LoudnessMeter(spec.sample_rate, spec.channels)
            _write(session, tracks, plan, folder=folder, files=files, ticker=ticker, meter=meter)
        measured = meter.result()
        keep_loudness(measured, folder)
        sections = _section_loudness(session.timeline.sections, measured, spec.sample_rate)
        loudness = [(row["name"], row["integrated_lufs"]) for row in sections]
        checks = _contrast(loudness) if _is_played(stems) else ()
        details = {
            "headroom_db": plan.headroom_db,
            "peak_dbfs_as_asked": plan.peak_dbfs,
            "sections": sections,
        }
        return Outcome(checks, details, plan.notices)

    inputs = {
        "stems": [[s.name, s.key, s.spec.gain_db, s.spec.pan] for s in stems],
        "settings": asdict(spec.mix),
        "format": [spec.channels, spec.sample_rate, spec.subtype, spec.seed],
        "sections": repr(session.timeline.sections),
        "played": _is_played(stems),
        "measured": LOUDNESS,
    }
    return session.runner.run("mix", inputs=inputs, work=work, weight=2.0)


def _track(stem: StemAudio, source: AudioSource) -> Track:
    return Track(stem.name, source, stem.spec.gain_db, stem.spec.pan)


def _is_played(stems: Sequence[StemAudio]) -> bool:
    """Whether the arrangement is ours to answer for: all of it was played from scores."""
    return all(stem.midi is not None for stem in stems)


def _contrast(loudness: list[tuple[str, float | None]]) -> tuple[Check, ...]:
    from stemwright.synth import check_contrast

    return tuple(check_contrast(loudness, subject="mix"))


def _write(
    session: Session,
    tracks: Sequence[Track],
    plan: MixPlan,
    *,
    folder: Path,
    files: ExitStack,
    ticker: Ticker,
    meter: LoudnessMeter,
) -> None:
    spec = session.spec
    names = [*(stem_file(track.name) for track in tracks), MIX]
    writers = [files.enter_context(_writer(session, folder / name, plan.frames)) for name in names]
    formats = [SampleFormat(spec.subtype, spec.channels, f"{spec.seed} {name}") for name in names]

    def quantise(block: Samples, index: int, _start: int) -> Samples:
        return formats[index].apply(block)

    def write(rendered: Rendered) -> None:
        for writer, block in zip(writers, (*rendered.stems, rendered.mix), strict=True):
            writer.write(block)

    writing = files.enter_context(InBackground(write, held=HELD_BLOCKS))
    for rendered in render_mix(tracks, plan, channels=spec.channels, quantise=quantise):
        writing.put(rendered)
        meter.feed(rendered.mix)
        ticker.tell(PLAN_SHARE + (1 - PLAN_SHARE) * rendered.start / plan.frames)


def _writer(session: Session, path: Path, frames: int) -> AudioWriter:
    spec = session.spec
    return AudioWriter(
        path, sample_rate=spec.sample_rate, channels=spec.channels, subtype=spec.subtype, frames=frames
    )


class SampleFormat:
    """Bring a stream to the values that its file will hold, so that the mix is the sum of those.

    Blocks must be whole chunks of the quantiser, but for the last: `BLOCK_FRAMES` is.
    """

    def __init__(self, subtype: str, channels: int, name: str) -> None:
        self._bits = BITS.get(subtype)
        self._quantiser = (
            Quantiser(bits=self._bits, channels=channels, seed=seed_from(name)) if self._bits else None
        )

    def apply(self, block: Samples) -> Samples:
        """Return the block as it will be read back."""
        if self._quantiser is None or self._bits is None:
            return block
        steps = np.concatenate((self._quantiser.push(block), self._quantiser.flush()), axis=1)
        return (steps * 2.0 ** (1 - self._bits)).astype(np.float32)


def _section_loudness(
    sections: Sequence[Section], measured: Loudness, sample_rate: int
) -> list[dict[str, Any]]:
    """Integrated loudness of every section of the mix, to the nearest 100 ms."""
    hop = measured.hop_s * sample_rate
    return [
        {
            "name": section.name,
            "start_frame": section.start_frame,
            "end_frame": section.end_frame,
            "integrated_lufs": integrated_lufs(
                measured.hop_powers[round(section.start_frame / hop) : round(section.end_frame / hop)]
            ),
        }
        for section in sections
    ]

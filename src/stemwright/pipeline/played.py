"""Sources that are played: scores, drum patterns and MIDI files, through a SoundFont."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemwright.checks import Notice
from stemwright.io.writer import write_audio
from stemwright.pipeline.arrivals import AUDIO, checked_arrival, digest_of, stem_inputs
from stemwright.pipeline.digests import remembered_sha256
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import DrumSource, MidiSource, ScoreSource, StemSpec
from stemwright.pipeline.step import Outcome
from stemwright.synth import (
    Part,
    check_part,
    compose_drums,
    compose_score,
    default_soundfont,
    read_midi_part,
    render_part,
    write_midi,
)
from stemwright.verification import ArrivalMeter

__all__ = ["play"]

MIDI = "source.mid"


@dataclass(frozen=True, slots=True)
class _Played:
    """What a stem will be when it has been played."""

    sample_rate: int
    channels: int
    frames: int


def play(session: Session, stem: StemSpec, source: ScoreSource | DrumSource | MidiSource) -> StemAudio:
    """Play notes through the SoundFont; the .mid is kept beside the audio."""
    soundfont = session.spec.soundfont or default_soundfont()
    spec, timeline = session.spec, session.timeline

    def work(folder: Path, ticker: Ticker) -> Outcome:
        part = _part_of(session, stem, source)
        write_midi(folder / MIDI, [part], timeline=timeline, title=stem.name)
        channels = min(spec.channels, 2)
        blocks = render_part(part, timeline=timeline, soundfont_path=soundfont, channels=channels)
        meter = ArrivalMeter(_Played(spec.sample_rate, channels, timeline.frames))
        watched = ticker.watch(meter.watch(blocks), timeline.frames)
        write_audio(folder / AUDIO, watched, sample_rate=spec.sample_rate, channels=channels)
        checks = check_part(part, timeline=timeline, subject=stem.name)
        notices = [Notice(remark) for remark in part.remarks]
        return checked_arrival(folder / AUDIO, session, stem, checks=checks, notices=notices, meter=meter)

    inputs = {
        "kind": type(source).__name__,
        "settings": repr(source)
        if not isinstance(source, MidiSource)
        else [digest_of(source.path), source.instrument],
        "soundfont": remembered_sha256(soundfont, session.runner.store),
        "timeline": repr((timeline.sections, str(timeline.meter), timeline.frames)),
        "music": [str(spec.key), spec.seed, stem.name],
        "channels": spec.channels,
        **stem_inputs(session, stem),
    }
    result = session.runner.run(f"source {stem.name}", inputs=inputs, work=work, weight=2.0)
    return StemAudio(stem, result.file(AUDIO), result.key, midi=result.file(MIDI))


def _part_of(session: Session, stem: StemSpec, source: ScoreSource | DrumSource | MidiSource) -> Part:
    spec, timeline = session.spec, session.timeline
    match source:
        case ScoreSource(settings):
            return compose_score(
                settings, timeline=timeline, role=stem.role, key=spec.key, seed=spec.seed, name=stem.name
            )
        case DrumSource(settings):
            return compose_drums(settings, timeline=timeline, seed=spec.seed, name=stem.name)
        case MidiSource(path, instrument):
            return read_midi_part(path, timeline=timeline, instrument=instrument, name=stem.name)

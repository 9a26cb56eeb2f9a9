"""Step 3 of the text: get each stem from its source, at the session rate, and check it at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stemwright.checks import Check, Notice
from stemwright.errors import InputError, RefusedError, UnreadableError
from stemwright.io.decode import decode_to, readable_as_is
from stemwright.io.files import sha256_of
from stemwright.io.reader import open_audio
from stemwright.io.writer import write_audio
from stemwright.pipeline.digests import remembered_sha256
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import (
    CommandSource,
    DrumSource,
    FileSource,
    MidiSource,
    ScoreSource,
    StemSpec,
)
from stemwright.pipeline.step import Outcome
from stemwright.pipeline.tables import nearest
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
from stemwright.verification import ArrivalMeter, check_stem

__all__ = ["make_source"]

AUDIO, MIDI = "source.wav", "source.mid"
LOG_CHARACTERS = 600
POLL_S = 0.1
FIELD = re.compile(r"\{(\w+)\}")


def make_source(session: Session, stem: StemSpec) -> StemAudio:
    """Get one stem from its source; raises `CheckFailedError` when it is no good."""
    if isinstance(stem.source, FileSource):
        return _take(session, stem, stem.source)
    if isinstance(stem.source, CommandSource):
        return _generated(session, stem, stem.source)
    return _played(session, stem, stem.source)


def _take(session: Session, stem: StemSpec, source: FileSource) -> StemAudio:
    """Bring in a file; one that is ready to use is read where it is."""
    digest = _digest(source.path)
    rate = session.spec.sample_rate
    as_is = readable_as_is(source.path, sample_rate=rate)

    def work(folder: Path, ticker: Ticker) -> Outcome:
        notices: tuple[Notice, ...] = ()
        if not as_is:
            notices = decode_to(source.path, folder / AUDIO, sample_rate=rate, watch=ticker.watch).notices
        path = source.path if as_is else folder / AUDIO
        return _checked(path, session, stem, notices=tuple(replace(n, subject=stem.name) for n in notices))

    inputs = {"kind": "file", "sha256": digest, "as_is": as_is, **_stem_inputs(session, stem)}
    result = session.runner.run(f"source {stem.name}", inputs=inputs, work=work)
    return StemAudio(stem, source.path if as_is else result.file(AUDIO), result.key)


@dataclass(frozen=True, slots=True)
class _Played:
    """What a stem will be when it has been played."""

    sample_rate: int
    channels: int
    frames: int


def _played(session: Session, stem: StemSpec, source: ScoreSource | DrumSource | MidiSource) -> StemAudio:
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
        notices = tuple(Notice(remark, stem.name) for remark in part.remarks)
        return _checked(folder / AUDIO, session, stem, checks=checks, notices=notices, meter=meter)

    inputs = {
        "kind": type(source).__name__,
        "settings": repr(source)
        if not isinstance(source, MidiSource)
        else [_digest(source.path), source.instrument],
        "soundfont": remembered_sha256(soundfont, session.runner.store),
        "timeline": repr((timeline.sections, str(timeline.meter), timeline.frames)),
        "music": [str(spec.key), spec.seed, stem.name],
        "channels": spec.channels,
        **_stem_inputs(session, stem),
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


def _generated(session: Session, stem: StemSpec, source: CommandSource) -> StemAudio:
    """Run an external generator in a folder of its own and bring in what it wrote."""
    if not session.allow_commands:
        raise RefusedError(
            f'The stem "{stem.name}" wants to run the command {source.argv[0]!r}.',
            way_out="Look at the spec; if you trust it, run again with --allow-commands.",
        )
    argv = _filled(source.argv, session, stem, source)

    def work(folder: Path, ticker: Ticker) -> Outcome:
        raw = folder / "generator"
        raw.mkdir()
        _run_generator(argv, raw, source, stem, ticker)
        notices = decode_to(
            raw / source.output, folder / AUDIO, sample_rate=session.spec.sample_rate, watch=ticker.watch
        ).notices
        (raw / source.output).unlink()
        return _checked(
            folder / AUDIO, session, stem, notices=tuple(replace(n, subject=stem.name) for n in notices)
        )

    programs = {part: sha256_of(Path(part)) for part in argv if Path(part).is_file()}
    inputs = {"kind": "command", "argv": argv, "output": source.output, "programs": programs}
    result = session.runner.run(
        f"source {stem.name}", inputs=inputs | _stem_inputs(session, stem), work=work, weight=2.0
    )
    return StemAudio(stem, result.file(AUDIO), result.key)


def _filled(argv: Iterable[str], session: Session, stem: StemSpec, source: CommandSource) -> list[str]:
    """Fill in the template; what is a file beside the spec is given with its whole path."""
    spec, timeline = session.spec, session.timeline
    fields = {
        "output": source.output,
        "name": stem.name,
        "frames": timeline.frames,
        "sample_rate": spec.sample_rate,
        "seconds": f"{timeline.frames / spec.sample_rate:.6f}",
        "bpm": f"{float(spec.bpm):g}",
        "key": spec.key,
        "seed": spec.seed,
    }

    def fill(match: re.Match[str]) -> str:
        if match[1] not in fields:
            raise InputError(
                f'The command of the stem "{stem.name}" has the field {match[0]}, which does not exist.',
                way_out=nearest(match[1], fields),
            )
        return str(fields[match[1]])

    base = spec.path.parent.absolute()
    beside = (str(base / part) if (base / part).is_file() else part for part in argv)
    return [FIELD.sub(fill, part) for part in beside]


def _run_generator(
    argv: list[str], folder: Path, source: CommandSource, stem: StemSpec, ticker: Ticker
) -> None:
    """Run the generator in its own process group, so that all of it ends with us."""
    log = folder / "generator.log"
    who = f'The command of the stem "{stem.name}"'
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - what people asked for and allowed
                argv,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise InputError(f"{who} can't be started: {argv[0]}: {error.strerror}.") from error
    try:
        code = _wait(process, source.timeout_s, ticker)
    except BaseException:
        _kill(process)
        raise
    said = log.read_text(errors="replace")[-LOG_CHARACTERS:].strip()
    if code is None:
        _kill(process)
        raise InputError(
            f"{who} was still running after {source.timeout_s:g} s and was stopped. It said: {said}"
        )
    if code:
        raise InputError(f"{who} ended with status {code}. It said: {said}")
    if not (folder / source.output).is_file():
        raise InputError(
            f"{who} ended well and wrote no file {source.output}.",
            way_out="It must write it into the folder that it is started in; {output} is its name.",
        )


def _wait(process: subprocess.Popen[bytes], timeout_s: float, ticker: Ticker) -> int | None:
    """Wait in short naps, so that an interrupt is heard; None when the time is up."""
    for nap in range(max(round(timeout_s / POLL_S), 1)):
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            ticker.tell(nap * POLL_S / timeout_s)
    return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    else:
        process.kill()
    process.wait()


def _digest(path: Path) -> str:
    if not path.exists():
        raise UnreadableError(
            f"{path} does not exist.", way_out="Paths in a spec are relative to its folder."
        )
    if not path.is_file():
        raise UnreadableError(f"{path} is not a file.")
    try:
        return sha256_of(path)
    except OSError as error:
        raise UnreadableError(f"{path} can't be read: {error.strerror}.") from error


def _stem_inputs(session: Session, stem: StemSpec) -> dict[str, Any]:
    return {"sample_rate": session.spec.sample_rate, "silent": stem.silent, "name": stem.name}


def _checked(
    path: Path,
    session: Session,
    stem: StemSpec,
    *,
    checks: Iterable[Check] = (),
    notices: tuple[Notice, ...] = (),
    meter: ArrivalMeter | None = None,
) -> Outcome:
    """Check the stem as it arrived; its length is recorded, not gated."""
    with open_audio(path) as audio:
        found = check_stem(
            audio,
            subject=stem.name,
            expected_rate=session.spec.sample_rate,
            declared_silent=stem.silent,
            meter=meter,
        )
        details = {
            "frames": audio.frames,
            "target_frames": session.timeline.frames,
            "channels": audio.channels,
        }
    return Outcome((*found, *checks), details, notices)

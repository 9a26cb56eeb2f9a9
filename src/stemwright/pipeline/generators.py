"""Sources that an external command makes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from stemwright.errors import InputError, RefusedError
from stemwright.io.decode import decode_to
from stemwright.io.files import sha256_of
from stemwright.pipeline.arrivals import AUDIO, checked_arrival, stem_inputs
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import CommandSource, StemSpec
from stemwright.pipeline.step import Outcome
from stemwright.pipeline.tables import nearest

__all__ = ["generate"]

LOG_CHARACTERS = 600
POLL_S = 0.1
FIELD = re.compile(r"\{(\w+)\}")


def generate(session: Session, stem: StemSpec, source: CommandSource) -> StemAudio:
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
        return checked_arrival(folder / AUDIO, session, stem, notices=notices)

    programs = {part: sha256_of(Path(part)) for part in argv if Path(part).is_file()}
    inputs = {"kind": "command", "argv": argv, "output": source.output, "programs": programs}
    result = session.runner.run(
        f"source {stem.name}", inputs=inputs | stem_inputs(session, stem), work=work, weight=2.0
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

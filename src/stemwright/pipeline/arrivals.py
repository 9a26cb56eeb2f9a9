"""What every source of a stem shares: what its result depends on, and the check of what arrived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from stemwright.checks import Check, Notice
from stemwright.errors import UnreadableError
from stemwright.io.files import sha256_of
from stemwright.io.reader import open_audio
from stemwright.pipeline.session import Session
from stemwright.pipeline.spec import StemSpec
from stemwright.pipeline.step import Outcome
from stemwright.verification import ArrivalMeter, check_stem

__all__ = ["AUDIO", "checked_arrival", "digest_of", "stem_inputs"]

AUDIO = "source.wav"


def digest_of(path: Path) -> str:
    """Digest of a file that a spec names; `UnreadableError` says what is wrong with it."""
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


def stem_inputs(session: Session, stem: StemSpec) -> dict[str, Any]:
    """Name what the result of any source depends on, beside its own settings."""
    return {"sample_rate": session.spec.sample_rate, "silent": stem.silent, "name": stem.name}


def checked_arrival(
    path: Path,
    session: Session,
    stem: StemSpec,
    *,
    checks: Iterable[Check] = (),
    notices: Iterable[Notice] = (),
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
    told = tuple(replace(notice, subject=stem.name) for notice in notices)
    return Outcome((*found, *checks), details, told)

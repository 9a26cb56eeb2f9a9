"""The process that reads strangers' headers: questions in, answers out, one JSON line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from stemwright.errors import StemwrightError
from stemwright.io.archive import ArchiveLimits
from stemwright.io.limits import ReadLimits
from stemwright.io.probe import probe, probe_zip

__all__ = ["answer", "main"]

OPEN_FILES = 64


def main(memory_bytes: int) -> None:
    """Answer until there are no more questions."""
    import av
    import soundfile  # noqa: F401 - both are loaded before anything is limited

    av.logging.set_level(None)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    _limit(memory_bytes)
    serve(sys.stdin, answers)


def _limit(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # reading headers writes nothing
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))


def serve(questions: Iterable[str], answers: TextIO) -> None:
    """Answer questions in order."""
    answers.write("ready\n")
    answers.flush()
    for line in questions:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Read one header; what is wrong with the file is an answer too."""
    limits = ReadLimits(max_duration_s=question["max_duration_s"], max_channels=question["max_channels"])
    path, name, unpacked = Path(question["path"]), question["name"], question.get("max_unpacked_bytes")
    try:
        if unpacked is None:
            return asdict(probe(path, name=name, limits=limits))
        return asdict(probe_zip(path, name=name, limits=limits, archive=ArchiveLimits(max_bytes=unpacked)))
    except (StemwrightError, MemoryError) as error:
        return {"refused": str(error) or f"{name} can't be read."}

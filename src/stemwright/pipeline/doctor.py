"""What is installed, what is missing, and what that means for people."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stemwright._version import __version__
from stemwright.errors import StemwrightError
from stemwright.pipeline.store import GIB, load_store_settings

__all__ = ["Finding", "examine"]

LOW_DISK_GIB = 2.0

PACKAGES = {
    "numpy": "all arithmetic",
    "soundfile": "WAV, AIFF, FLAC, OGG",
    "soxr": "resampling",
    "av": "M4A/AAC, ALAC, Opus, WMA; writing MP3",
    "pedalboard": "effects, VST3",
    "mido": "MIDI files",
    "pretty_midi": "the General MIDI SoundFont that it carries",
}

EXTRAS = {
    "demucs": ("full separation", "demucs"),
    "audio-separator": ("full separation with more models", "audio-separator"),
    "essentia": ("another ear for beats and keys", "essentia"),
    "pydantic-ai-slim": ("plans by a language model", "llm"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name, seen, meaning : str
        What it is, what was found, what that means.
    good : bool
        Whether it is as it should be.
    needed : bool
        Whether stemwright can't work without it.
    """

    name: str
    seen: str
    meaning: str
    good: bool
    needed: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def examine() -> Sequence[Finding]:
    """Look at interpreter, libraries, SoundFont, MP3 encoder, store and disk."""
    looks: list[Callable[[], Finding]] = [
        _python,
        *(_package(name) for name in PACKAGES),
        _soundfont,
        _mp3,
        _stretching,
        *(_extra(name) for name in EXTRAS),
        _language_model,
        _store,
    ]
    return [Finding("stemwright", __version__, "", good=True), *(look() for look in looks)]


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("Python", platform.python_version(), "" if good else "3.11 or newer is needed.", good=good)


def _package(name: str) -> Callable[[], Finding]:
    def look() -> Finding:
        try:
            return Finding(name, version(name), f"Used for {PACKAGES[name]}.", good=True)
        except PackageNotFoundError:
            way_out = f"Needed for {PACKAGES[name]}: pip install {name}."
            return Finding(name, "missing", way_out, good=False)

    return look


def _extra(name: str) -> Callable[[], Finding]:
    purpose, extra = EXTRAS[name]

    def look() -> Finding:
        try:
            return Finding(name, version(name), f"Used for {purpose}.", good=True, needed=False)
        except PackageNotFoundError:
            meaning = f"Only for {purpose}: pip install 'stemwright[{extra}]'."
            return Finding(name, "not installed", meaning, good=True, needed=False)

    return look


def _stretching() -> Finding:
    from stemwright.dsp.stretch import engine_notice, stretch_engine

    engine = stretch_engine()
    return Finding("Rubber Band R3", str(engine), engine_notice(engine) or "", good=True, needed=False)


def _language_model() -> Finding:
    """Say whether a language model would plan; never its key."""
    from stemwright.planning.llm_settings import LlmSettings

    settings = LlmSettings.from_environment()
    if settings.ready:
        return Finding(
            "language model", settings.name, "Plans remixes (--planner auto).", good=True, needed=False
        )
    meaning = "Remixes are planned offline; set ANTHROPIC_API_KEY, OPENAI_API_KEY or STEMWRIGHT_LLM."
    return Finding("language model", "no key", meaning, good=True, needed=False)


def _soundfont() -> Finding:
    from stemwright.synth import default_soundfont

    try:
        path = default_soundfont()
    except StemwrightError as error:
        return Finding("SoundFont", "missing", str(error), good=False, needed=False)
    return Finding(
        "SoundFont", path.name, "Score, MIDI and drum stems can be played.", good=True, needed=False
    )


def _mp3() -> Finding:
    import av

    good = "libmp3lame" in av.codecs_available
    meaning = "" if good else 'Leave "mp3" out of delivery.formats.'
    return Finding("MP3 encoder", "LAME" if good else "missing", meaning, good=good, needed=False)


def _store() -> Finding:
    settings = load_store_settings()
    nearest = settings.folder
    while not nearest.exists():
        nearest = nearest.parent
    free_gib = shutil.disk_usage(nearest).free / GIB
    good = free_gib >= LOW_DISK_GIB
    meaning = f"May grow to {settings.max_bytes / GIB:g} GiB." + ("" if good else " The disk is nearly full.")
    return Finding("store", f"{settings.folder} ({free_gib:.1f} GiB free)", meaning, good=good, needed=False)

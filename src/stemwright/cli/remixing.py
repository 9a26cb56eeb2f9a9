"""Turn what was typed about two songs into requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stemwright.analysis import AnalysisOverrides
from stemwright.errors import InputError, SpecError
from stemwright.pipeline.remix import SongRequest
from stemwright.planning.plan import SongId
from stemwright.songs import Key

__all__ = ["moved_songs", "requests_of"]


def requests_of(paths: Sequence[Path], options: dict[str, Any]) -> list[SongRequest]:
    """Build a request for each path, and take what belongs to it out of `options`."""
    if len(paths) > len(SongId):
        raise InputError(
            f"{len(paths)} songs were given; one or two can be analysed together.",
            way_out="With --loudness any number of files is measured.",
        )
    known = [_known(options, song.value[-1]) for song in SongId]
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.", way_out="Is the path spelled right?")
    return [
        SongRequest(None if path.is_dir() else path, stems or (path if path.is_dir() else None), overrides)
        for path, (stems, overrides) in zip(paths, known, strict=False)
    ]


def _known(options: dict[str, Any], song: str) -> tuple[Path | None, AnalysisOverrides]:
    stems = options.pop(f"stems_{song}")
    tempo, key = options.pop(f"tempo_{song}"), options.pop(f"key_{song}")
    factor, bpm = _tempo(tempo, song)
    return stems, AnalysisOverrides(
        tempo_factor=factor,
        bpm=bpm,
        first_downbeat_s=options.pop(f"first_downbeat_{song}"),
        key=None if key is None else Key.parse(key),
    )


def _tempo(text: str | None, song: str) -> tuple[float | None, float | None]:
    """Read ``"92.5"``, ``"x2"`` or ``"/2"``: (factor, bpm)."""
    if text is None:
        return None, None
    try:
        if text[:1] in ("x", "×", "*"):
            return float(text[1:]), None
        return (1.0 / float(text[1:]), None) if text[:1] == "/" else (None, float(text))
    except (ValueError, ZeroDivisionError) as error:
        raise SpecError(f'--tempo-{song}: "{text}" is no tempo.', way_out="Write 92.5, x2 or /2.") from error


def moved_songs(options: dict[str, Any]) -> Mapping[SongId, Path]:
    """Take out of `options` where songs are now."""
    found = {song: options.pop(f"song_{song.value[-1]}") for song in SongId}
    return {song: path for song, path in found.items() if path is not None}

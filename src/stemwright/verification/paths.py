"""The set check on files as people have them: files, folders, zips and stem containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stemwright._version import __version__
from stemwright.checks import Notice, Report
from stemwright.errors import InputError
from stemwright.io.archive import Archive, open_archive
from stemwright.io.reader import AudioFile, open_audio
from stemwright.io.sort_out import is_audio_name, sort_names
from stemwright.verification.expectations import Expectations
from stemwright.verification.limits import Limits
from stemwright.verification.named import NamedFile
from stemwright.verification.presets import find_preset
from stemwright.verification.sets import Watch, examine_set

__all__ = ["verify_paths"]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that can be opened: its unique name, its file name, and how."""

    name: str
    file_name: str
    open: Callable[[], AudioFile]


def verify_paths(
    paths: Sequence[Path],
    *,
    mix: Path | None = None,
    preset: str | None = None,
    expected: Expectations | None = None,
    limits: Limits | None = None,
    watch: Watch | None = None,
) -> Report:
    """Check a set of stems as files, folders, zips or an NI ``.stem.mp4``; zips are read in place.

    Parameters
    ----------
    paths : Sequence[Path]
        What belongs to the set. In folders and zips files without an audio suffix are left out, and told.
    mix : Path, optional
        What the stems should sum to; found by its name (mix, mixdown, reference, …, else master) without.
    preset : str, optional
        Delivery rules to be asked as well: one of `PRESETS`.
    expected : Expectations, optional
        What the set was declared to be.
    limits : Limits, optional
        What counts as a fault.
    watch : callable, optional
        Told frames done and frames to do.

    Returns
    -------
    Report
        Its notices say which file was taken as what.

    Raises
    ------
    InputError
        When there is nothing to check.
    UnreadableError
        When a file can't be read.
    SpecError
        When there is no such preset.
    """
    rules = find_preset(preset) if preset is not None else None
    with ExitStack() as stack:
        found, skipped = _collect(paths, mix, stack)
        sorted_out = sort_names([file.name for file in found], mix=_name_of_mix(found, mix))
        opened = {
            file.name: NamedFile(file.name, stack.enter_context(file.open()), file_name=file.file_name)
            for file in found
            if file.name not in sorted_out.others
        }
        short = _short_names(opened)
        stems = [short[name] for name in sorted_out.stems]
        whole = None if sorted_out.mix is None else short[sorted_out.mix]
        report = examine_set(
            stems, mix=whole, preset=rules, expected=expected, limits=limits, watch=watch
        )  # fmt: skip
    notices = _told([stem.name for stem in stems], sorted_out.mix, sorted_out.others, skipped)
    title = paths[0].name or str(paths[0])
    return Report(__version__, "verify", title, report.steps, notices)


def _collect(paths: Sequence[Path], mix: Path | None, stack: ExitStack) -> tuple[list[_Found], list[str]]:
    """List what can be opened, in the order of names, and what was left out."""
    found: list[_Found] = []
    skipped: list[str] = []
    for path in paths:
        found.extend(_in(path, stack, skipped))
    if mix is not None and not any(_is_mix(file, mix) for file in found):
        found.append(_plain(mix, mix.name))
    if not found:
        raise InputError(
            f"No audio file in {', '.join(str(path) for path in paths)}.",
            way_out="Name the stems, their folder, or a zip of them.",
        )
    return _unique(found), skipped


def _in(path: Path, stack: ExitStack, skipped: list[str]) -> Iterator[_Found]:
    if path.is_dir():
        yield from _in_folder(path, skipped)
    elif path.suffix.lower() == ".zip":
        yield from _in_zip(stack.enter_context(open_archive(path)), skipped)
    else:
        yield from _streams(path)


def _in_folder(folder: Path, skipped: list[str]) -> Iterator[_Found]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if is_audio_name(name):
            yield from _streams(path, name)
        else:
            skipped.append(name)


def _in_zip(archive: Archive, skipped: list[str]) -> Iterator[_Found]:
    for entry in archive.entries:
        if is_audio_name(entry.name):
            file_name = PurePosixPath(entry.name).name
            yield _Found(entry.name, file_name, lambda name=entry.name: archive.open_audio(name))  # type: ignore[misc]
        else:
            skipped.append(entry.name)


def _plain(path: Path, name: str) -> _Found:
    return _Found(name, path.name, lambda: open_audio(path))


def _streams(path: Path, name: str | None = None) -> Iterator[_Found]:
    """Yield a file, or the mix and the stems of an NI STEM container."""
    name = name or path.name
    if not path.name.lower().endswith((".stem.mp4", ".stem.m4a")):
        yield _plain(path, name)
        return
    with open_audio(path) as first:
        streams = first.info.streams
    for number, stream in enumerate(streams):
        said = "mix" if number == 0 else stream.title or f"stem {number}"
        yield _Found(f"{name}/{number} {said}", "", lambda index=number: open_audio(path, stream=index))  # type: ignore[misc]


def _unique(found: Iterable[_Found]) -> list[_Found]:
    """Give files of one name from different places different names."""
    seen: dict[str, int] = {}
    unique = []
    for file in found:
        count = seen[file.name] = seen.get(file.name, 0) + 1
        name = file.name if count == 1 else f"{file.name} ({count})"
        unique.append(_Found(name, file.file_name, file.open))
    return unique


def _is_mix(file: _Found, mix: Path) -> bool:
    return file.file_name == mix.name


def _name_of_mix(found: Sequence[_Found], mix: Path | None) -> str | None:
    if mix is None:
        return None
    return next(file.name for file in reversed(found) if _is_mix(file, mix))


def _short_names(opened: dict[str, NamedFile]) -> dict[str, NamedFile]:
    """Call files by their bare name where that is enough to tell them apart."""
    bare = {name: PurePosixPath(name).stem for name in opened}
    alone = {word for word in bare.values() if list(bare.values()).count(word) == 1}
    return {
        name: NamedFile(bare[name] if bare[name] in alone else name, file.source, file.info, file.file_name)
        for name, file in opened.items()
    }


def _told(
    stems: Sequence[str], mix: str | None, others: Sequence[str], skipped: Sequence[str]
) -> tuple[Notice, ...]:
    """Say which file was taken as what."""
    notices = [Notice(f"Taken as stems: {', '.join(stems)}.")]
    if mix is None:
        notices.append(Notice("No file was taken as the mix: name it with --mix."))
    else:
        notices.append(Notice(f"Taken as the mix: {mix}."))
    for what, names in (("Not part of the set", others), ("Left out, no audio by its name", skipped)):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            notices.append(Notice(f"{what}: {', '.join(names[:SHOWN])}{more}."))
    return tuple(notices)

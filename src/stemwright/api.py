"""Single steps as Python functions: paths or arrays in, typed results out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stemwright.audio import Audio
from stemwright.checks import Report
from stemwright.io.reader import open_audio

if TYPE_CHECKING:
    from stemwright.dsp.loudness import Loudness
    from stemwright.pipeline.remix import Examination, Remix, SongRequest

__all__ = ["align", "analyze", "master", "measure_loudness", "refine", "remix", "verify"]

PathLike: TypeAlias = Path | str


def measure_loudness(audio: Audio | PathLike) -> Loudness:
    """Measure loudness (EBU R 128) and true peak of a file or of audio in memory.

    Parameters
    ----------
    audio : Audio or path
        Samples, or any audio file.

    Returns
    -------
    Loudness
        ``integrated_lufs``, ``range_lu``, ``true_peak_dbtp``, …; None where there is nothing to measure.
    """
    from stemwright.dsp.loudness import measure

    if isinstance(audio, Audio):
        return measure(audio)
    with open_audio(audio) as file:
        return measure(file)


def align(source: PathLike, target: PathLike, *, to: PathLike | float, **options: Any) -> Report:
    """Bring a file to an exact length.

    Parameters
    ----------
    source, target : path
        The stem, and the WAV or FLAC to write.
    to : path or float
        A file to be as long as, or seconds.
    **options
        ``strategy, bpm, meter, role, crossfade_s, seamless, subtype, force`` of `AlignRequest`.

    Returns
    -------
    Report
        How it was done, and how each join sounds.
    """
    from stemwright.pipeline.single import AlignRequest, align_file

    return align_file(AlignRequest(Path(source), Path(target), str(to), **options))


def master(source: PathLike, target: PathLike, **options: Any) -> Report:
    """Master a file to a loudness under a true-peak ceiling.

    Parameters
    ----------
    source, target : path
        The mix, and the ``.wav``, ``.flac`` or ``.mp3`` to write.
    **options
        ``loudness_lufs, ceiling_dbtp, match, amount, subtype, force`` of `MasterRequest`.

    Returns
    -------
    Report
        What was done, and loudness and true peak of the written file.
    """
    from stemwright.pipeline.single import MasterRequest, master_file

    return master_file(MasterRequest(Path(source), Path(target), **options))


def verify(
    paths: Sequence[PathLike],
    *,
    mix: PathLike | None = None,
    spec: PathLike | None = None,
    preset: str | None = None,
) -> Report:
    """Check a set of stems: files, folders or zips.

    Parameters
    ----------
    paths : sequence of paths
        What to check.
    mix : path, optional
        The mix that the stems belong to; found by its name where it isn't given.
    spec : path, optional
        The spec that the set was made from.
    preset : str, optional
        Delivery rules: ``pe-wing``, ``netflix``, ``serato``, ``mixxx-stem``, ``streaming``.

    Returns
    -------
    Report
        Its status is ``"failed"`` when a check of severity *error* did not pass.
    """
    from stemwright.pipeline.single import verify_files

    return verify_files(
        [Path(path) for path in paths],
        mix=None if mix is None else Path(mix),
        spec=None if spec is None else Path(spec),
        preset=preset,
    )


def remix(
    song_a: PathLike,
    song_b: PathLike,
    prompt: str = "",
    *,
    out: PathLike | None = None,
    stems_a: PathLike | None = None,
    stems_b: PathLike | None = None,
    **options: Any,
) -> Remix:
    """Make a remix of two songs.

    Parameters
    ----------
    song_a, song_b : path
        Songs, or folders with their stems.
    prompt : str
        What it should be like, in plain words.
    out : path, optional
        Output folder; by default one named after both songs.
    stems_a, stems_b : path, optional
        Folders with the stems of a song that is given, too: nothing is separated then.
    **options
        ``separator, model, engine, planner, llm, plan, seed, report_page, pack, force`` of `RemixOptions`.

    Returns
    -------
    Remix
        Its ``folder``, ``plan`` and ``report``.
    """
    from stemwright.pipeline.remix import RemixOptions
    from stemwright.pipeline.remix import remix as run

    if options.get("plan") is not None:
        options["plan"] = Path(options["plan"])
    how = RemixOptions(out=None if out is None else Path(out), **options)
    return run(_song(song_a, stems_a), _song(song_b, stems_b), prompt, options=how)


def refine(folder: PathLike, request: str = "", **options: Any) -> Remix:
    """Change a finished remix by a sentence, or take the last change back with ``undo=True``.

    Parameters
    ----------
    folder : path
        That `remix` wrote.
    request : str
        ``"drums louder in the drop"``.
    **options
        ``undo, planner, llm, songs`` of `RefineOptions`.
    """
    from stemwright.pipeline.remix import RefineOptions
    from stemwright.pipeline.remix import refine as run

    return run(Path(folder), request, options=RefineOptions(**options))


def analyze(*songs: PathLike, separate: bool = False) -> Examination:
    """Find tempo, beats, key, energy, voice and form of one song or two, and how two go together.

    Parameters
    ----------
    *songs : path
        One or two songs, or folders with stems.
    separate : bool
        Take songs apart first: the voice is only known then.
    """
    from stemwright.pipeline.remix import examine_songs

    return examine_songs([_song(song) for song in songs], separate=separate)


def _song(song: PathLike, stems: PathLike | None = None) -> SongRequest:
    from stemwright.pipeline.remix import SongRequest

    path, folder = Path(song), None if stems is None else Path(stems)
    return SongRequest(None, folder or path) if path.is_dir() else SongRequest(path, folder)

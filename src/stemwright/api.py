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

__all__ = ["align", "master", "measure_loudness", "verify"]

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

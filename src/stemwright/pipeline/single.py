"""Single steps on files, for people who need just one: align, master, measure, verify."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from threading import Event as Flag
from typing import Any

from stemwright._version import __version__
from stemwright.checks import Check, Notice, Report, Step
from stemwright.errors import InputError, RefusedError, SpecError
from stemwright.grid import Meter, SectionRequest, build_timeline
from stemwright.io.reader import AudioFile, open_audio
from stemwright.memory import keep_freed_memory
from stemwright.pipeline.events import Listener, StepFinished, StepStarted, Ticker, ignore
from stemwright.pipeline.found import found_in
from stemwright.stems import Role, role_of
from stemwright.units import exact, seconds_to_frames

__all__ = [
    "AlignRequest",
    "MasterRequest",
    "Measurement",
    "align_file",
    "list_presets",
    "master_file",
    "measure_files",
    "verify_files",
]

EXTENSIONS = (".wav", ".flac", ".mp3")


@dataclass(frozen=True, slots=True)
class AlignRequest:
    """What `align_file` is asked for.

    Parameters
    ----------
    source, target : Path
        The stem, and the WAV or FLAC to write.
    length : str
        A file to be as long as, seconds (``"137.7"``) or frames (``"6609600f"``).
    strategy : str
        ``auto``, ``pad``, ``loop``, ``crossfade`` or ``truncate``.
    bpm : str, optional
        Tempo of the source: loops are then cut on bars.
    meter, role, crossfade_s, seamless, subtype, force
        As in a spec.
    """

    source: Path
    target: Path
    length: str
    strategy: str = "auto"
    bpm: str | None = None
    meter: str = "4/4"
    role: str | None = None
    crossfade_s: float | None = None
    seamless: bool = True
    subtype: str = "FLOAT"
    force: bool = False


@dataclass(frozen=True, slots=True)
class MasterRequest:
    """What `master_file` is asked for; None is the default of `MasterSettings`."""

    source: Path
    target: Path
    loudness_lufs: float | None = None
    ceiling_dbtp: float | None = None
    match: Path | None = None
    amount: float = 0.5
    subtype: str = "PCM_24"
    force: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """Loudness of one file."""

    path: str
    figures: dict[str, float | None]

    def sentence(self) -> str:
        """Say it in one line."""
        shown = [
            f"{name} {'–' if value is None else format(value, '.2f')} {unit}"
            for (name, unit), value in zip(_FIGURES.values(), self.figures.values(), strict=True)
        ]
        return f"{self.path}: {', '.join(shown)}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"path": self.path, **self.figures}


_FIGURES = {
    "integrated_lufs": ("integrated", "LUFS"),
    "range_lu": ("range", "LU"),
    "momentary_max_lufs": ("momentary max", "LUFS"),
    "short_term_max_lufs": ("short-term max", "LUFS"),
    "true_peak_dbtp": ("true peak", "dBTP"),
    "sample_peak_dbfs": ("sample peak", "dBFS"),
}


def measure_files(paths: Sequence[Path], *, listener: Listener = ignore) -> list[Measurement]:
    """Measure the loudness of files (EBU R 128)."""
    from stemwright.dsp.loudness import measure

    rows = []
    for path in paths:
        name = f"loudness {path.name}"
        listener(StepStarted(name, 1.0 / len(paths)))
        with open_audio(path) as file:
            found = measure(file)
        rows.append(Measurement(str(path), {key: getattr(found, key) for key in _FIGURES}))
        listener(StepFinished(name, (), cached=False))
    return rows


def align_file(request: AlignRequest, *, listener: Listener = ignore) -> Report:
    """Bring one file to an exact length; the report says how, and how each join sounds."""
    from stemwright.align import (
        AlignSettings,
        Strategy,
        alignment_report,
        check_alignment,
        measure_joins,
        plan_alignment,
        render_alignment,
    )
    from stemwright.io.writer import write_audio

    _refuse_odd_target(request.target, (".wav", ".flac"), force=request.force)
    settings = replace(
        AlignSettings(),
        strategy=_choice(Strategy, request.strategy, "--strategy"),
        seamless=request.seamless,
        **({"crossfade_s": request.crossfade_s} if request.crossfade_s is not None else {}),
    )
    role = role_of(request.source.stem) if request.role is None else _choice(Role, request.role, "--role")
    ticker = _begin("align", listener)
    with open_audio(request.source) as source:
        frames = _length(request.length, source.sample_rate)
        plan = plan_alignment(
            source,
            target_frames=frames,
            settings=settings,
            role=role,
            bar_frames=_bar_frames(request, source, frames),
        )
        write_audio(
            request.target,
            ticker.watch(render_alignment(source, plan=plan), frames),
            sample_rate=source.sample_rate,
            channels=source.channels,
            subtype=request.subtype,
            overwrite=request.force,
            frames=frames,
        )
        with open_audio(request.target) as aligned:
            joins = measure_joins(aligned, source=source, plan=plan)
            checks = tuple(check_alignment(aligned, plan=plan, joins=joins, subject=request.source.name))
    details = alignment_report(plan, joins=joins)
    notices = tuple(Notice(text, request.source.name) for text in (plan.reason, *plan.notices))
    return _end("align", listener, checks, details, notices, request.target)


def master_file(request: MasterRequest, *, listener: Listener = ignore) -> Report:
    """Master one file to a loudness under a true-peak ceiling."""
    from stemwright.mastering import MasterSettings
    from stemwright.pipeline.master_steps import MasterFiles, make_master, master_checks

    _refuse_odd_target(request.target, EXTENSIONS, force=request.force)
    given = {"loudness_lufs": request.loudness_lufs, "ceiling_dbtp": request.ceiling_dbtp}
    settings = replace(MasterSettings(), **{key: value for key, value in given.items() if value is not None})
    if request.match is not None:
        settings = replace(settings, match_amount=request.amount)
    ticker = _begin("master", listener)
    with ExitStack() as files:
        source = files.enter_context(open_audio(request.source))
        match = files.enter_context(open_audio(request.match)) if request.match else None
        suffix = request.target.suffix.lower().removeprefix(".")
        made = MasterFiles(request.target.parent, request.target.stem, (suffix,), request.subtype)
        plan, measured = make_master(source, settings, made, match=match, ticker=ticker)
    checks = tuple(master_checks(measured, settings, plan))
    return _end("master", listener, checks, plan.as_dict(), plan.notices, request.target)


def verify_files(
    paths: Sequence[Path],
    *,
    mix: Path | None = None,
    spec: Path | None = None,
    preset: str | None = None,
    listener: Listener = ignore,
) -> Report:
    """Run the set check on anybody's files; see `stemwright.verification`."""
    from stemwright.pipeline.read_spec import load_spec
    from stemwright.verification import Expectations, verify_paths

    expected = None
    if spec is not None:
        wanted = load_spec(spec, allow_plugins=True)
        expected = Expectations(
            sample_rate=wanted.sample_rate,
            channels=wanted.channels,
            subtype=wanted.subtype,
            stems=tuple(stem.name for stem in wanted.stems),
            silent=frozenset(stem.name for stem in wanted.stems if stem.silent),
        )
    ticker = _begin("verify", listener)
    report = verify_paths(paths, mix=mix, preset=preset, expected=expected, watch=ticker.count)
    found = found_in("verify", {}, report.checks)
    listener(StepFinished("verify", report.checks, cached=False, found=found))
    return report


def list_presets() -> list[tuple[str, str]]:
    """Name every delivery preset and say what it is."""
    from stemwright.verification import PRESETS

    return [(preset.name, preset.title) for preset in PRESETS.values()]


def _begin(name: str, listener: Listener) -> Ticker:
    keep_freed_memory()
    listener(StepStarted(name, 1.0))
    return Ticker(name, listener, Flag())


def _end(
    name: str,
    listener: Listener,
    checks: tuple[Check, ...],
    details: dict[str, Any],
    notices: tuple[Notice, ...],
    target: Path,
) -> Report:
    found = found_in(name, details, checks)
    listener(StepFinished(name, checks, cached=False, found=found))
    return Report(__version__, name, target.name, (Step(name, checks, details),), notices, (target.name,))


def _refuse_odd_target(target: Path, known: Sequence[str], *, force: bool) -> None:
    if target.suffix.lower() not in known:
        raise InputError(f"{target.name}: the name must end in {', '.join(known)}.")
    if target.exists() and not force:
        raise RefusedError(f"{target} exists.", way_out="Choose another name, or replace it with --force.")


def _choice(kind: Any, text: str, option: str) -> Any:
    from stemwright.pipeline.tables import nearest

    known = [str(item) for item in kind]
    if text not in known:
        raise SpecError(f'{option}: "{text}" is not known here.', way_out=nearest(text, known))
    return kind(text)


def _length(text: str, sample_rate: int) -> int:
    """Read a length: a file's, seconds, or frames."""
    path = Path(text)
    if path.is_file():
        from stemwright.dsp.resample import resampled_frames

        with open_audio(path) as file:
            return resampled_frames(file.frames, from_hz=file.sample_rate, to_hz=sample_rate)
    try:
        frames = int(text[:-1]) if text.endswith("f") else seconds_to_frames(Fraction(text), sample_rate)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            f'--to "{text}" is neither a file, nor seconds, nor frames.', way_out="Write 137.7 or 6609600f."
        ) from error
    if frames < 1:
        raise InputError(f"--to {text} is no length.")
    return frames


def _bar_frames(request: AlignRequest, source: AudioFile, frames: int) -> list[int] | None:
    """Bar lines at the tempo that was given, or no grid at all."""
    if request.bpm is None:
        return None
    try:
        bpm = exact(request.bpm)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f'--bpm "{request.bpm}" is not a tempo.') from error
    beats = Fraction(frames, source.sample_rate) * bpm / 60
    timeline = build_timeline(
        [SectionRequest("song", beats, bpm)],
        meter=Meter.parse(request.meter),
        sample_rate=source.sample_rate,
        target_frames=frames,
    )
    return timeline.bar_frames()

"""The way of one production: timing, reference, stems, mix, then master, set check, packing side by side."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemwright._version import __version__
from stemwright.checks import Check, Notice, Report
from stemwright.dsp.resample import resampled_frames
from stemwright.grid import Timeline, build_timeline
from stemwright.io.reader import open_audio
from stemwright.pipeline.crew import Crew, Job
from stemwright.pipeline.deliver import Prepared, deliver, draw_in_turns, output_names, pack_in_turns, place
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.folder import OutputFolder
from stemwright.pipeline.master_steps import master_mix
from stemwright.pipeline.mix_files import MIX, stem_file
from stemwright.pipeline.mix_steps import mix_stems
from stemwright.pipeline.session import Session, StemAudio, step_order
from stemwright.pipeline.spec import Spec
from stemwright.pipeline.stem_steps import make_stems
from stemwright.pipeline.step import Outcome, Result, Runner
from stemwright.pipeline.worker import Worker
from stemwright.units import format_duration
from stemwright.verification import Expectations, NamedFile, verify_set

__all__ = ["highlights", "make_record", "total_weight"]


NULL_DBFS = {"FLOAT": -90.0, "PCM_24": -90.0, "PCM_16": -80.0}
"""What may be left of the mix when the delivered stems are taken from it, RMS."""

WORTH_A_PROCESS_S = 120.0
"""Of sound, all stems together: a second process costs as much as 40 s of it take."""


def total_weight(spec: Spec) -> float:
    """Sum of the weights of all steps."""
    return 12.0 + 4.0 * len(spec.stems)


def make_record(
    spec: Spec,
    output: OutputFolder,
    runner: Runner,
    *,
    allow_commands: bool,
    worker: Worker | None,
    forced: bool,
) -> Report:
    """Make, check and publish everything that a spec asks for.

    Parameters
    ----------
    spec : Spec
        What was asked.
    output : OutputFolder
        Held for this run.
    runner : Runner
        Runs and remembers the steps.
    allow_commands : bool
        Whether external generators may run.
    worker : Worker, optional
        Takes half of the work; sent away when there is too little.
    forced : bool
        Whether it stays for any work.
    """
    timeline = _timeline(spec, runner)
    session = Session(spec, timeline, runner, allow_commands)
    sound_s = len(spec.stems) * timeline.frames / spec.sample_rate
    if worker is not None and not forced and sound_s < WORTH_A_PROCESS_S:
        worker.dismiss()
        worker = None
    crew = Crew(runner, worker)
    stems = make_stems(session, crew)
    mix = mix_stems(session, stems)
    master, prepared = _beside(session, crew, output.staging, stems, mix)
    order = step_order(spec)
    outputs = tuple(output_names(spec))
    report = Report(__version__, "produce", spec.title, runner.steps(order), runner.notices(order), outputs)
    deliver(session, output, report, crew=crew, stems=stems, master=master, prepared=prepared)
    return report


def _beside(
    session: Session, crew: Crew, staging: Path, stems: list[StemAudio], mix: Result
) -> tuple[Result, Prepared]:
    """Make the master, and beside it everything that needs only stems and mix."""
    placed = place(staging, stems=stems, mix=mix)
    jobs: list[Job[Any]] = [
        session.job(verify_stems, stems, mix),
        session.job(pack_in_turns, staging, placed),
        session.job(master_mix, mix),
        session.job(draw_in_turns, staging, [stem_file(stem.name) for stem in stems]),
    ]
    _, entries, master, pictures = crew.run(jobs)
    return master, Prepared(entries, pictures)


def _timeline(spec: Spec, runner: Runner) -> Timeline:
    """Do steps 1 and 2 of the text: the reference gives the exact length, the sections fill it."""
    reference = _reference(spec)
    frames = reference.details.get("target_frames")
    timeline = build_timeline(
        spec.sections, meter=spec.meter, sample_rate=spec.sample_rate, target_frames=frames, fill=spec.fill
    )
    runner.record("timing", _timing(timeline))
    runner.record("reference", reference)
    return timeline


def _timing(timeline: Timeline) -> Outcome:
    rows = [
        {
            "name": section.name,
            "start_beat": float(section.start_beat),
            "beats": float(section.beats),
            "bpm": float(section.bpm),
            "start_frame": section.start_frame,
            "end_frame": section.end_frame,
        }
        for section in timeline.sections
    ]
    details = {"frames": timeline.frames, "meter": str(timeline.meter), "sections": rows}
    covered = timeline.sections[-1].end_frame
    check = Check.equal("sections cover the target", "timeline", covered, timeline.frames, "frames")
    return Outcome((check,), details, tuple(Notice(note, "timeline") for note in timeline.notes))


def _reference(spec: Spec) -> Outcome:
    """Read the reference's exact length at the session rate, and ask its gates."""
    if spec.reference is None:
        return Outcome(details={"reference": None})
    gates = spec.reference
    with open_audio(gates.path) as file:
        info = file.info
    checks = []
    if gates.sample_rate is not None:
        checks.append(Check.equal("sample rate", "reference", info.sample_rate, gates.sample_rate, "Hz"))
    if gates.channels is not None:
        checks.append(Check.equal("channels", "reference", info.channels, gates.channels))
    if gates.min_duration_s is not None:
        checks.append(Check.at_least("length", "reference", info.duration_s, gates.min_duration_s, "s"))
    frames = resampled_frames(info.frames, from_hz=info.sample_rate, to_hz=spec.sample_rate)
    checks.append(
        Check.at_least("frames", "reference", frames, 1, "frames", advice="The reference is empty.")
    )
    details = {
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "frames": info.frames,
        "target_frames": frames,
    }
    notices: tuple[Notice, ...] = ()
    if info.sample_rate != spec.sample_rate:
        length = format_duration(float(Fraction(info.frames, info.sample_rate)))
        text = (
            f"The reference is at {info.sample_rate} Hz: its length of {info.frames} frames ({length}) is "
            f"{frames} frames at {spec.sample_rate} Hz."
        )
        notices = (Notice(text, "reference"),)
    return Outcome(tuple(checks), details, notices)


def verify_stems(session: Session, stems: list[StemAudio], mix: Result) -> Result:
    """Step 8 of the text: check the stems that are delivered as a set, against the mix."""
    spec = session.spec

    def work(_folder: Path, ticker: Ticker) -> Outcome:
        with ExitStack() as files:
            opened = [_named(stem.name, mix.file(stem_file(stem.name)), files) for stem in stems]
            whole = _named("mix", mix.file(MIX), files)
            silent = frozenset(stem.name for stem in stems if stem.spec.silent)
            expected = Expectations(
                sample_rate=spec.sample_rate,
                channels=spec.channels,
                subtype=spec.subtype,
                frames=session.timeline.frames,
                null_dbfs=NULL_DBFS[spec.subtype],
                silent=silent,
            )
            checks = verify_set(
                opened, mix=whole, declared_silent=silent, expected=expected, watch=ticker.count, threads=1
            )
        return Outcome(tuple(checks))

    inputs = {"mix": mix.key, "silent": sorted(s.name for s in stems if s.spec.silent), "seed": spec.seed}
    return session.runner.run("verify", inputs=inputs, work=work, weight=2.0)


def _named(name: str, path: Path, files: ExitStack) -> NamedFile:
    file = files.enter_context(open_audio(path))
    return NamedFile(name, file, file.info, path.name)


def highlights(spec: Spec) -> tuple[tuple[str, str], ...]:
    """Name what to open first: label and name inside the output folder."""
    names = output_names(spec)
    wanted = (("listen", "master.wav"), ("report", "report.html"))
    packed = next((name for name in names if name.endswith(".zip")), None)
    rows = [(label, name) for label, name in wanted if name in names]
    return (*rows, *((("packed", packed),) if packed else ()))

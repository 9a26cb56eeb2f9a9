"""The recipe `produce`: a spec becomes a record that has been checked.

The way: spec, timing, reference, then for every stem source, align and effects, then mix, master, verify,
deliver. Every step is checked before the next one sees its result.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from stemwright._version import __version__
from stemwright.checks import Check, Notice, Report
from stemwright.dsp.resample import resampled_frames
from stemwright.grid import Timeline, build_timeline
from stemwright.io.files import safe_name
from stemwright.io.reader import open_audio
from stemwright.memory import keep_freed_memory
from stemwright.pipeline.deliver import deliver, output_names
from stemwright.pipeline.events import Listener, Ticker, ignore
from stemwright.pipeline.folder import OutputFolder
from stemwright.pipeline.master_steps import master_mix
from stemwright.pipeline.mix_steps import MIX, mix_stems, stem_file
from stemwright.pipeline.read_spec import load_spec
from stemwright.pipeline.session import Session, StemAudio, step_order
from stemwright.pipeline.spec import Spec
from stemwright.pipeline.stem_steps import make_stems
from stemwright.pipeline.step import Outcome, Result, Runner
from stemwright.pipeline.store import Store, load_store_settings
from stemwright.pipeline.together import together
from stemwright.units import format_duration
from stemwright.verification import Expectations, NamedFile, verify_set

__all__ = ["ProduceOptions", "Production", "produce"]


NULL_DBFS = {"FLOAT": -90.0, "PCM_24": -90.0, "PCM_16": -80.0}
"""What may be left of the mix when the delivered stems are taken from it, RMS."""


@dataclass(frozen=True, slots=True)
class ProduceOptions:
    """How a production may run.

    Parameters
    ----------
    out : Path or str, optional
        Output folder; by default a folder named after the title, beside the spec.
    seed : int, optional
        Another take: replaces the spec's seed.
    allow_commands, allow_plugins : bool
        Whether external generators may run and VST3 plug-ins may be loaded.
    force : bool
        Whether files that no run of ours made may be replaced.
    """

    out: Path | str | None = None
    seed: int | None = None
    allow_commands: bool = False
    allow_plugins: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Production:
    """A finished production.

    Attributes
    ----------
    report : Report
        Every step, check and notice.
    folder : Path
        Where everything is.
    highlights : tuple of (str, str)
        What to open first: label and name inside the folder.
    """

    report: Report
    folder: Path
    highlights: tuple[tuple[str, str], ...]


def produce(
    spec: Path | str,
    *,
    options: ProduceOptions | None = None,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Production:
    """Make the record that a spec asks for.

    Parameters
    ----------
    spec : Path
        A TOML file; ``stemwright init`` writes one.
    options : ProduceOptions, optional
        Output folder, seed, what is allowed.
    listener : callable, optional
        Is told what happens.
    store : Store, optional
        Where finished steps are kept; by default the user's.

    Returns
    -------
    Production
        Its report's status is ``"passed"`` or ``"warning"``.

    Raises
    ------
    CheckFailedError
        When a check of severity *error* did not pass; what was good is kept in the store.
    InputError
        When the spec or a file that it names can't be used.
    StorageError
        When nothing can be written.
    """
    keep_freed_memory()
    options = options or ProduceOptions()
    wanted = load_spec(spec, seed=options.seed, allow_plugins=options.allow_plugins)
    store = store or Store(load_store_settings())
    folder = Path(options.out) if options.out else wanted.path.parent / safe_name(wanted.title)
    with OutputFolder(folder, force=options.force) as output:
        output.refuse_strangers(output_names(wanted))
        with store.in_use():
            production = _produce(
                wanted, output, Runner(store, listener, total_weight=_weight(wanted)), options
            )
    store.trim()
    return production


def _weight(spec: Spec) -> float:
    return 12.0 + 4.0 * len(spec.stems)


def _produce(spec: Spec, output: OutputFolder, runner: Runner, options: ProduceOptions) -> Production:
    timeline = _timeline(spec, runner)
    session = Session(spec, timeline, runner, options.allow_commands)
    stems = make_stems(session)
    mix = mix_stems(session, stems)
    jobs = (partial(master_mix, session, mix), partial(_verify, session, stems, mix))
    master, _ = together(jobs, cancelled=runner.cancelled)
    names = output_names(spec)
    order = step_order(spec)
    report = Report(
        __version__, "produce", spec.title, runner.steps(order), runner.notices(order), tuple(names)
    )
    deliver(session, output, report, stems=stems, mix=mix, master=master)
    return Production(report, output.folder, _highlights(names))


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


def _verify(session: Session, stems: list[StemAudio], mix: Result) -> Result:
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
                opened, mix=whole, declared_silent=silent, expected=expected, watch=ticker.count
            )
        return Outcome(tuple(checks))

    inputs = {"mix": mix.key, "silent": sorted(s.name for s in stems if s.spec.silent), "seed": spec.seed}
    return session.runner.run("verify", inputs=inputs, work=work, weight=2.0)


def _named(name: str, path: Path, files: ExitStack) -> NamedFile:
    file = files.enter_context(open_audio(path))
    return NamedFile(name, file, file.info, path.name)


def _highlights(names: list[str]) -> tuple[tuple[str, str], ...]:
    wanted = (("listen", "master.wav"), ("report", "report.html"))
    packed = next((name for name in names if name.endswith(".zip")), None)
    rows = [(label, name) for label, name in wanted if name in names]
    return (*rows, *((("packed", packed),) if packed else ()))

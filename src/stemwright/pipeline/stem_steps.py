"""Steps 3 to 6 of the text for every stem: source, alignment, effects; two stems side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stemwright.align import (
    CommonBars,
    alignment_report,
    check_alignment,
    measure_joins,
    plan_alignment,
    render_alignment,
)
from stemwright.audio import iter_blocks
from stemwright.checks import Notice
from stemwright.effects import ChangeMeter, apply_effects
from stemwright.io.reader import open_audio
from stemwright.io.writer import write_audio
from stemwright.pipeline.bands import agree_on_bars, may_play_together
from stemwright.pipeline.crew import Crew, Job
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import JoinPlace, Session, StemAudio
from stemwright.pipeline.sources import make_source
from stemwright.pipeline.spec import FileSource, StemSpec
from stemwright.pipeline.step import Outcome
from stemwright.pipeline.together import Next, Several
from stemwright.stems import Role

__all__ = ["begin_stem", "finish_stem", "make_stems"]

ALIGNED, PROCESSED = "aligned.wav", "processed.wav"


def make_stems(session: Session, crew: Crew) -> list[StemAudio]:
    """Make every stem, side by side; returns them in the order of the spec."""
    takes = may_play_together(session.spec.stems)
    others = [stem for stem in session.spec.stems if stem not in takes]
    sources = crew.run([session.job(make_source, stem) for stem in takes])
    jobs: list[Job[Any]] = [session.job(begin_stem, stem) for stem in others]
    weights = [_weight(stem) for stem in others]
    *made, taken = crew.run([*jobs, session.job(go_on_together, sources)], weights=[*weights, 1.0])
    finished = {stem.name: stem for stem in [*made, *taken]}
    return [finished[stem.name] for stem in session.spec.stems]


def _weight(stem: StemSpec) -> float:
    """How long a stem takes, roughly: chords and kits sound many voices at once, lines one."""
    if isinstance(stem.source, FileSource):
        return 0.0
    return {Role.BASS: 1.0, Role.LEAD: 1.5}.get(stem.role, 2.0)


def begin_stem(session: Session, stem: StemSpec) -> Next[StemAudio]:
    """Get a stem from its source; whoever is free first finishes it."""
    return Next(session.job(finish_stem, make_source(session, stem), None))


def go_on_together(session: Session, sources: Sequence[StemAudio]) -> Several[StemAudio]:
    """Agree on the bars that takes repeat; then whoever is free finishes one of them."""
    common = agree_on_bars(session, sources)
    return Several([session.job(finish_stem, source, common.get(source.name)) for source in sources])


def finish_stem(session: Session, source: StemAudio, common: CommonBars | None) -> StemAudio:
    """Bring a stem to where it can be mixed: aligned, with its effects."""
    return _processed(session, _aligned(session, source, common))


def _aligned(session: Session, stem: StemAudio, common: CommonBars | None) -> StemAudio:
    """Bring a stem to the target length; one that has it already goes on as it is."""
    timeline = session.timeline
    name = f"align {stem.name}"

    def work(folder: Path, ticker: Ticker) -> Outcome:
        with open_audio(stem.path) as source:
            plan = plan_alignment(
                source,
                target_frames=timeline.frames,
                settings=stem.spec.align,
                role=stem.spec.role,
                bar_frames=timeline.bar_frames(),
                common=common,
            )
            path = stem.path
            if source.frames != timeline.frames:
                path = folder / ALIGNED
                blocks = ticker.watch(render_alignment(source, plan=plan), timeline.frames)
                write_audio(path, blocks, sample_rate=source.sample_rate, channels=source.channels)
            with open_audio(path) as aligned:
                joins = measure_joins(aligned, source=source, plan=plan)
                checks = check_alignment(aligned, plan=plan, joins=joins, subject=stem.name)
        notices = tuple(Notice(text, stem.name) for text in plan.notices)
        return Outcome(tuple(checks), alignment_report(plan, joins=joins), notices)

    inputs = {
        "source": stem.key,
        "settings": repr(stem.spec.align),
        "role": str(stem.spec.role),
        "timeline": repr((timeline.sections, str(timeline.meter), timeline.frames)),
        "name": stem.name,
        **({"common": repr(common)} if common else {}),
    }
    result = session.runner.run(name, inputs=inputs, work=work)
    path = result.file(ALIGNED)
    details = result.outcome.details
    joins = tuple(
        JoinPlace(round(join["time_s"] * session.spec.sample_rate), join["audible"])
        for join in details["joins"]
    )
    return replace(
        stem,
        path=path if path.exists() else stem.path,
        key=result.key,
        strategy="" if details["strategy"] == "none" else str(details["strategy"]),
        joins=joins,
    )


def _processed(session: Session, stem: StemAudio) -> StemAudio:
    """Apply the stem's effects in order and check what they did."""
    if not stem.spec.effects:
        return stem

    def work(folder: Path, ticker: Ticker) -> Outcome:
        path = folder / PROCESSED
        meter = ChangeMeter()
        with open_audio(stem.path) as source:
            blocks = apply_effects(
                meter.before(iter_blocks(source)),
                stem.spec.effects,
                sample_rate=source.sample_rate,
                channels=source.channels,
                frames=source.frames,
            )
            watched = ticker.watch(meter.after(blocks), source.frames)
            write_audio(path, watched, sample_rate=source.sample_rate, channels=source.channels)
        checks = meter.checks(subject=stem.name, declared_silent=stem.spec.silent)
        return Outcome(tuple(checks), {"effects": [effect.as_dict() for effect in stem.spec.effects]})

    inputs = {
        "source": stem.key,
        "effects": [effect.as_dict() for effect in stem.spec.effects],
        "silent": stem.spec.silent,
        "name": stem.name,
    }
    result = session.runner.run(f"effects {stem.name}", inputs=inputs, work=work)
    return replace(stem, path=result.file(PROCESSED), key=result.key)

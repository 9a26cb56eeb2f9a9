"""The recipe `remix`: two songs and a sentence become a remix that has been checked.

The way: decode, separate and analyse both songs, plan, match tempo and key, level, arrange on two buses,
duck, sum, master, verify, deliver. Every step is checked before the next one sees its result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stemwright._version import __version__
from stemwright.analysis import require_engine
from stemwright.checks import Report
from stemwright.io.files import safe_name
from stemwright.match.pairing import Pairing
from stemwright.memory import keep_freed_memory
from stemwright.pipeline.crew import Crew, Job
from stemwright.pipeline.events import Listener, ignore
from stemwright.pipeline.folder import OutputFolder
from stemwright.pipeline.master_steps import MASTER
from stemwright.pipeline.mix_files import MIX, stem_file
from stemwright.pipeline.outputs import MANIFEST, PAGE, REPORT
from stemwright.pipeline.remix.arrangement import Arrangement
from stemwright.pipeline.remix.arranging import arrange_lanes, level_lanes
from stemwright.pipeline.remix.delivering import HISTORY, PLAN, Shipment, draw, pack
from stemwright.pipeline.remix.hands import MODULES
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.remix.mastering import MASTERS, master_entries, master_remix
from stemwright.pipeline.remix.page import Drawn, remix_page
from stemwright.pipeline.remix.placing import match_lanes
from stemwright.pipeline.remix.planning import PlanSession, make_plan, match_songs, read_plan_file
from stemwright.pipeline.remix.session import RemixOptions, Song, SongRequest
from stemwright.pipeline.remix.songs import prepare_song, song_title
from stemwright.pipeline.remix.verifying import verify_stems
from stemwright.pipeline.step import Runner
from stemwright.pipeline.store import Store, load_store_settings
from stemwright.pipeline.worker import cores, hired
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.separation import choose_separator

__all__ = [
    "Plan",
    "Remix",
    "RemixJob",
    "at_work",
    "plan_remix",
    "prepare_songs",
    "remix",
    "render_remix",
]

WEIGHT_OF_SONGS = 2 * (1.0 + 12.0 + 4.0)
WEIGHT_OF_THE_REST = 1.0 + 8 * 4.0 + 1.0 + 4.0 + 4.0 + 2.0


@dataclass(frozen=True, slots=True)
class Remix:
    """A finished remix.

    Attributes
    ----------
    report : Report
        Every step, check and notice.
    folder : Path
        Where everything is.
    plan : RemixPlan
        What was rendered.
    highlights : tuple of (str, str)
        What to open first: label and name inside the folder.
    """

    report: Report
    folder: Path
    plan: RemixPlan
    highlights: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was made and not rendered: what it says, and what is known of both songs."""

    plan: RemixPlan
    pairing: Pairing
    songs: Mapping[SongId, Song]
    report: Report


def remix(
    song_a: SongRequest,
    song_b: SongRequest,
    prompt: str,
    *,
    options: RemixOptions | None = None,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Remix:
    """Make a remix of two songs.

    Parameters
    ----------
    song_a, song_b : SongRequest
        Files, or folders of stems, or both.
    prompt : str
        What it should be like, in plain words; empty for the default arrangement.
    options : RemixOptions, optional
        Output folder, separator, planner, seed.
    listener : callable, optional
        Is told what happens.
    store : Store, optional
        Where finished steps are kept; by default the user's.

    Returns
    -------
    Remix
        Its report's status is ``"passed"`` or ``"warning"``.

    Raises
    ------
    CheckFailedError
        When a check of severity *error* did not pass; what was good is kept in the store.
    InputError
        When a song, a stem or a plan can't be used.
    StorageError
        When nothing can be written.
    """
    options = options or RemixOptions()
    requests = {SongId.A: song_a, SongId.B: song_b}
    _require_free(options.out or Path(safe_name(_title_of(requests))), force=options.force)
    with at_work(store, listener) as desk:
        songs = prepare_songs(requests, options, desk)
        plan, pairing = _plan(prompt, requests, songs, options, desk.runner)
        history = History.begin(prompt, plan)
        job = RemixJob(songs, plan, pairing, history, options, _inputs(song_a, song_b, options))
        return render_remix(job, desk)


def plan_remix(
    song_a: SongRequest,
    song_b: SongRequest,
    prompt: str,
    *,
    options: RemixOptions | None = None,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Plan:
    """Plan a remix and render nothing; see `remix`."""
    options = options or RemixOptions()
    requests = {SongId.A: song_a, SongId.B: song_b}
    with at_work(store, listener) as desk:
        songs = prepare_songs(requests, options, desk)
        plan, pairing = _plan(prompt, requests, songs, options, desk.runner)
        order = [*_song_steps(), "ask model", "plan", "tempo and key"]
        steps, notices = desk.runner.steps(order), desk.runner.notices(order)
        return Plan(plan, pairing, songs, Report(__version__, "remix", _title(songs), steps, notices))


@dataclass(frozen=True, slots=True)
class Desk:
    """Who runs the steps of one remix, and who does their work."""

    runner: Runner
    crew: Crew


@contextmanager
def at_work(store: Store | None, listener: Listener) -> Iterator[Desk]:
    """Hold the store, and a second process where there is a second core, for one remix."""
    keep_freed_memory()
    store = store or Store(load_store_settings())
    with hired(MODULES, wanted=cores() > 1) as worker:
        runner = Runner(store, listener, total_weight=WEIGHT_OF_SONGS + WEIGHT_OF_THE_REST)
        with store.in_use():
            yield Desk(runner, Crew(runner, worker))
    store.trim()


def prepare_songs(
    requests: Mapping[SongId, SongRequest], options: RemixOptions, desk: Desk
) -> dict[SongId, Song]:
    """Decode, take apart and analyse both songs, side by side; what was typed wrongly is told before."""
    if options.plan is not None:
        read_plan_file(options.plan)
    if any(request.stems is None for request in requests.values()):
        choose_separator(options.separator, model=options.model)
    require_engine(options.engine)
    jobs = [
        partial(prepare_song, song=song, request=request, options=options)
        for song, request in requests.items()
    ]
    return dict(zip(requests, desk.crew.run(jobs), strict=True))


def _plan(
    prompt: str,
    requests: Mapping[SongId, SongRequest],
    songs: Mapping[SongId, Song],
    options: RemixOptions,
    runner: Runner,
) -> tuple[RemixPlan, Pairing]:
    bleed = any(request.stems is None for request in requests.values())
    plan = make_plan(PlanSession(prompt, songs, options, bleed), runner=runner)
    return plan, match_songs(plan, {song: one.facts for song, one in songs.items()}, runner=runner)


def _require_free(folder: Path, *, force: bool) -> None:
    """Make sure before any work that the output folder can be written and nobody's files are in the way."""
    fresh = not folder.exists()
    with OutputFolder(folder, force=force) as output:
        output.refuse_strangers([MIX, *MASTERS, PLAN, HISTORY, REPORT, PAGE, MANIFEST])
    if fresh:
        folder.rmdir()


def _title_of(requests: Mapping[SongId, SongRequest]) -> str:
    return " × ".join(song_title(requests[song]) for song in SongId)


def _inputs(song_a: SongRequest, song_b: SongRequest, options: RemixOptions) -> dict[str, Any]:
    """Say where everything came from on this machine, for a later refinement."""
    return {
        "songs": {
            song.value: request.as_dict() for song, request in ((SongId.A, song_a), (SongId.B, song_b))
        },
        "options": options.as_dict(),
    }


def _title(songs: Mapping[SongId, Song]) -> str:
    return f"{songs[SongId.A].title} × {songs[SongId.B].title}"


@dataclass(frozen=True, slots=True)
class RemixJob:
    """Everything that rendering needs.

    Attributes
    ----------
    songs : Mapping
        Both, taken apart and understood.
    plan, pairing
        What to render, at which tempo and key.
    history : History
        How the plan became what it is.
    options : RemixOptions
        Output folder, page, zip.
    inputs : Mapping
        For run.json.
    """

    songs: Mapping[SongId, Song]
    plan: RemixPlan
    pairing: Pairing
    history: History
    options: RemixOptions
    inputs: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Both songs."""
        return _title(self.songs)


def render_remix(job: RemixJob, desk: Desk) -> Remix:
    """Render a plan and publish everything; what has not changed since the last time is not done again."""
    folder, runner = job.options.out or Path(safe_name(job.title)), desk.runner
    with OutputFolder(folder, force=job.options.force) as output:
        songs = list(job.songs.values())
        lanes = match_lanes(job.plan, job.pairing, songs, runner=runner, crew=desk.crew)
        arrangement = Arrangement(job.plan, job.pairing, lanes, job.songs)
        levels = level_lanes(arrangement, runner=runner)
        mix = arrange_lanes(arrangement, levels, runner=runner, crew=desk.crew)
        names = [lane.name for lane in lanes]
        shipment = Shipment(output.staging, job.title, pack=job.options.pack)
        first = shipment.bring({name: mix.file(name) for name in (*map(stem_file, names), MIX)})
        draws = job.options.report_page
        jobs: list[Job[Any]] = [
            partial(master_remix, mix=mix, title=job.title),
            partial(verify_stems, mix=mix, names=names),
            partial(pack, shipment=shipment, names=first),
            partial(draw, paths=[mix.file(stem_file(name)) for name in names] if draws else []),
        ]
        master, _, rows, pictures = desk.crew.run(jobs)
        report = _report(job, runner, names)
        second = shipment.bring({name: master.file(name) for name in MASTERS})
        shipment.write({PLAN: job.history.plan_text(), HISTORY: job.history.text()})
        jobs = [
            partial(pack, shipment=shipment, names=second, known=master_entries(master)),
            partial(draw, paths=[master.file(MASTERS[0])] if draws else []),
        ]
        more_rows, whole = desk.crew.run(jobs)
        if draws:
            drawn = Drawn(levels, mix, master, (*pictures, *whole))
            shipment.write({PAGE: remix_page(arrangement, report, job.history, drawn)})
        rows = [*rows, *more_rows]
        shipment.finish(output, report, rows, found_done=runner.cache_hits, inputs=job.inputs)
    return Remix(report, folder, job.plan, (("listen", f"{MASTER}.mp3"), ("report", PAGE)))


def _song_steps() -> list[str]:
    return [f"{step} song {song}" for song in "AB" for step in ("decode", "separate", "analyze")]


def _report(job: RemixJob, runner: Runner, names: Sequence[str]) -> Report:
    order = [
        *_song_steps(), "ask model", "plan", "tempo and key", "match", *(f"match {name}" for name in names),
        "level", "arrange", "master", "verify",
    ]  # fmt: skip
    outputs = [
        *map(stem_file, names), MIX, *MASTERS, PLAN, HISTORY,
        *([PAGE] if job.options.report_page else []), REPORT, MANIFEST,
    ]  # fmt: skip
    return Report(__version__, "remix", job.title, runner.steps(order), runner.notices(order), tuple(outputs))

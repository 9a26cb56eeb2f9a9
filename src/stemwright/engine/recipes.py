"""Do one phase of one job, in a child process: the recipes as the command line runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from stemwright.checks import Report
from stemwright.engine.files import Blobs
from stemwright.engine.inputs import Inputs
from stemwright.engine.jobs import JobKind
from stemwright.engine.orders import Order, Site
from stemwright.engine.sharing import bucket_of, store_of
from stemwright.errors import InputError
from stemwright.io.files import safe_name
from stemwright.pipeline.events import Listener
from stemwright.pipeline.folder import RUN
from stemwright.pipeline.outputs import MANIFEST
from stemwright.pipeline.remix import RefineOptions, RemixOptions, SongRequest, examine_songs, refine
from stemwright.pipeline.remix.delivering import HISTORY
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.remix.planning import PlanSession, make_plan, match_songs
from stemwright.pipeline.remix.recipe import Desk, Remix, RemixJob, at_work, prepare_songs, render_remix
from stemwright.pipeline.single import (
    AlignRequest,
    MasterRequest,
    align_file,
    master_file,
    verify_files,
)
from stemwright.pipeline.store import Store
from stemwright.planning.diff import diff_plans
from stemwright.planning.plan import RemixPlan, SongId

__all__ = ["Kitchen", "Workplace", "do_phase"]

Announce = Callable[[str, Mapping[str, Any]], None]
SONG_OPTIONS = ("separator", "model", "engine")
PLAN_OPTIONS = ("planner", "llm")


class Workplace:
    """What all phases of one job share in one process.

    Parameters
    ----------
    site : Site
        Where files and steps are.
    listener : callable
        Told what happens.
    """

    def __init__(self, site: Site, listener: Listener) -> None:
        self.listener = listener
        self._site = site
        self._stack = ExitStack()
        self._desk: Desk | None = None

    @cached_property
    def blobs(self) -> Blobs:
        """Where uploads are, and results go."""
        return Blobs(self._site.blobs, bucket_of(self._site))

    @cached_property
    def store(self) -> Store:
        """Finished steps."""
        return store_of(self._site)

    @contextmanager
    def desk(self, *, stays: bool) -> Iterator[Desk]:
        """Hold store and second process; with `stays` the next phase finds them as they are."""
        if self._desk is None:
            self._desk = self._stack.enter_context(at_work(self.store, self.listener))
        try:
            yield self._desk
        finally:
            if not stays:
                self.clear()

    def clear(self) -> None:
        """Let go of them."""
        self._desk = None
        self._stack.close()


@dataclass(frozen=True)
class Kitchen:
    """What every recipe gets.

    Attributes
    ----------
    order : Order
        What to do.
    workplace : Workplace
        With what.
    announce : callable
        Told what clients should know at once: kind and JSON.
    """

    order: Order
    workplace: Workplace
    announce: Announce

    @property
    def store(self) -> Store:
        """Finished steps."""
        return self.workplace.store

    @property
    def blobs(self) -> Blobs:
        """Where results go."""
        return self.workplace.blobs

    @property
    def listener(self) -> Listener:
        """Told what happens."""
        return self.workplace.listener

    @cached_property
    def inputs(self) -> Inputs:
        """Its files."""
        return Inputs(self.order, self.blobs)

    @property
    def out(self) -> Path:
        """Folder for what comes out."""
        folder = self.order.folder / "out"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def remix_options(self) -> RemixOptions:
        """Read the options of a remix; unknown ones are not ours to read."""
        given = self.inputs.options
        known = {name: given[name] for name in (*SONG_OPTIONS, *PLAN_OPTIONS, "seed") if name in given}
        return RemixOptions(out=self.out, plan=self.inputs.plan(), **known)


def do_phase(kitchen: Kitchen) -> dict[str, Any]:
    """Do what was ordered; returns the result as JSON, empty for a phase that only prepares."""
    kind = kitchen.order.request.kind
    if kitchen.order.phase == "songs":
        return _songs(kitchen)
    return _RECIPES[kind](kitchen)


def _songs(kitchen: Kitchen) -> dict[str, Any]:
    requests = kitchen.inputs.both_songs()
    with kitchen.workplace.desk(stays=kitchen.order.stays) as desk:
        prepare_songs(requests, kitchen.remix_options(), desk)
    return {}


def _remix(kitchen: Kitchen) -> dict[str, Any]:
    """Make a remix, and tell the plan as soon as it stands."""
    requests, options = kitchen.inputs.both_songs(), kitchen.remix_options()
    prompt = str(kitchen.inputs.options.get("prompt", ""))
    with kitchen.workplace.desk(stays=False) as desk:
        songs = prepare_songs(requests, options, desk)
        bleed = any(request.stems is None for request in requests.values())
        plan = make_plan(PlanSession(prompt, songs, options, bleed), runner=desk.runner)
        kitchen.announce("planned", _told(plan))
        pairing = match_songs(plan, {song: one.facts for song, one in songs.items()}, runner=desk.runner)
        if kitchen.inputs.options.get("plan_only"):
            return {"status": "passed", "outputs": {}, "plan": plan.as_dict()} | _told(plan)
        history = _history(kitchen, prompt, plan)
        made = render_remix(
            RemixJob(songs, plan, pairing, history, options, _inputs(requests, options)), desk
        )
    return _remixed(kitchen, made)


def _history(kitchen: Kitchen, prompt: str, plan: RemixPlan) -> History:
    """Begin a history, or go on with the one of the plan that somebody edited."""
    if kitchen.order.request.kind is not JobKind.RENDER:
        return History.begin(prompt, plan)
    before = History.read(kitchen.inputs.parent_file(HISTORY).read_text(encoding="utf-8"))
    return before.then("(edited by hand)", diff_plans(before.current.plan, plan), plan)


def _refine(kitchen: Kitchen) -> dict[str, Any]:
    requests, given = kitchen.inputs.both_songs(), kitchen.inputs.options
    options = replace(kitchen.remix_options(), plan=None)
    folder = kitchen.inputs.history_folder(_inputs(requests, options))
    asked = {name: given[name] for name in (*PLAN_OPTIONS, "undo") if name in given}
    kitchen.workplace.clear()  # a refinement holds the store by itself
    made = refine(
        folder,
        str(given.get("prompt", "")),
        options=RefineOptions(**asked),
        listener=kitchen.listener,
        store=kitchen.store,
    )
    kitchen.announce("planned", _told(made.plan))
    return _remixed(kitchen, made)


def _told(plan: RemixPlan) -> dict[str, Any]:
    return {
        "explanation": plan.explanation,
        "warnings": list(plan.warnings),
        "used_fallback": plan.used_fallback,
    }


def _inputs(requests: Mapping[SongId, SongRequest], options: RemixOptions) -> dict[str, Any]:
    return {
        "songs": {song.value: request.as_dict() for song, request in requests.items()},
        "options": options.as_dict(),
    }


def _remixed(kitchen: Kitchen, made: Remix) -> dict[str, Any]:
    return _delivered(kitchen, made.report) | {"plan": made.plan.as_dict()} | _told(made.plan)


def _analyze(kitchen: Kitchen) -> dict[str, Any]:
    separate = bool(kitchen.inputs.options.get("separate", False))
    found = examine_songs(
        list(kitchen.inputs.songs().values()),
        options=kitchen.remix_options(),
        separate=separate,
        listener=kitchen.listener,
        store=kitchen.store,
    )
    return {"status": "passed", "facts": found.as_dict(), "outputs": {}}


def _produce(kitchen: Kitchen) -> dict[str, Any]:
    from stemwright.pipeline.produce import ProduceOptions, produce

    seed = kitchen.inputs.options.get("seed")
    options = ProduceOptions(
        out=kitchen.out,
        seed=seed,
        allow_commands=bool(kitchen.inputs.options.get("allow_commands")) and kitchen.order.local_paths,
    )
    made = produce(kitchen.inputs.spec(), options=options, listener=kitchen.listener, store=kitchen.store)
    return _delivered(kitchen, made.report)


def _verify(kitchen: Kitchen) -> dict[str, Any]:
    preset = kitchen.inputs.options.get("preset")
    mix = kitchen.inputs.one("mix")
    paths = kitchen.inputs.all_files(without=("mix",))
    spec = kitchen.inputs.declared()
    report = verify_files(paths, mix=mix, spec=spec, preset=preset, listener=kitchen.listener)
    return {"status": report.status, "report": report.as_dict(), "outputs": {}}


def _align(kitchen: Kitchen) -> dict[str, Any]:
    given = kitchen.inputs.options
    length = kitchen.inputs.one("to") or given.get("length")
    known = ("strategy", "bpm", "meter", "role", "crossfade_s", "seamless", "subtype")
    options = {name: given[name] for name in known if name in given}
    if length is None or (kitchen.inputs.one("to") is None and not _is_length(str(length))):
        raise InputError("No length was given.", way_out="Say seconds (137.7), frames (6609600f) or a file.")
    source, target = _source_and_target(kitchen, ".wav")
    report = align_file(
        AlignRequest(source, target, str(length), force=True, **options), listener=kitchen.listener
    )
    return _delivered(kitchen, report)


def _is_length(text: str) -> bool:
    """Whether a length is a number: anything else would be looked up as a file of this machine."""
    return re.fullmatch(r"[0-9]+(\.[0-9]+|/[0-9]+)?f?", text) is not None


def _master(kitchen: Kitchen) -> dict[str, Any]:
    given = kitchen.inputs.options
    known = ("loudness_lufs", "ceiling_dbtp", "amount", "subtype")
    options = {name: given[name] for name in known if name in given}
    source, target = _source_and_target(kitchen, str(given.get("format", ".wav")))
    match = kitchen.inputs.one("match")
    report = master_file(
        MasterRequest(source, target, match=match, force=True, **options), listener=kitchen.listener
    )
    return _delivered(kitchen, report)


def _source_and_target(kitchen: Kitchen, suffix: str) -> tuple[Path, Path]:
    source = kitchen.inputs.one("source")
    if source is None:
        raise InputError("No file was given.", way_out='Give it as "source".')
    return source, kitchen.out / f"{safe_name(source.stem)}{suffix}"


_RECIPES: Mapping[JobKind, Callable[[Kitchen], dict[str, Any]]] = {
    JobKind.REMIX: _remix,
    JobKind.RENDER: _remix,
    JobKind.REFINE: _refine,
    JobKind.ANALYZE: _analyze,
    JobKind.PRODUCE: _produce,
    JobKind.VERIFY: _verify,
    JobKind.ALIGN: _align,
    JobKind.MASTER: _master,
}


def _delivered(kitchen: Kitchen, report: Report) -> dict[str, Any]:
    """Put what came out under its sha256, and say what it is called."""
    known = _described(kitchen.out / MANIFEST)
    names = sorted(
        path.relative_to(kitchen.out).as_posix()
        for path in kitchen.out.rglob("*")
        if path.is_file() and path.name != RUN and not path.name.startswith(".")
    )
    add = partial(_kept, kitchen, known)
    return {"status": report.status, "outputs": dict(map(add, names)), "report": report.as_dict()}


def _kept(kitchen: Kitchen, known: Mapping[str, str], name: str) -> tuple[str, str]:
    return name, kitchen.blobs.add(kitchen.out / name, sha256=known.get(name, ""))


def _described(manifest: Path) -> dict[str, str]:
    """Read the sha256 of files from the manifest that was written a moment ago: they need no second look."""
    if not manifest.is_file():
        return {}
    rows = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return {row["path"]: row["sha256"] for row in rows}

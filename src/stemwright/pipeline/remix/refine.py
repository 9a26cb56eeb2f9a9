"""The recipe `refine`: change a finished remix by a sentence, or undo; only what changed is done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stemwright.checks import Check, Notice, Severity
from stemwright.errors import InputError
from stemwright.memory import keep_freed_memory
from stemwright.pipeline.events import Listener, ignore
from stemwright.pipeline.folder import RUN
from stemwright.pipeline.remix.delivering import HISTORY
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.remix.planning import PlanSession, match_songs, refine_plan
from stemwright.pipeline.remix.recipe import Remix, RemixJob, prepare_songs, remix_runner, render_remix
from stemwright.pipeline.remix.session import RemixOptions, SongRequest
from stemwright.pipeline.step import Outcome
from stemwright.pipeline.store import Store, load_store_settings
from stemwright.planning.plan import SongId
from stemwright.planning.validate import validate

__all__ = ["RefineOptions", "refine"]


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """How a refinement may run.

    Parameters
    ----------
    undo : bool
        Go back by one version instead of asking for a change.
    planner : str
        ``"auto"``, ``"offline"`` or ``"llm"``.
    llm : str
        ``provider:model`` instead of the one that the environment names.
    songs : Mapping of SongId to Path
        Where a song is now, if it was moved.
    """

    undo: bool = False
    planner: str = "auto"
    llm: str = ""
    songs: Mapping[SongId, Path] | None = None


def refine(
    folder: Path,
    request: str,
    *,
    options: RefineOptions | None = None,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Remix:
    """Change a remix.

    Parameters
    ----------
    folder : Path
        Of a finished remix; it is rendered again in place.
    request : str
        What should become different, in plain words; not read with `RefineOptions.undo`.
    options, listener, store
        As in `remix`.

    Returns
    -------
    Remix
        With the new plan; history.json keeps all versions.

    Raises
    ------
    CheckFailedError, InputError, StorageError
        As in `remix`; `InputError` also when the folder holds no remix or a song was moved.
    """
    options = options or RefineOptions()
    keep_freed_memory()
    record, history = _read(folder)
    requests = _requests(record, options)
    how = RemixOptions(out=folder, planner=options.planner, llm=options.llm, **record["inputs"]["options"])
    store = store or Store(load_store_settings())
    runner = remix_runner(store, listener)
    with store.in_use():
        songs = prepare_songs(requests, how, runner)
        _same_songs(history, {song: one.sha256 for song, one in songs.items()})
        bleed = any(one.stems is None for one in requests.values())
        session = PlanSession(request, songs, replace(how, seed=history.current.plan.seed), bleed)
        if options.undo:
            history = history.back()
            told: tuple[Notice, ...] = (Notice("The last change was taken back.", "plan"),)
        else:
            refined = refine_plan(history.current.plan, session)
            history = history.then(request, refined.changes, refined.plan)
            told = tuple(Notice(text, "plan") for text in refined.warnings)
        valid = validate(history.current.plan, facts=session.facts, bleed=bleed)
        changes = tuple(Notice(change, "change") for change in history.current.changes)
        details: dict[str, Any] = {"plan": valid.plan.as_dict()}
        runner.record("plan", Outcome(_changed(history, options), details, (*changes, *told, *valid.notices)))
        pairing = match_songs(valid.plan, session.facts, runner=runner)
        job = RemixJob(songs, valid.plan, pairing, history, how, record["inputs"])
        made = render_remix(job, runner=runner)
    store.trim()
    return made


def _changed(history: History, options: RefineOptions) -> tuple[Check, ...]:
    """Ask that a request changed something."""
    if options.undo:
        return ()
    return (
        Check.at_least(
            "changes", "plan", len(history.current.changes), 1,
            severity=Severity.WARNING, advice="Nothing in the plan became different; say it in other words.",
        ),
    )  # fmt: skip


def _read(folder: Path) -> tuple[dict[str, Any], History]:
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        text = (folder / HISTORY).read_text(encoding="utf-8")
        if "inputs" not in record:
            raise KeyError("inputs")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder} holds no remix that can be refined.",
            way_out="Name the folder that stemwright remix wrote.",
        ) from error
    return record, History.read(text)


def _requests(record: Mapping[str, Any], options: RefineOptions) -> dict[SongId, SongRequest]:
    """Find both songs where they were, or where they are now."""
    requests = {}
    for song in SongId:
        request = SongRequest.from_dict(record["inputs"]["songs"][song.value])
        moved = (options.songs or {}).get(song)
        requests[song] = replace(request, path=moved) if moved is not None else request
        path = requests[song].path or requests[song].stems
        if path is None or not path.exists():
            raise InputError(
                f"Song {song.value[-1].upper()} is no longer at {path}.",
                way_out=f"Say where it is with --song-{song.value[-1]} PATH.",
            )
    return requests


def _same_songs(history: History, found: Mapping[SongId, str]) -> None:
    for song, source in history.current.plan.songs.items():
        if source.sha256 != found[song]:
            raise InputError(
                f"Song {song.value[-1].upper()} is another file than the one that the remix was made of.",
                way_out="Make a new remix, or give the file as it was.",
            )

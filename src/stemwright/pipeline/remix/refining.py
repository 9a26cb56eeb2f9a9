"""The recipe `refine`: change a finished remix by a sentence, or undo; only what changed is done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stemwright.checks import Check, Notice, Severity
from stemwright.errors import InputError
from stemwright.pipeline.events import Listener, ignore
from stemwright.pipeline.folder import RUN
from stemwright.pipeline.remix.delivering import HISTORY
from stemwright.pipeline.remix.history import History
from stemwright.pipeline.remix.planning import PlanSession, match_songs, refine_plan
from stemwright.pipeline.remix.recipe import Remix, RemixJob, at_work, prepare_songs, render_remix
from stemwright.pipeline.remix.session import RemixOptions, SongRequest
from stemwright.pipeline.step import Outcome
from stemwright.pipeline.store import Store
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
    found = _read(folder)
    history, requests = found.history, _where(found.requests, options)
    how = replace(found.how, out=folder, planner=options.planner, llm=options.llm)
    with at_work(store, listener) as desk:
        runner = desk.runner
        songs = prepare_songs(requests, how, desk)
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
        job = RemixJob(songs, valid.plan, pairing, history, how, found.inputs)
        return render_remix(job, desk)


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


@dataclass(frozen=True, slots=True)
class _Found:
    """What a finished remix says about itself."""

    inputs: dict[str, Any]
    requests: dict[SongId, SongRequest]
    how: RemixOptions
    history: History


def _read(folder: Path) -> _Found:
    try:
        inputs = json.loads((folder / RUN).read_text(encoding="utf-8"))["inputs"]
        requests = {song: SongRequest.from_dict(inputs["songs"][song.value]) for song in SongId}
        how = RemixOptions(**inputs["options"])
        text = (folder / HISTORY).read_text(encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no remix that can be refined.",
            way_out="Name the folder that stemwright remix wrote.",
        ) from error
    return _Found(inputs, requests, how, History.read(text))


def _where(requests: Mapping[SongId, SongRequest], options: RefineOptions) -> dict[SongId, SongRequest]:
    """Find both songs where they were, or where they are now."""
    found = {}
    for song, request in requests.items():
        moved = (options.songs or {}).get(song)
        found[song] = replace(request, path=moved) if moved is not None else request
        path = found[song].path or found[song].stems
        if path is None or not path.exists():
            raise InputError(
                f"Song {song.value[-1].upper()} is no longer at {path}.",
                way_out=f"Say where it is with --song-{song.value[-1]} PATH.",
            )
    return found


def _same_songs(history: History, found: Mapping[SongId, str]) -> None:
    for song, source in history.current.plan.songs.items():
        if source.sha256 != found[song]:
            raise InputError(
                f"Song {song.value[-1].upper()} is another file than the one that the remix was made of.",
                way_out="Make a new remix, or give the file as it was.",
            )

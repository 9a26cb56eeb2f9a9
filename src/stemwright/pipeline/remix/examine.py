"""The recipe `analyze`: what is in one song or two, and how the two go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stemwright.analysis import describe
from stemwright.errors import InputError
from stemwright.match import compatibility
from stemwright.match.pairing import Compatibility
from stemwright.memory import keep_freed_memory
from stemwright.pipeline.events import Listener, ignore
from stemwright.pipeline.remix.session import RemixOptions, SongRequest
from stemwright.pipeline.remix.songs import SongSteps, heard_stems, song_title
from stemwright.pipeline.step import Runner
from stemwright.pipeline.store import Store, load_store_settings
from stemwright.planning.plan import SongId
from stemwright.songs import SongFacts

__all__ = ["Examination", "examine_songs"]

MOST_SONGS = 2


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes
    ----------
    titles : tuple[str, ...]
        Of the songs, in order.
    facts : tuple[SongFacts, ...]
        Of each.
    compatibility : Compatibility or None
        Of a pair.
    """

    titles: tuple[str, ...]
    facts: tuple[SongFacts, ...]
    compatibility: Compatibility | None

    def lines(self) -> list[str]:
        """Say it in plain words."""
        said = []
        for title, facts in zip(self.titles, self.facts, strict=True):
            said += [title, *(f"  {line}" for line in describe(facts))]
        if self.compatibility is not None:
            said += [self.compatibility.message, *(f"  {reason}" for reason in self.compatibility.reasons)]
        return said

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        names = ("song_a", "song_b")
        songs: dict[str, Any] = {
            name: {"title": title, "camelot": facts.key.key.camelot, **facts.as_dict()}
            for name, title, facts in zip(names, self.titles, self.facts, strict=False)
        }
        pair = None if self.compatibility is None else asdict(self.compatibility)
        return songs | ({"compatibility": pair} if pair else {})


def examine_songs(
    requests: Sequence[SongRequest],
    *,
    options: RemixOptions | None = None,
    separate: bool = False,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Examination:
    """Analyse one song or two.

    Parameters
    ----------
    requests : Sequence[SongRequest]
        One or two.
    options : RemixOptions, optional
        Separator and beat engine.
    separate : bool
        Whether songs without given stems are taken apart first: the voice is only known then, and the drums
        help to find the beats.
    listener, store
        As in `remix`.

    Raises
    ------
    InputError
        When a song can't be used, or there are none or more than two.
    """
    if not 1 <= len(requests) <= MOST_SONGS:
        raise InputError(f"One song or two can be analysed; got {len(requests)}.")
    options = options or RemixOptions()
    keep_freed_memory()
    store = store or Store(load_store_settings())
    runner = Runner(store, listener, total_weight=17.0 * len(requests))
    with store.in_use():
        facts = tuple(
            _facts(SongSteps(song, request, options, runner), separate=separate or request.stems is not None)
            for song, request in zip(SongId, requests, strict=False)
        )
    store.trim()
    pair = compatibility(*facts) if len(facts) == MOST_SONGS else None
    return Examination(tuple(map(song_title, requests)), facts, pair)


def _facts(steps: SongSteps, *, separate: bool) -> SongFacts:
    decoded = steps.decode()
    separated = steps.separate(decoded) if separate else None
    stems = heard_stems(separated) if separated is not None else {}
    return SongFacts.from_dict(steps.analyze(decoded, separated, stems).outcome.details["facts"])

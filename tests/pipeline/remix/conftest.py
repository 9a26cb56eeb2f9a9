"""Two songs, made once, and a store for all tests that ask different things of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remix_songs import NIGHT, TIDE, Rendered, write_song
from stemwright.pipeline.remix import Remix, RemixOptions, SongRequest, recipe, remix
from stemwright.pipeline.store import Store, StoreSettings

PROMPT = "vocals of song A over song B"


@pytest.fixture(scope="session", autouse=True)
def one_process() -> Iterator[None]:
    """A second process takes longer to start than these songs take; what comes out is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "cores", lambda: 1)
        yield


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> tuple[SongRequest, SongRequest]:
    """Night (120 bpm, A minor) and Tide (111 bpm, G minor), with their stems."""
    folder = tmp_path_factory.mktemp("songs")
    return write_song(NIGHT, folder), write_song(TIDE, folder)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for every test that does not count what was done before."""
    return Store(StoreSettings(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="session")
def made(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Remix:
    """Song A's voice over song B."""
    out = tmp_path_factory.mktemp("made") / "out"
    return remix(*songs, PROMPT, options=RemixOptions(out=out, planner="offline"), store=store)


@pytest.fixture
def render(songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path) -> Rendered:
    """Make a remix of both songs in the common store."""

    def run(prompt: str = PROMPT, **options: object) -> Remix:
        how = {"out": tmp_path / "out", "planner": "offline", **options}
        return remix(*songs, prompt, options=RemixOptions(**how), store=store)  # type: ignore[arg-type]

    return run

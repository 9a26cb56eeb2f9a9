from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from page_kit import QUIET, Made, NewPerson, Person, Service, chromium
from remix_songs import NIGHT, RATE, TIDE, Tune, stems_of
from stemwright.io.writer import write_audio


def written(tune: Tune, folder: Path) -> Path:
    """Mix a song, a little wider than mono."""
    parts = stems_of(tune)
    parts["other"] = parts["other"] * np.array([[1.0], [0.6]], np.float32)
    mix = sum(parts.values(), np.zeros(1, np.float32))
    path = folder / f"{tune.name}.wav"
    samples = (0.7 * mix / np.abs(mix).max()).astype(np.float32)
    write_audio(path, [samples], sample_rate=RATE, channels=2, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("songs")
    return written(replace(NIGHT, bars=8), folder), written(replace(TIDE, bars=8), folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="session")
def service(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service") / "data")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def made(browser: Any, service: Service, songs: tuple[Path, Path]) -> Made:
    """Make a remix once, for all who only want to listen."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    person = Person(context.new_page(), service)
    person.watch()
    found = Made(person.remix(songs), context.storage_state())
    person.judge()
    context.close()
    return found


@pytest.fixture
def new_person(browser: Any, service: Service) -> Iterator[NewPerson]:
    """Somebody who was never here; what their pages complained about is held against us at the end."""
    with ExitStack() as stack:
        people: list[Person] = []

        def come(where: Service = service, **options: Any) -> Person:
            size = {"width": options.pop("width", 1440), "height": options.pop("height", 900)}
            before = options.pop("before", "")
            context = browser.new_context(viewport=size, **options)
            stack.callback(context.close)
            if before:
                context.add_init_script(before)
            people.append(Person(context.new_page(), where))
            people[-1].watch()
            return people[-1]

        yield come
        for person in people:
            person.judge()


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    return new_person()


@pytest.fixture
def at_desk(new_person: NewPerson, made: Made) -> Person:
    """Somebody in front of a remix that is there already."""
    found = new_person(storage_state=made.state)
    found.come(made.where)
    found.desk()
    return found

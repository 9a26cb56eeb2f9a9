"""A PostgreSQL for the tests of this room, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine_scene import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()

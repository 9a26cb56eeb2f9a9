"""The tables of jobs, events and files, beside those of DBOS in the same database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

__all__ = [
    "database_url",
    "events",
    "is_sqlite",
    "jobs",
    "make_tables",
    "open_database",
    "pins",
    "step_times",
    "uploads",
    "workers",
]

meta = sa.MetaData()

jobs = sa.Table(
    "stemwright_jobs",
    meta,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("session", sa.String(64), nullable=False, unique=True),
    sa.Column("owner", sa.String(128), nullable=False, index=True),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("phase", sa.String(32), nullable=False),
    sa.Column("queue", sa.String(32), nullable=False),
    sa.Column("waiting", sa.Boolean, nullable=False),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("detail", sa.Text, nullable=False, default=""),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("last_event", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.String(64)),
    sa.Column("token", sa.Integer, nullable=False, default=0),
    sa.Column("takeovers", sa.Integer, nullable=False, default=0),
    sa.Column("created_s", sa.Float, nullable=False),
    sa.Column("changed_s", sa.Float, nullable=False),
)
"""`waiting` is true while a job stands in `queue`; `token` grows with every worker that begins on it."""

events = sa.Table(
    "stemwright_events",
    meta,
    sa.Column("session", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

uploads = sa.Table(
    "stemwright_uploads",
    meta,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("used_s", sa.Float, nullable=False),
)

pins = sa.Table(
    "stemwright_pins",
    meta,
    sa.Column("session", sa.String(64), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True, index=True),
)
"""What a session needs: its uploads and its results stay while it stands here."""

workers = sa.Table(
    "stemwright_workers",
    meta,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("beats", sa.BigInteger, nullable=False, default=0),
    sa.Column("dead", sa.Boolean, nullable=False, default=False),
    sa.Column("slots", sa.JSON, nullable=False),
)
"""`beats` only ever grows; who does not grow for the length of a lease is dead, whatever any clock says."""

step_times = sa.Table(
    "stemwright_step_times",
    meta,
    sa.Column("stage", sa.String(64), primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("mean_s", sa.Float, nullable=False),
)


def database_url(where: Path | str) -> str:
    """Return the URL of a database: a file in a data folder, or PostgreSQL as given.

    Examples
    --------
    >>> database_url("postgres://queue.example/jobs")
    'postgresql+psycopg://queue.example/jobs'
    """
    if isinstance(where, Path):
        return f"sqlite:///{(where / 'jobs.sqlite').absolute()}"
    scheme, mark, rest = where.partition("://")
    return f"postgresql+psycopg{mark}{rest}" if scheme in ("postgres", "postgresql") else where


def is_sqlite(url: str) -> bool:
    """Whether it is the database of one machine."""
    return url.startswith("sqlite")


def open_database(url: str) -> sa.Engine:
    """Make the pool of connections; nothing is connected yet."""
    if not is_sqlite(url):
        return sa.create_engine(
            url, pool_pre_ping=True, pool_size=8, max_overflow=16, connect_args={"connect_timeout": 5}
        )
    engine = sa.create_engine(url, pool_size=8, max_overflow=32)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_at_once)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_at_once(connection: sa.Connection) -> None:
    """Take the write lock first: a transaction that reads and then writes must not fail half-way."""
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if options.get("read_only") else "BEGIN IMMEDIATE")


def make_tables(engine: sa.Engine) -> None:
    """Make what is missing."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # two workers that start together must not both make them
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7283950124)"))
        meta.create_all(connection)

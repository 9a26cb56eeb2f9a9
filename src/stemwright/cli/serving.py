"""Start the service, the way it was typed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from stemwright._version import __version__
from stemwright.service.settings import ServiceSettings, parse_expire

__all__ = ["TOKEN_VARIABLE", "run_service", "settings_of"]

TOKEN_VARIABLE = "STEMWRIGHT_TOKEN"  # noqa: S105 - the name of a variable


def settings_of(
    *,
    host: str,
    port: int,
    data: Path | None,
    names: tuple[str, ...],
    expire: str | None,
    max_song_mb: float,
    max_song_minutes: float,
) -> ServiceSettings:
    """Read options and environment; raises before anything was started."""
    settings = ServiceSettings(
        data=(data or _default_folder()).absolute(),
        host=host,
        port=port,
        # on the command line every user of the machine could read it
        token=os.environ.get(TOKEN_VARIABLE) or None,
        names=names,
        expire_s=parse_expire(expire),
        max_song_bytes=int(max_song_mb * 1e6),
        max_song_s=max_song_minutes * 60.0,
    )
    settings.require_safe()
    return settings


def run_service(settings: ServiceSettings, *, most_waiting: int, database: str, bucket: str) -> None:
    """Open the queue, and listen until interrupted."""
    from stemwright.engine.queue import open_jobs
    from stemwright.service.listen import listen
    from stemwright.service.main import create_app

    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    queue = settings.data / "queue"
    with open_jobs(queue, lost=_leave, most_waiting=most_waiting, database=database, bucket=bucket) as jobs:
        listen(create_app(jobs, settings), settings, ready=lambda url: _told(url, settings))


def _leave() -> None:
    """End: the others declared this process dead, and took its jobs over."""
    os.kill(os.getpid(), signal.SIGTERM)


def _told(url: str, settings: ServiceSettings) -> None:
    from stemwright.service.routes.page import NO_PAGE, static_folder

    kept = (
        "everything is kept"
        if settings.expire_s is None
        else f"{settings.expire_s / 3600:g} h after last use"
    )
    click.echo(
        f"stemwright {__version__} listens on {url} (data: {settings.data}; expires: {kept})", err=True
    )
    if not (static_folder() / "index.html").is_file():
        click.echo(NO_PAGE.strip(), err=True)


def _default_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("stemwright", appauthor=False)) / "service"

"""Listen: uvicorn with our logs, and streams that end when the service does."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from stemwright.errors import InputError
from stemwright.service.logs import set_up_logs
from stemwright.service.settings import ServiceSettings

__all__ = ["Server", "listen"]

BACKLOG = 512
MOST_CONNECTIONS = 1_000
GRACE_S = 3


class Server(uvicorn.Server):
    """Uvicorn that ends open streams first: it would wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._streams = app.state.parts.hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close."""
        self._streams.close()
        await super().shutdown(sockets)


def listen(app: FastAPI, settings: ServiceSettings, *, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    app : FastAPI
        From `create_app`.
    settings : ServiceSettings
        Where to listen.
    ready : callable
        Told the address as soon as connections are taken.
    """
    set_up_logs()
    bound = _bind(settings)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, backlog=BACKLOG,
        limit_concurrency=MOST_CONNECTIONS, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=30,
        h11_max_incomplete_event_size=32_768, ws="none", proxy_headers=False,
    )  # fmt: skip
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{port}/")
    with bound:
        Server(config, app).run(sockets=[bound])


def _bind(settings: ServiceSettings) -> socket.socket:
    """Take the address before anything else starts."""
    try:
        found = socket.getaddrinfo(settings.host.strip("[]"), settings.port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(found[0], socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found[4])
        bound.listen(BACKLOG)
    except OSError as error:
        raise InputError(
            f"{settings.host}:{settings.port} can't be listened on: {error.strerror or error}.",
            way_out="Is it running already? Choose another --port.",
        ) from error
    return bound

"""The door: who may come in from where, what every answer carries, what an incident says."""

from __future__ import annotations

import ipaddress
import logging
import secrets
import time
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stemwright.service.deps import Parts
from stemwright.service.identity import COOKIE, COOKIE_AGE_S, SIGNED_OUT
from stemwright.service.logs import log
from stemwright.service.problems import problem
from stemwright.service.settings import LOOPBACK_NAMES

__all__ = ["API_POLICY", "Guard"]

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = {
    "content-security-policy": API_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Stands around the whole app.

    Parameters
    ----------
    app : ASGIApp
        What is guarded; its parts say under which names it may be reached, and count its answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        answer = _Answer(scope, send)
        parts: Parts = scope["app"].state.parts
        refusal = _refusal(scope, Headers(scope=scope), parts.settings.names)
        try:
            app = self._app if refusal is None else problem(*refusal)
            await app(scope, receive, answer.send)
        except ClientDisconnect:
            log("client left", **answer.fields())
        except Exception as error:  # noqa: BLE001 - our own fault: an incident, never a traceback in an answer
            await self._incident(error, answer, scope, receive)
        parts.metrics.answered(answer.status)
        log("answer", level=logging.DEBUG if answer.status < 400 else logging.INFO, **answer.fields())

    async def _incident(self, error: Exception, answer: _Answer, scope: Scope, receive: Receive) -> None:
        incident = secrets.token_hex(6)
        log("incident", level=logging.ERROR, error=error, incident=incident, **answer.fields())
        if answer.started:
            return
        said = f"This is a fault of the server; its log knows it as incident {incident}."
        await problem(500, said)(scope, receive, answer.send)


def _refusal(scope: Scope, headers: Headers, names: Sequence[str]) -> tuple[int, str] | None:
    """Say why a request may not come in; None when it may."""
    host = headers.get("host", "")
    if not _is_known(host, names):
        return 421, "This server is not known by that name; start it with --name to add one."
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    # a link from elsewhere opens the page; to the API it would come without its cookie, and get a new one
    followed = scope["method"] in _SAFE and headers.get("sec-fetch-mode") == "navigate"
    navigates = followed and not scope["path"].startswith("/api")
    foreign = origin is not None and not _same(origin, str(scope["scheme"]), host)
    if foreign or (site not in ("same-origin", "none") and not navigates):
        return 403, "Pages of other sites may not use this server."
    return None


def _is_known(host: str, names: Sequence[str]) -> bool:
    """DNS can point any name here, but no address: names have to be known, addresses may be any."""
    name = _without_port(host).lower()
    return name in LOOPBACK_NAMES or name in map(str.lower, names) or _is_address(name)


class _Answer:
    """An answer on its way out."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()
        self.status = 499
        self.started = self.complete = False
        self._too_large = False

    async def send(self, message: Message) -> None:
        if message.get("status") == 413 and not _is_json(message):  # the framework's own answer is plain text
            self._too_large = True
            await problem(413, "The body is too large.")(self._scope, _nothing, self.send)
            return
        if self._too_large and self.complete:
            return
        self.complete = message["type"] == "http.response.body" and not message.get("more_body")
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if cookie := self._scope["state"].get("new_cookie"):
                headers.append("set-cookie", _cookie(cookie, secure=self._scope["scheme"] == "https"))
        await self._send(message)

    def fields(self) -> dict[str, Any]:
        taken_s = round(time.perf_counter() - self._began, 4)
        fields = {"method": self._scope["method"], "path": self._scope["path"][:300], "status": self.status}
        session = self._scope.get("path_params", {}).get("session_id")
        return fields | {"seconds": taken_s} | ({"session": session[:64]} if session else {})


def _is_json(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("application/json")


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _cookie(value: str, *, secure: bool) -> str:
    safe, age_s = "; Secure" if secure else "", 0 if value == SIGNED_OUT else COOKIE_AGE_S
    return f"{COOKIE}={value}; Max-Age={age_s}; Path=/; HttpOnly; SameSite=Strict{safe}"


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _same(origin: str, scheme: str, host: str) -> bool:
    """Whether a page comes from this very server; behind a proxy that ends TLS the scheme may differ."""
    found = urlsplit(origin)
    return found.netloc.lower() == host.lower() and found.scheme in (scheme, "https")

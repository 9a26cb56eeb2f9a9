"""The web page, where it is installed, and how a browser signs in."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response

from stemwright.service.deps import Owner, ServiceDep
from stemwright.service.identity import SIGNED_OUT
from stemwright.service.problems import ProblemError
from stemwright.service.schemas import Health, SignIn

__all__ = ["PAGE_POLICY", "router", "sign_in"]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-src 'self'; frame-ancestors 'none'"
)
NO_PAGE = (
    "stemwright is running; the web page is not in this installation: install a release, or run make page.\n"
)
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)
sign_in = APIRouter(tags=["service"])


@sign_in.post("/sign-in")
def sign_in_with_token(asked: SignIn, request: Request, service: ServiceDep) -> Health:
    """Give a browser that shows the token its cookie: it then sees what its owner's other devices see."""
    identity = service.identity
    if not identity.open and not identity.is_token(asked.token):
        raise ProblemError(401, "That token is not known here.", {"WWW-Authenticate": "Bearer"})
    request.state.new_cookie = identity.new_cookie("" if identity.open else asked.token)
    return Health()


@sign_in.post("/sign-out")
def sign_out(_owner: Owner, request: Request, service: ServiceDep) -> Health:
    """Take the cookie of this browser away; sessions stay with the token."""
    if service.identity.open:
        raise ProblemError(422, "Without a token a browser is known by its cookie alone: it would lose all.")
    request.state.new_cookie = SIGNED_OUT
    return Health()


def static_folder() -> Path:
    """Where the built page lies, inside the package."""
    return Path(str(files("stemwright.service"))) / "static"


@router.get("/")
def page() -> Response:
    """Serve the page, or say how to get it."""
    if (static_folder() / "index.html").is_file():
        return _file("index.html")
    return PlainTextResponse(NO_PAGE)


@router.get("/{name:path}")
def part_of_page(name: str) -> Response:
    """Serve a file of the page; nothing outside its folder."""
    return _file(name)


def _file(name: str) -> Response:
    folder = static_folder().resolve()
    try:
        path = (folder / name).resolve()
        there = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError):  # a name that no disk takes
        there = False
    if not there:
        raise ProblemError(404, "There is nothing here.")
    # names of built files change with their content; the page itself is asked for again each time
    keep = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
    headers = {"content-security-policy": PAGE_POLICY, "cache-control": keep}
    return FileResponse(path, headers=headers, media_type=_TYPES.get(path.suffix))

"""Everything that is refused: a status, one sentence, nothing about this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from stemwright.errors import InternalError, StemwrightError, StorageError

__all__ = ["NothingNewError", "ProblemError", "add_handlers", "plain", "problem"]

_PATH = re.compile(r"(?<![\w:/.\\])(?:[A-Za-z]:)?[\\/]+(?:[^\s\"'<>|:*?\\/]+[\\/]+)+([^\s\"'<>|:*?\\/]*)")
_SENTENCES = {404: "There is nothing here.", 405: "This can't be done here.", 413: "That is too large."}
MOST_CHARACTERS = 600


class ProblemError(Exception):
    """A request that is refused.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        One sentence for people.
    headers : Mapping, optional
        Such as Retry-After.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class NothingNewError(Exception):
    """A stream that was seen to its end: 204 tells browsers not to come back."""


def plain(text: str) -> str:
    """Take folders out of a sentence, keep the file's name, and bound its length."""
    return _PATH.sub(lambda found: found[1] or "…", text)[:MOST_CHARACTERS]


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Build the one shape of every refusal."""
    return JSONResponse({"detail": plain(detail)}, status, dict(headers or {}))


def add_handlers(app: FastAPI) -> None:
    """Answer each family of errors in one place; what is left is an incident, see `guard`."""
    families: dict[type[Exception], Callable[[Any], Response]] = {
        ProblemError: lambda error: problem(error.status, error.detail, error.headers),
        NothingNewError: lambda _error: Response(status_code=204),
        StemwrightError: _ours,
        RequestValidationError: _invalid,
        HTTPException: _http,
    }
    for family, answer in families.items():
        app.add_exception_handler(family, _handler(answer))


def _handler(
    answer: Callable[[Any], Response],
) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    async def handle(_request: Request, error: Exception) -> Response:
        return answer(error)

    return handle


def _ours(error: StemwrightError) -> Response:
    if isinstance(error, InternalError):
        raise error
    if isinstance(error, StorageError):
        return problem(507, "There is no room left on this server. Try again later.")
    return problem(422, str(error))


def _invalid(error: RequestValidationError) -> Response:
    """Say the first complaint in one sentence; the page and the text's clients show `detail` as it is."""
    first, *more = error.errors()
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    rest = f" {len(more)} more places are wrong." if more else ""
    said = str(first["msg"]).removeprefix("Value error, ")
    return problem(422, f"{place[:100] or 'request'}: {said}.{rest}")


def _http(error: HTTPException) -> Response:
    detail = _SENTENCES.get(error.status_code, str(error.detail))
    return problem(error.status_code, detail, error.headers)

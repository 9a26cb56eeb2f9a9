"""Read bodies within bounds: JSON whole and small, forms as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from stemwright.service.deps import Parts
from stemwright.service.multipart import Fields, Form, read_form
from stemwright.service.problems import ProblemError

__all__ = ["JSON_BYTES", "form_of", "json_of", "validated"]

JSON_BYTES = 2_000_000
M = TypeVar("M", bound=BaseModel)


async def json_of(request: Request, schema: type[M]) -> M:
    """Read JSON where a form may come as well, so that the body may be large; JSON may not.

    Raises
    ------
    ProblemError
        413 or 422.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > JSON_BYTES:
            raise ProblemError(413, f"The JSON is larger than {JSON_BYTES // 10**6} MB.")
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(422, "The body is not valid JSON.") from error
    return validated(schema, raw)


def validated(schema: type[M], raw: Mapping[str, Any]) -> M:
    """Hold values against a schema; 422 in one sentence."""
    try:
        return schema.model_validate(raw)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    except RecursionError as error:
        raise ProblemError(422, "The body is nested too deeply.") from error


async def form_of(request: Request, service: Parts, boundary: bytes, fields: Fields, form: Form) -> None:
    """Read a form; whoever asked discards it."""
    await read_form(service.receiver.watched(request.stream()), boundary, fields, form)

"""The OpenAPI document: what FastAPI finds, and the bodies that routes read by themselves."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from stemwright._version import __version__
from stemwright.service.schemas import AnalyzeRequest, ProgressEvent, RemixRequest, VerifyRequest

__all__ = ["openapi_of"]

REFERENCE = "#/components/schemas/{model}"
_READ_BY_ROUTES = (RemixRequest, AnalyzeRequest, VerifyRequest, ProgressEvent)


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Write the contract once."""
    if app.openapi_schema is None:
        schema = get_openapi(title="stemwright", version=__version__, routes=app.routes)
        _, more = models_json_schema([(one, "validation") for one in _READ_BY_ROUTES], ref_template=REFERENCE)
        schema["components"]["schemas"] = more["$defs"] | schema["components"]["schemas"]
        app.openapi_schema = schema
    return app.openapi_schema

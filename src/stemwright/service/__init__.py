"""Both jobs over HTTP: the only room that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemwright.service.main import create_app
    from stemwright.service.settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app"]

_HOMES = {"create_app": "main", "ServiceSettings": "settings"}


def __getattr__(name: str) -> Any:
    """Import what is asked for; FastAPI costs half a second."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"stemwright.service.{_HOMES[name]}"), name)

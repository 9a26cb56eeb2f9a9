"""The recipe `remix`, room by room; each is loaded when something of it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemwright.pipeline.remix.examine import Examination as Examination
    from stemwright.pipeline.remix.examine import examine_songs as examine_songs
    from stemwright.pipeline.remix.recipe import Plan as Plan
    from stemwright.pipeline.remix.recipe import Remix as Remix
    from stemwright.pipeline.remix.recipe import plan_remix as plan_remix
    from stemwright.pipeline.remix.recipe import remix as remix
    from stemwright.pipeline.remix.refining import RefineOptions as RefineOptions
    from stemwright.pipeline.remix.refining import refine as refine
    from stemwright.pipeline.remix.session import RemixOptions as RemixOptions
    from stemwright.pipeline.remix.session import SongRequest as SongRequest

_ROOMS = {
    "Examination": "examine",
    "Plan": "recipe",
    "RefineOptions": "refining",
    "Remix": "recipe",
    "RemixOptions": "session",
    "SongRequest": "session",
    "examine_songs": "examine",
    "plan_remix": "recipe",
    "refine": "refining",
    "remix": "recipe",
}

__all__ = [
    "Examination",
    "Plan",
    "RefineOptions",
    "Remix",
    "RemixOptions",
    "SongRequest",
    "examine_songs",
    "plan_remix",
    "refine",
    "remix",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stemwright.pipeline.remix' has no attribute {name!r}")
    value = getattr(import_module(f"stemwright.pipeline.remix.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

"""The recipe `remix`, room by room."""

from stemwright.pipeline.remix.examine import Examination, examine_songs
from stemwright.pipeline.remix.recipe import Plan, Remix, plan_remix, remix
from stemwright.pipeline.remix.refine import RefineOptions, refine
from stemwright.pipeline.remix.session import RemixOptions, SongRequest

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

"""What a second process has to know to lend a hand with a remix."""

from __future__ import annotations

from contextlib import AbstractContextManager

from stemwright.pipeline.worker import standing_by

__all__ = ["MODULES", "at_hand"]

MODULES = (
    "stemwright.pipeline.remix.songs",
    "stemwright.pipeline.remix.lanes",
    "stemwright.pipeline.remix.mastering",
    "stemwright.pipeline.remix.verifying",
    "stemwright.pipeline.remix.delivering",
)


def at_hand() -> AbstractContextManager[None]:
    """Start the second process of a remix while this one still imports what it needs itself."""
    return standing_by(MODULES)

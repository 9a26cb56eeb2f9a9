"""Say what went wrong in a child process, for people: no path, no host, no traceback."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any

from stemwright.engine.orders import Order
from stemwright.errors import CheckFailedError, StemwrightError, StorageError

__all__ = ["DISK_FULL", "OUR_FAULT", "told_error"]

DISK_FULL = "The disk of this service is full: this job was stopped."
NO_MEMORY = "This job needed more memory than a job may take."
OUR_FAULT = "This is a fault of stemwright, not of your files; it was noted with the number of this session."


def told_error(error: Exception, order: Order) -> dict[str, Any]:
    """Return kind, sentence and failed checks; the whole story goes to stderr."""
    sys.stderr.write("".join(traceback.format_exception(error)))
    return {"error": type(error).__name__, "message": _sentence(error, order), "checks": _checks(error)}


def _checks(error: Exception) -> list[dict[str, Any]]:
    return [check.as_dict() for check in error.checks] if isinstance(error, CheckFailedError) else []


def _sentence(error: Exception, order: Order) -> str:
    if _is_full(error):
        return f"{DISK_FULL} Try again later."
    if isinstance(error, MemoryError):
        return f"{NO_MEMORY} Try a shorter or smaller file."
    if isinstance(error, StemwrightError):
        return _without_paths(str(error), order)
    return OUR_FAULT


def _is_full(error: BaseException | None) -> bool:
    """Whether a full disk is at the bottom of it."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    known = isinstance(error, StorageError) and ("disk is full" in error.message or "quota" in error.message)
    return known or _is_full(error.__cause__ or error.__context__)


def _without_paths(text: str, order: Order) -> str:
    """Leave file names, and take the folders of this machine away."""
    for folder in (
        order.folder / "in",
        order.folder / "out",
        order.folder,
        order.site.store,
        order.site.data,
    ):
        text = text.replace(f"{folder}/", "").replace(str(folder), "the service's folder")
    return text

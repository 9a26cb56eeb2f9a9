"""One JSON object a line; whatever people sent is escaped, so that no line can pretend to be another."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any

__all__ = ["JsonLines", "log", "set_up_logs"]

_logger = logging.getLogger("stemwright.service")
MOST_CHARACTERS = 2_000


class JsonLines(logging.Formatter):
    """Write records as JSON lines in ASCII: control and invisible characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage()[:MOST_CHARACTERS],
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        # a delete character is ASCII, and json leaves it as it is
        return json.dumps(fields, default=str).replace("\x7f", "\\u007f")


def log(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any) -> None:
    """Tell the log what happened, with its fields."""
    _logger.log(level, event, extra={"fields": fields}, exc_info=error)


def set_up_logs(level: int = logging.INFO) -> None:
    """Send everything, uvicorn's own lines too, to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("stemwright", "uvicorn", "uvicorn.error", "dbos"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level if name.startswith("stemwright") else logging.WARNING)

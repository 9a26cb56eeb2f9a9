"""What to say when the fault is ours: where the details are, and how to report it."""

from __future__ import annotations

import platform
import tempfile
import traceback
from pathlib import Path

from stemwright._version import __version__

__all__ = ["crash_message"]


def crash_message(error: BaseException) -> str:
    """Write the details to a file and say where it is."""
    details = "".join(traceback.format_exception(error))
    head = f"stemwright {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix="stemwright-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(head + details)
    return (
        f"This is a fault of stemwright, not yours ({type(error).__name__}: {error}). "
        f"Please report it with the file {Path(file.name)} in the project's issue tracker."
    )

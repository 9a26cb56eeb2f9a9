"""Advisory file locks that fall with the process, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["release", "try_lock"]


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Lock `path` without waiting; returns a handle, or None when somebody else holds it.

    Raises
    ------
    OSError
        When the file can't be made.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        _lock(handle, shared=shared)
        # Whoever held the lock before may have removed the file that we opened: then ours guards nothing.
        current = os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        current = False
    if not current:
        os.close(handle)
        return None
    return handle


def release(path: Path, handle: int, *, remove: bool = False) -> None:
    """Give a lock back; `remove` also takes its file away."""
    if remove:
        path.unlink(missing_ok=True)
    os.close(handle)


def _lock(handle: int, *, shared: bool) -> None:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        if not shared:  # Windows knows only exclusive locks of this kind
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

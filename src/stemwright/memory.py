"""How freed memory is kept between blocks."""

from __future__ import annotations

__all__ = ["keep_freed_memory"]

KEPT_BYTES = 10 << 20


def keep_freed_memory() -> None:
    """Keep glibc from handing memory back to the system after every block, to ask for it again at once.

    It keeps twice as much as the largest block freed so far (mallopt(3), M_MMAP_THRESHOLD), so one that is
    never touched is enough; a fifth of the time went into fresh pages. With other allocators it does nothing.
    """
    import numpy as np

    np.empty(KEPT_BYTES, np.uint8)

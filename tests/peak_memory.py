"""How much memory a process of its own needed."""

from __future__ import annotations

import resource
from pathlib import Path


def own_peak_mb() -> float:
    """Peak memory of this process alone: ``ru_maxrss`` starts from that of whoever started it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.partition(":")[::2] for line in status.read_text().splitlines())
        return float(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""Planning without a language model: CPU time per plan over the table of prompts; the bar is 50 ms.

python -m bench.planning
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from bench.harness import Row, show

LIMIT_MS = 50.0
ROUNDS = 3


def milliseconds(prompts: list[str]) -> np.ndarray:
    """Best CPU time of some rounds, by prompt; the first plan of all is not counted (imports, tables)."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from planning.made import pair
    from stemwright.planning.offline import plan_offline

    facts = pair()
    plan_offline("warm up", facts=facts)
    best = []
    for prompt in prompts:
        times = []
        for _ in range(ROUNDS):
            began = time.process_time()
            plan_offline(prompt, facts=facts)
            times.append(1e3 * (time.process_time() - began))
        best.append(min(times))
    return np.array(best)


def main() -> int:
    """Print the table; 1 if the bar is missed."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from planning.prompts import CASES

    usual = milliseconds([case.prompt for case in CASES])
    long = milliseconds(["vocals from A over B. " * 220, "lorem ipsum dolor " * 280])
    rows = [
        Row(
            f"plan of a prompt, median of {usual.size}",
            f"{np.median(usual):.1f} ms",
            "≤ 50 ms",
            bool(np.median(usual) <= LIMIT_MS),
        ),
        Row("slowest of them", f"{usual.max():.1f} ms", "≤ 50 ms", bool(usual.max() <= LIMIT_MS)),
        Row("prompt of 5,000 characters", f"{long.max():.1f} ms", "≤ 50 ms", bool(long.max() <= LIMIT_MS)),
    ]
    return show("Planning offline (CPU time)", rows)


if __name__ == "__main__":
    sys.exit(main())

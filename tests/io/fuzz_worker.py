"""Open and read files, one after the other, in a process of its own, so that a crash or hang is seen.

``fuzz_worker.py corpus FILE…`` reads the files; ``fuzz_worker.py mutate FOLDER FROM TO`` reads mutations of
the files in FOLDER. One line of JSON per case on stdout; the case in hand stands in FOLDER/current.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import time
from pathlib import Path

import numpy as np

from stemwright.errors import StemwrightError
from stemwright.io.reader import open_audio

HANG_S = 10
READS = 4


sys.path.append(str(Path(__file__).parents[1]))  # run by its path, so tests is not on it
from peak_memory import own_peak_mb  # noqa: E402


def main(mode: str, *arguments: str) -> None:
    if mode == "corpus":
        for path in arguments:
            tell(path, attempt(Path(path)))
        return
    folder, first, last = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    sources = sorted(path for path in (folder / "seeds").iterdir())
    contents = [path.read_bytes() for path in sources]
    for number in range(first, last):
        which = number % len(sources)
        case = folder / "current"
        case.write_bytes(mutated(contents[which], number))
        tell(f"{number} {sources[which].name}", attempt(case))


def attempt(path: Path) -> str:
    """Open, read the start, the end and places between; everything but an error of ours is a fault."""
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    try:
        with open_audio(path) as file:
            for start in np.linspace(0, max(0, file.frames - 1), READS).astype(int):
                got = file.read(int(start), 4_096)
                if got.shape != (file.channels, min(4_096, file.frames - start)):
                    return f"wrong shape {got.shape} at {start} of {file.frames}"
        return "decode"
    except StemwrightError as error:
        return "reject" if str(error) and "\n" not in str(error) else f"a poor message: {error!r}"
    finally:
        faulthandler.cancel_dump_traceback_later()


def tell(case: str, outcome: str) -> None:
    line = {"case": case, "outcome": outcome, "at_s": time.monotonic(), "peak_mb": own_peak_mb()}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def mutated(content: bytes, seed: int) -> bytes:
    """Flip bits, cut, or lie about a size; which and where follow from `seed`."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    kind = rng.integers(5)
    if kind == 0:
        for position in rng.integers(0, len(data), rng.integers(1, 20)):
            data[position] ^= 1 << rng.integers(8)
    elif kind == 1:
        del data[rng.integers(1, len(data)) :]
    elif kind == 2:
        head = int(rng.integers(0, min(len(data), 512) - 8))
        width = int(rng.choice([1, 2, 4, 8]))
        lie = rng.choice([0, 1, 0x7F, 0xFF, int(rng.integers(256))])
        data[head : head + width] = bytes([int(lie)]) * width
    elif kind == 3:
        start = int(rng.integers(0, len(data)))
        data[start : start + int(rng.integers(1, 2_000))] = rng.bytes(int(rng.integers(0, 2_000)))
    else:
        for _ in range(3):
            head = int(rng.integers(0, min(len(data), 2_048)))
            data[head] = int(rng.integers(256))
    return bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])

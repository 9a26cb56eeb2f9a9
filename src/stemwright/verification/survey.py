"""One pass over a whole set in lockstep: every file alone, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Samples
from stemwright.verification.limits import Limits
from stemwright.verification.meter import StemFacts, StemMeter
from stemwright.verification.named import NamedFile, common_channels, fit_channels
from stemwright.verification.relation import Relation, RelationMeter
from stemwright.verification.windows import WINDOW_FRAMES

__all__ = ["THREADS", "Survey", "survey"]

THREADS = 2
MEMORY_FRAMES = 16 * BLOCK_FRAMES
"""All blocks of one step together, so that a set of 200 stems takes no more memory than one of 16."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass found.

    Attributes
    ----------
    facts : tuple[StemFacts, ...]
        One for each file, in order; the mix, where there is one, last.
    relation : Relation or None
        None when rates or channels don't allow to compare the files sample by sample.
    """

    facts: tuple[StemFacts, ...]
    relation: Relation | None


def survey(
    stems: Sequence[NamedFile],
    mix: NamedFile | None,
    *,
    limits: Limits,
    watch: Callable[[int, int], None] | None = None,
    threads: int = THREADS,
) -> Survey:
    """Read all files once, side by side.

    Parameters
    ----------
    stems : Sequence[NamedFile]
        At least one.
    mix : NamedFile, optional
        What they should sum to.
    limits : Limits
        What is looked at more closely.
    watch : callable, optional
        Told frames done and frames to do.
    threads : int
        So many files are measured at once; it changes no result.
    """
    files = [*stems, mix] if mix is not None else list(stems)
    meters = [StemMeter(file.source, info=file.info, limits=limits) for file in files]
    channels = common_channels(files)
    comparable = channels is not None and len({file.source.sample_rate for file in files}) == 1
    relation = RelationMeter(len(stems), channels or 1) if comparable else None
    longest = max(file.source.frames for file in files)
    step = _step(len(files))

    def take(index: int) -> Samples:
        source = files[index].source
        count = min(step, source.frames - start)
        return meters[index].feed(source.read(start, count)) if count > 0 else _nothing(source.channels)

    with ThreadPoolExecutor(threads) as pool:
        side_by_side = pool.map if threads > 1 else map
        for start in range(0, longest, step):
            blocks = list(side_by_side(take, range(len(files))))
            if relation is not None and channels is not None:
                _relate(relation, blocks, channels, with_mix=mix is not None)
            if watch is not None:
                watch(min(start + step, longest), longest)
    return Survey(tuple(meter.result() for meter in meters), relation.result() if relation else None)


def _step(files: int) -> int:
    windows = max(min(BLOCK_FRAMES, MEMORY_FRAMES // files) // WINDOW_FRAMES, 1)
    return windows * WINDOW_FRAMES


def _nothing(channels: int) -> Samples:
    return np.zeros((channels, 0), np.float32)


def _relate(relation: RelationMeter, blocks: Sequence[Samples], channels: int, *, with_mix: bool) -> None:
    """Compare what all files have in common; frames that one of them lacks are the length check's."""
    common = min(block.shape[1] for block in blocks)
    if not common:
        return
    cut = [fit_channels(block[:, :common], channels) for block in blocks]
    relation.feed(cut[:-1] if with_mix else cut, cut[-1] if with_mix else None)

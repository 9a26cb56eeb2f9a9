"""What is rendered, and how loud every lane of it is: what the steps of arranging hand each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stemwright.arrange.render import ArrangedStem, arrange_stem
from stemwright.io.reader import open_audio
from stemwright.match.pairing import Pairing
from stemwright.pipeline.remix.placing import Lane
from stemwright.pipeline.remix.session import Song
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.songs import SongStem

__all__ = ["Arrangement", "Levels", "is_voice"]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is rendered.

    Attributes
    ----------
    plan, pairing
        What was asked and decided.
    lanes : Sequence[Lane]
        Every stem that sounds.
    songs : Mapping
        What is known of them.
    """

    plan: RemixPlan
    pairing: Pairing
    lanes: Sequence[Lane]
    songs: Mapping[SongId, Song]

    @property
    def beats(self) -> int:
        """Length of the remix in beats."""
        return self.plan.sections[-1].end_beat

    @property
    def bpm(self) -> float:
        """Tempo of the remix."""
        return self.pairing.target_bpm

    def inputs(self) -> dict[str, Any]:
        """Return what a step on all lanes depends on, but for the gains of the sections."""
        return {
            "lanes": [
                [lane.name, lane.key, repr(lane.passages), lane.origin, lane.beat_frames]
                for lane in self.lanes
            ],
            "bpm": self.bpm,
        }

    def open(self, files: ExitStack, gains: Mapping[str, float], plan: RemixPlan) -> list[ArrangedStem]:
        """Open every lane as arranged by `plan`."""
        return [
            arrange_stem(
                lane.placed(files.enter_context(open_audio(lane.audio)), gains.get(lane.name, 1.0)),
                plan,
                bpm=self.bpm,
            )
            for lane in self.lanes
        ]


def is_voice(stem: ArrangedStem) -> bool:
    """Whether it belongs to the vocal bus."""
    return stem.placed.stem is SongStem.VOCALS


@dataclass(frozen=True, slots=True)
class Levels:
    """Gain of every lane, linear, and the mean square of every beat that it would have at full gain."""

    gains: Mapping[str, float]
    unity: Mapping[str, npt.NDArray[np.float64]]

"""Which stems were played together, and the bars that they therefore repeat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stemwright.align import CommonBars, CommonChoice, Player, Strategy, choose_common_bars
from stemwright.checks import Notice
from stemwright.io.reader import open_audio
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import COMMON_BARS, Session, StemAudio
from stemwright.pipeline.spec import FileSource, StemSpec
from stemwright.pipeline.step import Outcome

__all__ = ["agree_on_bars", "may_play_together"]

STAYS_ALONE = (Strategy.PAD, Strategy.TRUNCATE)


@dataclass(frozen=True, slots=True)
class _Band:
    """Stems that were played together, as the spec says or as their equal lengths do."""

    stems: tuple[StemAudio, ...]
    declared: bool


def may_play_together(stems: Sequence[StemSpec]) -> list[StemSpec]:
    """Stems whose sources must be there before it is known who plays with whom; none or two at least."""
    found = [
        stem
        for stem in stems
        if stem.align.strategy not in STAYS_ALONE and (stem.together or isinstance(stem.source, FileSource))
    ]
    return found if len(found) > 1 else []


def agree_on_bars(session: Session, stems: Sequence[StemAudio]) -> Mapping[str, CommonBars]:
    """Choose the bars that the stems of each band repeat, by name of stem."""
    bands = _bands(stems, session.timeline.frames)
    if not bands:
        return {}
    timeline = session.timeline

    def work(_folder: Path, ticker: Ticker) -> Outcome:
        agreed: dict[str, Any] = {}
        notices: list[Notice] = []
        for done, band in enumerate(bands, 1):
            choice = _choose(session, band)
            if choice:
                agreed |= {band.stems[i].name: asdict(choice.bars) for i in choice.players}
                notices += _notices(band, choice)
            ticker.count(done, len(bands))
        return Outcome(details={"stems": agreed}, notices=tuple(notices))

    inputs = {
        "bands": [[_player_inputs(stem) for stem in band.stems] for band in bands],
        "declared": [band.declared for band in bands],
        "timeline": repr((timeline.sections, str(timeline.meter), timeline.frames)),
    }
    result = session.runner.run(COMMON_BARS, inputs=inputs, work=work, weight=0.0)
    return {name: CommonBars(**bars) for name, bars in result.outcome.details["stems"].items()}


def _bands(stems: Sequence[StemAudio], target_frames: int) -> list[_Band]:
    """Group by what the spec says, and takes of which it says nothing by their exact length."""
    groups: dict[tuple[str, int], list[StemAudio]] = defaultdict(list)
    for stem in stems:
        with open_audio(stem.path) as file:
            frames = file.frames
        if frames < target_frames:
            groups[stem.spec.together, 0 if stem.spec.together else frames].append(stem)
    return [_Band(tuple(group), bool(label)) for (label, _), group in groups.items() if len(group) > 1]


def _choose(session: Session, band: _Band) -> CommonChoice | None:
    timeline = session.timeline
    with ExitStack() as files:
        players = [
            Player(files.enter_context(open_audio(stem.path)), stem.spec.align, stem.spec.role)
            for stem in band.stems
        ]
        return choose_common_bars(
            players,
            target_frames=timeline.frames,
            bar_frames=timeline.bar_frames(),
            declared=band.declared,
        )


def _notices(band: _Band, choice: CommonChoice) -> list[Notice]:
    """Tell what nobody asked for: a band that was found, a stem that can't keep up with it."""
    names = [band.stems[i].name for i in choice.players]
    found = (
        f"They are equally long to the frame and so taken as played together: all repeat the same last "
        f"{choice.bars.bars} of {choice.bars.held} bars. Give one a together of its own, such as "
        f'"{names[0]}", and it chooses its own.'
    )
    short = "It ends bars before the stems it was played with: it is brought to length by itself."
    told = [] if band.declared else [Notice(found, ", ".join(names))]
    return [*told, *(Notice(short, band.stems[i].name) for i in choice.too_short)]


def _player_inputs(stem: StemAudio) -> list[str]:
    return [stem.name, stem.key, repr(stem.spec.align), str(stem.spec.role)]

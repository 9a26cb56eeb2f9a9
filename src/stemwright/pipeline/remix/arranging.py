"""Steps 7 to 11 of the text: level, arrange on two buses, duck, sum; measured on what was rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.arrange.beat_powers import beat_powers
from stemwright.arrange.level import LevelMatch, match_levels
from stemwright.audio import SourceSum
from stemwright.checks import Check, Notice, Severity
from stemwright.pipeline.crew import Crew
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import LOUDNESS
from stemwright.pipeline.remix.arrangement import Arrangement, Levels, is_voice
from stemwright.pipeline.remix.rendering import Rendering
from stemwright.pipeline.step import Outcome, Result, Runner
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.songs import SongStem
from stemwright.units import db_to_gain

__all__ = ["arrange_lanes", "level_lanes"]

SONG_GAIN_LIMIT_DB = 12.0
LEVEL_TOLERANCE_LU = 0.5
UNITY = "unity-powers.npy"


def level_lanes(arrangement: Arrangement, *, runner: Runner) -> Levels:
    """Find the gain of every lane, linear: songs against each other, then each voice against what plays.

    Levels are those of the stems at full gain, so a plan that only changes gains keeps them.
    """
    plain = _at_unity(arrangement.plan)

    def work(into: Path, ticker: Ticker) -> Outcome:
        songs_db = _song_gains(arrangement)
        with ExitStack() as files:
            gains = {lane.name: db_to_gain(songs_db[lane.song]) for lane in arrangement.lanes}
            stems = arrangement.open(files, gains, plain)
            powers = [beat_powers(stem, bpm=arrangement.bpm, beats=arrangement.beats) for stem in stems]
            np.save(into / UNITY, np.stack(powers), allow_pickle=False)
            backing = tuple(stem for stem in stems if not is_voice(stem))
            found: dict[str, LevelMatch] = {}
            for done, stem in enumerate(filter(is_voice, stems), 1):
                if backing:
                    found[stem.name] = match_levels(stem, instrumental=SourceSum(backing), one_timeline=True)
                ticker.tell(done / len(stems))
        notices = tuple(Notice(text, name) for name, level in found.items() for text in level.notices)
        details = {
            "songs_db": {song.value: gain_db for song, gain_db in songs_db.items()},
            "lanes_db": {
                lane.name: songs_db[lane.song] + (found[lane.name].gain_db if lane.name in found else 0.0)
                for lane in arrangement.lanes
            },
            "voices": {name: asdict(level) for name, level in found.items()},
        }
        return Outcome(tuple(_level_checks(found)), details, notices)

    inputs = {**arrangement.inputs(), "sections": _sections(plain), "songs": _loudness(arrangement)}
    found = runner.run("level", inputs=inputs, work=work)
    return _levels(arrangement, found)


def _levels(arrangement: Arrangement, found: Result) -> Levels:
    """Add what the plan asks of the voice to what was found."""
    details = found.outcome.details
    gains, unity = {}, {}
    for lane, powers in zip(arrangement.lanes, np.load(found.file(UNITY)), strict=True):
        asked_db = arrangement.plan.vocal_level_db if lane.stem is SongStem.VOCALS else 0.0
        gain_db = details["lanes_db"][lane.name] + asked_db
        gains[lane.name] = db_to_gain(gain_db)
        unity[lane.name] = powers * 10.0 ** ((gain_db - details["songs_db"][lane.song.value]) / 10.0)
    return Levels(gains, unity)


def _level_checks(found: Mapping[str, LevelMatch]) -> Iterator[Check]:
    """Ask whether each voice stands as far over the instruments as it was meant to."""
    for name, level in found.items():
        if level.gap_lu is not None and level.offset_db is not None:
            yield Check.within(
                "level over the instruments", name, level.gap_lu, level.offset_db, LEVEL_TOLERANCE_LU, "LU",
                severity=Severity.WARNING, advice="It would have to be turned up or down by more than 12 dB.",
            )  # fmt: skip


def _at_unity(plan: RemixPlan) -> RemixPlan:
    """Let every stem that sounds sound at full gain."""
    sections = [
        section.model_copy(
            update={
                "stems": {
                    stem: use.model_copy(update={"gain": 1.0 if use.gain > 0.0 else 0.0})
                    for stem, use in section.stems.items()
                }
            }
        )
        for section in plan.sections
    ]
    return plan.model_copy(update={"sections": sections})


def _sections(plan: RemixPlan) -> list[dict[str, Any]]:
    return [section.model_dump(mode="json") for section in plan.sections]


def _loudness(arrangement: Arrangement) -> dict[str, float]:
    return {song.value: one.facts.loudness_lufs for song, one in arrangement.songs.items()}


def _song_gains(arrangement: Arrangement) -> dict[SongId, float]:
    """Bring the guest to the loudness of the song whose instruments carry the remix, within ±12 dB."""
    host = arrangement.plan.vocal_source.other
    loudness = {song: one.facts.loudness_lufs for song, one in arrangement.songs.items()}
    gap_db = loudness[host] - loudness[host.other]
    return {host: 0.0, host.other: min(max(gap_db, -SONG_GAIN_LIMIT_DB), SONG_GAIN_LIMIT_DB)}


def arrange_lanes(arrangement: Arrangement, levels: Levels, *, runner: Runner, crew: Crew) -> Result:
    """Render both buses, duck the instruments, sum, and measure what came out."""

    def work(into: Path, ticker: Ticker) -> Outcome:
        (into / "stems").mkdir()
        with ExitStack() as files:
            stems = arrangement.open(files, levels.gains, arrangement.plan)
            return Rendering(arrangement, levels, stems, into, ticker).outcome(crew)

    inputs = {
        **arrangement.inputs(),
        "sections": _sections(arrangement.plan),
        "gains": dict(levels.gains),
        "ducking_db": arrangement.plan.ducking_db,
        "clauses": [clause.model_dump(mode="json") for clause in arrangement.plan.clauses],
        "keys": {song.value: str(arrangement.pairing.key_of(song).lands_in) for song in SongId},
        "measured": LOUDNESS,
    }
    return runner.run("arrange", inputs=inputs, work=work, weight=4.0)

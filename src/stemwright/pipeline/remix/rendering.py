"""One rendering on its way: stems to files, buses to meters, findings to checks; nothing is read twice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from stemwright.arrange.clauses import ArrangedLevels, check_clauses
from stemwright.arrange.duck import DepthWindows, DuckMask, duck_mask, kept_depth_db
from stemwright.arrange.onsets import BeatOffset, OnsetMeter
from stemwright.arrange.proofs import balance_checks, beat_checks, section_lufs
from stemwright.arrange.render import ArrangedStem
from stemwright.audio import Samples, SourceSum, iter_blocks
from stemwright.checks import Check, Notice, Severity
from stemwright.dsp.loudness import LoudnessMeter, after_gain
from stemwright.io.files import storage_errors
from stemwright.io.reader import open_audio
from stemwright.io.wave import scale_float_wave
from stemwright.io.writer import AudioWriter
from stemwright.pipeline.background import InBackground, lockstep
from stemwright.pipeline.crew import Crew
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import MIX, keep_loudness, stem_file
from stemwright.pipeline.remix.arrangement import Arrangement, Levels, is_voice
from stemwright.pipeline.remix.form import CHANNELS, SAMPLE_RATE_HZ
from stemwright.pipeline.remix.lanes import LaneFound, LaneOrder, render_lane
from stemwright.pipeline.remix.songs import song_word
from stemwright.pipeline.step import Outcome
from stemwright.planning.plan import SongId
from stemwright.units import SILENCE_DB, db_to_gain, gain_to_db

__all__ = ["Rendering"]

FULL_SCALE_MARGIN_DB = 0.1
DUCKING_TOLERANCE_DB = 0.5
HANDS = 2
HELD_BLOCKS = 2


class _Buses:
    """Both buses, measured block by block, and the meter of their sum."""

    def __init__(self, stems: Sequence[ArrangedStem], mask: DuckMask | None) -> None:
        self._voices = [is_voice(stem) for stem in stems]
        self._songs = [stem.placed.song for stem in stems]
        self.voices, self.backing = (
            LoudnessMeter(SAMPLE_RATE_HZ, CHANNELS, true_peak=False) for _ in range(2)
        )
        self.mix = LoudnessMeter(SAMPLE_RATE_HZ, CHANNELS)
        self.ducked = None if mask is None else DepthWindows(mask, channels=CHANNELS)
        playing = {stem.placed.song for stem in stems if not is_voice(stem)}
        self.onsets = {song: OnsetMeter(CHANNELS, SAMPLE_RATE_HZ) for song in SongId if song in playing}

    def feed(self, blocks: Sequence[Samples]) -> Samples:
        """Take a block of every stem; returns the block of the mix, not measured yet."""
        voices = _sum(blocks, self._voices)
        backing = _sum(blocks, [not voice for voice in self._voices])
        self.voices.feed(voices)
        self.backing.feed(backing)
        if self.ducked is not None:
            self.ducked.feed(backing)
        for song, meter in self.onsets.items():
            meter.feed(backing if len(self.onsets) == 1 else self._instruments(blocks, song))
        backing += voices
        return backing

    def _instruments(self, blocks: Sequence[Samples], song: SongId) -> Samples:
        chosen = [owner is song and not voice for owner, voice in zip(self._songs, self._voices, strict=True)]
        return _sum(blocks, chosen)


def _sum(blocks: Sequence[Samples], chosen: Sequence[bool]) -> Samples:
    total = np.zeros_like(blocks[0])
    for block, wanted in zip(blocks, chosen, strict=True):
        if wanted:
            total += block
    return total


class Rendering:
    """Render an arrangement into a folder; see `outcome`.

    Parameters
    ----------
    arrangement, levels
        What, and how loud.
    stems : Sequence[ArrangedStem]
        Opened.
    into : Path
        Where files go.
    ticker : Ticker
        Told how far it is.
    """

    def __init__(
        self,
        arrangement: Arrangement,
        levels: Levels,
        stems: Sequence[ArrangedStem],
        into: Path,
        ticker: Ticker,
    ) -> None:
        self.arrangement = arrangement
        self.levels = levels
        self.stems = stems
        self.into = into
        self.ticker = ticker
        self.frames = stems[0].frames
        voices = tuple(filter(is_voice, stems))
        self.mask = duck_mask(SourceSum(voices)) if voices else None
        self._buses = _Buses(stems, self.mask)
        self._found: dict[str, LaneFound] = {}

    def outcome(self, crew: Crew) -> Outcome:
        """Write every stem and the sum of exactly what was written; keep below full scale; measure."""
        self._render(crew)
        self._add_up()
        headroom_db = self._lower()
        seams = (check for lane in self._found.values() for check in lane.seams)
        checks = [*self._lengths(), *seams, *self._asked()]
        measured = after_gain(self._buses.mix.result(), headroom_db)
        keep_loudness(measured, self.into)
        notices: tuple[Notice, ...] = ()
        if headroom_db:
            text = f"All stems were lowered by {-headroom_db:.1f} dB, so that neither they nor the mix clip."
            notices = (Notice(text, "mix"),)
        return Outcome(tuple(checks), {**self._details(), "headroom_db": headroom_db}, notices)

    def _render(self, crew: Crew) -> None:
        """Render every lane to its file, by whoever is free; voices take less."""
        orders = [self._order(stem) for stem in self.stems]
        jobs = [partial(render_lane, order=order) for order in orders]
        found = crew.run(jobs, weights=[0.0 if order.mask is None else 1.0 for order in orders])
        self._found = {stem.name: lane for stem, lane in zip(self.stems, found, strict=True)}
        self.ticker.tell(0.5)

    def _order(self, stem: ArrangedStem) -> LaneOrder:
        plan = self.arrangement
        lane = next(lane for lane in plan.lanes if lane.name == stem.name)
        mask = None if is_voice(stem) else self.mask
        return LaneOrder(lane, stem.placed.gain, plan.plan, plan.bpm, mask, self.into)

    @property
    def _names(self) -> list[str]:
        return [*(stem_file(stem.name) for stem in self.stems), MIX]

    def _add_up(self) -> None:
        """Read what was written, in lockstep; write and measure its sum."""
        with ExitStack() as files:
            stems = [files.enter_context(open_audio(self.into / name)) for name in self._names[:-1]]
            mix = files.enter_context(
                AudioWriter(
                    self.into / MIX, sample_rate=SAMPLE_RATE_HZ, channels=CHANNELS, frames=self.frames
                )
            )
            writing = files.enter_context(InBackground(mix.write, held=HELD_BLOCKS))
            metering = files.enter_context(InBackground(self._buses.mix.feed, held=HELD_BLOCKS))
            for blocks in lockstep([iter_blocks(stem) for stem in stems], hands=1):
                block = self._buses.feed(blocks)
                writing.put(block)
                metering.put(block)
                self.ticker.tell(0.5 + 0.4 * mix.frames / self.frames)

    @property
    def _highest_dbfs(self) -> float:
        """Highest sample of a stem, or true peak of the mix."""
        highest = max(found.peak for found in self._found.values())
        peak = self._buses.mix.result().true_peak_dbtp
        return max(gain_to_db(highest), SILENCE_DB if peak is None else peak)

    def _lower(self) -> float:
        """Lower stems and mix alike where the highest of them goes beyond full scale; returns dB, ≤ 0."""
        over_db = self._highest_dbfs + FULL_SCALE_MARGIN_DB
        if over_db <= 0.0:
            return 0.0
        with ThreadPoolExecutor(HANDS) as pool:
            paths = [self.into / name for name in self._names]
            list(pool.map(partial(_scale, gain=db_to_gain(-over_db)), paths))
        return -over_db

    def _lengths(self) -> list[Check]:
        checks = []
        for name in self._names:
            with open_audio(self.into / name) as file:
                checks.append(Check.equal("length", Path(name).stem, file.frames, self.frames, "frames"))
        return checks

    def _asked(self) -> list[Check]:
        """Ask the rendered audio everything that was promised."""
        voices, backing = self._sections
        return [
            *self._ducking(),
            *balance_checks(self.arrangement.plan, voices, backing),
            *beat_checks(self._offsets),
            *check_clauses(self._levels_heard()),
        ]

    def _details(self) -> dict[str, Any]:
        sections = zip(self.arrangement.plan.sections, *self._sections, strict=True)
        return {
            "frames": self.frames,
            "sections": [
                {"label": section.label.value, "voice_lufs": voice, "backing_lufs": rest}
                for section, voice, rest in sections
            ],
            "attacks_ms": {name: found.median_ms for name, found in self._offsets.items()},
            "singing": self.mask.active_share if self.mask else 0.0,
        }

    @cached_property
    def _sections(self) -> tuple[list[float | None], list[float | None]]:
        """Loudness of both buses in every section."""
        plan, bpm = self.arrangement.plan, self.arrangement.bpm
        voices, backing = (
            section_lufs(plan, bus.result().hop_powers, bpm=bpm, sample_rate=SAMPLE_RATE_HZ)
            for bus in (self._buses.voices, self._buses.backing)
        )
        return voices, backing

    def _ducking(self) -> list[Check]:
        """Say how far the instruments step back where somebody sings."""
        asked_db = self.arrangement.plan.ducking_db
        before = [found.windows for found in self._found.values() if found.windows is not None]
        if self._buses.ducked is None or not before or not asked_db:
            return []
        depth_db = kept_depth_db(before, self._buses.ducked)
        if depth_db is None:
            return []
        return [
            Check.within(
                "ducking", "instruments", depth_db, asked_db, DUCKING_TOLERANCE_DB, "dB",
                severity=Severity.WARNING,
            )
        ]  # fmt: skip

    @cached_property
    def _offsets(self) -> dict[str, BeatOffset]:
        """Say where the attacks of each song's instruments stand from the beats."""
        return {
            song_word(song): meter.beat_offset(bpm=self.arrangement.bpm)
            for song, meter in self._buses.onsets.items()
            if self._locked(song)
        }

    def _locked(self, song: SongId) -> bool:
        """Whether a song's beats were found and laid on the remix's."""
        lanes = [lane for lane in self.arrangement.lanes if lane.song is song]
        return self.arrangement.songs[song].facts.has_beat and all(lane.beat_frames for lane in lanes)

    def _levels_heard(self) -> ArrangedLevels:
        stems = {(stem.placed.song, stem.placed.stem): stem.name for stem in self.stems}
        pairing = self.arrangement.pairing
        return ArrangedLevels(
            plan=self.arrangement.plan,
            powers={key: self._found[name].powers for key, name in stems.items()},
            unity={key: self.levels.unity[name] for key, name in stems.items()},
            frames=self.frames,
            sample_rate=SAMPLE_RATE_HZ,
            keys={song: pairing.key_of(song).lands_in for song in SongId},
            semitones={song: pairing.match_of(song).semitones for song in SongId},
        )


def _scale(path: Path, gain: float) -> None:
    with storage_errors(path):
        scale_float_wave(path, gain)

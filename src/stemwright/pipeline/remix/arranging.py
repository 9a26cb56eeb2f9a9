"""Steps 7 to 11 of the text: level, arrange on two buses, duck, sum; measured on what was rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stemwright.arrange.beat_powers import BeatPowers, beat_powers
from stemwright.arrange.clauses import ArrangedLevels, check_clauses
from stemwright.arrange.duck import duck_mask, ducked, ducking_depth_db
from stemwright.arrange.level import LevelMatch, match_levels
from stemwright.arrange.onsets import BeatOffset, beat_offset
from stemwright.arrange.proofs import balance_checks, beat_checks, seam_checks, section_lufs
from stemwright.arrange.render import ArrangedStem, arrange_stem
from stemwright.audio import BLOCK_FRAMES, Blocks, Samples, SourceSum, iter_blocks, rechunk
from stemwright.checks import Check, Notice, Severity
from stemwright.dsp.loudness import LoudnessMeter
from stemwright.dsp.true_peak import TruePeakMeter
from stemwright.io.reader import open_audio
from stemwright.io.writer import AudioWriter, write_audio
from stemwright.match.pairing import Pairing
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import MIX, stem_file
from stemwright.pipeline.remix.placing import Lane
from stemwright.pipeline.remix.session import SAMPLE_RATE_HZ, Song
from stemwright.pipeline.remix.songs import song_word
from stemwright.pipeline.step import Outcome, Result, Runner
from stemwright.planning.plan import RemixPlan, SongId
from stemwright.songs import SongStem
from stemwright.units import db_to_gain, gain_to_db

__all__ = ["Arrangement", "Levels", "arrange_lanes", "level_lanes"]

CHANNELS = 2
SONG_GAIN_LIMIT_DB = 12.0
FULL_SCALE_MARGIN_DB = 0.1
DUCKING_TOLERANCE_DB = 0.5
LEVEL_TOLERANCE_LU = 0.5
UNITY = "unity-powers.npy"


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


def arrange_lanes(arrangement: Arrangement, levels: Levels, *, runner: Runner) -> Result:
    """Render both buses, duck the instruments, sum, and measure what came out."""

    def work(into: Path, ticker: Ticker) -> Outcome:
        (into / "stems").mkdir()
        with ExitStack() as files:
            stems = arrangement.open(files, levels.gains, arrangement.plan)
            return _Rendering(arrangement, levels, stems, into, ticker).outcome()

    inputs = {
        **arrangement.inputs(),
        "sections": _sections(arrangement.plan),
        "gains": dict(levels.gains),
        "ducking_db": arrangement.plan.ducking_db,
        "clauses": [clause.model_dump(mode="json") for clause in arrangement.plan.clauses],
        "keys": {song.value: str(arrangement.pairing.key_of(song).lands_in) for song in SongId},
    }
    return runner.run("arrange", inputs=inputs, work=work, weight=4.0)


class _Tapped:
    """A stem that measures its beats while somebody reads it from its start on, with or without overlap."""

    def __init__(self, stem: ArrangedStem, beats: BeatPowers) -> None:
        self._stem = stem
        self._beats = beats
        self._heard = 0
        self.sample_rate, self.channels, self.frames = stem.sample_rate, stem.channels, stem.frames

    def read(self, start: int, frames: int) -> Samples:
        """Read as the stem does."""
        block = self._stem.read(start, frames)
        fresh = block[:, max(self._heard - max(start, 0), 0) :]
        self._beats.feed(fresh)
        self._heard += fresh.shape[1]
        return block


class _Rendering:
    """One rendering on its way: stems to files, buses to meters, findings to checks."""

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
        self.voices = LoudnessMeter(SAMPLE_RATE_HZ, CHANNELS, true_peak=False)
        self.backing = LoudnessMeter(SAMPLE_RATE_HZ, CHANNELS, true_peak=False)
        self.peak = 0.0
        self.mix_peak = TruePeakMeter(CHANNELS)
        self._lowered_db = 0.0
        self.beats = {
            stem.name: BeatPowers(bpm=arrangement.bpm, beats=arrangement.beats, sample_rate=SAMPLE_RATE_HZ)
            for stem in stems
        }
        voices = tuple(filter(is_voice, stems))
        self.mask = duck_mask(SourceSum(voices)) if voices else None

    def outcome(self) -> Outcome:
        """Render, keep below full scale, measure."""
        self._render()
        headroom_db = self._lowered_db = self._lower()
        notices: tuple[Notice, ...] = ()
        if headroom_db:
            text = f"All stems were lowered by {-headroom_db:.1f} dB, so that neither they nor the mix clip."
            notices = (Notice(text, "mix"),)
        checks, details = self._measured()
        return Outcome(tuple(checks), {**details, "headroom_db": headroom_db}, notices)

    def _render(self) -> None:
        """Write every stem, ducked where it is no voice, and the sum of exactly what was written."""
        streams = [rechunk(self._stream(stem), BLOCK_FRAMES) for stem in self.stems]
        with ExitStack() as files:
            writers = [files.enter_context(self._writer(stem_file(stem.name))) for stem in self.stems]
            mix = files.enter_context(self._writer(MIX))
            for blocks in zip(*streams, strict=True):
                for writer, block in zip(writers, blocks, strict=True):
                    writer.write(np.ascontiguousarray(block))
                mix.write(self._summed(blocks))
                self.ticker.tell(0.7 * mix.frames / self.frames)

    def _stream(self, stem: ArrangedStem) -> Blocks:
        tapped = _Tapped(stem, self.beats[stem.name])
        if self.mask is None or is_voice(stem):
            return iter_blocks(tapped)
        return ducked(tapped, mask=self.mask, depth_db=self.arrangement.plan.ducking_db)

    def _writer(self, name: str) -> AudioWriter:
        return AudioWriter(
            self.into / name, sample_rate=SAMPLE_RATE_HZ, channels=CHANNELS, frames=self.frames
        )

    def _summed(self, blocks: Sequence[Samples]) -> Samples:
        """Sum a block of every stem on its bus, and both buses."""
        voices, backing = np.zeros_like(blocks[0]), np.zeros_like(blocks[0])
        for stem, block in zip(self.stems, blocks, strict=True):
            bus = voices if is_voice(stem) else backing
            bus += block
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
        self.voices.feed(voices)
        self.backing.feed(backing)
        backing += voices
        self.mix_peak.feed(backing)
        return backing

    def _lower(self) -> float:
        """Lower stems and mix alike where the highest of them goes beyond full scale; returns dB, ≤ 0."""
        over_db = max(gain_to_db(self.peak), self.mix_peak.result_dbtp()) + FULL_SCALE_MARGIN_DB
        if over_db <= 0.0:
            return 0.0
        for name in (*(stem_file(stem.name) for stem in self.stems), MIX):
            _scale(self.into / name, db_to_gain(-over_db))
        return -over_db

    def _measured(self) -> tuple[list[Check], dict[str, Any]]:
        """Ask the rendered audio everything that was promised."""
        plan, bpm = self.arrangement.plan, self.arrangement.bpm
        voices, backing = (
            section_lufs(plan, meter.result().hop_powers, bpm=bpm, sample_rate=SAMPLE_RATE_HZ)
            for meter in (self.voices, self.backing)
        )
        offsets = self._offsets()
        checks = [
            *self._lengths(),
            *seam_checks(self.stems),
            *self._ducking(),
            *balance_checks(plan, voices, backing),
            *beat_checks(offsets),
            *check_clauses(self._levels_heard()),
        ]
        details = {
            "frames": self.frames,
            "sections": [
                {"label": section.label.value, "voice_lufs": voice, "backing_lufs": rest}
                for section, voice, rest in zip(plan.sections, voices, backing, strict=True)
            ],
            "attacks_ms": {name: found.median_ms for name, found in offsets.items()},
            "singing": self.mask.active_share if self.mask else 0.0,
        }
        return checks, details

    def _lengths(self) -> list[Check]:
        checks = []
        for name in (*(stem_file(stem.name) for stem in self.stems), MIX):
            with open_audio(self.into / name) as file:
                checks.append(Check.equal("length", Path(name).stem, file.frames, self.frames, "frames"))
        return checks

    def _ducking(self) -> list[Check]:
        """Measure how far the instruments step back where somebody sings."""
        asked_db = self.arrangement.plan.ducking_db
        backing = [stem for stem in self.stems if not is_voice(stem)]
        if self.mask is None or not self.mask.spans or not asked_db or not backing:
            return []
        with ExitStack() as files:
            after = SourceSum(
                tuple(files.enter_context(open_audio(self.into / stem_file(stem.name))) for stem in backing)
            )
            depth_db = ducking_depth_db(SourceSum(tuple(backing)), after, mask=self.mask)
        if depth_db is None:
            return []
        depth_db -= self._lowered_db
        return [
            Check.within(
                "ducking",
                "instruments",
                depth_db,
                asked_db,
                DUCKING_TOLERANCE_DB,
                "dB",
                severity=Severity.WARNING,
            )
        ]

    def _offsets(self) -> dict[str, BeatOffset]:
        """Measure where the attacks of each song's instruments stand from the beats."""
        found: dict[str, BeatOffset] = {}
        for song in SongId:
            names = [stem.name for stem in self.stems if stem.placed.song is song and not is_voice(stem)]
            if names and self._locked(song):
                with ExitStack() as files:
                    opened = [files.enter_context(open_audio(self.into / stem_file(name))) for name in names]
                    found[song_word(song)] = beat_offset(SourceSum(tuple(opened)), bpm=self.arrangement.bpm)
        return found

    def _locked(self, song: SongId) -> bool:
        """Whether a song's beats were found and laid on the remix's."""
        lanes = [lane for lane in self.arrangement.lanes if lane.song is song]
        return self.arrangement.songs[song].facts.has_beat and all(lane.beat_frames for lane in lanes)

    def _levels_heard(self) -> ArrangedLevels:
        stems = {(stem.placed.song, stem.placed.stem): stem.name for stem in self.stems}
        pairing = self.arrangement.pairing
        return ArrangedLevels(
            plan=self.arrangement.plan,
            powers={key: self.beats[name].powers for key, name in stems.items()},
            unity={key: self.levels.unity[name] for key, name in stems.items()},
            frames=self.frames,
            sample_rate=SAMPLE_RATE_HZ,
            keys={song: pairing.key_of(song).lands_in for song in SongId},
            semitones={song: pairing.match_of(song).semitones for song in SongId},
        )


def _scale(path: Path, gain: float) -> None:
    """Write a file again at another level."""
    scaled = path.with_name(f"scaled-{path.name}")
    with open_audio(path) as file:
        blocks = (block * np.float32(gain) for block in iter_blocks(file))
        write_audio(scaled, blocks, sample_rate=file.sample_rate, channels=file.channels, frames=file.frames)
    scaled.replace(path)

"""Write stems that sum to the song: what is left over goes to `other`, and is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from stemwright.audio import Samples
from stemwright.checks import Check, Notice, Severity
from stemwright.errors import InputError
from stemwright.io.writer import AudioWriter
from stemwright.separation.protocol import CHANNELS, SAMPLE_RATE_HZ, Quality, Separated, Tell, keep_quiet
from stemwright.songs import SongStem
from stemwright.units import SILENCE_DB, power_to_db

__all__ = ["StemSink"]

SUM_LIMIT_DB = -100.0
"""Float WAVs of a song at full scale sum to it within their rounding, about −140 dB."""

LEFT_OVER_LIMIT_DB = -10.0
"""More than a tenth of the song's power that no stem claimed: `other` is then not what it says."""


class StemSink:
    """Write stems block by block; files appear when ``with`` ends well, and else nothing does.

    Parameters
    ----------
    into : Path
        Folder; made when missing.
    stems : Sequence[SongStem]
        What is written; `other` must be one of them.
    frames : int
        Of the song.
    """

    def __init__(self, into: Path, stems: Sequence[SongStem], *, frames: int) -> None:
        into.mkdir(parents=True, exist_ok=True)
        self.files = {stem: into / f"{stem}.wav" for stem in stems}
        self.frames = 0
        self._song_frames = frames
        self._song_power = self._left_power = self._error_power = 0.0
        self._powers = dict.fromkeys(stems, 0.0)
        with ExitStack() as stack:
            self._writers = {
                stem: stack.enter_context(
                    AudioWriter(path, sample_rate=SAMPLE_RATE_HZ, channels=CHANNELS, frames=frames)
                )
                for stem, path in self.files.items()
            }
            self._stack = stack.pop_all()

    def write(self, song: Samples, stems: Mapping[SongStem, Samples]) -> None:
        """Append a block of the song and of its stems; those not given are silent.

        Raises
        ------
        InputError
            When the song or a stem holds NaN or infinite samples.
        """
        total = np.zeros(song.shape, np.float32)
        for stem in self.files:
            if stem in stems:
                total += stems[stem]
        left = song - total
        self._song_power += _energy(song)
        self._left_power += _energy(left)
        self._require_numbers()
        self._put(song, {**stems, SongStem.OTHER: left + stems.get(SongStem.OTHER, np.float32(0.0))})
        self.frames += song.shape[1]

    def fill(
        self, blocks: Iterable[tuple[Samples, Mapping[SongStem, Samples]]], *, watch: Tell = keep_quiet
    ) -> None:
        """Append block after block, as `write` does; `watch` is told the fraction that is done."""
        for song, stems in blocks:
            self.write(song, stems)
            watch(self.frames / self._song_frames)

    def _put(self, song: Samples, stems: Mapping[SongStem, Samples]) -> None:
        error = np.array(song, np.float32)
        for stem, writer in self._writers.items():
            block = np.ascontiguousarray(stems.get(stem, np.zeros_like(song)), np.float32)
            writer.write(block)
            error -= block
            self._powers[stem] += _energy(block)
        self._error_power += _energy(error)

    def _require_numbers(self) -> None:
        if not np.isfinite(self._song_power + self._left_power):
            raise InputError(
                f"The song holds NaN or infinite samples after {self.frames / SAMPLE_RATE_HZ:.1f} s.",
                way_out="Export it again, or replace them by silence.",
            )

    @property
    def levels_db(self) -> dict[SongStem, float]:
        """Mean square of each stem relative to the song's so far; −200 for a silent one."""
        return {stem: self._relative_db(power) for stem, power in self._powers.items()}

    def result(self, *, separator: str, quality: Quality, notices: Sequence[Notice] = ()) -> Separated:
        """Say what was written; to be asked after the ``with`` has ended."""
        left_db = self._relative_db(self._left_power)
        sum_db = self._relative_db(self._error_power)
        checks = (
            Check.at_most(
                "sum of the stems minus the song", "stems", sum_db, SUM_LIMIT_DB, "dB",
                advice="Please report this.",
            ),
            Check.at_most(
                "left over, added to other", "stems", left_db, LEFT_OVER_LIMIT_DB, "dB",
                severity=Severity.WARNING,
                advice="Much of the song is in none of its stems; the stem `other` holds it all.",
            ),
        )  # fmt: skip
        return Separated(
            files=dict(self.files),
            frames=self.frames,
            separator=separator,
            quality=quality,
            left_over_db=left_db,
            levels_db=self.levels_db,
            checks=checks,
            notices=tuple(notices),
        )

    def _relative_db(self, power: float) -> float:
        if not power:
            return SILENCE_DB
        return power_to_db(power / self._song_power) if self._song_power else power_to_db(power)

    def __enter__(self) -> StemSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _energy(block: Samples) -> float:
    """Sum of squares."""
    flat = np.ascontiguousarray(block).ravel()
    return float(np.einsum("i,i->", flat, flat, dtype=np.float64, casting="same_kind"))

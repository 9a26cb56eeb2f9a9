"""Where each stem starts relative to the mix, to the frame.

Asked only when the set does not null. A stem is held against the mix minus all other stems: where those
are right, what is left is the stem itself, and the normalised cross-correlation is 1 at its true place and
nowhere else. For all stems together the phase transform (Knapp & Carter, IEEE Trans. ASSP 24, 1976) finds the
delay even when the mix was mastered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource
from stemwright.units import gain_to_db
from stemwright.verification.named import NamedFile, read_at
from stemwright.verification.relation import Relation, RelationMeter, common_gain, fit_gains
from stemwright.verification.spectrum import stretch_frames

__all__ = ["OffsetFinder"]

SECTION_FRAMES = 65_536
SECTIONS = 3
MAX_OFFSET_S = 1.0
SAMPLED_WINDOWS = 32
SAMPLED_FRAMES = 16_384
BETTER = 2.0
"""An offset is believed when it halves the energy that can't be explained."""

PHAT_FLOOR = 1e-6
PHAT_PROMINENCE = 8.0
MAX_MOVES = 16
SNAP_DB = 3.0
SAME_DB = 1.0
ROUNDING = 1e-9
"""Share of a stem's energy that rounding to whole numbers may leave unexplained."""


Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Guess:
    """A stem's best place: frames late, and how many times less is left unexplained there."""

    late: int
    better: float


class OffsetFinder:
    """Find the start offset of every stem of a set.

    Parameters
    ----------
    stems : Sequence[NamedFile]
        Of one sample rate.
    mix : NamedFile
        What they should sum to.
    channels : int
        All are brought to.
    activity : Sequence[Sequence[float]]
        Energy of each stem in equal stretches of the file, to look where it sounds.
    """

    def __init__(
        self,
        stems: Sequence[NamedFile],
        mix: NamedFile,
        *,
        channels: int,
        activity: Sequence[Sequence[float]],
    ) -> None:
        self._stems = [file.source for file in stems]
        self._mix = mix.source
        self._channels = channels
        self._activity = [np.asarray(values) for values in activity]
        self._reach = round(MAX_OFFSET_S * mix.source.sample_rate)

    def find(self, suspects: Sequence[int]) -> tuple[int, ...]:
        """Return how many frames late each stem starts; negative is early, 0 is right."""
        starts = [[0] * len(self._stems)]
        together = self._phase_transform()
        if together:
            starts.append([together] * len(self._stems))
        found = [self._refine(start, suspects) for start in starts]
        left = [fit_gains(self.relation(late)).stems_dbfs for late in found]
        equal = [late for late, db in zip(found, left, strict=True) if db <= min(left) + SAME_DB]
        # of explanations that leave the same, the one that breaks the set into fewer parts
        return min(equal, key=lambda late: (len(set(late)), np.count_nonzero(late)))

    def _refine(self, late: list[int], suspects: Sequence[int]) -> tuple[int, ...]:
        """Move one stem after the other to its best place, the worst one first."""
        for _ in range(MAX_MOVES):
            gains = _likely_gains(fit_gains(self.relation(late)).gains)
            guesses = {i: self._guess(i, late, gains) for i in suspects}
            worst = max(suspects, key=lambda i: guesses[i].better)
            if guesses[worst].better < BETTER:
                break
            late[worst] = guesses[worst].late
        return tuple(late)

    def relation(self, late: Sequence[int]) -> Relation:
        """Relate stems and mix in up to 32 windows spread over the file, with every stem put in its place."""
        meter = RelationMeter(len(self._stems), self._channels)
        frames = self._mix.frames
        count = min(SAMPLED_WINDOWS, max(frames // SAMPLED_FRAMES, 1))
        for start in np.linspace(0, max(frames - SAMPLED_FRAMES, 0), count).astype(int).tolist():
            blocks = [
                self._read(stem, start + offset, SAMPLED_FRAMES)
                for stem, offset in zip(self._stems, late, strict=True)
            ]
            meter.feed(blocks, self._read(self._mix, start, SAMPLED_FRAMES))
        return meter.result()

    def _phase_transform(self) -> int:
        """Frames by which the sum of all stems is late, 0 when no delay stands out."""
        size = _fast_length(SECTION_FRAMES + 2 * self._reach)
        cross = np.zeros(size // 2 + 1, np.complex128)
        for start in self._sections(np.sum(self._activity, axis=0)):
            total = sum(self._read(stem, start, SECTION_FRAMES).astype(np.float64) for stem in self._stems)
            target = self._read(self._mix, start - self._reach, SECTION_FRAMES + 2 * self._reach)
            cross += (np.fft.rfft(target, size) * np.conj(np.fft.rfft(total, size))).sum(axis=0)
        magnitude = np.abs(cross)
        loud = magnitude > PHAT_FLOOR * magnitude.max()
        if not loud.any():
            return 0
        sharp = np.fft.irfft(np.where(loud, cross / np.maximum(magnitude, 1e-300), 0.0), size)
        lags = np.abs(sharp[: 2 * self._reach + 1])
        best = int(lags.argmax())
        prominent = lags[best] > PHAT_PROMINENCE * float(np.sqrt(np.mean(lags**2)))
        return self._reach - best if prominent else 0

    def _guess(self, stem: int, late: Sequence[int], gains: Sequence[float]) -> _Guess:
        """Hold one stem against the mix minus the others."""
        lags = 2 * self._reach + 1
        products, energies, own = np.zeros(lags), np.zeros(lags), 0.0
        for start in self._sections(self._activity[stem]):
            piece = self._read(self._stems[stem], start, SECTION_FRAMES).astype(np.float64)
            target = self._target(stem, start - late[stem], late, gains)
            products += _slide(target, piece)
            energies += _sliding_energy(target, SECTION_FRAMES)
            own += float((piece**2).sum())
        if own == 0.0:
            return _Guess(late[stem], 0.0)
        unexplained = energies - products**2 / own
        share = unexplained / np.maximum(energies, 1e-300)
        share[energies <= 1e-9 * energies.max()] = 1.0
        best = _nearest_minimum(share, self._reach)
        better = float((share[self._reach] + ROUNDING) / (max(share[best], 0.0) + ROUNDING))
        return _Guess(late[stem] + self._reach - best, better if best != self._reach else 0.0)

    def _target(self, stem: int, start: int, late: Sequence[int], gains: Sequence[float]) -> Vector:
        first, frames = start - self._reach, SECTION_FRAMES + 2 * self._reach
        target = self._read(self._mix, first, frames).astype(np.float64)
        for other, source in enumerate(self._stems):
            if other != stem:
                target -= gains[other] * self._read(source, first + late[other], frames)
        return target

    def _sections(self, activity: Vector) -> list[int]:
        """Find the starts of the stretches where most is heard."""
        stretch = stretch_frames(self._mix.frames)
        loudest = np.argsort(-activity, kind="stable")[:SECTIONS]
        return [int(i * stretch) for i in np.sort(loudest) if activity[i] > 0.0]

    def _read(self, source: AudioSource, start: int, frames: int) -> npt.NDArray[np.float32]:
        return read_at(source, start, frames, channels=self._channels)


def _likely_gains(gains: Sequence[float]) -> list[float]:
    """Give stems that nearly have the common gain exactly that: a stem out of place bends the others'."""
    common = common_gain(gains)
    return [
        common if gain > 0.0 and common > 0.0 and abs(gain_to_db(gain / common)) < SNAP_DB else gain
        for gain in gains
    ]


def _slide(target: Vector, piece: Vector) -> Vector:
    """Sum of products of `piece` with every stretch of `target`, all channels."""
    size = _fast_length(target.shape[1])
    spectrum = (np.fft.rfft(target, size) * np.conj(np.fft.rfft(piece, size))).sum(axis=0)
    products: Vector = np.fft.irfft(spectrum, size)[: target.shape[1] - piece.shape[1] + 1]
    return products


def _sliding_energy(target: Vector, frames: int) -> Vector:
    total = np.concatenate(([0.0], np.cumsum((target**2).sum(axis=0))))
    energy: Vector = total[frames:] - total[:-frames]
    return energy


def _nearest_minimum(share: Vector, centre: int) -> int:
    """Find the lowest value; of equals (repeated loops) the one nearest to `centre`."""
    equal = np.flatnonzero(share <= share.min() + 1e-12)
    return int(equal[np.abs(equal - centre).argmin()])


def _fast_length(frames: int) -> int:
    """Find the smallest product of 2, 3 and 5 that is even and not below `frames`."""
    candidates = (2**a * 3**b * 5**c for a in range(1, 25) for b in range(4) for c in range(4))
    return min(int(size) for size in candidates if size >= frames)

"""Where each stem starts relative to the mix, to the frame.

Asked only when the set does not null. A stem is held against the mix minus all other stems: where those
are right, what is left is the stem itself, and the normalised cross-correlation is 1 at its true place and
nowhere else. For all stems together the phase transform (Knapp & Carter, IEEE Trans. ASSP 24, 1976) finds the
delay even when the mix was mastered.

Explanations go on one after the other: the stem that is surest to be out of place is put right, then all are
asked again. What a stem that starts early has lost of its beginning (and a late one of its end) is unknown:
there the mix is no evidence against any other stem. At the end every accused stem must still be needed.
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
HINT = 1.1
"""An offset is tried when it explains this much, where several stems out of place hide each other."""
EXPLAINED_DB = -50.0
"""Residual re the mix at which nothing is left to explain."""
LEAST_KNOWN = 0.05
"""Share of a stem's energy that must fall on known frames for a place to be compared; half of what does where
it stands, too."""

PHAT_FLOOR = 1e-6
"""Share of the strongest line below which a line has no phase to go by."""
PHAT_PROMINENCE = 8.0
"""How far the delay of all stems stands out of the RMS of its neighbours."""
MAX_MOVES = 16
SNAP_DB = 3.0
SAME_DB = 1.0
"""Explanations that leave this much more than the best one are as good."""
ROUNDING = 1e-9
"""Share of a stem's energy that rounding to whole numbers may leave unexplained."""


Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class _Guess:
    """A stem's best place, in frames late, and the share that each place leaves unexplained, latest first."""

    late: int
    share: Vector
    latest: int

    def better(self, than: int) -> float:
        """How many times less is left unexplained at the best place; 0 where it is best already."""
        return self.gained(than, self.late) if than != self.late else 0.0

    def gained(self, from_late: int, to_late: int) -> float:
        """How many times less is left unexplained at one place than at another."""
        return self._left(from_late) / self._left(to_late)

    def _left(self, late: int) -> float:
        index = self.latest - late
        return (float(self.share[index]) if 0 <= index < self.share.size else 1.0) + ROUNDING


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
        together = self._phase_transform()
        bases = (0, together) if together else (0,)
        found = [self._refine(base, suspects, bar=BETTER) for base in bases]
        if not any(self._explains(late) for late in found):
            found += [self._refine(base, suspects, bar=HINT) for base in bases]
        return self._acquitted(self._simplest(found), suspects)

    def _refine(self, base: int, suspects: Sequence[int], *, bar: float) -> tuple[int, ...]:
        """Move one stem after the other to its best place, the surest one first."""
        late = [base] * len(self._stems)
        for _ in range(MAX_MOVES):
            guesses = self._guesses(suspects, late, base)
            worst = max(suspects, key=lambda i: guesses[i].better(late[i]))
            if guesses[worst].better(late[worst]) < bar:
                break
            late[worst] = guesses[worst].late
        return tuple(late)

    def _simplest(self, found: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Of the explanations that leave least, the one that breaks the set into fewest parts."""
        known = self._known([late for each in found for late in each])
        left = [fit_gains(self._relation(late, known)).stems_dbfs for late in found]
        equal = [late for late, db in zip(found, left, strict=True) if db <= min(left) + SAME_DB]
        return min(equal, key=lambda late: (len(set(late)), np.count_nonzero(late)))

    def _acquitted(self, late: tuple[int, ...], suspects: Sequence[int]) -> tuple[int, ...]:
        """Put back every stem whose place explains little more than that of the rest, the doubtful first."""
        shared = max(late, key=lambda each: (late.count(each), each == 0))
        home = shared if late.count(shared) > 1 else 0
        placed = list(late)
        for _ in suspects:
            middle = (min(placed) + max(placed)) // 2
            guesses = self._guesses([i for i in suspects if placed[i] != home], placed, middle)
            needed = {i: guess.gained(home, placed[i]) for i, guess in guesses.items()}
            doubtful = min(needed, key=lambda i: needed[i], default=None)
            if doubtful is None or needed[doubtful] >= BETTER:
                break
            placed[doubtful] = home
        return tuple(placed)

    def _explains(self, late: Sequence[int]) -> bool:
        """Whether nothing is left to explain."""
        relation = self.relation(late)
        whole = float(np.sqrt(relation.mix_energy / relation.samples))
        return fit_gains(relation).stems_dbfs <= gain_to_db(whole) + EXPLAINED_DB

    def relation(self, late: Sequence[int]) -> Relation:
        """Relate stems and mix in up to 32 windows spread over the file, with every stem put in its place."""
        return self._relation(late, self._known(late))

    def _relation(self, late: Sequence[int], known: tuple[int, int]) -> Relation:
        meter = RelationMeter(len(self._stems), self._channels)
        first, last = known
        frames = min(SAMPLED_FRAMES, last - first)
        count = min(SAMPLED_WINDOWS, max((last - first) // SAMPLED_FRAMES, 1))
        for start in np.linspace(first, last - frames, count).astype(int).tolist():
            blocks = [
                self._read(stem, start + offset, frames)
                for stem, offset in zip(self._stems, late, strict=True)
            ]
            meter.feed(blocks, self._read(self._mix, start, frames))
        return meter.result()

    def _known(self, late: Sequence[int]) -> tuple[int, int]:
        """Frames of the mix at which no stem, put in its place, has lost anything; all where that is none."""
        first, last = max(0, -min(late)), self._mix.frames - max(0, *late)
        return (first, last) if last - first > self._mix.frames // 4 else (0, self._mix.frames)

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

    def _guesses(self, asked: Sequence[int], late: Sequence[int], base: int) -> dict[int, _Guess]:
        gains = _likely_gains(fit_gains(self.relation(late)).gains)
        return {i: self._guess(i, late, gains, base) for i in asked}

    def _guess(self, stem: int, late: Sequence[int], gains: Sequence[float], base: int) -> _Guess:
        """Hold one stem against the mix minus the others, in all places around `base`."""
        lags = 2 * self._reach + 1
        products, energies, known, own = np.zeros(lags), np.zeros(lags), np.zeros(lags), 0.0
        for start in self._sections(self._activity[stem]):
            frames = min(SECTION_FRAMES, self._stems[stem].frames - start)
            piece = self._read(self._stems[stem], start, frames).astype(np.float64)
            first = start - base - self._reach
            target, mask = self._target(stem, first, frames + 2 * self._reach, late, gains)
            products += _slide(target, piece)
            energies += _sliding_energy(target, frames)
            power = (piece**2).sum(axis=0, keepdims=True)
            own += float(power.sum())
            known += power.sum() if mask.all() else _slide(mask, power)
        share, latest = np.ones(lags), base + self._reach
        enough = max(LEAST_KNOWN * own, 0.5 * float(known[latest - late[stem]]))
        compared = (known >= enough) & (energies > 1e-9 * energies.max())
        unexplained = energies[compared] - products[compared] ** 2 / known[compared]
        share[compared] = np.maximum(unexplained, 0.0) / energies[compared]
        return _Guess(latest - _nearest_minimum(share, latest - late[stem]), share, latest)

    def _target(
        self, stem: int, first: int, frames: int, late: Sequence[int], gains: Sequence[float]
    ) -> tuple[Vector, Vector]:
        """Take the other stems from the mix; with a mask that is 0 where one of them has lost something."""
        target = self._read(self._mix, first, frames).astype(np.float64)
        others = [i for i in range(len(self._stems)) if i != stem]
        for other in others:
            target -= gains[other] * self._read(self._stems[other], first + late[other], frames)
        begin, end = self._known([late[i] for i in others] or [0])
        at = np.arange(first, first + frames)
        lost = ((at >= 0) & (at < begin)) | ((at >= end) & (at < self._mix.frames))
        target[:, lost] = 0.0
        return target, np.where(lost, 0.0, 1.0)[None, :]

    def _sections(self, activity: Vector) -> list[int]:
        """Find the starts of the stretches where most is heard, none of them twice."""
        stretch = stretch_frames(self._mix.frames)
        found: list[int] = []
        for index in np.argsort(-activity, kind="stable").tolist():
            start = index * stretch
            if activity[index] > 0.0 and all(abs(start - other) >= SECTION_FRAMES for other in found):
                found.append(start)
            if len(found) == SECTIONS:
                break
        return sorted(found)

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

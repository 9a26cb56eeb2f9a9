"""How audible is a join? Level, step, spectral flux and clicks, measured against the material itself.

A join takes a signal from *outgoing* material to *incoming* material over an overlap of any length, 0 too.
What it does is compared with what the material does by itself in the same place, and with the 99.9th
percentile of what the whole stem does, so that a snare on the join is not called a click, and a click is.

- Level: RMS over 50 ms, slid across the join, against the RMS of the two materials at interpolated power.
  A hole, a bump and a cancellation all show here.
- Step: the quickest change of the 50 ms level from one window to the next.
- Flux: half-wave rectified spectral difference (S. Dixon, "Onset detection revisited", DAFx-06, eq. 2.5).
- Click: the largest first difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples

__all__ = [
    "CLICK_LIMIT",
    "FLUX_LIMIT",
    "LEVEL_LIMIT_DB",
    "JoinAudibility",
    "StemCharacter",
    "measure_character",
    "measure_join",
]

Array = npt.NDArray[np.float64]

LEVEL_LIMIT_DB = 1.0
"""Smallest change of a 50 ms level that is flagged, in dB; about the just noticeable difference of level."""
CLICK_LIMIT = 1.5
"""First difference at the join over the material's own; the sum of two strangers may reach √2."""
FLUX_LIMIT = 1.5
"""Spectral flux at the join over the material's own."""
LEVEL_S = 0.050
CONTEXT_S = 0.150
"""What is needed of the audio on both sides of a join."""
OWN_PERCENTILE = 99.9
FLOOR_POWER = 1e-10
"""Mean square under which a level is silence, −100 dBFS."""
FLOOR_RE_STEM = 1e-5
"""Levels this far (−50 dB) under the stem's own are not told apart."""
FLOOR_DIFFERENCE = 1e-4
FLOOR_FLUX = 0.05
"""Flux under 5 % of the spectrum's own magnitude (0.4 dB) is no event."""
SAMPLED_CHUNKS, SAMPLED_FRAMES = 32, 16_384


@dataclass(frozen=True, slots=True)
class StemCharacter:
    """What a stem does by itself: 99.9th percentiles of it, from at most 32 stretches spread over it.

    Attributes
    ----------
    difference : float
        First difference between samples.
    flux : float
        Spectral flux.
    magnitude : float
        Mean magnitude of its spectra, summed over bins as flux is.
    level_step_db : float
        Change of the 50 ms level from one window to the next.
    power : float
        Mean square.
    """

    difference: float
    flux: float
    magnitude: float
    level_step_db: float
    power: float


@dataclass(frozen=True, slots=True)
class JoinAudibility:
    """What a join does to the sound.

    Attributes
    ----------
    time_s : float
        Where it begins.
    level_change_db : float
        Worst deviation of the 50 ms RMS from the interpolated power of the two materials, with its sign.
    level_step_db : float
        By how much the quickest change of level exceeds what the material does by itself; 0 if it does not.
    flux_ratio : float
        Largest flux over the larger of the stem's own 99.9th percentile and the materials' own.
    click_ratio : float
        Largest first difference over the larger of the stem's own 99.9th percentile and the materials' own.
    """

    time_s: float
    level_change_db: float
    level_step_db: float
    flux_ratio: float
    click_ratio: float

    @property
    def faults(self) -> tuple[str, ...]:
        """What can be heard, in words; empty when the join is clean."""
        found = (
            (abs(self.level_change_db) > LEVEL_LIMIT_DB, f"level changes by {self.level_change_db:+.1f} dB"),
            (self.level_step_db > LEVEL_LIMIT_DB, f"level steps by {self.level_step_db:.1f} dB"),
            (self.flux_ratio > FLUX_LIMIT, f"spectral flux {self.flux_ratio:.1f} × the stem's own"),
            (self.click_ratio > CLICK_LIMIT, f"click, {self.click_ratio:.1f} × the stem's own steps"),
        )
        return tuple(words for flagged, words in found if flagged)

    @property
    def severity(self) -> float:
        """The worst of its values over its limit; above 1 it is flagged."""
        return max(
            abs(self.level_change_db) / LEVEL_LIMIT_DB, self.level_step_db / LEVEL_LIMIT_DB,
            self.flux_ratio / FLUX_LIMIT, self.click_ratio / CLICK_LIMIT,
        )  # fmt: skip

    @property
    def audible(self) -> bool:
        """Whether any of it is flagged."""
        return self.severity > 1.0

    def as_dict(self) -> dict[str, float | bool]:
        """Return the shape that stands in report.json."""
        return {
            "time_s": round(self.time_s, 6),
            "level_change_db": round(self.level_change_db, 3),
            "level_step_db": round(self.level_step_db, 3),
            "flux_ratio": round(self.flux_ratio, 3),
            "click_ratio": round(self.click_ratio, 3),
            "audible": self.audible,
        }


def measure_character(source: AudioSource) -> StemCharacter:
    """Measure what a stem does by itself; about 20 ms for any length, in bounded memory."""
    rate = source.sample_rate
    chunks = [_ChunkCharacter.of(source.read(at, SAMPLED_FRAMES), rate) for at in _spread(source)]
    power = float(np.mean([chunk.power for chunk in chunks]))
    floor = max(FLOOR_POWER, FLOOR_RE_STEM * power)
    steps = [_steps_db(chunk.levels, rate, floor).ravel() for chunk in chunks]
    return StemCharacter(
        difference=_percentile(np.concatenate([chunk.differences for chunk in chunks])),
        flux=_percentile(np.concatenate([chunk.flux for chunk in chunks])),
        magnitude=float(np.mean([chunk.magnitude for chunk in chunks])),
        level_step_db=_percentile(np.concatenate(steps)),
        power=power,
    )


@dataclass(frozen=True, eq=False, slots=True)
class _ChunkCharacter:
    """What one stretch gives to a `StemCharacter`."""

    differences: Samples
    flux: Array
    magnitude: float
    levels: Array
    power: float

    @classmethod
    def of(cls, samples: Samples, sample_rate: int) -> _ChunkCharacter:
        squares = np.square(samples, dtype=np.float64)
        flux, magnitudes = _flux(samples, sample_rate, overlap=2)
        magnitude = float(magnitudes.mean()) if magnitudes.size else 0.0
        power = float(squares.mean()) if squares.size else 0.0
        return cls(_differences(samples), flux, magnitude, _levels(squares, sample_rate), power)


def measure_join(
    rendered: Samples,
    *,
    outgoing: Samples,
    incoming: Samples,
    overlap_frames: int,
    share: Samples,
    character: StemCharacter,
    sample_rate: int,
    time_s: float,
) -> JoinAudibility:
    """Measure one join.

    Parameters
    ----------
    rendered : Samples [shape=(channels, before + overlap_frames + after)]
        What is heard, about `CONTEXT_S` to both sides of the overlap.
    outgoing : Samples [shape=(channels, before + overlap_frames)]
        The material that the join leaves, up to the end of the overlap.
    incoming : Samples [shape=(channels, overlap_frames + after)]
        The material that it enters, from the start of the overlap.
    overlap_frames : int
        Length of the crossfade; 0 for a butt join.
    share : Samples [shape=(overlap_frames,)]
        Share of the incoming power, 0 … 1.
    character : StemCharacter
        What the stem does by itself.
    sample_rate : int
        In Hz.
    time_s : float
        Where the join begins; only passed on.
    """
    floor = max(FLOOR_POWER, FLOOR_RE_STEM * character.power)
    before = outgoing.shape[1] - overlap_frames
    heard = np.square(rendered, dtype=np.float64)
    expected = _interpolated_power(outgoing, incoming, overlap_frames, share)
    changes = 10 * np.log10((_levels(heard, sample_rate) + floor) / (_levels(expected, sample_rate) + floor))
    parts = (outgoing, incoming)
    squared = [np.square(part, dtype=np.float64) for part in parts]
    own_step = max(_largest(_steps_db(_levels(part, sample_rate), sample_rate, floor)) for part in squared)
    step = _largest(_steps_db(_levels(heard, sample_rate), sample_rate, floor))
    near = slice(max(before - 2, 0), before + overlap_frames + 2)
    own_difference = max(_largest(_differences(part)) for part in parts)
    dense = 4 if overlap_frames < LEVEL_S * sample_rate else 2
    flux = _largest(_flux(rendered, sample_rate, overlap=dense)[0])
    own_flux = max(_largest(_flux(part, sample_rate, overlap=dense)[0]) for part in parts)
    return JoinAudibility(
        time_s=time_s,
        level_change_db=float(changes.flat[np.abs(changes).argmax()]) if changes.size else 0.0,
        level_step_db=max(0.0, step - max(own_step, character.level_step_db)),
        flux_ratio=flux / max(own_flux, character.flux, FLOOR_FLUX * character.magnitude, 1e-9),
        click_ratio=_largest(_differences(rendered[:, near]))
        / max(own_difference, character.difference, FLOOR_DIFFERENCE),
    )


def _interpolated_power(outgoing: Samples, incoming: Samples, overlap: int, share: Samples) -> Array:
    before = outgoing.shape[1] - overlap
    out, into = (np.square(part, dtype=np.float64) for part in (outgoing, incoming))
    between = (1.0 - share) * out[:, before:] + share * into[:, :overlap]
    return np.concatenate([out[:, :before], between, into[:, overlap:]], axis=1)


def _spread(source: AudioSource) -> list[int]:
    """List the starts of at most `SAMPLED_CHUNKS` stretches over the whole length."""
    frames = source.frames
    if frames <= SAMPLED_CHUNKS * SAMPLED_FRAMES:
        return list(range(0, max(frames, 1), SAMPLED_FRAMES))
    return [int(at) for at in np.linspace(0, frames - SAMPLED_FRAMES, SAMPLED_CHUNKS)]


def _levels(power: Array, sample_rate: int) -> Array:
    """Mean power over 50 ms windows (all there is, if less) every 1 ms, per channel."""
    window = min(round(LEVEL_S * sample_rate), power.shape[1])
    if not window:
        return np.zeros((power.shape[0], 0))
    total = np.zeros((power.shape[0], power.shape[1] + 1))
    np.cumsum(power, axis=1, out=total[:, 1:])
    hop = max(1, sample_rate // 1000)
    means = (total[:, window::hop] - total[:, : power.shape[1] - window + 1 : hop]) / window
    return np.asarray(np.maximum(means, 0.0))


def _steps_db(levels: Array, sample_rate: int, floor: float) -> Array:
    """Change from each 50 ms window to the next that shares no frame with it, in dB, without its sign."""
    apart = round(LEVEL_S * sample_rate / max(1, sample_rate // 1000))
    levels_db = 10 * np.log10(levels + floor)
    return np.asarray(np.abs(levels_db[:, apart:] - levels_db[:, :-apart]))


def _differences(samples: Samples) -> Samples:
    return np.abs(np.diff(samples, axis=1)).ravel()


def _flux(samples: Samples, sample_rate: int, *, overlap: int) -> tuple[Array, Array]:
    """Flux between spectra half a frame apart, and their magnitudes, both summed over bins and channels."""
    size = 1 << max(4, round(np.log2(0.0213 * sample_rate)))
    if samples.shape[1] < size:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size, axis=1)[:, :: size // overlap]
    # norm="forward" keeps float32: with the usual norm numpy transforms in float64, twice as slow
    hann = np.hanning(size).astype(np.float32) * np.float32(size)
    spectra = np.abs(np.fft.rfft(frames * hann, axis=2, norm="forward"))
    rises = np.maximum(spectra[:, overlap // 2 :] - spectra[:, : -(overlap // 2)], 0.0)
    return rises.sum(axis=(0, 2), dtype=np.float64), spectra.sum(axis=(0, 2), dtype=np.float64)


def _largest(values: npt.NDArray[np.floating]) -> float:
    return float(values.max(initial=0.0))


def _percentile(values: npt.NDArray[np.floating]) -> float:
    """Find the value that 0.1 % lie above; the largest of few."""
    if not values.size:
        return 0.0
    rank = min(values.size - 1, int(values.size * OWN_PERCENTILE / 100))
    return float(np.partition(values, rank)[rank])

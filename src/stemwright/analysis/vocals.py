"""How prominent the voice of a song is, and where it sings.

Separated voices bleed, the more the simpler the separator. So a moment counts as sung when the stem's speech
band (300 Hz to 5 kHz) stands above a floor under the voice's own loudness, and its share of the mix is above
the valley between the two heaps that sung and unsung moments form (N. Otsu, *A threshold selection method
from gray-level histograms*, 1979), looked for where bleed can lie.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, iter_blocks
from stemwright.dsp.filters import bandpass, zero_phase
from stemwright.dsp.loudness import HOP_S, Loudness, LoudnessMeter, integrated_lufs, measure
from stemwright.errors import InputError
from stemwright.songs import VocalFacts, VocalSpan
from stemwright.units import SILENCE_DB

__all__ = ["NO_VOICE", "REST_S", "vocal_facts", "vocal_facts_from"]

Array: TypeAlias = npt.NDArray[np.float64]

NO_VOICE = VocalFacts(SILENCE_DB)
"""What a song without a voice has, and one in which nobody looked for it."""
BAND_HZ = (300.0, 5_000.0)
BAND_ORDER = 4
REST_S = 2.0
"""Rests up to this length belong to the singing when no bar is known: a bar at 120 bpm."""
BELOW_VOICE_LU = 17.0
"""Moments that far below the voice's loudness are not sung."""
BLEED_DB = (-20.0, -12.0)
"""Where the share of the mix lies that tells voice from bleed: of clean stems, of poor ones."""
BELOW_PROMINENCE_DB = 4.0
"""It is at least that far under the voice's mean share, so that a faint voice isn't cut to pieces."""
TWO_GROUPS_DB = 8.0
"""Sung and unsung moments are that far apart at least, or all are taken for one kind."""
FLOOR_LUFS = -60.0
SHORTEST_S = 0.3
_OFFSET_LU = 0.691  # BS.1770-5 eq. 2
_SHORT, _LONG = 3, 9  # steps of 100 ms


def vocal_facts(song: AudioSource, vocals: AudioSource, *, bar_s: float = REST_S) -> VocalFacts:
    """Describe the voice of a song.

    Parameters
    ----------
    song : AudioSource
        The mix, 8 to 192 kHz.
    vocals : AudioSource
        Its vocal stem, as long and at the same rate.
    bar_s : float
        Length of a bar in seconds: shorter rests belong to the singing.

    Returns
    -------
    VocalFacts
        `prominence_db` is the gated loudness of the stem's speech band minus that of the mix, −200 when the
        stem is silent. `spans` are in order, at least 0.3 s long, more than `bar_s` apart.

    Raises
    ------
    InputError
        When rate or length of the two differ.
    """
    if (song.sample_rate, song.frames) != (vocals.sample_rate, vocals.frames):
        raise InputError(
            f"The vocal stem has {vocals.frames} frames at {vocals.sample_rate} Hz, the song "
            f"{song.frames} at {song.sample_rate} Hz.",
            way_out="Stems of a song have its rate and its length.",
        )
    return vocal_facts_from(measure(song, true_peak=False).hop_powers, vocals, bar_s=bar_s)


def vocal_facts_from(song_powers: Array, vocals: AudioSource, *, bar_s: float = REST_S) -> VocalFacts:
    """Describe the voice of a song whose K-weighted power per 100 ms is known; see `vocal_facts`."""
    voice = _speech_band(vocals)
    mix_lufs = integrated_lufs(song_powers)
    if voice.integrated_lufs is None or mix_lufs is None:
        return NO_VOICE
    prominence_db = max(voice.integrated_lufs - mix_lufs, SILENCE_DB)
    sung = _sung(voice.hop_powers, song_powers, voice.integrated_lufs, prominence_db)
    return VocalFacts(prominence_db, tuple(_spans(sung, bar_s)))


def _speech_band(vocals: AudioSource) -> Loudness:
    meter = LoudnessMeter(vocals.sample_rate, vocals.channels, true_peak=False)
    high_hz = min(BAND_HZ[1], 0.45 * vocals.sample_rate)
    band = bandpass(BAND_HZ[0], high_hz, order=BAND_ORDER)
    for block in zero_phase(iter_blocks(vocals), band, sample_rate=vocals.sample_rate):
        meter.feed(block)
    return meter.result()


def _sung(voice: Array, mix: Array, voice_lufs: float, prominence_db: float) -> npt.NDArray[np.bool_]:
    """Tell for every 100 ms whether somebody sings."""
    count = min(voice.size, mix.size)
    floor_lufs = max(voice_lufs - BELOW_VOICE_LU, FLOOR_LUFS)
    loud = _smoothed(voice[:count], _SHORT) > 10.0 ** ((floor_lufs + _OFFSET_LU) / 10.0)
    share = _smoothed(voice[:count], _LONG) / np.maximum(_smoothed(mix[:count], _LONG), 1e-12)
    share_db = 10.0 * np.log10(np.clip(share, 1e-4, 1.0))
    low, high = BLEED_DB
    limit_db = np.clip(_valley(share_db), low, min(high, max(prominence_db - BELOW_PROMINENCE_DB, low)))
    return np.asarray(loud & (share_db > limit_db))


def _valley(shares_db: Array) -> float:
    """Threshold between the two groups of shares that lie farthest apart (Otsu 1979, eq. 18)."""
    ordered = np.sort(shares_db)
    below = np.arange(1, ordered.size)
    if not below.size:
        return BLEED_DB[0]
    above = ordered.size - below
    sums = np.cumsum(ordered)
    distance = (sums[-1] - sums[:-1]) / above - sums[:-1] / below
    cut = int(np.argmax(below * above * distance**2))
    if distance[cut] < TWO_GROUPS_DB:
        return BLEED_DB[0]
    return float(ordered[cut] + ordered[cut + 1]) / 2.0


def _smoothed(powers: Array, count: int) -> Array:
    """Mean over `count` steps around each."""
    if powers.size < count:
        return powers
    return np.convolve(powers, np.full(count, 1.0 / count), mode="same")


def _spans(sung: npt.NDArray[np.bool_], bar_s: float) -> Iterable[VocalSpan]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sung, [False]]).astype(int)))
    starts, ends = edges[::2] * HOP_S, edges[1::2] * HOP_S
    if not starts.size:
        return
    rest = starts[1:] - ends[:-1] > bar_s
    for start, end in zip(starts[np.r_[True, rest]], ends[np.r_[rest, True]], strict=True):
        if end - start >= SHORTEST_S:
            yield VocalSpan(round(float(start), 3), round(float(end), 3))

"""Fit one join: where exactly it enters, how long it is, by which law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemwright.align.plan import Jump
from stemwright.align.render import read_held
from stemwright.audio import BLOCK_FRAMES, AudioSource, Samples
from stemwright.dsp.fades import CrossfadeLaw, Overlap
from stemwright.dsp.joins import JoinAudibility, StemCharacter, measure_join

__all__ = ["DECLICK_S", "audition", "best_entry", "fit_jump"]

DECLICK_S = 0.002
"""Shortest crossfade that does not click."""
CLEAN_DB = 0.4
"""A predicted change of level that needs no shorter crossfade; under half of what is flagged."""
ATTACK_POWER_RATIO = 4.0
"""What enters 6 dB above the tail is an attack."""
COMPARED_FRAMES = 16_384
"""So much of an overlap is compared sample by sample to find its best entry."""


def fit_jump(source: AudioSource, *, leave: int, enter: int, lengths: Sequence[int]) -> Jump:
    """Fit the join that leaves the source at frame `leave` and goes on at frame `enter`.

    Parameters
    ----------
    source : AudioSource
        The stem.
    leave, enter : int
        Source frames of one and the same moment. The overlap ends there if there is anything before `enter`
        to fade in, and begins there otherwise.
    lengths : Sequence[int]
        Lengths that may be tried, longest first: the first that keeps the level is taken, else the best.
    """
    best: Jump | None = None
    if enter < min(lengths, default=1) and _attacks(source, leave, enter):
        return _edge_jump(source, leave, enter)
    for wanted in lengths:
        start, frames = _placed(source, leave, enter, wanted)
        if frames < min(wanted, round(DECLICK_S * source.sample_rate)):
            continue
        jump = _overlapped(source, leave + start, enter + start, frames)
        if jump.level_change_db <= CLEAN_DB:
            return jump
        best = jump if best is None or jump.level_change_db < best.level_change_db else best
    return best or _edge_jump(source, leave, enter)


def _placed(source: AudioSource, leave: int, enter: int, wanted: int) -> tuple[int, int]:
    """Start of the overlap relative to the moment, and its length, as far as there is material."""
    start = max(-wanted, -enter)
    return start, min(wanted, source.frames - leave - start)


def _overlapped(source: AudioSource, out_at: int, in_at: int, frames: int) -> Jump:
    def read(start: int, stop: int) -> tuple[Samples, Samples]:
        return source.read(out_at + start, stop - start), source.read(in_at + start, stop - start)

    overlap = Overlap.measure(read, frames=frames, sample_rate=source.sample_rate)
    law = overlap.law()
    if law.may_boost and _peak_excess(source, out_at, in_at, law):
        law = overlap.law(allow_boost=False)
    return Jump(out_at, in_at, law, overlap.level_change_db(law))


def _peak_excess(source: AudioSource, out_at: int, in_at: int, law: CrossfadeLaw) -> bool:
    """Whether the sum would rise over √2 times the higher of its parts."""
    peak = mixed = 0.0
    for start in range(0, law.frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, law.frames)
        parts = [source.read(at + start, stop - start) for at in (out_at, in_at)]
        gains = law.gains(start, stop)
        peak = max(peak, *(float(np.abs(part).max()) for part in parts))
        mixed = max(mixed, float(np.abs(parts[0] * gains[0] + parts[1] * gains[1]).max()))
    return mixed > 2**0.5 * peak


def _edge_jump(source: AudioSource, leave: int, enter: int) -> Jump:
    """Join where nothing overlaps: the tail goes over to the held first sample, or nothing is done at all.

    Nothing is done before an attack, which covers the step, nor where what follows steps as far by itself.
    """
    frames = min(round(DECLICK_S * source.sample_rate), leave)
    tail, head = read_held(source, leave - 1, 1), read_held(source, enter, frames)
    step = float(np.abs(head[:, :1] - tail[:, -1:]).max())
    own = float(np.abs(np.diff(head, axis=1)).max(initial=0.0))
    bare = step <= own or _attacks(source, leave, enter)
    law = CrossfadeLaw.constant(0 if bare else frames, 1.0)
    return Jump(leave - law.frames, enter - law.frames, law)


def _attacks(source: AudioSource, leave: int, enter: int) -> bool:
    """Whether what stands at `enter` rises over what is left."""
    frames = min(round(DECLICK_S * source.sample_rate), leave)
    tail, head = read_held(source, leave - frames, frames), read_held(source, enter, frames)
    return float(np.mean(head**2)) > ATTACK_POWER_RATIO * float(np.mean(tail**2))


def audition(
    source: AudioSource, *, jump: Jump, character: StemCharacter, before: int, after: int
) -> JoinAudibility:
    """Measure a jump before it is rendered, with up to `before` and `after` frames around it."""
    overlap = jump.law.frames
    outgoing = read_held(source, jump.out_at - before, before + overlap)
    incoming = read_held(source, jump.in_at, overlap + after)
    out_gain, in_gain = jump.law.gains()
    mixed = outgoing[:, before:] * out_gain + incoming[:, :overlap] * in_gain
    rendered = np.concatenate([outgoing[:, :before], mixed, incoming[:, overlap:]], axis=1)
    return measure_join(
        rendered, outgoing=outgoing, incoming=incoming, overlap_frames=overlap, share=jump.share,
        character=character, sample_rate=source.sample_rate, time_s=jump.out_at / source.sample_rate,
    )  # fmt: skip


def best_entry(source: AudioSource, *, leave: int, enter: int, frames: int, reach: int) -> int:
    """Find the frame near `enter` from which the source best goes on what it played before `leave`.

    The `frames` before `leave` (16,384 at most) are correlated with what stands before each frame from
    ``enter - reach`` to ``enter + reach``; the frame of the highest normalised correlation is returned,
    `enter` itself where one side is silent.
    """
    frames = min(frames, COMPARED_FRAMES, leave, source.frames)
    low = max(enter - reach - frames, 0)
    high = min(enter + reach, source.frames)
    if frames < 2 or high - low < frames:
        return enter
    played, searched = read_held(source, leave - frames, frames), source.read(low, high - low)
    size = 1 << (high - low - 1).bit_length()
    spectrum = np.fft.rfft(searched, size) * np.conj(np.fft.rfft(played, size))
    cross = np.fft.irfft(spectrum.sum(axis=0), size)[: high - low - frames + 1]
    total = np.cumsum(np.concatenate([[0.0], np.einsum("cn,cn->n", searched, searched, dtype=np.float64)]))
    power = total[frames:] - total[:-frames]
    floor = 1e-6 * float(power.max()) + 1e-12
    likeness = cross / np.sqrt(np.maximum(power, floor))
    if float(np.abs(played).max()) < 1e-6 or power.max() < 1e-9:
        return enter
    # Between equals the nearest wins, so that a sine is not moved by whole periods.
    distance = np.abs(np.arange(likeness.size) + low + frames - enter) / max(reach, 1)
    best = likeness.max()
    return low + frames + int((likeness / best - 1e-3 * distance).argmax()) if best > 0 else enter

"""Parts become audio: notes to frames, a level that fits the role, a room, exactly the timeline's length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Samples, rechunk
from stemwright.dsp.loudness import LoudnessMeter
from stemwright.grid import Timeline
from stemwright.stems import Role
from stemwright.synth.clock import FrameClock
from stemwright.synth.midi import DRUM_CHANNEL
from stemwright.synth.notes import Note, Part
from stemwright.synth.room import DEFAULT_SEND, SENDS, in_room
from stemwright.synth.sampler import DRUM_BANK, Sampler, Strike, faded_end
from stemwright.synth.soundfont import load_soundfont
from stemwright.units import db_to_gain, gain_to_db

__all__ = ["TARGETS_LUFS", "part_gain_db", "render_part", "strikes_of"]

TARGETS_LUFS: Mapping[Role, float] = {
    Role.DRUMS: -19.0, Role.BASS: -20.0, Role.GUITARS: -22.5, Role.KEYS: -22.5, Role.SYNTHS: -23.5,
    Role.PADS: -25.0, Role.STRINGS: -24.0, Role.BRASS: -22.0, Role.LEAD: -20.5, Role.VOCALS: -19.0,
    Role.PERCUSSION: -25.0, Role.FX: -25.0,
}  # fmt: skip
"""Loudness of a part's loudest passage: together, at gain 0, they make a mix that stands."""
DEFAULT_TARGET_LUFS = -22.5
PEAK_DBFS = -3.0
AUDITION_S = 5.0
AUDITIONS = 3
LEAD_IN_S = 1.0  # of what rings into a passage
EDGE_S = 0.05  # a note a little before a passage belongs to it
MEASURABLE_HZ = (8_000, 192_000)
AUDITION_HZ = 48_000


def render_part(
    part: Part,
    *,
    timeline: Timeline,
    soundfont_path: Path | None = None,
    channels: int = 2,
    block_frames: int = BLOCK_FRAMES,
) -> Iterator[Samples]:
    """Play a part.

    Parameters
    ----------
    part : Part
        Notes on the timeline's beats.
    timeline : Timeline
        Tempo, rate and length.
    soundfont_path : Path, optional
        A SoundFont 2 file; General MIDI by default.
    channels : int
        2, or 1 for the mean of both sides.
    block_frames : int
        Length of the blocks; changes no sample.

    Yields
    ------
    Samples [shape=(channels, n)]
        In all exactly ``timeline.frames`` frames. The loudest passage stands at the role's target loudness
        (`TARGETS_LUFS`), lower where peaks would pass −3 dBFS.

    Raises
    ------
    UnreadableError
        When the SoundFont can't be read or lacks the program.
    """
    sampler = Sampler(load_soundfont(soundfont_path), timeline.sample_rate)
    strikes = strikes_of(part, timeline=timeline)
    gain = np.float32(db_to_gain(part_gain_db(sampler, strikes, role=part.role)))
    played = sampler.blocks(strikes, frames=timeline.frames, channels=channels)
    dry = (np.multiply(block, gain, out=block) for block in played)
    wet = in_room(dry, sample_rate=timeline.sample_rate, send=SENDS.get(part.role, DEFAULT_SEND))
    return rechunk(faded_end(wet, frames=timeline.frames, sample_rate=timeline.sample_rate), block_frames)


def strikes_of(part: Part, *, timeline: Timeline) -> list[Strike]:
    """Place a part's notes on frames; a note is at least one frame long."""
    clock = FrameClock(timeline)
    return [_strike(part, note, clock, timeline.sample_rate) for note in part.notes]


def _strike(part: Part, note: Note, clock: FrameClock, sample_rate: int) -> Strike:
    shift = round(note.shift_s * sample_rate)
    start = max(clock.frame(note.start_beat) + shift, 0)
    release = max(clock.frame(note.end_beat) + shift, start + 1)
    bank = DRUM_BANK if part.is_drums or note.channel == DRUM_CHANNEL else 0
    program = part.program if note.program is None else note.program
    return Strike(start, release, note.pitch, note.velocity, program=program, bank=bank, channel=note.channel)


def part_gain_db(sampler: Sampler, strikes: Sequence[Strike], *, role: Role) -> float:
    """Gain that brings a part's loudest passages to its role's loudness, in dB.

    Only the passages with the most and hardest notes are played, so the cost does not grow with duration.
    """
    places = _loudest(strikes, sampler.sample_rate)
    if not places:
        return 0.0
    low, high = MEASURABLE_HZ
    measurable = low <= sampler.sample_rate <= high
    listener = sampler if measurable else Sampler(sampler.font, AUDITION_HZ)
    meter = LoudnessMeter(listener.sample_rate, 2, true_peak=False)
    scale = listener.sample_rate / sampler.sample_rate
    peak = 0.0
    for place in places:
        passage = _passage(strikes, place, sampler.sample_rate, scale)
        for block in listener.blocks(passage, frames=round((LEAD_IN_S + AUDITION_S) * listener.sample_rate)):
            meter.feed(block)
            peak = max(peak, float(np.abs(block).max()))
    loudness = meter.result().integrated_lufs
    to_target = 0.0 if loudness is None else TARGETS_LUFS.get(role, DEFAULT_TARGET_LUFS) - loudness
    return min(to_target, PEAK_DBFS - gain_to_db(peak))


def _loudest(strikes: Sequence[Strike], sample_rate: int) -> list[int]:
    """Find the starts, in frames, of the passages with the most energy struck in them."""
    hop = max(round(AUDITION_S * sample_rate), 1)
    energy: dict[int, float] = {}
    for strike in strikes:
        length_s = min((strike.release - strike.start) / sample_rate, 1.0)
        place = (strike.start + round(EDGE_S * sample_rate)) // hop
        energy[place] = energy.get(place, 0.0) + strike.velocity**4 * max(length_s, 0.1)
    best = sorted(energy, key=lambda place: (-energy[place], place))[:AUDITIONS]
    return [place * hop for place in best]


def _passage(strikes: Sequence[Strike], start: int, sample_rate: int, scale: float) -> list[Strike]:
    """Move the notes of a passage to the start, with what rings into it."""
    origin = start - math.ceil(LEAD_IN_S * sample_rate)
    end = start + round(AUDITION_S * sample_rate)
    return [
        replace(
            strike,
            start=round(max(strike.start - origin, 0) * scale),
            release=max(round((strike.release - origin) * scale), 1),
        )
        for strike in strikes
        if strike.start < end and strike.release > origin
    ]

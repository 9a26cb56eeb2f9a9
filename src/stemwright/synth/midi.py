"""Standard MIDI files: write what was composed, read what people have, refuse what is broken.

Source: *Standard MIDI Files 1.0* (MMA RP-001); General MIDI for channel 10 and the controllers' meaning.
Reading is bounded in bytes, events and length; mido parses, this module gives its results meaning. Writing
needs only seven kinds of events, so it puts their bytes down itself.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from stemwright.errors import UnreadableError
from stemwright.grid import TempoMap, Timeline
from stemwright.stems import Role, role_of
from stemwright.synth.clock import TickClock
from stemwright.synth.gm import program_number
from stemwright.synth.notes import Note, Part

__all__ = ["DRUM_CHANNEL", "MidiNote", "MidiSong", "read_midi", "read_midi_part", "write_midi"]

MAX_BYTES = 16_000_000
MAX_EVENTS = 1_000_000
MAX_NOTES = 250_000
MAX_DURATION_S = 12 * 3_600
TICKS_PER_QUARTER = 960
DRUM_CHANNEL = 9
NOTE_OFF, NOTE_ON, PROGRAM, META = 0x80, 0x90, 0xC0, 0xFF
TRACK_NAME, MARKER, END_OF_TRACK, TEMPO, TIME_SIGNATURE = 0x03, 0x06, 0x2F, 0x51, 0x58
CLOCKS_PER_CLICK, THIRTY_SECONDS = 24, 8
SUSTAIN, VOLUME, EXPRESSION, SOUND_OFF, NOTES_OFF = 64, 7, 11, 120, 123
REST_VOLUME = 100
LONGEST_TEMPO_US = 0xFF_FF_FF


@dataclass(frozen=True, slots=True)
class MidiNote:
    """A note of a file: quarters from its start, with the pedal already counted in."""

    start: Fraction
    end: Fraction
    pitch: int
    velocity: int
    channel: int
    program: int


@dataclass(frozen=True)
class MidiSong:
    """What a MIDI file plays.

    Attributes
    ----------
    notes : tuple[MidiNote, ...]
        In order of time.
    tempo : TempoMap
        Quarters to seconds, as the file says.
    remarks : tuple[str, ...]
        What the file asks for and is left out, in plain words.
    """

    notes: tuple[MidiNote, ...]
    tempo: TempoMap
    remarks: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """When the last key is released, in seconds at the file's own tempo."""
        return max((float(self.tempo.seconds_at(note.end)) for note in self.notes), default=0.0)

    def seconds(self, note: MidiNote) -> tuple[float, float]:
        """Start and end of a note in seconds at the file's own tempo."""
        return float(self.tempo.seconds_at(note.start)), float(self.tempo.seconds_at(note.end))


def read_midi(path: Path | str) -> MidiSong:
    """Read a MIDI file of type 0 or 1.

    Raises
    ------
    UnreadableError
        When it is missing, no MIDI file, broken, or beyond the limits of this module.
    """
    path = Path(path)
    file = _parse(path)
    if file.type == 2 or file.ticks_per_beat <= 0:
        kind = "type 2" if file.type == 2 else "SMPTE time"
        raise UnreadableError(f"{path.name} is a MIDI file of {kind}, which has no beats.",
                              way_out="Export it as type 0 or 1 with ticks per quarter.")  # fmt: skip
    if sum(map(len, file.tracks)) > MAX_EVENTS:
        raise UnreadableError(f"{path.name} has more than {MAX_EVENTS} MIDI events.")
    reader = _Reader(file.ticks_per_beat)
    for tick, message in _events(file):
        reader.take(tick, message)
        if len(reader.notes) > MAX_NOTES:
            raise UnreadableError(f"{path.name} has more than {MAX_NOTES} notes.")
    song = reader.song()
    if song.duration_s > MAX_DURATION_S:
        raise UnreadableError(
            f"{path.name} would play for {song.duration_s / 3_600:.1f} hours; "
            f"{MAX_DURATION_S // 3_600} are possible."
        )
    return song


def _parse(path: Path) -> Any:
    import mido
    from mido.midifiles.meta import KeySignatureError

    try:
        content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise UnreadableError(f"The MIDI file {path} can't be read: {error.strerror}.") from error
    if content is None or content[:4] != b"MThd":
        what = f"has more than {MAX_BYTES} bytes" if content is None else "is not a MIDI file"
        raise UnreadableError(
            f"{path.name} {what}.", way_out="A MIDI file ends in .mid and starts with MThd."
        )
    try:
        return mido.MidiFile(file=io.BytesIO(content), clip=True)
    except (OSError, EOFError, ValueError, LookupError, TypeError, KeySignatureError) as error:
        raise UnreadableError(
            f"{path.name} is a broken MIDI file: {str(error) or type(error).__name__}."
        ) from error


def _events(file: Any) -> list[tuple[int, Any]]:
    """All events in order of time; at one time in the order of the tracks."""
    found: list[tuple[int, Any]] = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += max(int(message.time), 0)
            found.append((tick, message))
    return sorted(found, key=lambda event: event[0])


@dataclass(slots=True)
class _Channel:
    program: int = 0
    volume: int = REST_VOLUME
    expression: int = 127
    pedal: bool = False
    held: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    ringing: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def loudness(self, velocity: int) -> int:
        """Velocity with volume and expression in it: all three follow the same curve, 40 log10 (GM)."""
        scaled = velocity * self.volume / REST_VOLUME * self.expression / 127
        return min(max(round(scaled), 1), 127)


class _Reader:
    """Follow a file's events and write down its notes."""

    def __init__(self, ticks_per_quarter: int) -> None:
        self._ticks = ticks_per_quarter
        self._channels = [_Channel() for _ in range(16)]
        self._tempi: dict[int, int] = {0: 500_000}
        self._bends = False
        self._last = 0
        self.notes: list[MidiNote] = []

    def take(self, tick: int, message: Any) -> None:
        self._last = tick
        if message.type == "set_tempo":
            self._tempi[tick] = max(int(message.tempo), 1)
        elif message.type == "pitchwheel":
            self._bends |= message.pitch != 0
        elif message.type == "program_change":
            self._channels[message.channel].program = message.program
        elif message.type == "control_change":
            self._control(tick, message.channel, message.control, message.value)
        elif message.type in ("note_on", "note_off"):
            self._note(tick, message)

    def song(self) -> MidiSong:
        """End what still sounds and hand the notes over."""
        for number in range(16):
            self._silence(self._last + 1, number)
        tempi = sorted(self._tempi.items())
        changes = [(Fraction(tick, self._ticks), Fraction(60_000_000, tempo)) for tick, tempo in tempi]
        order = sorted(self.notes, key=lambda n: (n.start, n.channel, n.pitch))
        remarks = ("Pitch bends are left out.",) if self._bends else ()
        return MidiSong(tuple(order), TempoMap(changes), remarks)

    def _note(self, tick: int, message: Any) -> None:
        channel = self._channels[message.channel]
        key = message.note
        if message.type == "note_on" and message.velocity:
            self._end(tick, message.channel, key, channel.ringing)
            self._end(tick, message.channel, key, channel.held)
            channel.held[key] = (tick, channel.loudness(message.velocity), channel.program)
        elif channel.pedal and key in channel.held:
            channel.ringing[key] = channel.held.pop(key)
        else:
            self._end(tick, message.channel, key, channel.held)

    def _control(self, tick: int, number: int, control: int, value: int) -> None:
        channel = self._channels[number]
        if control == SUSTAIN:
            channel.pedal = value >= 64
            if not channel.pedal:
                for key in list(channel.ringing):
                    self._end(tick, number, key, channel.ringing)
        elif control == VOLUME:
            channel.volume = value
        elif control == EXPRESSION:
            channel.expression = value
        elif control in (SOUND_OFF, NOTES_OFF):
            self._silence(tick, number)

    def _silence(self, tick: int, number: int) -> None:
        channel = self._channels[number]
        for sounding in (channel.held, channel.ringing):
            for key in list(sounding):
                self._end(tick, number, key, sounding)

    def _end(self, tick: int, number: int, key: int, sounding: dict[int, tuple[int, int, int]]) -> None:
        if key not in sounding:
            return
        start, velocity, program = sounding.pop(key)
        if tick > start:
            span = Fraction(start, self._ticks), Fraction(tick, self._ticks)
            self.notes.append(MidiNote(*span, key, velocity, number, program))


def read_midi_part(
    path: Path | str, *, timeline: Timeline, instrument: str | int | None = None, name: str = ""
) -> Part:
    """Read a MIDI file as a part of the song: its beats are the song's beats.

    Parameters
    ----------
    path : Path
        A file of type 0 or 1; all its tracks play.
    timeline : Timeline
        The song; it keeps its own tempo, notes beyond its end are left out.
    instrument : str or int, optional
        General MIDI program that replaces the file's own, except on channel 10 (drums).
    name : str
        Of the part; the file's by default. Its words tell the role.

    Raises
    ------
    UnreadableError
        As `read_midi`, and when the file has no note within the song.
    SpecError
        When the instrument is not known.
    """
    path = Path(path)
    song = read_midi(path)
    program = None if instrument is None else program_number(instrument)
    notes = tuple(_on_timeline(song, timeline, program))
    if not notes:
        raise UnreadableError(f"{path.name} has no notes within the song.")
    drums = all(note.channel == DRUM_CHANNEL for note in notes)
    name = name or path.stem
    remarks = (*song.remarks, *_tempo_remarks(song, timeline))
    role = Role.DRUMS if drums else role_of(name)
    return Part(name, role, program or 0, is_drums=drums, notes=notes, composed=False, remarks=remarks)


def _on_timeline(song: MidiSong, timeline: Timeline, program: int | None) -> Iterator[Note]:
    per_quarter = Fraction(timeline.meter.beat_unit, 4)
    for note in song.notes:
        start = note.start * per_quarter
        if start < timeline.beats:
            length = min(note.end * per_quarter, timeline.beats) - start
            own = program if program is not None and note.channel != DRUM_CHANNEL else note.program
            yield Note(start, length, note.pitch, note.velocity, channel=note.channel, program=own)


def _tempo_remarks(song: MidiSong, timeline: Timeline) -> tuple[str, ...]:
    per_quarter = Fraction(timeline.meter.beat_unit, 4)
    own, asked = song.tempo.changes, timeline.tempo.changes
    if len(own) == len(asked) == 1 and abs(own[0][1] * per_quarter / asked[0][1] - 1) < Fraction(1, 2_000):
        return ()
    return ("The file's own tempo is left out: its beats follow the song's.",)


def write_midi(path: Path | str, parts: Sequence[Part], *, timeline: Timeline, title: str) -> None:
    """Write a type-1 file: tempo map, meter and section markers first, then a track for each part.

    Parameters
    ----------
    path : Path
        Written as it is named.
    parts : Sequence[Part]
        Drums go to channel 10, the others to the free channels in order.
    timeline : Timeline
        Tempo and meter; micro-timing of the notes is kept, to 1/960 of a quarter.
    title : str
        Name of the first track.
    """
    tracks = [_track(_conductor(timeline, title))]
    free = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    clock = TickClock(timeline, TICKS_PER_QUARTER)
    for number, part in enumerate(parts):
        for own, notes in _by_channel(part).items():
            drums = part.is_drums or own == DRUM_CHANNEL
            channel = DRUM_CHANNEL if drums else (own if own else free[number % len(free)])
            tracks.append(_track(_played(part, notes, channel, clock)))
    header = _chunk(b"MThd", struct.pack(">hhh", 1, len(tracks), TICKS_PER_QUARTER))
    Path(path).write_bytes(header + b"".join(tracks))


def _by_channel(part: Part) -> dict[int, list[Note]]:
    found: dict[int, list[Note]] = {}
    for note in part.notes:
        found.setdefault(note.channel, []).append(note)
    return found or {0: []}


Timed = tuple[int, int, bytes]


def _track(events: Iterator[Timed]) -> bytes:
    """Turn absolute ticks into a track; releases stand before strikes at the same time."""
    content, now, running = bytearray(), 0, -1
    for tick, _order, message in sorted(events, key=lambda event: event[:2]):
        content += _variable_length(tick - now)
        content += message[1:] if message[0] == running else message
        now, running = tick, message[0] if message[0] < META else -1
    return _chunk(b"MTrk", bytes(content) + b"\0" + _meta(END_OF_TRACK, b""))


def _chunk(ident: bytes, content: bytes) -> bytes:
    return ident + struct.pack(">L", len(content)) + content


def _variable_length(ticks: int) -> bytes:
    """Write seven bits a byte, the highest first; all but the last byte have the top bit."""
    written = [ticks & 0x7F]
    while ticks := ticks >> 7:
        written.append(0x80 | ticks & 0x7F)
    return bytes(reversed(written))


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((META, kind)) + _variable_length(len(content)) + content


def _conductor(timeline: Timeline, title: str) -> Iterator[Timed]:
    meter, clock = timeline.meter, TickClock(timeline, TICKS_PER_QUARTER)
    yield 0, 0, _meta(TRACK_NAME, title.encode())
    signature = (meter.beats_per_bar, meter.beat_unit.bit_length() - 1, CLOCKS_PER_CLICK, THIRTY_SECONDS)
    yield 0, 0, _meta(TIME_SIGNATURE, bytes(signature))
    for beat, bpm in timeline.tempo.changes:
        tempo_us = round(60_000_000 / bpm * Fraction(meter.beat_unit, 4))
        yield clock.tick(beat), 1, _meta(TEMPO, min(tempo_us, LONGEST_TEMPO_US).to_bytes(3, "big"))
    for section in timeline.sections:
        yield clock.tick(section.start_beat), 2, _meta(MARKER, section.name.encode())


def _played(part: Part, notes: Sequence[Note], channel: int, clock: TickClock) -> Iterator[Timed]:
    yield 0, 0, _meta(TRACK_NAME, part.name.encode())
    program = -1
    for note in sorted(notes, key=lambda note: note.start_beat):
        start = max(clock.tick(note.start_beat, note.shift_s), 0)
        end = max(clock.tick(note.end_beat, note.shift_s), start + 1)
        wanted = part.program if note.program is None else note.program
        if wanted != program:
            yield start if program >= 0 else 0, 1, bytes((PROGRAM | channel, wanted))
            program = wanted
        yield start, 2, bytes((NOTE_ON | channel, note.pitch, note.velocity))
        yield end, 0, bytes((NOTE_OFF | channel, note.pitch, 0))

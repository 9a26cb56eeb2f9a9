"""MIDI files: what is written is read back; tempo, pedal, drums; hostile files are refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import corpus, rng
from stemwright.errors import SpecError, UnreadableError
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role
from stemwright.synth import (
    DrumSettings,
    Key,
    Note,
    Part,
    ScoreSettings,
    compose_drums,
    compose_score,
    read_midi,
    read_midi_part,
    write_midi,
)


def song(meter: str = "4/4", bpm: str = "92.5") -> Timeline:
    requests = [
        SectionRequest("verse", Fraction(32), Fraction(bpm)),
        SectionRequest("Brücke", Fraction(16), Fraction(70)),
        SectionRequest("chorus", Fraction(24), Fraction(bpm)),
    ]
    return build_timeline(requests, meter=Meter.parse(meter), sample_rate=48_000)


def file_of(path: Path, *messages: mido.Message | mido.MetaMessage, kind: int = 1, ticks: int = 480) -> Path:
    midi = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    midi.tracks.append(mido.MidiTrack(messages))
    midi.save(path)
    return path


def on(note: int, time: int = 0, channel: int = 0, velocity: int = 90) -> mido.Message:
    return mido.Message("note_on", note=note, time=time, channel=channel, velocity=velocity)


def off(note: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=note, time=time, channel=channel)


@pytest.mark.parametrize("meter", ["4/4", "6/8", "3/2"])
def test_what_is_written_is_read_back_in_time(tmp_path: Path, meter: str) -> None:
    timeline = song(meter)
    bass = compose_score(
        ScoreSettings.parse({"pattern": "eighths", "instrument": "Slap Bass 1", "humanize": 0}),
        timeline=timeline, role=Role.BASS, key=Key.parse("E minor"), seed=1, name="Baß",
    )  # fmt: skip
    drums = compose_drums(DrumSettings(humanize=0, kit=16), timeline=timeline, seed=1)
    write_midi(tmp_path / "s.mid", [bass, drums], timeline=timeline, title="Nacht – fährt")
    read = read_midi(tmp_path / "s.mid")
    melodic = [note for note in read.notes if note.channel != 9]
    assert len(melodic) == len(bass.notes)
    assert {note.program for note in melodic} == {36}
    assert sum(note.channel == 9 for note in read.notes) == len(drums.notes)
    for ours, theirs in zip(bass.notes, melodic, strict=True):
        start_s, end_s = read.seconds(theirs)
        assert (theirs.pitch, theirs.velocity) == (ours.pitch, ours.velocity)
        assert start_s == pytest.approx(float(timeline.tempo.seconds_at(ours.start_beat)), abs=6e-4)
        assert end_s == pytest.approx(float(timeline.tempo.seconds_at(ours.end_beat)), abs=6e-4)


def test_file_says_what_it_is(tmp_path: Path) -> None:
    timeline = song("6/8", "180")
    drums = compose_drums(DrumSettings(), timeline=timeline, seed=1)
    write_midi(tmp_path / "s.mid", [drums], timeline=timeline, title="Night Drive")
    file = mido.MidiFile(tmp_path / "s.mid", charset="utf-8")
    assert file.type == 1
    meta = {message.type: message for message in file.tracks[0]}
    assert meta["track_name"].name == "Night Drive"
    assert (meta["time_signature"].numerator, meta["time_signature"].denominator) == (6, 8)
    markers = [message.text for message in file.tracks[0] if message.type == "marker"]
    assert markers == ["verse", "Brücke", "chorus"]
    assert sum(message.type == "set_tempo" for message in file.tracks[0]) == 3
    assert file.tracks[1].name == "drums"


def test_writing_is_reproducible(tmp_path: Path) -> None:
    timeline = song()
    part = compose_drums(DrumSettings(), timeline=timeline, seed=3)
    for name in ("a.mid", "b.mid"):
        write_midi(tmp_path / name, [part], timeline=timeline, title="x")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_micro_timing_is_written(tmp_path: Path) -> None:
    timeline = song(bpm="120")
    notes = (Note(Fraction(0), Fraction(1), 60, 90), Note(Fraction(1), Fraction(1), 60, 90, shift_s=0.010))
    part = Part("p", Role.KEYS, 0, is_drums=False, notes=notes)
    write_midi(tmp_path / "s.mid", [part], timeline=timeline, title="x")
    read = read_midi(tmp_path / "s.mid")
    assert read.seconds(read.notes[1])[0] == pytest.approx(0.510, abs=3e-4)


def test_pedal_holds_and_restrikes_end(tmp_path: Path) -> None:
    pedal = [
        mido.Message("control_change", control=64, value=value, time=time)
        for value, time in ((127, 0), (0, 480))
    ]
    path = file_of(
        tmp_path / "p.mid", pedal[0], on(60), off(60, 240), on(62), off(62, 120), on(60, 120),
        off(60, 240), pedal[1], on(64), off(64, 240),
    )  # fmt: skip
    notes = [(note.pitch, note.start, note.end) for note in read_midi(path).notes]
    assert notes == [
        (60, 0, Fraction(1)), (62, Fraction(1, 2), Fraction(5, 2)), (60, 1, Fraction(5, 2)),
        (64, Fraction(5, 2), 3),
    ]  # fmt: skip


def test_tempo_changes_and_programs_count_from_where_they_stand(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "t.mid", mido.MetaMessage("set_tempo", tempo=500_000),
        mido.Message("program_change", program=5),
        on(60), off(60, 480), mido.MetaMessage("set_tempo", tempo=1_000_000),
        mido.Message("program_change", program=9), on(61), off(61, 480),
    )  # fmt: skip
    song = read_midi(path)
    assert [song.seconds(note) for note in song.notes] == [(0.0, 0.5), (0.5, 1.5)]
    assert [note.program for note in song.notes] == [5, 9]
    assert song.duration_s == 1.5


def test_volume_and_expression_scale_the_velocity(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "v.mid", on(60, velocity=80), mido.Message("control_change", control=7, value=50),
        on(61, velocity=80),
        mido.Message("control_change", control=11, value=64), on(62, velocity=80),
        off(60, 480), off(61), off(62),
    )  # fmt: skip
    assert [note.velocity for note in read_midi(path).notes] == [80, 40, 20]


def test_notes_that_never_end_end_with_the_file(tmp_path: Path) -> None:
    path = file_of(tmp_path / "e.mid", on(60), on(61, 480), mido.MetaMessage("end_of_track", time=480))
    assert all(note.end > note.start for note in read_midi(path).notes)
    assert len(read_midi(path).notes) == 2


def test_part_follows_the_songs_beats(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "bass.mid", on(40), off(40, 480), on(41, 480 * 3), off(41, 480 * 90), on(42), off(42, 480)
    )
    part = read_midi_part(path, timeline=song("4/4"), instrument="Fretless Bass", name="low bass")
    assert [(n.start_beat, n.program) for n in part.notes] == [(Fraction(0), 35), (Fraction(4), 35)]
    assert part.notes[1].end_beat == 72  # the song's end
    assert part.role is Role.BASS
    assert any("tempo" in remark for remark in part.remarks)
    eighths = read_midi_part(path, timeline=song("6/8"))
    assert [n.start_beat for n in eighths.notes] == [0, 8]


def test_drums_of_channel_10_stay_drums(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "d.mid",
        on(36, channel=9),
        off(36, 240, channel=9),
        on(38, channel=9),
        off(38, 9, channel=9),
    )
    part = read_midi_part(path, timeline=song(), instrument="Violin")
    assert part.is_drums
    assert {n.program for n in part.notes} == {0}
    with pytest.raises(SpecError, match="Violin"):
        read_midi_part(path, timeline=song(), instrument="Violinn")


def test_files_of_people_are_read() -> None:
    paths = sorted(corpus("midi").rglob("*.mid"))[::3]
    assert paths
    for path in paths:
        song = read_midi(path)
        assert len(song.notes) > 100
        assert 10 < song.duration_s < 3_600


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "not a MIDI"), (b"RIFF....", "not a MIDI"), (b"MThd", "broken"),
     (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\xff", "broken"),
     (b"MThd\0\0\0\6\0\2\0\0\1\xe0", "type 2"), (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "SMPTE"),
     (b"M" * 16_000_001, "more than")],
)  # fmt: skip
def test_what_is_no_midi_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.mid").write_bytes(content)
    with pytest.raises(UnreadableError, match=says):
        read_midi(tmp_path / "x.mid")


def test_endless_and_empty_files_are_refused(tmp_path: Path) -> None:
    slow = [mido.MetaMessage("set_tempo", tempo=16_000_000), on(60), off(60, 2**27)]
    with pytest.raises(UnreadableError, match="hours"):
        read_midi(file_of(tmp_path / "long.mid", *slow))
    with pytest.raises(UnreadableError, match="no notes"):
        read_midi_part(file_of(tmp_path / "none.mid", off(60, 5)), timeline=song())
    with pytest.raises(UnreadableError, match="can't be read"):
        read_midi(tmp_path / "missing.mid")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_files_are_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.mid"
    file_of(
        path, mido.MetaMessage("set_tempo", tempo=400_000), mido.Message("sysex", data=[1, 2, 3]), on(60),
        on(64), mido.MetaMessage("key_signature", key="C"), off(60, 300), off(64, 4_000),
        mido.Message("pitchwheel", pitch=99),
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    for spot in data.draw(st.lists(st.integers(4, len(content) - 1), min_size=1, max_size=5)):
        content[spot] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))])
    try:
        song = read_midi(path)
    except UnreadableError:
        return
    assert all(0 <= note.start < note.end and 1 <= note.velocity <= 127 for note in song.notes)


def test_random_bytes_behind_a_header_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.mid"
    generator = rng(5)
    refused = 0
    for _ in range(200):
        body = generator.integers(0, 256, 120).astype("u1").tobytes()
        path.write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\x78" + body)
        try:
            read_midi(path)
        except UnreadableError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("meter", ["4/4", "7/8", "3/2"])
def test_bytes_are_the_ones_that_mido_would_write(tmp_path: Path, meter: str) -> None:
    timeline = song(meter)
    bass = compose_score(ScoreSettings(), timeline=timeline, role=Role.BASS, key=Key.parse("E minor"), seed=2)
    drums = compose_drums(DrumSettings(), timeline=timeline, seed=2)
    changing = Part("zwei Klänge", Role.KEYS, 4, is_drums=False, notes=(
        Note(Fraction(0), Fraction(70), 60, 90), Note(Fraction(2), Fraction(1), 64, 1, 0.003, 0, 80),
    ))  # fmt: skip
    empty = Part("", Role.PADS, 89, is_drums=False, notes=())
    write_midi(tmp_path / "ours.mid", [bass, drums, changing, empty], timeline=timeline, title="Ü" * 200)
    theirs = mido.MidiFile(tmp_path / "ours.mid", charset="utf-8")
    theirs.save(tmp_path / "theirs.mid")
    assert (tmp_path / "ours.mid").read_bytes() == (tmp_path / "theirs.mid").read_bytes()
    assert [track.name for track in theirs.tracks] == ["Ü" * 200, "bass", "drums", "zwei Klänge", ""]
    (signature,) = (m for m in theirs.tracks[0] if m.type == "time_signature")
    assert f"{signature.numerator}/{signature.denominator}" == meter
    assert (signature.clocks_per_click, signature.notated_32nd_notes_per_beat) == (24, 8)

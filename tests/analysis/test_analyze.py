"""The whole record: composed, overridden, honest about what is missing; checks and sentences."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from signals import chord_song, noise, silence
from stemwright.analysis import AnalysisOverrides, analyze_song, checks_of, describe
from stemwright.audio import Audio, Samples
from stemwright.checks import Severity
from stemwright.errors import InputError
from stemwright.songs import Groove, Key, SongFacts, SongStem

SHA = "0" * 64
FORM = " ".join(["C F G C"] * 4)


@pytest.fixture(scope="module")
def song() -> Audio:
    return chord_song(FORM, beat=True, channels=2)


@pytest.fixture(scope="module")
def facts(song: Audio) -> SongFacts:
    return analyze_song(song, sha256=SHA)


def test_everything_is_found(song: Audio, facts: SongFacts) -> None:
    assert facts.sha256 == SHA
    assert facts.duration_s == song.duration_s
    assert facts.tempo.bpm == pytest.approx(120.0, abs=0.1)
    assert facts.key.key == Key.parse("C major")
    assert facts.energy[0].start_s == 0.0
    assert facts.energy[-1].end_s == song.duration_s
    assert facts.sections[-1].end_beat - facts.sections[0].start_beat >= 60
    assert facts.engine == "builtin"
    assert facts.stems == ()
    assert any("Where somebody sings" in notice for notice in facts.notices)


def test_the_record_survives_json(facts: SongFacts) -> None:
    assert SongFacts.from_dict(json.loads(json.dumps(facts.as_dict(), allow_nan=False))) == facts


def test_the_same_song_gives_the_same_record(song: Audio, facts: SongFacts) -> None:
    assert analyze_song(song, sha256=SHA) == facts


def test_stems_tell_where_somebody_sings(song: Audio) -> None:
    t = np.arange(song.frames) / song.sample_rate
    gate = (t >= 8.0) & (t < 24.0)
    voice = np.tile(0.2 * gate * np.sin(2 * np.pi * 523.25 * t), (2, 1)).astype(np.float32)
    mix = Audio(song.samples + voice, song.sample_rate)
    stems = {
        SongStem.VOCALS: Audio(voice, song.sample_rate),
        SongStem.DRUMS: Audio(np.zeros_like(voice), song.sample_rate),
        SongStem.OTHER: song,
    }
    found = analyze_song(mix, sha256=SHA, stems=stems)
    assert found.stems == (SongStem.VOCALS, SongStem.OTHER)
    assert -12.0 < found.vocals.prominence_db < 0.0
    (span,) = found.vocals.spans
    assert (span.start_s, span.end_s) == pytest.approx((8.0, 24.0), abs=0.3)
    assert "voice very prominent" in " ".join(describe(found))


def test_what_people_know_wins(song: Audio) -> None:
    known = AnalysisOverrides(key=Key.parse("Eb minor"), tempo_factor=0.5, first_downbeat_s=2.0)
    found = analyze_song(song, sha256=SHA, overrides=known)
    assert (found.key.key, found.key.confidence) == (Key.parse("Eb minor"), 1.0)
    assert found.tempo.bpm == pytest.approx(60.0, abs=0.1)
    assert float(found.grid.seconds_at(0)) == pytest.approx(2.0, abs=1e-6)


def test_overrides_are_plain_data() -> None:
    known = AnalysisOverrides(bpm=90.0, key=Key.parse("Am"))
    assert json.loads(json.dumps(dataclasses.asdict(known)))["key"] == {"tonic": 9, "mode": "minor"}


@pytest.mark.parametrize("values", [{"bpm": 9.0}, {"tempo_factor": 0.0}, {"first_downbeat_s": -1.0}])
def test_impossible_overrides_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(InputError):
        AnalysisOverrides(**values)  # type: ignore[arg-type]


def test_stems_of_another_song_are_refused(song: Audio) -> None:
    with pytest.raises(InputError, match="drums has 48000 frames"):
        analyze_song(song, sha256=SHA, stems={SongStem.DRUMS: noise(1.0, channels=2)})


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        (noise(12.0, sample_rate=44_100, channels=2), "no clear key"),
        (Audio(silence(6.0, sample_rate=44_100, channels=2), 44_100), "0:06.0, silent"),
        (Audio(silence(0.0, sample_rate=44_100), 44_100), "0:00.0, silent"),
        (chord_song("C G", chord_s=1.5), "without a beat"),
        (chord_song("C", chord_s=0.2), "without a beat"),
        (chord_song("C F G C", sample_rate=8_000), "C major (8B)"),
        (chord_song("C F G C", chord_s=1.0, sample_rate=192_000), "C major (8B)"),
        (chord_song("C F G C", chord_s=1.0, channels=6), "C major (8B)"),
    ],
    ids=["noise", "silence", "nothing", "3 s", "0.2 s", "8 kHz", "192 kHz", "6 channels"],
)
def test_strange_songs_end_in_an_honest_record(strange: Audio, said: str) -> None:
    found = analyze_song(strange, sha256=SHA)
    assert any(said in line for line in describe(found))
    assert found.notices
    assert all(check.severity is Severity.WARNING for check in checks_of(found))
    assert SongFacts.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False))) == found


def test_without_a_beat_nothing_stands_on_bars() -> None:
    found = analyze_song(noise(20.0, sample_rate=44_100), sha256=SHA)
    assert not found.has_beat
    assert found.sections == ()
    assert found.groove is Groove.UNKNOWN
    lengths = {round(region.end_s - region.start_s, 6) for region in found.energy}
    assert len(lengths) == 1


def test_checks_ask_what_a_remix_relies_on(facts: SongFacts) -> None:
    names = [check.name for check in checks_of(facts)]
    assert names == ["tempo confidence", "grid residual", "key confidence", "loudness"]
    assert all(check.passed for check in checks_of(facts))
    broken = dataclasses.replace(
        facts,
        loudness_lufs=-55.0,
        tempo=dataclasses.replace(facts.tempo, residual_ms=40.0, confidence=0.1),
        key=dataclasses.replace(facts.key, modulates=True, later_key=Key.parse("D major")),
    )
    assert [check.passed for check in checks_of(broken)] == [False] * 4
    lost = dataclasses.replace(facts, tempo=dataclasses.replace(facts.tempo, confidence=0.0))
    assert checks_of(lost)[1].passed is None


def test_plain_words(facts: SongFacts) -> None:
    words = describe(facts)
    assert words[0].startswith("0:32.0, ")
    assert words[1].startswith("120.0 bpm")
    assert words[2].startswith("C major (8B)")
    assert any(line.startswith("form in bars: A 16") for line in words)
    assert all("None" not in line and "nan" not in line for line in words)


class Counted:
    """A source that counts how often its frames are read."""

    def __init__(self, audio: Audio) -> None:
        self.audio, self.taken, self.longest = audio, 0, 0
        self.sample_rate, self.channels, self.frames = audio.sample_rate, audio.channels, audio.frames

    def read(self, start: int, frames: int) -> Samples:
        self.taken += frames
        self.longest = max(self.longest, frames)
        return self.audio.read(start, frames)


def test_a_song_is_read_twice_in_blocks(song: Audio) -> None:
    counted = Counted(song)
    analyze_song(counted, sha256=SHA)
    assert counted.taken <= 2 * song.frames
    assert counted.longest < song.frames

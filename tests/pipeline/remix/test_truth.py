"""What is heard against what is known: bars, levels, ducking, loudness and ceiling, by other meters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
from scipy import signal

from remix_songs import NIGHT, PING_HZ, RATE, TIDE, Rendered, Tune, write_song
from stemwright.analysis import AnalysisOverrides
from stemwright.pipeline.remix import Remix, RemixOptions, SongRequest, remix
from stemwright.pipeline.store import Store
from stemwright.planning.plan import RemixPlan, SongId

Array = npt.NDArray[np.float64]


def read(path: Path) -> Array:
    samples, rate = sf.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    return np.asarray(samples)


def pings(wave: Array, near_s: Array) -> Array:
    """Where the tone on the first beat of a bar begins, near each time [s]; NaN where none is."""
    t = np.arange(wave.size) / RATE
    tone = wave * np.exp(-2j * np.pi * PING_HZ * t)
    window = np.hanning(round(0.006 * RATE))
    level = np.abs(signal.fftconvolve(tone, window / window.sum(), "same"))
    reach = round(0.08 * RATE)
    found = []
    for time in near_s:
        at = round(time * RATE)
        part = level[max(at - reach, 0) : at + reach]
        rise = int(np.argmax(part > 0.5 * part.max())) if part.size else 0
        heard = part.size and part.max() > 0.3 * np.percentile(level, 99.5)
        found.append((max(at - reach, 0) + rise) / RATE if heard else np.nan)
    return np.array(found)


def both_drums(plan: RemixPlan) -> dict[str, Any]:
    """The same plan with the drums of both songs from beginning to end."""
    record = plan.as_dict()
    for section in record["sections"]:
        section["stems"]["drums"] = {"gain": 1.0, "song": "both"}
    return {**record, "clauses": []}


def drummed(
    songs: tuple[SongRequest, SongRequest], made: Remix, store: Store, folder: Path
) -> tuple[Remix, dict[str, Array]]:
    """Render the drums of both songs; returns how late the bars of each are [ms]."""
    path = folder / "plan.json"
    path.write_text(json.dumps(both_drums(made.plan)), encoding="utf-8")
    options = RemixOptions(out=folder / "out", plan=path, planner="offline", report_page=False, pack=False)
    done = remix(*songs, "", options=options, store=store)
    bpm = next(s for s in done.report.steps if s.name == "tempo and key").details["target_bpm"]
    beats = done.plan.sections[-1].end_beat
    bars = np.arange(4, beats - 4, 4) * 60.0 / bpm
    late = {}
    for letter, tune in (("a", NIGHT), ("b", TIDE)):
        drums = read(done.folder / f"stems/{letter}_drums.wav")[:, 0]
        source = read(songs[letter == "b"].stems / "drums.wav")[:, 0]  # type: ignore[operator]
        truth = np.array(tune.downbeats_s[1:-1])
        own = np.nanmedian(pings(source, truth) - truth)  # what this detector itself is late
        late[letter] = 1000.0 * (pings(drums, bars) - bars - own)
    return done, late


def test_bars_of_both_songs_stand_on_the_grid(
    songs: tuple[SongRequest, SongRequest], made: Remix, store: Store, tmp_path: Path
) -> None:
    """The first beat of every bar, from the songs' truth, on the first beat of a bar of the remix."""
    done, late = drummed(songs, made, store, tmp_path)
    for offsets in late.values():
        assert np.isfinite(offsets).mean() > 0.8
        assert np.nanmedian(np.abs(offsets)) < 5.0
        assert np.nanpercentile(np.abs(offsets), 95) < 10.0
    apart = np.abs(late["a"] - late["b"])
    assert np.nanmedian(apart) < 10.0
    assert np.nanpercentile(apart, 95) < 25.0
    checks = [check for check in done.report.checks if check.name == "attacks off the beat"]
    assert {check.subject for check in checks} >= {"song A", "song B"}
    assert all(check.passed for check in checks)


@pytest.mark.slow
@pytest.mark.parametrize("beats", [0.08, 0.2])
def test_a_beat_set_wrongly_is_caught(
    songs: tuple[SongRequest, SongRequest], made: Remix, store: Store, tmp_path: Path, beats: float
) -> None:
    """A planted fault: the first bar of song A given late by 40 or 100 ms; the remix's own checks warn."""
    wrong = AnalysisOverrides(first_downbeat_s=NIGHT.at(beats))
    done, late = drummed((SongRequest(songs[0].path, songs[0].stems, wrong), songs[1]), made, store, tmp_path)
    assert np.nanmedian(np.abs(late["b"])) < 5.0
    assert np.nanmedian(late["a"]) < -35.0
    failed = {(check.name, check.subject) for check in done.report.checks if check.failed}
    assert {("attacks off the beat", "song A"), ("beats of both songs apart", "mix")} <= failed
    assert done.report.status == "warning"


@pytest.mark.slow
def test_drifting_songs_stay_locked(store: Store, tmp_path: Path) -> None:
    """Tempo wanders by 2 % within 32 beats in both songs, each in its own way."""
    a = Tune("Wander", 118.0, "A minor", NIGHT.chords, bars=16, drift=0.02)
    b = Tune("Stray", 112.0, "G minor", TIDE.chords, bars=16, start_s=0.9, seed=4, drift=-0.02)
    songs = write_song(a, tmp_path), write_song(b, tmp_path)
    options = RemixOptions(out=tmp_path / "first", planner="offline", report_page=False, pack=False)
    first = remix(*songs, "vocals of song A over song B", options=options, store=store)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(both_drums(first.plan)))
    again = RemixOptions(out=tmp_path / "out", plan=path, planner="offline", report_page=False, pack=False)
    done = remix(*songs, "", options=again, store=store)
    bpm = next(s for s in done.report.steps if s.name == "tempo and key").details["target_bpm"]
    bars = np.arange(4, done.plan.sections[-1].end_beat - 4, 4) * 60.0 / bpm
    heard = {x: pings(read(done.folder / f"stems/{x}_drums.wav")[:, 0], bars) for x in "ab"}
    apart = 1000.0 * np.abs(heard["a"] - heard["b"])
    assert np.isfinite(apart).mean() > 0.7
    assert np.nanmedian(apart) < 10.0
    assert np.nanpercentile(apart, 95) < 25.0


def lufs(samples: Array) -> float:
    import pyloudnorm

    return float(pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(samples))


def true_peak_dbtp(samples: Array) -> float:
    """Peak of the waveform four times oversampled."""
    over = signal.resample_poly(samples, 4, 1, axis=0, window=("kaiser", 9.0))
    return float(20 * np.log10(np.abs(over).max()))


@pytest.mark.parametrize("name", ["master.wav", "master.mp3"])
def test_loudness_and_ceiling_by_another_meter(made: Remix, name: str) -> None:
    """−14 ± 0.1 LUFS and at most −1 dBTP, of the MP3 as libsndfile decodes it."""
    samples = read(made.folder / name)
    assert abs(lufs(samples) + 14.0) <= 0.1
    assert true_peak_dbtp(samples) <= -1.0
    assert len(samples) == len(read(made.folder / "mix.wav"))


def test_the_voice_stands_where_the_report_says(made: Remix) -> None:
    """Voice over backing in the main part, by pyloudnorm on the delivered stems."""
    main = made.plan.sections[2]
    part = slice(*(round(beat * 60 / 111 * RATE) for beat in (main.start_beat, main.end_beat)))
    voice = read(made.folder / "stems/a_vocals.wav")[part]
    backing = sum(read(path)[part] for path in (made.folder / "stems").glob("b_*.wav"))
    gap = lufs(voice) - lufs(np.asarray(backing))
    (check,) = [
        c for c in made.report.checks if c.name == "voice over backing" and c.subject == "section 3 (main)"
    ]
    assert isinstance(check.measured, float)
    assert gap == pytest.approx(check.measured, abs=0.3)
    assert -6.0 <= gap <= 12.0


@pytest.mark.slow
def test_ducking_is_as_deep_as_asked(made: Remix, render: Rendered, tmp_path: Path) -> None:
    """The middle of the instruments where somebody sings, with and without ducking: the difference."""
    levels = []
    for depth_db in (0.0, -6.0):
        path = tmp_path / f"{depth_db}.json"
        path.write_text(json.dumps({**made.plan.as_dict(), "ducking_db": depth_db}))
        done = render(plan=path, out=tmp_path / str(depth_db), report_page=False, pack=False)
        backing = sum(read(p)[:, 0] for p in sorted((done.folder / "stems").glob("b_*.wav")))
        voice = read(done.folder / "stems/a_vocals.wav")[:, 0]
        headroom = next(s for s in done.report.steps if s.name == "arrange").details["headroom_db"]
        levels.append((np.asarray(backing) * 10 ** (-headroom / 20), voice))
    band = signal.butter(4, (500.0, 2_000.0), "bandpass", fs=RATE, output="sos")
    middle = [signal.sosfiltfilt(band, backing) for backing, _ in levels]
    envelope = signal.fftconvolve(np.abs(levels[0][1]), np.ones(2205) / 2205, "same")
    singing = envelope > 0.3 * envelope.max()
    power = [np.mean(wave[singing] ** 2) for wave in middle]
    assert 10 * np.log10(power[1] / power[0]) == pytest.approx(-6.0, abs=0.7)
    silent = envelope < 1e-5
    silent[: RATE // 2] = False
    quiet = [np.mean(wave[silent] ** 2) for wave in middle]
    assert abs(10 * np.log10(quiet[1] / quiet[0])) < 1.0


def test_overrides_win(songs: tuple[SongRequest, SongRequest], store: Store) -> None:
    """Tempo doubled, halved or given; the first bar; the key: analysis takes what people say."""
    from stemwright.pipeline.remix import examine_songs
    from stemwright.songs import Key

    def facts(**known: Any) -> Any:
        asked = SongRequest(songs[0].path, songs[0].stems, AnalysisOverrides(**known))
        return examine_songs([asked], store=store).facts[0]

    assert facts(tempo_factor=2.0).tempo.bpm == pytest.approx(240.0, rel=1e-3)
    assert facts(tempo_factor=0.5).tempo.bpm == pytest.approx(60.0, rel=1e-3)
    assert facts(bpm=120.3).tempo.bpm == pytest.approx(120.0, abs=0.35)
    moved = facts(first_downbeat_s=NIGHT.at(2))
    assert float(moved.grid.seconds_at(0)) == pytest.approx(NIGHT.at(2), abs=0.03)
    assert str(facts(key=Key.parse("C# minor")).key.key) == "C# minor"


@pytest.mark.slow
def test_a_forced_key_moves_the_voice(
    songs: tuple[SongRequest, SongRequest], store: Store, tmp_path: Path
) -> None:
    """Told that song A is in A minor and song B in G minor, the voice goes down two semitones."""
    from stemwright.songs import Key

    told_a, told_b = (
        SongRequest(song.path, song.stems, AnalysisOverrides(key=Key.parse(tune.key)))
        for song, tune in zip(songs, (NIGHT, TIDE), strict=True)
    )
    options = RemixOptions(out=tmp_path / "out", planner="offline", report_page=False, pack=False)
    prompt = "vocals of song A over song B, in the key of song B"
    done = remix(told_a, told_b, prompt, options=options, store=store)
    details = next(s for s in done.report.steps if s.name == "tempo and key").details["songs"]
    assert details[SongId.A.value]["semitones"] == -2
    source, voice = (
        tones_of(read(path)[:, 0])
        for path in (songs[0].path.parent / "Night-stems/vocals.wav", done.folder / "stems/a_vocals.wav")  # type: ignore[union-attr]
    )
    shifts = np.arange(-5 * STEPS, 5 * STEPS + 1)
    alike = [source[200:-200] @ voice[200 + shift : len(voice) - 200 + shift] for shift in shifts]
    assert shifts[int(np.argmax(alike))] / STEPS == pytest.approx(-2.0, abs=0.1)


STEPS = 20


def tones_of(wave: Array) -> Array:
    """Level of partials from 110 to 700 Hz, on a scale of a twentieth of a semitone, about its mean."""
    hertz, power = signal.welch(wave, RATE, nperseg=65_536)
    places = 110.0 * 2 ** (np.arange(32 * STEPS) / (12 * STEPS))
    level = np.interp(places, hertz, np.sqrt(power))
    return np.asarray(level - level.mean())

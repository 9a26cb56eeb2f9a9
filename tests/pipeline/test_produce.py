"""The recipe on real files: every source, every promise of the delivery."""

import json
import sys
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from signals import clicks, noise, sine
from stemwright.checks import Report
from stemwright.dsp.loudness import measure
from stemwright.errors import CheckFailedError, InputError, RefusedError, SpecError, UnreadableError
from stemwright.io.reader import open_audio, read_audio
from stemwright.io.writer import write_audio
from stemwright.pipeline.events import Event, Progress, StepFinished
from stemwright.pipeline.produce import ProduceOptions, Production, produce
from stemwright.pipeline.step import Runner
from stemwright.pipeline.store import Store, StoreSettings

HEAD = """\
title = "Test <b>Song</b>"
artist = "Nobody & Co"
bpm = 120
key = "A minor"
sample_rate = 48000
subtype = "{subtype}"
seed = 3
{extra}
[sections]
verse = 8
chorus = 8
"""
BASS = """
[[stem]]
name = "bass"
gain_db = -4
effects = [{ type = "lowpass", cutoff_hz = 8000 }]
score = { instrument = "Electric Bass (finger)", pattern = "octaves", chords = "Am F C G" }
"""
DRUMS = """
[[stem]]
name = "drums"
drums = { pattern = { default = "rock", chorus = "four-on-floor" } }
"""
TAKE = """
[[stem]]
name = "take"
role = "keys"
file = "take.wav"
align = "{align}"
pan = 0.3
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreSettings(tmp_path / "store"))


def write_spec(folder: Path, *stems: str, subtype: str = "PCM_24", extra: str = "", tail: str = "") -> Path:
    path = folder / "spec.toml"
    path.write_text(HEAD.format(subtype=subtype, extra=extra) + "".join(stems) + tail)
    return path


def write_take(folder: Path, seconds: float = 3.0, *, rate: int = 48_000, name: str = "take.wav") -> None:
    tone = sine(330, seconds, sample_rate=rate, peak=0.2)
    write_audio(folder / name, [tone.samples], sample_rate=rate, channels=1, overwrite=True)


def measured(report: Report, name: str) -> dict[str, object]:
    return {check.subject: check.measured for check in report.checks if check.name == name}


def run(path: Path, store: Store, **options: object) -> Production:
    return produce(path, options=ProduceOptions(out=path.parent / "out", **options), store=store)  # type: ignore[arg-type]


def test_a_whole_production(tmp_path: Path, store: Store) -> None:
    write_take(tmp_path)
    path = write_spec(tmp_path, DRUMS, BASS, TAKE.format(align="loop"))
    done = run(path, store)
    out = done.folder
    assert done.report.status in ("passed", "warning")
    names = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert names == sorted(
        ["manifest.json", "master.flac", "master.mp3", "master.wav", "midi/bass.mid", "midi/drums.mid",
         "mix.wav", "report.html", "report.json", "run.json", "spec.toml", "stems/bass.wav",
         "stems/drums.wav", "stems/take.wav", "Test -b-Song-b.zip"]
    )  # fmt: skip
    stems = [read_audio(out / "stems" / f"{name}.wav") for name in ("drums", "bass", "take")]
    mix = read_audio(out / "mix.wav")
    assert {audio.frames for audio in (*stems, mix)} == {384_000}
    residual = mix.samples - np.sum([stem.samples for stem in stems], axis=0, dtype=np.float64)
    assert np.sqrt(np.mean(residual**2)) <= 10 ** (-90 / 20)
    for suffix in ("wav", "flac", "mp3"):
        with open_audio(out / f"master.{suffix}") as file:
            loudness = measure(file)
        assert loudness.true_peak_dbtp is not None
        assert loudness.true_peak_dbtp <= -1.0
    assert sf.info(out / "stems/bass.wav").subtype == "PCM_24"


def test_manifest_and_zip_say_what_is_there(tmp_path: Path, store: Store) -> None:
    out = run(write_spec(tmp_path, BASS), store).folder
    listed = {entry["path"]: entry for entry in json.loads((out / "manifest.json").read_text())["files"]}
    for name, entry in listed.items():
        content = (out / name).read_bytes()
        assert entry["sha256"] == sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
    assert listed["mix.wav"]["frames"] == 384_000
    with zipfile.ZipFile(out / "Test -b-Song-b.zip") as packed:
        assert set(packed.namelist()) == {*listed, "manifest.json"}
        assert packed.testzip() is None
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}


def test_same_in_same_out_whatever_was_done_before(tmp_path: Path) -> None:
    zips = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_take(folder)
        path = write_spec(folder, DRUMS, BASS, TAKE.format(align="crossfade"))
        out = run(path, Store(StoreSettings(folder / "store"))).folder
        zips.append((out / "Test -b-Song-b.zip").read_bytes())
    assert zips[0] == zips[1]


def test_a_second_run_does_nothing_again(tmp_path: Path, store: Store) -> None:
    path = write_spec(tmp_path, BASS)
    run(path, store)
    before = (tmp_path / "out" / "Test -b-Song-b.zip").read_bytes()
    told: list[Event] = []
    produce(path, options=ProduceOptions(out=tmp_path / "out"), store=store, listener=told.append)
    worked = [e.name for e in told if isinstance(e, StepFinished) and not e.cached]
    assert worked == ["timing", "reference"]
    assert (tmp_path / "out" / "Test -b-Song-b.zip").read_bytes() == before


def test_a_gain_changes_the_mix_and_not_the_stems_before_it(tmp_path: Path, store: Store) -> None:
    run(write_spec(tmp_path, DRUMS, BASS), store)
    told: list[Event] = []
    path = write_spec(tmp_path, DRUMS, BASS.replace("gain_db = -4", "gain_db = -9"))
    produce(path, options=ProduceOptions(out=tmp_path / "out"), store=store, listener=told.append)
    worked = [e.name for e in told if isinstance(e, StepFinished) and not e.cached]
    assert worked[:3] == ["timing", "reference", "mix"]
    assert sorted(worked[3:]) == ["master", "verify"]


def test_another_seed_is_another_take(tmp_path: Path, store: Store) -> None:
    path = write_spec(tmp_path, DRUMS)
    first = (run(path, store).folder / "midi/drums.mid").read_bytes()
    second = (run(path, store, seed=99).folder / "midi/drums.mid").read_bytes()
    assert first != second


def test_the_reference_is_the_target_to_the_frame(tmp_path: Path, store: Store) -> None:
    write_take(tmp_path, 11.01, rate=44_100, name="reference.wav")
    frames = round(11.01 * 44_100)
    write_take(tmp_path, 2.0)
    path = write_spec(tmp_path, DRUMS, TAKE.format(align="loop"), extra='reference = "reference.wav"')
    done = run(path, store)
    target = (2 * frames * 48_000 + 44_100) // (2 * 44_100)
    assert read_audio(done.folder / "stems/take.wav").frames == target
    texts = " ".join(notice.text for notice in done.report.notices)
    assert "The reference is at 44100 Hz" in texts
    assert "they are repeated in order" in texts
    assert "cut at the target" in texts


@pytest.mark.parametrize(
    ("gate", "seen"),
    [("sample_rate = 44100", "sample rate is 48000 Hz"), ("channels = 2", "channels is 1"),
     ("min_duration_s = 130", "length is 3 s, asked for ≥ 130 s")],
)  # fmt: skip
def test_gates_of_the_reference(tmp_path: Path, store: Store, gate: str, seen: str) -> None:
    write_take(tmp_path, name="reference.wav")
    path = write_spec(tmp_path, BASS, extra=f'reference = {{ file = "reference.wav", {gate} }}')
    with pytest.raises(CheckFailedError, match=seen):
        run(path, store)
    assert not (tmp_path / "out" / "mix.wav").exists()


def test_a_take_at_another_rate_is_resampled_and_told(tmp_path: Path, store: Store) -> None:
    write_take(tmp_path, 8.0, rate=44_100)
    done = run(write_spec(tmp_path, TAKE.format(align="auto")), store)
    assert any("resampled from 44100 Hz to 48000 Hz" in notice.text for notice in done.report.notices)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_other_sample_formats_null_too(tmp_path: Path, store: Store, subtype: str) -> None:
    done = run(write_spec(tmp_path, DRUMS, BASS, subtype=subtype), store)
    assert sf.info(done.folder / "mix.wav").subtype == subtype
    (residual,) = measured(done.report, "null against the mix").values()
    assert isinstance(residual, float)
    assert residual <= (-80 if subtype == "PCM_16" else -90)


def test_master_holds_loudness_and_ceiling(tmp_path: Path, store: Store) -> None:
    tail = "[master]\nloudness_lufs = -20\nceiling_dbtp = -2\nfade_out_s = 1\n"
    done = run(write_spec(tmp_path, DRUMS, BASS, tail=tail), store)
    for suffix in ("wav", "mp3"):
        with open_audio(done.folder / f"master.{suffix}") as file:
            loudness = measure(file)
        assert loudness.integrated_lufs == pytest.approx(-20, abs=0.1)
        assert loudness.true_peak_dbtp is not None
        assert loudness.true_peak_dbtp <= -2
    assert np.abs(read_audio(done.folder / "master.wav").samples[:, -1]).max() < 1e-3


def test_peaky_material_stays_quieter_and_that_is_told(tmp_path: Path, store: Store) -> None:
    write_audio(
        tmp_path / "take.wav",
        [clicks([0.5 * i for i in range(16)], 8.0).samples],
        sample_rate=48_000,
        channels=1,
    )
    done = run(write_spec(tmp_path, TAKE.format(align="auto")), store)
    (limiting,) = set(measured(done.report, "limiting").values())
    assert isinstance(limiting, float)
    assert limiting <= 6.0
    assert any(notice.subject == "master" for notice in done.report.notices)


def test_hostile_titles_are_text_on_the_page(tmp_path: Path, store: Store) -> None:
    page = (run(write_spec(tmp_path, BASS), store).folder / "report.html").read_text()
    assert "Test &lt;b&gt;Song&lt;/b&gt;" in page
    assert "<b>Song" not in page
    assert "http:" not in page
    assert "https:" not in page


def test_a_silent_take_stops_the_run_unless_declared(tmp_path: Path, store: Store) -> None:
    silence = np.zeros((1, 48_000), np.float32)
    write_audio(tmp_path / "take.wav", [silence], sample_rate=48_000, channels=1)
    with pytest.raises(CheckFailedError, match="take"):
        run(write_spec(tmp_path, BASS, TAKE.format(align="pad")), store)
    done = run(write_spec(tmp_path, BASS, TAKE.format(align="pad") + "silent = true\n"), store)
    assert done.report.status in ("passed", "warning")


def test_nan_stops_the_run_and_names_the_stem(tmp_path: Path, store: Store) -> None:
    samples = noise(1.0).samples.copy()
    samples[0, 777] = np.nan
    sf.write(tmp_path / "take.wav", samples.T, 48_000, subtype="FLOAT")
    with pytest.raises(CheckFailedError, match="take: "):
        run(write_spec(tmp_path, TAKE.format(align="pad")), store)


def test_a_file_that_is_missing_or_no_audio(tmp_path: Path, store: Store) -> None:
    path = write_spec(tmp_path, TAKE.format(align="pad"))
    with pytest.raises(UnreadableError, match=r"take\.wav does not exist"):
        run(path, store)
    (tmp_path / "take.wav").write_text("not audio at all")
    with pytest.raises(UnreadableError, match=r"take\.wav"):
        run(path, store)


def test_the_first_stem_that_fails_is_the_one_that_is_named(tmp_path: Path, store: Store) -> None:
    bad = "".join(TAKE.format(align="pad").replace('"take"', f'"take {i}"') for i in range(6))
    with pytest.raises(UnreadableError, match="does not exist"):
        run(write_spec(tmp_path, BASS, bad), store)


GENERATOR = """\
import struct, sys, wave
with wave.open(sys.argv[1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(48000)
    file.writeframes(b"".join(struct.pack("<h", (i * 37) % 9000) for i in range(int(sys.argv[2]))))
"""


def command(argv: str, more: str = "") -> str:
    return f'[[stem]]\nname = "made"\nrole = "fx"\ncommand = {{ argv = [{argv}]{more} }}\n'


def test_a_generator_needs_permission(tmp_path: Path, store: Store) -> None:
    (tmp_path / "gen.py").write_text(GENERATOR)
    path = write_spec(tmp_path, command(f'"{sys.executable}", "gen.py", "{{output}}", "{{frames}}"'))
    with pytest.raises(RefusedError, match="--allow-commands"):
        run(path, store)
    done = run(path, store, allow_commands=True)
    assert read_audio(done.folder / "stems/made.wav").frames == 384_000


@pytest.mark.parametrize(
    ("argv", "more", "seen"),
    [
        ('"/no/such/program"', "", "can't be started"),
        ('"{python}", "-c", "import sys; sys.exit(\'sorry\')"', "", "ended with status 1. It said: sorry"),
        ('"{python}", "-c", "pass"', "", r"wrote no file stem\.wav"),
        ('"{python}", "-c", "import time; time.sleep(60)"', ", timeout_s = 0.5", "still running after 0.5 s"),
        ('"{python}", "{outptu}"', "", 'Did you mean "output"'),
    ],
)
def test_generators_that_fail(tmp_path: Path, store: Store, argv: str, more: str, seen: str) -> None:
    path = write_spec(tmp_path, command(argv.replace("{python}", sys.executable), more))
    with pytest.raises(InputError, match=seen):
        run(path, store, allow_commands=True)


def test_a_midi_file_is_played(tmp_path: Path, store: Store) -> None:
    first = run(write_spec(tmp_path, BASS), store)
    (tmp_path / "part.mid").write_bytes((first.folder / "midi/bass.mid").read_bytes())
    stem = '[[stem]]\nname = "keys"\nmidi = { file = "part.mid", instrument = "Acoustic Grand Piano" }\n'
    done = run(write_spec(tmp_path, stem), store)
    assert (done.folder / "midi/keys.mid").exists()
    assert np.abs(read_audio(done.folder / "stems/keys.wav").samples).max() > 0.01


def test_files_of_people_are_safe(tmp_path: Path, store: Store) -> None:
    path = write_spec(tmp_path, BASS)
    out = tmp_path / "out"
    (out / "stems").mkdir(parents=True)
    (out / "stems" / "bass.wav").write_text("my only take")
    with pytest.raises(RefusedError, match=r"bass\.wav is in the way"):
        run(path, store)
    assert (out / "stems" / "bass.wav").read_text() == "my only take"
    run(path, store, force=True)
    assert read_audio(out / "stems" / "bass.wav").frames == 384_000


def test_editing_a_delivered_file_does_not_spoil_the_store(tmp_path: Path, store: Store) -> None:
    path = write_spec(tmp_path, BASS)
    stem = run(path, store).folder / "stems" / "bass.wav"
    good = stem.read_bytes()
    with stem.open("r+b") as file:  # in place, as some taggers do
        file.seek(5000)
        file.write(b"\0" * 100_000)
    assert run(path, store, force=True).folder / "stems" / "bass.wav" == stem
    assert stem.read_bytes() == good


def test_an_interrupt_leaves_no_half_file_and_the_next_run_goes_on(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_spec(tmp_path, DRUMS, BASS)
    done_before: list[str] = []
    original = Runner.run

    def interrupting(self: Runner, name: str, **rest: object) -> object:
        if name == "mix":
            raise KeyboardInterrupt
        result = original(self, name, **rest)  # type: ignore[arg-type]
        done_before.append(name)
        return result

    monkeypatch.setattr(Runner, "run", interrupting)
    with pytest.raises(KeyboardInterrupt):
        run(path, store)
    assert list((tmp_path / "out").iterdir()) == []
    monkeypatch.undo()
    told: list[Event] = []
    produce(path, options=ProduceOptions(out=tmp_path / "out"), store=store, listener=told.append)
    found = {e.name for e in told if isinstance(e, StepFinished) and e.cached}
    assert found == set(done_before)


def test_progress_rises_to_one(tmp_path: Path, store: Store) -> None:
    told: list[Event] = []
    lock = threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            told.append(event)

    path = write_spec(tmp_path, DRUMS, BASS)
    produce(path, options=ProduceOptions(out=tmp_path / "out"), store=store, listener=listen)
    for name in ("source drums", "mix", "master"):
        fractions = [e.fraction for e in told if isinstance(e, Progress) and e.name == name]
        assert fractions == sorted(fractions)
        assert fractions


def test_mono_and_six_channels(tmp_path: Path, store: Store) -> None:
    for channels in (1, 6):
        samples = noise(8.0, channels=channels, rms=0.05, seed=channels).samples
        write_audio(tmp_path / "take.wav", [samples], sample_rate=48_000, channels=channels, overwrite=True)
        stem = TAKE.format(align="auto").replace("pan = 0.3\n", "")
        done = run(write_spec(tmp_path, stem, extra=f"channels = {channels}"), store)
        assert read_audio(done.folder / "mix.wav").channels == channels
        assert (done.folder / "master.mp3").exists() == (channels == 1)


def test_sections_too_short_can_be_an_error(tmp_path: Path, store: Store) -> None:
    write_take(tmp_path, 30.0, name="reference.wav")
    extra = 'fill = "error"\nreference = "reference.wav"'
    with pytest.raises(SpecError, match=r"cover 8\.000 s of 30\.000 s"):
        run(write_spec(tmp_path, BASS, extra=extra), store)

"""The set check on files, folders, zips and containers; presets; names; one stem on arrival."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from signals import corpus, noise, sine
from stemwright.audio import Audio
from stemwright.checks import Check, Report, Severity, failures
from stemwright.errors import InputError, SpecError, UnreadableError
from stemwright.io.reader import open_audio
from stemwright.io.sort_out import Kind, kind_of, sort_names
from stemwright.verification import (
    PRESETS,
    Expectations,
    NamedFile,
    check_stem,
    examine_set,
    verify_paths,
    verify_set,
)
from stemwright.verification.names import is_sortable, name_checks, name_faults
from verification.faults import StemSet, clean_set


def written(folder: Path, found: StemSet, *, mix: str = "mix.wav") -> Path:
    folder.mkdir(exist_ok=True)
    for name, samples in found.stems.items():
        sf.write(folder / f"{name}.wav", samples.T, found.sample_rate, subtype=found.subtype)
    if found.mix is not None:
        sf.write(folder / mix, found.mix.T, found.sample_rate, subtype=found.subtype)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "song", clean_set(seed=6, seconds=1.5))


def told(report: Report) -> str:
    return " ".join(notice.text for notice in report.notices)


def test_a_folder_is_sorted_out_and_passes(folder: Path) -> None:
    (folder / "notes.txt").write_text("take 3 is the good one")
    (folder / ".hidden.wav").write_bytes(b"no audio")

    report = verify_paths([folder])

    assert report.status == "passed", failures(report.checks)
    assert "Taken as stems: bass, drums, keys, vocals." in told(report)
    assert "Taken as the mix: mix.wav." in told(report)
    assert "notes.txt" in told(report)
    assert [step.name for step in report.steps] == ["set", "bass", "drums", "keys", "vocals", "mix"]


def test_a_zip_is_read_in_place_with_the_same_result(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "song.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"stems/{path.name}")
        archive.writestr("__MACOSX/._bass.wav", b"resource fork")
    before = set(tmp_path.rglob("*"))

    report = verify_paths([packed])

    assert report.checks == verify_paths([folder]).checks
    assert set(tmp_path.rglob("*")) == before


def test_files_and_a_named_mix(folder: Path, tmp_path: Path) -> None:
    other = (folder / "mix.wav").rename(tmp_path / "bounce of friday bass test.wav")

    report = verify_paths(sorted(folder.iterdir()), mix=other)

    assert report.status == "passed"
    assert "bounce of friday" in told(report)


def test_a_master_is_no_stem_and_only_second_choice_as_a_mix(folder: Path) -> None:
    (folder / "mix.wav").rename(folder / "song_master.wav")
    alone = verify_paths([folder])
    sf.write(folder / "mix.wav", sf.read(folder / "song_master.wav")[0], 48_000, subtype="PCM_24")
    both = verify_paths([folder])

    assert "Taken as the mix: song_master.wav." in told(alone)
    assert "Taken as the mix: mix.wav." in told(both)
    assert "Not part of the set: song_master.wav." in told(both)


def test_one_nan_is_a_failed_check_and_no_exception(folder: Path) -> None:
    samples, rate = sf.read(folder / "bass.wav", dtype="float32")
    samples[1_000, 1] = np.nan
    sf.write(folder / "bass.wav", samples, rate, subtype="FLOAT")

    report = verify_paths([folder])

    assert report.status == "failed"
    assert any(c.failed and c.name == "finite samples" and c.subject == "bass" for c in report.checks)


def test_files_that_can_t_be_read_are_named(folder: Path) -> None:
    (folder / "lead.wav").write_text("this is text")

    with pytest.raises(UnreadableError, match=r"lead\.wav"):
        verify_paths([folder])
    with pytest.raises(UnreadableError):
        verify_paths([folder / "missing.wav"])


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No audio"):
        verify_paths([tmp_path])


def test_a_cut_file_is_an_error(folder: Path) -> None:
    whole = (folder / "keys.wav").read_bytes()
    (folder / "keys.wav").write_bytes(whole[: len(whole) // 2])

    failed = failures(verify_paths([folder]).checks)

    assert {"complete file", "length"} <= {c.name for c in failed if c.subject == "keys"}


def test_expectations_reach_the_set(folder: Path) -> None:
    report = verify_paths([folder], expected=Expectations(subtype="FLOAT", stems=("bass", "choir")))

    assert {c.name for c in failures(report.checks)} == {"sample format", "stems of the spec"}


def test_a_stem_container_is_a_mix_and_its_stems() -> None:
    report = verify_paths([corpus("stems", "dev_stem_mp4")], preset="mixxx-stem")

    assert "0 mix" in told(report)
    asked = {
        c.name: c.passed for step in report.steps if step.name == "preset mixxx-stem" for c in step.checks
    }
    assert asked["stem count"]
    assert asked["one length"]
    assert asked["stem manifest"] is None


# --- presets ---


def asked(found: StemSet, preset: str) -> dict[str, list[Check]]:
    stems, mix = found.files()
    report = examine_set(stems, mix=mix, preset=PRESETS[preset])
    checks = next(step.checks for step in report.steps if step.name == f"preset {preset}")
    rules = {rule.limits.get("name", rule.ask) for rule in PRESETS[preset].rules}
    return {name: [c for c in checks if c.name == name] for name in rules}


def test_presets_are_known_by_name(folder: Path) -> None:
    assert set(PRESETS) == {"pe-wing", "netflix", "serato", "mixxx-stem", "streaming"}
    with pytest.raises(SpecError, match="radio"):
        verify_paths([folder], preset="radio")


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_rule_is_answered_or_reads_not_checked(preset: str) -> None:
    answers = asked(clean_set(seconds=1.5), preset)

    assert all(answers.values())
    by_hand = {rule.limits["name"] for rule in PRESETS[preset].rules if rule.ask == "by hand"}
    assert all(answers[name][0].passed is None for name in by_hand)


def test_netflix_asks_for_its_format() -> None:
    good = asked(clean_set(seconds=1.5), "netflix")
    bad = asked(clean_set(seconds=1.5, sample_rate=44_100, subtype="PCM_16"), "netflix")

    assert [c for checks in good.values() for c in checks if c.failed] == []
    assert all(c.failed for name in ("sample rate", "sample format") for c in bad[name])
    assert good["dialogue-gated loudness"][0].passed is None


def test_streaming_measures_the_mix() -> None:
    clean = clean_set(seconds=1.5)
    assert clean.mix is not None
    tone = sine(1_000.0, 1.5, peak=10 ** (-14 / 20), channels=2).samples  # -14 LUFS: EBU Tech 3341 case 1
    answers = asked(replace(clean, mix=tone), "streaming")
    louder = asked(replace(clean, mix=tone * 4.9), "streaming")

    assert answers["loudness"][0].measured == pytest.approx(-14.0, abs=0.1)
    assert answers["loudness"][0].passed
    assert answers["true peak"][0].passed
    assert louder["loudness"][0].severity is Severity.WARNING
    assert louder["true peak"][0].failed


def test_mixxx_and_serato_count_stems_and_frames() -> None:
    clean = clean_set(seconds=1.5)
    five = clean.with_stem("lead", clean.stems["keys"] * 0.5)
    short = clean.with_stem("keys", clean.stems["keys"][:, :-1])

    assert asked(clean, "mixxx-stem")["stem count"][0].passed
    assert asked(five, "mixxx-stem")["stem count"][0].failed
    assert asked(short, "serato")["one length"][0].failed


# --- names ---


@pytest.mark.parametrize(
    "name", ["kick?.wav", "a:b.wav", " bass.wav", "CON.wav", "bass .wav", "x" * 250 + ".wav"]
)
def test_names_that_some_system_refuses(name: str) -> None:
    assert name_faults(name)


@pytest.mark.parametrize(
    "name", ["01 Bass Guitar_48k.wav", "Gitarre (Ümläut).wav", "ベース.wav", "bass.L.wav"]
)
def test_names_that_all_systems_take(name: str) -> None:
    assert not name_faults(name)


def test_names_that_differ_only_by_case_or_suffix() -> None:
    failed = failures(name_checks(["Bass.wav", "bass.wav", "keys.wav", "keys.flac"]))

    assert [(c.name, c.measured) for c in failed] == [("different names", 2)]


def test_numbers_have_to_sort() -> None:
    assert is_sortable(["01 kick", "02 bass", "10 vox"])
    assert is_sortable(["kick", "bass"])
    assert not is_sortable(["1 kick", "2 bass", "10 vox"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Audio 1-02.wav", False),
        ("track03.wav", False),
        ("bounce final.wav", False),
        ("808.wav", True),
        ("03 Horns.wav", True),
    ],
)
def test_names_say_what_is_inside(name: str, says: bool) -> None:
    mute = [c for c in failures(name_checks([name])) if c.name == "names that say what they are"]

    assert bool(mute) is not says


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("song_mix.wav", Kind.MIX),
        ("Reference.wav", Kind.MIX),
        ("My Song (Master 24-48).wav", Kind.MASTER),
        ("mix - bass.wav", Kind.STEM),
        ("Remix drums.wav", Kind.STEM),
        ("clav.wav", Kind.STEM),
    ],
)
def test_a_name_says_what_a_file_is(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


def test_a_mix_alone_is_checked_as_a_file() -> None:
    assert sort_names(["mix.wav"]).stems == ("mix.wav",)
    assert sort_names(["mix.wav"]).mix is None


# --- one stem on arrival ---


def test_arrival_of_a_good_stem(folder: Path) -> None:
    with open_audio(folder / "bass.wav") as audio:
        checks = check_stem(
            audio, subject="bass", expected_rate=48_000, expected_channels=2, expected_subtype="PCM_24"
        )

    assert not failures(checks)
    length = next(c for c in checks if c.name == "length")
    assert (length.measured, length.passed) == (72_000, True)


def test_arrival_of_a_bad_stem() -> None:
    clipped = np.clip(sine(300.0, 1.0, peak=1.5).samples, -1, 1)
    clipped[0, 100] = np.inf

    checks = check_stem(
        Audio(clipped, 48_000),
        subject="lead",
        expected_rate=44_100,
        expected_channels=2,
        expected_subtype="FLOAT",
    )

    failed = {c.name: c.severity for c in failures(checks)}
    assert failed == {
        "sample rate": Severity.ERROR, "channels": Severity.ERROR, "finite samples": Severity.ERROR,
        "clipping": Severity.WARNING,
    }  # fmt: skip
    assert next(c for c in checks if c.name == "sample format").passed is None


def test_arrival_of_silence() -> None:
    empty = Audio(np.zeros((1, 4_800), np.float32), 48_000)

    assert [c.name for c in failures(check_stem(empty, subject="fx"))] == ["not silent"]
    assert not failures(check_stem(empty, subject="fx", declared_silent=True))
    assert not failures(check_stem(noise(0.1, rms=0.001), subject="room"))


def test_a_set_of_one_file_needs_no_mix() -> None:
    assert not failures(verify_set([NamedFile("noise", noise(1.0, channels=2))]))

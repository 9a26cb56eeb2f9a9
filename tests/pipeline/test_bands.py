"""Takes that were played together stay together when they are brought to length; what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from signals import rng
from stemwright.align import CommonBars
from stemwright.audio import Samples
from stemwright.errors import SpecError
from stemwright.io.reader import read_audio
from stemwright.io.writer import write_audio
from stemwright.pipeline.produce import ProduceOptions, Production, produce
from stemwright.pipeline.store import Store, StoreSettings

RATE, BAR = 48_000, 48_000
HEAD = """\
title = "Band"
bpm = 240
key = "A minor"
sample_rate = 48000
channels = 1
subtype = "FLOAT"
[delivery]
formats = ["wav"]
report_page = false
zip = false
[sections]
song = "26 bars"
"""
STEM = """
[[stem]]
name = "{name}"
file = "{name}.wav"
align = "loop"
{more}
"""


def take(bars: int, *, like_last: int, seed: int) -> Samples:
    """Bars of hiss and a tone of their own; one has the last one's tone: the stem would go on after that."""
    t = np.arange(BAR) / RATE
    pitches = {bar: 150.0 + 90.0 * (7 * bar % bars) for bar in range(bars)} | {
        bars - 1: 5_000.0,
        like_last: 5_000.0,
    }
    own = [
        0.05 * rng(seed + bar).standard_normal(BAR) + 0.2 * np.sin(2 * np.pi * pitch * t)
        for bar, pitch in sorted(pitches.items())
    ]
    return np.concatenate(own).astype(np.float32)[np.newaxis]


def made(folder: Path, **more: str) -> Production:
    """Produce bass and keys of 16 bars; left alone, one repeats its last 8 bars and the other its last 12."""
    for seed, (name, like_last) in enumerate({"bass": 7, "keys": 3}.items()):
        samples = take(16, like_last=like_last, seed=100 * seed)
        write_audio(folder / f"{name}.wav", [samples], sample_rate=RATE, channels=1)
    text = HEAD + "".join(STEM.format(name=name, more=more.get(name, "")) for name in ("bass", "keys"))
    (folder / "spec.toml").write_text(text)
    options = ProduceOptions(out=folder / "out")
    return produce(folder / "spec.toml", options=options, store=Store(StoreSettings(folder / "store")))


def source_bars(folder: Path, name: str) -> list[int]:
    """Which bar of the take sounds in each bar of the delivered stem."""
    played = read_audio(folder / f"{name}.wav").samples[0].reshape(-1, BAR)
    path = next((folder / "out" / "stems").glob(f"*{name}*.wav"))
    heard = read_audio(path).samples[0].reshape(-1, BAR)
    middle = slice(BAR // 4, BAR // 2)
    loudness = np.linalg.norm(played[:, middle], axis=1)
    return [int(np.argmax(played[:, middle] @ bar[middle] / loudness)) for bar in heard]


def test_takes_of_one_length_repeat_the_same_bars_and_it_is_said(tmp_path: Path) -> None:
    report = made(tmp_path).report

    bass, keys = (source_bars(tmp_path, name) for name in ("bass", "keys"))
    assert bass[:16] == list(range(16))
    assert bass == keys
    told = [notice for notice in report.notices if "taken as played together" in notice.text]
    assert [notice.subject for notice in told] == ["bass, keys"]


def test_a_word_of_its_own_keeps_a_take_apart(tmp_path: Path) -> None:
    report = made(tmp_path, bass='together = "bass"').report

    assert source_bars(tmp_path, "bass")[16:] != source_bars(tmp_path, "keys")[16:]
    assert not [notice for notice in report.notices if "played together" in notice.text]


def test_what_the_spec_says_is_no_news(tmp_path: Path) -> None:
    report = made(tmp_path, bass='together = "band"', keys='together = "band"').report

    assert not [notice for notice in report.notices if "played together" in notice.text]
    assert "common bars" in [step.name for step in report.steps]
    bars = next(step for step in report.steps if step.name == "common bars").details["stems"]
    assert CommonBars(**bars["bass"]) == CommonBars(**bars["keys"])


def test_a_finished_choice_is_found_again(tmp_path: Path) -> None:
    first = made(tmp_path).report
    (tmp_path / "bass.wav").unlink()
    (tmp_path / "keys.wav").unlink()
    again = made(tmp_path).report

    assert again.notices == first.notices


def test_together_is_a_word(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="together"):
        made(tmp_path, bass="together = 3")

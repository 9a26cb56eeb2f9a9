"""What a step found is said in plain words, from what it measured."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from stemwright.checks import Check
from stemwright.pipeline.events import Event, StepFinished
from stemwright.pipeline.found import found_in
from stemwright.pipeline.step import Outcome, Runner
from stemwright.pipeline.store import Store, StoreSettings

TEMPO = {"bpm": 92.04, "confidence": 0.9}
KEY = {"key": {"tonic": 9, "mode": "minor"}, "confidence": 0.8}
FACTS: dict[str, Any] = {
    "tempo": TEMPO,
    "grid": {"times_s": [0.0, 0.652, 1.304], "beats_per_bar": 3},
    "key": KEY,
    "sections": [{"label": "verse"}, {"label": "chorus"}],
}


def analyzed(**facts: Any) -> str:
    return found_in("analyze song A", {"facts": FACTS | facts})


def test_a_song_has_a_tempo_a_key_and_phrases() -> None:
    assert analyzed() == "92.0 BPM, 3/4. A minor. 2 phrases: verse, chorus."


def test_what_is_a_guess_is_called_one() -> None:
    assert analyzed(tempo=TEMPO | {"confidence": 0.2}).startswith("Perhaps 92.0 BPM")
    assert analyzed(tempo=TEMPO | {"confidence": 0.0}).startswith("No beat")
    assert "Perhaps A minor." in analyzed(key=KEY | {"confidence": 0.1})
    assert "No key can be heard." in analyzed(key=KEY | {"confidence": 0.0})


def test_many_phrases_are_counted() -> None:
    said = analyzed(sections=[{"label": "A"}] * 10)

    assert said.endswith("10 phrases: A, A, A, A, A, A, A, A and 2 more.")


@pytest.mark.parametrize(
    ("ratio", "semitones", "said"),
    [
        (1.25, 0.0, "20.0 % slower."),
        (0.8, 2.0, "25.0 % faster, +2 semitones."),
        (1.0, -1.0, "At its own speed, −1 semitones."),
    ],
)
def test_a_stem_became_faster_and_higher(ratio: float, semitones: float, said: str) -> None:
    assert found_in("match a_vocals", {"window": {"time_ratio": ratio, "semitones": semitones}}) == said


def test_a_master_reached_its_loudness() -> None:
    wav = {"integrated_lufs": -14.01, "true_peak_dbtp": -1.04}
    silent = {"integrated_lufs": None, "true_peak_dbtp": None}

    assert found_in("master", {"measured": {"wav": wav, "mp3": silent}}) == (
        "WAV: −14.0 LUFS, true peak −1.0 dBTP. MP3: silent."
    )


def test_a_verdict_counts_what_failed_and_what_was_not_asked() -> None:
    checks = [
        Check.at_most("peak", "mix", 1.0, 0.0),
        Check.at_most("peak", "bass", -1.0, 0.0),
        Check.not_checked("key", "bass", "A minor", "It is no file."),
    ]

    assert found_in("verify", {}, checks) == "3 checks: 1 did not pass, 1 could not be asked."
    assert found_in("verify", {}, checks[1:2]) == "1 check: none failed."


@pytest.mark.parametrize(
    "step", ["effects bass", "reference", "something new", "common bars", "align bass", "master"]
)
def test_where_nothing_is_worth_telling_nothing_is_said(step: str) -> None:
    assert found_in(step, {"reference": None}) == ""
    assert found_in(step, {}) == ""


def test_a_step_tells_it_again_when_it_was_done_before(tmp_path: Path) -> None:
    told: list[Event] = []
    runner = Runner(
        Store(StoreSettings(tmp_path)), told.append, total_weight=1.0, cancelled=threading.Event()
    )
    details = {"duration_s": 61.0, "loudness_lufs": -9.5}
    for _ in range(2):
        runner.run("decode song A", inputs={}, work=lambda *_: Outcome(details=details))

    found = [event for event in told if isinstance(event, StepFinished)]
    assert [(one.cached, one.found) for one in found] == [
        (False, "1:01.0 long, −9.5 LUFS."),
        (True, "1:01.0 long, −9.5 LUFS."),
    ]

"""The voice: prominence in closed form, spans against planted singing, bleed, songs of the corpus."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import corpus, noise, rng, silence, sine
from stemwright.analysis.vocals import NO_VOICE, vocal_facts
from stemwright.audio import Audio
from stemwright.errors import InputError
from stemwright.io.reader import read_audio
from stemwright.songs import VocalFacts

RATE = 44_100


def sung(spans: list[tuple[float, float]], duration_s: float, *, level: float = 0.2) -> Audio:
    """A harmonic voice with vibrato that sounds in the given spans."""
    t = np.arange(round(duration_s * RATE)) / RATE
    phase = 2 * np.pi * 440 * t - 0.6 * np.cos(2 * np.pi * 5.5 * t)
    wave = sum(np.sin(k * phase) / k for k in range(1, 7))
    gate = np.zeros(t.size)
    for start, end in spans:
        gate[(t >= start) & (t < end)] = 1.0
    return Audio((level * gate * wave)[None].astype(np.float32), RATE)


def mixed(voice: Audio, backing: Audio) -> Audio:
    return Audio(voice.samples + backing.samples, RATE)


def share_right(found: VocalFacts, spans: list[tuple[float, float]], duration_s: float) -> float:
    t = np.arange(0, duration_s, 0.02)
    said, true = (
        np.any([(t >= start) & (t < end) for start, end in pairs], axis=0)
        if pairs
        else np.zeros(t.size, bool)
        for pairs in ([(span.start_s, span.end_s) for span in found.spans], spans)
    )
    return float((said == true).mean())


def test_a_voice_alone_is_as_loud_as_its_mix() -> None:
    voice = sine(1_000.0, 10.0, sample_rate=RATE)
    assert vocal_facts(voice, voice).prominence_db == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.1])
def test_prominence_is_the_level_of_the_voice_under_the_mix(gain: float) -> None:
    mix = sine(1_000.0, 10.0, sample_rate=RATE, peak=0.5)
    voice = sine(1_000.0, 10.0, sample_rate=RATE, peak=0.5 * gain)
    assert vocal_facts(mix, voice).prominence_db == pytest.approx(20 * np.log10(gain), abs=0.05)


@pytest.mark.parametrize("hertz", [60.0, 12_000.0])
def test_rumble_and_air_are_no_voice(hertz: float) -> None:
    stem = sine(hertz, 10.0, sample_rate=RATE)
    assert vocal_facts(stem, stem).prominence_db < -20.0


@settings(max_examples=6, deadline=None)
@given(gain_db=st.floats(-20, 6))
def test_the_songs_own_level_does_not_matter(gain_db: float) -> None:
    spans = [(2.0, 5.0)]
    voice, backing = sung(spans, 8.0), noise(8.0, sample_rate=RATE, rms=0.03)
    gain = np.float32(10 ** (gain_db / 20))
    plain = vocal_facts(mixed(voice, backing), voice)
    moved = vocal_facts(Audio(mixed(voice, backing).samples * gain, RATE), Audio(voice.samples * gain, RATE))
    assert moved.prominence_db == pytest.approx(plain.prominence_db, abs=0.05)
    assert moved.spans == plain.spans


@pytest.mark.parametrize("bleed_db", [None, -26.0, -20.0])
def test_planted_singing_is_found_in_spite_of_bleed(bleed_db: float | None) -> None:
    spans = [(4.0, 12.0), (16.0, 22.0), (27.0, 29.0)]
    voice, backing = sung(spans, 34.0), noise(34.0, sample_rate=RATE, rms=0.1)
    bleed = 0.0 if bleed_db is None else 10 ** (bleed_db / 20)
    stem = Audio((voice.samples + np.float32(bleed) * backing.samples).astype(np.float32), RATE)
    found = vocal_facts(mixed(voice, backing), stem)
    assert len(found.spans) == len(spans)
    assert share_right(found, spans, 34.0) > 0.96


@settings(max_examples=10, deadline=None)
@given(bar_s=st.floats(0.5, 5.0), seed=st.integers(0, 50))
def test_rests_within_a_bar_are_bridged(bar_s: float, seed: int) -> None:
    random = rng(seed)
    edges = np.cumsum(random.uniform(0.8, 3.0, 8))
    voice = sung([(float(a), float(b)) for a, b in edges.reshape(-1, 2)], float(edges[-1]) + 1.0)
    spans = vocal_facts(voice, voice, bar_s=bar_s).spans
    assert spans
    rests = [later.start_s - earlier.end_s for earlier, later in itertools.pairwise(spans)]
    assert all(rest > bar_s for rest in rests)
    assert all(span.end_s > span.start_s for span in spans)


def test_no_voice_in_silence_and_in_nothing() -> None:
    quiet = Audio(silence(5.0, sample_rate=RATE), RATE)
    assert vocal_facts(noise(5.0, sample_rate=RATE), quiet) == NO_VOICE
    assert vocal_facts(quiet, quiet) == NO_VOICE


def test_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="length"):
        vocal_facts(noise(2.0, sample_rate=RATE), noise(1.0, sample_rate=RATE))


@pytest.mark.parametrize("name", ["dev_se_potassium", "dev_se_sodium", "render/dev_r04"])
def test_stems_of_the_corpus(name: str) -> None:
    folder = corpus("stems", *name.split("/"))
    truth = json.loads((folder / "truth.json").read_text())
    activity = truth.get("vocal_activity") or [note[:2] for note in truth["vocal_notes"]]
    bar_s = 60.0 / truth["tempo_bpm"] * 4
    voice = read_audio(folder / "vocals.ogg")
    found = vocal_facts(read_audio(folder / "mix.ogg"), voice, bar_s=bar_s)
    assert -12.0 < found.prominence_db < 0.0
    assert share_right(found, _bridged(activity, bar_s), voice.duration_s) > 0.9


def _bridged(activity: list[list[float]], bar_s: float) -> list[tuple[float, float]]:
    spans = [tuple(activity[0])]
    for start, end in activity[1:]:
        if start - spans[-1][1] <= bar_s:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return [(float(start), float(end)) for start, end in spans]

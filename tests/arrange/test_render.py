"""The renderer: what sounds when, how loud, and how it changes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remix_plans import plan, section
from stemwright.arrange.envelopes import Envelope, Ramp
from stemwright.arrange.playheads import passages
from stemwright.arrange.render import ArrangedStem, PlacedStem, arrange_stem, beat_frame, seams
from stemwright.audio import Audio
from stemwright.planning.plan import SongId
from stemwright.songs import SongStem

RATE, BPM = 44_100, 120.0
BEAT = RATE // 2


def ramp_audio(seconds: float = 60.0) -> Audio:
    """Every sample says where it stands: value = frame / 2^22, exact in float32."""
    frames = np.arange(round(seconds * RATE), dtype=np.float32) / 2**22
    return Audio(np.stack([frames, -frames]), RATE)


def ones(seconds: float = 60.0) -> Audio:
    return Audio(np.ones((2, round(seconds * RATE)), np.float32), RATE)


def arranged(made: Any, stem: str, audio: Audio, *, song: str = "song_a", first: int = 0) -> ArrangedStem:
    places = passages(made, SongId(song), first_beat=first, pace=1)
    placed = PlacedStem(SongId(song), SongStem(stem), audio, lambda beat: round(beat * BEAT), places)
    return arrange_stem(placed, made, bpm=BPM)


def whole(stem: ArrangedStem) -> np.ndarray:
    return stem.read(0, stem.frames)


def unfaded(stem: ArrangedStem) -> np.ndarray:
    return whole(replace(stem, whole=Envelope(1.0)))


def test_the_length_is_that_of_the_last_beat() -> None:
    made = plan(section("intro", 0, 8, {}), section("main", 8, 33, {}))
    stem = arranged(made, "vocals", ones())
    assert stem.frames == beat_frame(33, bpm=BPM, sample_rate=RATE) == round(33 * 60 / 120 * RATE)
    assert whole(stem).shape == (2, stem.frames)


def test_material_stands_where_the_playhead_says() -> None:
    made = plan(section("main", 0, 16, {"vocals": 1.0}, transition_in="cut"))
    stem = arranged(made, "vocals", ramp_audio(), first=8)
    assert np.array_equal(unfaded(stem)[0], ramp_audio().samples[0, 8 * BEAT : 24 * BEAT])


def test_a_cut_changes_gain_in_two_milliseconds_that_end_on_the_beat() -> None:
    made = plan(
        section("intro", 0, 8, {"vocals": 0.25}), section("main", 8, 16, {"vocals": 1.0}, transition_in="cut")
    )
    gain = unfaded(arranged(made, "vocals", ones()))[0]
    assert np.all(gain[: 8 * BEAT - 88] == 0.25)
    assert np.all(gain[8 * BEAT :] == 1.0)
    assert np.all(np.diff(gain[8 * BEAT - 88 : 8 * BEAT]) > 0)


def test_a_crossfade_keeps_the_power_of_a_hand_over() -> None:
    """Closed form: what one stem loses in power the other gains, at every frame of the transition."""
    parts = [
        section("verse", 0, 8, {"vocals": (0.8, "song_a")}),
        section("chorus", 8, 24, {"vocals": (0.8, "song_b")}, transition_beats=4),
    ]
    made = plan(*parts)
    power = sum(
        unfaded(arranged(made, "vocals", ones(), song=song))[0].astype(float) ** 2
        for song in ("song_a", "song_b")
    )
    assert power == pytest.approx(np.full(24 * BEAT, 0.64), abs=1e-6)
    a = unfaded(arranged(made, "vocals", ones(), song="song_a"))[0]
    assert np.all(a[: 8 * BEAT] == np.float32(0.8))
    assert not a[12 * BEAT :].any()


def test_a_stem_that_stays_at_its_gain_does_not_move_in_a_crossfade() -> None:
    made = plan(
        section("intro", 0, 8, {"vocals": 0.7}), section("main", 8, 24, {"vocals": 0.7}, transition_beats=8)
    )
    assert np.ptp(unfaded(arranged(made, "vocals", ones()))) < 1e-6


def test_a_fade_begins_at_nothing() -> None:
    made = plan(
        section("intro", 0, 8, {"vocals": 0.7}),
        section("main", 8, 24, {"vocals": 0.7}, transition_in="fade", transition_beats=4),
    )
    gain = unfaded(arranged(made, "vocals", ones()))[0]
    assert gain[8 * BEAT] < 1e-3
    assert gain[10 * BEAT] == pytest.approx(0.7 * np.sqrt(0.5), abs=1e-3)
    assert gain[12 * BEAT] == pytest.approx(0.7)


def test_a_loop_turns_on_the_beat_with_its_attack_whole() -> None:
    """The phrase starts with a click: at every turn it stands on its frame at full height."""
    samples = np.zeros((2, 60 * RATE), np.float32)
    samples[:, 16 * BEAT] = 1.0
    samples[:, 20 * BEAT - 5] = 0.5
    made = plan(
        section("drop", 0, 16, {"vocals": 1.0}, cues={"song_a": {"source_beat": 16, "loop_beats": 4}})
    )
    out = unfaded(arranged(made, "vocals", Audio(samples, RATE)))[0]
    assert np.flatnonzero(out > 0.9).tolist() == [0, 4 * BEAT, 8 * BEAT, 12 * BEAT]
    assert float(np.abs(out[4 * BEAT - 10 : 4 * BEAT]).max()) < 0.05, "the old turn has faded by then"


def test_a_jump_under_a_crossfade_plays_both_sides() -> None:
    made = plan(
        section("verse", 0, 8, {"vocals": 1.0}),
        section("chorus", 8, 24, {"vocals": 1.0}, transition_beats=4, cues={"song_a": {"source_beat": 40}}),
    )
    stem = arranged(made, "vocals", ramp_audio())
    out, half = unfaded(stem)[0], 10 * BEAT
    old, new = half / 2**22, (half + 32 * BEAT) / 2**22
    assert out[half] == pytest.approx((old + new) * np.sqrt(0.5), rel=1e-3)
    assert [after.start for _, after in seams(stem)] == [8 * BEAT]


def test_a_jump_while_the_stem_is_silent_leaks_nothing_of_the_old_place() -> None:
    made = plan(
        section("intro", 0, 8, {}),
        section("main", 8, 24, {"vocals": 1.0}, transition_beats=4, cues={"song_a": {"source_beat": 40}}),
    )
    samples = np.zeros((2, 60 * RATE), np.float32)
    samples[:, : 40 * BEAT] = 1.0
    assert not unfaded(arranged(made, "vocals", Audio(samples, RATE)))[:, 8 * BEAT :].any()


def test_beyond_its_material_a_stem_is_silent() -> None:
    made = plan(section("main", 0, 16, {"vocals": 1.0}))
    out = unfaded(arranged(made, "vocals", ones(4.0)))
    assert np.all(out[:, 1 : 4 * RATE] == 1.0)
    assert not out[:, 4 * RATE :].any()
    assert not unfaded(arranged(made, "vocals", ones(4.0), first=-4))[:, : 4 * BEAT].any()


def test_two_songs_can_share_a_stem() -> None:
    made = plan(section("main", 0, 16, {"drums": (0.5, "both")}))
    for song in ("song_a", "song_b"):
        assert np.all(unfaded(arranged(made, "drums", ones(), song=song)) == 0.5)


@pytest.mark.parametrize(("label", "seconds"), [("main", 3.0), ("outro", 4.0)])
def test_the_end_fades_once(label: Any, seconds: Any) -> None:
    made = plan(section("main", 0, 32, {"vocals": 1.0}), section(label, 32, 64, {"vocals": 1.0}))
    gain = whole(arranged(made, "vocals", ones()))[0]
    begin = 32 * RATE - round(seconds * RATE)
    assert gain[begin - 1] == 1.0
    assert np.all(np.diff(gain[begin:]) <= 0)
    assert gain[begin + RATE] < 0.95
    assert gain[-1] < 1e-3


@pytest.mark.parametrize(
    ("transition", "at_one_second"), [("crossfade", np.sqrt(0.5)), ("cut", 1.0), ("fade", np.sin(np.pi / 8))]
)
def test_the_start_fades_once(transition: Any, at_one_second: Any) -> None:
    first = section("intro", 0, 32, {"vocals": 1.0}, transition_in=transition, transition_beats=8)
    gain = whole(arranged(plan(first), "vocals", ones()))[0]
    assert gain[RATE] == pytest.approx(at_one_second, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    borders=st.lists(st.integers(2, 12), min_size=1, max_size=5),
    gains=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=5, max_size=5),
    kinds=st.lists(st.sampled_from(["cut", "fade", "crossfade"]), min_size=5, max_size=5),
    jump=st.booleans(),
    cuts=st.lists(st.integers(1, 30 * RATE), min_size=1, max_size=4),
)
def test_reading_in_pieces_gives_the_whole(
    borders: Any, gains: Any, kinds: Any, jump: Any, cuts: Any
) -> None:
    sections, start = [], 0
    for length, gain, kind in zip(borders, gains, kinds, strict=False):
        cues = {"song_a": {"source_beat": 3, "loop_beats": 2}} if jump and start else {}
        more = {"transition_in": kind, "transition_beats": length // 2, "cues": cues}
        sections.append(section("verse", start, start + length, {"vocals": gain}, **more))
        start += length
    stem = arranged(plan(*sections), "vocals", ramp_audio(40.0))
    marks = sorted({0, *(cut for cut in cuts if cut < stem.frames), stem.frames})
    pieces = [stem.read(a, b - a) for a, b in itertools.pairwise(marks)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole(stem))


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 12), min_size=2, max_size=6),
    gains=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=6, max_size=6),
    kinds=st.lists(st.sampled_from(["cut", "fade", "crossfade"]), min_size=6, max_size=6),
    jumps=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_nothing_steps(lengths: Any, gains: Any, kinds: Any, jumps: Any) -> None:
    """Of a constant, no two neighbouring samples differ by more than the steepest 2 ms ramp."""
    sections, start = [], 0
    for length, gain, kind, jump in zip(lengths, gains, kinds, jumps, strict=False):
        cues = {"song_a": {"source_beat": 5}} if jump else {}
        more = {"transition_in": kind, "transition_beats": length // 2, "cues": cues}
        sections.append(section("verse", start, start + length, {"vocals": gain}, **more))
        start += length
    out = whole(arranged(plan(*sections), "vocals", ones()))
    assert float(np.abs(np.diff(out)).max()) < 2 * np.pi / 2 / 88
    assert float(np.abs(out).max()) <= np.sqrt(2) + 1e-6


def test_an_envelope_is_level_between_its_ramps() -> None:
    envelope = Envelope(0.5, (Ramp(10, 4, 0.5, 1.0), Ramp(20, 2, 1.0, 0.0)))
    curve = envelope.over(0, 30)
    assert np.all(curve[:10] == 0.5)
    assert np.all(curve[14:20] == 1.0)
    assert not curve[22:].any()
    assert np.array_equal(curve[12:21], envelope.over(12, 9))

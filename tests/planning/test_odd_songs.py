"""Plans for songs that lack what the prompt asks for."""

from __future__ import annotations

import pytest

from planning.made import FOUR, pair, song
from stemwright.planning.offline import plan_offline
from stemwright.planning.plan import SongId
from stemwright.planning.validate import validate
from stemwright.songs import SongStem


def test_where_the_voice_asked_for_is_missing_both_songs_are_still_heard() -> None:
    """A has no voice: B sings, and over A, not over itself."""
    silent = song("a", bpm=120.0, key="A minor", stems=tuple(FOUR)[1:], prominence_db=-200.0)
    plan = plan_offline("vocals from A over the instruments of B", facts=pair(a=silent))
    heard = {(song_, stem) for s in plan.sections for stem, use in s.stems.items() for song_ in use.songs}
    assert {song_ for song_, stem in heard if stem is SongStem.VOCALS} == {SongId.B}
    assert {song_ for song_, stem in heard if stem is SongStem.DRUMS} == {SongId.A}
    assert any("no voice" in warning for warning in plan.warnings)


@pytest.mark.parametrize("instruments", [SongId.A, SongId.B])
@pytest.mark.parametrize("bpm", [52.0, 64.0, 108.0])
def test_a_song_in_six_eight_goes_with_one_in_four(instruments: SongId, bpm: float) -> None:
    """Its bars have two dotted beats: sections last whole bars of the song that plays."""
    facts = pair(a=song("a", bpm=bpm, beats_per_bar=2), b=song("b", bpm=118.0))
    plan = plan_offline(f"vocals of {instruments.other.value[-1]}, 90 seconds", facts=facts)
    assert plan.vocal_source is instruments.other
    assert validate(plan, facts=facts).repairs == ()
    bar = facts[instruments].grid.beats_per_bar
    assert all(section.beats % bar == 0 for section in plan.sections)
    assert len(plan.sections) >= 3

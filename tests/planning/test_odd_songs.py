"""Plans for songs that lack what the prompt asks for."""

from __future__ import annotations

from planning.made import FOUR, pair, song
from stemwright.planning.offline import plan_offline
from stemwright.planning.plan import SongId
from stemwright.songs import SongStem


def test_where_the_voice_asked_for_is_missing_both_songs_are_still_heard() -> None:
    """A has no voice: B sings, and over A, not over itself."""
    silent = song("a", bpm=120.0, key="A minor", stems=tuple(FOUR)[1:], prominence_db=-200.0)
    plan = plan_offline("vocals from A over the instruments of B", facts=pair(a=silent))
    heard = {(song_, stem) for s in plan.sections for stem, use in s.stems.items() for song_ in use.songs}
    assert {song_ for song_, stem in heard if stem is SongStem.VOCALS} == {SongId.B}
    assert {song_ for song_, stem in heard if stem is SongStem.DRUMS} == {SongId.A}
    assert any("no voice" in warning for warning in plan.warnings)

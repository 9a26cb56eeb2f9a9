"""Change who sings and plays in a plan."""

from __future__ import annotations

from stemwright.planning.edits import Bench
from stemwright.planning.plan import ClauseKind, RemixPlan, SongId
from stemwright.planning.wishes import Want, Wish, Wishes
from stemwright.songs import SongStem

__all__ = ["recast"]

VOICE = SongStem.VOCALS
OTHER = {"song_a": "song_b", "song_b": "song_a", "both": "both"}


def recast(plan: RemixPlan, bench: Bench, wishes: Wishes) -> dict[str, object]:
    """Give stems to other songs; returns the fields of the plan that change with it."""
    fields: dict[str, object] = {}
    for wish in wishes.of(Want.FROM, Want.BOTH):
        fields |= _source(plan, bench, wish)
    if wishes.of(Want.SWAP_VOICES):
        for part in bench.parts:
            part.songs[VOICE] = OTHER[part.songs[VOICE]]
        fields |= _led_by(plan, plan.vocal_source.other)
    if wishes.of(Want.DUET):
        for part in bench.parts:
            part.songs[VOICE] = "both"
        fields["both_voices"] = True
    if "vocal_source" in fields:
        _forget_entries(bench)
        bench.lead = SongId(str(fields["vocal_source"]))
    return fields


def _source(plan: RemixPlan, bench: Bench, wish: Wish) -> dict[str, object]:
    """Take stems from a song, in a section or everywhere."""
    source = "both" if wish.want is Want.BOTH else wish.song and wish.song.value
    for stem in bench.named(wish) if source else ():
        for part in bench.where(wish):
            if source and (stem is not VOICE or source != "both"):
                part.songs[stem] = source
        if wish.section is None and wish.song is not None:
            kind = ClauseKind.VOCALS_FROM if stem is VOICE else ClauseKind.STEM_FROM
            bench.promise(kind, wish, song=wish.song, stem=None if stem is VOICE else stem)
    everywhere = VOICE in wish.stems and wish.section is None
    return _led_by(plan, wish.song) if everywhere else {}


def _led_by(plan: RemixPlan, song: SongId | None) -> dict[str, object]:
    """Make a song the leading one; the windows stay with their songs."""
    if song is None or song is plan.vocal_source:
        return {}
    return {
        "vocal_source": song,
        "vocal_window": plan.instrumental_window,
        "instrumental_window": plan.vocal_window,
    }


def _forget_entries(bench: Bench) -> None:
    """Let the new singer come in on phrases of its own."""
    for part in bench.parts:
        part.cues = {song: cue for song, cue in part.cues.items() if cue.loop_beats}

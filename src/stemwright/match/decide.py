"""Tempo and key of both songs, decided in one call."""

from __future__ import annotations

from stemwright.match.keys import decide_keys
from stemwright.match.pairing import Pairing, SongMatch
from stemwright.match.request import SONG_A, SONG_B, MatchRequest
from stemwright.match.settings import MatchSettings
from stemwright.match.tempo import decide_tempo
from stemwright.songs import SongFacts

__all__ = ["decide_match"]


def decide_match(
    request: MatchRequest, a: SongFacts, b: SongFacts, *, settings: MatchSettings | None = None
) -> Pairing:
    """Decide how two songs meet in tempo and key.

    Parameters
    ----------
    request : MatchRequest
        What is wanted; `MatchRequest.of` reads it from a plan.
    a, b : SongFacts
        The songs; nothing is changed in them.
    settings : MatchSettings, optional
        Limits, gates and caps.

    Returns
    -------
    Pairing
        The tempo, what is done to each song, and what people should know.
    """
    tempo = decide_tempo(request, a, b, settings=settings)
    keys = decide_keys(request, a, b, settings=settings)

    def match(song: str) -> SongMatch:
        return SongMatch(
            beat_factor=tempo.factors[song],
            vocals=tempo.voices[song],
            instruments=tempo.instruments[song],
            target_bpm=tempo.target_bpm,
            semitones=float(keys.shifts[song].semitones),
        )

    return Pairing(
        target_bpm=tempo.target_bpm,
        song_a=match(SONG_A),
        song_b=match(SONG_B),
        key_a=keys.shifts[SONG_A],
        key_b=keys.shifts[SONG_B],
        transpose_semitones=keys.transpose_semitones,
        notices=(*tempo.notices, *keys.notices),
        warnings=(*tempo.warnings, *keys.warnings),
    )

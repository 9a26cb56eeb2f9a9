"""Everything about one song: rhythm, key, energy, voice, groove and form, composed into one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stemwright.analysis.energy import energy_regions
from stemwright.analysis.engines import BUILTIN
from stemwright.analysis.essentia_key import essentia_key
from stemwright.analysis.features import SongFeatures, listen
from stemwright.analysis.key import key_of
from stemwright.analysis.overrides import AnalysisOverrides
from stemwright.analysis.rhythm import Rhythm, track_rhythm
from stemwright.analysis.structure import find_sections
from stemwright.analysis.vocals import NO_VOICE, REST_S, vocal_facts_from
from stemwright.audio import AudioSource, iter_blocks
from stemwright.errors import InputError
from stemwright.songs import KeyFacts, SongFacts, SongStem, VocalFacts
from stemwright.units import SILENCE_DB

__all__ = ["analyze_song"]

SILENT_PEAK = 1e-3
"""A stem that never passes −60 dBFS is left out."""
CLEAR_KEY = 0.4
"""Below this confidence no key is matched (and people are told)."""
FAINT_DB = -20.0


def analyze_song(
    song: AudioSource,
    *,
    sha256: str,
    stems: Mapping[SongStem, AudioSource] | None = None,
    overrides: AnalysisOverrides | None = None,
    engine: str = BUILTIN,
) -> SongFacts:
    """Find out everything about a song that planning, matching and pages need.

    Parameters
    ----------
    song : AudioSource
        8 to 192 kHz, any number of channels and length; read twice, block by block.
    sha256 : str
        Of the song's file.
    stems : Mapping[SongStem, AudioSource], optional
        What it was taken apart into, at the song's rate and length. Drums and bass help the rhythm; where
        somebody sings is known only with ``vocals``.
    overrides : AnalysisOverrides, optional
        What somebody knows better; it wins.
    engine : str
        Who tracks the beats: ``"builtin"``, ``"essentia"`` (which then finds the key, too) or a plug-in.

    Returns
    -------
    SongFacts
        Always complete: what could not be found has confidence 0 and a notice.

    Raises
    ------
    InputError
        When an engine is missing, a stem has another length, or samples are not numbers.
    """
    known, parts = overrides or AnalysisOverrides(), dict(stems or {})
    _require_same_form(song, parts)
    rhythm = track_rhythm(
        song, drums=parts.get(SongStem.DRUMS), bass=parts.get(SongStem.BASS),
        overrides=known.rhythm, engine=engine,
    )  # fmt: skip
    features = listen(song)
    key = _key(song, features, known, engine)
    bars_are_known = rhythm.tempo.confidence > 0 or known.bpm is not None
    grid = rhythm.grid if bars_are_known else None
    vocals = _vocals(features, parts.get(SongStem.VOCALS), rhythm if bars_are_known else None)
    return SongFacts(
        sha256=sha256,
        duration_s=features.duration_s,
        loudness_lufs=features.loudness_lufs,
        tempo=rhythm.tempo,
        grid=rhythm.grid,
        key=key,
        energy=energy_regions(features, grid=grid),
        vocals=vocals or NO_VOICE,
        groove=rhythm.groove,
        sections=() if grid is None else find_sections(features, grid, vocals=vocals),
        stems=tuple(name for name, stem in parts.items() if not _is_silent(stem)),
        engine=rhythm.engine,
        notices=(*rhythm.notices, *_notices(features, key, vocals, known)),
    )


def _require_same_form(song: AudioSource, stems: Mapping[SongStem, AudioSource]) -> None:
    for name, stem in stems.items():
        if (stem.sample_rate, stem.frames) != (song.sample_rate, song.frames):
            raise InputError(
                f"The stem {name} has {stem.frames} frames at {stem.sample_rate} Hz, its song "
                f"{song.frames} at {song.sample_rate} Hz.",
                way_out="Stems of a song have its rate and its length.",
            )


def _key(song: AudioSource, features: SongFeatures, known: AnalysisOverrides, engine: str) -> KeyFacts:
    if known.key is not None:
        return KeyFacts(known.key, 1.0)
    return essentia_key(song) if engine == "essentia" else key_of(features)


def _vocals(features: SongFeatures, stem: AudioSource | None, rhythm: Rhythm | None) -> VocalFacts | None:
    """Describe the voice; None where nobody could look for it."""
    if stem is None:
        return None
    bar_s = REST_S if rhythm is None else 60.0 / rhythm.tempo.bpm * rhythm.grid.beats_per_bar
    return vocal_facts_from(features.hop_powers, stem, bar_s=bar_s)


def _is_silent(stem: AudioSource) -> bool:
    return all(max(block.max(), -block.min()) < SILENT_PEAK for block in iter_blocks(stem))


def _notices(
    features: SongFeatures, key: KeyFacts, vocals: VocalFacts | None, known: AnalysisOverrides
) -> Iterator[str]:
    """Say what people should know beside the rhythm's own notices."""
    if features.loudness_lufs <= SILENCE_DB:
        yield "Nothing in this song is loud enough to be measured."
        return
    if known.key is None:
        yield from _about_key(key)
    if vocals is None:
        yield "Where somebody sings is not known: the song was not taken apart."
    elif vocals.prominence_db < FAINT_DB:
        yield "No voice was found, or a very faint one: this counts as an instrumental."


def _about_key(key: KeyFacts) -> Iterator[str]:
    if key.confidence <= 0.0:
        yield "No key can be heard in this song, so it can't be matched by key."
    elif key.modulates and key.later_key is not None:
        yield f"The song changes its key (it ends in {key.later_key}), so it is not matched by key."
    elif key.confidence < CLEAR_KEY:
        yield f"The key is not clear: {key.key} is a guess (confidence {key.confidence:.2f})."

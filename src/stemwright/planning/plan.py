"""The plan of a remix: which stem of which song sounds when, how loud, how it comes in.

Remix time is counted in beats from 0 on an even grid. Every song has a playhead: it starts at its window's
first bar with remix beat 0 and runs with the remix, so that all stems of one song stay together. A section
may move it by a `Cue` (a jump, or a phrase that loops); from there it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from stemwright.errors import InputError
from stemwright.songs import Key, SongStem

__all__ = [
    "SCHEMA_VERSION",
    "Clause",
    "ClauseKind",
    "Cue",
    "KeySource",
    "Label",
    "PlanSection",
    "RemixPlan",
    "SongId",
    "SourceSong",
    "StemUse",
    "TempoSource",
    "Transition",
    "Window",
]

SCHEMA_VERSION = 1

Gain = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]
MOST_BEATS = 1_000_000
MOST_SECTIONS = 1_000


class SongId(StrEnum):
    """The songs in the order given."""

    A = "song_a"
    B = "song_b"

    @property
    def other(self) -> SongId:
        """The one that this is not."""
        return SongId.B if self is SongId.A else SongId.A


class TempoSource(StrEnum):
    """Who sets the tempo; ``target`` needs `RemixPlan.target_bpm`."""

    SONG_A = "song_a"
    SONG_B = "song_b"
    AVERAGE = "average"
    TARGET = "target"


class KeySource(StrEnum):
    """Whose key both songs are brought to; ``target`` needs `RemixPlan.target_key`, ``none`` leaves both."""

    SONG_A = "song_a"
    SONG_B = "song_b"
    TARGET = "target"
    NONE = "none"


class Label(StrEnum):
    """What a section is in the form."""

    INTRO = "intro"
    VERSE = "verse"
    CHORUS = "chorus"
    BUILD = "build"
    MAIN = "main"
    BREAKDOWN = "breakdown"
    DROP = "drop"
    BRIDGE = "bridge"
    OUTRO = "outro"


class Transition(StrEnum):
    """How a section comes in."""

    FADE = "fade"
    CROSSFADE = "crossfade"
    CUT = "cut"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class SourceSong(_Strict):
    """Which file a song of the plan is."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of the file as given: renaming it changes nothing."""


class Window(_Strict):
    """The part of a song that is used, in seconds of that song."""

    start_s: Seconds
    end_s: Seconds


class StemUse(_Strict):
    """How one stem is used in one section."""

    gain: Gain
    """Linear, 0 to 1."""
    song: Literal["song_a", "song_b", "both"]
    """Whose stem it is; "both" plays the two together, on the beat."""

    @property
    def songs(self) -> tuple[SongId, ...]:
        """The songs that sound; none at gain 0."""
        if self.gain <= 0.0:
            return ()
        return (SongId.A, SongId.B) if self.song == "both" else (SongId(self.song),)


class Cue(_Strict):
    """Move a song's playhead at the start of a section."""

    source_beat: Annotated[int, Field(ge=-MOST_BEATS, le=MOST_BEATS)]
    """Beat of the song, counted from its first downbeat; best a multiple of its bar."""
    loop_beats: Annotated[int, Field(ge=1, le=MOST_BEATS)] | None = None
    """Repeat this many beats until the section ends; afterwards the playhead goes on behind the phrase."""


class PlanSection(_Strict):
    """A section of the remix."""

    label: Label
    start_beat: Annotated[int, Field(ge=0, le=MOST_BEATS)]
    end_beat: Annotated[int, Field(ge=1, le=MOST_BEATS)]
    """End exclusive, in beats of the remix."""
    stems: dict[SongStem, StemUse]
    """Every stem that both songs' separation knows; gain 0 is silence."""
    transition_in: Transition = Transition.CROSSFADE
    transition_beats: Annotated[int, Field(ge=0, le=MOST_BEATS)] = 4
    """Length of the fade or crossfade, counted from the section's start; a cut takes none."""
    cues: dict[SongId, Cue] = Field(default_factory=dict)
    """Where a song's playhead jumps to; a song without a cue goes on where it is."""

    @property
    def beats(self) -> int:
        """Its length in beats."""
        return self.end_beat - self.start_beat


class ClauseKind(StrEnum):
    """What a prompt can ask for that can be measured on the rendered stems."""

    VOCALS_FROM = "vocals_from"
    """`song`: only this song's voice is heard."""
    STEM_FROM = "stem_from"
    """`stem`, `song`: that stem comes from that song."""
    WITHOUT = "without"
    """`stem`: silent, in `section` or everywhere."""
    ONLY = "only"
    """`stem`: nothing else sounds, in `section` or everywhere."""
    PRESENT = "present"
    """`stem`: is heard, in `section` or anywhere."""
    LOUDER = "louder"
    """`stem`: its mean gain where it sounds is above `value` (what it would have been)."""
    QUIETER = "quieter"
    """`stem`: its mean gain where it sounds is below `value`."""
    HAS_SECTION = "has_section"
    """`section`: the form has one."""
    STARTS_WITH = "starts_with"
    """`stem` sounds alone first, or `section` comes first."""
    ENDS_WITH = "ends_with"
    """`stem` sounds alone last, or `section` comes last."""
    LENGTH_AT_LEAST_S = "length_at_least_s"
    """`value` seconds."""
    LENGTH_AT_MOST_S = "length_at_most_s"
    """`value` seconds."""
    TEMPO_BPM = "tempo_bpm"
    """`value` beats per minute."""
    FASTER_THAN_BPM = "faster_than_bpm"
    """`value` beats per minute."""
    SLOWER_THAN_BPM = "slower_than_bpm"
    """`value` beats per minute."""
    KEY = "key"
    """`key` is reached by every song that sounds."""
    KEY_KEPT = "key_kept"
    """`song`, or both without one, is not transposed."""


_NEEDED: Mapping[ClauseKind, tuple[str, ...]] = {
    ClauseKind.VOCALS_FROM: ("song",),
    ClauseKind.STEM_FROM: ("stem", "song"),
    ClauseKind.WITHOUT: ("stem",),
    ClauseKind.ONLY: ("stem",),
    ClauseKind.PRESENT: ("stem",),
    ClauseKind.LOUDER: ("stem", "value"),
    ClauseKind.QUIETER: ("stem", "value"),
    ClauseKind.HAS_SECTION: ("section",),
    ClauseKind.LENGTH_AT_LEAST_S: ("value",),
    ClauseKind.LENGTH_AT_MOST_S: ("value",),
    ClauseKind.TEMPO_BPM: ("value",),
    ClauseKind.FASTER_THAN_BPM: ("value",),
    ClauseKind.SLOWER_THAN_BPM: ("value",),
    ClauseKind.KEY: ("key",),
}
"""Without these a clause can't be measured."""


class Clause(_Strict):
    """One machine-checkable wish of the prompt; measured on the rendered stems afterwards."""

    kind: ClauseKind
    text: str
    """The words of the prompt, or what they mean, for the report."""
    stem: SongStem | None = None
    song: SongId | None = None
    section: Label | None = None
    value: float | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        missing = [name for name in _NEEDED.get(self.kind, ()) if getattr(self, name) is None]
        if missing:
            names = " and a ".join(missing)
            context = {"kind": self.kind.value, "names": names}
            raise PydanticCustomError("clause", 'A clause "{kind}" needs a {names}', context)
        if self.kind is ClauseKind.KEY:
            try:
                Key.parse(self.key or "")
            except InputError as error:
                raise PydanticCustomError("key", "{text}", {"text": error.message.rstrip(".")}) from error
        return self


class RemixPlan(_Strict):
    """Everything that the renderer needs to know; nothing else reaches it but the songs."""

    schema_version: Literal[1] = 1
    songs: dict[SongId, SourceSong]
    """Both songs by content."""
    vocal_source: SongId
    """Whose voice leads; stems come from the other song unless a section says otherwise."""
    vocal_window: Window
    """Part of the vocal song, in its own time."""
    instrumental_window: Window
    """Part of the other song, in its own time."""
    tempo_source: TempoSource
    target_bpm: Annotated[float, Field(ge=40.0, le=250.0)] | None = None
    key_source: KeySource
    target_key: str | None = None
    """"A minor"; only with key_source "target"."""
    transpose_semitones: Annotated[int, Field(ge=-5, le=5)] = 0
    """Moves both songs together, after they were matched."""
    sections: Annotated[list[PlanSection], Field(min_length=1, max_length=MOST_SECTIONS)]
    ducking_db: Annotated[float, Field(ge=-12.0, le=0.0)] = -3.5
    """How far the middle of the instruments steps back where the lead voice sings."""
    vocal_level_db: Annotated[float, Field(ge=-12.0, le=12.0)] = 0.0
    """Added to the level that matching finds for the voice."""
    both_voices: bool = False
    """Whether two lead voices may sing at once."""
    explanation: str
    """Two or three sentences for the person who asked."""
    warnings: list[str] = Field(default_factory=list)
    """What could not be done, and why."""
    clauses: list[Clause] = Field(default_factory=list)
    """What will be measured."""
    used_fallback: bool = False
    """Whether another planner than the one asked for made it."""
    seed: Annotated[int, Field(ge=0)] = 0

    def window_of(self, song: SongId) -> Window:
        """Return the part of a song that is used."""
        return self.vocal_window if song is self.vocal_source else self.instrumental_window

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of plan.json."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RemixPlan:
        """Read plan.json; raises pydantic's `ValidationError`, which the validator turns into plain words."""
        return cls.model_validate(record)

"""What goes over the wire: these classes are the OpenAPI contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "Analysis", "AnalyzeRequest", "CompatibilityAnswer", "Health", "Place", "Problem", "ProduceRequest",
    "ProgressEvent", "RefineRequest", "RemixRequest", "SessionAnswer", "SessionCard", "SessionList", "SignIn",
    "SongAnswer", "SpecAnswer", "SpecSection", "SpecStem", "StatusAnswer",
    "UploadAnswer", "VerifyRequest", "Waveform",
]  # fmt: skip

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]
Separator = Literal["builtin", "demucs", "audio-separator"]
Planner = Literal["auto", "offline", "llm"]
MOST_SPEC_CHARACTERS = 256_000


class Asked(BaseModel):
    """A request: what it does not know is refused, not passed over."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Answer(BaseModel):
    """An answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Problem(Answer):
    """Why something is refused."""

    detail: str
    """One sentence for people."""


class Health(Answer):
    """The service answers."""

    status: Literal["ok"] = "ok"


class SessionAnswer(Answer):
    """A job was taken on."""

    session_id: str
    """Unguessable; follow it at /api/remix/{session_id}/progress."""


class SignIn(Asked):
    """What a browser signs in with."""

    token: Annotated[str, StringConstraints(max_length=1_000)]


class Known(Asked):
    """What somebody knows better about a song."""

    bpm: Annotated[float, Field(ge=40.0, le=250.0)] | None = None
    tempo_factor: Annotated[float, Field(ge=0.25, le=4.0)] | None = None
    first_downbeat_s: Annotated[float, Field(ge=0.0, le=36_000.0)] | None = None
    key: Annotated[str, StringConstraints(max_length=20)] | None = None
    """"A minor"."""


class Songs(Asked):
    """Two songs that were uploaded before."""

    song_a: Digest
    song_b: Digest
    known_a: Known | None = None
    known_b: Known | None = None


class RemixRequest(Songs):
    """A remix of two songs that were uploaded before."""

    prompt: str
    separator: Separator = "builtin"
    planner: Planner = "auto"
    seed: Seed = 0


class AnalyzeRequest(Songs):
    """An analysis of two songs that were uploaded before."""


class RefineRequest(Asked):
    """A change of a finished remix: a sentence, or undo."""

    prompt: str | None = None
    undo: bool = False
    planner: Planner = "auto"


class ProduceRequest(Asked):
    """A production."""

    spec: Annotated[str, StringConstraints(min_length=1, max_length=MOST_SPEC_CHARACTERS)]
    """The TOML of the spec; it can name only `files`."""
    files: dict[FileName, Digest] = Field(default_factory=dict)
    """Uploaded files by the names that the spec calls them."""
    seed: Seed | None = None


class SpecSection(Answer):
    """A section of a spec."""

    name: str
    beats: float
    bpm: float
    start_s: float
    end_s: float


class SpecStem(Answer):
    """A stem of a spec."""

    name: str
    role: str
    source: str
    """file, midi, score or drums."""


class SpecAnswer(Answer):
    """A spec as it was understood; nothing was queued."""

    title: str
    bpm: float
    meter: str
    sections: list[SpecSection]
    stems: list[SpecStem]


class VerifyRequest(Asked):
    """A check of a set of stems."""

    files: Annotated[dict[FileName, Digest], Field(min_length=1)]
    """Uploaded files by their names."""
    mix: Digest | None = None
    """The mix that they belong to."""
    preset: Annotated[str, StringConstraints(max_length=40)] | None = None
    """Delivery rules to be asked as well."""


class UploadAnswer(Answer):
    """A file that came in whole."""

    sha256: str
    name: str
    bytes: int
    container: str
    """By content."""
    channels: int
    sample_rate: int
    duration_s: float | None


class SongAnswer(Answer):
    """What was found in a song."""

    bpm: float
    key: str
    scale: str
    title: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Everything else; see docs/analysis.md."""


class CompatibilityAnswer(Answer):
    """How two songs go together: a description, never a verdict."""

    level: Literal["great", "good", "challenging", "tough"]
    message: str
    detail: str


class Analysis(Answer):
    """What was found in two songs."""

    song_a: SongAnswer
    song_b: SongAnswer
    compatibility: CompatibilityAnswer


class Place(Answer):
    """Where a waiting job stands."""

    ahead: int
    starts_in_s: float | None


class ProgressEvent(Answer):
    """One event of a session; `step` to `used_fallback` is the text's shape, the rest says it by type."""

    step: Literal[
        "queued", "separating", "analyzing", "interpreting", "processing", "rendering", "complete", "error"
    ]
    detail: str
    """In plain words."""
    progress: Annotated[float, Field(ge=0.0, le=1.0)]
    explanation: str | None = None
    warnings: list[str] | None = None
    used_fallback: bool | None = None
    type: str
    """What happened: queued, step_started, progress, step_finished, notice, planned, …"""
    number: int
    """From 1 without a gap; the event's id."""
    data: dict[str, Any] = Field(default_factory=dict)
    """What belongs to the type; see docs/service.md."""


class SessionCard(Answer):
    """A session in a list."""

    session_id: str
    kind: str
    state: Literal["queued", "running", "complete", "error", "cancelled"]
    progress: float
    title: str
    created_s: float
    """Unix time."""
    changed_s: float
    parent: str | None = None
    place: Place | None = None
    expires_s: float | None = None
    """Unix time; none on one's own machine."""


class StatusAnswer(SessionCard):
    """How a session stands; `status` to `used_fallback` is the text's shape."""

    status: Literal["processing", "complete", "error"]
    detail: str
    explanation: str
    warnings: list[str]
    used_fallback: bool
    outputs: list[str] = Field(default_factory=list)
    """Names of what came out."""
    report_status: str | None = None
    """passed, warning or failed."""


class SessionList(Answer):
    """One's own sessions, the latest first."""

    sessions: list[SessionCard]


class Waveform(Answer):
    """A track as columns of its lowest and highest sample and its level, over all channels, linear."""

    name: str
    frames: int
    sample_rate: int
    frames_per_column: int
    min: list[float]
    max: list[float]
    rms: list[float]

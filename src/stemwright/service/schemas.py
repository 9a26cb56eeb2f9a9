"""What goes over the wire: these classes are the OpenAPI contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "AlignRequest", "Analysis", "AnalyzeChoices", "AnalyzeRequest", "CheckAnswer", "CompatibilityAnswer",
    "EventData", "Health", "MasterRequest", "Place", "PresetAnswer", "PresetList", "PresetRule", "Problem",
    "ProduceRequest", "ProgressEvent", "RefineRequest", "RemixChoices", "RemixRequest", "SessionAnswer",
    "SessionCard", "SessionList", "SignIn", "SongAnswer", "Songs", "SpecAnswer", "SpecSection", "SpecStem",
    "StatusAnswer", "UploadAnswer", "VerifyChoices", "VerifyRequest", "Waveform",
]  # fmt: skip

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]
Separator = Literal["builtin", "demucs", "audio-separator"]
Planner = Literal["auto", "offline", "llm"]
MOST_SPEC_CHARACTERS = 256_000
MOST_FILES = 512
SpecText = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SPEC_CHARACTERS)]


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


Stems = Annotated[dict[FileName, Digest], Field(min_length=1, max_length=MOST_FILES)]
"""Uploaded files by their names, which say what each is; or one zip of them."""


class Songs(Asked):
    """Two songs that were uploaded before: each a file, its stems, or both."""

    song_a: Digest | None = None
    song_b: Digest | None = None
    stems_a: Stems | None = None
    """Uploaded files by their names, which say what each is; or one zip of them."""
    stems_b: Stems | None = None
    known_a: Known | None = None
    known_b: Known | None = None


class SongChoices(Asked):
    """How songs are taken apart and understood."""

    separator: Separator = "builtin"
    """Who takes songs apart whose stems are not given."""
    engine: Annotated[str, StringConstraints(pattern="^[a-z0-9_-]{1,40}$")] = "builtin"
    """Who tracks the beats: builtin, essentia where it is installed, or the name of a plug-in."""


class RemixChoices(SongChoices):
    """How a remix is made."""

    prompt: str = ""
    """What it should be like, in plain words; may be left out only where a plan is given."""
    planner: Planner = "auto"
    seed: Seed = 0
    plan_only: bool = False
    """Make the plan and render nothing: GET …/plan has it; edited, it may come back as `plan`."""


class RemixRequest(Songs, RemixChoices):
    """A remix of two songs that were uploaded before."""

    plan: dict[str, Any] | None = None
    """Render this plan instead of planning: the shape of GET /api/remix/{session_id}/plan."""


class AnalyzeChoices(SongChoices):
    """How songs are analysed."""

    separate: bool = False
    """Take songs apart first: the voice is only known then."""


class AnalyzeRequest(Songs, AnalyzeChoices):
    """An analysis of two songs that were uploaded before."""


class RefineRequest(Asked):
    """A change of a finished remix: a sentence, or undo."""

    prompt: str | None = None
    undo: bool = False
    planner: Planner = "auto"


class ProduceRequest(Asked):
    """A production."""

    spec: SpecText
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


class VerifyChoices(Asked):
    """What a set is held against."""

    preset: Annotated[str, StringConstraints(max_length=40)] | None = None
    """Delivery rules to be asked as well: a name of GET /api/presets."""
    spec: SpecText | None = None
    """TOML of the spec that the set was made from: rate, channels, format and names are asked for."""


class VerifyRequest(VerifyChoices):
    """A check of a set of stems."""

    files: Annotated[dict[FileName, Digest], Field(min_length=1, max_length=MOST_FILES)]
    """Uploaded files by their names; a zip is read in place."""
    mix: Digest | None = None
    """The mix that they belong to; found by its name without."""


Subtype = Literal["FLOAT", "PCM_24", "PCM_16"]


class AlignRequest(Asked):
    """One file to be brought to an exact length."""

    file: Digest
    length: Annotated[str, StringConstraints(pattern="^[0-9]{1,12}([.][0-9]{1,9})?f?$")] | None = None
    """Seconds (137.7) or frames (6609600f)."""
    to: Digest | None = None
    """An uploaded file to be as long as, instead."""
    strategy: Literal["auto", "pad", "loop", "crossfade", "truncate"] = "auto"
    bpm: Annotated[str, StringConstraints(pattern="^[0-9]{1,3}([.][0-9]{1,6})?$")] | None = None
    """Tempo of the file: loops are then cut on bars."""
    meter: Annotated[str, StringConstraints(pattern="^[0-9]{1,2}/[0-9]{1,2}$")] = "4/4"
    role: Annotated[str, StringConstraints(max_length=20)] | None = None
    """What the stem is; read from its name without."""
    crossfade_s: Annotated[float, Field(ge=0.0005, le=60.0)] | None = None
    seamless: bool = True
    subtype: Subtype = "FLOAT"


class MasterRequest(Asked):
    """One file to be mastered."""

    file: Digest
    loudness_lufs: Annotated[float, Field(ge=-60.0, le=0.0)] | None = None
    """−14 without."""
    ceiling_dbtp: Annotated[float, Field(ge=-20.0, le=0.0)] | None = None
    """−1 without."""
    match: Digest | None = None
    """An uploaded record to come closer to, in loudness and spectrum."""
    amount: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """How close."""
    format: Literal[".wav", ".flac", ".mp3"] = ".wav"
    subtype: Subtype = "PCM_24"


class PresetRule(Answer):
    """One thing that a preset checks."""

    name: str
    """What is asked: "sample rate"."""
    of: Literal["stems", "mix", "set"]
    """Of each stem, of the mix, or of all files together."""
    wants: str
    """What has to be: "44100 Hz or more"; empty where the name says it."""
    why: str
    severity: Literal["error", "warning"]
    by_hand: bool
    """Nobody can measure it: it reads *not checked*."""


class PresetAnswer(Answer):
    """Delivery rules of one receiver."""

    name: str
    title: str
    rules: list[PresetRule]


class PresetList(Answer):
    """Everything that POST /api/verify takes as `preset`."""

    presets: list[PresetAnswer]


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
    holds: int = 0
    """Audio files in a zip."""


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


class CheckAnswer(Answer):
    """A question that was asked of audio, with its answer."""

    name: str
    subject: str
    measured: float | str | bool | None
    unit: str
    limit: str
    passed: bool | None
    """None reads *not checked*."""
    severity: Literal["error", "warning"]
    advice: str


class EventData(Answer):
    """What belongs to the type of an event; each type has its own of these, and more may come."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    name: str | None = None
    """Of the step: step_started, progress, step_finished."""
    progress: float | None = None
    """Of the whole job, 0 to 1."""
    fraction: float | None = None
    """How far the step itself is, 0 to 1: progress."""
    found: str | None = None
    """What the step found, in plain sentences (tempo, key, phrases, loudness reached): step_finished."""
    checks: int | list[CheckAnswer] | None = None
    """How many were asked: step_finished. Those that failed: error."""
    failed: list[CheckAnswer] | None = None
    """Those that did not pass: step_finished."""
    cached: bool | None = None
    """Whether it was done before: step_finished."""
    text: str | None = None
    """Of a notice."""
    subject: str | None = None
    """What a notice is about."""
    message: str | None = None
    """What went wrong: error."""


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
    data: EventData = Field(default_factory=EventData)
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

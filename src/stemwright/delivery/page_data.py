"""What the report page shows beside the report itself: pictures, figures, the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemwright.delivery.picture import TrackPicture
from stemwright.grid import Section

__all__ = ["Figure", "GainBlock", "JoinMark", "LoudnessCurve", "PageData", "SongCard", "TrackRow"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure: ``Figure("Loudness", "−14.0", "LUFS", "target −14")``."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class JoinMark:
    """Where a stem was extended, in frames, and whether its check says that it can be heard."""

    frame: int
    audible: bool = False


@dataclass(frozen=True, slots=True)
class GainBlock:
    """A section in which a stem is arranged at a gain of 0 to 1, in frames, and what to say of it."""

    start_frame: int
    end_frame: int
    gain: float
    said: str = ""


@dataclass(frozen=True, slots=True)
class SongCard:
    """A song that a remix is made of: its title, and what was found and done, as term and words."""

    title: str
    rows: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One stem on the page.

    Parameters
    ----------
    name : str
        As delivered.
    picture : TrackPicture
        From `picture_of`.
    role : str
        ``"bass"``.
    gain_db, pan : float
        At which it went into the mix; pan from −1 (left) to 1 (right).
    effects : Sequence[str]
        In words, in order.
    joins : Sequence[JoinMark]
        Where it was extended.
    made_from : str
        ``"score, Electric Bass (finger)"``, ``"file takes/vocals.wav"``.
    aligned : str
        How it was brought to length: ``"loop"``.
    blocks : Sequence[GainBlock]
        How it is arranged, section by section.
    """

    name: str
    picture: TrackPicture
    role: str = ""
    gain_db: float = 0.0
    pan: float = 0.0
    effects: Sequence[str] = ()
    joins: Sequence[JoinMark] = ()
    made_from: str = ""
    aligned: str = ""
    blocks: Sequence[GainBlock] = ()


@dataclass(frozen=True, slots=True)
class LoudnessCurve:
    """Short-term loudness over time (EBU Tech 3341).

    Parameters
    ----------
    short_term_lufs : Sequence[float]
        Value i covers `window_s` from ``i * hop_s`` on; drawn at the middle of what it covers.
    target_lufs : float or None
        Drawn as a line.
    """

    short_term_lufs: Sequence[float]
    target_lufs: float | None = None
    hop_s: float = 0.1
    window_s: float = 3.0


@dataclass(frozen=True, slots=True)
class PageData:
    """Everything that the page draws.

    Parameters
    ----------
    title : str
        Of the record.
    sample_rate, frames : int
        Of all tracks.
    sections : Sequence[Section]
        In order.
    bar_frames : Sequence[int]
        Where bars start.
    tracks : Sequence[TrackRow]
        In order.
    master : TrackPicture or None
        The finished record.
    loudness : LoudnessCurve or None
        Of the master.
    figures : Sequence[Figure]
        Loudness, true peak, range, length, rate.
    artist : str
        Shown beside the title.
    facts : Sequence[str]
        Tempo, meter, key: ``("120 bpm", "4/4", "A minor")``.
    songs : Sequence[SongCard]
        What a remix is made of.
    asked, explanation : str
        The prompt of a remix, and what the planner says about its plan.
    """

    title: str
    sample_rate: int
    frames: int
    sections: Sequence[Section] = ()
    bar_frames: Sequence[int] = ()
    tracks: Sequence[TrackRow] = ()
    master: TrackPicture | None = None
    loudness: LoudnessCurve | None = None
    figures: Sequence[Figure] = ()
    artist: str = ""
    facts: Sequence[str] = ()
    songs: Sequence[SongCard] = ()
    asked: str = ""
    explanation: str = ""

"""What the steps of one remix share: what was asked, what is known of each song, who runs the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stemwright.analysis import AnalysisOverrides
from stemwright.pipeline.remix.form import SAMPLE_RATE_HZ
from stemwright.planning.plan import SongId
from stemwright.songs import Key, Mode, SongFacts, SongStem

__all__ = ["SAMPLE_RATE_HZ", "RemixOptions", "Song", "SongRequest", "readable"]


def readable(text: str) -> str:
    """Return what people typed with ``?`` for what UTF-8 can't hold, such as half a character."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class SongRequest:
    """One song as given.

    Parameters
    ----------
    path : Path or None
        The song; None where only its stems are there.
    stems : Path or None
        A folder with its stems: nothing is separated then.
    overrides : AnalysisOverrides
        What the person knows better: tempo, first downbeat, key.
    """

    path: Path | None
    stems: Path | None = None
    overrides: AnalysisOverrides = field(default_factory=AnalysisOverrides)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of run.json."""
        return {
            "path": None if self.path is None else str(self.path.absolute()),
            "stems": None if self.stems is None else str(self.stems.absolute()),
            "overrides": asdict(self.overrides),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> SongRequest:
        """Read what `as_dict` wrote."""
        path, stems = (None if record[name] is None else Path(record[name]) for name in ("path", "stems"))
        known = dict(record["overrides"])
        key = known.pop("key")
        key = None if key is None else Key(key["tonic"], Mode(key["mode"]))
        return cls(path, stems, AnalysisOverrides(**known, key=key))


@dataclass(frozen=True, slots=True)
class RemixOptions:
    """How a remix may run.

    Parameters
    ----------
    out : Path, optional
        Output folder; by default one named after both songs, in the working folder.
    separator : str
        ``"builtin"``, ``"demucs"`` or ``"audio-separator"``.
    model : str, optional
        Of the separator; by default its own choice.
    engine : str
        Who tracks beats: ``"builtin"``, ``"essentia"`` or a plug-in.
    planner : str
        ``"auto"`` (a language model where a key is set, else offline), ``"offline"`` or ``"llm"``.
    llm : str
        ``provider:model`` instead of the one that the environment names.
    plan : Path, optional
        A plan.json to render instead of planning.
    seed : int
        Another take.
    report_page, pack : bool
        Whether report.html and the zip are made.
    force : bool
        Whether files that no run of ours made may be replaced.
    """

    out: Path | None = None
    separator: str = "builtin"
    model: str | None = None
    engine: str = "builtin"
    planner: str = "auto"
    llm: str = ""
    plan: Path | None = None
    seed: int = 0
    report_page: bool = True
    pack: bool = True
    force: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of run.json: what a refinement has to repeat."""
        return {"separator": self.separator, "model": self.model, "engine": self.engine}


@dataclass(frozen=True, slots=True)
class Song:
    """A song on its way: decoded, taken apart, understood.

    Attributes
    ----------
    id : SongId
        Which of the two.
    title : str
        From its tags or its file's name; hostile until escaped.
    sha256 : str
        Of the file as given.
    audio : Path
        Decoded, 44.1 kHz stereo float.
    stems : Mapping[SongStem, Path]
        They sum to the song; silent ones are left out.
    key : str
        Stands for exactly these stems in the keys of later steps.
    facts : SongFacts
        What analysis found.
    facts_key : str
        Stands for them.
    """

    id: SongId
    title: str
    sha256: str
    audio: Path
    stems: Mapping[SongStem, Path]
    key: str
    facts: SongFacts
    facts_key: str

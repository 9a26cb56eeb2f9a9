"""Forms, gains and moods as data: what an arrangement looks like when nobody says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stemwright.planning.plan import Label, Transition
from stemwright.songs import SongStem

__all__ = ["FORMS", "GENRE_MOODS", "LOUDS", "MOODS", "WEIGHTS", "Form", "Look", "Mood", "look_of"]

Form = tuple[tuple[Label, float], ...]

FORMS: Mapping[str, Form] = {
    "usual": (
        (Label.INTRO, 1), (Label.BUILD, 1), (Label.MAIN, 4), (Label.BREAKDOWN, 1), (Label.OUTRO, 1),
    ),
    "standard": (
        (Label.INTRO, 15), (Label.VERSE, 30), (Label.BREAKDOWN, 15), (Label.DROP, 30), (Label.OUTRO, 10),
    ),
    "dj": (
        (Label.INTRO, 25), (Label.BUILD, 25), (Label.MAIN, 25), (Label.BREAKDOWN, 12), (Label.OUTRO, 13),
    ),
    "quick": ((Label.INTRO, 15), (Label.MAIN, 70), (Label.OUTRO, 15)),
    "chill": ((Label.INTRO, 25), (Label.MAIN, 50), (Label.OUTRO, 25)),
    "sparse": (
        (Label.INTRO, 1), (Label.BREAKDOWN, 2), (Label.MAIN, 1), (Label.BREAKDOWN, 2), (Label.MAIN, 1),
        (Label.OUTRO, 1),
    ),
}  # fmt: skip
"""Shares of the whole; ``sparse`` is for voices that can't be locked to the beat."""

WEIGHTS: Mapping[Label, float] = {
    Label.INTRO: 1, Label.VERSE: 2, Label.CHORUS: 2, Label.BUILD: 1, Label.MAIN: 3, Label.BREAKDOWN: 1,
    Label.DROP: 2, Label.BRIDGE: 1, Label.OUTRO: 1,
}  # fmt: skip
"""Shares in a form that the prompt spelled out."""


@dataclass(frozen=True, slots=True)
class Look:
    """Gains of a kind of section, and how it comes in."""

    vocals: float
    drums: float
    bass: float
    other: float
    transition: Transition
    transition_beats: int

    def gain(self, stem: SongStem) -> float:
        """Gain of a stem; guitars and keys go with the rest."""
        four = {SongStem.VOCALS: self.vocals, SongStem.DRUMS: self.drums, SongStem.BASS: self.bass}
        return four.get(stem, self.other)


_LOOKS: Mapping[Label, Look] = {
    Label.INTRO: Look(0.0, 0.8, 0.75, 1.0, Transition.FADE, 4),
    Label.VERSE: Look(0.9, 0.6, 0.7, 0.5, Transition.CROSSFADE, 2),
    Label.BUILD: Look(0.6, 0.7, 0.8, 0.5, Transition.CROSSFADE, 4),
    Label.MAIN: Look(1.0, 0.7, 0.8, 0.5, Transition.CROSSFADE, 2),
    Label.CHORUS: Look(1.0, 0.8, 0.8, 0.5, Transition.CROSSFADE, 2),
    Label.BREAKDOWN: Look(0.8, 0.0, 0.6, 0.7, Transition.CROSSFADE, 4),
    Label.BRIDGE: Look(0.7, 0.4, 0.6, 0.6, Transition.CROSSFADE, 4),
    Label.DROP: Look(0.9, 0.9, 0.9, 0.5, Transition.CUT, 0),
    Label.OUTRO: Look(0.0, 0.6, 0.5, 0.8, Transition.CROSSFADE, 8),
}
LOUDS = (Label.DROP, Label.CHORUS, Label.MAIN)
"""Sections that carry the weight of a form."""


def look_of(label: Label) -> Look:
    """Return the usual look of a section."""
    return _LOOKS[label]


@dataclass(frozen=True, slots=True)
class Mood:
    """What a mood changes.

    Attributes
    ----------
    form : str or None
        Its form.
    scale : Mapping of SongStem to float
        Factors on the gains.
    transition : Transition or None
        How sections come in instead.
    transition_beats : int
        Over how many beats then.
    faster : float
        Factor on the tempo.
    """

    form: str | None = None
    scale: Mapping[SongStem, float] = field(default_factory=dict)
    transition: Transition | None = None
    transition_beats: int = 0
    faster: float = 1.0


_SOFT = {SongStem.DRUMS: 0.55, SongStem.BASS: 0.8, SongStem.OTHER: 1.2}
_HARD = {SongStem.DRUMS: 1.3, SongStem.BASS: 1.2, SongStem.OTHER: 0.9}
_BARE = {SongStem.DRUMS: 0.3, SongStem.BASS: 0.6, SongStem.OTHER: 1.3}
MOODS: Mapping[str, Mood] = {
    "chill": Mood("chill", _SOFT, Transition.CROSSFADE, 8),
    "ambient": Mood("chill", {**_BARE, SongStem.DRUMS: 0.0}, Transition.CROSSFADE, 16),
    "acoustic": Mood("usual", _BARE, Transition.CROSSFADE, 4),
    "lofi": Mood("chill", _SOFT, Transition.CROSSFADE, 8, faster=0.95),
    "hard": Mood("standard", _HARD, Transition.CUT, 0),
    "club": Mood("dj", {SongStem.DRUMS: 1.25, SongStem.BASS: 1.15}),
}
GENRE_MOODS: Mapping[str, str] = {
    "trap": "hard", "hiphop": "hard", "dnb": "hard", "dubstep": "hard", "rock": "hard", "punk": "hard",
    "metal": "hard", "phonk": "hard", "drill": "hard", "hyperpop": "hard", "jungle": "hard", "grime": "hard",
    "disco": "club", "garage": "club", "amapiano": "club", "afrobeat": "club", "synthwave": "club",
    "reggaeton": "club", "funk": "club", "funky": "club", "jazz": "acoustic", "jazzy": "acoustic",
    "country": "acoustic", "folk": "acoustic", "classical": "ambient", "orchestral": "ambient",
    "blues": "acoustic", "soul": "chill", "gospel": "chill", "bossa": "chill", "reggae": "chill",
}  # fmt: skip
"""The mood that comes closest to a style which needs other instruments."""

"""A plan on the bench: parts with lengths that can still be changed, and the way from and to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stemwright.planning.plan import Cue, Label, PlanSection, SongId, StemUse, Transition
from stemwright.planning.styles import look_of
from stemwright.songs import SongStem

__all__ = ["Part", "frozen", "mean_gain", "new_part", "split_at", "thawed", "total_beats"]


@dataclass(slots=True)
class Part:
    """A section that is not placed yet."""

    label: Label
    beats: int
    gains: dict[SongStem, float]
    songs: dict[SongStem, str]
    transition: Transition
    transition_beats: int
    cues: dict[SongId, Cue] = field(default_factory=dict)

    def sounding(self, stem: SongStem) -> bool:
        """Whether a stem is heard."""
        return self.gains[stem] > 0.0

    def voices(self) -> tuple[SongId, ...]:
        """Whose voice is heard."""
        use = StemUse.model_validate(
            {"gain": self.gains[SongStem.VOCALS], "song": self.songs[SongStem.VOCALS]}
        )
        return use.songs

    def copy(self) -> Part:
        """Return a part of its own, without cues."""
        return Part(
            self.label, self.beats, dict(self.gains), dict(self.songs), self.transition, self.transition_beats
        )


def new_part(label: Label, beats: int, songs: dict[SongStem, str]) -> Part:
    """Make a part as its label usually looks."""
    look = look_of(label)
    gains = {stem: look.gain(stem) for stem in songs}
    return Part(label, beats, gains, dict(songs), look.transition, look.transition_beats)


def thawed(sections: Sequence[PlanSection]) -> list[Part]:
    """Take sections of a plan on the bench."""
    return [
        Part(
            section.label,
            section.beats,
            {stem: use.gain for stem, use in section.stems.items()},
            {stem: use.song for stem, use in section.stems.items()},
            section.transition_in,
            section.transition_beats,
            dict(section.cues),
        )
        for section in sections
    ]


def frozen(parts: Sequence[Part]) -> list[PlanSection]:
    """Place the parts one after another."""
    out: list[PlanSection] = []
    beat = 0
    for part in parts:
        uses = {
            stem: StemUse.model_validate({"gain": _gain(gain), "song": part.songs[stem]})
            for stem, gain in part.gains.items()
        }
        out.append(
            PlanSection(
                label=part.label,
                start_beat=beat,
                end_beat=beat + part.beats,
                stems=uses,
                transition_in=part.transition,
                transition_beats=min(part.transition_beats, part.beats // 2),
                cues=part.cues,
            )
        )
        beat += part.beats
    return out


def _gain(gain: float) -> float:
    return round(min(max(gain, 0.0), 1.0), 3)


def total_beats(parts: Sequence[Part]) -> int:
    """Length of the whole."""
    return sum(part.beats for part in parts)


def mean_gain(parts: Sequence[Part], stem: SongStem) -> float:
    """Mean gain of a stem over the beats where it sounds; 0 where it never does."""
    heard = [part for part in parts if part.sounding(stem)]
    beats = total_beats(heard)
    return sum(_gain(part.gains[stem]) * part.beats for part in heard) / beats if beats else 0.0


def split_at(parts: list[Part], beat: int) -> int:
    """Cut the part that holds a beat in two there; returns the index of the part that begins at the beat."""
    at = 0
    for index, part in enumerate(parts):
        if at == beat:
            return index
        if at < beat < at + part.beats:
            later = part.copy()
            later.transition, later.transition_beats = Transition.CUT, 0
            later.beats = at + part.beats - beat
            part.beats = beat - at
            parts.insert(index + 1, later)
            return index + 1
        at += part.beats
    return len(parts)

"""The plan of an alignment: which frames of the source sound where, and how they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemwright.audio import Samples
from stemwright.dsp.fades import CrossfadeLaw

__all__ = ["AlignmentPlan", "FadeOut", "Join", "Jump", "Segment", "assemble"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the source in the output.

    Attributes
    ----------
    source_start : int
        First frame in the source; a few frames under 0 where its first sample is held as pre-roll.
    frames : int
        Length, its overlaps with both neighbours included.
    output_start : int
        First frame in the output.
    """

    source_start: int
    frames: int
    output_start: int

    @property
    def output_end(self) -> int:
        """Frame after its last one, in the output."""
        return self.output_start + self.frames


@dataclass(frozen=True, slots=True)
class Jump:
    """A join seen from the source: playing leaves at one place and goes on at another.

    Attributes
    ----------
    out_at, in_at : int
        Source frames, outgoing and incoming, on which the overlap begins.
    law : CrossfadeLaw
        Length and gains of the overlap; length 0 is a butt join.
    level_change_db : float
        Predicted worst deviation of a 50 ms level.
    """

    out_at: int
    in_at: int
    law: CrossfadeLaw
    level_change_db: float = 0.0

    @property
    def lag(self) -> int:
        """By how many frames the jump goes back: so much longer it makes the stem."""
        return self.out_at - self.in_at

    @property
    def cost_db(self) -> float:
        """What is left of it to be heard, as far as can be predicted."""
        return 4.0 * max(0.0, self.level_change_db - 0.3) + 2.0 * (1.0 - self.law.overall)

    @property
    def share(self) -> Samples:
        """Share of the incoming power over the overlap; 0 where its first sample is only held."""
        share = self.law.share()
        share[: max(0, -self.in_at)] = 0.0
        return share


@dataclass(frozen=True, slots=True)
class Join:
    """A jump at its place in the output: the overlap of two neighbouring segments.

    Attributes
    ----------
    output_frame : int
        First frame of the overlap in the output.
    jump : Jump
        The same in the source.
    """

    output_frame: int
    jump: Jump

    @property
    def frames(self) -> int:
        """Length of the overlap."""
        return self.jump.law.frames

    @property
    def output_end(self) -> int:
        """Frame after the overlap, in the output."""
        return self.output_frame + self.frames


@dataclass(frozen=True, slots=True)
class FadeOut:
    """A fade over `frames` frames that reaches silence at the output's frame `end`."""

    end: int
    frames: int


@dataclass(frozen=True, slots=True)
class AlignmentPlan:
    """Everything needed to render one stem at its target.

    Attributes
    ----------
    strategy : str
        What is done: a `Strategy` other than auto, or ``"none"`` when the lengths agree already.
    requested : str
        What was asked.
    reason : str
        Why, in plain words.
    source_frames, target_frames, sample_rate, channels : int
        Of the source, and of the output.
    segments : tuple[Segment, ...]
        In order; neighbours overlap by their join; silence follows the last one.
    joins : tuple[Join, ...]
        One fewer than segments.
    fade_out : FadeOut or None
        At the end of what sounds.
    notices : tuple[str, ...]
        What was done other than asked, in plain words.
    """

    strategy: str
    requested: str
    reason: str
    source_frames: int
    target_frames: int
    sample_rate: int
    channels: int
    segments: tuple[Segment, ...]
    joins: tuple[Join, ...] = ()
    fade_out: FadeOut | None = None
    notices: tuple[str, ...] = ()

    @property
    def join_times_s(self) -> tuple[float, ...]:
        """Where joins begin, in seconds."""
        return tuple(join.output_frame / self.sample_rate for join in self.joins)


def assemble(
    joins: Sequence[Join], *, source_frames: int, target_frames: int
) -> tuple[tuple[Segment, ...], tuple[Join, ...]]:
    """Lay segments around `joins`, up to the target.

    A join that would not be over at the target is left out when its outgoing segment reaches that far.
    """
    kept = [join for join in joins if join.output_end < target_frames]
    segments: list[Segment] = []
    output_start, source_start = 0, 0
    for join in kept:
        segments.append(Segment(source_start, join.output_end - output_start, output_start))
        output_start, source_start = join.output_frame, join.jump.in_at
    left = min(target_frames - output_start, source_frames - source_start)
    segments.append(Segment(source_start, left, output_start))
    return tuple(segments), tuple(kept)

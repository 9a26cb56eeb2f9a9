"""Songs in many meters and styles, composed and played by our own synth: their beats and bars are known.

Conventions: the beat is what the foot taps. In 6/8 that is the dotted quarter: two beats to the bar, three
eighths to the beat, and the tempo counts dotted quarters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from stemwright.audio import Audio, Samples
from stemwright.grid import Meter, SectionRequest, Timeline, build_timeline
from stemwright.stems import Role
from stemwright.synth import DrumSettings, Key, ScoreSettings, compose_drums, compose_score, render_part
from stemwright.synth.groove import pulses_of

__all__ = ["MADE_SONGS", "MadeSong", "mixed"]

RATE_HZ = 22_050
CHORDS = ("Am F C G", "F G Am Em", "C G Am F", "Dm Bb F C", "G D Em C")


@dataclass(frozen=True)
class MadeSong:
    """A song as it is to be composed.

    Parameters
    ----------
    name, drums : str
        The style of the drums; ``"none"`` for a song without.
    bpm : float
        Of the felt beat.
    meter : str
        A time signature.
    patterns : Mapping[Role, str]
        What plays beside the drums, and how.
    bars, seed, chords : int
        How many bars; which take; which progression.
    lead_in_s : float
        Silence before the first bar.
    """

    name: str
    drums: str
    bpm: float
    meter: str = "4/4"
    patterns: Mapping[Role, str] = field(default_factory=dict)
    bars: int = 32
    seed: int = 1
    chords: int = 0
    lead_in_s: float = 0.4

    @property
    def beats_per_bar(self) -> int:
        """Felt beats in a bar."""
        return len(pulses_of(Meter.parse(self.meter)))

    @property
    def timeline(self) -> Timeline:
        """Sections of half the bars each."""
        meter = Meter.parse(self.meter)
        units = Fraction(meter.beats_per_bar, self.beats_per_bar)
        half = Fraction(self.bars // 2 * meter.beats_per_bar)
        bpm = Fraction(self.bpm).limit_denominator(1000) * units
        requests = [SectionRequest(name, half, bpm) for name in ("verse", "chorus")]
        return build_timeline(requests, meter=meter, sample_rate=RATE_HZ)

    @property
    def beats_s(self) -> list[float]:
        """Where the felt beats are."""
        count = self.bars // 2 * 2 * self.beats_per_bar
        return [self.lead_in_s + beat * 60.0 / self.bpm for beat in range(count)]

    @property
    def downbeats_s(self) -> list[float]:
        """Where the bars begin."""
        return self.beats_s[:: self.beats_per_bar]

    def stems(self) -> dict[str, Audio]:
        """Play it, part by part."""
        timeline = self.timeline
        scores = {
            role: compose_score(
                ScoreSettings(pattern={"default": pattern}, chords={"default": CHORDS[self.chords]}),
                role=role, name=str(role), key=Key.parse("A minor"), timeline=timeline, seed=self.seed,
            )
            for role, pattern in self.patterns.items()
        }  # fmt: skip
        if self.drums != "none":
            settings = DrumSettings(pattern={"default": self.drums})
            scores[Role.DRUMS] = compose_drums(settings, timeline=timeline, seed=self.seed)
        return {
            str(role): self._late(list(render_part(part, timeline=timeline, channels=1)))
            for role, part in scores.items()
        }

    def _late(self, blocks: list[Samples]) -> Audio:
        before = np.zeros((1, round(self.lead_in_s * RATE_HZ)), np.float32)
        return Audio(np.concatenate([before, *blocks], axis=1), RATE_HZ)


def mixed(stems: Mapping[str, Audio]) -> Audio:
    """Sum stems of one length."""
    return Audio(np.sum([stem.samples for stem in stems.values()], axis=0, dtype=np.float32), RATE_HZ)


B, K, G, P, V = Role.BASS, Role.KEYS, Role.GUITARS, Role.PADS, Role.VOCALS
MADE_SONGS: tuple[MadeSong, ...] = (
    MadeSong("rock", "rock", 118, patterns={B: "eighths", G: "power", V: "melody"}),
    MadeSong("rock, slow", "rock", 84, patterns={B: "roots", G: "strum"}, chords=1, seed=2),
    MadeSong("house, off-beat open hats", "four-on-floor", 124, patterns={B: "octaves", K: "stabs"}, seed=3),
    MadeSong("disco, off-beat bass and chords", "four-on-floor", 116,
             patterns={B: "octaves", K: "offbeat", P: "sustained"}, chords=2, seed=4),
    MadeSong("reggae, skanks", "reggae", 76, patterns={B: "roots", G: "offbeat"}, chords=3, seed=5),
    MadeSong("reggae, skanks and organ", "reggae", 142,
             patterns={B: "syncopated", G: "offbeat", P: "sustained"}, chords=1, seed=6),
    MadeSong("even eighths, no drums", "none", 104, patterns={B: "eighths", G: "power"}, chords=4, seed=7),
    MadeSong("even eighths, arpeggio", "none", 96, patterns={K: "arpeggio", B: "roots"}, chords=0, seed=8),
    MadeSong("funk", "funk", 104, patterns={B: "funk", G: "muted", K: "stabs"}, seed=9),
    MadeSong("hiphop", "hiphop", 88, patterns={B: "syncopated", K: "comping"}, chords=1, seed=10),
    MadeSong("drum and bass", "dnb", 174, patterns={B: "roots", P: "sustained"}, chords=0, seed=11),
    MadeSong("latin", "latin", 108, patterns={B: "syncopated", K: "comping"}, chords=2, seed=12),
    MadeSong("train", "train", 112, patterns={B: "fifths", G: "strum"}, chords=4, seed=13),
    MadeSong("ballad", "ballad", 72, patterns={B: "roots", K: "arpeggio", V: "melody"}, chords=2, seed=14),
    MadeSong("half-time", "half-time", 140, patterns={B: "roots", G: "power"}, chords=0, seed=15),
    MadeSong("shuffle", "shuffle", 120, patterns={B: "walking", K: "comping"}, chords=3, seed=16),
    MadeSong("3/4 rock", "rock", 108, "3/4", {B: "roots", G: "strum", V: "melody"}, bars=40, seed=21),
    MadeSong("3/4 waltz, fast", "brushes", 168, "3/4", {B: "roots", K: "waltz"}, bars=48, chords=1, seed=22),
    MadeSong("3/4 ballad", "ballad", 84, "3/4", {B: "roots", K: "arpeggio"}, bars=32, chords=2, seed=23),
    MadeSong("3/4 piano alone", "none", 126, "3/4", {K: "waltz", B: "roots"}, bars=40, chords=3, seed=24),
    MadeSong("3/4 folk", "train", 138, "3/4", {B: "roots", G: "strum", P: "sustained"}, bars=40, chords=4,
             seed=25),
    MadeSong("6/8 ballad", "ballad", 52, "6/8", {B: "roots", K: "arpeggio", V: "melody"}, bars=28, seed=31),
    MadeSong("6/8 rock", "rock", 72, "6/8", {B: "roots", G: "strum", P: "sustained"}, bars=32, chords=1,
             seed=32),
    MadeSong("6/8 fast jig", "rock", 108, "6/8", {B: "roots", K: "arpeggio"}, bars=40, chords=4, seed=33),
    MadeSong("6/8 soul", "ballad", 60, "6/8", {B: "arpeggio", K: "block", V: "melody"}, bars=28, chords=2,
             seed=34),
    MadeSong("6/8 no drums", "none", 64, "6/8", {B: "roots", G: "arpeggio"}, bars=32, chords=3, seed=35),
    MadeSong("12/8 blues", "rock", 66, "12/8", {B: "walking", K: "comping"}, bars=16, chords=3, seed=36),
)  # fmt: skip

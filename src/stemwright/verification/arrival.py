"""The check of one stem when it comes in: whether it is what was asked for, and usable."""

from __future__ import annotations

from collections.abc import Iterator

from stemwright.audio import AudioSource, Blocks, Samples, iter_blocks
from stemwright.checks import Check, Severity
from stemwright.io.reader import AudioFile, AudioInfo
from stemwright.verification.limits import Limits
from stemwright.verification.meter import Shape, StemFacts, StemMeter
from stemwright.verification.stem_rules import Context, arrival_checks

__all__ = ["ArrivalMeter", "check_stem"]


class ArrivalMeter:
    """Measure what `check_stem` asks of a stem while it streams by.

    Parameters
    ----------
    source : Shape
        Rate, channels and exact length of the stem.
    info : AudioInfo, optional
        What a file says of itself; without it samples are taken as float.
    limits : Limits, optional
        What counts as a fault.
    """

    def __init__(self, source: Shape, *, info: AudioInfo | None = None, limits: Limits | None = None) -> None:
        self._meter = StemMeter(source, info=info, limits=limits or Limits(), closely=False)

    def watch(self, blocks: Blocks) -> Iterator[Samples]:
        """Hand blocks on; all but the last hold a multiple of `WINDOW_FRAMES`."""
        for block in blocks:
            self._meter.feed(block)
            yield block

    def result(self) -> StemFacts:
        """Say what was measured; the stem has ended."""
        return self._meter.result()


def check_stem(
    source: AudioSource,
    *,
    subject: str,
    info: AudioInfo | None = None,
    expected_rate: int | None = None,
    expected_channels: int | None = None,
    expected_subtype: str | None = None,
    min_frames: int = 1,
    declared_silent: bool = False,
    limits: Limits | None = None,
    meter: ArrivalMeter | None = None,
) -> list[Check]:
    """Check one stem as it arrives.

    Parameters
    ----------
    source : AudioSource
        Open, so it exists and decodes.
    subject : str
        Its name in reports.
    info : AudioInfo, optional
        What it says of itself; an `AudioFile` brings its own.
    expected_rate : int, optional
        In Hz.
    expected_channels : int, optional
        Number of channels.
    expected_subtype : str, optional
        ``"PCM_24"``, ``"FLOAT"``, …
    min_frames : int
        Its length is told, and only has to reach this.
    declared_silent : bool
        It may be silent.
    limits : Limits, optional
        What counts as a fault.
    meter : ArrivalMeter, optional
        Fed with these very samples while they were written: they are not read again.

    Returns
    -------
    list[Check]
        Shape, finite samples, completeness, silence or nothing but dither, clipping (a warning).

    Raises
    ------
    UnreadableError
        When the file is damaged.
    """
    info = source.info if info is None and isinstance(source, AudioFile) else info
    context = Context(subject, info, declared_silent=declared_silent, limits=limits or Limits())
    checks = [
        Check.at_least("length", subject, source.frames, min_frames, "frames", advice="It is too short.")
    ]
    subtype = info.subtype if info is not None else None
    checks += _shape(subject, "sample rate", source.sample_rate, expected_rate, "Hz")
    checks += _shape(subject, "channels", source.channels, expected_channels, "")
    checks += _shape(subject, "sample format", subtype, expected_subtype, "")
    if meter is None:
        meter = ArrivalMeter(source, info=info, limits=context.limits)
        for _ in meter.watch(iter_blocks(source)):
            pass
    return [*checks, *arrival_checks(meter.result(), context)]


def _shape(
    subject: str, name: str, seen: int | str | None, expected: int | str | None, unit: str
) -> list[Check]:
    if expected is None:
        return []
    if seen is None:
        return [Check.not_checked(name, subject, f"{expected} {unit}".strip(), "It is no file.")]
    advice = f"Export it with {name} {expected} {unit}".strip() + "."
    return [Check.equal(name, subject, seen, expected, unit, severity=Severity.ERROR, advice=advice)]

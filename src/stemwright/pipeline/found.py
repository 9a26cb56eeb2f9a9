"""Say in a sentence or two what a step found: for who watches, from what stands in its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stemwright.checks import Check
from stemwright.units import format_duration

__all__ = ["found_in"]

Details = Mapping[str, Any]
SURE = 0.4
"""Below it a tempo or key is a guess; the text matches no key that is less certain."""
MOST_NAMED = 8
SILENT_STEM_DB = -80.0


def found_in(step: str, details: Details, checks: Sequence[Check] = ()) -> str:
    """Say what a step found; empty where there is nothing that people would ask about.

    Parameters
    ----------
    step : str
        Its name: ``"analyze song A"``, ``"master"``.
    details : Mapping
        What stands in report.json beside its checks.
    checks : Sequence[Check]
        What was asked of its result.
    """
    if step.startswith("verify"):
        return _verdict(checks)
    words = step.split(" ", 1)
    needed, say = _SAID.get(step) or (_SAID.get(f"{words[0]} *", _NOTHING) if len(words) > 1 else _NOTHING)
    return say(details) if needed in details else ""


def _verdict(checks: Sequence[Check]) -> str:
    failed = sum(check.failed for check in checks)
    unasked = sum(check.passed is None for check in checks)
    result = f"{failed} did not pass" if failed else "none failed"
    more = f", {unasked} could not be asked" if unasked else ""
    return f"{_count(len(checks), 'check')}: {result}{more}." if checks else ""


def _decoded(details: Details) -> str:
    return f"{format_duration(details['duration_s'])} long, {_db(details['loudness_lufs'])} LUFS."


def _separated(details: Details) -> str:
    heard = {name: level for name, level in details["levels_db"].items() if level > SILENT_STEM_DB}
    levels = [f"{name} {_db(level)} dB" for name, level in heard.items()]
    preview = " Good enough for a preview." if details["quality"] == "preview" else ""
    return f"Against the song: {_listed(levels)}.{preview}" if levels else "No stem sounds."


def _analyzed(details: Details) -> str:
    facts = details["facts"]
    labels = [section["label"] for section in facts["sections"]]
    phrases = f"{_count(len(labels), 'phrase')}: {_listed(labels)}." if labels else "No phrases."
    return " ".join((_tempo(facts), _key(facts["key"]), phrases))


def _tempo(facts: Details) -> str:
    from stemwright.grid import BeatGrid

    bpm, sure = facts["tempo"]["bpm"], facts["tempo"]["confidence"]
    grid = BeatGrid(**facts["grid"])
    if not sure:
        return "No beat that could be trusted."
    return f"{'' if sure >= SURE else 'Perhaps '}{bpm:.1f} BPM, {grid.meter}."


def _key(found: Details) -> str:
    from stemwright.songs import Key, Mode

    if found["confidence"] <= 0.0:
        return "No key can be heard."
    said = str(Key(found["key"]["tonic"], Mode(found["key"]["mode"])))
    return f"{'' if found['confidence'] >= SURE else 'Perhaps '}{said}."


def _planned(details: Details) -> str:
    sections = details["plan"]["sections"]
    labels = [section["label"] for section in sections]
    return f"{_count(len(labels), 'section')}, {sections[-1]['end_beat']} beats: {_listed(labels)}."


def _paired(details: Details) -> str:
    songs = [f"song {name[-1].upper()} in {one['key']}" for name, one in details["songs"].items()]
    return f"The remix runs at {details['target_bpm']:.1f} BPM, {' and '.join(songs)}."


def _matched(details: Details) -> str:
    return _moved(details["window"])


def _lanes(details: Details) -> str:
    moved = sum(bool(lane["points"] or lane["semitones"]) for lane in details["lanes"])
    return f"{_count(len(details['lanes']), 'stem')} sound, {moved} of them brought to tempo and key."


def _moved(lane: Details) -> str:
    """Say how much faster and higher a stem became; its time ratio is new length over old."""
    faster = (1.0 / lane["time_ratio"] - 1.0) * 100.0
    how = "faster" if faster > 0.0 else "slower"
    speed = f"{abs(faster):.1f} % {how}" if abs(faster) >= 0.05 else "At its own speed"
    pitch = f", {lane['semitones']:+g} semitones" if lane["semitones"] else ""
    return f"{speed}{pitch}.".replace("-", "−")


def _levelled(details: Details) -> str:
    voices = [voice for voice in details["voices"].values() if voice["offset_db"] is not None]
    return " ".join(f"The voice stands {_over(voice['offset_db'])} the instruments." for voice in voices)


def _over(offset_db: float) -> str:
    return f"{abs(offset_db):.1f} dB {'over' if offset_db >= 0 else 'under'}"


def _arranged(details: Details) -> str:
    from stemwright.pipeline.remix.session import SAMPLE_RATE_HZ

    length = format_duration(details["frames"] / SAMPLE_RATE_HZ)
    sections = _count(len(details["sections"]), "section")
    return f"{length} long, {sections}; a voice in {round(100 * details['singing'])} % of it."


def _mixed(details: Details) -> str:
    peak = f"As asked it peaks at {_db(details['peak_dbfs_as_asked'])} dBFS"
    lowered_db = abs(details["headroom_db"])
    return f"{peak}; lowered by {lowered_db:.1f} dB." if lowered_db else f"{peak}."


def _mastered(details: Details) -> str:
    return " ".join(f"{suffix.upper()}: {_heard(one)}." for suffix, one in details["measured"].items())


def _heard(one: Details) -> str:
    if one["integrated_lufs"] is None:
        return "silent"
    return f"{_db(one['integrated_lufs'])} LUFS, true peak {_db(one['true_peak_dbtp'])} dBTP"


def _timed(details: Details) -> str:
    return f"{_count(len(details['sections']), 'section')} in {details['meter']}, {details['frames']} frames."


def _referred(details: Details) -> str:
    frames, rate = details["frames"], details["sample_rate"]
    return f"{frames} frames at {rate} Hz ({format_duration(frames / rate)})."


def _sourced(details: Details) -> str:
    missing = details["target_frames"] - details["frames"]
    if not missing:
        return f"{details['frames']} frames, the length that is needed."
    return f"{details['frames']} frames, {abs(missing)} too {'few' if missing > 0 else 'many'}."


def _aligned(details: Details) -> str:
    reason = str(details["reason"])
    joins = f" {_count(len(details['joins']), 'join')}." if details["joins"] else ""
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}.{joins}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else ""
    return f"{', '.join(words[:MOST_NAMED])}{more}"


def _db(value: float) -> str:
    """Write a level with a real minus sign."""
    return f"{value:.1f}".replace("-", "−")


_NOTHING: tuple[str, Callable[[Details], str]] = ("", lambda _details: "")
_SAID: Mapping[str, tuple[str, Callable[[Details], str]]] = {
    "decode *": ("loudness_lufs", _decoded), "separate *": ("levels_db", _separated),
    "analyze *": ("facts", _analyzed), "plan": ("plan", _planned), "ask model": ("plan", _planned),
    "tempo and key": ("target_bpm", _paired), "match": ("lanes", _lanes), "match *": ("window", _matched),
    "level": ("voices", _levelled), "arrange": ("singing", _arranged), "mix": ("headroom_db", _mixed),
    "master": ("measured", _mastered), "timing": ("sections", _timed), "reference": ("frames", _referred),
    "source *": ("target_frames", _sourced), "align": ("reason", _aligned), "align *": ("reason", _aligned),
}  # fmt: skip
"""By the name of a step: what it must have in its details, and how that is said."""

"""Small plans for tests of what renders them."""

from __future__ import annotations

from typing import Any

from stemwright.planning.plan import RemixPlan

SHA = {"song_a": {"sha256": "a" * 64}, "song_b": {"sha256": "b" * 64}}
STEMS = ("vocals", "drums", "bass", "other")


def section(label: str, start: int, end: int, gains: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A section; gains are numbers (from the default song) or (number, song)."""
    default = {"vocals": "song_a"}
    stems = {}
    for stem in STEMS:
        use = gains.get(stem, 0.0)
        gain, song = use if isinstance(use, tuple) else (use, default.get(stem, "song_b"))
        stems[stem] = {"gain": gain, "song": song}
    return {"label": label, "start_beat": start, "end_beat": end, "stems": stems, **more}


def plan(*sections: dict[str, Any], **more: Any) -> RemixPlan:
    """A plan with song A's voice over song B."""
    return RemixPlan.from_dict(
        {
            "songs": SHA,
            "vocal_source": "song_a",
            "vocal_window": {"start_s": 0.0, "end_s": 60.0},
            "instrumental_window": {"start_s": 0.0, "end_s": 60.0},
            "tempo_source": "song_b",
            "key_source": "none",
            "sections": list(sections),
            "explanation": "A test.",
            **more,
        }
    )

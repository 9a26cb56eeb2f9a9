"""The key figures of a master, as both report pages show them."""

from __future__ import annotations

from typing import Any

from stemwright.delivery import Figure

__all__ = ["master_figures"]


def master_figures(details: dict[str, Any], ceiling_dbtp: float) -> list[Figure]:
    """Read the key figures of a master out of the details of its step."""
    found, wanted = details["measured"]["wav"], details["plan"]["target_lufs"]
    return [
        Figure("Loudness", _number(found["integrated_lufs"]), "LUFS", f"target {_plain(wanted)}"),
        Figure("True peak", _number(found["true_peak_dbtp"], 2), "dBTP", f"ceiling {_plain(ceiling_dbtp)}"),
        Figure("Loudness range", _number(found["range_lu"]), "LU"),
        Figure("Limiting", _number(details["plan"]["limiting"]["max_db"]), "dB", "deepest"),
    ]


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "−")

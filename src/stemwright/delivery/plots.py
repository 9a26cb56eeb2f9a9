"""Waveforms, curves and spectrograms as SVG and PNG; all of them share one time axis."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from stemwright.delivery.markup import Markup, element, void
from stemwright.delivery.page_data import LoudnessCurve
from stemwright.delivery.picture import TrackPicture
from stemwright.delivery.png import encode_png, spectrum_palette

__all__ = ["HEIGHT", "WIDTH", "Scale", "curve_plot", "marks", "spectrogram_image", "wave_plot"]

WIDTH, HEIGHT = 1000, 200
_POINTS = 700


class Scale:
    """The common time axis: frames to the page's x."""

    def __init__(self, frames: int) -> None:
        self.frames = max(frames, 1)

    def x(self, frame: float) -> float:
        """Place in the units of the view box."""
        return round(WIDTH * frame / self.frames, 2)

    def percent(self, frame: float) -> str:
        """Place as a CSS length."""
        return f"{100.0 * frame / self.frames:.3f}%"


def marks(frames: Iterable[int], scale: Scale, kind: str) -> Markup:
    """Draw vertical lines through the whole height."""
    path = "".join(f"M{scale.x(frame):g} 0V{HEIGHT}" for frame in frames)
    return element("path", class_=kind, d=path) if path else Markup()


def wave_plot(
    picture: TrackPicture, scale: Scale, *, full_scale: float, label: str, borders: Iterable[int]
) -> Markup:
    """Draw peaks as a band, and the level as a darker band in it.

    Parameters
    ----------
    picture : TrackPicture
        From `picture_of`.
    scale : Scale
        Of the page.
    full_scale : float
        Sample value at the edge of the plot.
    label : str
        What it says to those who don't see it.
    borders : Iterable[int]
        Frames of section borders.
    """
    peaks = _band(picture.low / full_scale, picture.high / full_scale)
    body = _band(-picture.rms / full_scale, picture.rms / full_scale)
    shapes = element(
        "g",
        element("path", class_="peaks", d=peaks),
        element("path", class_="body", d=body),
        transform=f"scale({WIDTH * picture.frames_per_column / scale.frames:.6g} 1)",
    )
    return _svg(label, marks(borders, scale, "border"), shapes)


def _band(low: npt.NDArray[np.float32], high: npt.NDArray[np.float32]) -> str:
    """Outline of a band around the middle, as relative whole steps: one column is one unit."""
    middle = HEIGHT / 2
    top = np.round(middle - np.clip(high, -1, 1) * middle).astype(int)
    bottom = np.round(middle - np.clip(low, -1, 1) * middle).astype(int)
    bottom = np.maximum(bottom, top + 1)  # a line where it is silent, not nothing
    if not len(top):
        return ""
    there = "".join(f"v{rise}h1" if rise else "h1" for rise in np.diff(top, prepend=top[0]))
    back = bottom[::-1]
    returned = "".join(f"v{rise}h-1" if rise else "h-1" for rise in np.diff(back, prepend=back[0]))
    return f"M0 {top[0]}{there}V{back[0]}{returned}z"


def curve_plot(
    curve: LoudnessCurve, scale: Scale, *, sample_rate: int, label: str, borders: Iterable[int]
) -> tuple[Markup, tuple[float, float]]:
    """Draw loudness over time with its target; returns the plot and its range in LUFS."""
    values = np.asarray(curve.short_term_lufs, np.float64)
    low, high = _range(values, curve.target_lufs)
    times = np.arange(len(values)) * curve.hop_s + curve.window_s / 2
    keep = np.linspace(0, max(len(values) - 1, 0), min(len(values), _POINTS)).astype(int)
    heights = HEIGHT * (high - np.clip(np.nan_to_num(values, nan=low, neginf=low), low, high)) / (high - low)
    points = [f"{scale.x(times[i] * sample_rate):g} {heights[i]:.0f}" for i in keep]
    shapes = [marks(borders, scale, "border")]
    if points:
        line = "M" + "L".join(points)
        first, last = points[0].split()[0], points[-1].split()[0]
        shapes.append(element("path", class_="area", d=f"{line}L{last} {HEIGHT}L{first} {HEIGHT}z"))
        shapes.append(element("path", class_="curve", d=line))
    if curve.target_lufs is not None:
        at = HEIGHT * (high - curve.target_lufs) / (high - low)
        shapes.append(element("path", class_="target", d=f"M0 {at:.1f}H{WIDTH}"))
    return _svg(label, *shapes), (low, high)


def _range(values: npt.NDArray[np.float64], target: float | None) -> tuple[float, float]:
    """Range that holds what can be heard and the target, on multiples of 3 LU, at least 18 LU."""
    # not np.percentile, which imports numpy.ma: a hundredth of a whole run
    heard = np.sort(values[np.isfinite(values) & (values > -70.0)])
    known = (
        [*np.interp((0.03 * (len(heard) - 1), len(heard)), np.arange(len(heard)), heard)]
        if len(heard)
        else []
    )
    known += [] if target is None else [target]
    high = 3.0 * np.ceil((max(known, default=-14.0) + 1.5) / 3.0)
    low = 3.0 * np.floor((min(known, default=-30.0) - 3.0) / 3.0)
    return float(max(min(low, high - 18.0), high - 48.0)), float(high)


def spectrogram_image(picture: TrackPicture, *, label: str) -> Markup:
    """Show the spectrogram as a PNG inside the page."""
    if not picture.levels.size:
        return Markup()
    encoded = base64.b64encode(encode_png(picture.levels, spectrum_palette())).decode("ascii")
    height, width = picture.levels.shape
    source = f"data:image/png;base64,{encoded}"
    return void("img", class_="spectrum", alt=label, width=width, height=height, src=source)


def _svg(label: str, *shapes: Markup) -> Markup:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", *shapes, viewBox=box, preserveAspectRatio="none", role="img", aria_label=label)

"""The middle of the page: one ruler, and below it the master, its loudness and every stem on one axis."""

from __future__ import annotations

from stemwright.delivery.markup import Markup, element, join, text
from stemwright.delivery.page_data import GainBlock, JoinMark, PageData, TrackRow
from stemwright.delivery.plots import Scale, curve_plot, spectrogram_image, wave_plot
from stemwright.grid import Section
from stemwright.units import db_to_gain, format_duration

__all__ = ["sheet"]

_HUES = 6
_TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600)
_MOST_TICKS = 12
_MOST_BARS = 600
_QUIETEST_SCALE_DBFS = -60.0


def sheet(page: PageData) -> Markup:
    """Lay ruler, master, loudness and stems under each other."""
    scale = Scale(page.frames)
    lanes = [_ruler(page, scale)]
    if page.loudness is not None:
        lanes.append(_loudness_lane(page, scale))
    if page.master is not None:
        lanes.append(_master_lane(page, scale))
    lanes += [_track_lane(track, page, scale) for track in page.tracks]
    return element("div", *lanes, class_="sheet")


def _borders(page: PageData) -> list[int]:
    return [section.start_frame for section in page.sections if section.start_frame]


def _lane(head: Markup, *plots: Markup, kind: str) -> Markup:
    return element(
        "section" if kind != "ruler" else "div",
        element("div", head, class_="head"),
        element("div", *plots, class_="plots"),
        class_=f"lane {kind}",
    )


def _ruler(page: PageData, scale: Scale) -> Markup:
    names = list(dict.fromkeys(section.name for section in page.sections))
    bands = [_band(section, names.index(section.name) % _HUES, scale) for section in page.sections]
    length = format_duration(page.frames / page.sample_rate)
    bars = f", {len(page.bar_frames)} bars" if page.bar_frames else ""
    head = element("span", f"{length}{bars}", class_="length")
    plots = [element("ol", *bands, class_="sections", aria_label="Sections")] if bands else []
    if page.bar_frames:
        plots.append(_bars(page, scale))
    plots.append(_clock(page, scale))
    return _lane(head, *plots, kind="ruler")


def _band(section: Section, hue: int, scale: Scale) -> Markup:
    start, end = scale.percent(section.start_frame), scale.percent(section.frames)
    said = f"{section.name}, {float(section.beats):g} beats at {float(section.bpm):g} bpm"
    return element(
        "li", text(section.name), class_=f"hue{hue}", style=f"left:{start};width:{end}", title=said
    )


def _bars(page: PageData, scale: Scale) -> Markup:
    """Draw bar lines; on long records every 2nd, 4th, 8th …, so that they stay apart."""
    step = 1
    while len(page.bar_frames) / step > _MOST_BARS / 4:
        step *= 2
    path = "".join(f"M{scale.x(frame):g} 0V10" for frame in page.bar_frames[::step])
    label = f"{len(page.bar_frames)} bars" + (f", one line for every {step}" if step > 1 else "")
    shape = element("path", class_="bar", d=path)
    return element(
        "svg",
        shape,
        viewBox="0 0 1000 10",
        preserveAspectRatio="none",
        class_="bars",
        role="img",
        aria_label=label,
    )


def _clock(page: PageData, scale: Scale) -> Markup:
    """Write the time below the bars, at round values."""
    length_s = page.frames / page.sample_rate
    step = next((s for s in _TICK_STEPS_S if length_s / s <= _MOST_TICKS), 7_200)
    marks = [
        element("span", _time(at), style=f"left:{scale.percent(at * page.sample_rate)}")
        for at in range(0, int(length_s * 0.97) + 1, step)
    ]
    return element("div", *marks, class_="clock", aria_hidden="true")


def _time(seconds: float) -> str:
    return format_duration(seconds).split(".", maxsplit=1)[0]


def _loudness_lane(page: PageData, scale: Scale) -> Markup:
    curve = page.loudness
    if curve is None:
        return Markup()
    target = "" if curve.target_lufs is None else f", target {_signed(curve.target_lufs)} LUFS"
    label = f"Short-term loudness of the master over time{target}"
    plot, (low, high) = curve_plot(
        curve, scale, sample_rate=page.sample_rate, label=label, borders=_borders(page)
    )
    notes = [element("p", "short-term, 3 s", class_="note")]
    if curve.target_lufs is not None:
        notes.append(
            element(
                "p",
                element("i", class_="key target"),
                f"target {_signed(curve.target_lufs)} LUFS",
                class_="note",
            )
        )
    axis = element(
        "div",
        element("span", _signed(high)),
        element("span", _signed(low)),
        class_="axis",
        aria_hidden="true",
    )
    return _lane(join([element("h3", "Loudness"), *notes]), plot, axis, kind="loudness")


def _master_lane(page: PageData, scale: Scale) -> Markup:
    picture = page.master
    if picture is None:
        return Markup()
    head = join(
        [element("h3", "Master"), element("p", f"peak {_signed(picture.peak_dbfs)} dBFS", class_="note")]
    )
    wave = wave_plot(picture, scale, full_scale=1.0, label="Waveform of the master", borders=_borders(page))
    return _lane(
        head,
        wave,
        _spectrum(
            picture.high_hz, spectrogram_image(picture, label=_spectrum_label("the master", picture.high_hz))
        ),
        kind="master",
    )


def _track_lane(track: TrackRow, page: PageData, scale: Scale) -> Markup:
    picture = track.picture
    # quiet stems fill their lane too: shapes are to be read; levels stand beside them as numbers
    full_scale = db_to_gain(max(picture.peak_dbfs, _QUIETEST_SCALE_DBFS))
    label = f"Waveform of {track.name}, peak {_signed(picture.peak_dbfs)} dBFS"
    wave = wave_plot(picture, scale, full_scale=full_scale, label=label, borders=_borders(page))
    joins = [_join(mark, page, scale) for mark in track.joins]
    marked = element("ol", *joins, class_="joins", aria_label=f"Joins of {track.name}") if joins else Markup()
    image = spectrogram_image(picture, label=_spectrum_label(track.name, picture.high_hz))
    return _lane(
        _track_head(track),
        _blocks(track, scale),
        element("div", wave, marked, class_="wave"),
        _spectrum(picture.high_hz, image),
        kind="track",
    )


def _blocks(track: TrackRow, scale: Scale) -> Markup:
    """Show how a stem is arranged: a block for every section, as high as its gain."""
    if not track.blocks:
        return Markup()
    items = [_block(block, scale) for block in track.blocks]
    return element("ol", *items, class_="blocks", aria_label=f"Arrangement of {track.name}")


def _block(block: GainBlock, scale: Scale) -> Markup:
    left, width = scale.percent(block.start_frame), scale.percent(block.end_frame - block.start_frame)
    said = block.said or f"gain {block.gain:.2f}"
    return element(
        "li",
        element("i", style=f"height:{100 * block.gain:.0f}%"),
        element("span", said, class_="unseen"),
        style=f"left:{left};width:{width}",
        title=said,
    )


def _join(mark: JoinMark, page: PageData, scale: Scale) -> Markup:
    seconds = mark.frame / page.sample_rate
    said = f"join at {format_duration(seconds)}" + (", can be heard" if mark.audible else "")
    return element(
        "li",
        element("span", said, class_="unseen"),
        class_="heard" if mark.audible else None,
        style=f"left:{scale.percent(mark.frame)}",
        title=said,
    )


def _track_head(track: TrackRow) -> Markup:
    rows = [
        ("Role", track.role if track.role.casefold() != track.name.casefold() else ""),
        ("From", track.made_from),
        ("Gain", f"{_signed(track.gain_db, plus=True)} dB"),
        ("Pan", _pan(track.pan)),
        ("Length", _aligned(track)),
        ("Peak", f"{_signed(track.picture.peak_dbfs)} dBFS"),
    ]
    items = [element("div", element("dt", term), element("dd", text(said))) for term, said in rows if said]
    chain = element(
        "ol", *(element("li", text(effect)) for effect in track.effects), class_="chain", aria_label="Effects"
    )
    return join([element("h3", text(track.name)), element("dl", *items), chain if track.effects else ""])


def _aligned(track: TrackRow) -> str:
    if not track.joins:
        return track.aligned
    heard = sum(mark.audible for mark in track.joins)
    count = f"{len(track.joins)} join{'s' if len(track.joins) > 1 else ''}"
    return ", ".join(part for part in (track.aligned, count, f"{heard} audible" if heard else "") if part)


def _spectrum(high_hz: float, image: Markup) -> Markup:
    if not image:
        return image
    top = f"{high_hz / 1000:g}k"
    axis = element("div", element("span", top), element("span", "30 Hz"), class_="axis", aria_hidden="true")
    return element("div", image, axis, class_="spectrumbox")


def _spectrum_label(name: str, high_hz: float) -> str:
    return f"Spectrogram of {name}, 30 Hz to {high_hz / 1000:g} kHz"


def _pan(pan: float) -> str:
    if abs(pan) < 0.005:
        return "centre"
    return f"{abs(pan) * 100:.0f} % {'left' if pan < 0 else 'right'}"


def _signed(value: float, *, plus: bool = False) -> str:
    said = (
        f"{value:+.1f}" if plus and round(value, 1) else f"{abs(value) if not round(value, 1) else value:.1f}"
    )
    return said.replace("-", "−")

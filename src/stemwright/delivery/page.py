"""report.html: the whole run on one page that needs nothing beside itself: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import PurePosixPath
from urllib.parse import quote

from stemwright.checks import Notice, Report
from stemwright.delivery.check_tables import attention, check_steps, count_sentence, verdict
from stemwright.delivery.markup import Markup, element, join, text, void
from stemwright.delivery.page_data import Figure, PageData, SongCard
from stemwright.delivery.tracks import sheet

__all__ = ["build_page"]

_SCALES = "Every stem is drawn up to its own peak, the master up to full scale; red marks are joins."
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def build_page(report: Report, page: PageData) -> str:
    """Build the page of one run.

    Parameters
    ----------
    report : Report
        Every step, check and notice.
    page : PageData
        Pictures, figures, timeline.

    Returns
    -------
    str
        HTML; the same bytes for the same input. Titles, names and advice are escaped whatever they hold, and
        the page's content policy lets nothing run or load.
    """
    body = element("body", _header(report, page), element("main", *_parts(report, page)), _footer(report))
    html = element("html", _head(page), body, lang="en")
    return f"<!doctype html>\n{html}\n"


def _head(page: PageData) -> Markup:
    style = resources.files("stemwright.delivery").joinpath("report.css").read_text(encoding="utf-8")
    return element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        element("title", f"{page.title} · report"),
        element("style", Markup(style)),
    )


def _header(report: Report, page: PageData) -> Markup:
    facts = [page.artist, *page.facts]
    said = join(element("li", text(fact)) for fact in facts if fact)
    return element(
        "header",
        element("p", "stemwright ", element("span", f"{report.recipe} report"), class_="maker"),
        element("h1", text(page.title)),
        element("ul", said, class_="facts") if said else "",
        element("blockquote", element("p", text(page.asked)), class_="asked") if page.asked else "",
        element("p", text(page.explanation), class_="explanation") if page.explanation else "",
        element(
            "p",
            element("span", class_="lamp", aria_hidden="true"),
            verdict(report),
            class_=f"verdict {report.status}",
        ),
        _figures(page.figures),
    )


def _figures(figures: Sequence[Figure]) -> Markup:
    return element("dl", *map(_figure, figures), class_="figures") if figures else Markup()


def _figure(figure: Figure) -> Markup:
    unit = element("span", figure.unit, class_="unit") if figure.unit else ""
    note = element("dd", figure.note, class_="note") if figure.note else ""
    return element("div", element("dt", figure.label), element("dd", figure.value, " ", unit), note)


def _parts(report: Report, page: PageData) -> list[Markup]:
    steps = check_steps(report)
    return [
        _part("attention", "Needs attention", attention(report)),
        _part("notices", "Notices", _notices(report.notices)),
        _part("songs", "The songs", _songs(page.songs)),
        _part("record", "The record", sheet(page), note=_SCALES if page.tracks else ""),
        _part("checks", "Every check", steps, note=f"{len(report.checks)} checks: {count_sentence(report)}."),
        _part("files", "Files", _files(report.outputs)),
    ]


def _part(name: str, heading: str, content: Markup, *, note: str = "") -> Markup:
    if not content:
        return Markup()
    said = element("p", note, class_="lead") if note else ""
    return element(
        "section", element("h2", heading, id=name), said, content, class_=f"part {name}", aria_labelledby=name
    )


def _songs(songs: Sequence[SongCard]) -> Markup:
    return element("div", *map(_song, songs), class_="songcards") if songs else Markup()


def _song(song: SongCard) -> Markup:
    rows = [
        element("div", element("dt", term), element("dd", text(said))) for term, said in song.rows if said
    ]
    return element("article", element("h3", text(song.title)), element("dl", *rows))


def _notices(notices: tuple[Notice, ...]) -> Markup:
    items = [
        element("div", element("dt", text(notice.subject or "all")), element("dd", text(notice.text)))
        for notice in notices
    ]
    return element("dl", *items, class_="said") if items else Markup()


def _files(outputs: tuple[str, ...]) -> Markup:
    """Link what lies beside the page; the folder comes in front of its files."""
    items = [
        element("li", element("a", text(name), href=f"./{quote(name, errors='replace')}"))
        for name in outputs
        if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    ]
    return element("ul", *items, class_="filelist") if items else Markup()


def _footer(report: Report) -> Markup:
    said = f"Made by stemwright {report.version}. Everything on this page is in report.json as well."
    return element("footer", element("p", said))

import math
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import noise, sine
from stemwright.checks import Check, Notice, Report, Severity, Step
from stemwright.delivery import (
    Figure,
    JoinMark,
    LoudnessCurve,
    PageData,
    TrackRow,
    build_page,
    picture_of,
)
from stemwright.delivery.check_tables import shown_limit, shown_value, verdict
from stemwright.grid import Meter, SectionRequest, build_timeline

RATE = 48_000
VOID = {"meta", "img", "br", "link", "input"}
WARNING = Severity.WARNING


class Tree(HTMLParser):
    """Reads a page strictly: every element is closed, in order; gathers what tests ask for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == []
    return tree


def report_of(*steps: Step, title: str = "Night Drive", **others: Any) -> Report:
    return Report("0.1.0", "produce", title, steps, **others)


CHECKS = (
    Check.equal("sample rate", "bass", RATE, RATE, "Hz"),
    Check.at_most("true peak", "master.mp3", -0.81, -1, "dBTP", advice="Lower the ceiling."),
    Check.at_most(
        "level change at join", "vocals", 3.2, 1, "dB", severity=WARNING, advice="Longer crossfade."
    ),
    Check.not_checked("dialogue gate", "mix", "-27 LKFS", "there is no detector of dialogue"),
    Check.at_least("level", "drums", math.nan, -60.0, "dBFS"),
)
REPORT = report_of(
    Step("source bass", CHECKS[:1]),
    Step("align vocals", CHECKS[2:3]),
    Step("empty"),
    Step("master", (CHECKS[1], CHECKS[4])),
    Step("verify", CHECKS[3:4]),
    notices=(Notice("All stems were lowered by 2.3 dB.", "mix"),),
    outputs=("stems/bass & drums.wav", "master.wav", "../../etc/passwd"),
)


def page_of(title: str = "Night Drive", name: str = "bass") -> PageData:
    requests = [SectionRequest(word, Fraction(4), Fraction(120)) for word in ("intro", name, "outro")]
    timeline = build_timeline(requests, meter=Meter(), sample_rate=RATE)
    source = noise(6.0, channels=2)
    row = TrackRow(
        name, picture_of(source), "bass", -4.0, 0.25, ("lowpass, cutoff 8000 Hz", name),
        (JoinMark(96_000), JoinMark(200_000, audible=True)), f"file {name}", "loop",
    )  # fmt: skip
    return PageData(
        title=title,
        artist=name,
        sample_rate=RATE,
        frames=source.frames,
        sections=timeline.sections,
        bar_frames=timeline.bar_frames(),
        tracks=[row],
        master=picture_of(source),
        loudness=LoudnessCurve([-20.0, -18.5, math.nan, -math.inf, -16.0] * 6, -14.0),
        figures=[Figure("Loudness", "−14.0", "LUFS", "target −14")],
        facts=["120 bpm"],
    )


PAGE = build_page(REPORT, page_of())


def test_it_is_whole_and_the_same_every_time() -> None:
    tree = read(PAGE)
    assert PAGE.startswith("<!doctype html>")
    assert tree.all("html") == [{"lang": "en"}]
    assert build_page(REPORT, page_of()) == PAGE
    assert len(tree.all("h1")) == 1


def test_it_needs_nothing_beside_itself() -> None:
    tree = read(PAGE)
    assert "://" not in PAGE
    assert not re.search(r"\b(url|@import|expression)\(", PAGE)
    assert {name for name, _ in tree.elements}.isdisjoint(
        {"script", "link", "iframe", "object", "form", "base"}
    )
    policy = next(a["content"] for a in tree.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert all((a["src"] or "").startswith("data:image/png;base64,") for a in tree.all("img"))
    assert not [name for _, a in tree.elements for name in a if name.startswith("on")]


def test_every_check_is_there_with_all_that_it_says() -> None:
    text = read(PAGE).text
    for check in CHECKS:
        for said in (
            check.name,
            check.subject,
            shown_value(check.measured, check.unit),
            shown_limit(check.limit),
        ):
            assert " ".join(said.split()) in text
        if check.advice:
            assert check.advice in text
    assert text.count("Not checked") == 1
    assert "Not ready: 2 errors in 5 checks." in text
    assert "2 failed, 1 failed as a warning, 1 not checked, 1 passed" in text
    assert "All stems were lowered by 2.3 dB." in text


def test_what_failed_comes_first_and_is_open() -> None:
    details = PAGE[PAGE.index('class="part checks"') :]
    order = [
        details.index(f"<bdi>{name}</bdi></h3>")
        for name in ("master", "align vocals", "source bass", "verify")
    ]
    assert order == sorted(order)
    assert details.count('<details open="open">') == 2
    assert (
        PAGE.index("Lower the ceiling.")
        < PAGE.index("Longer crossfade.")
        < PAGE.index("All stems were lowered")
    )


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ((), "Nothing was checked."),
        (CHECKS[:1], "Ready: all 1 check passed."),
        (CHECKS[:1] * 2, "Ready: all 2 checks passed."),
        (CHECKS[:1] + CHECKS[2:3], "Ready, with 1 warning in 2 checks."),
        (CHECKS[:1] + CHECKS[3:4], "Ready: 1 check passed, 1 could not be made."),
        (CHECKS[3:4], "Nothing was checked: 1 check could not be made."),
    ],
)
def test_the_verdict_is_one_sentence(checks: tuple[Check, ...], said: str) -> None:
    assert verdict(report_of(Step("s", checks))) == said


def test_pictures_speak_to_those_who_do_not_see_them() -> None:
    tree = read(PAGE)
    labels = [a["aria-label"] for a in tree.all("svg")]
    assert all(labels)
    assert any("Waveform of bass, peak" in (label or "") for label in labels)
    assert "Spectrogram of bass, 30 Hz to 20 kHz" in [a["alt"] for a in tree.all("img")]
    assert "join at 0:04.2, can be heard" in tree.text
    assert len(tree.all("table")) == len(tree.all("caption")) == 4
    assert {a["scope"] for a in tree.all("th")} == {"col", "row"}


def test_marks_stand_where_they_belong() -> None:
    tree = read(PAGE)
    styles = [a["style"] for a in tree.all("li") if a.get("style")]
    assert "left:33.333%;width:33.333%" in styles
    assert "left:69.444%" in styles
    borders = [a["d"] for a in tree.all("path") if a["class"] == "border"]
    assert set(borders) == {"M333.33 0V200M666.67 0V200"}


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "</title></style><b>bold",
    "{{7*7}} ${x} <!-- -->",
    "&lt;already&gt; &amp;",
    "\u202eevil\u2066\u0000\u001b[31m\ud800",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_stay_words(hostile: str) -> None:
    check = Check.equal(hostile, hostile, hostile, hostile, hostile, severity=WARNING, advice=hostile)
    bad = replace(check, passed=False)
    report = Report(
        hostile, hostile, hostile, (Step(hostile, (bad, check)),), (Notice(hostile, hostile),), (hostile,)
    )
    page = build_page(report, page_of(hostile, hostile))
    tree = read(page)
    plain = read(PAGE)
    page.encode("utf-8")
    assert {name for name, _ in tree.elements} <= {name for name, _ in plain.elements}
    assert {name for _, a in tree.elements for name in a} <= {name for _, a in plain.elements for name in a}
    assert all((a["href"] or "").startswith("./") for a in tree.all("a"))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u0000-\u0009\u000b-\u001f]", page)
    seen = re.sub("[\u202e\u2066\u0000\u001b\ud800]", "\ufffd", hostile)
    assert tree.text.count(" ".join(seen.split())) >= 10


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_no_title_breaks_the_page(title: str) -> None:
    page = PageData(title, RATE, 0)
    tree = read(build_page(report_of(title=title), page))
    assert {name for name, _ in tree.elements} <= {name for name, _ in read(PAGE).elements}


def test_files_are_linked_and_none_outside() -> None:
    links = [a["href"] for a in read(PAGE).all("a")]
    assert links == ["./stems/bass%20%26%20drums.wav", "./master.wav"]


def test_a_page_of_six_long_stems_is_small() -> None:
    base = page_of()
    picture = picture_of(noise(30.0, channels=2))
    rows = [TrackRow(f"stem {index}", picture) for index in range(6)]
    page = replace(base, tracks=rows, master=picture, bar_frames=list(range(0, base.frames, 100)))
    assert len(build_page(REPORT, page).encode()) < 1_000_000


def body_height(row: TrackRow) -> int:
    page = build_page(REPORT, PageData("t", RATE, RATE, tracks=[row]))
    (body,) = (a["d"] or "" for a in read(page).all("path") if a["class"] == "body")
    return 2 * (100 - int(re.findall(r"M0 (\d+)", body)[0]))


def test_quiet_stems_can_be_read_and_silence_is_flat() -> None:
    heights = [
        body_height(TrackRow("x", picture_of(sine(5_000, 1.0, peak=peak)))) for peak in (0.8, 0.004, 1e-5)
    ]
    assert heights[0] == heights[1] == pytest.approx(200 / math.sqrt(2), abs=12)
    assert heights[2] < 4


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (-14.031, "LUFS", "−14.03 LUFS"),
        (6_609_600, "frames", "6\u202f609\u202f600 frames"),
        (2, "", "2"),
        (True, "", "yes"),
        (None, "dB", "—"),
        (1.23e-05, "", "1.23e−05"),
        ("a-b", "", "a-b"),
        (math.inf, "dB", "inf dB"),
    ],
)
def test_values_read_like_a_meter(value: Any, unit: str, said: str) -> None:
    assert shown_value(value, unit) == said


def test_limits_read_like_values() -> None:
    assert shown_limit("≤ -1 dBTP") == "≤ −1 dBTP"
    assert shown_limit("6120000 frames") == "6\u202f120\u202f000 frames"
    assert shown_limit("True") == "yes"
    assert shown_limit("pe-wing 44100.5") == "pe-wing 44100.5"

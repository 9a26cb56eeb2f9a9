"""A spec and takes become a record; a set of stems gets its verdict."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from page_kit import Person
from signals import corpus, rng
from stemwright.io.writer import write_audio

pytestmark = pytest.mark.slow
RATE = 48_000
SECONDS = 8.0
FRAMES = round(SECONDS * RATE)
SPEC = """title = "Takes"
bpm = 120
[sections]
main = 40

[[stem]]
name = "drums"
drums = { pattern = "rock" }
"""
LONGER = """title = "Longer"
bpm = 128
[sections]
first = 64
slow = { beats = 16, bpm = 100 }
last = 16
"""
Wave = npt.NDArray[np.float32]
Set = dict[str, Wave]


def pulse(seconds: float, hz: tuple[float, ...] = (220.0, 277.2, 329.6), seed: int = 1) -> Wave:
    """A pulsing chord, so that there is something to loop."""
    at = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * at + seed) for pitch in hz) / len(hz)
    wave = 0.2 * tone * (0.6 + 0.4 * np.cos(4 * np.pi * at)) + 1e-4 * rng(seed).standard_normal(len(at))
    fade = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.02)
    return (wave * fade).astype(np.float32)


def write(path: Path, wave: Wave) -> Path:
    write_audio(path, [np.stack([wave, wave])], sample_rate=RATE, channels=2, subtype="FLOAT")
    return path


# ── produce ──────────────────────────────────────────────────────────────────────────────────────────


def make(person: Person, spec: str, *takes: Path) -> None:
    person.expect("422")  # a spec without any stem, until the takes are there
    person.come("#/produce")
    person.page.fill("#spec", spec)
    person.drop(".drop-small", *takes)
    person.page.wait_for_selector("button:has-text('Make the record'):enabled")
    person.page.click("text=Make the record")
    person.desk()
    person.page.wait_for_selector(".joins")


def test_joins_are_played_one_by_one_alone_and_in_the_mix(person: Person, tmp_path: Path) -> None:
    make(person, SPEC, write(tmp_path / "keys.wav", pulse(SECONDS)))
    page = person.page
    join = page.locator(".join-row .tool").first
    at_s = float(join.inner_text().strip().partition(":")[2])
    join.click()
    person.hear("keys")
    alone = page.locator(".unheard").count()
    began = person.seconds()
    page.wait_for_selector(".play[aria-label=Play]")
    ended = person.seconds()
    unheard_after = page.locator(".unheard").count()
    page.click("text=in the mix")
    join.click()
    person.hear("drums")

    assert page.locator(".join").count() == page.locator(".join-row .tool").count() >= 1
    assert alone == 1, "only the stem with the join is heard"
    assert at_s - 2.5 < began < at_s
    assert at_s < ended < at_s + 4.0, "it ends by itself behind the join"
    assert unheard_after == 0, "what was soloed for the join is heard again"


def test_joins_of_real_stems_follow_each_other(person: Person) -> None:
    folder = corpus("stems", "dev_se_francium")
    takes = [folder / f"{name}.flac" for name in ("bass", "drums", "other", "vocals")]
    spec = (
        'title = "Longer"\nbpm = 128\n[sections]\nfirst = 64\nslow = { beats = 16, bpm = 100 }\nlast = 16\n'
    )
    make(person, spec, *takes)
    page = person.page
    page.click("text=One after another")
    joins = page.locator(".join-row .tool")
    joins.first.click()
    person.hear("bass")
    page.wait_for_selector(".join-row .tool:nth-child(2)[aria-pressed=true]")

    # where a stem is silent at the seam there is nothing to join
    assert 2 <= page.locator(".join-row").count() <= len(takes)
    assert page.locator(".join").count() == joins.count() >= 6


def test_a_wrong_spec_is_told_as_it_is_typed_at_its_line(person: Person) -> None:
    person.expect("422")
    person.come("#/produce")
    page = person.page
    page.fill("#spec", SPEC.replace("bpm = 120", "bmp = 120"))
    page.wait_for_selector("#spec-said .notice")
    missing = page.inner_text("#spec-said")
    page.fill("#spec", SPEC.replace('"rock"', '"rokc"'))
    page.wait_for_selector("#spec-said:has-text('rokc')")
    wrong, line = page.inner_text("#spec-said"), page.inner_text(".gutter .wrong")
    page.click("text=Go to line")
    chosen = page.evaluate(
        "() => { const e = document.activeElement; return e.value.slice(e.selectionStart, e.selectionEnd); }"
    )
    closed = page.is_disabled("text=Make the record")
    page.fill("#spec", SPEC)
    page.wait_for_selector("text=Understood: Takes")

    assert "bpm" in missing
    assert "rokc" in wrong
    assert (line, chosen) == ("8", 'drums = { pattern = "rokc" }')
    assert closed
    assert page.get_attribute("#spec", "aria-invalid") == "false"


def test_sections_are_changed_on_bars_that_follow_the_tempo(person: Person) -> None:
    person.come("#/produce")
    page = person.page
    spec = SPEC.replace("main = 40", 'intro = 16  # four\nmain = "8 bars"\nend = 16')
    page.fill("#spec", spec)
    page.wait_for_selector("text=Understood: Takes")
    page.click(".section >> nth=1")
    page.fill("[aria-label^='Tempo of main']", "60")
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelectorAll('.spec-mark')[2]?.textContent.startsWith('0:40')")
    grid = page.eval_on_selector(".spec-grid", "e => e.style.getPropertyValue('--grid')")
    border = page.locator(".border").nth(1)
    box = border.bounding_box()
    whole = page.locator(".spec-form .sections").bounding_box()
    bar_px = whole["width"] / 12 / 4 * 4  # four seconds of forty-eight
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 9 - 1.3 * bar_px, box["y"] + 9, steps=6)
    page.mouse.up()
    page.locator(".border").first.focus()
    page.keyboard.press("ArrowRight")
    text = page.input_value("#spec")
    page.click(".spec-form-head >> text=Undo")
    page.wait_for_selector("text=Understood: Takes")

    assert grid.count("repeating-linear-gradient") == 3, "every section has bars of its own"
    assert 'main = { beats = "7 bars", bpm = 60 }' in text
    assert "intro = 20  # four" in text
    assert "intro = 16  # four" in page.input_value("#spec")


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────


def clean() -> Set:
    """Three stems that are nothing but themselves, and the mix that they sum to."""
    stems = {
        "bass": pulse(SECONDS, (55.0, 82.4, 110.0), 2),
        "keys": pulse(SECONDS, (220.0, 277.2, 329.6), 3),
        "lead": pulse(SECONDS, (440.0, 523.3, 659.3), 4),
    }
    return stems | {"mix": sum(stems.values(), np.zeros(FRAMES, np.float32))}


def offset(found: Set) -> None:
    found["keys"] = np.concatenate([np.zeros(4_800, np.float32), found["keys"][:-4_800]])


def click(found: Set) -> None:
    found["keys"][3 * RATE] = 0.95
    del found["mix"]


def clipped(found: Set) -> None:
    part = slice(4 * RATE, 5 * RATE)
    found["keys"][part] = np.clip(found["keys"][part] * 8, -0.5, 0.5)
    del found["mix"]


def truncated(found: Set) -> None:
    found["keys"] = found["keys"][: 6 * RATE]
    del found["mix"]


def doubled(found: Set) -> None:
    found["lead"] = found["keys"] * np.float32(0.5)
    del found["mix"]


def check(person: Person, *dropped: Path) -> None:
    person.come("#/verify")
    person.drop(".drop-small", *dropped)
    person.page.wait_for_selector("button:has-text('Check them'):enabled")
    person.page.click("text=Check them")
    person.page.wait_for_selector(".stem-verdict")


def verdict(person: Person, stem: str) -> str:
    return f".stem-verdict:has(.stem-title strong:text-is('{stem}'))"


def faults(person: Person, stem: str) -> list[tuple[float, float]]:
    """Where the marks of a stem begin and end, as shares of its line."""
    marks = f"{verdict(person, stem)} .fault"
    measure = """marks => marks.map(mark => {
      const [line, box] = [mark.parentElement.getBoundingClientRect(), mark.getBoundingClientRect()];
      return [(box.left - line.left) / line.width, (box.right - line.left) / line.width];
    })"""
    return [(left, right) for left, right in person.page.eval_on_selector_all(marks, measure)]


PLANTED = [
    pytest.param(offset, [(0.0, 0.0125)], "4,800 frames (100.0 ms) late", id="offset"),
    pytest.param(click, [(3 / 8, 3 / 8)], "click", id="click"),
    pytest.param(clipped, [(4 / 8, 5 / 8)], "clipped", id="clipped"),
    pytest.param(truncated, [(6 / 8, 1.0), (6 / 8, 6 / 8)], "96,000 frames (2.0 s) missing", id="truncated"),
    pytest.param(doubled, [], "", id="doubled"),
]


@pytest.mark.parametrize(("plant", "places", "words"), PLANTED)
def test_the_fault_is_drawn_where_it_is(
    person: Person,
    tmp_path: Path,
    plant: Callable[[Set], None],
    places: list[tuple[float, float]],
    words: str,
) -> None:
    found = clean()
    plant(found)
    check(person, *(write(tmp_path / f"{name}.wav", wave) for name, wave in found.items()))
    person.page.wait_for_function(f"document.querySelectorAll('.stem-verdict canvas').length >= {len(found)}")
    titles = person.page.locator(".stem-title").all_inner_texts()
    drawn = faults(person, "keys")
    flags = person.page.locator(f"{verdict(person, 'keys')} .fault-flag").all_inner_texts()

    assert any(title.strip().startswith(("keys wants a look", "keys is broken")) for title in titles)
    assert any(title.strip().startswith("bass is in order") for title in titles)
    if plant is clipped:  # a wave that swings is cut in stretches
        drawn = [(drawn[0][0], drawn[-1][1])]
    for place in places[:1]:
        assert any(mark == pytest.approx(place, abs=0.01) for mark in drawn)
    assert not words or any(words in flag for flag in flags), flags
    assert (person.page.locator(f"{verdict(person, 'keys')} .all-over").count() == 1) is (plant is doubled)


@pytest.mark.parametrize("way", ["folder", "zip"])
def test_a_folder_and_a_zip_are_opened(person: Person, tmp_path: Path, way: str) -> None:
    found, folder = clean(), tmp_path / "set"
    click(found)
    folder.mkdir()
    stems = [write(folder / f"{name}.wav", wave) for name, wave in found.items()]
    (folder / "notes.txt").write_text("not a sound", "utf-8")
    dropped = folder
    if way == "zip":
        dropped = tmp_path / "set.zip"
        with zipfile.ZipFile(dropped, "w", zipfile.ZIP_DEFLATED) as archive:
            for stem in stems:
                archive.write(stem, f"My Song/{stem.name}")
                archive.write(stem, f"__MACOSX/My Song/._{stem.name}")
    check(person, dropped)
    titles = person.page.locator(".stem-title strong").all_inner_texts()
    person.page.click(f"{verdict(person, 'keys')} .fault-list .tool")
    pressed = f"{verdict(person, 'keys')} .fault-list .tool[aria-pressed=true]"
    person.page.wait_for_selector(pressed)
    began = time.monotonic()
    person.page.wait_for_selector(pressed, state="detached")
    listened = time.monotonic() - began
    person.page.reload()
    person.page.wait_for_selector(".stem-verdict canvas")

    assert titles == ["bass", "keys", "lead"]
    assert 1.0 < listened < 30.0, "a fault is heard, and then it is quiet again"
    assert person.page.locator(".stem-verdict canvas").count() == len(stems), "a reload keeps the drawing"

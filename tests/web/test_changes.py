"""Changing a remix: by a sentence, by hand, and back again."""

from __future__ import annotations

from pathlib import Path

import pytest

from page_kit import Person

Songs = tuple[Path, Path]
pytestmark = pytest.mark.slow
BEATS_PER_BAR = 4


def drag(person: Person, border: int, by: float) -> None:
    handle = person.page.locator(".border").nth(border)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    person.page.mouse.move(x + by / 2, y, steps=4)
    person.page.mouse.move(x + by, y, steps=4)
    person.page.mouse.up()


def bars(person: Person) -> list[int]:
    return [int(border.get_attribute("aria-valuenow")) for border in person.page.locator(".border").all()]


def with_room(person: Person) -> int:
    """Find a border that has a bar more to its right."""
    for i, border in enumerate(person.page.locator(".border").all()):
        if int(border.get_attribute("aria-valuenow")) < int(border.get_attribute("aria-valuemax")):
            return i
    raise AssertionError("no border can be moved")


def test_a_dragged_border_snaps_to_bars_and_is_rendered(person: Person, songs: Songs) -> None:
    first = person.remix(songs)
    before = bars(person)
    movable = with_room(person)
    width = person.page.locator(".sections").bounding_box()["width"]
    bar = width / before[-1]
    drag(person, movable, 1.3 * bar)
    after = bars(person)
    said = person.page.inner_text(".edited")
    person.page.click("text=Render the changes")
    person.page.wait_for_url(lambda url: first not in url)
    person.desk()
    rendered = bars(person)

    assert after[movable] == before[movable] + 1
    assert [*after[:movable], *after[movable + 1 :]] == [*before[:movable], *before[movable + 1 :]]
    assert f"beat {after[movable] * BEATS_PER_BAR} instead of {before[movable] * BEATS_PER_BAR}" in said
    assert rendered == after
    assert person.page.locator(".versions a").count() == 2


def test_a_border_is_moved_by_arrow_keys(person: Person, songs: Songs) -> None:
    person.remix(songs)
    before, movable = bars(person), with_room(person)
    person.page.locator(".border").nth(movable).focus()
    person.page.keyboard.press("ArrowRight")
    moved = bars(person)
    person.page.click("text=Discard")

    assert moved[movable] == before[movable] + 1
    assert bars(person) == before
    assert person.page.locator(".edited").count() == 0


def test_a_stem_changes_song_and_level(person: Person, songs: Songs) -> None:
    first = person.remix(songs)
    person.page.click(".section >> nth=1")
    person.page.click("[aria-label='Source of drums'] >> text='A'")
    level = person.page.locator("[aria-label='Level of bass in this section']")
    level.focus()
    level.press("Home")
    said = person.page.inner_text(".edited")
    person.page.click("text=Render the changes")
    person.page.wait_for_url(lambda url: first not in url)
    person.desk()

    assert "drums come from A" in said
    assert "bass are silent" in said
    assert person.page.locator("[aria-label^='drums of song A']").count() == 1


def test_a_sentence_its_diff_and_undo(person: Person, songs: Songs) -> None:
    first = person.remix(songs)
    person.page.fill("#refine", "vocals louder, and no drums in the intro")
    person.page.click("text=Change it")
    person.page.wait_for_url(lambda url: first not in url)
    person.desk()
    diff = person.page.inner_text(".diff")
    takes = person.page.locator(".takes button").all_inner_texts()
    person.page.click(".diff >> text=Undo")
    person.page.wait_for_url(lambda url: first in url)
    person.desk()

    assert "vocals louder" in diff
    assert person.page.locator(".diff li").count() == 0
    assert "Version before" in takes


def test_what_came_out_is_downloaded(person: Person, songs: Songs) -> None:
    person.remix(songs)
    sizes = {}
    for name in ("master.mp3", "master.wav", "Everything as a zip"):
        with person.page.expect_download() as waiting:
            person.page.click(f".downloads >> text={name}")
        sizes[name] = Path(waiting.value.path()).stat().st_size

    assert min(sizes.values()) > 50_000
    assert sizes["Everything as a zip"] > sizes["master.wav"] / 2


def test_a_new_remix_keeps_both_songs(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.click("text=New remix")
    person.page.wait_for_selector(".deck.of-b .deck-name")
    person.page.wait_for_selector(".shelf .card")

    assert person.page.locator(".deck-name").all_inner_texts() == ["Night.wav", "Tide.wav"]

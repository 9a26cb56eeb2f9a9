"""Changing a remix: by hand, by a sentence, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from page_kit import Person

Songs = tuple[Path, Path]
pytestmark = pytest.mark.slow
BEATS_PER_BAR = 4


def drag(person: Person, selector: str, index: int, by: float) -> None:
    place = person.page.locator(selector).nth(index)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    x, y = box["x"] + min(20.0, box["width"] / 2), box["y"] + box["height"] / 2
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    person.page.mouse.move(x + by / 2, y, steps=4)
    person.page.mouse.move(x + by, y, steps=4)
    person.page.mouse.up()


def bars(person: Person) -> list[int]:
    """Bar after which each section ends."""
    return [int(border.get_attribute("aria-valuenow")) for border in person.page.locator(".border").all()]


def labels(person: Person) -> list[str]:
    return list(person.page.locator(".section-name").all_inner_texts())


def with_room(person: Person) -> int:
    """Find a border that has a bar more to its right."""
    for i, border in enumerate(person.page.locator(".border").all()):
        if int(border.get_attribute("aria-valuenow")) < int(border.get_attribute("aria-valuemax")):
            return i
    raise AssertionError("no border can be moved")


def said(person: Person) -> str:
    return str(person.page.inner_text(".edited"))


def render(person: Person) -> str:
    """Render the changes; returns the new session."""
    before = person.page.url
    person.page.click("text=Render the changes")
    person.page.wait_for_url(lambda url: url != before)
    person.desk()
    return str(person.page.url).rpartition("/")[2]


def plan_of(person: Person, session: str) -> dict[str, Any]:
    answer = person.page.request.get(f"{person.service.url}api/remix/{session}/plan")
    return dict(answer.json())


def steps_of(person: Person, session: str) -> dict[str, bool]:
    """Every step of a session, and whether it was there already."""
    story = person.page.request.get(f"{person.service.url}api/remix/{session}/progress").text()
    events = [
        json.loads(line.removeprefix("data: ")) for line in story.splitlines() if line.startswith("data: ")
    ]
    return {e["data"]["name"]: e["data"]["cached"] for e in events if e["type"] == "step_finished"}


def choose(person: Person, section: int) -> None:
    person.page.click(f".section >> nth={section}")
    person.page.wait_for_selector(".inspector")


def longest(person: Person) -> int:
    boxes = [section.bounding_box() for section in person.page.locator(".section").all()]
    return max(range(len(boxes)), key=lambda i: float(boxes[i]["width"]))


def test_a_dragged_border_snaps_to_bars_and_is_rendered(at_desk: Person) -> None:
    before, movable = bars(at_desk), with_room(at_desk)
    width = at_desk.page.locator(".sections").bounding_box()["width"]
    drag(at_desk, ".border", movable, 1.3 * width / before[-1])
    after, told = bars(at_desk), said(at_desk)
    render(at_desk)
    rendered = bars(at_desk)

    length = after[movable] - (after[movable - 1] if movable else 0)
    assert after[movable] == before[movable] + 1
    assert [*after[:movable], *after[movable + 1 :]] == [*before[:movable], *before[movable + 1 :]]
    assert f"lasts {length} bars instead of {length - 1} bar" in told
    assert rendered == after
    assert at_desk.page.locator(".versions a").count() >= 2


def test_a_border_is_moved_by_arrow_keys(at_desk: Person) -> None:
    before, movable = bars(at_desk), with_room(at_desk)
    at_desk.page.locator(".border").nth(movable).focus()
    at_desk.page.keyboard.press("ArrowRight")
    moved = bars(at_desk)
    at_desk.page.click("text=Discard")

    assert moved[movable] == before[movable] + 1
    assert bars(at_desk) == before
    assert at_desk.page.locator(".edited").count() == 0


def test_a_section_is_dragged_to_another_place(at_desk: Person) -> None:
    before = labels(at_desk)
    box = at_desk.page.locator(".section").first.bounding_box()
    track = at_desk.page.locator(".sections").bounding_box()
    drag(at_desk, ".section", len(before) - 1, box["x"] - track["x"] - track["width"])
    dragged = labels(at_desk)
    at_desk.page.keyboard.press("Control+z")

    assert dragged == [before[-1], *before[:-1]]
    assert labels(at_desk) == before


def test_the_form_is_changed_by_keys_alone_and_every_step_taken_back(at_desk: Person) -> None:
    page, start = at_desk.page, labels(at_desk)
    length = page.inner_text(".plan-length output")
    forms = [start]
    page.locator(".section").first.focus()
    page.keyboard.press("Alt+ArrowRight")
    forms.append(labels(at_desk))
    focused = page.evaluate("document.activeElement.querySelector('.section-name').textContent")
    for tool in ("Duplicate", "Insert after", "Delete"):
        page.locator(f".tools >> text={tool}").focus()
        page.keyboard.press("Enter")
        forms.append(labels(at_desk))
    longer = page.inner_text(".plan-length output")
    told = said(at_desk)
    back = []
    for _ in range(4):
        page.keyboard.press("Control+z")
        back.append(labels(at_desk))
    page.keyboard.press("Control+Shift+z")

    first, second, *rest = start
    assert focused == first
    assert forms[1] == [second, first, *rest]
    assert forms[2] == [second, first, first, *rest]
    assert forms[3] == [second, first, first, "bridge", *rest]
    assert forms[4] == forms[2]
    assert back == [forms[3], forms[2], forms[1], start]
    assert labels(at_desk) == forms[1]
    assert longer != length
    assert f"The {first} comes again" in told
    assert "The remix lasts" in told


def test_a_split_section_changes_its_second_half_only(at_desk: Person) -> None:
    page, before = at_desk.page, labels(at_desk)
    at = longest(at_desk)
    choose(at_desk, at)
    page.click(".tools >> text=Split")
    level = page.locator("[aria-label='Level of drums in this section']")
    level.focus()
    level.press("Home")
    told = said(at_desk)
    plan = plan_of(at_desk, render(at_desk))

    assert labels(at_desk) == [*before[: at + 1], before[at], *before[at + 1 :]]
    assert "is split at bar" in told
    assert "drums are silent" in told
    one, two = plan["sections"][at : at + 2]
    assert two["stems"]["drums"]["gain"] == 0.0
    assert one["stems"]["bass"] == two["stems"]["bass"]
    assert two["cues"] == {}, "both songs go on"


def test_cue_loop_and_transition_are_said_and_rendered_and_nothing_else(at_desk: Person) -> None:
    page, at = at_desk.page, longest(at_desk)
    choose(at_desk, at)
    was = page.locator(".reader.of-b .song-map").get_attribute("aria-valuenow")
    page.locator(".reader.of-b .song-map").focus()
    page.keyboard.press("ArrowRight")
    now = page.locator(".reader.of-b .song-map").get_attribute("aria-valuenow")
    page.select_option(".reader.of-b label:nth-child(2) select", str(BEATS_PER_BAR))
    page.click(".entry .sources >> text=fade >> nth=0")
    page.select_option("[aria-label='Length of the transition']", "2")
    told = said(at_desk)
    session = render(at_desk)
    section = plan_of(at_desk, session)["sections"][at]
    steps = steps_of(at_desk, session)

    assert int(now) == int(was) + 1
    assert "song B repeats 4 beats from" in told
    assert "comes in with a fade over 2 beats" in told
    assert section["cues"]["song_b"]["loop_beats"] == BEATS_PER_BAR
    assert (section["transition_in"], section["transition_beats"]) == ("fade", 2)
    assert all(steps[f"{step} song {song}"] for step in ("decode", "separate", "analyze") for song in "AB")
    assert not steps["arrange"]
    assert page.locator(".notice.bad").count() == 0


def test_what_is_edited_is_heard_before_it_is_rendered(at_desk: Person) -> None:
    page = at_desk.page
    level = page.locator("[aria-label='Level of drums in this section']")
    choose(at_desk, longest(at_desk))
    page.click("text=Loop it")
    page.keyboard.press("Space")
    at_desk.hear("drums of song B")
    level.focus()
    level.press("Home")
    at_desk.hear("drums of song B", sounds=False)
    page.click("[aria-label=Undo]")
    at_desk.hear("drums of song B")

    assert page.locator(".edited").count() == 0


def test_edits_outlive_a_reload(at_desk: Person) -> None:
    page, before = at_desk.page, labels(at_desk)
    choose(at_desk, 0)
    page.click(".tools >> text=Duplicate")
    page.reload()
    at_desk.desk()
    kept = labels(at_desk)
    page.click("text=Discard")
    page.reload()
    at_desk.desk()

    assert kept == [before[0], *before]
    assert labels(at_desk) == before


def test_a_stem_changes_song_and_level(at_desk: Person) -> None:
    choose(at_desk, 1)
    at_desk.page.click("[aria-label='Source of drums'] >> text='A'")
    ghost = at_desk.page.inner_text(".ghost")
    level = at_desk.page.locator("[aria-label='Level of bass in this section']")
    level.focus()
    level.press("Home")
    told = said(at_desk)
    render(at_desk)

    assert "drums" in ghost
    assert "drums come from song A" in told
    assert "bass is silent" in told
    assert "No longer asked for" in told
    assert at_desk.page.locator("[aria-label^='drums of song A']").count() == 1
    assert "All" in at_desk.page.inner_text(".verdict")


def test_tempo_and_key_of_the_whole(at_desk: Person) -> None:
    page = at_desk.page
    page.click("text=Whole remix")
    page.select_option(".whole label:has-text('Tempo') select", "target")
    page.fill(".whole input[type=number]", "118")
    page.keyboard.press("Tab")
    page.select_option(".whole label:has-text('Key') select", "A minor")
    told = said(at_desk)
    plan = plan_of(at_desk, render(at_desk))

    assert "The tempo is 118 bpm" in told
    assert "The key is A minor" in told
    assert (plan["target_bpm"], plan["target_key"]) == (118.0, "A minor")
    assert "118.0" in page.inner_text(".facts")


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


def test_what_came_out_is_downloaded(at_desk: Person) -> None:
    sizes = {}
    for name in ("master.mp3", "master.wav", "Everything as a zip"):
        with at_desk.page.expect_download() as waiting:
            at_desk.page.click(f".downloads >> text={name}")
        sizes[name] = Path(waiting.value.path()).stat().st_size

    assert min(sizes.values()) > 50_000
    assert sizes["Everything as a zip"] > sizes["master.wav"] / 2


def test_a_new_remix_keeps_both_songs(person: Person, songs: Songs) -> None:
    person.remix(songs)
    person.page.click("text=New remix")
    person.page.wait_for_selector(".deck.of-b .deck-name")
    person.page.wait_for_selector(".shelf .card")

    assert person.page.locator(".deck-name").all_inner_texts() == ["Night.wav", "Tide.wav"]

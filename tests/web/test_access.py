"""The page for everybody: axe finds nothing, a phone shows everything, in dark and in light."""

from __future__ import annotations

from pathlib import Path

import pytest

from page_kit import PROMPT, Made, NewPerson, Person

Songs = tuple[Path, Path]
pytestmark = pytest.mark.slow
PHONE = {"width": 360, "height": 740, "has_touch": True, "device_scale_factor": 2}
LOOKS = [
    pytest.param({"color_scheme": "dark"}, id="dark"),
    pytest.param({"color_scheme": "light"}, id="light"),
    pytest.param({"color_scheme": "light", "reduced_motion": "reduce", **PHONE}, id="phone"),
]


def judge(person: Person, state: str, found: dict[str, object]) -> None:
    violations, overflow = person.violations(), person.overflow()
    if violations or overflow > 0:
        found[state] = violations or f"{overflow} px too wide"


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_in_any_state(
    new_person: NewPerson, songs: Songs, tmp_path: Path, look: dict[str, object]
) -> None:
    person, found = new_person(**look), dict[str, object]()
    person.expect("422", "404")
    page = person.page
    person.come()
    judge(person, "empty", found)
    broken = tmp_path / "noise.wav"
    broken.write_text("no song at all\n" * 300, "utf-8")
    person.drop(".deck.of-a .drop", broken)
    page.wait_for_selector(".notice.bad")
    judge(person, "refused", found)
    person.bring_songs(songs)
    judge(person, "songs", found)
    page.fill("#prompt", f"{PROMPT} for {look.get('color_scheme')} {look.get('width')}")
    page.click("text=Make the remix")
    page.wait_for_selector(".story")
    judge(person, "story", found)
    person.desk()
    judge(person, "desk", found)
    page.click(".section >> nth=1")
    page.click(".strip .mute >> nth=0")
    page.locator("[aria-label='Level of bass in this section']").press("Home")
    judge(person, "edited", found)
    page.fill("#refine", "vocals louder")
    page.click("text=Change it")
    page.wait_for_selector(".diff li")
    judge(person, "refined", found)
    for where in ("#/produce", "#/verify", "#/sessions", "#/session/0123456789abcdef0123456789abcdef"):
        person.come(where)
        page.wait_for_selector("main h1")
        person.settle()
        judge(person, where, found)

    assert not found


def test_a_phone_plays_mutes_and_moves(new_person: NewPerson, made: Made) -> None:
    person = new_person(storage_state=made.state, **PHONE)
    person.come(made.where)
    person.desk()
    person.page.tap(".play")
    person.hear("drums of song B")
    person.page.tap("[aria-label='Mute drums of song B']")
    person.hear("drums of song B", sounds=False)
    box = person.page.locator(".lane").first.bounding_box()
    assert box is not None

    assert box["width"] > 300
    assert person.overflow() <= 0


def test_where_one_is_stands_in_the_focus(person: Person, songs: Songs) -> None:
    person.come()
    person.page.keyboard.press("Tab")
    skip = person.page.evaluate("document.activeElement.className")
    person.page.keyboard.press("Enter")
    main = person.page.evaluate("document.activeElement.id")
    person.page.keyboard.press("Tab")
    first = person.page.evaluate("document.activeElement.textContent")

    assert (skip, main) == ("skip", "main")
    assert first.startswith("Song A: Drop a song")

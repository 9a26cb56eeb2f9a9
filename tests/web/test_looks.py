"""What is edited looks right to everybody: axe finds nothing, and nothing is too wide on a phone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from page_kit import Made, NewPerson, Person
from stemwright.io.writer import write_audio

pytestmark = pytest.mark.slow
RATE = 48_000
PHONE = {"width": 360, "height": 740, "has_touch": True, "device_scale_factor": 2}
LOOKS = [
    pytest.param({"color_scheme": "dark"}, id="dark"),
    pytest.param({"color_scheme": "light"}, id="light"),
    pytest.param({"color_scheme": "dark", **PHONE}, id="phone-dark"),
    pytest.param({"color_scheme": "light", "reduced_motion": "reduce", **PHONE}, id="phone-light"),
]


def judge(person: Person, state: str, found: dict[str, object]) -> None:
    person.settle()
    violations, overflow = person.violations(), person.overflow()
    if violations or overflow > 0:
        found[state] = violations or f"{overflow} px too wide"


@pytest.mark.parametrize("look", LOOKS)
def test_a_plan_that_is_being_edited(new_person: NewPerson, made: Made, look: dict[str, object]) -> None:
    person, found = new_person(storage_state=made.state, **look), dict[str, object]()
    person.come(made.where)
    person.desk()
    page = person.page
    page.click(".section >> nth=1")
    judge(person, "section", found)
    for tool in ("Duplicate", "Insert after"):
        page.click(f".tools >> text={tool}")
    page.click("[aria-label='Source of drums'] >> text='A'")
    judge(person, "edited", found)
    page.click("text=Whole remix")
    judge(person, "whole", found)
    page.click("[aria-label='Undo']")
    judge(person, "undone", found)

    assert not found


@pytest.mark.parametrize("look", LOOKS)
def test_a_spec_that_is_being_written(new_person: NewPerson, look: dict[str, object]) -> None:
    person, found = new_person(**look), dict[str, object]()
    person.expect("422")
    person.come("#/produce")
    page = person.page
    page.wait_for_selector("text=Understood")
    page.click(".section >> nth=3")
    page.fill("[aria-label^='Tempo of']", "92")
    page.keyboard.press("Tab")
    judge(person, "section", found)
    page.fill("#spec", page.input_value("#spec").replace('"rock"', '"rokc"'))
    page.wait_for_selector(".gutter .wrong")
    judge(person, "wrong", found)

    assert not found


@pytest.mark.parametrize("look", LOOKS)
def test_a_verdict(new_person: NewPerson, tmp_path: Path, look: dict[str, object]) -> None:
    person, found = new_person(**look), dict[str, object]()
    at = np.arange(4 * RATE) / RATE
    for name, hz in (("bass", 55.0), ("keys", 220.0), ("keys double", 220.0)):
        wave = (0.3 * np.sin(2 * np.pi * hz * at) * np.sin(np.pi * at / 4)).astype(np.float32)
        wave[RATE] += 0.5 * (name != "bass")
        write_audio(
            tmp_path / f"{name}.wav", [np.stack([wave, wave])], sample_rate=RATE, channels=2, subtype="FLOAT"
        )
    person.come("#/verify")
    person.drop(".drop-small", tmp_path)
    page = person.page
    page.wait_for_selector("button:has-text('Check them'):enabled")
    page.select_option("label:has-text('Delivery rules') select", "netflix")
    judge(person, "dropped", found)
    page.click("text=Check them")
    page.wait_for_selector(".stem-verdict canvas")
    judge(person, "verdict", found)

    assert not found
    assert page.locator(".fault.point").count() >= 2, "a click each"
    assert "keys double + keys" in page.inner_text(".verdicts")
    assert page.locator(".stem-title").count() == 3, "delivery rules are no file"
    assert "PCM" in page.inner_text(".verdicts"), "the delivery rules were asked, too"

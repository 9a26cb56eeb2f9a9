"""A spec and takes become a record; a set of stems gets its verdict."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from page_kit import Person
from signals import rng
from stemwright.io.writer import write_audio

pytestmark = pytest.mark.slow
RATE = 48_000
CLICK_S = 3.0
SECONDS = 8.0
SPEC = """title = "Takes"
bpm = 120
[sections]
main = 40

[[stem]]
name = "drums"
drums = { pattern = "rock" }
"""


def take(path: Path, seconds: float, *, click: bool = False, gain: float = 0.2) -> Path:
    """A pulsing chord, so that there is something to loop."""
    at = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hz * at) for hz in (220.0, 277.2, 329.6)) / 3
    samples = (gain * tone * (0.6 + 0.4 * np.cos(4 * np.pi * at))).astype(np.float32)
    samples += 1e-4 * rng(1).standard_normal(len(samples)).astype(np.float32)
    fade = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.02).astype(np.float32)
    samples *= fade
    if click:
        samples[round(CLICK_S * RATE)] = 0.95
    write_audio(path, [np.stack([samples, samples])], sample_rate=RATE, channels=2, subtype="PCM_24")
    return path


def test_a_dropped_take_becomes_a_stem_and_its_joins_are_played(person: Person, tmp_path: Path) -> None:
    person.come("#/produce")
    person.page.fill("#spec", SPEC)
    person.drop(".drop-small", take(tmp_path / "keys.wav", SECONDS))
    person.page.wait_for_selector("text=2 stems")
    person.page.click("text=Make the record")
    person.desk()
    join = person.page.locator("[aria-label=Joins] button").first
    join.click()
    person.hear("keys")

    assert person.page.locator(".join").count() >= 1
    assert person.page.locator(".unheard").count() == 1, "only the stem with the join is heard"
    assert person.seconds() >= SECONDS - 3


def test_a_wrong_spec_is_told_as_it_is_typed(person: Person) -> None:
    person.expect("422")
    person.come("#/produce")
    person.page.fill("#spec", SPEC.replace("bpm = 120", "bmp = 120"))
    person.page.wait_for_selector("#spec-said .notice")
    wrong = person.page.inner_text("#spec-said")
    closed = person.page.is_disabled("text=Make the record")
    person.page.fill("#spec", SPEC)
    person.page.wait_for_selector("text=Understood: Takes")

    assert "bpm" in wrong
    assert closed
    assert person.page.locator(".section").all_inner_texts() == ["main"]


def set_of_stems(folder: Path) -> list[Path]:
    folder.mkdir()
    return [take(folder / "bass.wav", SECONDS, gain=0.1), take(folder / "keys.wav", SECONDS, click=True)]


def fault_share(person: Person) -> float:
    style = person.page.locator(".stem-verdict .fault").first.get_attribute("style") or ""
    return float(style.partition("left:")[2].partition("%")[0]) / 100


@pytest.mark.parametrize("way", ["folder", "zip"])
def test_the_fault_is_drawn_where_it_is(person: Person, tmp_path: Path, way: str) -> None:
    stems = set_of_stems(tmp_path / "set")
    dropped = tmp_path / "set"
    if way == "zip":
        dropped = tmp_path / "set.zip"
        with zipfile.ZipFile(dropped, "w", zipfile.ZIP_DEFLATED) as archive:
            for stem in stems:
                archive.write(stem, f"My Song/{stem.name}")
    person.come("#/verify")
    person.drop(".drop-small", dropped)
    person.page.wait_for_selector("button:has-text('Check them'):enabled")
    person.page.click("text=Check them")
    person.page.wait_for_selector(".stem-verdict")
    titles = person.page.locator(".stem-title").all_inner_texts()

    assert any("keys wants a look" in title or "keys is broken" in title for title in titles)
    assert any("bass is in order" in title for title in titles)
    assert fault_share(person) == pytest.approx(CLICK_S / SECONDS, abs=0.005)
    assert person.page.locator(".stem-verdict canvas").count() == 2

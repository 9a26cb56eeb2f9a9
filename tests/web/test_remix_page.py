"""Two songs and a sentence, on the page, with real audio."""

from __future__ import annotations

import gzip
import re
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from page_kit import PROMPT, STATIC, NewPerson, Person, Service, chromium
from remix_songs import NIGHT, RATE, stems_of
from stemwright.io.writer import write_audio

Songs = tuple[Path, Path]


def test_from_two_dropped_songs_to_the_desk(person: Person, songs: Songs) -> None:
    person.come()
    person.bring_songs(songs)
    person.page.fill("#prompt", f"{PROMPT}, 30 seconds")
    tempo = [float(text) for text in person.page.locator(".readout:first-child .read").all_inner_texts()]
    person.page.click("text=Make the remix")
    person.page.wait_for_selector(".step.done, .instrument")
    person.desk()
    person.page.click(".play")
    person.hear("drums of song B")
    person.page.click("[aria-label='Mute drums of song B']")
    person.hear("drums of song B", sounds=False)

    assert tempo == [pytest.approx(120.0, abs=0.5), pytest.approx(111.0, abs=0.5)]
    assert person.seconds() > 0.0


def test_the_page_is_small() -> None:
    chromium()
    parts = [path for path in STATIC.rglob("*") if path.is_file()]

    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in parts) < 150_000


def test_no_part_of_the_page_names_another_host() -> None:
    chromium()
    texts = [path.read_text("utf-8") for path in STATIC.rglob("*") if path.suffix in (".html", ".css", ".js")]
    hosts = {host for text in texts for host in re.findall(r"https?://([\w.-]+)", text)}

    # names of XML dialects are no addresses
    assert hosts <= {"www.w3.org"}


@pytest.mark.slow
def test_it_is_there_within_a_second(person: Person) -> None:
    person.come()
    person.page.reload()
    began = time.perf_counter()
    person.come("?again")
    person.page.wait_for_selector(".deck.of-b .drop-target")

    assert time.perf_counter() - began < 1.0


@pytest.mark.slow
def test_a_refused_file_keeps_the_other_song(person: Person, songs: Songs, tmp_path: Path) -> None:
    text = tmp_path / "lyrics.wav"
    text.write_text("la la la\n" * 400, "utf-8")
    person.expect("422")
    person.come()
    person.drop(".deck.of-a .drop", songs[0])
    person.page.wait_for_selector(".deck.of-a .readouts")
    person.drop(".deck.of-b .drop", text)
    person.page.wait_for_selector(".deck.of-b .notice.bad")

    assert person.page.inner_text(".deck.of-a .deck-name") == "Night.wav"
    assert person.page.is_disabled("text=Make the remix")
    assert "lyrics.wav" in person.page.inner_text(".deck.of-b .notice.bad")


@pytest.mark.slow
def test_a_reload_keeps_songs_and_sentence(person: Person, songs: Songs) -> None:
    person.come()
    person.bring_songs(songs)
    person.page.fill("#prompt", PROMPT)
    person.page.reload()
    person.page.wait_for_selector(".pair strong")

    assert person.page.locator(".deck-name").all_inner_texts() == ["Night.wav", "Tide.wav"]
    assert person.page.input_value("#prompt") == PROMPT
    assert person.page.is_enabled("text=Make the remix")


@pytest.mark.slow
def test_the_story_survives_a_killed_server(new_person: NewPerson, songs: Songs, tmp_path: Path) -> None:
    service = Service(tmp_path / "data")
    person = new_person(service)
    person.expect("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "502", "503")
    try:
        person.come()
        person.bring_songs(songs)
        person.page.fill("#prompt", PROMPT)
        person.page.click("text=Make the remix")
        person.page.wait_for_selector(".step")
        service.kill()
        person.page.wait_for_selector("text=The service is away")
        service.start()
        person.desk()
        numbers = person.page.evaluate("performance.getEntriesByType('navigation').length")

        assert numbers == 1, "nobody reloaded"
    finally:
        service.stop()


@pytest.mark.slow
def test_a_reload_in_mid_job_goes_on(person: Person, songs: Songs) -> None:
    person.come()
    person.bring_songs(songs)
    person.page.fill("#prompt", f"{PROMPT}, without bass, please")
    person.page.click("text=Make the remix")
    person.page.wait_for_selector(".step")
    person.page.reload()
    person.desk()


@pytest.mark.slow
def test_cancelled_means_cancelled_and_the_songs_stay(person: Person, songs: Songs) -> None:
    person.come()
    person.bring_songs(songs)
    person.page.fill("#prompt", "Everything from B, but slower, and without any voice")
    person.page.click("text=Make the remix")
    person.page.click(".story >> text=Cancel")
    person.page.wait_for_selector("text=Cancelled.")
    person.page.click("text=Go on from what you had")
    person.page.wait_for_selector(".deck.of-b .deck-name")

    assert person.page.locator(".deck-name").all_inner_texts() == ["Night.wav", "Tide.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["files", "zip"])
def test_a_songs_stems_are_taken_as_they_are(person: Person, songs: Songs, tmp_path: Path, way: str) -> None:
    parts = []
    for name, wave in stems_of(replace(NIGHT, bars=8)).items():
        parts.append(tmp_path / f"{name}.wav")
        write_audio(parts[-1], [0.3 * wave], sample_rate=RATE, channels=2, subtype="PCM_16")
    dropped = parts
    if way == "zip":
        dropped = [tmp_path / "Night.zip"]
        with zipfile.ZipFile(dropped[0], "w") as archive:
            for part in parts:
                archive.write(part, f"Night/{part.name}")
    person.come()
    person.drop(".deck.of-a .drop", *dropped)
    person.drop(".deck.of-b .drop", songs[1])
    person.page.wait_for_selector(".pair strong")
    title = person.page.inner_text(".deck.of-a .deck-name")
    person.page.fill("#prompt", PROMPT)
    with person.page.expect_request("**/api/remix") as asked:
        person.page.click("text=Make the remix")
    person.desk()

    assert title.startswith("4 stems: ")
    assert sorted(asked.value.post_data_json["stems_a"]) == [
        "bass.wav",
        "drums.wav",
        "other.wav",
        "vocals.wav",
    ]
    assert "song_a" not in asked.value.post_data_json
    assert "song A: The stems come from the builtin separator" not in person.page.inner_text(".report")
    assert "song B: The stems come from the builtin separator" in person.page.inner_text(".report")


@pytest.mark.slow
def test_two_songs_dropped_at_once_take_both_decks(person: Person, songs: Songs) -> None:
    person.come()
    person.drop(".deck.of-b .drop", songs[0], songs[1])
    person.page.wait_for_selector(".deck.of-a .readouts")
    person.page.wait_for_selector(".deck.of-b .readouts")

    assert person.page.locator(".deck-name").all_inner_texts() == ["Tide.wav", "Night.wav"]

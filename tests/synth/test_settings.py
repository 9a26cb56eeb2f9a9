"""The score and drum tables of a spec: what is read, and how a slip is named."""

from __future__ import annotations

import re

import pytest

from stemwright.errors import SpecError
from stemwright.synth import DrumSettings, ScoreSettings, check_sections
from stemwright.synth.gm import PROGRAMS, program_number


def test_score_of_the_readme_is_read() -> None:
    settings = ScoreSettings.parse(
        {"instrument": "Electric Bass (finger)", "pattern": "octaves",
         "chords": {"default": "Am F C G", "chorus": "F G Am Am"}}
    )  # fmt: skip
    assert settings.instrument == 33
    assert settings.pattern == {"default": "octaves"}
    assert settings.chords["chorus"] == "F G Am Am"


def test_drums_of_the_readme_are_read() -> None:
    settings = DrumSettings.parse({"pattern": {"default": "rock", "bridge": "half-time"}, "swing": 0.0})
    assert settings == DrumSettings(pattern={"default": "rock", "bridge": "half-time"})
    assert DrumSettings.parse({"kit": "brush"}).kit == 40


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"patern": "octaves"}, r'score\.patern.*"pattern"'),
        ({"pattern": "octave"}, r'score\.pattern.*"octaves"'),
        ({"pattern": {"chorus": "strumm"}}, r'score\.pattern\.chorus.*"strum"'),
        ({"pattern": 3}, r"score\.pattern: 3"),
        ({"chords": {"chorus": "Am H"}}, r'score\.chords\.chorus: "H"'),
        ({"chords": ["Am"]}, r"score\.chords"),
        ({"chords": {"chorus": 7}}, r"score\.chords\.chorus: 7"),
        ({"instrument": "Fretles Bass"}, r'score\.instrument.*"Fretless Bass"'),
        ({"instrument": 0}, r"score\.instrument: 0"),
        ({"instrument": True}, r"score\.instrument"),
        ({"swing": 2}, r"score\.swing: 2 is not a number from 0 to 1"),
        ({"octave": 0.5}, r"score\.octave: 0\.5"),
    ],
)
def test_slips_in_a_score_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError) as caught:
        ScoreSettings.parse(table)
    assert re.search(says, str(caught.value), re.S)


@pytest.mark.parametrize(
    ("table", "says"),
    [({"pattern": "rok"}, '"rock"'), ({"swingg": 0.1}, '"swing"'), ({"kit": "jass"}, '"Jazz"'),
     ({"humanize": "no"}, "humanize")],
)  # fmt: skip
def test_slips_in_drums_are_named(table: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        DrumSettings.parse(table)


def test_sections_that_do_not_exist_are_named() -> None:
    settings = ScoreSettings.parse({"chords": {"default": "C", "chrous": "F"}})
    with pytest.raises(SpecError, match='"chorus"'):
        check_sections(settings, ["verse 1", "chorus"])
    check_sections(ScoreSettings.parse({"chords": {"verse": "C", "Chorus": "F"}}), ["verse 1", "chorus"])


def test_every_program_is_found_by_name_and_number() -> None:
    assert len(set(PROGRAMS)) == 128
    for number, name in enumerate(PROGRAMS):
        assert program_number(name) == program_number(name.upper()) == program_number(number + 1) == number
    assert program_number("finger electric bass") == 33

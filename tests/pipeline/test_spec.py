from fractions import Fraction
from pathlib import Path

import pytest

from stemwright.align import Strategy
from stemwright.errors import RefusedError, SpecError
from stemwright.pipeline.read_spec import load_spec
from stemwright.pipeline.spec import (
    CommandSource,
    DrumSource,
    FileSource,
    MidiSource,
    ScoreSource,
    Spec,
)
from stemwright.pipeline.template import template_text, write_template
from stemwright.stems import Role

HEAD = 'bpm = 92.1\n[sections]\nverse = "2 bars"\nbridge = { beats = 4, bpm = 60 }\n'
STEM = '[[stem]]\nname = "bass"\nfile = "a.wav"\n'


def load(tmp_path: Path, text: str) -> Spec:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    return load_spec(path)


def test_the_template_is_a_spec(tmp_path: Path) -> None:
    spec = load(tmp_path, template_text())
    assert spec.title == "Night Drive"
    assert [type(stem.source) for stem in spec.stems] == [DrumSource, *[ScoreSource] * 4]
    assert spec.subtype == "PCM_24"


def test_times_are_exact(tmp_path: Path) -> None:
    spec = load(tmp_path, HEAD + STEM)
    assert spec.bpm == Fraction(921, 10)
    assert [(s.name, s.beats, s.bpm) for s in spec.sections] == [
        ("verse", Fraction(8), Fraction(921, 10)),
        ("bridge", Fraction(4), Fraction(60)),
    ]


def test_every_kind_of_source(tmp_path: Path) -> None:
    text = (
        HEAD
        + STEM
        + (
            '[[stem]]\nname="m"\nmidi="a.mid"\n[[stem]]\nname="n"\nmidi={file="a.mid", instrument="Flute"}\n'
            '[[stem]]\nname="c"\ncommand={argv=["gen","{output}"], timeout_s=5}\n'
        )
    )
    sources = [stem.source for stem in load(tmp_path, text).stems]
    assert sources == [
        FileSource(tmp_path / "a.wav"),
        MidiSource(tmp_path / "a.mid"),
        MidiSource(tmp_path / "a.mid", "Flute"),
        CommandSource(("gen", "{output}"), "stem.wav", 5.0),
    ]


def test_alignment_short_and_long(tmp_path: Path) -> None:
    short, long = (
        load(tmp_path, HEAD + STEM + line).stems[0].align
        for line in ('align = "loop"', 'align = { strategy = "loop", crossfade_s = 0.01, seamless = false }')
    )
    assert short.strategy is long.strategy is Strategy.LOOP
    assert (long.crossfade_s, long.seamless) == (0.01, False)


def test_roles_are_read_from_names_unless_given(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD + STEM).stems[0].role is Role.BASS
    assert load(tmp_path, HEAD + STEM + 'role = "fx"').stems[0].role is Role.FX


def test_the_command_lines_seed_wins(tmp_path: Path) -> None:
    load(tmp_path, "seed = 4\n" + HEAD + STEM)
    assert load_spec(tmp_path / "spec.toml").seed == 4
    assert load_spec(tmp_path / "spec.toml", seed=9).seed == 9


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("bpn = 1\n" + HEAD + STEM, r'bpn: this key is not known here\. Did you mean "bpm"'),
        (HEAD.replace("bpm", "bpmm", 1) + STEM, r'bpmm: this key is not known here\. Did you mean "bpm"'),
        (HEAD, "there is no stem"),
        ("bpm = 120\n" + STEM, "sections: this table is missing"),
        ("bpm = 120\n[sections]\n" + STEM, "there is no section"),
        ("[sections]\na = 4\n" + STEM, "bpm: this key is needed"),
        ("bpm = 1000\n[sections]\na = 4\n" + STEM, "1000 is outside 20 … 400"),
        ('bpm = 120\n[sections]\na = "4 miles"\n' + STEM, r"line 3, sections\.a: .4 miles. is not a length"),
        (HEAD + STEM + STEM, "two stems named"),
        (HEAD + '[[stem]]\nname = "x"\n', "it has none"),
        (HEAD + STEM + 'midi = "a.mid"', "it has file and midi"),
        (HEAD + '[[stem]]\nname = "../x"\nfile = "a"', "can't be the name of a file"),
        (HEAD + '[[stem]]\nname = "a\u202eb"\nfile = "a"', "can't be seen"),
        (HEAD + STEM + 'align = "lop"', r'Did you mean "loop"'),
        (HEAD + STEM + "pan = 2", "2 is outside -1 … 1"),
        (HEAD + STEM + 'effects = [{ type = "lowpas", cutoff_hz = 80 }]', "lowpass"),
        (HEAD + STEM + 'effects = [{ type = "lowpass", cutof_hz = 80 }]', "cutoff_hz"),
        (HEAD + STEM + 'effects = "reverb"', r"array of tables"),
        (HEAD + '[[stem]]\nname = "b"\nscore = { instrument = "Gutar" }', "Guitar"),
        (HEAD + '[[stem]]\nname = "b"\nscore = { chords = "Am H" }', "chord"),
        (HEAD + '[[stem]]\nname = "b"\nscore = { pattern = { chors = "roots" } }', "chors"),
        (HEAD + '[[stem]]\nname = "b"\ndrums = { pattern = "rok" }', "rock"),
        (HEAD + '[[stem]]\nname = "b"\ncommand = { argv = "rm -rf" }', "list of texts"),
        (HEAD + '[[stem]]\nname = "b"\ncommand = { argv = ["a"], output = "../x" }', "plain file name"),
        (HEAD + STEM + "[master]\nmatch = { amount = 0.5 }", r"match\.file: this key is needed"),
        (HEAD + STEM + '[delivery]\nformats = ["mp3"]', "at least wav"),
        ("channels = 6\n" + HEAD + STEM + '[delivery]\nformats = ["wav", "mp3"]', "holds at most 2 channels"),
        ('meter = "4/3"\n' + HEAD + STEM, r"meter: .*time signature"),
        ('key = "H minor"\n' + HEAD + STEM, "is not a key"),
        ('subtype = "PCM_32"\n' + HEAD + STEM, "Known: FLOAT, PCM_16, PCM_24"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, seen: str) -> None:
    with pytest.raises(SpecError, match=seen) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith("spec.toml")
    assert caught.value.exit_code == 2


def test_plugins_need_permission(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="--allow-plugins"):
        load(tmp_path, HEAD + STEM + 'effects = [{ type = "vst3", path = "x.vst3" }]')


def test_many_channels_leave_out_what_cannot_hold_them(tmp_path: Path) -> None:
    assert load(tmp_path, "channels = 6\n" + HEAD + STEM).delivery.formats == ("wav", "flac")


def test_the_template_does_not_replace_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    with pytest.raises(RefusedError, match="exists"):
        write_template(path)
    assert path.read_text() == "mine"
    write_template(path, force=True)
    assert path.read_text() == template_text()

"""The SoundFont reader against fonts whose numbers are known, and against broken ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from fontmaker import AT_ONCE, FontPreset, FontSample, FontZone, font_bytes, looped_sine, ranged, write_font
from signals import corpus, rng
from stemwright.errors import UnreadableError
from stemwright.synth.modulators import attenuation_db, played_generators
from stemwright.synth.sampler import Strike, render
from stemwright.synth.soundfont import Gen, SoundFont, default_soundfont, load_soundfont


def _font(
    tmp_path: Path, preset: FontPreset, samples: list[FontSample] | None = None, **more: int
) -> SoundFont:
    return SoundFont(write_font(tmp_path / "f.sf2", samples or [looped_sine()], {(0, 0): preset}, **more))


def test_default_font_is_general_midi() -> None:
    font = load_soundfont()
    assert {program for bank, program in font.names if bank == 0} == set(range(128))
    assert (128, 0) in font.names
    for bank, program in font.names:
        assert font.preset(bank, program).zones


def test_default_font_is_found_without_importing_its_carrier() -> None:
    import subprocess
    import sys

    code = "import sys; import stemwright.synth as s; s.default_soundfont()\n"
    code += "sys.exit('pretty_midi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert default_soundfont().name == "TimGM6mb.sf2"


def test_font_is_loaded_once() -> None:
    assert load_soundfont() is load_soundfont(default_soundfont())


def test_instrument_values_replace_and_preset_values_add(tmp_path: Path) -> None:
    preset = FontPreset(
        [FontZone(None, [(8, 9_000), (37, 100)]), FontZone(0, [(37, 300)])],
        gens=[(8, -500), (37, 50)], global_gens=[(8, -100), (17, 120)],
    )  # fmt: skip
    (zone,) = _font(tmp_path, preset).preset(0, 0).zones
    assert zone.gens[Gen.FILTER_FC] == 9_000 - 500  # the preset's own zone stands above its global one
    assert zone.gens[37] == 300 + 50
    assert zone.gens[Gen.PAN] == 120


def test_sums_stay_in_their_ranges(tmp_path: Path) -> None:
    preset = FontPreset([FontZone(0, [(8, 13_000)])], gens=[(8, 13_000)])
    assert _font(tmp_path, preset).preset(0, 0).zones[0].gens[Gen.FILTER_FC] == 13_500


def test_key_and_velocity_ranges_of_both_levels_intersect(tmp_path: Path) -> None:
    preset = FontPreset(
        [FontZone(0, [(43, ranged(40, 80)), (44, ranged(0, 100))])], gens=[(43, ranged(60, 127))]
    )
    font = _font(tmp_path, preset).preset(0, 0)
    heard = {
        (key, velocity)
        for key in (59, 60, 80, 81)
        for velocity in (100, 101)
        if [*font.matching(key, velocity)]
    }
    assert heard == {(60, 100), (80, 100)}


def test_offsets_move_sample_and_loop(tmp_path: Path) -> None:
    zone = FontZone(0, [(0, 10), (1, -20), (2, 5), (3, -7), (54, 1)])
    (found,) = _font(tmp_path, FontPreset([zone])).preset(0, 0).zones
    assert (found.start, found.end, found.loop_start, found.loop_end) == (10, 5_980, 10, 5_980)


def test_24_bit_samples_are_whole(tmp_path: Path) -> None:
    values = rng(1).uniform(-0.9, 0.9, 1_000)
    sample = [FontSample(values)]
    fine = _font(tmp_path, FontPreset([FontZone()]), sample, bits=24).read(np.arange(1_000))
    coarse = _font(tmp_path, FontPreset([FontZone()]), sample).read(np.arange(1_000))
    assert np.abs(fine - values).max() < 2.5e-7
    assert 1e-5 < np.abs(coarse - values).max() < 4e-5


def test_default_velocity_curve_is_40_log10(tmp_path: Path) -> None:
    zone = _font(tmp_path, FontPreset([FontZone()])).preset(0, 0).zones[0]
    for velocity in (1, 16, 64, 100, 127):
        expected = min(40 * np.log10(127 / velocity), 96.0)
        assert attenuation_db(zone, 60, velocity) == pytest.approx(expected, abs=0.01)


def test_font_replaces_the_default_modulator_and_a_preset_adds_to_it(tmp_path: Path) -> None:
    off = (0x0502, 48, 0, 0, 0)
    silent_curve = _font(tmp_path, FontPreset([FontZone(0, mods=[off])])).preset(0, 0).zones[0]
    assert attenuation_db(silent_curve, 60, 32) == 0.0
    added = _font(tmp_path, FontPreset([FontZone()], mods=[(0x0502, 48, 960, 0, 0)])).preset(0, 0).zones[0]
    assert attenuation_db(added, 60, 64) == pytest.approx(2 * 40 * np.log10(127 / 64), abs=0.01)


def test_key_modulates_and_absent_controllers_rest(tmp_path: Path) -> None:
    mods = [(0x0003, 51, 24, 0, 0), (0x0081, 52, 99, 0, 0)]  # key -> coarse tune, wheel -> fine tune
    zone = _font(tmp_path, FontPreset([FontZone(0, mods=mods)])).preset(0, 0).zones[0]
    gens = played_generators(zone, 127, 64)
    assert (gens[Gen.COARSE_TUNE], gens[Gen.FINE_TUNE]) == (24, 0)


def test_initial_attenuation_counts_as_on_the_hardware(tmp_path: Path) -> None:
    zone = _font(tmp_path, FontPreset([FontZone(0, [(48, 100)])])).preset(0, 0).zones[0]
    assert attenuation_db(zone, 60, 127) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda good: b"", "not a SoundFont"),
        (lambda good: b"this is a text file, named .sf2" * 9, "not a SoundFont 2"),
        (lambda good: good[:200], "missing"),
        (lambda good: good[:-30], "table"),
        (lambda good: good.replace(struct.pack("<HH", 2, 4), struct.pack("<HH", 3, 0)), "version 3"),
        (lambda good: good.replace(b"smpl" + good[good.index(b"smpl") + 4 :][:8],
                                   b"smpl" + good[good.index(b"smpl") + 4 :][:4] + b"OggS"), "compressed"),
    ],
)  # fmt: skip
def test_what_is_no_soundfont_is_refused_in_one_sentence(tmp_path: Path, make, says: str) -> None:  # type: ignore[no-untyped-def]
    good = font_bytes([looped_sine()], {(0, 0): FontPreset([FontZone(0, AT_ONCE)])})
    path = tmp_path / "bad.sf2"
    path.write_bytes(make(good))
    with pytest.raises(UnreadableError, match=says) as caught:
        SoundFont(path)
    assert "bad.sf2" in str(caught.value)


def test_missing_font_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "grand-piano.sf2").write_bytes(b"")
    with pytest.raises(UnreadableError, match="grand-piano"):
        load_soundfont(tmp_path / "grand-pian.sf2")
    with pytest.raises(UnreadableError, match=r"can't be read|not a SoundFont"):
        load_soundfont(tmp_path)


def test_missing_program_is_named(tmp_path: Path) -> None:
    font = _font(tmp_path, FontPreset([FontZone()]))
    with pytest.raises(UnreadableError, match="program 7"):
        font.preset(0, 7)


def test_variation_banks_fall_back(tmp_path: Path) -> None:
    font = _font(tmp_path, FontPreset([FontZone()]))
    assert font.preset(8, 0) is font.preset(0, 0)


def _survives(path: Path) -> bool:
    """Load, resolve and play everything of a mutated font; True if it was refused."""
    try:
        font = SoundFont(path)
        for bank, program in font.names:
            font.preset(bank, program)
            strike = Strike(0, 800, 60, 100, program, bank)
            for block in render([strike], sample_rate=8_000, frames=1_200, soundfont=font):
                assert block.shape[0] == 2
    except UnreadableError:
        return True
    return False


def test_mutated_fonts_are_played_or_refused(tmp_path: Path) -> None:
    good = font_bytes(
        [looped_sine(rate=8_000), looped_sine(rate=8_000, cycles=50)],
        {(0, 0): FontPreset([FontZone(None, [(8, 6_000)]), FontZone(0, AT_ONCE), FontZone(1, [(7, 300)])],
                            mods=[(0x0502, 8, 400, 0, 0)]), (128, 0): FontPreset([FontZone(1, [(57, 1)])])},
    )  # fmt: skip
    tables = good.index(b"pdta")
    generator = rng(7)
    refused = 0
    path = tmp_path / "mutated.sf2"
    with np.errstate(all="ignore"):
        for _ in range(250):
            content = bytearray(good)
            for _ in range(int(generator.integers(1, 6))):
                spot = int(generator.integers(tables if generator.random() < 0.85 else 0, len(content)))
                content[spot] = int(generator.choice([0, 1, 127, 128, 255, int(generator.integers(256))]))
            if generator.random() < 0.1:
                del content[int(generator.integers(12, len(content))) :]
            path.write_bytes(content)
            refused += _survives(path)
    assert 10 < refused < 240


def test_no_bad_file_of_the_corpus_is_a_soundfont() -> None:
    paths = sorted(p for p in corpus("bad").rglob("*") if p.is_file())
    assert paths
    for path in paths:
        with pytest.raises(UnreadableError):
            SoundFont(path)

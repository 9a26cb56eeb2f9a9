import hashlib
from pathlib import Path

import pytest

from stemwright.effects import EffectSettings, parse_effects
from stemwright.errors import RefusedError, SpecError, UnreadableError


def parse(*tables: dict[str, object], allow_plugins: bool = False) -> tuple[EffectSettings, ...]:
    return parse_effects(tables, where="effects", allow_plugins=allow_plugins)


def test_order_and_defaults() -> None:
    low, room = parse({"type": "lowpass", "cutoff_hz": 8000}, {"type": "reverb", "wet_level": 0.2})
    assert low.as_dict() == {"type": "lowpass", "cutoff_hz": 8000.0, "order": 4}
    assert room.type == "reverb"
    assert room.get("wet_level") == 0.2
    assert room.get("room_size") == 0.5
    assert low.words() == "lowpass, cutoff 8000 Hz"
    assert room.words() == "reverb, wet level 0.2"
    assert isinstance(low.get("order"), int)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"type": "lowpas"}, 'effects[0]: "lowpas" is no effect. Did you mean "lowpass"? Known: lowpass,'),
        ({"type": "HighShelfFilter"}, 'Did you mean "high_shelf"'),
        ({"type": "reverb", "wet": 0.2}, 'reverb has no parameter "wet". Did you mean "wet_level"?'),
        ({"type": "invert", "mix": 0.2}, 'invert has no parameter "mix". It has none.'),
        ({"cutoff_hz": 8000}, "an effect needs a type"),
        ({"type": 3}, "an effect needs a type"),
        ({"type": "lowpass"}, "effects[0].cutoff_hz (lowpass) is needed and missing"),
        ({"type": "lowpass", "cutoff_hz": 8}, "8 is outside 10 to 384000"),
        ({"type": "lowpass", "cutoff_hz": "8k"}, "'8k' is not a number"),
        ({"type": "lowpass", "cutoff_hz": True}, "True is not a number"),
        ({"type": "lowpass", "cutoff_hz": float("nan")}, "nan is not a number"),
        ({"type": "lowpass", "cutoff_hz": 8000, "order": 2.5}, "2.5 is not a whole number"),
        ({"type": "ladder", "mode": "lpf13"}, 'Did you mean "lpf12"?'),
        ({"type": "limiter", "true_peak": 1}, "1 is neither true nor false"),
        ({"type": "convolution"}, "the path of a file is needed"),
        ({"type": "vst3", "path": "x.vst3", "parameters": 3}, "3 is not a table"),
        ({"type": "vst3", "path": "x.vst3", "parameters": {"a": []}}, "neither number, text"),
    ],
)  # fmt: skip
def test_the_slip_is_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(table, allow_plugins=True)
    assert said in str(caught.value)


def test_no_more_than_64() -> None:
    with pytest.raises(SpecError, match="65 effects"):
        parse_effects([{"type": "invert"}] * 65, where="effects", allow_plugins=False)


def test_plugins_run_only_when_allowed() -> None:
    table: dict[str, object] = {"type": "vst3", "path": "room.vst3", "parameters": {"mix": 0.5}}
    with pytest.raises(RefusedError, match="--allow-plugins"):
        parse(table)
    (plugin,) = parse(table, allow_plugins=True)
    assert plugin.get("parameters") == (("mix", 0.5),)


def test_files_are_known_by_content_not_place(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hall.wav").write_bytes(b"sound")
    first, second = (
        parse({"type": "convolution", "path": str(tmp_path / folder / "hall.wav")})[0]
        for folder in ("a", "b")
    )
    assert first.as_dict() == second.as_dict()
    assert first.as_dict()["sha256"] == hashlib.sha256(b"sound").hexdigest()
    assert str(tmp_path) not in str(first.as_dict())
    (tmp_path / "b" / "hall.wav").write_bytes(b"other")
    assert first.as_dict() != second.as_dict()
    (tmp_path / "b" / "hall.wav").unlink()
    with pytest.raises(UnreadableError, match=r"hall\.wav"):
        second.as_dict()


def test_a_plugin_folder_is_known_by_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "x.vst3" / "Contents").mkdir(parents=True)
    binary = tmp_path / "x.vst3" / "Contents" / "x.so"
    binary.write_bytes(b"1")
    (plugin,) = parse({"type": "vst3", "path": str(tmp_path / "x.vst3")}, allow_plugins=True)
    before = plugin.as_dict()
    binary.write_bytes(b"2")
    assert plugin.as_dict()["sha256"] != before["sha256"]

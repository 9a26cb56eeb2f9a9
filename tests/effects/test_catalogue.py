import inspect
from typing import Any

import pedalboard
import pytest

from stemwright.effects.catalogue import CATALOGUE, Choice, Effect, Flag, Number

NATIVE = [effect for effect in CATALOGUE.values() if effect.native]
LEFT_OUT = {
    "Chain", "Mix", "Pedalboard", "Plugin", "PluginContainer", "ExternalPlugin", "VST3Plugin",  # not effects
    "AudioUnitPlugin", "IIRFilter",  # another system's plug-ins; a base class
    "Convolution",  # our own: the library scales its answer by −18 dB
    "PitchShift",  # starts anew with every block that it is given, so it can't be streamed
}  # fmt: skip


def defaults_of(effect: Effect) -> dict[str, Any]:
    """What the library sets when it is asked for nothing."""
    native = getattr(pedalboard, effect.native)
    names = [name for name, value in vars(native).items() if isinstance(value, property)]
    return {name: getattr(native(), name) for name in names}


def test_the_whole_set_of_the_library_is_there() -> None:
    classes = {
        name
        for name, value in vars(pedalboard).items()
        if inspect.isclass(value) and issubclass(value, pedalboard.Plugin) and not name.startswith("_")
    }
    assert len(classes) > 20
    assert {effect.native for effect in NATIVE} == classes - LEFT_OUT


@pytest.mark.parametrize("effect", NATIVE, ids=lambda effect: effect.type)
def test_defaults_are_the_librarys_own(effect: Effect) -> None:
    theirs = defaults_of(effect)
    assert len(theirs) == len(effect.parameters)
    for parameter in effect.parameters:
        if isinstance(parameter, Number):
            assert parameter.default == pytest.approx(theirs[parameter.native or parameter.name])
        elif isinstance(parameter, Choice):
            assert dict(parameter.native)[parameter.default] == theirs[parameter.name].name
        else:
            assert isinstance(parameter, Flag)
            assert parameter.default == theirs[parameter.name]


@pytest.mark.parametrize("effect", CATALOGUE.values(), ids=lambda effect: effect.type)
def test_defaults_lie_in_their_range(effect: Effect) -> None:
    assert len({parameter.name for parameter in effect.parameters}) == len(effect.parameters)
    for parameter in effect.parameters:
        if isinstance(parameter, Number) and parameter.default is not None:
            assert parameter.low <= parameter.default <= parameter.high
        if isinstance(parameter, Choice):
            assert parameter.default in dict(parameter.native)

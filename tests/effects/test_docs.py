"""docs/formats.md says what the catalogue says."""

import re
from pathlib import Path

import pytest

from stemwright.effects.catalogue import CATALOGUE, Choice, Effect, Flag, Number, Parameter

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"


def words(parameter: Parameter) -> str:
    match parameter:
        case Number():
            default = "" if parameter.default is None else f" ({parameter.default:.4g})"
            return f"`{parameter.name}` {parameter.low:g} … {parameter.high:g}{default}"
        case Choice():
            listed = ", ".join(word for word, _ in parameter.native)
            return f"`{parameter.name}` {listed} ({parameter.default})"
        case Flag():
            return f"`{parameter.name}` true, false ({str(parameter.default).lower()})"
    return f"`{parameter.name}` of "


@pytest.mark.parametrize("effect", CATALOGUE.values(), ids=lambda effect: effect.type)
def test_each_effect_is_described_as_it_is(effect: Effect) -> None:
    (row,) = re.findall(rf"^\| `{effect.type}` \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    said = row.split("; ") if effect.parameters else []
    assert len(said) == len(effect.parameters)
    for parameter, part in zip(effect.parameters, said, strict=True):
        assert part.startswith(words(parameter))

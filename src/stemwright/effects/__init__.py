"""Effects on one stem, in order, streamed."""

from stemwright.effects.catalogue import CATALOGUE
from stemwright.effects.chain import apply_effects
from stemwright.effects.checks import ChangeMeter, check_effects
from stemwright.effects.settings import EffectSettings, parse_effects

__all__ = ["CATALOGUE", "ChangeMeter", "EffectSettings", "apply_effects", "check_effects", "parse_effects"]
